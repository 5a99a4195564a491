// SPDX-License-Identifier: Apache-2.0
// The way of a value from a process to lane tiles in another die: a register on each side of each border, and one that
// leads to the tiles. A synthesis has one for each group of tiles; simulators take the process's own
// registers for all of them (MR_WAYS in mr_reg.svh). hw/vitis places the instances.

`include "mr_assert.svh"

(* keep_hierarchy = "yes" *)
module mr_way #(
    /// Bits of the value; >= 1.
    parameter int WIDTH = 1,
    /// Registers in a row; 3 for neighbouring dies, 2 more for each border more.
    parameter int STAGES = 3
) (
    /// Clock, rising edge.
    input  logic             clk_i,
    /// The value.
    input  logic [WIDTH-1:0] d_i,
    /// The value of STAGES cycles before.
    output logic [WIDTH-1:0] q_o
);
  `MR_CHECK(g_bad_stages, STAGES >= 3 && STAGES % 2 == 1, "mr_way: STAGES=%0d must be 3, 5 and so on.", STAGES)

  logic [WIDTH-1:0] near, way;
  mr_stages #(.WIDTH(WIDTH), .STAGES(1), .RESET(1'b0)) u_near (
      .clk_i, .rst_ni(1'b1), .data_i(d_i), .data_o(near));
  mr_stages #(.WIDTH(WIDTH), .STAGES(STAGES - 3), .RESET(1'b0)) u_way (
      .clk_i, .rst_ni(1'b1), .data_i(near), .data_o(way));
  mr_stages #(.WIDTH(WIDTH), .STAGES(2), .RESET(1'b0)) u_far (
      .clk_i, .rst_ni(1'b1), .data_i(way), .data_o(q_o));
endmodule
