// SPDX-License-Identifier: Apache-2.0
// Checks in simulation the rules of AXI4's write channels, of both sides, on a port without IDs: offers
// stand until they are taken; bursts do not cross 4 KiB; W follows the bursts in order, with the last beat
// and only the last marked; B comes once for each burst, after its address and its last beat were taken.

`include "mr_assert.svh"

module mr_axi_write_rules #(
    parameter int WIDTH = 512,
    /// More bursts than this under way are an error; a power of two.
    parameter int OUTSTANDING = 64
) (
    input logic               clk_i,
    input logic               rst_ni,
    input logic               awvalid_i,
    input logic               awready_i,
    input logic [       63:0] awaddr_i,
    input logic [        7:0] awlen_i,
    input logic               wvalid_i,
    input logic               wready_i,
    input logic [  WIDTH-1:0] wdata_i,
    input logic [WIDTH/8-1:0] wstrb_i,
    input logic               wlast_i,
    input logic               bvalid_i,
    input logic               bready_i,
    input logic [        1:0] bresp_i
);
  mr_stream_rules #(
      .WIDTH(72),
      .NAME("AW")
  ) u_aw (
      .clk_i,
      .rst_ni,
      .valid_i(awvalid_i),
      .ready_i(awready_i),
      .data_i({awaddr_i, awlen_i})
  );
  mr_stream_rules #(
      .WIDTH(WIDTH + WIDTH / 8 + 1),
      .NAME("W")
  ) u_w (
      .clk_i,
      .rst_ni,
      .valid_i(wvalid_i),
      .ready_i(wready_i),
      .data_i({wdata_i, wstrb_i, wlast_i})
  );
  mr_stream_rules #(
      .WIDTH(2),
      .NAME("B")
  ) u_b (
      .clk_i,
      .rst_ni,
      .valid_i(bvalid_i),
      .ready_i(bready_i),
      .data_i(bresp_i)
  );

`ifdef MR_ASSERT_ON
  localparam int BYTES = WIDTH / 8;
  localparam int PLACE = $clog2(OUTSTANDING);
  // Bursts whose address, whose data and whose answer have passed; W may run ahead of AW: then its length is
  // compared when AW comes.
  int asked_q, sent_q, answered_q;
  logic [7:0] lengths_q[OUTSTANDING], given_q[OUTSTANDING], beat_q, expected, given;
  logic ask, beat, answer, ahead;
  assign ask = awvalid_i && awready_i;
  assign beat = wvalid_i && wready_i;
  assign answer = bvalid_i && bready_i;
  assign ahead = asked_q <= sent_q;
  assign expected = lengths_q[sent_q[PLACE-1:0]];
  assign given = given_q[asked_q[PLACE-1:0]];
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      asked_q <= 0;
      sent_q <= 0;
      answered_q <= 0;
      beat_q <= '0;
    end else begin
      if (ask) begin
        lengths_q[asked_q[PLACE-1:0]] <= awlen_i;
        asked_q <= asked_q + 1;
      end
      if (beat) begin
        beat_q <= wlast_i ? 8'd0 : beat_q + 8'd1;
        given_q[sent_q[PLACE-1:0]] <= beat_q;
        if (wlast_i) sent_q <= sent_q + 1;
      end
      if (answer) answered_q <= answered_q + 1;
    end
  end
  `MR_ASSERT(a_aligned, !awvalid_i || awaddr_i % 64'(BYTES) == '0, "AW: the address is not a beat's")
  `MR_ASSERT(a_page, !awvalid_i || {20'd0, awaddr_i[11:0]} + (32'(awlen_i) + 1) * BYTES <= 4096,
             "AW: the burst crosses 4 KiB")
  `MR_ASSERT(a_many, !ask || asked_q - answered_q < OUTSTANDING, "AW: too many bursts under way")
  `MR_ASSERT(a_last, !wvalid_i || ahead || wlast_i == (beat_q == expected),
             "W: WLAST at the wrong beat")
  `MR_ASSERT(a_late, !ask || asked_q >= sent_q || awlen_i == given,
             "AW: the data that came before has another length")
  `MR_ASSERT(a_answer, !bvalid_i || (answered_q < asked_q && answered_q < sent_q),
             "B: an answer before the burst is complete")
  `MR_ASSERT(a_response, !bvalid_i || bresp_i != 2'b01, "B: EXOKAY without an exclusive access")
`endif
endmodule
