// SPDX-License-Identifier: Apache-2.0
// Offers one transfer of memory for each row of a ring, as far as rows are there.
//
// Row n lies in slot n mod ring_i; slots follow one another. A single buffer is a ring of one row. Start and
// size stand still while rst_ni is high; rows_i only grows (modulo 2^32).
module mr_rows (
    /// Clock, rising edge.
    input  logic        clk_i,
    /// Reset, synchronous, active low: begins with row 0.
    input  logic        rst_ni,
    /// First beat of slot 0 in memory.
    input  logic [57:0] base_i,
    /// Beats of a slot.
    input  logic [39:0] beats_i,
    /// Slots; at least 1.
    input  logic [31:0] ring_i,
    /// Rows that are there.
    input  logic [31:0] rows_i,
    /// The transfer of the next row.
    output logic        valid_o,
    input  logic        ready_i,
    output logic [57:0] beat_o,
    output logic [39:0] count_o,
    /// The transfers of all rows that are there were taken.
    output logic        idle_o
);
  logic [31:0] row_q, slot_q;
  logic [57:0] beat_q;
  logic wraps;

  assign wraps   = slot_q + 32'd1 == ring_i;
  assign idle_o = row_q == rows_i;
  assign count_o = beats_i;
  assign beat_o  = beat_q;
  // One cycle between rows, so that no path leads from rows_i to the transfer.
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      valid_o <= 1'b0;
      row_q   <= '0;
      slot_q  <= '0;
      beat_q  <= base_i;
    end else if (valid_o) begin
      if (ready_i) begin
        valid_o <= 1'b0;
        row_q   <= row_q + 32'd1;
        slot_q  <= wraps ? '0 : slot_q + 32'd1;
        beat_q  <= wraps ? base_i : beat_q + 58'(beats_i);
      end
    end else begin
      valid_o <= !idle_o;
    end
  end
endmodule
