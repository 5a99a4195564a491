// SPDX-License-Identifier: Apache-2.0
// Reads transfers of 64-byte beats from memory (AXI4 AR and R) and gives the beats as a stream, in order,
// the last beat of each transfer marked.
//
// A burst is asked for only when the FIFO has room for all of its beats, so m_axi_rready_o is always high
// and the port never blocks others. With stop_i high nothing more is asked for, and what comes is dropped;
// stop_i then stays high until idle_o. A bad RRESP raises error_o for a cycle; the beat is given on all
// the same.

`include "mr_assert.svh"

module mr_axi_reader #(
    /// Beats of the longest burst: 1, 2, 4 ... 64.
    parameter int MAX_BEATS = 64,
    /// Bursts under way at a time; >= 1.
    parameter int OUTSTANDING = 8,
    /// Beats of the FIFO; at least MAX_BEATS. OUTSTANDING * MAX_BEATS gives full speed at any latency that so many
    /// bursts can hide.
    parameter int DEPTH = 512
) (
    /// Clock, rising edge.
    input  logic         clk_i,
    /// Reset, synchronous, active low.
    input  logic         rst_ni,
    /// See above.
    input  logic         stop_i,
    /// Nothing is asked for, under way or in the FIFO.
    output logic         idle_o,
    /// Memory owes an answer.
    output logic         waiting_o,
    /// RRESP was SLVERR or DECERR.
    output logic         error_o,
    /// A transfer is offered: its first beat in memory and its beats, at least 1.
    input  logic         start_valid_i,
    output logic         start_ready_o,
    input  logic [ 57:0] start_beat_i,
    input  logic [ 39:0] start_count_i,
    /// The beats.
    output logic         beat_valid_o,
    input  logic         beat_ready_i,
    output logic [511:0] beat_data_o,
    output logic         beat_last_o,
    /// AXI4.
    output logic         m_axi_arvalid_o,
    input  logic         m_axi_arready_i,
    output logic [ 63:0] m_axi_araddr_o,
    output logic [  7:0] m_axi_arlen_o,
    input  logic         m_axi_rvalid_i,
    output logic         m_axi_rready_o,
    input  logic [511:0] m_axi_rdata_i,
    input  logic [  1:0] m_axi_rresp_i,
    input  logic         m_axi_rlast_i
);
  localparam int ROOM_WIDTH = $clog2(DEPTH + 1);

  `MR_CHECK(g_bad_depth, DEPTH >= MAX_BEATS, "mr_axi_reader: DEPTH=%0d must be at least MAX_BEATS.", DEPTH)

  logic go, kept;
  assign kept = rst_ni && !stop_i;

  logic burst_valid, burst_last, asked;
  logic [57:0] burst_beat;
  logic [6:0] burst_count;
  mr_bursts #(
      .MAX_BEATS(MAX_BEATS)
  ) u_bursts (
      .clk_i,
      .rst_ni(kept),
      .start_valid_i,
      .start_ready_o,
      .start_beat_i,
      .start_count_i,
      .valid_o(burst_valid),
      .ready_i(asked),
      .beat_o(burst_beat),
      .count_o(burst_count),
      .last_o(burst_last)
  );

  // Bursts under way, each with whether it ends its transfer.
  logic flight_room, flight_valid, flight_last, landed;
  mr_fifo #(
      .WIDTH(1),
      .DEPTH(OUTSTANDING)
  ) u_flight (
      .clk_i,
      .rst_ni,
      .in_valid_i(asked),
      .in_ready_o(flight_room),
      .in_data_i(burst_last),
      .out_valid_o(flight_valid),
      .out_ready_i(landed),
      .out_data_o(flight_last)
  );

  // Room in the FIFO that no burst has claimed.
  logic [ROOM_WIDTH-1:0] room_q;
  logic gone;
  assign go = burst_valid && kept && flight_room && room_q >= ROOM_WIDTH'(burst_count);
  assign asked = go && (!m_axi_arvalid_o || m_axi_arready_i);
  always_ff @(posedge clk_i) begin
    if (!kept) room_q <= ROOM_WIDTH'(DEPTH);
    else room_q <= room_q - (asked ? ROOM_WIDTH'(burst_count) : '0) + ROOM_WIDTH'(gone);
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) m_axi_arvalid_o <= 1'b0;
    else if (asked) m_axi_arvalid_o <= 1'b1;
    else if (m_axi_arready_i) m_axi_arvalid_o <= 1'b0;
    if (asked) begin
      m_axi_araddr_o <= {burst_beat, 6'd0};
      m_axi_arlen_o  <= 8'(burst_count) - 8'd1;
    end
  end

  logic arrives, unused_room;
  assign m_axi_rready_o = 1'b1;
  assign arrives = m_axi_rvalid_i && m_axi_rready_o;
  assign landed = arrives && m_axi_rlast_i;
  assign error_o = arrives && m_axi_rresp_i[1];
  mr_fifo #(
      .WIDTH(513),
      .DEPTH(DEPTH)
  ) u_beats (
      .clk_i,
      .rst_ni(kept),
      .in_valid_i(arrives),
      .in_ready_o(unused_room),
      .in_data_i({m_axi_rlast_i && flight_last, m_axi_rdata_i}),
      .out_valid_o(beat_valid_o),
      .out_ready_i(beat_ready_i),
      .out_data_o({beat_last_o, beat_data_o})
  );
  assign gone = beat_valid_o && beat_ready_i;

  assign waiting_o = flight_valid;
  assign idle_o = start_ready_o && !burst_valid && !m_axi_arvalid_o && !flight_valid && !beat_valid_o;

  logic unused;
  assign unused = ^{m_axi_rresp_i[0], unused_room};

  `MR_ASSERT(a_room, !arrives || stop_i || unused_room, "a beat finds no room")
  `MR_ASSERT(a_flight, !arrives || flight_valid, "a beat that was not asked for")
endmodule
