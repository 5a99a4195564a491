// SPDX-License-Identifier: Apache-2.0
// Generated from hw/registers.json by hw/make_registers.c (make registers); do not edit.
// The registers of the card's kernel.
#ifndef MR_REGISTERS_H
#define MR_REGISTERS_H

#include "mr_command.h"

// Identity: the value of register magic, the version of this map, the window's bytes.
#define MR_CARD_MAGIC_VALUE 0x4543524du
#define MR_CARD_VERSION_VALUE 0x10003u
#define MR_CARD_WINDOW 0x10000u

// Registers: offsets in bytes, and their fields.
// Starts a run and tells of its end, as XRT expects of ap_ctrl_chain.
#define MR_CARD_CONTROL 0x0u
#define MR_CARD_CONTROL_START_BIT 0x0u
#define MR_CARD_CONTROL_START 0x1u
#define MR_CARD_CONTROL_DONE_BIT 0x1u
#define MR_CARD_CONTROL_DONE 0x2u
#define MR_CARD_CONTROL_IDLE_BIT 0x2u
#define MR_CARD_CONTROL_IDLE 0x4u
#define MR_CARD_CONTROL_READY_BIT 0x3u
#define MR_CARD_CONTROL_READY 0x8u
#define MR_CARD_CONTROL_CONTINUE_BIT 0x4u
#define MR_CARD_CONTROL_CONTINUE 0x10u
#define MR_CARD_CONTROL_AUTO_RESTART_BIT 0x7u
#define MR_CARD_CONTROL_AUTO_RESTART 0x80u
// Global interrupt enable.
#define MR_CARD_INTERRUPT_ENABLE 0x4u
#define MR_CARD_INTERRUPT_ENABLE_ALL_BIT 0x0u
#define MR_CARD_INTERRUPT_ENABLE_ALL 0x1u
// Which events set interrupt_status.
#define MR_CARD_INTERRUPT_SOURCES 0x8u
#define MR_CARD_INTERRUPT_SOURCES_DONE_BIT 0x0u
#define MR_CARD_INTERRUPT_SOURCES_DONE 0x1u
#define MR_CARD_INTERRUPT_SOURCES_READY_BIT 0x1u
#define MR_CARD_INTERRUPT_SOURCES_READY 0x2u
// Events that happened. Writing 1 to a bit toggles it.
#define MR_CARD_INTERRUPT_STATUS 0xcu
#define MR_CARD_INTERRUPT_STATUS_DONE_BIT 0x0u
#define MR_CARD_INTERRUPT_STATUS_DONE 0x1u
#define MR_CARD_INTERRUPT_STATUS_READY_BIT 0x1u
#define MR_CARD_INTERRUPT_STATUS_READY 0x2u
// The doorbell of a STREAM run: rows that the host has put into the input ring so far, modulo 2^32. Write 0 before the start.
#define MR_CARD_STREAM_ROWS 0x80u
// Control of a STREAM run. Write 0 before the start.
#define MR_CARD_STREAM_CONTROL 0x84u
#define MR_CARD_STREAM_CONTROL_STOP_BIT 0x0u
#define MR_CARD_STREAM_CONTROL_STOP 0x1u
// Rows of this STREAM run, or steps of this FEEDBACK run, whose results memory has acknowledged, modulo 2^32; their input slots are free.
#define MR_CARD_STREAM_DONE 0x88u
// FEEDBACK: which element of a step's row of y, from 0, is the input of the next one. Taken with the arguments.
#define MR_CARD_FEEDBACK_PLACE 0x8cu
// FEEDBACK: the step that gives this number is the last one; 0xffffffff is none. Taken with the arguments.
#define MR_CARD_FEEDBACK_STOP 0x90u
// Memories that the network's external ones lie in, one for each 512 bits of their words; each has a group of registers memory_* and a port m_axi_memoryN.
#define MR_CARD_MEMORY_COUNT 0xfcu
// Bytes M R C E from the lowest.
#define MR_CARD_MAGIC 0x100u
// Version of this register map.
#define MR_CARD_VERSION 0x104u
#define MR_CARD_VERSION_MINOR_BIT 0x0u
#define MR_CARD_VERSION_MINOR_WIDTH 0x10u
#define MR_CARD_VERSION_MAJOR_BIT 0x10u
#define MR_CARD_VERSION_MAJOR_WIDTH 0x10u
// What this kernel was built with.
#define MR_CARD_FEATURES 0x108u
#define MR_CARD_FEATURES_STATE_BIT 0x0u
#define MR_CARD_FEATURES_STATE 0x1u
#define MR_CARD_FEATURES_FEEDBACK_BIT 0x1u
#define MR_CARD_FEATURES_FEEDBACK 0x2u
// The clock that the cycle counters count, in kHz.
#define MR_CARD_CLOCK_KHZ 0x10cu
// Hash of what the kernel is made from, the generated C and the kernels that it includes, byte 0 lowest.
#define MR_CARD_SHAPE_HASH 0x110u
// Bits of an element of x; it takes ceil(x_bits / 8) bytes of memory.
#define MR_CARD_X_BITS 0x120u
// Bits of an element of y; it takes ceil(y_bits / 8) bytes of memory.
#define MR_CARD_Y_BITS 0x124u
// Processes of the network, each with a group of counters.
#define MR_CARD_PROCESS_COUNT 0x128u
// Probes of the network: registers of its processes that can be read, each with a register probe.
#define MR_CARD_PROBE_COUNT 0x12cu
// How the last run ended; 0 is well. Changes only when a run ends.
#define MR_CARD_STATUS 0x130u
#define MR_CARD_STATUS_WEIGHTS_ERROR_BIT 0x0u
#define MR_CARD_STATUS_WEIGHTS_ERROR 0x1u
#define MR_CARD_STATUS_X_ERROR_BIT 0x1u
#define MR_CARD_STATUS_X_ERROR 0x2u
#define MR_CARD_STATUS_STATE_READ_ERROR_BIT 0x2u
#define MR_CARD_STATUS_STATE_READ_ERROR 0x4u
#define MR_CARD_STATUS_Y_ERROR_BIT 0x3u
#define MR_CARD_STATUS_Y_ERROR 0x8u
#define MR_CARD_STATUS_STATE_WRITE_ERROR_BIT 0x4u
#define MR_CARD_STATUS_STATE_WRITE_ERROR 0x10u
#define MR_CARD_STATUS_MEMORY_READ_ERROR_BIT 0x5u
#define MR_CARD_STATUS_MEMORY_READ_ERROR 0x20u
#define MR_CARD_STATUS_MEMORY_WRITE_ERROR_BIT 0x6u
#define MR_CARD_STATUS_MEMORY_WRITE_ERROR 0x40u
#define MR_CARD_STATUS_BAD_COMMAND_BIT 0x8u
#define MR_CARD_STATUS_BAD_COMMAND 0x100u
#define MR_CARD_STATUS_UNSUPPORTED_BIT 0x9u
#define MR_CARD_STATUS_UNSUPPORTED 0x200u
#define MR_CARD_STATUS_BAD_ARGUMENT_BIT 0xau
#define MR_CARD_STATUS_BAD_ARGUMENT 0x400u
#define MR_CARD_STATUS_INPUT_LEFT_BIT 0xbu
#define MR_CARD_STATUS_INPUT_LEFT 0x800u
#define MR_CARD_STATUS_INPUT_SHORT_BIT 0xcu
#define MR_CARD_STATUS_INPUT_SHORT 0x1000u
#define MR_CARD_STATUS_OUTPUT_MORE_BIT 0xdu
#define MR_CARD_STATUS_OUTPUT_MORE 0x2000u
#define MR_CARD_STATUS_OUTPUT_SHORT_BIT 0xeu
#define MR_CARD_STATUS_OUTPUT_SHORT 0x4000u
#define MR_CARD_STATUS_NO_PROGRESS_BIT 0xfu
#define MR_CARD_STATUS_NO_PROGRESS 0x8000u
#define MR_CARD_STATUS_RING_OVERRUN_BIT 0x10u
#define MR_CARD_STATUS_RING_OVERRUN 0x10000u
#define MR_CARD_STATUS_MEMORY_RANGE_BIT 0x11u
#define MR_CARD_STATUS_MEMORY_RANGE 0x20000u
#define MR_CARD_STATUS_MEMORY_LEFT_BIT 0x12u
#define MR_CARD_STATUS_MEMORY_LEFT 0x40000u
// All bits of status that any run has set since the host cleared them by writing 1.
#define MR_CARD_FAULTS 0x134u
// Runs that have ended since reset, modulo 2^32.
#define MR_CARD_RUNS 0x138u
// Beats read and written plus elements taken and given, plus cycles in which a process was busy, since reset, modulo 2^32: what stands still here stands still.
#define MR_CARD_PROGRESS 0x13cu
// Cycles of this run, or of the last one: from the cycle that took its arguments to the one before done rose. Counts while the run goes on.
#define MR_CARD_CYCLES 0x140u
// The cycle of this run in which the network gave its first output; 0 when none.
#define MR_CARD_FIRST_OUTPUT 0x148u
// The cycle of this run in which the network gave its last output so far; 0 when none.
#define MR_CARD_LAST_OUTPUT 0x150u
// Cycles of this run in which the network itself was running.
#define MR_CARD_NETWORK_CYCLES 0x158u
// 1 while a probe is not 0: one look tells that all of them can be left alone.
#define MR_CARD_PROBES_ANY 0x160u
// Where the memory lies: its word n is at 64 n. A multiple of 64. Written before the first run, and not while one goes on.
#define MR_CARD_MEMORY_ADDRESS 0x400u
#define MR_CARD_MEMORY_ADDRESS_STRIDE 0x20u
#define MR_CARD_MEMORY_ADDRESS_MOST 0x10u
// The words that are there. A plan that goes beyond them ends the run. Written as memory_address is.
#define MR_CARD_MEMORY_WORDS 0x408u
#define MR_CARD_MEMORY_WORDS_STRIDE 0x20u
// Bits of a word, 1 to 512; it takes a beat.
#define MR_CARD_MEMORY_BITS 0x40cu
#define MR_CARD_MEMORY_BITS_STRIDE 0x20u
// The words that the network needs.
#define MR_CARD_MEMORY_NEEDS 0x410u
#define MR_CARD_MEMORY_NEEDS_STRIDE 0x20u
// Cycles of this run in which the process issued an iteration.
#define MR_CARD_BUSY 0x1000u
#define MR_CARD_BUSY_STRIDE 0x20u
// Cycles in which it waited for input.
#define MR_CARD_STARVED 0x1008u
#define MR_CARD_STARVED_STRIDE 0x20u
// Cycles in which it waited for room in an output.
#define MR_CARD_BLOCKED 0x1010u
#define MR_CARD_BLOCKED_STRIDE 0x20u
// The probe's value. What it counts, the network says; those of a compiled network begin anew with each run of the network: of a RUN, and in a STREAM of the rows that it takes at a time; of a FEEDBACK they are of all steps.
#define MR_CARD_PROBE 0x8000u
#define MR_CARD_PROBE_STRIDE 0x8u

