// SPDX-License-Identifier: Apache-2.0
// Executes STREAM for mr_packet: moves words between packets and the two streams of a folded kernel.
//
// A word that was taken from a request waits here until the kernel takes it, also beyond the answer. A word of the kernel is
// taken when a request wants it. busy_o counts the cycles since reset in which the kernel did not wait. Reset is the kernel's.

`include "mr_assert.svh"

module mr_packet_stream #(
    /// Bytes of payload of a packet at most, as in mr_packet.
    parameter int PAYLOAD = 512
) (
    /// Clock, rising edge.
    input  logic        clk_i,
    /// Reset, synchronous, active low: that of the kernel.
    input  logic        rst_ni,
    /// Of mr_packet, as described there.
    input  logic        do_i,
    input  logic [ 7:0] command_i,
    input  logic        late_i,
    input  logic        arg_valid_i,
    output logic        arg_ready_o,
    input  logic [15:0] arg_data_i,
    output logic        ans_valid_o,
    input  logic        ans_ready_i,
    output logic [15:0] ans_data_o,
    output logic        done_o,
    output logic [ 2:0] status_o,
    output logic [31:0] busy_o,
    /// The kernel waits for a word, or for room for one.
    input  logic        waits_i,
    /// The kernel's input stream.
    output logic        to_valid_o,
    input  logic        to_ready_i,
    output logic [15:0] to_data_o,
    /// The kernel's output stream.
    input  logic        from_valid_i,
    output logic        from_ready_o,
    input  logic [15:0] from_data_i
);
  localparam int MOST = PAYLOAD / 2 - 1;  // words beside the count
  localparam int W = $clog2(MOST + 2);

  // The first word of the payload says how many words are wanted, and by its highest bit that they need not be waited for;
  // then both ways go on at once.
  logic moving_q, ended_q, early_q;
  logic [W-1:0] wanted_q, taken_q;
  logic stream, fits, take, give;
  assign stream = command_i == mr_packet_pkg::COMMAND_STREAM;
  assign fits = stream && arg_valid_i && (arg_data_i & ~mr_packet_pkg::EARLY) <= 16'(MOST);
  assign take = moving_q && !ended_q && arg_valid_i && (!to_valid_o || to_ready_i);
  assign give = moving_q && !ended_q && wanted_q != '0 && ans_ready_i && from_valid_i;
  assign arg_ready_o = moving_q ? take : do_i && fits;
  assign from_ready_o = moving_q && !ended_q && wanted_q != '0 && ans_ready_i;
  assign ans_valid_o = give || ended_q;
  assign ans_data_o = ended_q ? 16'(taken_q) : from_data_i;
  assign done_o = do_i && (moving_q ? ended_q : !fits);
  assign status_o = !stream ? mr_packet_pkg::STATUS_COMMAND :
      moving_q ? mr_packet_pkg::STATUS_OK : mr_packet_pkg::STATUS_ARGUMENT;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      moving_q <= 1'b0;
      ended_q <= 1'b0;
      to_valid_o <= 1'b0;
      busy_o <= '0;
    end else begin
      if (do_i && !moving_q && fits) moving_q <= 1'b1;
      if (moving_q && ((!arg_valid_i && (early_q || wanted_q == '0)) || late_i)) ended_q <= 1'b1;
      if (done_o) begin
        moving_q <= 1'b0;
        ended_q  <= 1'b0;
      end
      to_valid_o <= take || (to_valid_o && !to_ready_i);
      if (!waits_i) busy_o <= busy_o + 32'd1;
    end
    if (!moving_q) begin
      wanted_q <= W'(arg_data_i);
      early_q  <= |(arg_data_i & mr_packet_pkg::EARLY);
      taken_q  <= '0;
    end else begin
      wanted_q <= wanted_q - W'(give);
      taken_q  <= taken_q + W'(take);
    end
    if (take) to_data_o <= arg_data_i;
  end
endmodule
