// SPDX-License-Identifier: Apache-2.0
// A reset in the middle of a run: what comes behind it is what comes of a first run. The reset comes at
// every cycle of the run in turn.
module hlsc_reset_tb;
  localparam int N = 9, ROOM = 64;
  logic clk_i = 0, rst_ni = 0, start_i = 0, out_ready_i = 1;
  logic idle_o, done_o, in_ready_o, out_valid_o, busy_o, starved_o, blocked_o;
  logic [31:0] out_data_o, first[ROOM];
  integer at = 0, count = 0, wanted = 0, cut, cycle, failed = 0;

  // The input is a fixed row of numbers, with gaps.
  reset dut (
      .clk_i, .rst_ni, .start_i, .idle_o, .done_o, .n_i(8'(N)),
      .in_valid_i(at < 3 * N && cycle % 5 != 2), .in_ready_o, .in_data_i(32'(at * 7919 + 3)),
      .out_valid_o, .out_ready_i, .out_data_o, .busy_o, .starved_o, .blocked_o);

  always #5 clk_i = !clk_i;
  always @(posedge clk_i)
    if (!rst_ni) begin
      at <= 0;
      count <= 0;
      cycle <= 0;
    end else begin
      cycle <= cycle + 1;
      if (at < 3 * N && cycle % 5 != 2 && in_ready_o) at <= at + 1;
      if (out_valid_o && out_ready_i) begin
        if (wanted == 0) first[count] <= out_data_o;
        else if (out_data_o !== first[count]) failed = failed + 1;
        count <= count + 1;
      end
    end

  task automatic begin_run;
    rst_ni <= 0;
    repeat (3) @(posedge clk_i);
    rst_ni <= 1;
    start_i <= 1;
    @(posedge clk_i) start_i <= 0;
  endtask

  task automatic end_run;
    while (!done_o) @(posedge clk_i);
    repeat (4) @(posedge clk_i);
  endtask

  initial begin
    begin_run;
    end_run;
    wanted = count;
    for (cut = 1; cut < 120; cut = cut + 1) begin
      begin_run;
      repeat (cut) @(posedge clk_i);
      begin_run;
      end_run;
      if (count != wanted) failed = failed + 1;
    end
    if (failed == 0 && wanted > 3) $display("pass: %0d words", wanted);
    else $display("FAIL: %0d words, %0d differ", wanted, failed);
    $finish;
  end
endmodule
