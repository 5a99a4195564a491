// SPDX-License-Identifier: Apache-2.0
// Assertions with the project's clock (clk_i) and reset (rst_ni). They are active in Verilator unless
// MR_NO_ASSERT is defined (--noassert also silences them), and vanish in Yosys, Icarus and Vivado.
// Write them without a semicolon: `MR_ASSERT(name, condition, "what is wrong")
`ifndef MR_ASSERT_SVH
`define MR_ASSERT_SVH

`ifdef VERILATOR
`ifndef MR_NO_ASSERT
`define MR_ASSERT_ON
`endif
`endif

`ifdef MR_ASSERT_ON
/// The condition holds at every rising edge outside reset.
`define MR_ASSERT(name, condition, message) \
  name: assert property (@(posedge clk_i) disable iff (!rst_ni) (condition)) \
    else $error("%m: %s", message);
/// The condition holds at every rising edge; for modules without a reset.
`define MR_ASSERT_ALWAYS(name, condition, message) \
  name: assert property (@(posedge clk_i) (condition)) else $error("%m: %s", message);
`else
`define MR_ASSERT(name, condition, message)
`define MR_ASSERT_ALWAYS(name, condition, message)
`endif

/// The parameters fit: otherwise elaboration stops with the sentence `text`, whose %0d is `value`.
/// Icarus has no elaboration-time $fatal and says it at time 0.
`ifdef __ICARUS__
`define MR_CHECK(name, condition, text, value) \
  initial begin : name \
    if (!(condition)) $fatal(1, text, value); \
  end
`else
`define MR_CHECK(name, condition, text, value) \
  if (!(condition)) begin : name \
    $fatal(1, text, value); \
  end
`endif

`endif
