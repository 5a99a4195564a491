// SPDX-License-Identifier: Apache-2.0
// Behind a user's own cell, where gcc compiles it for the host (host/build/own_cell.c), with
// OWN_CELL its name: the table that tells the host what the file holds. hlsc never sees it.
#include "cell_table.h"
#include "frame/state.h"

#define OWN(part) HLS_JOIN(OWN_CELL, part)

static const int own_argument_frac[] = OWN(_ARGUMENT_FRAC);

static uint32_t own_latency(int lc) {
    return (uint32_t)OWN(_LATENCY)(lc);
}

static uint32_t own_unit(const int64_t *sum, int exponent, int32_t *h, int32_t *cell) {
    uint32_t past = 0;
    unit_state_t old;
    old.h = (int16_t)*h;
    old.cell = *cell;
    const unit_state_t unit = OWN(_unit)(sum, old, exponent, &past);
    *h = unit.h;
    *cell = unit.cell;
    return past;
}

#if OWN(_SECOND)
static uint32_t own_second_latency(int lc) {
    return (uint32_t)OWN(_SECOND_LATENCY)(lc);
}

static int32_t own_columns(const int64_t *sum, int32_t h) {
    unit_state_t old;
    old.h = (int16_t)h;
    old.cell = 0;
    return OWN(_columns)(sum, old);
}
#endif

const struct mr_cell_table mr_cell_table = {
    .gates = OWN(_GATES),
    .split = OWN(_SPLIT),
    .second = OWN(_SECOND),
    .has_cell = OWN(_HAS_CELL),
    .counts = OWN(_COUNTS),
    .ranged = OWN(_RANGED),
    .multipliers = OWN(_MULTIPLIERS),
    .tables = OWN(_TABLES),
    .h_reads = OWN(_H_READS),
    .argument_frac = own_argument_frac,
    .latency = own_latency,
    .unit = own_unit,
    .float_unit = OWN(_float_unit),
#if OWN(_SECOND)
    .second_latency = own_second_latency,
    .columns = own_columns,
    .float_columns = OWN(_float_columns),
#endif
};