// Arguments of a run: offsets in bytes.
// What to do: a value of MR_COMMAND_*.
#define MR_CARD_ARG_COMMAND 0x10u
// MR_FLAG_*, or 0; from bit 16 on what the kernel itself knows.
#define MR_CARD_ARG_FLAGS 0x18u
// RUN: sequences. FEEDBACK: steps at most. Otherwise not looked at.
#define MR_CARD_ARG_SEQUENCES 0x20u
// RUN: steps of a sequence; sequences * steps must fit 32 bits. STREAM: steps of a row, each row giving one result; 1 gives one for every step. FEEDBACK: 1.
#define MR_CARD_ARG_STEPS 0x28u
// STREAM: rows of each ring, at least 1. FEEDBACK: rows of the output ring.
#define MR_CARD_ARG_RING 0x30u
// READ_STATE, WRITE_STATE: beats of 64 bytes.
#define MR_CARD_ARG_STATE_BEATS 0x38u
// LOAD: beats of 64 bytes.
#define MR_CARD_ARG_WEIGHTS_BEATS 0x40u
// RUN: elements of x in all. STREAM: elements of x in a row. FEEDBACK: 1.
#define MR_CARD_ARG_X_COUNT 0x48u
// RUN: elements of y in all. STREAM, FEEDBACK: elements of y in a row.
#define MR_CARD_ARG_Y_COUNT 0x50u
// LOAD: the weight image.
#define MR_CARD_ARG_WEIGHTS 0x58u
// RUN: the elements of x. STREAM: the input ring. FEEDBACK: the first input.
#define MR_CARD_ARG_X 0x60u
// WRITE_STATE: the state to take.
#define MR_CARD_ARG_STATE_IN 0x68u
// RUN: where the elements of y go. STREAM, FEEDBACK: the output ring.
#define MR_CARD_ARG_Y 0x70u
// READ_STATE: where the state goes.
#define MR_CARD_ARG_STATE_OUT 0x78u

