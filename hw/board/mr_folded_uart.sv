// SPDX-License-Identifier: Apache-2.0
// What all boards with an iCE40 UP5K have behind their clock: reset, serial line, packets, and the folded kernel.

module mr_folded_uart #(
    /// As in mr_uart_link.
    parameter int CLOCKS_PER_BIT = 8,
    parameter int CLOCK_KHZ = 24000,
    parameter logic [127:0] HASH = '0,
    parameter logic [127:0] LIMITS = '0
) (
    /// Clock, rising edge.
    input  logic clk_i,
    /// The clock is right. Low, as the button: all is reset.
    input  logic on_i,
    input  logic button_ni,
    /// The serial line, from the host and to it.
    input  logic rx_i,
    output logic tx_o,
    /// Low while the kernel works on a command, and while nothing is reset.
    output logic busy_no,
    output logic runs_no
);
  // Registers start as zeros. The block RAMs of an iCE40 are not right for some microseconds behind its
  // configuration, so a reset is 256 cycles.
  logic [1:0] off_q;
  logic [8:0] count_q;
  logic rst_n;
  always_ff @(posedge clk_i) begin
    off_q <= {off_q[0], !on_i || !button_ni};
    if (off_q[1]) count_q <= '0;
    else if (!count_q[8]) count_q <= count_q + 9'd1;
  end
  assign rst_n = count_q[8];
  assign runs_no = !rst_n;

  logic kernel_rst_n, to_valid, to_ready, from_valid, from_ready;
  logic idle, done, busy, starved, blocked;
  logic [15:0] to_data, from_data;
  mr_uart_link #(
      .CLOCKS_PER_BIT(CLOCKS_PER_BIT),
      .CLOCK_KHZ(CLOCK_KHZ),
      .HASH(HASH),
      .LIMITS(LIMITS)
  ) u_link (
      .clk_i,
      .rst_ni(rst_n),
      .rx_i,
      .tx_o,
      .kernel_rst_no(kernel_rst_n),
      .kernel_waits_i(starved || blocked),
      .to_valid_o(to_valid),
      .to_ready_i(to_ready),
      .to_data_o(to_data),
      .from_valid_i(from_valid),
      .from_ready_o(from_ready),
      .from_data_i(from_data)
  );

  // A run of the kernel is one command, and the next one begins at once.
  folded u_kernel (
      .clk_i,
      .rst_ni(kernel_rst_n),
      .start_i(1'b1),
      .idle_o(idle),
      .done_o(done),
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
  always_ff @(posedge clk_i) busy_no <= !busy;
  logic unused;
  assign unused = &{idle, done};
endmodule
