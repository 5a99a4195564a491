// SPDX-License-Identifier: Apache-2.0
// mr_ram with LATENCY 2 whose words from FIRST on lie in LUTs, where its last block RAMs would be nearly empty: 549 words of
// 72 bits are two block RAMs of 512 words, or one and 37 words of LUTs. All else is as of mr_ram.
//
// What was read of both comes together in front of the output register. The LUTs have address registers of their own, many
// where words are wide, and so are read and written a cycle later than the block RAM.

`include "mr_assert.svh"

module mr_ram_parted #(
    /// As of mr_ram; more than FIRST.
    parameter int DEPTH = 549,
    /// Words in front of those in LUTs.
    parameter int FIRST = 512,
    /// As of mr_ram.
    parameter int CHUNKS = 1,
    /// As of mr_ram.
    parameter int CHUNK_WIDTH = 16,
    /// Of the first words, as of mr_ram.
    parameter STYLE = "block",
    /// Bits of a word in LUTs that share registers, at most.
    parameter int PIECE = 256,
    /// As of mr_ram.
    parameter int OWN_DATA = 0,
    /// Derived: address bits. Do not set.
    localparam int ADDR_WIDTH = $clog2(DEPTH),
    /// Derived: bits of a word. Do not set.
    localparam int WIDTH = CHUNKS * CHUNK_WIDTH,
    /// Derived: bits that are offered. Do not set.
    localparam int DATA_WIDTH = OWN_DATA != 0 ? WIDTH : CHUNK_WIDTH
) (
    /// Clock, rising edge.
    input  logic                   clk_i,
    /// As of mr_ram.
    input  logic [     CHUNKS-1:0] we_i,
    /// As of mr_ram.
    input  logic [ ADDR_WIDTH-1:0] waddr_i,
    /// As of mr_ram.
    input  logic [ DATA_WIDTH-1:0] wdata_i,
    /// As of mr_ram.
    input  logic [ ADDR_WIDTH-1:0] raddr_i,
    /// The word read 2 cycles ago.
    output logic [      WIDTH-1:0] rdata_o
);
  `MR_CHECK(g_bad_first, FIRST >= 1 && FIRST < DEPTH,
            "mr_ram_parted: FIRST=%0d must be from 1 to DEPTH-1.", FIRST)
  `MR_CHECK(g_bad_piece, PIECE >= 1, "mr_ram_parted: PIECE=%0d must be at least 1.", PIECE)

`ifdef SYNTHESIS
  localparam int LAST = DEPTH - FIRST;
  localparam int LAST_WIDTH = LAST > 1 ? $clog2(LAST) : 1;
  localparam int FIRST_WIDTH = FIRST > 1 ? $clog2(FIRST) : 1;
  localparam int PIECES = (WIDTH + PIECE - 1) / PIECE;

  logic [WIDTH-1:0] first, last, rdata_q;
  logic [CHUNKS-1:0] last_we_q;
  logic [DATA_WIDTH-1:0] wdata_q;
  wire reads_last = raddr_i >= ADDR_WIDTH'(FIRST), writes_last = waddr_i >= ADDR_WIDTH'(FIRST);

  mr_ram #(
      .DEPTH(FIRST),
      .CHUNKS(CHUNKS),
      .CHUNK_WIDTH(CHUNK_WIDTH),
      .LATENCY(1),
      .STYLE(STYLE),
      .OWN_DATA(OWN_DATA)
  ) i_first (
      .clk_i,
      .we_i(we_i & {CHUNKS{!writes_last}}),
      .waddr_i(waddr_i[FIRST_WIDTH-1:0]),
      .wdata_i,
      .raddr_i(raddr_i[FIRST_WIDTH-1:0]),
      .rdata_o(first)
  );

  always_ff @(posedge clk_i) begin
    last_we_q <= we_i & {CHUNKS{writes_last}};
    wdata_q   <= wdata_i;
  end
  mr_ram_spread #(
      .DEPTH(LAST),
      .CHUNKS(CHUNKS),
      .CHUNK_WIDTH(CHUNK_WIDTH),
      .LATENCY(0),
      .STYLE("distributed"),
      .PIECE(PIECE),
      .OWN_DATA(OWN_DATA)
  ) i_last (
      .clk_i,
      .we_i(last_we_q),
      .waddr_d_i(LAST_WIDTH'(waddr_i - ADDR_WIDTH'(FIRST))),
      .wdata_i(wdata_q),
      .raddr_d_i(LAST_WIDTH'(raddr_i - ADDR_WIDTH'(FIRST))),
      .rdata_o(last)
  );

  for (genvar p = 0; p < PIECES; p++) begin : g_piece
    localparam int AT = p * PIECE;
    localparam int BITS = AT + PIECE < WIDTH ? PIECE : WIDTH - AT;
    logic takes_last;
    mr_copy #(.WIDTH(1)) i_takes (.clk_i, .d_i(reads_last), .q_o(takes_last));
    always_ff @(posedge clk_i) rdata_q[AT+:BITS] <= takes_last ? last[AT+:BITS] : first[AT+:BITS];
  end
  assign rdata_o = rdata_q;
`else
  mr_ram #(
      .DEPTH(DEPTH),
      .CHUNKS(CHUNKS),
      .CHUNK_WIDTH(CHUNK_WIDTH),
      .LATENCY(2),
      .STYLE(STYLE),
      .OWN_DATA(OWN_DATA)
  ) i_ram (
      .clk_i,
      .we_i,
      .waddr_i,
      .wdata_i,
      .raddr_i,
      .rdata_o
  );
`endif
endmodule
