// SPDX-License-Identifier: Apache-2.0
// Checks in simulation the one rule of every handshake (AXI4-Stream, and each channel of AXI4): what is
// offered stands unchanged until it is taken. NAME is for the message.

`include "mr_assert.svh"

module mr_stream_rules #(
    parameter int WIDTH = 1,
    parameter NAME = "stream"
) (
    input logic             clk_i,
    input logic             rst_ni,
    input logic             valid_i,
    input logic             ready_i,
    input logic [WIDTH-1:0] data_i
);
`ifdef MR_ASSERT_ON
  logic waits_q;
  logic [WIDTH-1:0] data_q;
  always_ff @(posedge clk_i) begin
    waits_q <= rst_ni && valid_i && !ready_i;
    data_q  <= data_i;
  end
  `MR_ASSERT(a_valid, !waits_q || valid_i, {NAME, ": an offer was withdrawn"})
  `MR_ASSERT(a_data, !waits_q || !valid_i || data_i == data_q, {NAME, ": an offer changed while it waited"})
`else
  logic unused;
  assign unused = ^{clk_i, rst_ni, valid_i, ready_i, data_i};
`endif
endmodule
