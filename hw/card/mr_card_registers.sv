// SPDX-License-Identifier: Apache-2.0
// The registers of the kernel (docs/registers.md) behind the register bus of mr_axil_slave: start, done and
// interrupts in the manner of ap_ctrl_chain, the arguments, identity and status. Cycle counters stand in
// mr_counters and the network's memories in mr_memory_registers, which get the same reads.
module mr_card_registers #(
    /// Identity, as registers x_bits ... clock_khz tell it.
    parameter int X_BITS = 16,
    parameter int Y_BITS = 32,
    parameter int PROCESSES = 1,
    parameter int PROBES = 0,
    parameter int MEMORIES = 0,
    parameter logic [127:0] SHAPE_HASH = '0,
    parameter int CLOCK_KHZ = 0,
    parameter bit STATE = 0,
    parameter bit FEEDBACK = 0
) (
    /// Clock, rising edge.
    input  logic         clk_i,
    /// Reset, synchronous, active low.
    input  logic         rst_ni,
    /// The register bus; the word read follows two cycles after rd_valid_i.
    input  logic         wr_valid_i,
    input  logic [ 15:2] wr_word_i,
    input  logic [ 31:0] wr_data_i,
    input  logic [  3:0] wr_strobe_i,
    input  logic [ 15:2] rd_word_i,
    output logic [ 31:0] rd_data_o,
    /// The word of mr_counters or of mr_memory_registers, one cycle after rd_valid_i.
    input  logic [ 31:0] counter_i,
    /// A level, as the interrupt registers say.
    output logic         interrupt_o,
    /// A run may begin with the arguments; the run's unit takes them.
    output logic         start_o,
    input  logic         taken_i,
    /// The arguments' words, that of the first argument lowest.
    output logic [895:0] arguments_o,
    /// The run's end, and its status.
    input  logic         ended_i,
    input  logic [ 31:0] status_i,
    /// A run goes on.
    output logic         running_o,
    /// Streaming.
    output logic [ 31:0] stream_rows_o,
    output logic         stream_stop_o,
    input  logic [ 31:0] stream_done_i,
    /// Feedback.
    output logic [ 31:0] feedback_place_o,
    output logic [ 31:0] feedback_stop_o,
    /// Beats and elements that moved in this cycle.
    input  logic [  3:0] moved_i
);
  localparam int ARGUMENTS = 28;
  localparam logic [15:2] FIRST = mr_registers_pkg::ARG_COMMAND[15:2];

  logic start_q, done_q, ready_q, running_q, all_q;
  logic [1:0] sources_q, events_q;
  logic [31:0] status_q, faults_q, runs_q, progress_q, rows_q;
  logic stop_q;
  logic [31:0] feedback_place_q, feedback_stop_q;
  logic [31:0] mask;
  assign mask = {{8{wr_strobe_i[3]}}, {8{wr_strobe_i[2]}}, {8{wr_strobe_i[1]}}, {8{wr_strobe_i[0]}}};

  // A write of one register, and the bits of it that were written as 1.
  logic [31:0] ones;
  logic low;
  assign ones = wr_data_i & mask;
  assign low = wr_valid_i && wr_strobe_i[0];

  logic write_control, write_all, write_sources, write_events, write_faults, write_rows, write_stop;
  logic write_place, write_token;
  assign write_control = wr_valid_i && wr_word_i == mr_registers_pkg::REG_CONTROL[15:2];
  assign write_all = low && wr_word_i == mr_registers_pkg::REG_INTERRUPT_ENABLE[15:2];
  assign write_sources = low && wr_word_i == mr_registers_pkg::REG_INTERRUPT_SOURCES[15:2];
  assign write_events = wr_valid_i && wr_word_i == mr_registers_pkg::REG_INTERRUPT_STATUS[15:2];
  assign write_faults = wr_valid_i && wr_word_i == mr_registers_pkg::REG_FAULTS[15:2];
  assign write_rows = wr_valid_i && wr_word_i == mr_registers_pkg::REG_STREAM_ROWS[15:2];
  assign write_stop = low && wr_word_i == mr_registers_pkg::REG_STREAM_CONTROL[15:2];
  assign write_place = wr_valid_i && wr_word_i == mr_registers_pkg::REG_FEEDBACK_PLACE[15:2];
  assign write_token = wr_valid_i && wr_word_i == mr_registers_pkg::REG_FEEDBACK_STOP[15:2];

  assign start_o = start_q && !done_q && !running_q;
  assign running_o = running_q;
  assign interrupt_o = all_q && events_q != 2'b00;
  assign stream_rows_o = rows_q;
  assign stream_stop_o = stop_q;
  assign feedback_place_o = feedback_place_q;
  assign feedback_stop_o = feedback_stop_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      start_q <= 1'b0;
      done_q <= 1'b0;
      ready_q <= 1'b0;
      running_q <= 1'b0;
      all_q <= 1'b0;
      sources_q <= '0;
      events_q <= '0;
      status_q <= '0;
      faults_q <= '0;
      runs_q <= '0;
      progress_q <= '0;
      rows_q <= '0;
      stop_q <= 1'b0;
      feedback_place_q <= '0;
      feedback_stop_q <= '0;
    end else begin
      if (write_control && ones[mr_registers_pkg::CONTROL_CONTINUE_BIT]) done_q <= 1'b0;
      if (taken_i) begin
        start_q   <= 1'b0;
        ready_q   <= 1'b1;
        running_q <= 1'b1;
      end
      if (write_control && ones[mr_registers_pkg::CONTROL_START_BIT]) begin
        start_q <= 1'b1;
        ready_q <= 1'b0;
      end
      if (ended_i) begin
        done_q <= 1'b1;
        running_q <= 1'b0;
        status_q <= status_i;
        runs_q <= runs_q + 32'd1;
      end
      if (write_all) all_q <= wr_data_i[0];
      if (write_sources) sources_q <= wr_data_i[1:0];
      if (write_events) events_q <= events_q ^ ones[1:0];
      if (ended_i && sources_q[0]) events_q[0] <= 1'b1;
      if (taken_i && sources_q[1]) events_q[1] <= 1'b1;
      faults_q <= (faults_q & ~(write_faults ? ones : '0)) | (ended_i ? status_i : '0);
      if (write_rows) rows_q <= (rows_q & ~mask) | ones;
      if (write_stop) stop_q <= wr_data_i[mr_registers_pkg::STREAM_CONTROL_STOP_BIT];
      if (write_place) feedback_place_q <= (feedback_place_q & ~mask) | ones;
      if (write_token) feedback_stop_q <= (feedback_stop_q & ~mask) | ones;
      progress_q <= progress_q + 32'(moved_i);
    end
  end

  // The arguments.
  for (genvar a = 0; a < ARGUMENTS; a++) begin : g_argument
    logic [31:0] word_q;
    always_ff @(posedge clk_i) begin
      if (!rst_ni) word_q <= '0;
      else if (wr_valid_i && wr_word_i == FIRST + 14'(a)) word_q <= (word_q & ~mask) | ones;
    end
    assign arguments_o[a*32+:32] = word_q;
  end

  // Reads: each group in a register, then the word.
  logic [31:0] word_d, word_q, argument_q;
  logic argument_there_q, counter_there_q;
  logic [15:2] place;
  assign place = rd_word_i - FIRST;
  always_comb begin
    case ({rd_word_i, 2'b00})
      mr_registers_pkg::REG_CONTROL[15:0]: word_d = {28'd0, ready_q, !running_q && !start_q, done_q, start_q};
      mr_registers_pkg::REG_INTERRUPT_ENABLE[15:0]: word_d = 32'(all_q);
      mr_registers_pkg::REG_INTERRUPT_SOURCES[15:0]: word_d = 32'(sources_q);
      mr_registers_pkg::REG_INTERRUPT_STATUS[15:0]: word_d = 32'(events_q);
      mr_registers_pkg::REG_STREAM_ROWS[15:0]: word_d = rows_q;
      mr_registers_pkg::REG_STREAM_CONTROL[15:0]: word_d = 32'(stop_q);
      mr_registers_pkg::REG_STREAM_DONE[15:0]: word_d = stream_done_i;
      mr_registers_pkg::REG_FEEDBACK_PLACE[15:0]: word_d = feedback_place_q;
      mr_registers_pkg::REG_FEEDBACK_STOP[15:0]: word_d = feedback_stop_q;
      mr_registers_pkg::REG_MAGIC[15:0]: word_d = mr_registers_pkg::MAGIC_VALUE;
      mr_registers_pkg::REG_VERSION[15:0]: word_d = mr_registers_pkg::VERSION_VALUE;
      mr_registers_pkg::REG_FEATURES[15:0]: word_d = {30'd0, FEEDBACK, STATE};
      mr_registers_pkg::REG_CLOCK_KHZ[15:0]: word_d = CLOCK_KHZ;
      mr_registers_pkg::REG_SHAPE_HASH[15:0]: word_d = SHAPE_HASH[31:0];
      mr_registers_pkg::REG_SHAPE_HASH[15:0] + 16'd4: word_d = SHAPE_HASH[63:32];
      mr_registers_pkg::REG_SHAPE_HASH[15:0] + 16'd8: word_d = SHAPE_HASH[95:64];
      mr_registers_pkg::REG_SHAPE_HASH[15:0] + 16'd12: word_d = SHAPE_HASH[127:96];
      mr_registers_pkg::REG_X_BITS[15:0]: word_d = X_BITS;
      mr_registers_pkg::REG_Y_BITS[15:0]: word_d = Y_BITS;
      mr_registers_pkg::REG_PROCESS_COUNT[15:0]: word_d = PROCESSES;
      mr_registers_pkg::REG_PROBE_COUNT[15:0]: word_d = PROBES;
      mr_registers_pkg::REG_MEMORY_COUNT[15:0]: word_d = MEMORIES;
      mr_registers_pkg::REG_STATUS[15:0]: word_d = status_q;
      mr_registers_pkg::REG_FAULTS[15:0]: word_d = faults_q;
      mr_registers_pkg::REG_RUNS[15:0]: word_d = runs_q;
      mr_registers_pkg::REG_PROGRESS[15:0]: word_d = progress_q;
      default: word_d = '0;
    endcase
  end
  always_ff @(posedge clk_i) begin
    word_q <= word_d;
    argument_q <= arguments_o[{place[6:2], 5'd0}+:32];
    argument_there_q <= place < 14'(ARGUMENTS);
    counter_there_q <= {rd_word_i, 2'b00} >= mr_registers_pkg::REG_CYCLES[15:0];
    rd_data_o <= argument_there_q ? argument_q : counter_there_q ? counter_i : word_q;
  end
endmodule
