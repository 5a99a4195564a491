// SPDX-License-Identifier: Apache-2.0
// A stream from one die of a card to another: registers on both sides in both directions, and the FIFO
// on the side of the reader. Nothing waits on the way, so the writer must know the room: it has DEPTH
// credits, gives one for each word that it pushes and gets it back by taken_o.
//
// A word pushed in cycle n is on offer in cycle n + STAGES + 1 when it is the oldest; taken in cycle m,
// its credit comes back in cycle m + STAGES. An offer stands unchanged until it is taken. A word a cycle
// passes when DEPTH >= 2 * STAGES + 1 (and one more for a writer that counts credits in a register).
// The near side is u_near_*, the far one u_far_*, and what lies between, u_way_*, is placed freely.

`include "mr_assert.svh"

module mr_crossing #(
    /// Bits of a word; >= 1.
    parameter int WIDTH = 16,
    /// Credits, and words that the FIFO holds; >= 1.
    parameter int DEPTH = 8,
    /// Registers in each direction; >= 1. Up to two stand on each side, the first and last of them beside
    /// the logic, the others at the border.
    parameter int STAGES = 4,
    /// As of mr_fifo.
    parameter int LUTRAM_DEPTH = 64
) (
    /// Clock, rising edge; one for both sides.
    input  logic             clk_i,
    /// Reset, synchronous, active low: all credits are back.
    input  logic             rst_ni,
    /// A word is pushed; only with a credit.
    input  logic             push_i,
    /// The word pushed.
    input  logic [WIDTH-1:0] word_i,
    /// A credit comes back (register).
    output logic             taken_o,
    /// A word is on offer; does not depend on push_i of the same cycle.
    output logic             out_valid_o,
    /// The word on offer is taken.
    input  logic             out_ready_i,
    /// The oldest word; meaningful while out_valid_o is high.
    output logic [WIDTH-1:0] out_data_o
);
  localparam int NEAR = STAGES >= 4 ? 2 : STAGES / 2;
  localparam int FAR = STAGES - NEAR >= 2 ? 2 : STAGES - NEAR;
  localparam int WAY = STAGES - NEAR - FAR;

  `MR_CHECK(g_bad_stages, STAGES >= 1, "mr_crossing: STAGES=%0d must be at least 1.", STAGES)

  logic near_push, way_push, push, far_taken, way_taken, accepts;
  logic [WIDTH-1:0] near_word, way_word, word;

  mr_stages #(.STAGES(NEAR)) u_near_push (
      .clk_i, .rst_ni, .data_i(push_i), .data_o(near_push));
  mr_stages #(.STAGES(WAY)) u_way_push (
      .clk_i, .rst_ni, .data_i(near_push), .data_o(way_push));
  mr_stages #(.STAGES(FAR)) u_far_push (
      .clk_i, .rst_ni, .data_i(way_push), .data_o(push));

  mr_stages #(.WIDTH(WIDTH), .STAGES(NEAR), .RESET(1'b0)) u_near_word (
      .clk_i, .rst_ni, .data_i(word_i), .data_o(near_word));
  mr_stages #(.WIDTH(WIDTH), .STAGES(WAY), .RESET(1'b0)) u_way_word (
      .clk_i, .rst_ni, .data_i(near_word), .data_o(way_word));
  mr_stages #(.WIDTH(WIDTH), .STAGES(FAR), .RESET(1'b0)) u_far_word (
      .clk_i, .rst_ni, .data_i(way_word), .data_o(word));

  mr_fifo #(.WIDTH(WIDTH), .DEPTH(DEPTH), .LUTRAM_DEPTH(LUTRAM_DEPTH)) u_far_fifo (
      .clk_i, .rst_ni, .in_valid_i(push), .in_ready_o(accepts), .in_data_i(word),
      .out_valid_o, .out_ready_i, .out_data_o);

  mr_stages #(.STAGES(FAR)) u_far_taken (
      .clk_i, .rst_ni, .data_i(out_valid_o && out_ready_i), .data_o(far_taken));
  mr_stages #(.STAGES(WAY)) u_way_taken (
      .clk_i, .rst_ni, .data_i(far_taken), .data_o(way_taken));
  mr_stages #(.STAGES(NEAR)) u_near_taken (
      .clk_i, .rst_ni, .data_i(way_taken), .data_o(taken_o));

  `MR_ASSERT(a_push_known, !$isunknown(push_i), "push_i is unknown")
  `MR_ASSERT(a_fits, !push || accepts, "a word came without credit")

`ifdef FORMAL
  `include "mr_crossing_proof.svh"
`endif
endmodule
