// SPDX-License-Identifier: Apache-2.0
// mr_ram, mr_ram_parted, mr_ram_1p and mr_ram_t2p against a model array: random chunked writes at address A, reads at A (a
// write leaves that answer as it was) and at B, at each latency; memory starts at zero. B of mr_ram and mr_ram_parted is often
// the word that is being written, of which the old one comes; B of mr_ram_t2p keeps off it. +seed=N, +cycles=N.
module hw_ram_check #(
    // Where is read: mr_ram has B, mr_ram_1p A, mr_ram_t2p both.
    parameter logic AT_A = 1'b0,
    parameter logic AT_B = 1'b1,
    parameter int DEPTH = 16,
    parameter int CHUNKS = 1,
    parameter int CHUNK_WIDTH = 16,
    parameter int LATENCY = 1,
    parameter STYLE = "block",
    // Of mr_ram and mr_ram_parted.
    parameter int OWN_DATA = 0,
    // Of mr_ram_parted; 0: it is another one.
    parameter int FIRST = 0,
    parameter int PIECE = 256
) (
    input logic clk_i,
    input logic [31:0] seed_i,
    input logic start_i,
    output int errors_o,
    /// Cycles of what is to be seen: at B alone a read of the word being written, at A alone a word that is not zero, at
    /// both two different words.
    output int seen_o
);
  localparam int AW = DEPTH > 1 ? $clog2(DEPTH) : 1;
  localparam int WIDTH = CHUNKS * CHUNK_WIDTH;
  localparam int DATA_WIDTH = OWN_DATA != 0 ? WIDTH : CHUNK_WIDTH;
  logic [CHUNKS-1:0] we, we_next;
  logic [AW-1:0] addr_a, addr_b, a_next, b_next;
  logic [DATA_WIDTH-1:0] wdata;
  logic [WIDTH-1:0] rdata_a, rdata_b, model[DEPTH], word, answer_a, answer_b;
  logic [WIDTH-1:0] expect_a_q, expect_b_q, expect_a_q2, expect_b_q2;
  logic [31:0] rng_q, rng2_q;
  int cycle_q;

  if (FIRST > 0) begin : g_ram_parted
    mr_ram_parted #(
        .DEPTH(DEPTH),
        .FIRST(FIRST),
        .CHUNKS(CHUNKS),
        .CHUNK_WIDTH(CHUNK_WIDTH),
        .STYLE(STYLE),
        .PIECE(PIECE),
        .OWN_DATA(OWN_DATA)
    ) u_dut (
        .clk_i(clk_i),
        .we_i(we),
        .waddr_i(addr_a),
        .wdata_i(wdata),
        .raddr_i(addr_b),
        .rdata_o(rdata_b)
    );
    assign rdata_a = '0;
  end else if (!AT_A) begin : g_ram
    mr_ram #(
        .DEPTH(DEPTH),
        .CHUNKS(CHUNKS),
        .CHUNK_WIDTH(CHUNK_WIDTH),
        .LATENCY(LATENCY),
        .STYLE(STYLE),
        .OWN_DATA(OWN_DATA)
    ) u_dut (
        .clk_i(clk_i),
        .we_i(we),
        .waddr_i(addr_a),
        .wdata_i(wdata),
        .raddr_i(addr_b),
        .rdata_o(rdata_b)
    );
    assign rdata_a = '0;
  end else if (!AT_B) begin : g_ram_1p
    mr_ram_1p #(
        .DEPTH(DEPTH),
        .CHUNKS(CHUNKS),
        .CHUNK_WIDTH(CHUNK_WIDTH),
        .LATENCY(LATENCY)
    ) u_dut (
        .clk_i(clk_i),
        .we_i(we),
        .wdata_i(wdata),
        .addr_i(addr_a),
        .rdata_o(rdata_a)
    );
    assign rdata_b = '0;
  end else begin : g_ram_t2p
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
  end

  initial begin
    errors_o = 0;
    seen_o = 0;
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
      // Reads only for the first cycles, to see the zeros; later, where A is read too, writes in half of them.
      we_next = cycle_q > 50 && (!AT_A || rng_q[30]) ? CHUNKS'(rng2_q >> 7) & CHUNKS'(rng_q >> 9) : '0;
      a_next = AW'((rng_q >> 12) % 32'(DEPTH));
      b_next = !AT_A && rng2_q[30] ? a_next : AW'((rng2_q >> 12) % 32'(DEPTH));
      if (AT_A && AT_B && a_next == b_next) we_next = '0;
      we <= we_next;
      addr_a <= a_next;
      addr_b <= b_next;
      wdata <= DATA_WIDTH'({rng_q, ~rng2_q, rng2_q ^ (rng_q << 7)});
      if (!AT_A ? we != '0 && addr_a == addr_b : we == '0 && model[addr_a] != (AT_B ? model[addr_b] : '0))
        seen_o <= seen_o + 1;
      // The model's words before this cycle's write.
      if (we == '0) expect_a_q <= model[addr_a];
      expect_b_q <= model[addr_b];
      expect_a_q2 <= expect_a_q;
      expect_b_q2 <= expect_b_q;
      answer_a = LATENCY == 1 ? expect_a_q : expect_a_q2;
      answer_b = LATENCY == 0 ? model[addr_b] : LATENCY == 1 ? expect_b_q : expect_b_q2;
      if (cycle_q > 4 && ((AT_A && rdata_a !== answer_a) || (AT_B && rdata_b !== answer_b))) errors_o <= errors_o + 1;
      word = model[addr_a];
      for (int c = 0; c < CHUNKS; c++) 
        if (we[c]) word[c*CHUNK_WIDTH+:CHUNK_WIDTH] = wdata[(OWN_DATA!=0?c*CHUNK_WIDTH : 0)+:CHUNK_WIDTH];
      model[addr_a] <= word;
    end
  end
endmodule

module hw_ram_tb;
  localparam int CASES = 22;
  logic clk = 1'b0, start = 1'b1;
  logic [31:0] seed, cycles;
  int errors[CASES], seen[CASES];
  int failures;

  always #5 clk = ~clk;

  `define RAM_OF(I, AT_A, AT_B, DEPTH, CHUNKS, CHUNK_WIDTH, LATENCY, STYLE, OWN_DATA) \
    hw_ram_check #(AT_A, AT_B, DEPTH, CHUNKS, CHUNK_WIDTH, LATENCY, STYLE, OWN_DATA) \
        u_``I (clk, seed, start, errors[I], seen[I]);
  `define RAM(I, AT_A, AT_B, DEPTH, CHUNKS, CHUNK_WIDTH, LATENCY, STYLE) \
    `RAM_OF(I, AT_A, AT_B, DEPTH, CHUNKS, CHUNK_WIDTH, LATENCY, STYLE, 0)
  `define PARTED(I, DEPTH, CHUNKS, CHUNK_WIDTH, OWN_DATA, FIRST, PIECE) \
    hw_ram_check #(1'b0, 1'b1, DEPTH, CHUNKS, CHUNK_WIDTH, 2, "block", OWN_DATA, FIRST, PIECE) \
        u_``I (clk, seed, start, errors[I], seen[I]);
  `RAM(0, 1'b0, 1'b1, 16, 1, 16, 0, "block")
  `RAM(1, 1'b0, 1'b1, 20, 4, 8, 0, "block")
  `RAM(2, 1'b0, 1'b1, 64, 8, 16, 1, "block")
  `RAM(3, 1'b0, 1'b1, 1, 2, 5, 1, "block")
  `RAM(4, 1'b0, 1'b1, 7, 1, 32, 2, "block")
  `RAM(5, 1'b0, 1'b1, 100, 24, 16, 2, "block")
  `RAM(6, 1'b1, 1'b0, 16, 1, 36, 1, "")
  `RAM(7, 1'b1, 1'b0, 64, 9, 64, 2, "")
  `RAM(8, 1'b1, 1'b0, 7, 3, 5, 1, "")
  `RAM(9, 1'b1, 1'b0, 100, 24, 16, 2, "")
  `RAM(10, 1'b1, 1'b0, 300, 4, 16, 2, "")
  `RAM(11, 1'b1, 1'b1, 16, 1, 36, 1, "block")
  `RAM(12, 1'b1, 1'b1, 64, 9, 64, 2, "ultra")
  `RAM(13, 1'b1, 1'b1, 7, 3, 5, 1, "block")
  `RAM(14, 1'b1, 1'b1, 100, 24, 16, 2, "block")
  `RAM(15, 1'b1, 1'b1, 2, 1, 72, 2, "ultra")
  `RAM_OF(16, 1'b0, 1'b1, 16, 5, 16, 1, "distributed", 1)
  `RAM_OF(17, 1'b0, 1'b1, 30, 1, 9, 2, "block", 1)
  `PARTED(18, 37, 3, 16, 0, 32, 20)
  `PARTED(19, 9, 24, 5, 1, 8, 7)
  `PARTED(20, 48, 1, 40, 0, 32, 256)
  `PARTED(21, 13, 5, 30, 0, 7, 64)

  initial begin
    if (!$value$plusargs("seed=%d", seed)) seed = 32'd1;
    if (!$value$plusargs("cycles=%d", cycles)) cycles = 32'd20000;
    for (int i = 0; i < 4; i++) @(posedge clk);
    start = 1'b0;
    for (logic [31:0] i = 32'd0; i < cycles; i++) @(posedge clk);
    failures = 0;
    for (int i = 0; i < CASES; i++) begin
      if (errors[i] != 0 || 32'(seen[i]) < cycles / 32'd200) failures = failures + 1;
      $display("case %0d: seen %0d times, %0d errors", i, seen[i], errors[i]);
    end
    if (failures == 0) $display("PASS seed=%0d", seed);
    else $display("FAIL seed=%0d: %0d of %0d cases", seed, failures, CASES);
    $finish;
  end
endmodule
