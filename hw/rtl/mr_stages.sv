// SPDX-License-Identifier: Apache-2.0
// Bits that come STAGES cycles later, through plain registers that stay registers and stay together:
// one side of a way from die to die (mr_crossing.sv). hw/vitis places the instances.

`include "mr_assert.svh"

(* keep_hierarchy = "yes" *)
module mr_stages #(
    /// Bits; >= 1.
    parameter int WIDTH = 1,
    /// Registers in a row; 0: a wire.
    parameter int STAGES = 1,
    /// Whether rst_ni clears them.
    parameter bit RESET = 1'b1
) (
    /// Clock, rising edge.
    input  logic             clk_i,
    /// Reset, synchronous, active low.
    input  logic             rst_ni,
    input  logic [WIDTH-1:0] data_i,
    /// data_i of STAGES cycles before.
    output logic [WIDTH-1:0] data_o
);
  `MR_CHECK(g_bad_width, WIDTH >= 1, "mr_stages: WIDTH=%0d must be at least 1.", WIDTH)
  `MR_CHECK(g_bad_stages, STAGES >= 0, "mr_stages: STAGES=%0d must be at least 0.", STAGES)

  if (STAGES == 0) begin : g_wire
    logic unused;
    assign unused = &{clk_i, rst_ni};
    assign data_o = data_i;
  end else begin : g_registers
    // No shift register of LUTs, and no register of another side that happens to be equal.
    (* shreg_extract = "no", keep = "true", equivalent_register_removal = "no" *)
    logic [WIDTH-1:0] data_q[STAGES];
    for (genvar i = 0; i < STAGES; i++) begin : g_stage
      logic [WIDTH-1:0] last_stage;
      if (i == 0) begin : g_first
        assign last_stage = data_i;
      end else begin : g_next
        assign last_stage = data_q[i-1];
      end
      always_ff @(posedge clk_i) data_q[i] <= RESET && !rst_ni ? '0 : last_stage;
    end
    assign data_o = data_q[STAGES-1];
  end
endmodule
