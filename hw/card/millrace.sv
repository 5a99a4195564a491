// SPDX-License-Identifier: Apache-2.0
// The RTL kernel of an Alveo card: a generated network behind AXI4-Lite control and two AXI4 ports, with one more for
// each memory of the network (docs/card.md, docs/registers.md). mr_network.svh, written beside the network, holds its
// shape.

`include "mr_network.svh"
`include "mr_assert.svh"
`include "mr_memory.svh"

module millrace #(
    /// Bits of an element of the network's streams x and y.
    parameter int X_BITS = `MR_X_BITS,
    parameter int Y_BITS = `MR_Y_BITS,
    /// Processes of the network.
    parameter int PROCESSES = `MR_PROCESSES,
    /// What the host compares with its model's; byte 0 lowest.
    parameter logic [127:0] SHAPE_HASH = `MR_SHAPE_HASH,
    /// For the host, to turn cycles into time.
    parameter int CLOCK_KHZ = `MR_CLOCK_KHZ,
    /// Cycles in which nothing moves and memory owes nothing that end a run.
    parameter int WATCHDOG = 131072
) (
    /// Clock and synchronous reset.
    input  logic         ap_clk,
    input  logic         ap_rst_n,
    /// Done or ready, as the interrupt registers say.
    output logic         interrupt,
    /// Control.
    input  logic         s_axi_control_awvalid,
    output logic         s_axi_control_awready,
    input  logic [ 15:0] s_axi_control_awaddr,
    input  logic         s_axi_control_wvalid,
    output logic         s_axi_control_wready,
    input  logic [ 31:0] s_axi_control_wdata,
    input  logic [  3:0] s_axi_control_wstrb,
    output logic         s_axi_control_bvalid,
    input  logic         s_axi_control_bready,
    output logic [  1:0] s_axi_control_bresp,
    input  logic         s_axi_control_arvalid,
    output logic         s_axi_control_arready,
    input  logic [ 15:0] s_axi_control_araddr,
    output logic         s_axi_control_rvalid,
    input  logic         s_axi_control_rready,
    output logic [ 31:0] s_axi_control_rdata,
    output logic [  1:0] s_axi_control_rresp,
    /// Memory, read.
    output logic         m_axi_gmem_in_arvalid,
    input  logic         m_axi_gmem_in_arready,
    output logic [ 63:0] m_axi_gmem_in_araddr,
    output logic [  7:0] m_axi_gmem_in_arlen,
    output logic [  2:0] m_axi_gmem_in_arsize,
    output logic [  1:0] m_axi_gmem_in_arburst,
    output logic [  3:0] m_axi_gmem_in_arcache,
    output logic [  2:0] m_axi_gmem_in_arprot,
    input  logic         m_axi_gmem_in_rvalid,
    output logic         m_axi_gmem_in_rready,
    input  logic [511:0] m_axi_gmem_in_rdata,
    input  logic [  1:0] m_axi_gmem_in_rresp,
    input  logic         m_axi_gmem_in_rlast,
    /// Memory, written.
    output logic         m_axi_gmem_out_awvalid,
    input  logic         m_axi_gmem_out_awready,
    output logic [ 63:0] m_axi_gmem_out_awaddr,
    output logic [  7:0] m_axi_gmem_out_awlen,
    output logic [  2:0] m_axi_gmem_out_awsize,
    output logic [  1:0] m_axi_gmem_out_awburst,
    output logic [  3:0] m_axi_gmem_out_awcache,
    output logic [  2:0] m_axi_gmem_out_awprot,
    output logic         m_axi_gmem_out_wvalid,
    input  logic         m_axi_gmem_out_wready,
    output logic [511:0] m_axi_gmem_out_wdata,
    output logic [ 63:0] m_axi_gmem_out_wstrb,
    output logic         m_axi_gmem_out_wlast,
    input  logic         m_axi_gmem_out_bvalid,
    output logic         m_axi_gmem_out_bready,
    input  logic [  1:0] m_axi_gmem_out_bresp
`ifdef MR_MEMORIES
    /// The network's memories, each read and written.
`define MR_MEMORY(n, bits, words) `MR_MEMORY_PORTS(n, bits, words)
    `MR_MEMORY_LIST
`undef MR_MEMORY
`endif
);
  // Of the memory ports: beats of the longest burst, and bursts under way at a time in a direction.
  localparam int MAX_BEATS = int'(mr_registers_pkg::BURST_BEATS);
  localparam int OUTSTANDING = int'(mr_registers_pkg::BURSTS);
