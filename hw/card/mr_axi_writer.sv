// SPDX-License-Identifier: Apache-2.0
// Writes transfers of 64-byte beats to memory (AXI4 AW, W and B) from a stream of beats with byte strobes.
//
// A burst is announced only when all of its beats are in the FIFO, so the port never keeps W of the
// interconnect waiting, and an output that ends early leaves nothing half done. With stop_i high nothing
// more is announced; bursts that were are completed, and other beats are dropped; stop_i then stays high
// until idle_o. A bad BRESP raises error_o for a cycle. stored_o is high for the cycle in which memory
// acknowledges the last burst of a transfer.

`include "mr_assert.svh"

module mr_axi_writer #(
    /// Beats of the longest burst: 1, 2, 4 ... 64.
    parameter int MAX_BEATS = 64,
    /// Bursts under way at a time; >= 1.
    parameter int OUTSTANDING = 8,
    /// Beats of the FIFO; at least MAX_BEATS, twice that for full speed.
    parameter int DEPTH = 128
) (
    /// Clock, rising edge.
    input  logic         clk_i,
    /// Reset, synchronous, active low.
    input  logic         rst_ni,
    /// See above.
    input  logic         stop_i,
    /// No transfer is left, and memory has acknowledged all.
    output logic         idle_o,
    /// Memory owes an answer.
    output logic         waiting_o,
    /// BRESP was SLVERR or DECERR.
    output logic         error_o,
    /// A transfer is stored.
    output logic         stored_o,
    /// A transfer is offered: its first beat in memory and its beats, at least 1.
    input  logic         start_valid_i,
    output logic         start_ready_o,
    input  logic [ 57:0] start_beat_i,
    input  logic [ 39:0] start_count_i,
    /// The beats.
    input  logic         beat_valid_i,
    output logic         beat_ready_o,
    input  logic [511:0] beat_data_i,
    input  logic [ 63:0] beat_strobe_i,
    /// AXI4.
    output logic         m_axi_awvalid_o,
    input  logic         m_axi_awready_i,
    output logic [ 63:0] m_axi_awaddr_o,
    output logic [  7:0] m_axi_awlen_o,
    output logic         m_axi_wvalid_o,
    input  logic         m_axi_wready_i,
    output logic [511:0] m_axi_wdata_o,
    output logic [ 63:0] m_axi_wstrb_o,
    output logic         m_axi_wlast_o,
    input  logic         m_axi_bvalid_i,
    output logic         m_axi_bready_o,
    input  logic [  1:0] m_axi_bresp_i
);
  localparam int HAVE_WIDTH = $clog2(DEPTH + 1);

  `MR_CHECK(g_bad_depth, DEPTH >= MAX_BEATS, "mr_axi_writer: DEPTH=%0d must be at least MAX_BEATS.", DEPTH)

  logic kept, announced;
  assign kept = rst_ni && !stop_i;

  logic burst_valid, burst_last;
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
      .ready_i(announced),
      .beat_o(burst_beat),
      .count_o(burst_count),
      .last_o(burst_last)
  );

  // Bursts whose W is to come, and bursts whose B is to come (with whether they end a transfer).
  logic length_room, length_valid, next_burst;
  logic [6:0] length;
  mr_fifo #(
      .WIDTH(7),
      .DEPTH(OUTSTANDING)
  ) u_lengths (
      .clk_i,
      .rst_ni,
      .in_valid_i(announced),
      .in_ready_o(length_room),
      .in_data_i(burst_count),
      .out_valid_o(length_valid),
      .out_ready_i(next_burst),
      .out_data_o(length)
  );
  logic flight_room, flight_valid, flight_last, answered;
  mr_fifo #(
      .WIDTH(1),
      .DEPTH(OUTSTANDING)
  ) u_flight (
      .clk_i,
      .rst_ni,
      .in_valid_i(announced),
      .in_ready_o(flight_room),
      .in_data_i(burst_last),
      .out_valid_o(flight_valid),
      .out_ready_i(answered),
      .out_data_o(flight_last)
  );

  // Once a stop has let all announced bursts pass, the rest of the FIFO goes.
  logic sending_q, flush, room, enters, stored_valid, leaves;
  assign flush = stop_i && !sending_q && !length_valid;
  assign beat_ready_o = room || stop_i;
  assign enters = beat_valid_i && room && !stop_i;
  mr_fifo #(
      .WIDTH(576),
      .DEPTH(DEPTH)
  ) u_beats (
      .clk_i,
      .rst_ni(rst_ni && !flush),
      .in_valid_i(enters),
      .in_ready_o(room),
      .in_data_i({beat_strobe_i, beat_data_i}),
      .out_valid_o(stored_valid),
      .out_ready_i(leaves),
      .out_data_o({m_axi_wstrb_o, m_axi_wdata_o})
  );

  // Beats in the FIFO that no burst has claimed.
  logic [HAVE_WIDTH-1:0] have_q;
  logic go;
  assign go = burst_valid && kept && flight_room && length_room && have_q >= HAVE_WIDTH'(burst_count);
  assign announced = go && (!m_axi_awvalid_o || m_axi_awready_i);
  always_ff @(posedge clk_i) begin
    if (!kept) have_q <= '0;
    else have_q <= have_q + HAVE_WIDTH'(enters) - (announced ? HAVE_WIDTH'(burst_count) : '0);
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) m_axi_awvalid_o <= 1'b0;
    else if (announced) m_axi_awvalid_o <= 1'b1;
    else if (m_axi_awready_i) m_axi_awvalid_o <= 1'b0;
    if (announced) begin
      m_axi_awaddr_o <= {burst_beat, 6'd0};
      m_axi_awlen_o  <= 8'(burst_count) - 8'd1;
    end
  end

  logic [6:0] left_q;
  assign m_axi_wvalid_o = sending_q && stored_valid;
  assign m_axi_wlast_o = left_q == 7'd1;
  assign leaves = m_axi_wvalid_o && m_axi_wready_i;
  assign next_burst = !sending_q || (leaves && m_axi_wlast_o);
  always_ff @(posedge clk_i) begin
    if (!rst_ni) sending_q <= 1'b0;
    else if (next_burst) sending_q <= length_valid;
    if (next_burst) left_q <= length;
    else if (leaves) left_q <= left_q - 7'd1;
  end

  assign m_axi_bready_o = 1'b1;
  assign answered = m_axi_bvalid_i && m_axi_bready_o;
  assign error_o = answered && m_axi_bresp_i[1];
  assign stored_o = answered && flight_last;

  assign waiting_o = flight_valid;
  assign idle_o = start_ready_o && !burst_valid && !m_axi_awvalid_o && !flight_valid && !stored_valid &&
      !sending_q && !length_valid;

  logic unused;
  assign unused = m_axi_bresp_i[0];

  `MR_ASSERT(a_data, !sending_q || stored_valid, "an announced burst lacks data")
  `MR_ASSERT(a_flight, !answered || flight_valid, "an answer that no burst waits for")
endmodule
