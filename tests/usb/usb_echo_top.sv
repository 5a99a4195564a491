// SPDX-License-Identifier: Apache-2.0
// A serial line with the echo kernel behind it, and counters of what the kernel really took and gave.

module usb_echo_top #(
    parameter int PAYLOAD = 256,
    parameter int TIMER = 10,
    parameter int CLOCKS_PER_BIT = 4
) (
    input  logic        clk_i,
    input  logic        rst_ni,
    input  logic        rx_i,
    output logic        tx_o,
    input  logic [ 7:0] stall_i,
    output logic [31:0] took_o,
    output logic [31:0] gave_o
);
  logic kernel_rst_n, waits, to_valid, to_ready, from_valid, from_ready;
  logic [15:0] to_data, from_data;
  mr_uart_link #(
      .CLOCKS_PER_BIT(CLOCKS_PER_BIT),
      .CLOCK_KHZ(24000),
      .HASH(128'hf0e0d0c0b0a090807060504030201000),
      .LIMITS(128'h0008_0007_0006_0005_0004_0100_0200_4000),
      .PAYLOAD(PAYLOAD),
      .TIMER(TIMER)
  ) u_link (
      .clk_i,
      .rst_ni,
      .rx_i,
      .tx_o,
      .kernel_rst_no(kernel_rst_n),
      .kernel_waits_i(waits),
      .to_valid_o(to_valid),
      .to_ready_i(to_ready),
      .to_data_o(to_data),
      .from_valid_i(from_valid),
      .from_ready_o(from_ready),
      .from_data_i(from_data)
  );
  usb_echo u_echo (
      .clk_i,
      .rst_ni(kernel_rst_n),
      .stall_i,
      .waits_o(waits),
      .to_valid_i(to_valid),
      .to_ready_o(to_ready),
      .to_data_i(to_data),
      .from_valid_o(from_valid),
      .from_ready_i(from_ready),
      .from_data_o(from_data)
  );
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      took_o <= '0;
      gave_o <= '0;
    end else if (kernel_rst_n) begin
      if (to_valid && to_ready) took_o <= took_o + 32'd1;
      if (from_valid && from_ready) gave_o <= gave_o + 32'd1;
    end
  end
endmodule