`ifdef MR_STATE
  localparam bit STATE = 1;
`else
  localparam bit STATE = 0;
`endif
`ifdef MR_FEEDBACK
  localparam bit FEEDBACK = 1;
`else
  localparam bit FEEDBACK = 0;
`endif
`ifdef MR_PROBES
  localparam int PROBES = `MR_PROBES;
`else
  localparam int PROBES = 0;
`endif
`ifdef MR_MEMORIES
  localparam int MEMORIES = `MR_MEMORIES;
`else
  localparam int MEMORIES = 0;
`endif
  localparam int PROBE_STAGES = 3;
  localparam int PROBE_SLOTS = PROBES > 0 ? PROBES : 1;

  // The names of the rest of the project.
  logic clk_i, rst_ni;
  assign clk_i = ap_clk;
  always_ff @(posedge ap_clk) rst_ni <= ap_rst_n;

  // Whole beats, rising addresses, modifiable, unprivileged secure data.
  assign m_axi_gmem_in_arsize = 3'd6;
  assign m_axi_gmem_in_arburst = 2'b01;
  assign m_axi_gmem_in_arcache = 4'b0011;
  assign m_axi_gmem_in_arprot = 3'b000;
  assign m_axi_gmem_out_awsize = 3'd6;
  assign m_axi_gmem_out_awburst = 2'b01;
  assign m_axi_gmem_out_awcache = 4'b0011;
  assign m_axi_gmem_out_awprot = 3'b000;

  // ---- control

  logic wr_valid, rd_valid;
  logic [15:0] wr_addr, rd_addr;
  logic [31:0] wr_data, rd_data, counter, memory_register;
  logic [3:0] wr_strobe;
  mr_axil_slave u_slave (
      .clk_i,
      .rst_ni,
      .awvalid_i(s_axi_control_awvalid),
      .awready_o(s_axi_control_awready),
      .awaddr_i(s_axi_control_awaddr),
      .wvalid_i(s_axi_control_wvalid),
      .wready_o(s_axi_control_wready),
      .wdata_i(s_axi_control_wdata),
      .wstrb_i(s_axi_control_wstrb),
      .bvalid_o(s_axi_control_bvalid),
      .bready_i(s_axi_control_bready),
      .bresp_o(s_axi_control_bresp),
      .arvalid_i(s_axi_control_arvalid),
      .arready_o(s_axi_control_arready),
      .araddr_i(s_axi_control_araddr),
      .rvalid_o(s_axi_control_rvalid),
      .rready_i(s_axi_control_rready),
      .rdata_o(s_axi_control_rdata),
      .rresp_o(s_axi_control_rresp),
      .wr_valid_o(wr_valid),
      .wr_addr_o(wr_addr),
      .wr_data_o(wr_data),
      .wr_strobe_o(wr_strobe),
      .rd_valid_o(rd_valid),
      .rd_addr_o(rd_addr),
      .rd_data_i(rd_data)
  );

  logic start, taken, ended, running, stream_stop;
  logic [895:0] arguments;
  logic [31:0] status, stream_rows, stream_done, feedback_place, feedback_stop;
  logic [3:0] moved;
  mr_card_registers #(
      .X_BITS(X_BITS),
      .Y_BITS(Y_BITS),
      .PROCESSES(PROCESSES),
      .PROBES(PROBES),
      .MEMORIES(MEMORIES),
      .SHAPE_HASH(SHAPE_HASH),
      .CLOCK_KHZ(CLOCK_KHZ),
      .STATE(STATE),
      .FEEDBACK(FEEDBACK)
  ) u_registers (
      .clk_i,
      .rst_ni,
      .wr_valid_i(wr_valid),
      .wr_word_i(wr_addr[15:2]),
      .wr_data_i(wr_data),
      .wr_strobe_i(wr_strobe),
      .rd_word_i(rd_addr[15:2]),
      .rd_data_o(rd_data),
      .counter_i(counter | memory_register),
      .interrupt_o(interrupt),
      .start_o(start),
      .taken_i(taken),
      .arguments_o(arguments),
      .ended_i(ended),
      .status_i(status),
      .running_o(running),
      .stream_rows_o(stream_rows),
      .stream_stop_o(stream_stop),
      .stream_done_i(stream_done),
      .feedback_place_o(feedback_place),
      .feedback_stop_o(feedback_stop),
      .moved_i(moved)
  );

  logic to_weights, to_x, to_state, from_y, from_state, tail, open, stop;
  logic [31:0] ring, in_rows, out_rows;
  logic [57:0] in_base, out_base;
  logic [39:0] in_beats, out_beats, out_count;
  logic [6:0] in_last_bytes;
  logic network_rst_n, network_start, network_idle, network_done, network_running;
  logic [31:0] command, sequences, steps, total, flags;
  logic [PROCESSES-1:0] busy, starved, blocked;
  logic output_waits, output_complete, output_more, output_asked, input_empty;
  logic reader_idle, reader_waiting, reader_error, writer_idle, writer_waiting, writer_error, stored;
  logic progress;
  logic memories_idle, memory_begin, memories_waiting, memories_move;
  logic memories_read_error, memories_write_error, memories_range_error;
  logic feeds, feed_valid, feed_ready, feed_ended;
  logic [31:0] feed_most, feed_place, feed_stop, feed_steps;
  logic [X_BITS-1:0] feed_data;
  mr_card_control #(
      .X_BITS(X_BITS),
      .Y_BITS(Y_BITS),
      .STATE(STATE),
      .FEEDBACK(FEEDBACK),
      .WATCHDOG(WATCHDOG)
  ) u_control (
      .clk_i,
      .rst_ni,
      .start_i(start),
      .taken_o(taken),
      .arguments_i(arguments),
      .ended_o(ended),
      .status_o(status),
      .stream_rows_i(stream_rows),
      .stream_stop_i(stream_stop),
      .stream_done_o(stream_done),
      .feedback_place_i(feedback_place),
      .feedback_stop_i(feedback_stop),
      .feedback_o(feeds),
      .feedback_most_o(feed_most),
      .feedback_place_o(feed_place),
      .feedback_stop_o(feed_stop),
      .feedback_steps_i(feed_steps),
      .feedback_ended_i(feed_ended),
      .to_weights_o(to_weights),
      .to_x_o(to_x),
      .to_state_o(to_state),
      .from_y_o(from_y),
      .from_state_o(from_state),
      .tail_o(tail),
      .open_o(open),
      .stop_o(stop),
      .ring_o(ring),
      .in_base_o(in_base),
      .in_beats_o(in_beats),
      .in_rows_o(in_rows),
      .in_last_bytes_o(in_last_bytes),
      .out_base_o(out_base),
      .out_beats_o(out_beats),
      .out_rows_o(out_rows),
      .out_count_o(out_count),
      .network_rst_no(network_rst_n),
      .network_start_o(network_start),
      .network_idle_i(network_idle),
      .network_done_i(network_done),
      .network_running_o(network_running),
      .network_command_o(command),
      .network_sequences_o(sequences),
      .network_steps_o(steps),
      .network_total_o(total),
      .network_flags_o(flags),
      .output_waits_i(output_waits),
      .output_complete_i(output_complete),
      .output_more_i(output_more),
      .output_asked_i(output_asked),
      .input_empty_i(input_empty),
      .starved_i(|starved),
      .reader_idle_i(reader_idle),
      .reader_waiting_i(reader_waiting),
      .reader_error_i(reader_error),
      .writer_idle_i(writer_idle),
      .writer_waiting_i(writer_waiting),
      .writer_error_i(writer_error),
      .stored_i(stored),
      .memories_idle_i(memories_idle),
      .memory_begin_o(memory_begin),
      .memories_waiting_i(memories_waiting),
      .memories_read_error_i(memories_read_error),
      .memories_write_error_i(memories_write_error),
      .memories_range_error_i(memories_range_error),
      .progress_i(progress || memories_move)
  );

  // ---- input: memory, beats, and the stream that the command uses

  logic in_start, in_started, in_asked, in_valid, in_ready, in_last;
  logic [57:0] in_start_beat;
  logic [39:0] in_start_count;
  logic [511:0] in_data;
  mr_rows u_in_rows (
      .clk_i,
      .rst_ni(open),
      .base_i(in_base),
      .beats_i(in_beats),
      .ring_i(ring),
      .rows_i(in_rows),
      .valid_o(in_start),
      .ready_i(in_started),
      .beat_o(in_start_beat),
      .count_o(in_start_count),
      .idle_o(in_asked)
  );
  mr_axi_reader #(
      .MAX_BEATS(MAX_BEATS),
      .OUTSTANDING(OUTSTANDING),
      .DEPTH(OUTSTANDING * MAX_BEATS)
  ) u_reader (
      .clk_i,
      .rst_ni,
      .stop_i(stop),
      .idle_o(reader_idle),
      .waiting_o(reader_waiting),
      .error_o(reader_error),
      .start_valid_i(in_start),
      .start_ready_o(in_started),
      .start_beat_i(in_start_beat),
      .start_count_i(in_start_count),
      .beat_valid_o(in_valid),
      .beat_ready_i(in_ready),
      .beat_data_o(in_data),
      .beat_last_o(in_last),
      .m_axi_arvalid_o(m_axi_gmem_in_arvalid),
      .m_axi_arready_i(m_axi_gmem_in_arready),
      .m_axi_araddr_o(m_axi_gmem_in_araddr),
      .m_axi_arlen_o(m_axi_gmem_in_arlen),
      .m_axi_rvalid_i(m_axi_gmem_in_rvalid),
      .m_axi_rready_o(m_axi_gmem_in_rready),
      .m_axi_rdata_i(m_axi_gmem_in_rdata),
      .m_axi_rresp_i(m_axi_gmem_in_rresp),
      .m_axi_rlast_i(m_axi_gmem_in_rlast)
  );

  logic cut_valid, cut_ready, cut_empty, unpack_ready;
  logic [X_BITS-1:0] cut_data;
  mr_unpack #(
      .BITS(X_BITS)
  ) u_unpack (
      .clk_i,
      .rst_ni(open),
      .last_bytes_i(in_last_bytes),
      .in_valid_i(in_valid && to_x),
      .in_ready_o(unpack_ready),
      .in_data_i(in_data),
      .in_last_i(in_last),
      .out_valid_o(cut_valid),
      .out_ready_i(cut_ready),
      .out_data_o(cut_data),
      .empty_o(cut_empty)
  );

  // A slice in front of each input: the network decides whether it takes an element in the cycle in which
  // that is offered. Words of the run only are inside, and what is left at its end is seen.
  logic x_valid, x_ready, beats_ready, given_valid, given_ready;
  logic [X_BITS-1:0] x_data;
  logic [511:0] given_data;
  mr_skid #(
      .WIDTH(X_BITS)
  ) u_x (
      .clk_i,
      .rst_ni(open),
      .in_valid_i(cut_valid || feed_valid),
      .in_ready_o(feed_ready),
      .in_data_i(feed_valid ? feed_data : cut_data),
      .out_valid_o(x_valid),
      .out_ready_i(x_ready),
      .out_data_o(x_data)
  );
  mr_skid #(
      .WIDTH(512)
  ) u_beats (
      .clk_i,
      .rst_ni(open),
      .in_valid_i(in_valid && !to_x),
      .in_ready_o(beats_ready),
      .in_data_i(in_data),
      .out_valid_o(given_valid),
      .out_ready_i(given_ready),
      .out_data_o(given_data)
  );
  assign cut_ready = feed_ready && !feed_valid;
  logic weights_valid, weights_ready, state_in_valid, state_in_ready;
  assign weights_valid = given_valid && to_weights && open;
  assign state_in_valid = given_valid && to_state && open;
  assign given_ready = to_weights ? weights_ready : to_state && state_in_ready;
  assign in_ready = open && (to_x ? unpack_ready : beats_ready);
  assign input_empty = in_asked && reader_idle && cut_empty && !feed_valid && !x_valid && !given_valid;

  // ---- the network's memories

