// SPDX-License-Identifier: Apache-2.0
// What the emulated bus has behind the FT2232H of an iCEBreaker: serial line, packets and folded kernel.

module mr_usb_device (
    /// Clock, rising edge: the one behind the board's PLL.
    input  logic clk_i,
    /// Reset, synchronous, active low.
    input  logic rst_ni,
    /// The serial line: to the board and from it.
    input  logic rx_i,
    output logic tx_o
);
  logic kernel_rst_n, to_valid, to_ready, from_valid, from_ready;
  logic [15:0] to_data, from_data;
  logic unused_idle, unused_done, busy, starved, blocked;
  mr_uart_link #(.LIMITS(128'h0000_0000_0000_0000_0000_0100_0200_4000)) u_link (
      .clk_i,
      .rst_ni,
      .rx_i,
      .tx_o,
      .kernel_rst_no(kernel_rst_n),
      .kernel_waits_i(starved || blocked || (from_valid && !from_ready && !busy)),
      .to_valid_o(to_valid),
      .to_ready_i(to_ready),
      .to_data_o(to_data),
      .from_valid_i(from_valid),
      .from_ready_o(from_ready),
      .from_data_i(from_data)
  );
  folded u_kernel (
      .clk_i,
      .rst_ni(kernel_rst_n),
      .start_i(1'b1),
      .idle_o(unused_idle),
      .done_o(unused_done),
      .in_valid_i(to_valid),
      .in_ready_o(to_ready),
      .in_data_i(to_data),
      .out_valid_o(from_valid),
      .out_ready_i(from_ready),
      .out_data_o(from_data),
      .busy_o(busy),
      .starved_o(starved),
      .blocked_o(blocked)
  );
endmodule
