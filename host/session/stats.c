// SPDX-License-Identifier: Apache-2.0
// Statistics of several runs (stats.h).
#include "stats.h"

void mr_stats_add(const struct mr_stats *one, struct mr_stats *all) {
    const double cycles = (double)all->cycles + (double)one->cycles;
    const double busy =
        all->utilisation * (double)all->cycles + one->utilisation * (double)one->cycles;

    all->cycles += one->cycles;
    all->device_runs += one->device_runs;
    all->clock_mhz = one->clock_mhz;
    all->microseconds += one->microseconds;
    all->multiplications += one->multiplications;
    all->multipliers = one->multipliers;
    all->utilisation = cycles > 0 ? busy / cycles : 0;
    all->cut_inputs += one->cut_inputs;
    all->cut_values += one->cut_values;
}
