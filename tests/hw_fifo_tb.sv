// SPDX-License-Identifier: Apache-2.0
// mr_fifo at many depths, both kinds of storage; random idle and back-pressure, +seed=N, +cycles=N.
module hw_fifo_tb;
  localparam int CASES = 13;
  logic clk = 1'b0, start = 1'b1;
  logic [31:0] seed, cycles;
  int errors[CASES], passed[CASES], fulls[CASES];
  int failures;

  always #5 clk = ~clk;

  hw_stream_check #(.WIDTH(16), .DEPTH(1), .LUTRAM_DEPTH(64)) u_0 (.clk_i(clk), .seed_i(seed), .start_i(start), .errors_o(errors[0]), .passed_o(passed[0]), .fulls_o(fulls[0]));
  hw_stream_check #(.WIDTH(16), .DEPTH(2), .LUTRAM_DEPTH(64)) u_1 (.clk_i(clk), .seed_i(seed), .start_i(start), .errors_o(errors[1]), .passed_o(passed[1]), .fulls_o(fulls[1]));
  hw_stream_check #(.WIDTH(1), .DEPTH(3), .LUTRAM_DEPTH(64)) u_2 (.clk_i(clk), .seed_i(seed), .start_i(start), .errors_o(errors[2]), .passed_o(passed[2]), .fulls_o(fulls[2]));
  hw_stream_check #(.WIDTH(33), .DEPTH(4), .LUTRAM_DEPTH(64)) u_3 (.clk_i(clk), .seed_i(seed), .start_i(start), .errors_o(errors[3]), .passed_o(passed[3]), .fulls_o(fulls[3]));
  hw_stream_check #(.WIDTH(16), .DEPTH(7), .LUTRAM_DEPTH(64)) u_4 (.clk_i(clk), .seed_i(seed), .start_i(start), .errors_o(errors[4]), .passed_o(passed[4]), .fulls_o(fulls[4]));
  hw_stream_check #(.WIDTH(8), .DEPTH(64), .LUTRAM_DEPTH(64)) u_5 (.clk_i(clk), .seed_i(seed), .start_i(start), .errors_o(errors[5]), .passed_o(passed[5]), .fulls_o(fulls[5]));
  hw_stream_check #(.WIDTH(8), .DEPTH(65), .LUTRAM_DEPTH(64)) u_6 (.clk_i(clk), .seed_i(seed), .start_i(start), .errors_o(errors[6]), .passed_o(passed[6]), .fulls_o(fulls[6]));
  hw_stream_check #(.WIDTH(16), .DEPTH(100), .LUTRAM_DEPTH(64)) u_7 (.clk_i(clk), .seed_i(seed), .start_i(start), .errors_o(errors[7]), .passed_o(passed[7]), .fulls_o(fulls[7]));
  hw_stream_check #(.WIDTH(16), .DEPTH(1), .LUTRAM_DEPTH(0)) u_8 (.clk_i(clk), .seed_i(seed), .start_i(start), .errors_o(errors[8]), .passed_o(passed[8]), .fulls_o(fulls[8]));
  hw_stream_check #(.WIDTH(16), .DEPTH(2), .LUTRAM_DEPTH(0)) u_9 (.clk_i(clk), .seed_i(seed), .start_i(start), .errors_o(errors[9]), .passed_o(passed[9]), .fulls_o(fulls[9]));
  hw_stream_check #(.WIDTH(70), .DEPTH(3), .LUTRAM_DEPTH(0)) u_10 (.clk_i(clk), .seed_i(seed), .start_i(start), .errors_o(errors[10]), .passed_o(passed[10]), .fulls_o(fulls[10]));
  hw_stream_check #(.WIDTH(16), .DEPTH(4), .LUTRAM_DEPTH(0)) u_11 (.clk_i(clk), .seed_i(seed), .start_i(start), .errors_o(errors[11]), .passed_o(passed[11]), .fulls_o(fulls[11]));
  hw_stream_check #(.WIDTH(16), .DEPTH(32), .LUTRAM_DEPTH(0)) u_12 (.clk_i(clk), .seed_i(seed), .start_i(start), .errors_o(errors[12]), .passed_o(passed[12]), .fulls_o(fulls[12]));

  initial begin
    if (!$value$plusargs("seed=%d", seed)) seed = 32'd1;
    if (!$value$plusargs("cycles=%d", cycles)) cycles = 32'd40000;
    for (int i = 0; i < 4; i++) @(posedge clk);
    start = 1'b0;
    for (logic [31:0] i = 32'd0; i < cycles; i++) @(posedge clk);
    failures = 0;
    for (int i = 0; i < CASES; i++) begin
      if (errors[i] != 0 || 32'(passed[i]) < cycles / 32'd40 || fulls[i] == 0) failures = failures + 1;
      $display("case %0d: %0d elements passed, %0d cycles full, %0d errors", i, passed[i], fulls[i], errors[i]);
    end
    if (failures == 0) $display("PASS seed=%0d", seed);
    else $display("FAIL seed=%0d: %0d of %0d cases", seed, failures, CASES);
    $finish;
  end
endmodule
