// SPDX-License-Identifier: Apache-2.0
// mr_crossing with several numbers of registers and credits; random idle and back-pressure, +seed=N, +cycles=N.

// Drives one with every mixture of idle writer and stalled reader and compares it in each cycle with a model: word
// number n carries a value made from n, and the cycle of its push decides when it is on offer; a credit comes back
// STAGES cycles after its word was taken. The writer counts its credits itself.
module hw_crossing_check #(
    parameter int WIDTH = 16,
    parameter int DEPTH = 8,
    parameter int STAGES = 4
) (
    input logic clk_i,
    input logic [31:0] seed_i,
    input logic start_i,
    output int errors_o,
    output int passed_o,
    output int dry_o,
    output int full_o
);
  logic rst_n, push, taken, out_valid, out_ready;
  logic [WIDTH-1:0] word, out_data;
  logic [31:0] random, cycle, in_q, out_q, credits_q, row_q;
  logic [31:0] pushed_q[64]; // cycle, by word
  logic [STAGES-1:0] back_q;
  logic [7:0] idle;

  hw_mixture #(.SALT((32'(DEPTH) * 32'd2654435761) ^ (32'(STAGES) << 20) ^ 32'(WIDTH))) u_mixture (
      .clk_i(clk_i), .seed_i(seed_i), .start_i(start_i), .rst_no(rst_n), .cycle_o(cycle), .random_o(random),
      .idle_o(idle), .ready_o(out_ready));

  mr_crossing #(
      .WIDTH(WIDTH),
      .DEPTH(DEPTH),
      .STAGES(STAGES)
  ) u_dut (
      .clk_i(clk_i),
      .rst_ni(rst_n),
      .push_i(push),
      .word_i(word),
      .taken_o(taken),
      .out_valid_o(out_valid),
      .out_ready_i(out_ready),
      .out_data_o(out_data)
  );

  // Of each cycle, before its edge.
  logic expected;
  logic [95:0] first, last; // words of the reader and of the writer
  logic [WIDTH-1:0] oldest;
  assign first = hw_noise::word(out_q);
  assign last = hw_noise::word(in_q);
  assign oldest = first[WIDTH-1:0];
  assign expected = in_q != out_q && cycle - pushed_q[out_q[5:0]] > 32'(STAGES);
  assign push = rst_n && credits_q != 32'd0 && random[31:24] >= idle;
  assign word = push ? last[WIDTH-1:0] : WIDTH'(random);

  initial begin
    errors_o = 0;
    passed_o = 0;
    dry_o = 0;
    full_o = 0;
    in_q = 32'd0;
    out_q = 32'd0;
    credits_q = 32'd0;
    row_q = 32'd0;
    back_q = '0;
    for (int i = 0; i < 64; i++) pushed_q[i] = 32'd0;
  end

  always @(posedge clk_i) begin
    if (!rst_n) begin
      in_q <= 32'd0;
      out_q <= 32'd0;
      credits_q <= 32'(DEPTH);
      back_q <= '0;
      row_q <= 32'd0;
    end else begin
      if (push) pushed_q[in_q[5:0]] <= cycle;
      in_q <= in_q + 32'(push);
      out_q <= out_q + 32'(out_valid && out_ready);
      back_q <= STAGES'({back_q, out_valid && out_ready});
      credits_q <= credits_q - 32'(push) + 32'(taken);
      row_q <= out_valid && out_ready ? row_q + 32'd1 : 32'd0;
      if (out_valid !== expected || taken !== back_q[STAGES-1] || (expected && out_data !== oldest)) begin
        errors_o <= errors_o + 1;
        if (errors_o < 5)
          $display("WIDTH=%0d DEPTH=%0d STAGES=%0d cycle %0d: word %0d, out_valid=%b, expected %b, data %h, expected %h, taken=%b, expected %b",
                   WIDTH, DEPTH, STAGES, cycle, out_q, out_valid, expected, out_data, oldest, taken, back_q[STAGES-1]);
      end else if (out_valid && out_ready) passed_o <= passed_o + 1;
      if (credits_q == 32'd0) dry_o <= dry_o + 1;
      // So many words in a row that the first credits must have gone round.
      if (row_q > 32'(2 * DEPTH)) full_o <= full_o + 1;
    end
  end
endmodule

module hw_crossing_tb;
  localparam int CASES = 8;
  // The last of them have too few credits for a word a cycle.
  localparam int FAST = 5;
  logic clk = 1'b0, start = 1'b1;
  logic [31:0] seed, cycles;
  int errors[CASES], passed[CASES], dry[CASES], full[CASES];
  int failures;

  always #5 clk = ~clk;

  hw_crossing_check #(.WIDTH(16), .DEPTH(4), .STAGES(1)) u_0 (.clk_i(clk), .seed_i(seed), .start_i(start), .errors_o(errors[0]), .passed_o(passed[0]), .dry_o(dry[0]), .full_o(full[0]));
  hw_crossing_check #(.WIDTH(1), .DEPTH(6), .STAGES(2)) u_1 (.clk_i(clk), .seed_i(seed), .start_i(start), .errors_o(errors[1]), .passed_o(passed[1]), .dry_o(dry[1]), .full_o(full[1]));
  hw_crossing_check #(.WIDTH(33), .DEPTH(8), .STAGES(3)) u_2 (.clk_i(clk), .seed_i(seed), .start_i(start), .errors_o(errors[2]), .passed_o(passed[2]), .dry_o(dry[2]), .full_o(full[2]));
  hw_crossing_check #(.WIDTH(16), .DEPTH(10), .STAGES(4)) u_3 (.clk_i(clk), .seed_i(seed), .start_i(start), .errors_o(errors[3]), .passed_o(passed[3]), .dry_o(dry[3]), .full_o(full[3]));
  hw_crossing_check #(.WIDTH(70), .DEPTH(18), .STAGES(8)) u_4 (.clk_i(clk), .seed_i(seed), .start_i(start), .errors_o(errors[4]), .passed_o(passed[4]), .dry_o(dry[4]), .full_o(full[4]));
  hw_crossing_check #(.WIDTH(16), .DEPTH(1), .STAGES(1)) u_5 (.clk_i(clk), .seed_i(seed), .start_i(start), .errors_o(errors[5]), .passed_o(passed[5]), .dry_o(dry[5]), .full_o(full[5]));
  hw_crossing_check #(.WIDTH(16), .DEPTH(4), .STAGES(6)) u_6 (.clk_i(clk), .seed_i(seed), .start_i(start), .errors_o(errors[6]), .passed_o(passed[6]), .dry_o(dry[6]), .full_o(full[6]));
  hw_crossing_check #(.WIDTH(16), .DEPTH(9), .STAGES(4)) u_7 (.clk_i(clk), .seed_i(seed), .start_i(start), .errors_o(errors[7]), .passed_o(passed[7]), .dry_o(dry[7]), .full_o(full[7]));

  initial begin
    if (!$value$plusargs("seed=%d", seed)) seed = 32'd1;
    if (!$value$plusargs("cycles=%d", cycles)) cycles = 32'd40000;
    for (int i = 0; i < 4; i++) @(posedge clk);
    start = 1'b0;
    for (logic [31:0] i = 32'd0; i < cycles; i++) @(posedge clk);
    failures = 0;
    for (int i = 0; i < CASES; i++) begin
      if (errors[i] != 0 || 32'(passed[i]) < cycles / 32'd40 || dry[i] == 0 || (full[i] != 0) != (i < FAST)) failures = failures + 1;
      $display("case %0d: %0d words passed, %0d cycles without credit, %0d at full speed, %0d errors", i, passed[i], dry[i], full[i], errors[i]);
    end
    if (failures == 0) $display("PASS seed=%0d", seed);
    else $display("FAIL seed=%0d: %0d of %0d cases", seed, failures, CASES);
    $finish;
  end
endmodule
