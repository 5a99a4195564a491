// SPDX-License-Identifier: Apache-2.0
// The whole way from the pins of a serial line to the two streams of a folded kernel: what a board needs beside the kernel.

module mr_uart_link #(
    /// Clock cycles of a bit on the line; >= 4.
    parameter int CLOCKS_PER_BIT = 8,
    /// What the device says of itself, as in mr_packet.
    parameter int CLOCK_KHZ = 24000,
    parameter logic [127:0] HASH = '0,
    parameter logic [127:0] LIMITS = '0,
    /// Bytes of payload of a packet, and the patience (2^TIMER cycles), as in mr_packet.
    parameter int PAYLOAD = 512,
    parameter int TIMER = 16
) (
    /// Clock, rising edge.
    input  logic        clk_i,
    /// Reset, synchronous, active low.
    input  logic        rst_ni,
    /// The pins: from the host and to it, high when idle.
    input  logic        rx_i,
    output logic        tx_o,
    /// The kernel's reset, synchronous, active low.
    output logic        kernel_rst_no,
    /// The kernel waits for a word, or for room for one (starved_o || blocked_o of hlsc's): not counted as work.
    input  logic        kernel_waits_i,
    /// The kernel's input stream.
    output logic        to_valid_o,
    input  logic        to_ready_i,
    output logic [15:0] to_data_o,
    /// The kernel's output stream.
    input  logic        from_valid_i,
    output logic        from_ready_o,
    input  logic [15:0] from_data_i
);
  logic in_valid, out_valid, out_ready, run, late, arg_valid, arg_ready, ans_valid, ans_ready, done;
  logic [7:0] in_data, out_data, command;
  logic [15:0] arg_data, ans_data;
  logic [2:0] status;
  logic [31:0] busy;
  logic unused_ready;  // the line does not wait: what comes between is lost, and sent again
  mr_uart_rx #(
      .CLOCKS_PER_BIT(CLOCKS_PER_BIT)
  ) u_rx (
      .clk_i,
      .rst_ni,
      .rx_i,
      .valid_o(in_valid),
      .data_o (in_data)
  );
  mr_packet #(
      .PAYLOAD(PAYLOAD),
      .TIMER(TIMER),
      .KIND(mr_packet_pkg::KIND_FOLDED),
      .CLOCK_KHZ(CLOCK_KHZ),
      .HASH(HASH),
      .LIMITS(LIMITS)
  ) u_packet (
      .clk_i,
      .rst_ni,
      .in_valid_i(in_valid),
      .in_ready_o(unused_ready),
      .in_data_i(in_data),
      .out_valid_o(out_valid),
      .out_ready_i(out_ready),
      .out_data_o(out_data),
      .kernel_rst_no,
      .busy_i(busy),
      .do_o(run),
      .command_o(command),
      .late_o(late),
      .arg_valid_o(arg_valid),
      .arg_ready_i(arg_ready),
      .arg_data_o(arg_data),
      .ans_valid_i(ans_valid),
      .ans_ready_o(ans_ready),
      .ans_data_i(ans_data),
      .done_i(done),
      .status_i(status)
  );
  mr_packet_stream #(
      .PAYLOAD(PAYLOAD)
  ) u_stream (
      .clk_i,
      .rst_ni(kernel_rst_no),
      .do_i(run),
      .command_i(command),
      .late_i(late),
      .arg_valid_i(arg_valid),
      .arg_ready_o(arg_ready),
      .arg_data_i(arg_data),
      .ans_valid_o(ans_valid),
      .ans_ready_i(ans_ready),
      .ans_data_o(ans_data),
      .done_o(done),
      .status_o(status),
      .busy_o(busy),
      .waits_i(kernel_waits_i),
      .to_valid_o,
      .to_ready_i,
      .to_data_o,
      .from_valid_i,
      .from_ready_o,
      .from_data_i
  );
  mr_uart_tx #(
      .CLOCKS_PER_BIT(CLOCKS_PER_BIT)
  ) u_tx (
      .clk_i,
      .rst_ni,
      .valid_i(out_valid),
      .ready_o(out_ready),
      .data_i(out_data),
      .tx_o
  );
endmodule
