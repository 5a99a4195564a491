// SPDX-License-Identifier: Apache-2.0
// For the netlist of an image: what sim/usb/uart_pins.cpp has in front of it, and a PLL that gives its input.

module mr_usb_device (
    input  logic clk_i,
    input  logic rst_ni,
    input  logic rx_i,
    output logic tx_o
);
  logic unused_ledr, unused_ledg;
  icebreaker u_board (
      .clk(clk_i),
      .btn_n(rst_ni),
      .rx(rx_i),
      .tx(tx_o),
      .ledr_n(unused_ledr),
      .ledg_n(unused_ledg)
  );
endmodule

module netlist_pll (
    input  logic PACKAGEPIN,
    output logic PLLOUTGLOBAL,
    output logic LOCK,
    input  logic RESETB,
    input  logic BYPASS
);
  assign PLLOUTGLOBAL = PACKAGEPIN;
  assign LOCK = RESETB && !BYPASS;
endmodule
