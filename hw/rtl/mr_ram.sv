// SPDX-License-Identifier: Apache-2.0
// A memory with one write port and one read port.
//
// A word is CHUNKS pieces of CHUNK_WIDTH bits. A write offers the same wdata_i to every chunk of the
// word at waddr_i, and we_i selects the chunks that take it, so narrow data can fill a wide word; or
// (OWN_DATA) has data for each.
// A read is of the whole word and comes LATENCY cycles after raddr_i. A read and a write of the same
// address in the same cycle give the old word when LATENCY >= 1; at LATENCY 0 the read follows the
// stored word, so the new one is seen in the next cycle. Simulated memory starts at zero; so does
// every memory in the FPGA except UltraRAM, which must be written before it is read.

`include "mr_assert.svh"

module mr_ram #(
    /// Number of words; any number >= 1.
    parameter int DEPTH = 16,
    /// Pieces of a word that can be written separately; >= 1.
    parameter int CHUNKS = 1,
    /// Bits of a piece; >= 1.
    parameter int CHUNK_WIDTH = 16,
    /// Cycles from address to data: 0 asynchronous (LUTRAM only), 1 array register, 2 also an output
    /// register, which block RAM and UltraRAM need for full speed.
    parameter int LATENCY = 1,
    /// "auto", "distributed", "block" or "ultra": the kind of memory in the FPGA.
    parameter STYLE = "auto",
    /// 1: each chunk is offered data of its own.
    parameter int OWN_DATA = 0,
    /// Derived: address bits. Do not set.
    localparam int ADDR_WIDTH = DEPTH > 1 ? $clog2(DEPTH) : 1,
    /// Derived: bits of a word. Do not set.
    localparam int WIDTH = CHUNKS * CHUNK_WIDTH,
    /// Derived: bits that are offered. Do not set.
    localparam int DATA_WIDTH = OWN_DATA != 0 ? WIDTH : CHUNK_WIDTH
) (
    /// Clock, rising edge.
    input  logic                   clk_i,
    /// Chunks of the word at waddr_i that are written at the end of this cycle.
    input  logic [     CHUNKS-1:0] we_i,
    /// Word to write; below DEPTH whenever we_i is not zero.
    input  logic [ ADDR_WIDTH-1:0] waddr_i,
    /// Data offered to every chunk, or to each its own.
    input  logic [ DATA_WIDTH-1:0] wdata_i,
    /// Word to read.
    input  logic [ ADDR_WIDTH-1:0] raddr_i,
    /// The word read LATENCY cycles ago.
    output logic [      WIDTH-1:0] rdata_o
);

  `MR_CHECK(g_bad_depth, DEPTH >= 1, "mr_ram: DEPTH=%0d must be at least 1.", DEPTH)
  `MR_CHECK(g_bad_chunks, CHUNKS >= 1, "mr_ram: CHUNKS=%0d must be at least 1.", CHUNKS)
  `MR_CHECK(g_bad_width, CHUNK_WIDTH >= 1, "mr_ram: CHUNK_WIDTH=%0d must be at least 1.",
            CHUNK_WIDTH)
  `MR_CHECK(g_bad_latency, LATENCY >= 0 && LATENCY <= 2,
            "mr_ram: LATENCY=%0d must be 0, 1 or 2.", LATENCY)

  (* ram_style = STYLE *)
  logic [WIDTH-1:0] mem[DEPTH];

`ifdef MR_NO_CONTENTS
  // hw/fit counts memories only, and Yosys takes minutes over the zeros of a deep one.
`elsif SYNTHESIS
  // UltraRAM takes no initial contents.
  if (STYLE != "ultra") begin : g_zero
    initial for (int i = 0; i < DEPTH; i++) mem[i] = '0;
  end
`else
  initial for (int i = 0; i < DEPTH; i++) mem[i] = '0;
`endif

  if (CHUNKS == 1) begin : g_write_word
    always_ff @(posedge clk_i) if (we_i[0]) mem[waddr_i] <= wdata_i;
  end else begin : g_write_chunks
`ifdef VERILATOR
    // One write of a merged word keeps the simulated memory a plain array of words.
    always_ff @(posedge clk_i) begin
      if (|we_i) begin
        automatic logic [WIDTH-1:0] word = mem[waddr_i];
        for (int c = 0; c < CHUNKS; c++)
          if (we_i[c]) word[c*CHUNK_WIDTH+:CHUNK_WIDTH] = wdata_i[(OWN_DATA!=0?c*CHUNK_WIDTH : 0)+:CHUNK_WIDTH];
        mem[waddr_i] <= word;
      end
    end
`else
    always_ff @(posedge clk_i) begin
      for (int c = 0; c < CHUNKS; c++) begin
        if (we_i[c])
          mem[waddr_i][c*CHUNK_WIDTH+:CHUNK_WIDTH] <= wdata_i[(OWN_DATA!=0?c*CHUNK_WIDTH : 0)+:CHUNK_WIDTH];
      end
    end
`endif
  end

  if (LATENCY == 0) begin : g_read_now
    assign rdata_o = mem[raddr_i];
  end else if (LATENCY == 1) begin : g_read_1
    logic [WIDTH-1:0] rdata_q;
    always_ff @(posedge clk_i) rdata_q <= mem[raddr_i];
    assign rdata_o = rdata_q;
  end else begin : g_read_2
    logic [WIDTH-1:0] array_q, rdata_q;
    always_ff @(posedge clk_i) begin
      array_q <= mem[raddr_i];
      rdata_q <= array_q;
    end
    assign rdata_o = rdata_q;
  end
endmodule
