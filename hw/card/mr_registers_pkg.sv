// SPDX-License-Identifier: Apache-2.0
// Generated from hw/registers.json by hw/make_registers.c (make registers); do not edit.
// The registers of the card's kernel.
package mr_registers_pkg;
  // Identity: the value of register magic, the version of this map, the window's bytes.
  localparam logic [31:0] MAGIC_VALUE = 32'h4543524d;
  localparam logic [31:0] VERSION_VALUE = 32'h10003;
  localparam logic [31:0] WINDOW = 32'h10000;

  // Registers: offsets in bytes, and their fields.
  // Starts a run and tells of its end, as XRT expects of ap_ctrl_chain.
  localparam logic [31:0] REG_CONTROL = 32'h0;
  localparam logic [31:0] CONTROL_START_BIT = 32'h0;
  localparam logic [31:0] CONTROL_DONE_BIT = 32'h1;
  localparam logic [31:0] CONTROL_IDLE_BIT = 32'h2;
  localparam logic [31:0] CONTROL_READY_BIT = 32'h3;
  localparam logic [31:0] CONTROL_CONTINUE_BIT = 32'h4;
  localparam logic [31:0] CONTROL_AUTO_RESTART_BIT = 32'h7;
  // Global interrupt enable.
  localparam logic [31:0] REG_INTERRUPT_ENABLE = 32'h4;
  localparam logic [31:0] INTERRUPT_ENABLE_ALL_BIT = 32'h0;
  // Which events set interrupt_status.
  localparam logic [31:0] REG_INTERRUPT_SOURCES = 32'h8;
  localparam logic [31:0] INTERRUPT_SOURCES_DONE_BIT = 32'h0;
  localparam logic [31:0] INTERRUPT_SOURCES_READY_BIT = 32'h1;
  // Events that happened. Writing 1 to a bit toggles it.
  localparam logic [31:0] REG_INTERRUPT_STATUS = 32'hc;
  localparam logic [31:0] INTERRUPT_STATUS_DONE_BIT = 32'h0;
  localparam logic [31:0] INTERRUPT_STATUS_READY_BIT = 32'h1;
  // The doorbell of a STREAM run: rows that the host has put into the input ring so far, modulo 2^32. Write 0 before the start.
  localparam logic [31:0] REG_STREAM_ROWS = 32'h80;
  // Control of a STREAM run. Write 0 before the start.
  localparam logic [31:0] REG_STREAM_CONTROL = 32'h84;
  localparam logic [31:0] STREAM_CONTROL_STOP_BIT = 32'h0;
  // Rows of this STREAM run, or steps of this FEEDBACK run, whose results memory has acknowledged, modulo 2^32; their input slots are free.
  localparam logic [31:0] REG_STREAM_DONE = 32'h88;
  // FEEDBACK: which element of a step's row of y, from 0, is the input of the next one. Taken with the arguments.
  localparam logic [31:0] REG_FEEDBACK_PLACE = 32'h8c;
  // FEEDBACK: the step that gives this number is the last one; 0xffffffff is none. Taken with the arguments.
  localparam logic [31:0] REG_FEEDBACK_STOP = 32'h90;
  // Memories that the network's external ones lie in, one for each 512 bits of their words; each has a group of registers memory_* and a port m_axi_memoryN.
  localparam logic [31:0] REG_MEMORY_COUNT = 32'hfc;
  // Bytes M R C E from the lowest.
  localparam logic [31:0] REG_MAGIC = 32'h100;
  // Version of this register map.
  localparam logic [31:0] REG_VERSION = 32'h104;
  localparam logic [31:0] VERSION_MINOR_BIT = 32'h0;
  localparam logic [31:0] VERSION_MINOR_WIDTH = 32'h10;
  localparam logic [31:0] VERSION_MAJOR_BIT = 32'h10;
  localparam logic [31:0] VERSION_MAJOR_WIDTH = 32'h10;
  // What this kernel was built with.
  localparam logic [31:0] REG_FEATURES = 32'h108;
  localparam logic [31:0] FEATURES_STATE_BIT = 32'h0;
  localparam logic [31:0] FEATURES_FEEDBACK_BIT = 32'h1;
  // The clock that the cycle counters count, in kHz.
  localparam logic [31:0] REG_CLOCK_KHZ = 32'h10c;
  // Hash of what the kernel is made from, the generated C and the kernels that it includes, byte 0 lowest.
  localparam logic [31:0] REG_SHAPE_HASH = 32'h110;
  // Bits of an element of x; it takes ceil(x_bits / 8) bytes of memory.
  localparam logic [31:0] REG_X_BITS = 32'h120;
  // Bits of an element of y; it takes ceil(y_bits / 8) bytes of memory.
  localparam logic [31:0] REG_Y_BITS = 32'h124;
  // Processes of the network, each with a group of counters.
  localparam logic [31:0] REG_PROCESS_COUNT = 32'h128;
  // Probes of the network: registers of its processes that can be read, each with a register probe.
  localparam logic [31:0] REG_PROBE_COUNT = 32'h12c;
  // How the last run ended; 0 is well. Changes only when a run ends.
  localparam logic [31:0] REG_STATUS = 32'h130;
  localparam logic [31:0] STATUS_WEIGHTS_ERROR_BIT = 32'h0;
  localparam logic [31:0] STATUS_X_ERROR_BIT = 32'h1;
  localparam logic [31:0] STATUS_STATE_READ_ERROR_BIT = 32'h2;
  localparam logic [31:0] STATUS_Y_ERROR_BIT = 32'h3;
  localparam logic [31:0] STATUS_STATE_WRITE_ERROR_BIT = 32'h4;
  localparam logic [31:0] STATUS_MEMORY_READ_ERROR_BIT = 32'h5;
  localparam logic [31:0] STATUS_MEMORY_WRITE_ERROR_BIT = 32'h6;
  localparam logic [31:0] STATUS_BAD_COMMAND_BIT = 32'h8;
  localparam logic [31:0] STATUS_UNSUPPORTED_BIT = 32'h9;
  localparam logic [31:0] STATUS_BAD_ARGUMENT_BIT = 32'ha;
  localparam logic [31:0] STATUS_INPUT_LEFT_BIT = 32'hb;
  localparam logic [31:0] STATUS_INPUT_SHORT_BIT = 32'hc;
  localparam logic [31:0] STATUS_OUTPUT_MORE_BIT = 32'hd;
  localparam logic [31:0] STATUS_OUTPUT_SHORT_BIT = 32'he;
  localparam logic [31:0] STATUS_NO_PROGRESS_BIT = 32'hf;
  localparam logic [31:0] STATUS_RING_OVERRUN_BIT = 32'h10;
  localparam logic [31:0] STATUS_MEMORY_RANGE_BIT = 32'h11;
  localparam logic [31:0] STATUS_MEMORY_LEFT_BIT = 32'h12;
  // All bits of status that any run has set since the host cleared them by writing 1.
  localparam logic [31:0] REG_FAULTS = 32'h134;
  // Runs that have ended since reset, modulo 2^32.
  localparam logic [31:0] REG_RUNS = 32'h138;
  // Beats read and written plus elements taken and given, plus cycles in which a process was busy, since reset, modulo 2^32: what stands still here stands still.
  localparam logic [31:0] REG_PROGRESS = 32'h13c;
  // Cycles of this run, or of the last one: from the cycle that took its arguments to the one before done rose. Counts while the run goes on.
  localparam logic [31:0] REG_CYCLES = 32'h140;
  // The cycle of this run in which the network gave its first output; 0 when none.
  localparam logic [31:0] REG_FIRST_OUTPUT = 32'h148;
  // The cycle of this run in which the network gave its last output so far; 0 when none.
  localparam logic [31:0] REG_LAST_OUTPUT = 32'h150;
  // Cycles of this run in which the network itself was running.
  localparam logic [31:0] REG_NETWORK_CYCLES = 32'h158;
  // 1 while a probe is not 0: one look tells that all of them can be left alone.
  localparam logic [31:0] REG_PROBES_ANY = 32'h160;
  // Where the memory lies: its word n is at 64 n. A multiple of 64. Written before the first run, and not while one goes on.
  localparam logic [31:0] REG_MEMORY_ADDRESS = 32'h400;
  localparam logic [31:0] REG_MEMORY_ADDRESS_STRIDE = 32'h20;
  localparam logic [31:0] REG_MEMORY_ADDRESS_MOST = 32'h10;
  // The words that are there. A plan that goes beyond them ends the run. Written as memory_address is.
  localparam logic [31:0] REG_MEMORY_WORDS = 32'h408;
  localparam logic [31:0] REG_MEMORY_WORDS_STRIDE = 32'h20;
  // Bits of a word, 1 to 512; it takes a beat.
  localparam logic [31:0] REG_MEMORY_BITS = 32'h40c;
  localparam logic [31:0] REG_MEMORY_BITS_STRIDE = 32'h20;
  // The words that the network needs.
  localparam logic [31:0] REG_MEMORY_NEEDS = 32'h410;
  localparam logic [31:0] REG_MEMORY_NEEDS_STRIDE = 32'h20;
  // Cycles of this run in which the process issued an iteration.
  localparam logic [31:0] REG_BUSY = 32'h1000;
  localparam logic [31:0] REG_BUSY_STRIDE = 32'h20;
  // Cycles in which it waited for input.
  localparam logic [31:0] REG_STARVED = 32'h1008;
  localparam logic [31:0] REG_STARVED_STRIDE = 32'h20;
  // Cycles in which it waited for room in an output.
  localparam logic [31:0] REG_BLOCKED = 32'h1010;
  localparam logic [31:0] REG_BLOCKED_STRIDE = 32'h20;
  // The probe's value. What it counts, the network says; those of a compiled network begin anew with each run of the network: of a RUN, and in a STREAM of the rows that it takes at a time; of a FEEDBACK they are of all steps.
  localparam logic [31:0] REG_PROBE = 32'h8000;
  localparam logic [31:0] REG_PROBE_STRIDE = 32'h8;

  // Arguments of a run: offsets in bytes.
  // What to do: a value of MR_COMMAND_*.
  localparam logic [31:0] ARG_COMMAND = 32'h10;
  // MR_FLAG_*, or 0; from bit 16 on what the kernel itself knows.
  localparam logic [31:0] ARG_FLAGS = 32'h18;
  // RUN: sequences. FEEDBACK: steps at most. Otherwise not looked at.
  localparam logic [31:0] ARG_SEQUENCES = 32'h20;
  // RUN: steps of a sequence; sequences * steps must fit 32 bits. STREAM: steps of a row, each row giving one result; 1 gives one for every step. FEEDBACK: 1.
  localparam logic [31:0] ARG_STEPS = 32'h28;
  // STREAM: rows of each ring, at least 1. FEEDBACK: rows of the output ring.
  localparam logic [31:0] ARG_RING = 32'h30;
  // READ_STATE, WRITE_STATE: beats of 64 bytes.
  localparam logic [31:0] ARG_STATE_BEATS = 32'h38;
  // LOAD: beats of 64 bytes.
  localparam logic [31:0] ARG_WEIGHTS_BEATS = 32'h40;
  // RUN: elements of x in all. STREAM: elements of x in a row. FEEDBACK: 1.
  localparam logic [31:0] ARG_X_COUNT = 32'h48;
  // RUN: elements of y in all. STREAM, FEEDBACK: elements of y in a row.
  localparam logic [31:0] ARG_Y_COUNT = 32'h50;
  // LOAD: the weight image.
  localparam logic [31:0] ARG_WEIGHTS = 32'h58;
  // RUN: the elements of x. STREAM: the input ring. FEEDBACK: the first input.
  localparam logic [31:0] ARG_X = 32'h60;
  // WRITE_STATE: the state to take.
  localparam logic [31:0] ARG_STATE_IN = 32'h68;
  // RUN: where the elements of y go. STREAM, FEEDBACK: the output ring.
  localparam logic [31:0] ARG_Y = 32'h70;
  // READ_STATE: where the state goes.
  localparam logic [31:0] ARG_STATE_OUT = 32'h78;

  // Commands and flags.
  localparam logic [31:0] COMMAND_LOAD = 32'h1;
  localparam logic [31:0] COMMAND_RUN = 32'h2;
  localparam logic [31:0] COMMAND_READ_STATE = 32'h3;
  localparam logic [31:0] COMMAND_WRITE_STATE = 32'h4;
  localparam logic [31:0] COMMAND_STREAM = 32'h5;
  localparam logic [31:0] COMMAND_ENCODE = 32'h6;
  localparam logic [31:0] COMMAND_FEEDBACK = 32'h7;
  localparam logic [31:0] FLAG_RESET = 32'h1;
  localparam logic [31:0] FLAG_RESET_FIRST = 32'h2;

  // Memory ports: beats of the longest burst, and bursts under way in a direction.
  localparam logic [31:0] BURST_BEATS = 32'h40;
  localparam logic [31:0] BURSTS = 32'h8;
endpackage
