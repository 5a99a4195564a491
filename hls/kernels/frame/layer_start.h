// SPDX-License-Identifier: Apache-2.0
// A piece of layer.h: the command ENCODE of a layer that decodes, which takes the state that the
// next run goes on from.
else if (command == MR_COMMAND_ENCODE) {
#if COUNTS
    cut = 0;
    past = 0;
#endif
run_starts:
    for (uint32_t n = 0; n < sequences; n++) {
        for (uint32_t word = 0; word < H_WORDS; word++) {
            HLS(pipeline II = 1)
            VEC of_h = {{0}};
#if HAS_CELL
            VEC of_cell = {{0}};
#endif
            uint32_t cut_now = 0, past_now = 0;
#if STARTS_H
            of_h = hls_read(VEC, start_h);
#endif
#if STARTS_CELL
            of_cell = hls_read(VEC, start_cell);
#endif
            for (int c = 0; c < LAYER_LC; c++) {
                HLS(unroll)
                uint32_t beyond = 0;
                h[H_FOUND][word][c] = (int16_t)mr_start(of_h.v[c], LAYER_START_H, 16, &beyond);
                cut_now += beyond != 0;
                past_now += (uint32_t)mr_shifted(beyond, LAYER_START_PAST);
#if HAS_CELL
                beyond = 0;
                cell[word][c] = (int32_t)mr_start(of_cell.v[c], LAYER_START_CELL, 24, &beyond);
                cut_now += beyond != 0;
                past_now += beyond;
#endif
            }
#if COUNTS
            cut += cut_now;
            past += past_now;
#endif
        }
    }
}
