// SPDX-License-Identifier: Apache-2.0
// mr_ram_t2p against a model array: random chunked writes by port A and reads by both, at each latency; a write
// leaves port A's answer as it was; memory starts at zero. Port B keeps off the word that is being written.
// +seed=N, +cycles=N.
module hw_ram_t2p_check #(
    parameter int DEPTH = 16,
    parameter int CHUNKS = 1,
    parameter int CHUNK_WIDTH = 16,
    parameter int LATENCY = 1,
    parameter STYLE = "block"
) (
    input logic clk_i,
    input logic [31:0] seed_i,
    input logic start_i,
    output int errors_o,
    output int both_o
);
  localparam int AW = DEPTH > 1 ? $clog2(DEPTH) : 1;
  localparam int WIDTH = CHUNKS * CHUNK_WIDTH;
  logic [CHUNKS-1:0] we, we_next;
  logic [AW-1:0] addr_a, addr_b, a_next, b_next;
  logic [CHUNK_WIDTH-1:0] wdata;
  logic [WIDTH-1:0] rdata_a, rdata_b, model[DEPTH], word;
  logic [WIDTH-1:0] expect_a_q, expect_b_q, expect_a_q2, expect_b_q2;
  logic [31:0] rng_q, rng2_q;
  int cycle_q;

  mr_ram_t2p #(
      .DEPTH(DEPTH),
      .CHUNKS(CHUNKS),
      .CHUNK_WIDTH(CHUNK_WIDTH),
      .LATENCY(LATENCY),
      .STYLE(STYLE)
  ) u_dut (
      .clk_i(clk_i),
      .we_i(we),
      .wdata_i(wdata),
      .addr_a_i(addr_a),
      .addr_b_i(addr_b),
      .rdata_a_o(rdata_a),
      .rdata_b_o(rdata_b)
  );

  initial begin
    errors_o = 0;
    both_o = 0;
    rng_q = 32'd1;
    rng2_q = 32'd1;
    cycle_q = 0;
    we = '0;
    addr_a = '0;
    addr_b = '0;
    wdata = '0;
    for (int i = 0; i < DEPTH; i++) model[i] = '0;
  end

  always @(posedge clk_i) begin
    if (start_i) begin
      rng_q <= seed_i ^ 32'(DEPTH * 8 + LATENCY);
      rng2_q <= ~seed_i;
      we <= '0;
      cycle_q <= 0;
    end else begin
      rng_q <= rng_q * 32'd1664525 + 32'd1013904223;
      rng2_q <= rng2_q * 32'd22695477 + rng_q;
      cycle_q <= cycle_q + 1;
      // Reads only for the first cycles, to see the zeros; later runs of writes and runs of reads.
      we_next = cycle_q > 50 && rng_q[30] ? CHUNKS'(rng2_q >> 7) & CHUNKS'(rng_q >> 9) : '0;
      a_next = AW'((rng_q >> 12) % 32'(DEPTH));
      b_next = AW'((rng2_q >> 12) % 32'(DEPTH));
      if (we_next != '0 && a_next == b_next) we_next = '0;
      we <= we_next;
      addr_a <= a_next;
      addr_b <= b_next;
      wdata <= CHUNK_WIDTH'({rng_q, ~rng2_q, rng2_q ^ (rng_q << 7)});
      if (we == '0 && model[addr_a] != model[addr_b]) both_o <= both_o + 1;
      // The model's words before this cycle's write; port A holds its answer in a cycle of one.
      if (we == '0) expect_a_q <= model[addr_a];
      expect_b_q <= model[addr_b];
      expect_a_q2 <= expect_a_q;
      expect_b_q2 <= expect_b_q;
      if (cycle_q > 4) begin
        if (LATENCY == 1 && (rdata_a !== expect_a_q || rdata_b !== expect_b_q)) errors_o <= errors_o + 1;
        if (LATENCY == 2 && (rdata_a !== expect_a_q2 || rdata_b !== expect_b_q2)) errors_o <= errors_o + 1;
      end
      word = model[addr_a];
      for (int c = 0; c < CHUNKS; c++) if (we[c]) word[c*CHUNK_WIDTH+:CHUNK_WIDTH] = wdata;
      model[addr_a] <= word;
    end
  end
endmodule

module hw_ram_t2p_tb;
  localparam int CASES = 5;
  logic clk = 1'b0, start = 1'b1;
  logic [31:0] seed, cycles;
  int errors[CASES], both[CASES];
  int failures;

  always #5 clk = ~clk;

  hw_ram_t2p_check #(.DEPTH(16), .CHUNKS(1), .CHUNK_WIDTH(36), .LATENCY(1)) u_0 (.clk_i(clk), .seed_i(seed), .start_i(start), .errors_o(errors[0]), .both_o(both[0]));
  hw_ram_t2p_check #(.DEPTH(64), .CHUNKS(9), .CHUNK_WIDTH(64), .LATENCY(2), .STYLE("ultra")) u_1 (.clk_i(clk), .seed_i(seed), .start_i(start), .errors_o(errors[1]), .both_o(both[1]));
  hw_ram_t2p_check #(.DEPTH(7), .CHUNKS(3), .CHUNK_WIDTH(5), .LATENCY(1)) u_2 (.clk_i(clk), .seed_i(seed), .start_i(start), .errors_o(errors[2]), .both_o(both[2]));
  hw_ram_t2p_check #(.DEPTH(100), .CHUNKS(24), .CHUNK_WIDTH(16), .LATENCY(2)) u_3 (.clk_i(clk), .seed_i(seed), .start_i(start), .errors_o(errors[3]), .both_o(both[3]));
  hw_ram_t2p_check #(.DEPTH(2), .CHUNKS(1), .CHUNK_WIDTH(72), .LATENCY(2), .STYLE("ultra")) u_4 (.clk_i(clk), .seed_i(seed), .start_i(start), .errors_o(errors[4]), .both_o(both[4]));

  initial begin
    if (!$value$plusargs("seed=%d", seed)) seed = 32'd1;
    if (!$value$plusargs("cycles=%d", cycles)) cycles = 32'd20000;
    for (int i = 0; i < 4; i++) @(posedge clk);
    start = 1'b0;
    for (logic [31:0] i = 32'd0; i < cycles; i++) @(posedge clk);
    failures = 0;
    for (int i = 0; i < CASES; i++) begin
      if (errors[i] != 0 || 32'(both[i]) < cycles / 32'd200) failures = failures + 1;
      $display("case %0d: %0d cycles in which both read different words, %0d errors", i, both[i], errors[i]);
    end
    if (failures == 0) $display("PASS seed=%0d", seed);
    else $display("FAIL seed=%0d: %0d of %0d cases", seed, failures, CASES);
    $finish;
  end
endmodule
