// SPDX-License-Identifier: Apache-2.0
// A synchronous FIFO of any depth, first word fall through.
//
// An element is taken in every cycle in which in_valid_i and in_ready_o are high, and given in every
// cycle in which out_valid_o and out_ready_i are high; in the same order, each exactly once. An element
// taken in cycle n is on offer in cycle n+1 when it is the oldest, at every depth. An offer stands
// unchanged until it is taken. in_ready_o and out_valid_o are registers: no path leads through the FIFO
// from one side's handshake to the other's. One element a cycle passes when DEPTH >= 2, every second
// cycle when DEPTH is 1. Handshakes in cycles with rst_ni low do not count.

`include "mr_assert.svh"

module mr_fifo #(
    /// Bits of an element; >= 1.
    parameter int WIDTH = 16,
    /// Elements it holds; any number >= 1.
    parameter int DEPTH = 2,
    /// Depths up to this are read asynchronously (LUTRAM), larger ones through a register (block RAM,
    /// with one more WIDTH-bit register for the element that is read as it is written).
    parameter int LUTRAM_DEPTH = 64
) (
    /// Clock, rising edge.
    input  logic             clk_i,
    /// Reset, synchronous, active low: empties the FIFO.
    input  logic             rst_ni,
    /// An element is offered.
    input  logic             in_valid_i,
    /// There is room; does not depend on out_ready_i of the same cycle.
    output logic             in_ready_o,
    /// The element offered.
    input  logic [WIDTH-1:0] in_data_i,
    /// An element is on offer; does not depend on in_valid_i of the same cycle.
    output logic             out_valid_o,
    /// The element on offer is taken.
    input  logic             out_ready_i,
    /// The oldest element; meaningful while out_valid_o is high.
    output logic [WIDTH-1:0] out_data_o
);
  localparam int PTR_WIDTH = DEPTH > 1 ? $clog2(DEPTH) : 1;
  localparam int COUNT_WIDTH = $clog2(DEPTH + 1);
  localparam logic [PTR_WIDTH-1:0] LAST = PTR_WIDTH'(DEPTH - 1);
  localparam logic [COUNT_WIDTH-1:0] FULL = COUNT_WIDTH'(DEPTH);

  `MR_CHECK(g_bad_width, WIDTH >= 1, "mr_fifo: WIDTH=%0d must be at least 1.", WIDTH)
  `MR_CHECK(g_bad_depth, DEPTH >= 1, "mr_fifo: DEPTH=%0d must be at least 1.", DEPTH)

  logic [WIDTH-1:0] mem[DEPTH];
  logic [PTR_WIDTH-1:0] wptr_q, rptr_q, rptr_d;
  logic [COUNT_WIDTH-1:0] count_q, count_d;
  logic ready_q, valid_q;
  logic push, pop;

  assign push = in_valid_i && ready_q;
  assign pop = valid_q && out_ready_i;
  assign in_ready_o = ready_q;
  assign out_valid_o = valid_q;

  always_comb begin
    count_d = count_q;
    if (push && !pop) count_d = count_q + COUNT_WIDTH'(1);
    if (pop && !push) count_d = count_q - COUNT_WIDTH'(1);
    rptr_d = rptr_q;
    if (pop) rptr_d = rptr_q == LAST ? '0 : rptr_q + PTR_WIDTH'(1);
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      wptr_q <= '0;
      rptr_q <= '0;
      count_q <= '0;
      ready_q <= 1'b1;
      valid_q <= 1'b0;
    end else begin
      if (push) wptr_q <= wptr_q == LAST ? '0 : wptr_q + PTR_WIDTH'(1);
      rptr_q <= rptr_d;
      count_q <= count_d;
      // As count_d != FULL and count_d != 0. push and pop come late in a cycle: what they choose from is early.
      ready_q <= pop || (push ? count_q != FULL - COUNT_WIDTH'(1) : ready_q);
      valid_q <= push || (pop ? count_q != COUNT_WIDTH'(1) : valid_q);
    end
  end

`ifdef SYNTHESIS
  // Wide elements lie in pieces with pointers of their own: one register would drive too many address pins.
  localparam int PIECE = 192;
  localparam bit SPREAD = WIDTH > PIECE && DEPTH <= LUTRAM_DEPTH;
  if (SPREAD) begin : g_spread
    logic [PTR_WIDTH-1:0] wptr_d, rptr_reset;
    assign wptr_d = !rst_ni ? '0 : !push ? wptr_q : wptr_q == LAST ? '0 : wptr_q + PTR_WIDTH'(1);
    assign rptr_reset = rst_ni ? rptr_d : '0;
    for (genvar p = 0; p < WIDTH; p += PIECE) begin : g_piece
      localparam int BITS = p + PIECE < WIDTH ? PIECE : WIDTH - p;
      logic [BITS-1:0] piece[DEPTH];
      logic [PTR_WIDTH-1:0] wptr, rptr;
      mr_copy #(.WIDTH(PTR_WIDTH)) i_write (.clk_i, .d_i(wptr_d), .q_o(wptr));
      mr_copy #(.WIDTH(PTR_WIDTH)) i_read (.clk_i, .d_i(rptr_reset), .q_o(rptr));
      always_ff @(posedge clk_i) if (push) piece[wptr] <= in_data_i[p+:BITS];
      assign out_data_o[p+:BITS] = piece[rptr];
    end
  end
`else
  localparam bit SPREAD = 1'b0;
`endif
  if (!SPREAD) begin : g_write
    always_ff @(posedge clk_i) if (push) mem[wptr_q] <= in_data_i;
  end

  if (SPREAD) begin : g_none
  end else if (DEPTH <= LUTRAM_DEPTH) begin : g_lutram
    assign out_data_o = mem[rptr_q];
  end else begin : g_block
    // The next head is read in advance. When it is only now being written, the array still gives the
    // old word, so the new one comes from the bypass register for one cycle.
    logic [WIDTH-1:0] read_q, bypass_q;
    logic bypassed_q;
    always_ff @(posedge clk_i) begin
      read_q <= mem[rptr_d];
      bypass_q <= in_data_i;
      bypassed_q <= push && wptr_q == rptr_d;
    end
    assign out_data_o = bypassed_q ? bypass_q : read_q;
  end

  `MR_ASSERT(a_in_known, !$isunknown(in_valid_i), "in_valid_i is unknown")
  `MR_ASSERT(a_out_known, !$isunknown(out_ready_i), "out_ready_i is unknown")
  `MR_ASSERT(a_count, count_q <= FULL, "more elements than fit")
  `MR_ASSERT(a_ready, ready_q == (count_q != FULL), "in_ready_o is not the state")
  `MR_ASSERT(a_valid, valid_q == (count_q != '0), "out_valid_o is not the state")

`ifdef FORMAL
  `include "mr_fifo_proof.svh"
`endif
endmodule
