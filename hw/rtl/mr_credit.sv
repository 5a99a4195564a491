// SPDX-License-Identifier: Apache-2.0
// A credit counter: how much of a room of DEPTH places may still be promised.
//
// It starts with DEPTH credits. take_i spends one, give_i returns one, both in one cycle leave the
// count. available_o is a register and counts a credit given in cycle n from cycle n+1. The user must
// not take while available_o is low, nor give back more than was taken.

`include "mr_assert.svh"

module mr_credit #(
    /// Credits after reset; >= 1.
    parameter int DEPTH = 4
) (
    /// Clock, rising edge.
    input  logic clk_i,
    /// Reset, synchronous, active low: all credits are there.
    input  logic rst_ni,
    /// Spend a credit; only while available_o is high.
    input  logic take_i,
    /// Return a credit.
    input  logic give_i,
    /// At least one credit is left (register).
    output logic available_o
);
  localparam int WIDTH = $clog2(DEPTH + 1);

  `MR_CHECK(g_bad_depth, DEPTH >= 1, "mr_credit: DEPTH=%0d must be at least 1.", DEPTH)

  logic [WIDTH-1:0] count_q, count_d;
  logic available_q;

  always_comb begin
    count_d = count_q;
    if (give_i && !take_i) count_d = count_q + WIDTH'(1);
    if (take_i && !give_i) count_d = count_q - WIDTH'(1);
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      count_q <= WIDTH'(DEPTH);
      available_q <= 1'b1;
    end else begin
      count_q <= count_d;
      available_q <= count_d != '0;
    end
  end

  assign available_o = available_q;

  `MR_ASSERT(a_known, !$isunknown({take_i, give_i}), "take_i or give_i is unknown")
  `MR_ASSERT(a_below, !(take_i && count_q == '0), "a credit is taken where none is left")
  `MR_ASSERT(a_above, !(give_i && !take_i && count_q == WIDTH'(DEPTH)),
             "a credit is given back that was never taken")
endmodule
