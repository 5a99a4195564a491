// SPDX-License-Identifier: Apache-2.0
// A memory with one address: in a cycle it either writes or reads.
//
// A word is CHUNKS pieces of CHUNK_WIDTH bits. A write offers the same wdata_i to every chunk of the word at
// addr_i, and we_i selects the chunks that take it. In cycles in which we_i is zero the word at addr_i is read and
// comes LATENCY cycles later; in others the answer stays what it was. Simulated memory starts at zero; that of
// an iCE40 (its SPRAM) holds anything, so it must be written before it is read.

`include "mr_assert.svh"

module mr_ram_1p #(
    /// Number of words; any number >= 1.
    parameter int DEPTH = 16384,
    /// Pieces of a word that can be written separately; >= 1.
    parameter int CHUNKS = 1,
    /// Bits of a piece; >= 1.
    parameter int CHUNK_WIDTH = 16,
    /// Cycles from address to data: 1 array register, 2 also an output register.
    parameter int LATENCY = 2,
    /// Derived: address bits. Do not set.
    localparam int ADDR_WIDTH = DEPTH > 1 ? $clog2(DEPTH) : 1,
    /// Derived: bits of a word. Do not set.
    localparam int WIDTH = CHUNKS * CHUNK_WIDTH
) (
    /// Clock, rising edge.
    input  logic                   clk_i,
    /// Chunks of the word at addr_i that are written at the end of this cycle.
    input  logic [     CHUNKS-1:0] we_i,
    /// Data offered to every chunk.
    input  logic [CHUNK_WIDTH-1:0] wdata_i,
    /// Word to write, which is below DEPTH then, or to read.
    input  logic [ ADDR_WIDTH-1:0] addr_i,
    /// The word that was read LATENCY cycles ago.
    output logic [      WIDTH-1:0] rdata_o
);

  `MR_CHECK(g_bad_depth, DEPTH >= 1, "mr_ram_1p: DEPTH=%0d must be at least 1.", DEPTH)
  `MR_CHECK(g_bad_chunks, CHUNKS >= 1, "mr_ram_1p: CHUNKS=%0d must be at least 1.", CHUNKS)
  `MR_CHECK(g_bad_width, CHUNK_WIDTH >= 1, "mr_ram_1p: CHUNK_WIDTH=%0d must be at least 1.",
            CHUNK_WIDTH)
  `MR_CHECK(g_bad_latency, LATENCY == 1 || LATENCY == 2,
            "mr_ram_1p: LATENCY=%0d must be 1 or 2.", LATENCY)

  // The largest memories that the FPGA has.
  (* ram_style = "ultra" *)
  logic [WIDTH-1:0] mem[DEPTH];

`ifndef SYNTHESIS
  initial for (int i = 0; i < DEPTH; i++) mem[i] = '0;
`endif

  logic [WIDTH-1:0] array_q;
`ifdef VERILATOR
  // One write of a merged word keeps the simulated memory a plain array of words.
  always_ff @(posedge clk_i) begin
    if (|we_i) begin
      automatic logic [WIDTH-1:0] word = mem[addr_i];
      for (int c = 0; c < CHUNKS; c++) if (we_i[c]) word[c*CHUNK_WIDTH+:CHUNK_WIDTH] = wdata_i;
      mem[addr_i] <= word;
    end else begin
      array_q <= mem[addr_i];
    end
  end
`else
  always_ff @(posedge clk_i) begin
    for (int c = 0; c < CHUNKS; c++)
      if (we_i[c]) mem[addr_i][c*CHUNK_WIDTH+:CHUNK_WIDTH] <= wdata_i;
    if (!(|we_i)) array_q <= mem[addr_i];
  end
`endif

  if (LATENCY == 1) begin : g_read_1
    assign rdata_o = array_q;
  end else begin : g_read_2
    logic [WIDTH-1:0] rdata_q;
    always_ff @(posedge clk_i) rdata_q <= array_q;
    assign rdata_o = rdata_q;
  end
endmodule
