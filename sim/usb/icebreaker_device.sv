// SPDX-License-Identifier: Apache-2.0
// What the emulated bus has behind the FT2232H of an iCEBreaker: the board's top.

module mr_usb_device (
    /// Clock, rising edge: the one behind the board's PLL.
    input  logic clk_i,
    /// Low: the button is pressed.
    input  logic rst_ni,
    /// The serial line: to the board and from it.
    input  logic rx_i,
    output logic tx_o
);
  logic unused_red, unused_green;
  icebreaker u_board (
      .clk   (clk_i),
      .btn_n (rst_ni),
      .rx    (rx_i),
      .tx    (tx_o),
      .ledr_n(unused_red),
      .ledg_n(unused_green)
  );
endmodule
