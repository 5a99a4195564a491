// SPDX-License-Identifier: Apache-2.0
// The table of targets. Delays of UltraScale+ are those of speed grade -2 without routing, for
// which 27 % of the period are kept, as Vitis HLS assumes. In an iCE40 UP5K routing is most of a
// delay: a LUT's has the way to it (as nextpnr counts them), and 22 % are kept for long ways.
#include "target.h"
#include "clock.h"

#include <stddef.h>
#include <string.h>

static const struct target targets[] = {
    {.name = "ultrascale",
     .clock_mhz = MR_CLOCK_MHZ,
     .budget = 1000.0 / MR_CLOCK_MHZ * 0.73,
     .register_out = 0.2,
     .memory_out = 0.2,
     .crossing = 0.4,
     .following = 0.45,
     .lut = 0.4,
     .lut_inputs = 6,
     .pick = 0.45,
     .pick_bits = 2, // four words and two bits are six inputs
     .table = 0.9,
     .table_bits = 6,
     .field = 0.6,
     .sum = 0.6,
     .sum_bit = 0.012,
     .magnitude = 0.5,
     .magnitude_bit = 0.008,
     .narrow = 18, // DSPs of earlier families, which Yosys takes DSP48E2 for, have pieces of 24
     .wide = 27,
     .narrow_piece = 17,
     .wide_piece = 24,
     .logic_product = 8,
     .pairs_products = true,
     .has_lutram = true,
     .has_true_dual_port = true},
    {.name = "up5k",
     .clock_mhz = 24,
     .budget = 1000.0 / 24 * 0.78,
     .register_out = 1.4,
     .memory_out = 3,
     .crossing = 1.8,
     .following = 3.6,
     .lut = 3.2,
     .lut_inputs = 4,
     .pick = 3.2,
     .pick_bits = 1,
     .table = 3.2,
     .table_bits = 4,
     .field = 3.2,
     .sum = 4,
     .sum_bit = 0.28,
     .magnitude = 4,
     .magnitude_bit = 0.28,
     .narrow = 16,
     .wide = 16,
     .narrow_piece = 15,
     .wide_piece = 15,
     .logic_product = 10,
     .product_outside = true,
     .large_has_one_port = true,
     .large_bits = 65536},
};
enum { TARGETS = sizeof targets / sizeof *targets };

const struct target *target_at(int i) {
    return i < TARGETS ? &targets[i] : NULL;
}

const struct target *target_find(const char *name) {
    for (int i = 0; i < TARGETS; i++)
        if (strcmp(targets[i].name, name) == 0)
            return &targets[i];
    return NULL;
}
