// SPDX-License-Identifier: Apache-2.0
// The board UPduino 3: a folded kernel behind a serial line of 3 Mbaud, which the board's FT232H has on USB. The line is
// on the flash's pins, so the flash is not selected. The board's jumper OSC must be closed: it leads the 12 MHz to pin 20.
// hw/board/build.sh writes mr_image.svh: what this image says of itself.

`include "mr_image.svh"

module upduino (
    /// 12 MHz, by the jumper OSC.
    input  logic clk,
    /// The serial line, from the host and to it.
    input  logic rx,
    output logic tx,
    output logic flash_cs_n
);
  logic clk_24, locked;
  // 12 MHz x 64 / 2^5 (icepll -i 12 -o 24). Not from the pin that the PLL has of its own, which is another one.
  SB_PLL40_CORE #(
      .FEEDBACK_PATH("SIMPLE"),
      .DIVR(4'd0),
      .DIVF(7'd63),
      .DIVQ(3'd5),
      .FILTER_RANGE(3'd1)
  ) u_pll (
      .REFERENCECLK(clk),
      .PLLOUTGLOBAL(clk_24),
      .LOCK        (locked),
      .RESETB      (1'b1),
      .BYPASS      (1'b0)
  );

  // No button, and no light that is a plain pin.
  logic busy_n, runs_n;
  mr_folded_uart #(
      .CLOCKS_PER_BIT(8),
      .CLOCK_KHZ(24000),
      .HASH(`MR_IMAGE_HASH),
      .LIMITS(`MR_IMAGE_LIMITS)
  ) u_board (
      .clk_i(clk_24),
      .on_i(locked),
      .button_ni(1'b1),
      .rx_i(rx),
      .tx_o(tx),
      .busy_no(busy_n),
      .runs_no(runs_n)
  );
  assign flash_cs_n = 1'b1;

  logic unused;
  assign unused = &{busy_n, runs_n};
endmodule
