// SPDX-License-Identifier: Apache-2.0
// Cuts a transfer of 64-byte beats into AXI bursts: each of 1 to MAX_BEATS beats, none across a multiple
// of MAX_BEATS beats (so none across 4 KiB), in order, without gap or overlap, together the transfer.
//
// A transfer is taken when start_valid_i and start_ready_o are high; its bursts are then offered one after
// the other, each standing until it is taken, the first two cycles later. The outputs are registers.

`include "mr_assert.svh"

module mr_bursts #(
    /// Beats of the longest burst: 1, 2, 4 ... 64.
    parameter int MAX_BEATS = 64,
    /// Bits of a beat's number in memory (its address without the six low bits); >= 6.
    parameter int ADDR_WIDTH = 58,
    /// Bits of a transfer's number of beats; >= 7.
    parameter int COUNT_WIDTH = 40
) (
    /// Clock, rising edge.
    input  logic                   clk_i,
    /// Reset, synchronous, active low: forgets the transfer.
    input  logic                   rst_ni,
    /// A transfer is offered.
    input  logic                   start_valid_i,
    /// It is taken.
    output logic                   start_ready_o,
    /// Its first beat in memory.
    input  logic [ ADDR_WIDTH-1:0] start_beat_i,
    /// Its beats; at least 1.
    input  logic [COUNT_WIDTH-1:0] start_count_i,
    /// A burst is on offer.
    output logic                   valid_o,
    /// It is taken.
    input  logic                   ready_i,
    /// Its first beat in memory.
    output logic [ ADDR_WIDTH-1:0] beat_o,
    /// Its beats, 1 to MAX_BEATS.
    output logic [            6:0] count_o,
    /// It is the transfer's last.
    output logic                   last_o
);
  localparam int OFFSET_WIDTH = $clog2(MAX_BEATS);

  `MR_CHECK(g_bad_max, MAX_BEATS >= 1 && MAX_BEATS <= 64 && (1 << OFFSET_WIDTH) == MAX_BEATS,
            "mr_bursts: MAX_BEATS=%0d must be a power of two from 1 to 64.", MAX_BEATS)

  // What is still to be cut.
  logic active_q;
  logic [ADDR_WIDTH-1:0] beat_q;
  logic [COUNT_WIDTH-1:0] left_q;

  logic [6:0] room, count;
  logic rest_fits, cut;
  if (MAX_BEATS == 1) begin : g_single
    assign room = 7'd1;
  end else begin : g_room
    assign room = 7'(MAX_BEATS) - 7'(beat_q[OFFSET_WIDTH-1:0]);
  end
  assign rest_fits = left_q <= COUNT_WIDTH'(room);
  assign count = rest_fits ? left_q[6:0] : room;
  assign cut = active_q && (!valid_o || ready_i);

  assign start_ready_o = !active_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      active_q <= 1'b0;
      valid_o  <= 1'b0;
    end else begin
      if (start_valid_i && start_ready_o) active_q <= 1'b1;
      if (cut && rest_fits) active_q <= 1'b0;
      if (cut) valid_o <= 1'b1;
      else if (ready_i) valid_o <= 1'b0;
    end
  end

  always_ff @(posedge clk_i) begin
    if (!active_q) begin
      beat_q <= start_beat_i;
      left_q <= start_count_i;
    end else if (cut) begin
      beat_q <= beat_q + ADDR_WIDTH'(count);
      left_q <= left_q - COUNT_WIDTH'(count);
    end
    if (cut) begin
      beat_o  <= beat_q;
      count_o <= count;
      last_o  <= rest_fits;
    end
  end

  `MR_ASSERT(a_count, !(start_valid_i && start_ready_o) || start_count_i != '0, "a transfer of no beats")

`ifdef FORMAL
  `include "mr_bursts_proof.svh"
`endif
endmodule
