// SPDX-License-Identifier: Apache-2.0
// mr_ram_1p against a model array: random chunked writes and reads at one address, at each latency; a write leaves
// the answer as it was; memory starts at zero.
// +seed=N, +cycles=N.
module hw_ram_1p_check #(
    parameter int DEPTH = 16,
    parameter int CHUNKS = 1,
    parameter int CHUNK_WIDTH = 16,
    parameter int LATENCY = 1
) (
    input logic clk_i,
    input logic [31:0] seed_i,
    input logic start_i,
    output int errors_o,
    output int reads_o
);
  localparam int AW = DEPTH > 1 ? $clog2(DEPTH) : 1;
  localparam int WIDTH = CHUNKS * CHUNK_WIDTH;
  logic [CHUNKS-1:0] we, we_next;
  logic [AW-1:0] addr;
  logic [CHUNK_WIDTH-1:0] wdata;
  logic [WIDTH-1:0] rdata, model[DEPTH], word;
  logic [WIDTH-1:0] expect_q, expect_q2;
  logic [31:0] rng_q, rng2_q;
  int cycle_q;

  mr_ram_1p #(
      .DEPTH(DEPTH),
      .CHUNKS(CHUNKS),
      .CHUNK_WIDTH(CHUNK_WIDTH),
      .LATENCY(LATENCY)
  ) u_dut (
      .clk_i(clk_i),
      .we_i(we),
      .wdata_i(wdata),
      .addr_i(addr),
      .rdata_o(rdata)
  );

  initial begin
    errors_o = 0;
    reads_o = 0;
    rng_q = 32'd1;
    rng2_q = 32'd1;
    cycle_q = 0;
    we = '0;
    addr = '0;
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
      we <= we_next;
      addr <= AW'((rng_q >> 12) % 32'(DEPTH));
      wdata <= CHUNK_WIDTH'({rng_q, ~rng2_q, rng2_q ^ (rng_q << 7)});
      if (we == '0 && model[addr] != '0) reads_o <= reads_o + 1;
      // The model's words before this cycle's write; the answer stays in a cycle of one.
      if (we == '0) expect_q <= model[addr];
      expect_q2 <= expect_q;
      if (cycle_q > 4) begin
        if (LATENCY == 1 && rdata !== expect_q) errors_o <= errors_o + 1;
        if (LATENCY == 2 && rdata !== expect_q2) errors_o <= errors_o + 1;
      end
      word = model[addr];
      for (int c = 0; c < CHUNKS; c++) if (we[c]) word[c*CHUNK_WIDTH+:CHUNK_WIDTH] = wdata;
      model[addr] <= word;
    end
  end
endmodule

module hw_ram_1p_tb;
  localparam int CASES = 5;
  logic clk = 1'b0, start = 1'b1;
  logic [31:0] seed, cycles;
  int errors[CASES], reads[CASES];
  int failures;

  always #5 clk = ~clk;

  hw_ram_1p_check #(.DEPTH(16), .CHUNKS(1), .CHUNK_WIDTH(36), .LATENCY(1)) u_0 (.clk_i(clk), .seed_i(seed), .start_i(start), .errors_o(errors[0]), .reads_o(reads[0]));
  hw_ram_1p_check #(.DEPTH(64), .CHUNKS(9), .CHUNK_WIDTH(64), .LATENCY(2)) u_1 (.clk_i(clk), .seed_i(seed), .start_i(start), .errors_o(errors[1]), .reads_o(reads[1]));
  hw_ram_1p_check #(.DEPTH(7), .CHUNKS(3), .CHUNK_WIDTH(5), .LATENCY(1)) u_2 (.clk_i(clk), .seed_i(seed), .start_i(start), .errors_o(errors[2]), .reads_o(reads[2]));
  hw_ram_1p_check #(.DEPTH(100), .CHUNKS(24), .CHUNK_WIDTH(16), .LATENCY(2)) u_3 (.clk_i(clk), .seed_i(seed), .start_i(start), .errors_o(errors[3]), .reads_o(reads[3]));
  hw_ram_1p_check #(.DEPTH(300), .CHUNKS(4), .CHUNK_WIDTH(16), .LATENCY(2)) u_4 (.clk_i(clk), .seed_i(seed), .start_i(start), .errors_o(errors[4]), .reads_o(reads[4]));

  initial begin
    if (!$value$plusargs("seed=%d", seed)) seed = 32'd1;
    if (!$value$plusargs("cycles=%d", cycles)) cycles = 32'd20000;
    for (int i = 0; i < 4; i++) @(posedge clk);
    start = 1'b0;
    for (logic [31:0] i = 32'd0; i < cycles; i++) @(posedge clk);
    failures = 0;
    for (int i = 0; i < CASES; i++) begin
      if (errors[i] != 0 || 32'(reads[i]) < cycles / 32'd200) failures = failures + 1;
      $display("case %0d: %0d words read that are not zero, %0d errors", i, reads[i], errors[i]);
    end
    if (failures == 0) $display("PASS seed=%0d", seed);
    else $display("FAIL seed=%0d: %0d of %0d cases", seed, failures, CASES);
    $finish;
  end
endmodule
