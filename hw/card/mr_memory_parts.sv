// SPDX-License-Identifier: Apache-2.0
// A memory of the network (hls_memory) in parts of 512 bits, each of which has a mr_memory_port and a place in the card's
// memory of its own: a word of any width is fetched, and one is stored, in a cycle. All parts have the same plans.

`include "mr_assert.svh"

module mr_memory_parts #(
    /// Bits of a word; >= 1.
    parameter int BITS = 512,
    /// Derived: parts of it. Do not set.
    localparam int PARTS = (BITS + 511) / 512
) (
    /// Clock, rising edge.
    input  logic                    clk_i,
    /// Reset, synchronous, active low.
    input  logic                    rst_ni,
    /// What only some parts have taken is dropped.
    input  logic                    stop_i,
    /// The network's plans, words from memory and words to it.
    input  logic                    plan_valid_i,
    output logic                    plan_ready_o,
    input  logic [        96:0]     plan_data_i,
    output logic                    fetch_valid_o,
    input  logic                    fetch_ready_i,
    output logic [    BITS-1:0]     fetch_data_o,
    input  logic                    store_valid_i,
    output logic                    store_ready_o,
    input  logic [    BITS-1:0]     store_data_i,
    /// And those of the parts.
    output logic [PARTS-1:0]        plan_valid_o,
    input  logic [PARTS-1:0]        plan_ready_i,
    output logic [PARTS-1:0][ 96:0] plan_data_o,
    input  logic [PARTS-1:0]        fetch_valid_i,
    output logic [PARTS-1:0]        fetch_ready_o,
    input  logic [PARTS-1:0][511:0] fetch_data_i,
    output logic [PARTS-1:0]        store_valid_o,
    input  logic [PARTS-1:0]        store_ready_i,
    output logic [PARTS-1:0][511:0] store_data_o
);
  `MR_CHECK(g_bad_bits, BITS >= 1, "mr_memory_parts: BITS=%0d must be at least 1.", BITS)

  logic kept;
  assign kept = rst_ni && !stop_i;

  // What each part takes when it can; the network's offer ends with the last of them.
  logic [PARTS-1:0] planned_q, stored_q;
  assign plan_valid_o  = {PARTS{plan_valid_i}} & ~planned_q;
  assign store_valid_o = {PARTS{store_valid_i}} & ~stored_q;
  assign plan_ready_o  = &(planned_q | plan_ready_i);
  assign store_ready_o = &(stored_q | store_ready_i);
  assign plan_data_o   = {PARTS{plan_data_i}};
  assign store_data_o  = (512 * PARTS)'(store_data_i);
  always_ff @(posedge clk_i) begin
    if (!kept || (plan_valid_i && plan_ready_o)) planned_q <= '0;
    else planned_q <= planned_q | (plan_valid_o & plan_ready_i);
    if (!kept || (store_valid_i && store_ready_o)) stored_q <= '0;
    else stored_q <= stored_q | (store_valid_o & store_ready_i);
  end

  logic [512*PARTS-1:0] word;
  assign word = fetch_data_i;
  assign fetch_valid_o = &fetch_valid_i;
  assign fetch_ready_o = {PARTS{fetch_valid_o && fetch_ready_i}};
  assign fetch_data_o = word[BITS-1:0];

  if (512 * PARTS > BITS) begin : g_padding
    logic unused;
    assign unused = ^word[512*PARTS-1:BITS];
  end
endmodule
