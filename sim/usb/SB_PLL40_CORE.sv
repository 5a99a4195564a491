// SPDX-License-Identifier: Apache-2.0
// The PLL of an iCE40, its clock from inside of the chip, for the emulated bus, whose clock is already the one behind it.

module SB_PLL40_CORE #(
    parameter FEEDBACK_PATH = "SIMPLE",
    parameter logic [3:0] DIVR = '0,
    parameter logic [6:0] DIVF = '0,
    parameter logic [2:0] DIVQ = '0,
    parameter logic [2:0] FILTER_RANGE = '0
) (
    input  logic REFERENCECLK,
    output logic PLLOUTGLOBAL,
    output logic LOCK,
    input  logic RESETB,
    input  logic BYPASS
);
  logic unused;
  assign unused = &{RESETB, BYPASS, FEEDBACK_PATH == "SIMPLE", DIVR, DIVF, DIVQ, FILTER_RANGE};
  assign PLLOUTGLOBAL = REFERENCECLK;
  assign LOCK = 1'b1;
endmodule
