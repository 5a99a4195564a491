// SPDX-License-Identifier: Apache-2.0
// What the emulated bus has behind the FT232H of an UPduino 3: the board's top, which resets itself.

module mr_usb_device (
    /// Clock, rising edge: the one behind the board's PLL.
    input  logic clk_i,
    /// Not used: the board has no button.
    input  logic rst_ni,
    /// The serial line: to the board and from it.
    input  logic rx_i,
    output logic tx_o
);
  logic unused_select, unused;
  upduino u_board (
      .clk       (clk_i),
      .rx        (rx_i),
      .tx        (tx_o),
      .flash_cs_n(unused_select)
  );
  assign unused = &{rst_ni, unused_select};
endmodule
