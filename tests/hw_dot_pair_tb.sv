// SPDX-License-Identifier: Apache-2.0
// mr_dot_pair, built of DSP48E2 and of operators, against sums that are made at once: extreme operands in all
// combinations over two columns (in the others by chance), all -128, then anything. A new pair of rows each cycle. +seed=N;
// +cycles=N: N cycles at most, of the combinations those from a random one on.
module hw_dot_pair_check #(
    parameter int COLUMNS = 1
) (
    input logic clk_i,
    input logic [31:0] seed_i,
    input int cycles_i,
    input logic start_i,
    output int errors_o,
    output logic done_o
);
  localparam int LATENCY = COLUMNS + 2;
  localparam int EXTREMES = COLUMNS == 2 ? 216 * 216 : 4000;
  localparam int OTHERS = 4000;

  int cycle, extremes, first;
  logic [31:0] random;
  assign done_o = cycle == extremes + OTHERS;
  logic [2*COLUMNS*8-1:0] weights, weights_of[COLUMNS+1];  // of this cycle, and of so many cycles before
  logic [COLUMNS*8-1:0] columns, columns_of[COLUMNS+1];
  logic [2*COLUMNS*8-1:0] skewed_weights;
  logic [COLUMNS*8-1:0] skewed_columns;
  logic [35:0] expected[LATENCY+1], by_dsp, by_operators;

  function automatic logic [7:0] extreme(input int number);
    case (number % 6)
      0: extreme = 8'h80;
      1: extreme = 8'h81;
      2: extreme = 8'hff;
      3: extreme = 8'h00;
      4: extreme = 8'h01;
      default: extreme = 8'h7f;
    endcase
  endfunction

  mr_dot_pair #(.COLUMNS(COLUMNS), .DSP(1'b1)) u_dsp (
      .clk_i(clk_i), .weights_i(skewed_weights), .columns_i(skewed_columns), .sums_o(by_dsp));
  mr_dot_pair #(.COLUMNS(COLUMNS), .DSP(1'b0)) u_operators (
      .clk_i(clk_i), .weights_i(skewed_weights), .columns_i(skewed_columns), .sums_o(by_operators));

  // Column k comes k - 1 cycles behind column 0.
  always_comb begin
    for (int k = 0; k < COLUMNS; k++) begin
      skewed_columns[k*8+:8] = columns_of[k < 2 ? 0 : k-1][k*8+:8];
      for (int r = 0; r < 2; r++)
        skewed_weights[(r*COLUMNS+k)*8+:8] = weights_of[k < 2 ? 0 : k-1][(r*COLUMNS+k)*8+:8];
    end
  end

  task automatic choose(input int count);
    int digit, combination;
    combination = (first + count) % EXTREMES;
    for (int k = 0; k < COLUMNS; k++) begin
      random = hw_noise::next(random);
      digit = k == 0 ? combination % 216 : k == 1 ? combination / 216 : int'(random >> 8) % 216;
      if (count < extremes) begin
        columns[k*8+:8] = extreme(digit);
        weights[k*8+:8] = extreme(digit / 6);
        weights[(COLUMNS+k)*8+:8] = extreme(digit / 36);
      end else if (count % 64 == 0) begin
        columns[k*8+:8] = 8'h80;
        weights[k*8+:8] = 8'h80;
        weights[(COLUMNS+k)*8+:8] = count % 128 == 0 ? 8'h80 : 8'h7f;
      end else begin
        {columns[k*8+:8], weights[k*8+:8], weights[(COLUMNS+k)*8+:8]} = random[27:4];
      end
    end
  endtask

  function automatic logic [17:0] sum(input int row);
    int total;
    total = 0;
    for (int k = 0; k < COLUMNS; k++)
      total = total + 32'($signed(weights[(row*COLUMNS+k)*8+:8])) * 32'($signed(columns[k*8+:8]));
    sum = 18'(total);
  endfunction

  initial begin
    errors_o = 0;
    cycle = 0;
    extremes = EXTREMES;
    first = 0;
    random = 32'd1;
    weights = '0;
    columns = '0;
  end

  always @(posedge clk_i) begin
    if (start_i) begin
      random = hw_noise::next(seed_i ^ 32'(COLUMNS * 1000 + 1));
      extremes = cycles_i - OTHERS < EXTREMES ? cycles_i - OTHERS : EXTREMES;
      first = int'(random >> 8) % EXTREMES;
    end else if (!done_o) begin
      if (cycle > 2 * LATENCY && (by_dsp !== expected[LATENCY] || by_operators !== expected[LATENCY])) begin
        errors_o <= errors_o + 1;
        if (errors_o < 3)
          $display("%0d columns, cycle %0d: %h by DSP48E2, %h by operators, %h expected", COLUMNS, cycle,
                   by_dsp, by_operators, expected[LATENCY]);
      end
      for (int i = LATENCY; i > 0; i--) expected[i] = expected[i-1];
      for (int i = COLUMNS; i > 0; i--) begin
        weights_of[i] <= weights_of[i-1];
        columns_of[i] <= columns_of[i-1];
      end
      choose(cycle);
      weights_of[0] <= weights;
      columns_of[0] <= columns;
      expected[0] = {sum(1), sum(0)};
      cycle <= cycle + 1;
    end
  end
endmodule

module hw_dot_pair_tb;
  localparam int MOST = 7;
  logic clk = 1'b0, start = 1'b1;
  logic [31:0] seed;
  int errors[MOST+1];
  logic [MOST:1] done;
  int cycles, failures;

  always #5 clk = ~clk;

  for (genvar n = 1; n <= MOST; n++) begin : g_columns
    hw_dot_pair_check #(.COLUMNS(n)) u_check (
        .clk_i(clk), .seed_i(seed), .cycles_i(cycles), .start_i(start), .errors_o(errors[n]), .done_o(done[n]));
  end

  initial begin
    if (!$value$plusargs("seed=%d", seed)) seed = 32'd1;
    if (!$value$plusargs("cycles=%d", cycles)) cycles = 60000;
    repeat (4) @(posedge clk);
    #1 start = 1'b0;
    while (done != '1) @(posedge clk);
    failures = 0;
    for (int n = 1; n <= MOST; n++) failures = failures + errors[n];
    if (failures == 0) $display("PASS: 1 to %0d columns", MOST);
    else $display("FAIL: %0d sums are wrong", failures);
    $finish;
  end
endmodule
