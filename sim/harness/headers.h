// SPDX-License-Identifier: Apache-2.0
// What all simulators include before anything of their own (headers.mk): most of the time that a
// small one takes to compile.
#include "rtl_hooks.h"

#include "verilated.h"
#if VM_TRACE_FST
#    include "verilated_fst_c.h"
#elif VM_TRACE
#    include "verilated_vcd_c.h"
#endif
