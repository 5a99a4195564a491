// SPDX-License-Identifier: Apache-2.0
// A true dual-port memory: two words are read at two addresses in one cycle, and one of the two ports also
// writes, in cycles in which nobody reads.
//
// A word is CHUNKS pieces of CHUNK_WIDTH bits. A write offers the same wdata_i to every chunk of the word at
// addr_a_i, and we_i selects the chunks that take it, so narrow data can fill a wide word. Port A reads in cycles
// in which we_i is zero; in others its answer stays what it was (the NO_CHANGE mode of block RAM, the only one of
// UltraRAM). Port B always reads; what it reads of a word that is being written is not defined in the FPGA. Both
// answers come LATENCY cycles after their address. Simulated memory starts at zero; so does block RAM, but UltraRAM
// must be written before it is read.

`include "mr_assert.svh"

module mr_ram_t2p #(
    /// Number of words; any number >= 1.
    parameter int DEPTH = 1024,
    /// Pieces of a word that can be written separately; >= 1.
    parameter int CHUNKS = 1,
    /// Bits of a piece; >= 1.
    parameter int CHUNK_WIDTH = 16,
    /// Cycles from address to data: 1 array register, 2 also an output register, which full speed needs.
    parameter int LATENCY = 2,
    /// "block" or "ultra": the kind of memory in the FPGA.
    parameter STYLE = "block",
    /// Derived: address bits. Do not set.
    localparam int ADDR_WIDTH = DEPTH > 1 ? $clog2(DEPTH) : 1,
    /// Derived: bits of a word. Do not set.
    localparam int WIDTH = CHUNKS * CHUNK_WIDTH
) (
    /// Clock, rising edge.
    input  logic                   clk_i,
    /// Chunks of the word at addr_a_i that are written at the end of this cycle.
    input  logic [     CHUNKS-1:0] we_i,
    /// Data offered to every chunk.
    input  logic [CHUNK_WIDTH-1:0] wdata_i,
    /// Word to write, which is below DEPTH then, or to read by port A.
    input  logic [ ADDR_WIDTH-1:0] addr_a_i,
    /// Word to read by port B.
    input  logic [ ADDR_WIDTH-1:0] addr_b_i,
    /// The word that port A read LATENCY cycles ago.
    output logic [      WIDTH-1:0] rdata_a_o,
    /// The word that port B read LATENCY cycles ago.
    output logic [      WIDTH-1:0] rdata_b_o
);

  `MR_CHECK(g_bad_depth, DEPTH >= 1, "mr_ram_t2p: DEPTH=%0d must be at least 1.", DEPTH)
  `MR_CHECK(g_bad_chunks, CHUNKS >= 1, "mr_ram_t2p: CHUNKS=%0d must be at least 1.", CHUNKS)
  `MR_CHECK(g_bad_width, CHUNK_WIDTH >= 1, "mr_ram_t2p: CHUNK_WIDTH=%0d must be at least 1.",
            CHUNK_WIDTH)
  `MR_CHECK(g_bad_latency, LATENCY == 1 || LATENCY == 2,
            "mr_ram_t2p: LATENCY=%0d must be 1 or 2.", LATENCY)

  (* ram_style = STYLE *)
  logic [WIDTH-1:0] mem[DEPTH];

`ifdef SYNTHESIS
  // UltraRAM takes no initial contents.
  if (STYLE != "ultra") begin : g_zero
    initial for (int i = 0; i < DEPTH; i++) mem[i] = '0;
  end
`else
  initial for (int i = 0; i < DEPTH; i++) mem[i] = '0;
`endif

  if (CHUNKS == 1) begin : g_write_word
    always_ff @(posedge clk_i) if (we_i[0]) mem[addr_a_i] <= wdata_i;
  end else begin : g_write_chunks
`ifdef VERILATOR
    // One write of a merged word keeps the simulated memory a plain array of words.
    always_ff @(posedge clk_i) begin
      if (|we_i) begin
        automatic logic [WIDTH-1:0] word = mem[addr_a_i];
        for (int c = 0; c < CHUNKS; c++) if (we_i[c]) word[c*CHUNK_WIDTH+:CHUNK_WIDTH] = wdata_i;
        mem[addr_a_i] <= word;
      end
    end
`else
    // Bytes of eight bits where a chunk has whole ones, as the nine write enables of UltraRAM; synthesis joins them.
    localparam int BYTE = CHUNK_WIDTH % 8 == 0 ? 8 : CHUNK_WIDTH;
    always_ff @(posedge clk_i) begin
      for (int b = 0; b < WIDTH / BYTE; b++) begin
        if (we_i[b*BYTE/CHUNK_WIDTH])
          mem[addr_a_i][b*BYTE+:BYTE] <= wdata_i[b*BYTE%CHUNK_WIDTH+:BYTE];
      end
    end
`endif
  end

  logic [WIDTH-1:0] a_q, b_q;
  always_ff @(posedge clk_i) begin
    if (~|we_i) a_q <= mem[addr_a_i];
    b_q <= mem[addr_b_i];
  end

  if (LATENCY == 1) begin : g_read_1
    assign rdata_a_o = a_q;
    assign rdata_b_o = b_q;
  end else begin : g_read_2
    logic [WIDTH-1:0] a_q2, b_q2;
    always_ff @(posedge clk_i) begin
      a_q2 <= a_q;
      b_q2 <= b_q;
    end
    assign rdata_a_o = a_q2;
    assign rdata_b_o = b_q2;
  end
endmodule
