// SPDX-License-Identifier: Apache-2.0
// One of several LUTs that hand on a value which no register holds, because one net would lead to too many loads. A
// synthesis would take a plain one out. Simulators take the net for all (MR_BRANCHES in mr_reg.svh).
module mr_branch #(
    /// Bits of the value; >= 1.
    parameter int WIDTH = 1
) (
    /// The value.
    input  logic [WIDTH-1:0] d_i,
    /// The value, in the same cycle.
    output logic [WIDTH-1:0] q_o
);
`ifdef VERILATOR
  assign q_o = d_i;
`else
  for (genvar b = 0; b < WIDTH; b++) begin : gen_bit
    (* keep = "true", dont_touch = "true" *)
    LUT1 #(.INIT(2'b10)) i_lut (.I0(d_i[b]), .O(q_o[b]));
  end
`endif
endmodule
