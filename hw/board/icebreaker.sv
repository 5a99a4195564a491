// SPDX-License-Identifier: Apache-2.0
// The board iCEBreaker: a folded kernel behind a serial line of 3 Mbaud, which the board's FT2232H has on USB.
// hw/board/build.sh writes mr_image.svh: what this image says of itself.

`include "mr_image.svh"

module icebreaker (
    /// 12 MHz.
    input  logic clk,
    /// The button, low when pressed: resets all.
    input  logic btn_n,
    /// The serial line, from the host and to it.
    input  logic rx,
    output logic tx,
    /// Light while the kernel has a command, and while the image runs.
    output logic ledr_n,
    output logic ledg_n
);
  logic clk_24, locked;
  // 12 MHz x 64 / 2^5 (icepll -i 12 -o 24).
  SB_PLL40_PAD #(
      .FEEDBACK_PATH("SIMPLE"),
      .DIVR(4'd0),
      .DIVF(7'd63),
      .DIVQ(3'd5),
      .FILTER_RANGE(3'd1)
  ) u_pll (
      .PACKAGEPIN  (clk),
      .PLLOUTGLOBAL(clk_24),
      .LOCK        (locked),
      .RESETB      (1'b1),
      .BYPASS      (1'b0)
  );

  mr_folded_uart #(
      .CLOCKS_PER_BIT(8),
      .CLOCK_KHZ(24000),
      .HASH(`MR_IMAGE_HASH),
      .LIMITS(`MR_IMAGE_LIMITS)
  ) u_board (
      .clk_i(clk_24),
      .on_i(locked),
      .button_ni(btn_n),
      .rx_i(rx),
      .tx_o(tx),
      .busy_no(ledr_n),
      .runs_no(ledg_n)
  );
endmodule