`ifdef MR_MEMORIES
  `MR_MEMORY_WIRES
  mr_memory_registers #(
      .MEMORIES(MEMORIES)
  ) u_memory_registers (
      .clk_i,
      .rst_ni,
      .wr_valid_i(wr_valid),
      .wr_word_i(wr_addr[15:2]),
      .wr_data_i(wr_data),
      .wr_strobe_i(wr_strobe),
      .rd_word_i(rd_addr[15:2]),
      .rd_data_o(memory_register),
      .bits_i(memory_bits),
      .needs_i(memory_needs),
      .base_o(memory_base),
      .words_o(memory_words)
  );
`define MR_MEMORY(n, bits, words) `MR_MEMORY_SERVED(n, bits, words)
  `MR_MEMORY_LIST
`undef MR_MEMORY
`define MR_WORD(name, bits, first, count) `MR_WORD_PARTED(name, bits, first, count)
  `MR_WORD_LIST
`undef MR_WORD
  assign memories_idle = &memory_idle;
  assign memories_waiting = |memory_waiting;
  assign memories_move = |memory_moves;
  assign memories_read_error = |memory_read_error;
  assign memories_write_error = |memory_write_error;
  assign memories_range_error = |memory_range_error;
`else
  assign memory_register = '0;
  assign memories_idle = 1'b1;
  assign memories_waiting = 1'b0;
  assign memories_move = 1'b0;
  assign memories_read_error = 1'b0;
  assign memories_write_error = 1'b0;
  assign memories_range_error = 1'b0;
  logic unused_memory;
  assign unused_memory = memory_begin;
`endif

  // ---- the network

  logic [64*PROBE_SLOTS-1:0] probe;
  logic y_valid, y_ready, state_out_valid, state_out_ready;
  logic [Y_BITS-1:0] y_data;
  logic [511:0] state_out_data;
  network u_network (
      .clk_i,
      .rst_ni(network_rst_n),
      .start_i(network_start),
      .idle_o(network_idle),
      .done_o(network_done),
      .command_i(command),
      .sequences_i(sequences),
      .steps_i(steps),
      .total_i(total),
      .flags_i(flags),
      .weights_valid_i(weights_valid),
      .weights_ready_o(weights_ready),
      .weights_data_i(given_data),
      .x_valid_i(x_valid),
      .x_ready_o(x_ready),
      .x_data_i(x_data),
      .y_valid_o(y_valid),
      .y_ready_i(y_ready),
      .y_data_o(y_data),
`ifdef MR_STATE
      .state_in_valid_i(state_in_valid),
      .state_in_ready_o(state_in_ready),
      .state_in_data_i(given_data),
      .state_out_valid_o(state_out_valid),
      .state_out_ready_i(state_out_ready),
      .state_out_data_o(state_out_data),
`endif
`ifdef MR_PROBES
      .probe_o(probe),
`endif
`ifdef MR_MEMORIES
`define MR_WORD(name, bits, first, count) `MR_WORD_STREAMS(name, bits, first, count)
      `MR_WORD_LIST
`undef MR_WORD
`endif
      .busy_o(busy),
      .starved_o(starved),
      .blocked_o(blocked)
  );
