// SPDX-License-Identifier: Apache-2.0
// One of several registers that hold the same value, because one would drive too many loads. It is a module so that
// a synthesis keeps them apart. Simulators take one register for all (MR_COPIES in mr_reg.svh), for speed.
module mr_copy #(
    /// Bits of the value; >= 1.
    parameter int WIDTH = 1
) (
    /// Clock, rising edge.
    input  logic             clk_i,
    /// The value of the next cycle.
    input  logic [WIDTH-1:0] d_i,
    /// The value.
    output logic [WIDTH-1:0] q_o
);
  (* keep = "true", dont_touch = "true" *)
  logic [WIDTH-1:0] value_q;
  always_ff @(posedge clk_i) value_q <= d_i;
  assign q_o = value_q;
endmodule
