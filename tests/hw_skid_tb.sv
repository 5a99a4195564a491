// SPDX-License-Identifier: Apache-2.0
// mr_skid at several widths; random idle and back-pressure, +seed=N, +cycles=N.
module hw_skid_tb;
  localparam int CASES = 3;
  logic clk = 1'b0, start = 1'b1;
  logic [31:0] seed, cycles;
  int errors[CASES], passed[CASES], fulls[CASES];
  int failures;

  always #5 clk = ~clk;

  hw_stream_check #(.KIND(1), .WIDTH(1), .DEPTH(2)) u_0 (.clk_i(clk), .seed_i(seed), .start_i(start), .errors_o(errors[0]), .passed_o(passed[0]), .fulls_o(fulls[0]));
  hw_stream_check #(.KIND(1), .WIDTH(16), .DEPTH(2)) u_1 (.clk_i(clk), .seed_i(seed), .start_i(start), .errors_o(errors[1]), .passed_o(passed[1]), .fulls_o(fulls[1]));
  hw_stream_check #(.KIND(1), .WIDTH(70), .DEPTH(2)) u_2 (.clk_i(clk), .seed_i(seed), .start_i(start), .errors_o(errors[2]), .passed_o(passed[2]), .fulls_o(fulls[2]));

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
