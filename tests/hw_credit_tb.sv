// SPDX-License-Identifier: Apache-2.0
// mr_credit against a counted model, with random takes and gives that keep the contract, +seed=N.
module hw_credit_check #(
    parameter int DEPTH = 4
) (
    input logic clk_i,
    input logic [31:0] seed_i,
    input logic start_i,
    output int errors_o,
    output int empty_o
);
  logic rst_n, take, give, available;
  logic [31:0] rng_q, cycle_q;
  int count;

  mr_credit #(
      .DEPTH(DEPTH)
  ) u_dut (
      .clk_i(clk_i),
      .rst_ni(rst_n),
      .take_i(take),
      .give_i(give),
      .available_o(available)
  );

  // The model's count is of the credits before this cycle's take and give.
  assign take = rst_n && available && (rng_q[8] || cycle_q[7]);
  assign give = rst_n && count < DEPTH && (rng_q[16] || cycle_q[8]) && !cycle_q[9];

  initial begin
    errors_o = 0;
    empty_o = 0;
    rst_n = 1'b0;
    rng_q = 32'd1;
    cycle_q = 32'd0;
    count = DEPTH;
  end

  always @(posedge clk_i) begin
    if (start_i) rng_q <= seed_i ^ 32'(DEPTH);
    else begin
      rng_q <= rng_q * 32'd1664525 + 32'd1013904223;
      cycle_q <= cycle_q + 32'd1;
      rst_n <= cycle_q[11:0] >= 12'd2;
      if (!rst_n) count <= DEPTH;
      else begin
        count <= count - (take ? 1 : 0) + (give ? 1 : 0);
        if (available !== (count != 0)) errors_o <= errors_o + 1;
        if (count == 0) empty_o <= empty_o + 1;
      end
    end
  end
endmodule

module hw_credit_tb;
  localparam int CASES = 4;
  logic clk = 1'b0, start = 1'b1;
  logic [31:0] seed;
  int errors[CASES], empty[CASES];
  int failures;

  always #5 clk = ~clk;

  hw_credit_check #(.DEPTH(1)) u_0 (.clk_i(clk), .seed_i(seed), .start_i(start), .errors_o(errors[0]), .empty_o(empty[0]));
  hw_credit_check #(.DEPTH(2)) u_1 (.clk_i(clk), .seed_i(seed), .start_i(start), .errors_o(errors[1]), .empty_o(empty[1]));
  hw_credit_check #(.DEPTH(5)) u_2 (.clk_i(clk), .seed_i(seed), .start_i(start), .errors_o(errors[2]), .empty_o(empty[2]));
  hw_credit_check #(.DEPTH(64)) u_3 (.clk_i(clk), .seed_i(seed), .start_i(start), .errors_o(errors[3]), .empty_o(empty[3]));

  initial begin
    if (!$value$plusargs("seed=%d", seed)) seed = 32'd1;
    for (int i = 0; i < 4; i++) @(posedge clk);
    start = 1'b0;
    for (int i = 0; i < 40000; i++) @(posedge clk);
    failures = 0;
    for (int i = 0; i < CASES; i++) begin
      if (errors[i] != 0 || empty[i] == 0) failures = failures + 1;
      $display("case %0d: %0d cycles without credit, %0d errors", i, empty[i], errors[i]);
    end
    if (failures == 0) $display("PASS seed=%0d", seed);
    else $display("FAIL seed=%0d: %0d of %0d cases", seed, failures, CASES);
    $finish;
  end
endmodule
