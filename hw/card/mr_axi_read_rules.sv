// SPDX-License-Identifier: Apache-2.0
// Checks in simulation the rules of AXI4's read channels, of both sides, on a port without IDs: offers
// stand until they are taken; bursts do not cross 4 KiB; each is answered, in order, by as many beats as it
// asked for, the last and only the last marked.

`include "mr_assert.svh"

module mr_axi_read_rules #(
    parameter int WIDTH = 512,
    /// More bursts than this under way are an error; a power of two.
    parameter int OUTSTANDING = 64
) (
    input logic             clk_i,
    input logic             rst_ni,
    input logic             arvalid_i,
    input logic             arready_i,
    input logic [     63:0] araddr_i,
    input logic [      7:0] arlen_i,
    input logic             rvalid_i,
    input logic             rready_i,
    input logic [WIDTH-1:0] rdata_i,
    input logic [      1:0] rresp_i,
    input logic             rlast_i
);
  mr_stream_rules #(
      .WIDTH(72),
      .NAME("AR")
  ) u_ar (
      .clk_i,
      .rst_ni,
      .valid_i(arvalid_i),
      .ready_i(arready_i),
      .data_i({araddr_i, arlen_i})
  );
  mr_stream_rules #(
      .WIDTH(WIDTH + 3),
      .NAME("R")
  ) u_r (
      .clk_i,
      .rst_ni,
      .valid_i(rvalid_i),
      .ready_i(rready_i),
      .data_i({rdata_i, rresp_i, rlast_i})
  );

`ifdef MR_ASSERT_ON
  localparam int BYTES = WIDTH / 8;
  localparam int PLACE = $clog2(OUTSTANDING);
  // Lengths of the bursts under way, a ring; the first has had beat_q beats.
  int asked_q, ended_q;
  logic [7:0] lengths_q[OUTSTANDING], beat_q, expected;
  logic ask, beat, under_way;
  assign ask = arvalid_i && arready_i;
  assign beat = rvalid_i && rready_i;
  assign under_way = asked_q != ended_q;
  assign expected = lengths_q[ended_q[PLACE-1:0]];
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      asked_q <= 0;
      ended_q <= 0;
      beat_q  <= '0;
    end else begin
      if (ask) begin
        lengths_q[asked_q[PLACE-1:0]] <= arlen_i;
        asked_q <= asked_q + 1;
      end
      if (beat) beat_q <= rlast_i ? 8'd0 : beat_q + 8'd1;
      if (beat && rlast_i) ended_q <= ended_q + 1;
    end
  end
  `MR_ASSERT(a_aligned, !arvalid_i || araddr_i % 64'(BYTES) == '0, "AR: the address is not a beat's")
  `MR_ASSERT(a_page, !arvalid_i || {20'd0, araddr_i[11:0]} + (32'(arlen_i) + 1) * BYTES <= 4096,
             "AR: the burst crosses 4 KiB")
  `MR_ASSERT(a_many, !ask || asked_q - ended_q < OUTSTANDING, "AR: too many bursts under way")
  `MR_ASSERT(a_asked, !rvalid_i || under_way, "R: a beat that no burst waits for")
  `MR_ASSERT(a_last, !rvalid_i || !under_way || rlast_i == (beat_q == expected), "R: RLAST at the wrong beat")
  `MR_ASSERT(a_response, !rvalid_i || rresp_i != 2'b01, "R: EXOKAY without an exclusive access")
`endif
endmodule
