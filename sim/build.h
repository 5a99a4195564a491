// SPDX-License-Identifier: Apache-2.0
// Builds what hlsc wrote into shared objects (kernel.h), through the build cache: equal inputs,
// flags and tools are built once per cache directory.
#ifndef MR_BUILD_H
#define MR_BUILD_H

#include "cache.h"

#include <stdbool.h>
#include <stddef.h>

// A design behind the pins of a USB chip, for the emulated bus (sim/usb/pins.h).
struct mr_usb_design {
    const char *name;    // sim/usb/NAME.sv has the module mr_usb_device
    const char *harness; // "usb/uart_pins.cpp" or "usb/fifo_pins.cpp"
    unsigned clock_khz;
    const char *image; // text of mr_image.svh, what a board says of its image; or NULL
};

struct mr_build {
    const char *data_dir;  // holds base/contract, hls/include, hls/kernels, hw/rtl, hw/include, sim
    const char *gen_dir;   // output of hlsc: <top>.sv, <top>_ports.h, <top>_model.c
    const char *top;       // name of the top function
    const char *cache_dir; // NULL: mr_cache_dir
    bool trace;            // rtl: able to write waveforms (slower)
    bool vcd;              // of `trace`: as VCD text with all arrays, not as FST
    bool assertions;       // rtl: assertions are checked (for tests; off for speed)
    bool merged;           // rtl: lanes as loops (hlsc's emit_merged.c), for speed; not if traced
    bool verbose;          // print the tools' command lines to stderr
    unsigned jobs;         // rtl: C++ compilers at a time; 0: one per core
    const char *shape;     // card: text of mr_network.svh (card_shape.h); usb: or NULL, no pipeline
    const struct mr_usb_design *usb; // usb: what it is
    struct mr_notes notes;           // of what the cache holds
};

// They write the path of the shared object to so_path. 0, or -1 with a sentence in error that names
// the log of the failed tool and quotes its first error.
//
// Tools: $MILLRACE_CC or cc; $MILLRACE_CXX or clang++ or g++; $MILLRACE_VERILATOR or verilator;
// make; ccache where it is there. $MILLRACE_OPTIMISE (0 to 3) is the level that kernels are
// compiled with: 0 for one that runs a few cycles only.
int mr_build_model(const struct mr_build *build, char *so_path, size_t so_path_size, char *error,
                   size_t error_size);
int mr_build_rtl(const struct mr_build *build, char *so_path, size_t so_path_size, char *error,
                 size_t error_size);
// The kernel of an emulated card: the network in its AXI shell, with assertions (card_kernel.h).
// Made for any machine of this kind, as images travel.
int mr_build_card(const struct mr_build *build, char *so_path, size_t so_path_size, char *error,
                  size_t error_size);

// A design for the emulated USB bus (sim/usb/pins.h), with assertions: the kernel `top` of gen_dir
// in what is there between the pins and it.
int mr_build_usb(const struct mr_build *build, char *so_path, size_t so_path_size, char *error,
                 size_t error_size);

// The programs that RTL is built with.
const char *mr_build_verilator(void);
const char *mr_build_cxx(void);

#endif
