// SPDX-License-Identifier: Apache-2.0
// mr_ram against a model array: random chunked writes and reads, often of the same address in the same
// cycle (the old word comes), at each latency; memory starts at zero. +seed=N, +cycles=N.
module hw_ram_check #(
    parameter int DEPTH = 16,
    parameter int CHUNKS = 1,
    parameter int CHUNK_WIDTH = 16,
    parameter int LATENCY = 1
) (
    input logic clk_i,
    input logic [31:0] seed_i,
    input logic start_i,
    output int errors_o,
    output int same_o
);
  localparam int AW = DEPTH > 1 ? $clog2(DEPTH) : 1;
  localparam int WIDTH = CHUNKS * CHUNK_WIDTH;
  logic [CHUNKS-1:0] we;
  logic [AW-1:0] waddr, raddr;
  logic [CHUNK_WIDTH-1:0] wdata;
  logic [WIDTH-1:0] rdata, model[DEPTH], word, expect1_q, expect2_q;
  logic [31:0] rng_q, rng2_q;
  int cycle_q;

  mr_ram #(
      .DEPTH(DEPTH),
      .CHUNKS(CHUNKS),
      .CHUNK_WIDTH(CHUNK_WIDTH),
      .LATENCY(LATENCY),
      .STYLE("block")
  ) u_dut (
      .clk_i(clk_i),
      .we_i(we),
      .waddr_i(waddr),
      .wdata_i(wdata),
      .raddr_i(raddr),
      .rdata_o(rdata)
  );

  initial begin
    errors_o = 0;
    same_o = 0;
    rng_q = 32'd1;
    rng2_q = 32'd1;
    cycle_q = 0;
    we = '0;
    waddr = '0;
    raddr = '0;
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
      // Reads only for the first cycles, to see the zeros.
      we <= cycle_q > 50 ? CHUNKS'(rng2_q >> 7) & CHUNKS'(rng_q >> 9) : '0;
      waddr <= AW'((rng_q >> 12) % 32'(DEPTH));
      raddr <= rng2_q[30] ? AW'((rng_q >> 12) % 32'(DEPTH)) : AW'((rng2_q >> 12) % 32'(DEPTH));
      wdata <= CHUNK_WIDTH'(rng2_q ^ (rng_q << 7));
      if (we != '0 && waddr == raddr) same_o <= same_o + 1;
      // The model's word before this cycle's write.
      expect1_q <= model[raddr];
      expect2_q <= expect1_q;
      if (cycle_q > 4) begin
        if (LATENCY == 0 && rdata !== model[raddr]) errors_o <= errors_o + 1;
        if (LATENCY == 1 && rdata !== expect1_q) errors_o <= errors_o + 1;
        if (LATENCY == 2 && rdata !== expect2_q) errors_o <= errors_o + 1;
      end
      word = model[waddr];
      for (int c = 0; c < CHUNKS; c++) if (we[c]) word[c*CHUNK_WIDTH+:CHUNK_WIDTH] = wdata;
      model[waddr] <= word;
    end
  end
endmodule

module hw_ram_tb;
  localparam int CASES = 6;
  logic clk = 1'b0, start = 1'b1;
  logic [31:0] seed, cycles;
  int errors[CASES], same[CASES];
  int failures;

  always #5 clk = ~clk;

  hw_ram_check #(.DEPTH(16), .CHUNKS(1), .CHUNK_WIDTH(16), .LATENCY(0)) u_0 (.clk_i(clk), .seed_i(seed), .start_i(start), .errors_o(errors[0]), .same_o(same[0]));
  hw_ram_check #(.DEPTH(20), .CHUNKS(4), .CHUNK_WIDTH(8), .LATENCY(0)) u_1 (.clk_i(clk), .seed_i(seed), .start_i(start), .errors_o(errors[1]), .same_o(same[1]));
  hw_ram_check #(.DEPTH(64), .CHUNKS(8), .CHUNK_WIDTH(16), .LATENCY(1)) u_2 (.clk_i(clk), .seed_i(seed), .start_i(start), .errors_o(errors[2]), .same_o(same[2]));
  hw_ram_check #(.DEPTH(1), .CHUNKS(2), .CHUNK_WIDTH(5), .LATENCY(1)) u_3 (.clk_i(clk), .seed_i(seed), .start_i(start), .errors_o(errors[3]), .same_o(same[3]));
  hw_ram_check #(.DEPTH(7), .CHUNKS(1), .CHUNK_WIDTH(32), .LATENCY(2)) u_4 (.clk_i(clk), .seed_i(seed), .start_i(start), .errors_o(errors[4]), .same_o(same[4]));
  hw_ram_check #(.DEPTH(100), .CHUNKS(24), .CHUNK_WIDTH(16), .LATENCY(2)) u_5 (.clk_i(clk), .seed_i(seed), .start_i(start), .errors_o(errors[5]), .same_o(same[5]));

  initial begin
    if (!$value$plusargs("seed=%d", seed)) seed = 32'd1;
    if (!$value$plusargs("cycles=%d", cycles)) cycles = 32'd20000;
    for (int i = 0; i < 4; i++) @(posedge clk);
    start = 1'b0;
    for (logic [31:0] i = 32'd0; i < cycles; i++) @(posedge clk);
    failures = 0;
    for (int i = 0; i < CASES; i++) begin
      if (errors[i] != 0 || 32'(same[i]) < cycles / 32'd200) failures = failures + 1;
      $display("case %0d: %0d reads of the word being written, %0d errors", i, same[i], errors[i]);
    end
    if (failures == 0) $display("PASS seed=%0d", seed);
    else $display("FAIL seed=%0d: %0d of %0d cases", seed, failures, CASES);
    $finish;
  end
endmodule
