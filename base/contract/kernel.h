// SPDX-License-Identifier: Apache-2.0
// One C interface to a built kernel, however it was built: the HLS C compiled by gcc ("model") or
// the RTL compiled by Verilator ("rtl"). A built kernel is a shared object that exports
// `mr_kernel_describe`. It keeps its state (HLS C statics, RTL memories) inside the shared object
// or the opened instance; sim/loader.h gives every opener a private copy, so instances never share
// state.
//
// Stream data lies in host memory as elements of stride ceil(bits / 8) bytes, little endian; the
// fields of a struct payload follow one another from bit 0 in order of declaration, arrays by
// rising index.
#ifndef MR_KERNEL_H
#define MR_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MR_KERNEL_ABI 3u

enum mr_port_kind { MR_PORT_SCALAR, MR_PORT_IN, MR_PORT_OUT };

struct mr_port {
    const char *name;
    enum mr_port_kind kind;
    uint32_t bits; // width of the scalar or of one stream element
};

// What one process did during a run, in cycles. First and last are the cycles of its first and its
// last issue of an iteration (start_i is sampled high in cycle 0).
struct mr_activity {
    uint64_t busy;    // an iteration was issued
    uint64_t starved; // it wanted to issue and an input stream was empty
    uint64_t blocked; // it wanted to issue and an output had no room
    uint64_t first_busy, last_busy;
};

// A register of a process that can be seen from outside (HLS_PROBE). Its value is a number of 64
// bits: sign-extended where it is signed.
struct mr_probe {
    const char *process, *name;
    uint32_t bits; // of its type in C
    bool is_signed;
};

// Bytes of the hash of a network's shape, which its kernel is known by.
enum { MR_SHAPE_HASH = 16 };

struct mr_timeline; // timeline.h

struct mr_stream_in {
    const void *data;
    uint64_t count; // elements offered; the kernel need not take them all
    uint64_t taken; // out: elements taken
};

struct mr_stream_out {
    void *data;
    uint64_t capacity;   // elements; one more is an error
    uint64_t count;      // out: elements given
    uint64_t last_cycle; // out: cycle in which the last element was handed over (rtl only)
};

struct mr_run {
    const uint64_t *scalars;   // [number of scalar ports], in port order
    struct mr_stream_in *in;   // [number of IN ports], in port order
    struct mr_stream_out *out; // [number of OUT ports], in port order
    uint64_t max_cycles;       // 0: none; rtl only
    uint64_t cycles; // out: from the cycle that samples start (counted) to the one with done
                     // (counted); 0 for model
    struct mr_activity *activity; // out: [process_count], or NULL
    uint64_t *probes;             // out: [probe_count], the values at the end of the run, or NULL
    struct mr_timeline *timeline; // gets samples of the activity, which must be there; or NULL
};

struct mr_open_options {
    // rtl only: random idle on inputs and back-pressure on outputs, in 1/256 per cycle; 0: none.
    uint32_t idle_chance, stall_chance;
    uint64_t seed;
    const char *trace; // rtl only: FST (or VCD, as it was built) file to write, or NULL
};

struct mr_kernel {
    uint32_t abi; // MR_KERNEL_ABI
    const char *top;
    const char *flavour; // "model" or "rtl"
    uint32_t port_count;
    const struct mr_port *ports;
    uint32_t process_count; // 0 for model
    const char *const *processes;
    // NULL on failure, with a sentence in error.
    void *(*open)(const struct mr_open_options *options, char *error, size_t error_size);
    // One invocation from start to done. 0, or -1 with a sentence in error: deadlock (no progress
    // for 100,000 cycles: names the ports that wait), max_cycles passed, an output overran its
    // capacity, an input ran dry.
    int (*run)(void *instance, struct mr_run *run, char *error, size_t error_size);
    void (*close)(void *instance);
    uint32_t probe_count;
    const struct mr_probe *probes;
};

// The shared object's only export.
const struct mr_kernel *mr_kernel_describe(void);

#endif