`ifndef MR_PROBES
  assign probe = '0;
`endif
`ifndef MR_STATE
  assign state_in_ready  = 1'b0;
  assign state_out_valid = 1'b0;
  assign state_out_data  = '0;
  logic unused_state;
  assign unused_state = ^{state_in_valid, state_out_ready};
`endif

  // ---- output: the stream that the command uses, beats, and memory

  logic give_valid, give_ready, kept_valid, kept_ready, kept_last, pack_ready, pack_valid, beat_valid, beat_ready;
  logic [63:0] number, pack_strobe, beat_strobe;
  logic [511:0] pack_data, beat_data;
  assign give_valid = from_state ? state_out_valid : y_valid && from_y;
  assign y_ready = give_ready && from_y;
  assign state_out_ready = give_ready && from_state;
  assign output_waits = give_valid && !give_ready;
  mr_meter u_meter (
      .clk_i,
      .rst_ni(open),
      .count_i(out_count),
      .rows_i(out_rows),
      .in_valid_i(give_valid),
      .in_ready_o(give_ready),
      .out_valid_o(kept_valid),
      .out_ready_i(kept_ready),
      .out_last_o(kept_last),
      .out_number_o(number),
      .complete_o(output_complete),
      .more_o(output_more)
  );
  assign kept_ready = from_state ? beat_ready : pack_ready;
  if (FEEDBACK) begin : g_feedback
    mr_feedback #(
        .X_BITS(X_BITS),
        .Y_BITS(Y_BITS)
    ) u_feedback (
        .clk_i,
        .rst_ni(open && feeds),
        .most_i(feed_most),
        .place_i(feed_place),
        .stop_i(feed_stop),
        .passes_i(kept_valid && kept_ready),
        .last_i(kept_last),
        .data_i(y_data),
        .steps_o(feed_steps),
        .ended_o(feed_ended),
        .valid_o(feed_valid),
        .ready_i(feed_ready),
        .data_o(feed_data)
    );
  end else begin : g_no_feedback
    assign feed_steps = '0;
    assign feed_ended = 1'b0;
    assign feed_valid = 1'b0;
    assign feed_data  = '0;
    logic unused_feedback;
    assign unused_feedback = ^{feeds, feed_most, feed_place, feed_stop};
  end
  logic unused_pack_empty;
  mr_pack #(
      .BITS(Y_BITS)
  ) u_pack (
      .clk_i,
      .rst_ni(open),
      .tail_i(tail),
      .tail_number_i(number),
      .in_valid_i(kept_valid && from_y),
      .in_ready_o(pack_ready),
      .in_data_i(y_data),
      .in_last_i(kept_last),
      .out_valid_o(pack_valid),
      .out_ready_i(beat_ready),
      .out_data_o(pack_data),
      .out_strobe_o(pack_strobe),
      .empty_o(unused_pack_empty)
  );
  assign beat_valid = from_state ? kept_valid : pack_valid;
  assign beat_data = from_state ? state_out_data : pack_data;
  assign beat_strobe = from_state ? '1 : pack_strobe;

  logic out_start, out_started;
  logic [57:0] out_start_beat;
  logic [39:0] out_start_count;
  mr_rows u_out_rows (
      .clk_i,
      .rst_ni(open),
      .base_i(out_base),
      .beats_i(out_beats),
      .ring_i(ring),
      .rows_i(out_rows),
      .valid_o(out_start),
      .ready_i(out_started),
      .beat_o(out_start_beat),
      .count_o(out_start_count),
      .idle_o(output_asked)
  );
  mr_axi_writer #(
      .MAX_BEATS(MAX_BEATS),
      .OUTSTANDING(OUTSTANDING),
      .DEPTH(2 * MAX_BEATS)
  ) u_writer (
      .clk_i,
      .rst_ni,
      .stop_i(stop),
      .idle_o(writer_idle),
      .waiting_o(writer_waiting),
      .error_o(writer_error),
      .stored_o(stored),
      .start_valid_i(out_start),
      .start_ready_o(out_started),
      .start_beat_i(out_start_beat),
      .start_count_i(out_start_count),
      .beat_valid_i(beat_valid),
      .beat_ready_o(beat_ready),
      .beat_data_i(beat_data),
      .beat_strobe_i(beat_strobe),
      .m_axi_awvalid_o(m_axi_gmem_out_awvalid),
      .m_axi_awready_i(m_axi_gmem_out_awready),
      .m_axi_awaddr_o(m_axi_gmem_out_awaddr),
      .m_axi_awlen_o(m_axi_gmem_out_awlen),
      .m_axi_wvalid_o(m_axi_gmem_out_wvalid),
      .m_axi_wready_i(m_axi_gmem_out_wready),
      .m_axi_wdata_o(m_axi_gmem_out_wdata),
      .m_axi_wstrb_o(m_axi_gmem_out_wstrb),
      .m_axi_wlast_o(m_axi_gmem_out_wlast),
      .m_axi_bvalid_i(m_axi_gmem_out_bvalid),
      .m_axi_bready_o(m_axi_gmem_out_bready),
      .m_axi_bresp_i(m_axi_gmem_out_bresp)
  );

  // ---- counters

  logic read_beat, write_beat, x_moves, y_moves;
  assign read_beat = m_axi_gmem_in_rvalid && m_axi_gmem_in_rready;
  assign write_beat = m_axi_gmem_out_wvalid && m_axi_gmem_out_wready;
  assign x_moves = x_valid && x_ready;
  assign y_moves = give_valid && give_ready && open;
  assign moved = 4'(read_beat) + 4'(write_beat) + 4'(x_moves) + 4'(y_moves) + 4'(|busy);
  assign progress = moved != 4'd0 || (in_valid && in_ready);
  // They come from all dies of the card and are in no hurry.
  logic [64*PROBE_SLOTS-1:0] probe_here;
  mr_stages #(
      .WIDTH (64 * PROBE_SLOTS),
      .STAGES(PROBE_STAGES),
      .RESET (0)
  ) u_probes (
      .clk_i,
      .rst_ni,
      .data_i(probe),
      .data_o(probe_here)
  );
  mr_counters #(
      .PROCESSES(PROCESSES),
      .PROBES(PROBE_SLOTS),
      .FEEDBACK(FEEDBACK),
      .PROBE_STAGES(PROBE_STAGES)
  ) u_counters (
      .clk_i,
      .clear_i(taken || !rst_ni),
      .run_i(running),
      .network_i(network_running),
      .ended_i(network_running && network_done),
      .output_i(y_moves),
      .busy_i(busy),
      .starved_i(starved),
      .blocked_i(blocked),
      .add_i(feeds),
      .probe_i(probe_here),
      .rd_valid_i(rd_valid),
      .rd_word_i(rd_addr[15:2]),
      .rd_data_o(counter)
  );

  logic unused_bits;
  assign unused_bits = ^{wr_addr[1:0], rd_addr[1:0]};

  // ---- the rules of the ports, in simulation

