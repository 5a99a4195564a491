// SPDX-License-Identifier: Apache-2.0
// Runs a command of the card: takes its arguments, checks them, opens the input and the output, starts the
// network (for STREAM once for all rows that are there, again and again, for FEEDBACK once for each step, whose
// input mr_feedback takes from the one before), and ends when memory has all of the output, or with a status that says why not. On an error reading and writing are stopped, what is under way
// is waited for, and the network is reset.

`include "mr_assert.svh"

module mr_card_control #(
    /// Bits of an element of x and of y.
    parameter int X_BITS = 16,
    parameter int Y_BITS = 32,
    /// The network has state streams.
    parameter bit STATE = 0,
    /// FEEDBACK works.
    parameter bit FEEDBACK = 0,
    /// Cycles in which nothing moves and memory owes nothing that end a run.
    parameter int WATCHDOG = 131072
) (
    /// Clock, rising edge.
    input  logic         clk_i,
    /// Reset, synchronous, active low.
    input  logic         rst_ni,
    /// Registers.
    input  logic         start_i,
    output logic         taken_o,
    input  logic [895:0] arguments_i,
    output logic         ended_o,
    output logic [ 31:0] status_o,
    input  logic [ 31:0] stream_rows_i,
    input  logic         stream_stop_i,
    output logic [ 31:0] stream_done_o,
    input  logic [ 31:0] feedback_place_i,
    input  logic [ 31:0] feedback_stop_i,
    /// Of a FEEDBACK run: what mr_feedback needs, and what it says.
    output logic         feedback_o,
    output logic [ 31:0] feedback_most_o,
    output logic [ 31:0] feedback_place_o,
    output logic [ 31:0] feedback_stop_o,
    input  logic [ 31:0] feedback_steps_i,
    input  logic         feedback_ended_i,
    /// Which streams the command uses.
    output logic         to_weights_o,
    output logic         to_x_o,
    output logic         to_state_o,
    output logic         from_y_o,
    output logic         from_state_o,
    output logic         tail_o,
    /// The data path is in use; low resets it.
    output logic         open_o,
    /// Reading and writing are to stop.
    output logic         stop_o,
    /// Transfers of the input and of the output, and the rows of each that are there.
    output logic [ 31:0] ring_o,
    output logic [ 57:0] in_base_o,
    output logic [ 39:0] in_beats_o,
    output logic [ 31:0] in_rows_o,
    output logic [  6:0] in_last_bytes_o,
    output logic [ 57:0] out_base_o,
    output logic [ 39:0] out_beats_o,
    output logic [ 31:0] out_rows_o,
    output logic [ 39:0] out_count_o,
    /// The network.
    output logic         network_rst_no,
    output logic         network_start_o,
    input  logic         network_idle_i,
    input  logic         network_done_i,
    output logic         network_running_o,
    output logic [ 31:0] network_command_o,
    output logic [ 31:0] network_sequences_o,
    output logic [ 31:0] network_steps_o,
    output logic [ 31:0] network_total_o,
    output logic [ 31:0] network_flags_o,
    /// The network's output waits to be taken.
    input  logic         output_waits_i,
    /// All rows of the output were passed on; more came.
    input  logic         output_complete_i,
    input  logic         output_more_i,
    /// The writer has been given all transfers of the rows.
    input  logic         output_asked_i,
    /// Nothing of the input is left; a process of the network waits for input.
    input  logic         input_empty_i,
    input  logic         starved_i,
    /// Reader and writer.
    input  logic         reader_idle_i,
    input  logic         reader_waiting_i,
    input  logic         reader_error_i,
    input  logic         writer_idle_i,
    input  logic         writer_waiting_i,
    input  logic         writer_error_i,
    input  logic         stored_i,
    /// The network's memories: all that was planned is done; the network begins, for which they begin anew.
    input  logic         memories_idle_i,
    output logic         memory_begin_o,
    input  logic         memories_waiting_i,
    input  logic         memories_read_error_i,
    input  logic         memories_write_error_i,
    input  logic         memories_range_error_i,
    /// Something moved, or a process was busy.
    input  logic         progress_i
);
  localparam int X_BYTES = (X_BITS + 7) / 8;
  localparam int Y_BYTES = (Y_BITS + 7) / 8;
  localparam int QUIET_WIDTH = $clog2(WATCHDOG + 1);
  `define ARGUMENT(name, bits) arguments_i[(name - mr_registers_pkg::ARG_COMMAND) * 8 +: bits]

  localparam logic [3:0] IDLE = 4'd0;
  localparam logic [3:0] SCALE = 4'd1;  // products and sizes are computed
  localparam logic [3:0] CHECK = 4'd2;
  localparam logic [3:0] NEXT = 4'd3;  // STREAM: waits for rows
  localparam logic [3:0] COUNT = 4'd4;  // STREAM: the steps of these rows are computed
  localparam logic [3:0] START = 4'd5;
  localparam logic [3:0] RUN = 4'd6;
  localparam logic [3:0] DRAIN = 4'd7;  // the network's last outputs are taken
  localparam logic [3:0] CLOSE = 4'd8;  // memory acknowledges
  localparam logic [3:0] STOP = 4'd9;  // after an error
  localparam logic [3:0] END = 4'd10;

  logic [3:0] state_q;
  logic [1:0] wait_q;
  logic taken;
  assign taken = state_q == IDLE && start_i;
  assign taken_o = taken;

  // ---- the arguments, as long as the run needs them

  logic load_q, run_q, read_state_q, write_state_q, stream_q, feedback_q, known_q, reset_q;
  logic [31:0] steps_q, sequences_q, flags_q;
  logic [63:0] in_count_q, out_count_q, in_address_q, out_address_q;
  logic [31:0] command;
  // RUN of either part of a network: that of the encoder gives no y.
  logic is_load, is_run, is_read, is_write, is_stream, is_feedback, is_rows;
  assign command = `ARGUMENT(mr_registers_pkg::ARG_COMMAND, 32);
  assign is_load = command == mr_registers_pkg::COMMAND_LOAD;
  assign is_run = command == mr_registers_pkg::COMMAND_RUN || command == mr_registers_pkg::COMMAND_ENCODE;
  assign is_read = command == mr_registers_pkg::COMMAND_READ_STATE;
  assign is_write = command == mr_registers_pkg::COMMAND_WRITE_STATE;
  assign is_stream = command == mr_registers_pkg::COMMAND_STREAM;
  assign is_feedback = command == mr_registers_pkg::COMMAND_FEEDBACK;
  assign is_rows = is_stream || is_feedback;

  always_ff @(posedge clk_i) begin
    if (taken) begin
      load_q <= is_load;
      run_q <= is_run;
      read_state_q <= is_read;
      write_state_q <= is_write;
      stream_q <= is_rows;
      feedback_q <= is_feedback;
      feedback_most_o <= `ARGUMENT(mr_registers_pkg::ARG_SEQUENCES, 32);
      feedback_place_o <= feedback_place_i;
      feedback_stop_o <= feedback_stop_i;
      known_q <= is_load || is_run || is_read || is_write || is_rows;
      network_command_o <= is_rows ? mr_registers_pkg::COMMAND_RUN : command;
      steps_q <= `ARGUMENT(mr_registers_pkg::ARG_STEPS, 32);
      flags_q <= `ARGUMENT(mr_registers_pkg::ARG_FLAGS, 32);
      ring_o <= is_rows ? `ARGUMENT(mr_registers_pkg::ARG_RING, 32) : 32'd1;
      in_address_q <= is_load ? `ARGUMENT(mr_registers_pkg::ARG_WEIGHTS, 64) :
          is_write ? `ARGUMENT(mr_registers_pkg::ARG_STATE_IN, 64) : `ARGUMENT(mr_registers_pkg::ARG_X, 64);
      in_count_q <= is_load ? `ARGUMENT(mr_registers_pkg::ARG_WEIGHTS_BEATS, 64) :
          is_write ? {32'd0, `ARGUMENT(mr_registers_pkg::ARG_STATE_BEATS, 32)} :
          is_read ? 64'd0 : `ARGUMENT(mr_registers_pkg::ARG_X_COUNT, 64);
      out_address_q <= is_read ? `ARGUMENT(mr_registers_pkg::ARG_STATE_OUT, 64) : `ARGUMENT(mr_registers_pkg::ARG_Y, 64);
      out_count_q <= is_read ? {32'd0, `ARGUMENT(mr_registers_pkg::ARG_STATE_BEATS, 32)} :
          is_load || is_write ? 64'd0 : `ARGUMENT(mr_registers_pkg::ARG_Y_COUNT, 64);
    end
    // A first row that clears the state is a run of its own, of one sequence.
    if (state_q == SCALE || state_q == NEXT || again) reset_q <= to_x_o && (flags_q[0] || (stream_q && one_first));
    if (taken) sequences_q <= is_feedback ? 32'd1 : is_stream ? `ARGUMENT(mr_registers_pkg::ARG_RING, 32) : `ARGUMENT(mr_registers_pkg::ARG_SEQUENCES, 32);
    else if (state_q == NEXT) sequences_q <= batch;
  end

  assign to_weights_o = load_q;
  assign to_x_o = run_q || stream_q;
  assign to_state_o = write_state_q;
  assign from_y_o = run_q || stream_q;
  assign from_state_o = read_state_q;
  assign tail_o = stream_q;
  assign in_base_o = in_address_q[63:6];
  assign out_base_o = out_address_q[63:6];
  assign out_count_o = out_count_q[39:0];

  // ---- products: steps in all, bytes and beats; three cycles from their factors

  logic [63:0] product_q, total_q;
  logic [53:0] in_product_q, in_bytes_q, out_product_q, out_bytes_q;
  always_ff @(posedge clk_i) begin
    product_q <= 64'(sequences_q) * 64'(steps_q);
    total_q <= product_q;
    in_product_q <= 54'(in_count_q[39:0]) * (to_x_o ? 54'(X_BYTES) : 54'd64);
    in_bytes_q <= in_product_q;
    out_product_q <= 54'(out_count_q[39:0]) * (from_y_o ? 54'(Y_BYTES) : 54'd64);
    out_bytes_q <= out_product_q + (stream_q ? 54'd8 : 54'd0);
    if (state_q == SCALE) begin
      in_beats_o <= 40'((in_bytes_q + 54'd63) >> 6);
      out_beats_o <= 40'((out_bytes_q + 54'd63) >> 6);
      in_last_bytes_o <= {1'b0, in_bytes_q[5:0] - 6'd1} + 7'd1;
    end
  end

  // ---- status: what a run's end tells

  logic [31:0] status_q, bad_d, fault_d;
  logic [31:0] batch, started_q;
  logic opened, quiet, closing_well, uses_in, uses_out;
  assign opened = state_q == NEXT || state_q == COUNT || state_q == START || state_q == RUN ||
      state_q == DRAIN || state_q == CLOSE;
  assign open_o = opened;
  assign stop_o = state_q == STOP;
  assign status_o = status_q;
  assign ended_o = state_q == END;
  assign uses_in = in_count_q != '0;
  assign uses_out = out_count_q != '0;

  // Only looked at in CHECK.
  always_comb begin
    bad_d = '0;
    bad_d[mr_registers_pkg::STATUS_BAD_COMMAND_BIT] = !known_q;
    bad_d[mr_registers_pkg::STATUS_UNSUPPORTED_BIT] = ((read_state_q || write_state_q) && !STATE) || (feedback_q && !FEEDBACK);
    bad_d[mr_registers_pkg::STATUS_BAD_ARGUMENT_BIT] = known_q && ((uses_in && in_address_q[5:0] != '0) ||
        (uses_out && out_address_q[5:0] != '0) || in_count_q[63:40] != '0 || out_count_q[63:40] != '0 ||
        (to_x_o && total_q[63:32] != '0) ||
        (stream_q && (ring_o == '0 || steps_q == '0 || !uses_in || !uses_out)) ||
        (feedback_q && (feedback_most_o == '0 || steps_q != 32'd1 || in_count_q != 64'd1 ||
        out_count_q <= 64'(feedback_place_o))));
  end

  logic [31:0] ahead;
  assign ahead = stream_rows_i - stream_done_o;
  always_comb begin
    fault_d = '0;
    fault_d[mr_registers_pkg::STATUS_WEIGHTS_ERROR_BIT] = reader_error_i && load_q;
    fault_d[mr_registers_pkg::STATUS_X_ERROR_BIT] = reader_error_i && to_x_o;
    fault_d[mr_registers_pkg::STATUS_STATE_READ_ERROR_BIT] = reader_error_i && write_state_q;
    fault_d[mr_registers_pkg::STATUS_Y_ERROR_BIT] = writer_error_i && from_y_o;
    fault_d[mr_registers_pkg::STATUS_STATE_WRITE_ERROR_BIT] = writer_error_i && read_state_q;
    fault_d[mr_registers_pkg::STATUS_MEMORY_READ_ERROR_BIT] = memories_read_error_i;
    fault_d[mr_registers_pkg::STATUS_MEMORY_WRITE_ERROR_BIT] = memories_write_error_i;
    fault_d[mr_registers_pkg::STATUS_MEMORY_RANGE_BIT] = memories_range_error_i;
    fault_d[mr_registers_pkg::STATUS_MEMORY_LEFT_BIT] = quiet && left;
    fault_d[mr_registers_pkg::STATUS_OUTPUT_MORE_BIT] = output_more_i;
    fault_d[mr_registers_pkg::STATUS_INPUT_SHORT_BIT] = quiet && !left && starved_i && input_empty_i;
    fault_d[mr_registers_pkg::STATUS_NO_PROGRESS_BIT] = quiet && !left && !(starved_i && input_empty_i);
    fault_d[mr_registers_pkg::STATUS_OUTPUT_SHORT_BIT] = state_q == DRAIN && !output_waits_i && !output_complete_i;
    fault_d[mr_registers_pkg::STATUS_INPUT_LEFT_BIT] = closing_well && !input_empty_i;
    fault_d[mr_registers_pkg::STATUS_RING_OVERRUN_BIT] = stream_q && !feedback_q && ahead > ring_o;
  end

  // ---- the course of a run

  logic [QUIET_WIDTH-1:0] quiet_q;
  logic single, one_first, last_row, again, begins, left;
  logic [31:0] rows_there;
  assign quiet = quiet_q == QUIET_WIDTH'(WATCHDOG);
  always_ff @(posedge clk_i) begin
    if (!opened || state_q == NEXT || progress_i || reader_waiting_i || writer_waiting_i ||
        memories_waiting_i || quiet) quiet_q <= '0;
    else quiet_q <= quiet_q + QUIET_WIDTH'(1);
  end

  // The first row alone when it is to clear the state.
  assign one_first = flags_q[1] && started_q == '0;
  assign rows_there = feedback_q ? feedback_steps_i : stream_rows_i;
  assign last_row = feedback_q ? feedback_ended_i : stream_stop_i;
  assign batch = one_first ? 32'd1 : rows_there - started_q;
  assign single = !stream_q;
  // The next step's input is there as the network ends the one before, of which nothing waits: it begins at once.
  assign again = feedback_q && state_q == RUN && network_done_i && output_complete_i && rows_there != started_q;
  assign closing_well = state_q == CLOSE && output_complete_i && output_asked_i && writer_idle_i && memories_idle_i;
  // Memory has all that the network stored before it begins again, and the run ends no sooner. What is not done then was
  // planned or stored by mistake.
  assign begins = state_q == START && network_idle_i && memories_idle_i;
  assign left = !memories_idle_i && ((state_q == START && network_idle_i) ||
      (state_q == CLOSE && output_complete_i && output_asked_i && writer_idle_i));

  logic [3:0] state_d;
  always_comb begin
    state_d = state_q;
    case (state_q)
      IDLE: if (start_i) state_d = SCALE;
      SCALE: if (wait_q == 2'd2) state_d = CHECK;
      CHECK: state_d = bad_d != '0 ? END : stream_q ? NEXT : run_q && total_q[31:0] == '0 ? DRAIN : START;
      NEXT: if (rows_there != started_q) state_d = feedback_q ? START : COUNT;
      else if (last_row) state_d = CLOSE;
      COUNT: if (wait_q == 2'd1) state_d = START;
      START: if (begins) state_d = RUN;
      RUN: if (network_done_i) state_d = again ? START : DRAIN;
      DRAIN: if (!output_waits_i) state_d = single ? CLOSE : NEXT;
      CLOSE: if (closing_well) state_d = END;
      STOP: if (reader_idle_i && writer_idle_i && memories_idle_i && wait_q == 2'd3) state_d = END;
      default: state_d = IDLE;
    endcase
    if (opened && (fault_d != '0 || status_q != '0)) state_d = STOP;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      state_q  <= IDLE;
      status_q <= '0;
    end else begin
      state_q <= state_d;
      if (taken) status_q <= '0;
      else if (state_q == CHECK) status_q <= bad_d;
      else if (opened || state_q == STOP) begin
        // An error in memory counts until all is quiet; what follows from a stop does not.
        status_q <= status_q | (opened && status_q == '0 ? fault_d : {25'd0, fault_d[6:0]});
      end
    end
    if (state_q != state_d) wait_q <= '0;
    else if (wait_q != 2'd3) wait_q <= wait_q + 2'd1;
  end

  // Rows whose run has begun, and rows that are stored.
  always_ff @(posedge clk_i) begin
    if (taken) begin
      started_q <= '0;
      stream_done_o <= '0;
    end else begin
      if (stream_q && begins) started_q <= started_q + sequences_q;
      if (stream_q && stored_i && opened) stream_done_o <= stream_done_o + 32'd1;
    end
  end
  assign feedback_o = feedback_q;
  assign in_rows_o = feedback_q ? 32'd1 : stream_q ? stream_rows_i : 32'(in_beats_o != '0);
  assign out_rows_o = stream_q ? started_q : 32'(out_beats_o != '0);

  assign network_rst_no = rst_ni && state_q != STOP;
  assign network_start_o = state_q == START && memories_idle_i;
  assign memory_begin_o = begins;
  assign network_running_o = state_q == RUN || begins;
  assign network_sequences_o = to_x_o ? sequences_q : '0;
  assign network_steps_o = to_x_o ? steps_q : '0;
  assign network_total_o = to_x_o ? total_q[31:0] : '0;
  // The upper half is the network's own (MR_FLAGS_OWN).
  assign network_flags_o = {flags_q[31:16], 15'd0, reset_q};

  // The high words of the slots of 32-bit arguments, and flags that are not.
  logic unused;
  assign unused = ^arguments_i ^ ^flags_q[15:2];

  `undef ARGUMENT
endmodule
