// SPDX-License-Identifier: Apache-2.0
// Cuts 64-byte beats into elements of ceil(BITS / 8) bytes that lie in them one after the other, without
// gaps and across beats; one element a cycle when an element is at most a beat.
//
// The first element starts at byte 0 of the first beat after reset or after a beat marked last. Of a beat
// marked last only the first last_bytes_i bytes count. A beat is shifted to its place in a register of its
// own, where it will lie behind the bytes that the beats before leave over, which is known in advance.

`include "mr_assert.svh"

module mr_unpack #(
    /// Bits of an element; >= 1.
    parameter int BITS = 16
) (
    /// Clock, rising edge.
    input  logic            clk_i,
    /// Reset, synchronous, active low: drops what is inside.
    input  logic            rst_ni,
    /// Bytes of a last beat that count, 1 to 64; the elements end there.
    input  logic [     6:0] last_bytes_i,
    /// The beats.
    input  logic            in_valid_i,
    output logic            in_ready_o,
    input  logic [   511:0] in_data_i,
    input  logic            in_last_i,
    /// The elements; the offer (a register) stands until it is taken.
    output logic            out_valid_o,
    input  logic            out_ready_i,
    output logic [BITS-1:0] out_data_o,
    /// Nothing is inside.
    output logic            empty_o
);
  `MR_CHECK(g_bad_bits, BITS >= 1 && BITS <= 65536, "mr_unpack: BITS=%0d must be 1 to 65536.", BITS)

  localparam int BYTES = (BITS + 7) / 8;
  // Everything moves in grains: the largest power of two that divides both an element and a beat.
  localparam int GRAIN = mr_card_pkg::grain(BYTES);
  localparam int ELEMENT = BYTES / GRAIN;
  localparam int BEAT = 64 / GRAIN;
  localparam int SPAN = ELEMENT - 1 + BEAT;
  localparam int COUNT_WIDTH = $clog2(SPAN + 1);
  localparam int PLACE_WIDTH = $clog2(ELEMENT + 1);
  localparam int SHIFT = $clog2(GRAIN * 8);
  localparam int BUFFER = SPAN * GRAIN * 8;
  localparam int ADVANCE = BEAT % ELEMENT;

  // A beat in its place.
  logic beat_valid_q;
  logic [BUFFER-1:0] beat_q;
  logic [COUNT_WIDTH-1:0] beat_count_q;
  logic [PLACE_WIDTH-1:0] place_q, place_d;
  logic load;

  assign in_ready_o = !beat_valid_q || load;
  always_comb begin
    place_d = place_q + PLACE_WIDTH'(ADVANCE);
    if (place_q >= PLACE_WIDTH'(ELEMENT - ADVANCE)) place_d = place_q - PLACE_WIDTH'(ELEMENT - ADVANCE);
    if (in_last_i) place_d = '0;
  end
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      beat_valid_q <= 1'b0;
      place_q <= '0;
    end else begin
      if (in_ready_o) beat_valid_q <= in_valid_i;
      if (in_valid_i && in_ready_o) place_q <= place_d;
    end
    if (in_ready_o) begin
      beat_q <= BUFFER'(in_data_i) << {place_q, SHIFT'(0)};
      beat_count_q <= in_last_i ? COUNT_WIDTH'(last_bytes_i[6:$clog2(GRAIN)]) : COUNT_WIDTH'(BEAT);
    end
  end

  // The elements: grains that are there, and those left when one is taken.
  logic [BUFFER-1:0] buffer_q, rest;
  logic [COUNT_WIDTH-1:0] have_q, have_d, left;
  logic take;
  assign take = out_valid_o && out_ready_i;
  assign left = have_q - (take ? COUNT_WIDTH'(ELEMENT) : '0);
  assign load = beat_valid_q && left < COUNT_WIDTH'(ELEMENT);
  assign have_d = left + (load ? beat_count_q : '0);
  // Behind the end of a transfer lie bytes that nobody wants.
  assign rest = left == '0 ? '0 : take ? buffer_q >> (ELEMENT * GRAIN * 8) : buffer_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      have_q <= '0;
      out_valid_o <= 1'b0;
    end else begin
      have_q <= have_d;
      out_valid_o <= have_d >= COUNT_WIDTH'(ELEMENT);
    end
    buffer_q <= rest | (load ? beat_q : '0);
  end
  assign out_data_o = buffer_q[BITS-1:0];
  // A row ends with a whole grain.
  logic unused;
  assign unused = ^last_bytes_i;
  assign empty_o = have_q == '0 && !beat_valid_q;
endmodule
