// SPDX-License-Identifier: Apache-2.0
// Lays elements of ceil(BITS / 8) bytes one after the other into 64-byte beats, without gaps and across
// beats; one element a cycle when an element is at most a beat.
//
// An element marked last ends a row: its beat is given with strobes for the bytes that are there, and the
// next element starts a new beat. With tail_i the row ends with tail_number_i instead (of the cycle in
// which its last element is taken), in the last 8 bytes of its last beat, which may be a beat of its own;
// what lies between is zero and all strobes are on.

`include "mr_assert.svh"

module mr_pack #(
    /// Bits of an element; >= 1.
    parameter int BITS = 32
) (
    /// Clock, rising edge.
    input  logic            clk_i,
    /// Reset, synchronous, active low: drops what is inside.
    input  logic            rst_ni,
    /// Rows end with a number.
    input  logic            tail_i,
    input  logic [    63:0] tail_number_i,
    /// The elements.
    input  logic            in_valid_i,
    output logic            in_ready_o,
    input  logic [BITS-1:0] in_data_i,
    input  logic            in_last_i,
    /// The beats; an offer stands until it is taken.
    output logic            out_valid_o,
    input  logic            out_ready_i,
    output logic [   511:0] out_data_o,
    output logic [    63:0] out_strobe_o,
    /// Nothing is inside.
    output logic            empty_o
);
  `MR_CHECK(g_bad_bits, BITS >= 1 && BITS <= 65536, "mr_pack: BITS=%0d must be 1 to 65536.", BITS)

  localparam int BYTES = (BITS + 7) / 8;
  // Everything moves in grains: the largest power of two that divides both an element and a beat.
  localparam int GRAIN = mr_card_pkg::grain(BYTES);
  localparam int ELEMENT = BYTES / GRAIN;
  localparam int BEAT = 64 / GRAIN;
  localparam int SPAN = BEAT - 1 + ELEMENT;
  localparam int COUNT_WIDTH = $clog2(SPAN + 1);
  localparam int PLACE_WIDTH = $clog2(BEAT + 1);
  localparam int SHIFT = $clog2(GRAIN * 8);
  localparam int BUFFER = SPAN * GRAIN * 8;
  localparam int ADVANCE = ELEMENT % BEAT;
  // Grains of a beat that a number leaves free.
  localparam int FREE = GRAIN <= 8 ? BEAT - 8 / GRAIN : BEAT - 1;

  // An element in its place.
  logic element_valid_q, element_last_q;
  logic [BUFFER-1:0] element_q;
  logic [63:0] number_q;
  logic [PLACE_WIDTH-1:0] place_q, place_d;
  logic load;

  assign in_ready_o = !element_valid_q || load;
  always_comb begin
    place_d = place_q + PLACE_WIDTH'(ADVANCE);
    if (place_q >= PLACE_WIDTH'(BEAT - ADVANCE)) place_d = place_q - PLACE_WIDTH'(BEAT - ADVANCE);
    if (in_last_i) place_d = '0;
  end
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      element_valid_q <= 1'b0;
      place_q <= '0;
    end else begin
      if (in_ready_o) element_valid_q <= in_valid_i;
      if (in_valid_i && in_ready_o) place_q <= place_d;
    end
    if (in_ready_o) begin
      element_q <= BUFFER'(in_data_i) << {place_q, SHIFT'(0)};
      element_last_q <= in_last_i;
      number_q <= tail_number_i;
    end
  end

  // The beats: grains that are there; ending_q: the row's last element is among them.
  logic [BUFFER-1:0] buffer_q, rest;
  logic [COUNT_WIDTH-1:0] have_q, left;
  logic [63:0] end_number_q;
  logic ending_q, ends, take, full;
  assign full = have_q >= COUNT_WIDTH'(BEAT);
  assign ends = ending_q && (tail_i ? have_q < COUNT_WIDTH'(FREE + 1) : !full || have_q == COUNT_WIDTH'(BEAT));
  assign out_valid_o = full || ending_q;
  assign take = out_valid_o && out_ready_i;
  assign left = !take ? have_q : ends || !full ? '0 : have_q - COUNT_WIDTH'(BEAT);
  assign load = element_valid_q && left < COUNT_WIDTH'(BEAT) && (!ending_q || (take && ends));
  if (BUFFER > 512) begin : g_rest
    assign rest = !take ? buffer_q : BUFFER'(buffer_q[BUFFER-1:512]);
  end else begin : g_none
    assign rest = !take ? buffer_q : '0;
  end
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      have_q   <= '0;
      buffer_q <= '0;
      ending_q <= 1'b0;
    end else begin
      have_q   <= left + (load ? COUNT_WIDTH'(ELEMENT) : '0);
      buffer_q <= rest | (load ? element_q : '0);
      if (load) ending_q <= element_last_q;
      else if (take && ends) ending_q <= 1'b0;
    end
    if (load) end_number_q <= number_q;
  end

  logic [BEAT-1:0] there;
  for (genvar b = 0; b < BEAT; b++) begin : g_there
    assign there[b] = tail_i || have_q > COUNT_WIDTH'(b);
  end
  for (genvar b = 0; b < BEAT; b++) begin : g_strobe
    assign out_strobe_o[b*GRAIN+:GRAIN] = {GRAIN{there[b]}};
  end
  assign empty_o = have_q == '0 && !element_valid_q;
  assign out_data_o = buffer_q[511:0] | (tail_i && ends ? {end_number_q, 448'd0} : '0);
endmodule
