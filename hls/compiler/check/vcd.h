// SPDX-License-Identifier: Apache-2.0
// Reads a waveform in VCD as Verilator writes it, moment by moment.
#ifndef HLSC_VCD_H
#define HLSC_VCD_H

#include <stdbool.h>
#include <stdint.h>

struct vcd;

// `declare` is called for each signal: the path of its scope ("kernel.top.i_process"), its name
// with the indices of an element ("x_1_s2[3]"), and the number under which its value is found;
// several signals may share a number. NULL if the file is not there or is no VCD.
struct vcd *vcd_open(const char *path,
                     void (*declare)(void *context, const char *scope, const char *name, int bits,
                                     int number),
                     void *context);
// Goes on until all changes of the next moment are known; false at the end.
bool vcd_step(struct vcd *vcd, uint64_t *time);
// The low 64 bits.
uint64_t vcd_value(const struct vcd *vcd, int number);
void vcd_close(struct vcd *vcd);

#endif
