// SPDX-License-Identifier: Apache-2.0
// A planned network on this processor: what device `cpu:` runs. The integers are those of the
// pipeline, bit for bit; no compiler is needed, and no cache.
//
// The kernels are chosen by the processor's features. MILLRACE_CPU in the environment names others:
// "amx" (AVX-512 with AMX), "avx512" (with VNNI), "avxvnni" (AVX2 with AVX-VNNI), "avx2" or
// "plain", which every processor has.
#ifndef MR_CPU_ENGINE_H
#define MR_CPU_ENGINE_H

#include "driver.h"
#include "plan.h"

// Packs the weights of the plan's network, which must stay while the engine is there. Jobs and
// states are laid out as the plan says. threads: that a run may have, with the caller's, 1 to
// MR_WORKERS_MAX (workers.h); 0: 1. Their number changes no bit. 0, or a code with a sentence in
// error.
int mr_engine_make(const struct mr_plan *plan, uint32_t threads, struct mr_engine *engine,
                   struct mr_error *error);

#endif
