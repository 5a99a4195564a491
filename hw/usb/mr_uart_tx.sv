// SPDX-License-Identifier: Apache-2.0
// Bytes to serial bits: a start bit, 8 data bits from the lowest, a stop bit; the line is high when idle.
//
// A byte is taken in a cycle in which valid_i and ready_o are high. Bytes follow one another without a gap.

`include "mr_assert.svh"

module mr_uart_tx #(
    /// Clock cycles of a bit; >= 2.
    parameter int CLOCKS_PER_BIT = 8
) (
    /// Clock, rising edge.
    input  logic       clk_i,
    /// Reset, synchronous, active low.
    input  logic       rst_ni,
    /// A byte.
    input  logic       valid_i,
    output logic       ready_o,
    input  logic [7:0] data_i,
    /// The line (register).
    output logic       tx_o
);
  localparam int W = $clog2(CLOCKS_PER_BIT);
  `MR_CHECK(g_bad_bit, CLOCKS_PER_BIT >= 2, "mr_uart_tx: CLOCKS_PER_BIT=%0d must be at least 2.", CLOCKS_PER_BIT)

  // A one behind the byte and its stop bit says where they end; the rest are zeros.
  logic [9:0] bits_q;
  logic [W-1:0] wait_q;
  logic next, last;
  assign next = wait_q == '0;
  assign last = bits_q == 10'd1;
  assign ready_o = last && next;

  always_ff @(posedge clk_i) begin
    wait_q <= next ? W'(CLOCKS_PER_BIT - 1) : wait_q - W'(1);
    if (next) begin
      if (!last) begin
        tx_o   <= bits_q[0];
        bits_q <= bits_q >> 1;
      end else if (valid_i) begin
        tx_o   <= 1'b0;
        bits_q <= {1'b1, 1'b1, data_i};
      end else begin
        wait_q <= '0;
      end
    end
    if (!rst_ni) begin
      tx_o   <= 1'b1;
      bits_q <= 10'd1;
      wait_q <= '0;
    end
  end
endmodule
