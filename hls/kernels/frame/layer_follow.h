// SPDX-License-Identifier: Apache-2.0
// A piece of layer.h: the columns of h of a sequence's first step, in a layer that follows others,
// are those of the streams that it starts from. Their row is taken as these are due.
const bool takes_start = TAKES_H && forget && t < LAST_TURN;
#if STARTS_H
VEC row_h = {{0}};
int16_t start_column[LAYER_LC];
if (takes_start)
    row_h = hls_read(VEC, start_h);
#endif
#if STARTS_CELL
VEC row_cell = {{0}};
if (takes_start)
    row_cell = hls_read(VEC, start_cell);
#endif
for (int c = 0; c < LAYER_LC; c++) {
    HLS(unroll)
    uint32_t beyond = 0;
#if STARTS_H
    const int16_t start = (int16_t)mr_start(row_h.v[c], LAYER_START_H, 16, &beyond);
    start_column[c] = start;
    if (takes_start)
        start_of_h[h_word][c] = start;
    else
        start_column[c] = start_of_h[h_word][c];
    cut_now += beyond != 0;
    past_now += (uint32_t)mr_shifted(beyond, LAYER_START_PAST);
#endif
#if STARTS_CELL
    const int32_t start_c = (int32_t)mr_start(row_cell.v[c], LAYER_START_CELL, 24, &beyond);
    if (takes_start)
        start_of_cell[h_word][c] = start_c;
    cut_now += beyond != 0;
    past_now += beyond;
#endif
}
