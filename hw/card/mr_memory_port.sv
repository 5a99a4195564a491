// SPDX-License-Identifier: Apache-2.0
// Serves a memory of the network (hls_memory), or a part of its words (mr_memory_parts), from the card's, through an AXI4
// master of its own.
//
// The network plans: so many words from an address on are fetched, or stored. Plans come in order, and go to a reading
// and to a writing side, each of which does its own in order. A word takes a beat: word w lies at beat base + w. Fetches
// run ahead of the network as far as there is room for beats; a plan of fetches waits until the first `after` store plans
// since begin_i have been acknowledged by memory.
//
// PLANS of each kind wait at most; a plan behind them waits in front, and with it those of the other kind. So plans stand
// in about the order in which the network comes to their words, as they do where a process plans ahead of one that works.
//
// A plan that leaves the memory (words_i) raises range_error_o for a cycle and does nothing. With stop_i high all plans and
// words are dropped, and what is under way is waited for; stop_i then stays high until idle_o.

`include "mr_assert.svh"

module mr_memory_port #(
    /// Bits of a word, 1 to 512; above them a beat has zeros.
    parameter int BITS = 512,
    /// Beats of the longest burst: 1, 2, 4 ... 64.
    parameter int MAX_BEATS = int'(mr_registers_pkg::BURST_BEATS),
    /// Bursts under way at a time, in each direction; >= 1.
    parameter int OUTSTANDING = int'(mr_registers_pkg::BURSTS),
    /// Plans of each kind that wait; >= 1.
    parameter int PLANS = 32
) (
    /// Clock, rising edge.
    input  logic            clk_i,
    /// Reset, synchronous, active low.
    input  logic            rst_ni,
    /// See above.
    input  logic            stop_i,
    /// The count of store plans begins anew; only while idle_o is high.
    input  logic            begin_i,
    /// The memory: its first beat and its words.
    input  logic [    57:0] base_i,
    input  logic [    31:0] words_i,
    /// All that was planned is done and acknowledged; no word is inside or on offer.
    output logic            idle_o,
    /// Memory owes an answer.
    output logic            waiting_o,
    /// A beat, a word or a plan moved.
    output logic            moves_o,
    /// RRESP or BRESP was SLVERR or DECERR; a plan leaves the memory.
    output logic            read_error_o,
    output logic            write_error_o,
    output logic            range_error_o,
    /// Plans: address, count, after, and on top whether it stores.
    input  logic            plan_valid_i,
    output logic            plan_ready_o,
    input  logic [    96:0] plan_data_i,
    /// Words from memory.
    output logic            fetch_valid_o,
    input  logic            fetch_ready_i,
    output logic [   511:0] fetch_data_o,
    /// Words to memory.
    input  logic            store_valid_i,
    output logic            store_ready_o,
    input  logic [   511:0] store_data_i,
    /// AXI4.
    output logic            m_axi_arvalid_o,
    input  logic            m_axi_arready_i,
    output logic [    63:0] m_axi_araddr_o,
    output logic [     7:0] m_axi_arlen_o,
    input  logic            m_axi_rvalid_i,
    output logic            m_axi_rready_o,
    input  logic [   511:0] m_axi_rdata_i,
    input  logic [     1:0] m_axi_rresp_i,
    input  logic            m_axi_rlast_i,
    output logic            m_axi_awvalid_o,
    input  logic            m_axi_awready_i,
    output logic [    63:0] m_axi_awaddr_o,
    output logic [     7:0] m_axi_awlen_o,
    output logic            m_axi_wvalid_o,
    input  logic            m_axi_wready_i,
    output logic [   511:0] m_axi_wdata_o,
    output logic [    63:0] m_axi_wstrb_o,
    output logic            m_axi_wlast_o,
    input  logic            m_axi_bvalid_i,
    output logic            m_axi_bready_o,
    input  logic [     1:0] m_axi_bresp_i
);
  `MR_CHECK(g_bad_bits, BITS >= 1 && BITS <= 512, "mr_memory_port: BITS=%0d must be 1 to 512.", BITS)

  logic kept;
  assign kept = rst_ni && !stop_i;

  // ---- plans: taken, placed in the card's memory, and given to their side

  logic [1:0] stage_q;
  logic moves_on, goes, fetch_room, store_room;
  logic [96:0] plan_q;
  logic [57:0] beat_q;
  logic [31:0] count_q, after_q;
  logic store_q, outside_q;
  assign goes = stage_q[1] && (outside_q || (store_q ? store_room : fetch_room));
  assign moves_on = !stage_q[1] || goes;
  assign plan_ready_o = moves_on;
  assign range_error_o = goes && outside_q;
  always_ff @(posedge clk_i) begin
    if (!kept) stage_q <= '0;
    else if (moves_on) stage_q <= {stage_q[0], plan_valid_i};
    if (moves_on) begin
      plan_q <= plan_data_i;
      beat_q <= base_i + 58'(plan_q[31:0]);
      count_q <= plan_q[63:32];
      after_q <= plan_q[95:64];
      store_q <= plan_q[96];
      outside_q <= 33'(plan_q[31:0]) + 33'(plan_q[63:32]) > 33'(words_i);
    end
  end

  // ---- fetches

  logic fetch_planned, fetch_starts, reader_ready, due_q;
  logic [57:0] fetch_beat;
  logic [31:0] fetch_count, fetch_after, asked_q, stored_q;
  mr_fifo #(
      .WIDTH(122),
      .DEPTH(PLANS)
  ) u_fetches (
      .clk_i,
      .rst_ni(kept),
      .in_valid_i(goes && !store_q && !outside_q),
      .in_ready_o(fetch_room),
      .in_data_i({after_q, beat_q, count_q}),
      .out_valid_o(fetch_planned),
      .out_ready_i(fetch_starts),
      .out_data_o({fetch_after, fetch_beat, fetch_count})
  );
  // A plan of no words is done when its turn comes.
  assign fetch_starts = due_q && (reader_ready || fetch_count == '0);
  always_ff @(posedge clk_i) due_q <= kept && fetch_planned && !fetch_starts && fetch_after <= stored_q;

  logic reader_idle, reader_waiting, read_valid, read_ready, unused_last;
  logic [511:0] read_data;
  mr_axi_reader #(
      .MAX_BEATS(MAX_BEATS),
      .OUTSTANDING(OUTSTANDING),
      .DEPTH(OUTSTANDING * MAX_BEATS)
  ) u_reader (
      .clk_i,
      .rst_ni,
      .stop_i,
      .idle_o(reader_idle),
      .waiting_o(reader_waiting),
      .error_o(read_error_o),
      .start_valid_i(due_q && fetch_count != '0),
      .start_ready_o(reader_ready),
      .start_beat_i(fetch_beat),
      .start_count_i(40'(fetch_count)),
      .beat_valid_o(read_valid),
      .beat_ready_i(read_ready),
      .beat_data_o(read_data),
      .beat_last_o(unused_last),
      .m_axi_arvalid_o,
      .m_axi_arready_i,
      .m_axi_araddr_o,
      .m_axi_arlen_o,
      .m_axi_rvalid_i,
      .m_axi_rready_o,
      .m_axi_rdata_i,
      .m_axi_rresp_i,
      .m_axi_rlast_i
  );
  // The network decides whether it takes a word in the cycle in which that is offered.
  logic [BITS-1:0] fetch_data;
  assign fetch_data_o = 512'(fetch_data);
  mr_skid #(
      .WIDTH(BITS)
  ) u_fetched (
      .clk_i,
      .rst_ni(kept),
      .in_valid_i(read_valid),
      .in_ready_o(read_ready),
      .in_data_i(read_data[BITS-1:0]),
      .out_valid_o(fetch_valid_o),
      .out_ready_i(fetch_ready_i),
      .out_data_o(fetch_data)
  );

  // ---- stores

  logic store_planned, store_starts, store_none, writer_ready;
  logic [57:0] store_beat;
  logic [31:0] store_count;
  mr_fifo #(
      .WIDTH(90),
      .DEPTH(PLANS)
  ) u_stores (
      .clk_i,
      .rst_ni(kept),
      .in_valid_i(goes && store_q && !outside_q),
      .in_ready_o(store_room),
      .in_data_i({beat_q, count_q}),
      .out_valid_o(store_planned),
      .out_ready_i(store_starts),
      .out_data_o({store_beat, store_count})
  );
  // A plan of no words is stored when those before it are.
  assign store_none   = store_planned && store_count == '0 && asked_q == stored_q;
  assign store_starts = store_none || (writer_ready && store_count != '0);

  logic writer_idle, writer_waiting, stored;
  mr_axi_writer #(
      .MAX_BEATS(MAX_BEATS),
      .OUTSTANDING(OUTSTANDING),
      .DEPTH(2 * MAX_BEATS)
  ) u_writer (
      .clk_i,
      .rst_ni,
      .stop_i,
      .idle_o(writer_idle),
      .waiting_o(writer_waiting),
      .error_o(write_error_o),
      .stored_o(stored),
      .start_valid_i(store_planned && store_count != '0),
      .start_ready_o(writer_ready),
      .start_beat_i(store_beat),
      .start_count_i(40'(store_count)),
      .beat_valid_i(store_valid_i),
      .beat_ready_o(store_ready_o),
      .beat_data_i(512'(store_data_i[BITS-1:0])),
      .beat_strobe_i('1),
      .m_axi_awvalid_o,
      .m_axi_awready_i,
      .m_axi_awaddr_o,
      .m_axi_awlen_o,
      .m_axi_wvalid_o,
      .m_axi_wready_i,
      .m_axi_wdata_o,
      .m_axi_wstrb_o,
      .m_axi_wlast_o,
      .m_axi_bvalid_i,
      .m_axi_bready_o,
      .m_axi_bresp_i
  );

  // Store plans that were given to the writer, and those that memory has.
  always_ff @(posedge clk_i) begin
    if (!kept || begin_i) begin
      asked_q  <= '0;
      stored_q <= '0;
    end else begin
      if (store_planned && store_starts) asked_q <= asked_q + 32'd1;
      if (stored || store_none) stored_q <= stored_q + 32'd1;
    end
  end

  // ---- what the run's unit looks at

  // What the network offers was planned before it ended.
  assign idle_o = !plan_valid_i && !store_valid_i && stage_q == '0 && !fetch_planned && reader_idle && !fetch_valid_o &&
      !store_planned && writer_idle;
  assign waiting_o = reader_waiting || writer_waiting;
  assign moves_o = (plan_valid_i && plan_ready_o) || (read_valid && read_ready) || (fetch_valid_o && fetch_ready_i) ||
      (store_valid_i && store_ready_o) || (m_axi_wvalid_o && m_axi_wready_i);

  if (BITS < 512) begin : g_padding
    logic unused;
    assign unused = ^{read_data[511:BITS], store_data_i[511:BITS]};
  end
  logic unused;
  assign unused = unused_last;

  `MR_ASSERT(a_begin, !begin_i || idle_o || stop_i, "store plans are counted anew while some are under way")
endmodule