// Arguments in order of their index: ARGUMENT(name, offset, size in bytes, memory port or "").
#define MR_CARD_ARGUMENTS(ARGUMENT) \
    ARGUMENT(command, 0x10, 4, "") \
    ARGUMENT(flags, 0x18, 4, "") \
    ARGUMENT(sequences, 0x20, 4, "") \
    ARGUMENT(steps, 0x28, 4, "") \
    ARGUMENT(ring, 0x30, 4, "") \
    ARGUMENT(state_beats, 0x38, 4, "") \
    ARGUMENT(weights_beats, 0x40, 8, "") \
    ARGUMENT(x_count, 0x48, 8, "") \
    ARGUMENT(y_count, 0x50, 8, "") \
    ARGUMENT(weights, 0x58, 8, "gmem_in") \
    ARGUMENT(x, 0x60, 8, "gmem_in") \
    ARGUMENT(state_in, 0x68, 8, "gmem_in") \
    ARGUMENT(y, 0x70, 8, "gmem_out") \
    ARGUMENT(state_out, 0x78, 8, "gmem_out")

// Bits of status and faults: STATUS(name, bit, what it means).
#define MR_CARD_STATUSES(STATUS) \
    STATUS(weights_error, 0, "Reading the weights: RRESP was SLVERR or DECERR.") \
    STATUS(x_error, 1, "Reading x: RRESP was SLVERR or DECERR.") \
    STATUS(state_read_error, 2, "Reading state_in: RRESP was SLVERR or DECERR.") \
    STATUS(y_error, 3, "Writing y: BRESP was SLVERR or DECERR.") \
    STATUS(state_write_error, 4, "Writing state_out: BRESP was SLVERR or DECERR.") \
    STATUS(memory_read_error, 5, "Reading a memory of the network: RRESP was SLVERR or DECERR.") \
    STATUS(memory_write_error, 6, "Writing a memory of the network: BRESP was SLVERR or DECERR.") \
    STATUS(bad_command, 8, "The command is none of those known.") \
    STATUS(unsupported, 9, "The command needs a feature that this kernel was built without.") \
    STATUS(bad_argument, 10, "An address is not a multiple of 64, a product or size is out of range, the ring has no rows, or FEEDBACK has no step, another x_count or steps than 1, or a place behind y_count.") \
    STATUS(input_left, 11, "The network ended without taking all of its input.") \
    STATUS(input_short, 12, "All of the input was taken, and the network waits for more.") \
    STATUS(output_more, 13, "The network gave more output than the count; the rest was dropped.") \
    STATUS(output_short, 14, "The network ended with less output than the count.") \
    STATUS(no_progress, 15, "The network stood still for the watchdog's time.") \
    STATUS(ring_overrun, 16, "stream_rows ran ahead of stream_done by more than the ring.") \
    STATUS(memory_range, 17, "The network planned words behind the end of one of its memories.") \
    STATUS(memory_left, 18, "The network ended with planned words of a memory that it did not take or give, or gave words without a plan.")

// Memory ports: MEMORY(name, mode, data width, address width).
#define MR_CARD_MEMORIES(MEMORY) \
    MEMORY(gmem_in, "read_only", 512, 64) \
    MEMORY(gmem_out, "write_only", 512, 64)

#endif
