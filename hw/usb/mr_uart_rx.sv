// SPDX-License-Identifier: Apache-2.0
// Serial bits to bytes: 8 data bits from the lowest, no parity, 1 stop bit; the line is high when idle.
//
// A byte is there in the middle of its stop bit, for one cycle: nobody can make the line wait. A byte without a stop bit is
// dropped, and the next one begins after the line was high.

`include "mr_assert.svh"

module mr_uart_rx #(
    /// Clock cycles of a bit; >= 4.
    parameter int CLOCKS_PER_BIT = 8
) (
    /// Clock, rising edge.
    input  logic       clk_i,
    /// Reset, synchronous, active low.
    input  logic       rst_ni,
    /// The line; of any clock.
    input  logic       rx_i,
    /// A byte.
    output logic       valid_o,
    output logic [7:0] data_o
);
  localparam int W = $clog2(CLOCKS_PER_BIT + CLOCKS_PER_BIT / 2);
  `MR_CHECK(g_bad_bit, CLOCKS_PER_BIT >= 4, "mr_uart_rx: CLOCKS_PER_BIT=%0d must be at least 4.", CLOCKS_PER_BIT)

  logic [2:0] line_q;  // the last one is older by a cycle
  logic [3:0] left_q;  // bits to come; 0: none, idle
  logic [W-1:0] wait_q;
  logic sample;
  assign sample = left_q != 4'd0 && wait_q == '0;

  always_ff @(posedge clk_i) begin
    line_q <= {line_q[1:0], rx_i};
    valid_o <= 1'b0;
    if (left_q == 4'd0) begin
      // The first data bit's middle is one bit and a half after the edge, which is seen a cycle late.
      wait_q <= W'(CLOCKS_PER_BIT + CLOCKS_PER_BIT / 2 - 2);
      if (line_q[2] && !line_q[1]) left_q <= 4'd9;
    end else begin
      wait_q <= sample ? W'(CLOCKS_PER_BIT - 1) : wait_q - W'(1);
      if (sample) begin
        left_q <= left_q - 4'd1;
        if (left_q == 4'd1) valid_o <= line_q[1];
        else data_o <= {line_q[1], data_o[7:1]};
      end
    end
    if (!rst_ni) begin
      line_q  <= '1;
      left_q  <= '0;
      valid_o <= 1'b0;
    end
  end
endmodule