`ifdef MR_ASSERT_ON
  mr_axil_rules u_control_rules (
      .clk_i,
      .rst_ni,
      .awvalid_i(s_axi_control_awvalid),
      .awready_i(s_axi_control_awready),
      .awaddr_i(s_axi_control_awaddr),
      .wvalid_i(s_axi_control_wvalid),
      .wready_i(s_axi_control_wready),
      .wdata_i(s_axi_control_wdata),
      .wstrb_i(s_axi_control_wstrb),
      .bvalid_i(s_axi_control_bvalid),
      .bready_i(s_axi_control_bready),
      .bresp_i(s_axi_control_bresp),
      .arvalid_i(s_axi_control_arvalid),
      .arready_i(s_axi_control_arready),
      .araddr_i(s_axi_control_araddr),
      .rvalid_i(s_axi_control_rvalid),
      .rready_i(s_axi_control_rready),
      .rdata_i(s_axi_control_rdata),
      .rresp_i(s_axi_control_rresp)
  );
  mr_axi_read_rules u_in_rules (
      .clk_i,
      .rst_ni,
      .arvalid_i(m_axi_gmem_in_arvalid),
      .arready_i(m_axi_gmem_in_arready),
      .araddr_i(m_axi_gmem_in_araddr),
      .arlen_i(m_axi_gmem_in_arlen),
      .rvalid_i(m_axi_gmem_in_rvalid),
      .rready_i(m_axi_gmem_in_rready),
      .rdata_i(m_axi_gmem_in_rdata),
      .rresp_i(m_axi_gmem_in_rresp),
      .rlast_i(m_axi_gmem_in_rlast)
  );
  mr_axi_write_rules u_out_rules (
      .clk_i,
      .rst_ni,
      .awvalid_i(m_axi_gmem_out_awvalid),
      .awready_i(m_axi_gmem_out_awready),
      .awaddr_i(m_axi_gmem_out_awaddr),
      .awlen_i(m_axi_gmem_out_awlen),
      .wvalid_i(m_axi_gmem_out_wvalid),
      .wready_i(m_axi_gmem_out_wready),
      .wdata_i(m_axi_gmem_out_wdata),
      .wstrb_i(m_axi_gmem_out_wstrb),
      .wlast_i(m_axi_gmem_out_wlast),
      .bvalid_i(m_axi_gmem_out_bvalid),
      .bready_i(m_axi_gmem_out_bready),
      .bresp_i(m_axi_gmem_out_bresp)
  );
  mr_stream_rules #(
      .WIDTH(X_BITS),
      .NAME("x")
  ) u_x_rules (
      .clk_i,
      .rst_ni(open),
      .valid_i(x_valid),
      .ready_i(x_ready),
      .data_i(x_data)
  );
  mr_stream_rules #(
      .WIDTH(512),
      .NAME("weights")
  ) u_weights_rules (
      .clk_i,
      .rst_ni(open && to_weights),
      .valid_i(weights_valid),
      .ready_i(weights_ready),
      .data_i(given_data)
  );
  mr_stream_rules #(
      .WIDTH(Y_BITS),
      .NAME("y")
  ) u_y_rules (
      .clk_i,
      .rst_ni(network_rst_n),
      .valid_i(y_valid),
      .ready_i(y_ready),
      .data_i(y_data)
  );
`ifdef MR_MEMORIES
`define MR_MEMORY(n, bits, words) `MR_MEMORY_RULES(n, bits, words)
  `MR_MEMORY_LIST
`undef MR_MEMORY
`define MR_WORD(name, bits, first, count) `MR_WORD_RULES(name, bits, first, count)
  `MR_WORD_LIST
`undef MR_WORD
`endif
`endif
endmodule
