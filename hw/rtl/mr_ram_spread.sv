// SPDX-License-Identifier: Apache-2.0
// mr_ram of words so wide that one register would drive too many address pins: a synthesis gives each piece of the
// word address registers of its own, in front of which the addresses are taken. So they come one cycle earlier than
// those of mr_ram: raddr_d_i and waddr_d_i are what raddr_i and waddr_i are in the next cycle. All else is as there.
module mr_ram_spread #(
    /// As of mr_ram.
    parameter int DEPTH = 16,
    /// As of mr_ram.
    parameter int CHUNKS = 1,
    /// As of mr_ram.
    parameter int CHUNK_WIDTH = 16,
    /// As of mr_ram.
    parameter int LATENCY = 1,
    /// As of mr_ram.
    parameter STYLE = "distributed",
    /// Bits of a word that share their address registers, at most.
    parameter int PIECE = 256,
    /// As of mr_ram.
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
    /// As of mr_ram.
    input  logic [     CHUNKS-1:0] we_i,
    /// The word to write in the next cycle.
    input  logic [ ADDR_WIDTH-1:0] waddr_d_i,
    /// As of mr_ram.
    input  logic [ DATA_WIDTH-1:0] wdata_i,
    /// The word to read in the next cycle.
    input  logic [ ADDR_WIDTH-1:0] raddr_d_i,
    /// As of mr_ram.
    output logic [      WIDTH-1:0] rdata_o
);
`ifdef SYNTHESIS
  // A chunk in equal parts, or several chunks.
  localparam int PARTS = (CHUNK_WIDTH + PIECE - 1) / PIECE;
  localparam int PART = (CHUNK_WIDTH + PARTS - 1) / PARTS;
  localparam int TOGETHER = PARTS > 1 || CHUNK_WIDTH * 2 > PIECE ? 1 : PIECE / CHUNK_WIDTH;
  for (genvar c = 0; c < CHUNKS; c += TOGETHER) begin : g_chunk
    localparam int LAST = c + TOGETHER < CHUNKS ? c + TOGETHER : CHUNKS;
    for (genvar p = 0; p < PARTS; p++) begin : g_part
      localparam int BITS = (p + 1) * PART < CHUNK_WIDTH ? PART : CHUNK_WIDTH - p * PART;
      logic [ADDR_WIDTH-1:0] raddr, waddr;
      mr_copy #(.WIDTH(ADDR_WIDTH)) i_read (.clk_i, .d_i(raddr_d_i), .q_o(raddr));
      mr_copy #(.WIDTH(ADDR_WIDTH)) i_write (.clk_i, .d_i(waddr_d_i), .q_o(waddr));
      mr_ram #(
          .DEPTH(DEPTH),
          .CHUNKS(LAST - c),
          .CHUNK_WIDTH(BITS),
          .LATENCY(LATENCY),
          .STYLE(STYLE),
          .OWN_DATA(OWN_DATA)
      ) i_ram (
          .clk_i,
          .we_i(we_i[c+:LAST-c]),
          .waddr_i(waddr),
          .wdata_i(wdata_i[(OWN_DATA!=0?c*CHUNK_WIDTH : 0)+p*PART+:(OWN_DATA!=0?LAST-c : 1)*BITS]),
          .raddr_i(raddr),
          .rdata_o(rdata_o[c*CHUNK_WIDTH+p*PART+:(LAST-c)*BITS])
      );
    end
  end
`else
  logic [ADDR_WIDTH-1:0] raddr_q, waddr_q;
  always_ff @(posedge clk_i) begin
    raddr_q <= raddr_d_i;
    waddr_q <= waddr_d_i;
  end
  mr_ram #(
      .DEPTH(DEPTH),
      .CHUNKS(CHUNKS),
      .CHUNK_WIDTH(CHUNK_WIDTH),
      .LATENCY(LATENCY),
      .STYLE(STYLE),
      .OWN_DATA(OWN_DATA)
  ) i_ram (
      .clk_i,
      .we_i,
      .waddr_i(waddr_q),
      .wdata_i,
      .raddr_i(raddr_q),
      .rdata_o
  );
`endif
endmodule
