// SPDX-License-Identifier: Apache-2.0
// Lanes in several dies: what they look at comes to them through registers at the borders. The
// lanes are those of tiles.c, few, in groups of one tile.
#define LANES 100
#define CROSSING 5
#define KERNEL dies
#include "tiles.c"
