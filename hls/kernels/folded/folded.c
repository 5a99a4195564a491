// SPDX-License-Identifier: Apache-2.0
// The folded kernel: four multipliers for all rows of all layers in turn, and one for the
// arithmetic of cells. What it calculates is a program in the memory that holds the weights too
// (format.h; docs/folded.md).
//
// One run is one command. Every memory is read at one place, for a second one would be a copy of
// it: so one loop does all instructions, and its last iteration reads the next one.
#include "activation.h"
#include "folded/format.h"
#include "hls.h"

HLS_STREAM_OF(int16_t)

// bits: FOLDED_CUT_*
static inline int32_t folded_cut(int64_t v, uint8_t cut) {
    return (int32_t)(cut == FOLDED_CUT_16   ? hls_saturate(v, 16)
                     : cut == FOLDED_CUT_24 ? hls_saturate(v, 24)
                     : cut == FOLDED_CUT_27 ? hls_saturate(v, 27)
                                            : v);
}

void folded(hls_stream(int16_t) * in, hls_stream(int16_t) * out) {
    static int16_t memory[FOLDED_WORDS][FOLDED_ROWS];
    HLS(array_partition variable = memory dim = 2 complete)
    HLS(bind_storage variable = memory impl = uram latency = 2)
    static int32_t numbers[FOLDED_NUMBERS];
    HLS(bind_storage variable = numbers impl = bram latency = 2)
    static int32_t sums[FOLDED_SUMS];
    HLS(bind_storage variable = sums impl = bram latency = 2)
    static int16_t active[FOLDED_SUMS];
    HLS(bind_storage variable = active impl = bram latency = 2)
    uint16_t header[3];
    HLS(array_partition variable = header complete)
    uint16_t next[FOLDED_ROWS]; // the instruction behind the one that is done
    HLS(array_partition variable = next complete)
    int64_t acc[FOLDED_ROWS] = {0};
    HLS(array_partition variable = acc complete)

command:
    for (uint8_t i = 0; i < 3; i++) {
        HLS(pipeline II = 1)
        header[i] = (uint16_t)hls_read(int16_t, in);
    }
    const uint8_t code = (uint8_t)(header[0] & 3);
    const uint16_t begin = header[1], count = header[2];
    if (code == FOLDED_LOAD) {
    load:
        for (uint16_t i = 0; i < count; i++) {
            for (uint8_t r = 0; r < FOLDED_ROWS; r++) {
                HLS(pipeline II = 1)
                memory[(uint16_t)(begin + i) & (FOLDED_WORDS - 1)][r] = hls_read(int16_t, in);
            }
        }
    } else {
        uint16_t left = code == FOLDED_RUN ? count : 1; // times the program runs, with this one
        uint16_t address = begin;
        // READ and WRITE are an instruction that the command makes.
        next[0] = code == FOLDED_RUN ? 0
                                     : (uint16_t)(FOLDED_MOVE + FOLDED_LAST + FOLDED_WIDE +
                                                  (code == FOLDED_READ ? FOLDED_GIVE : 0));
        next[1] = begin;
        next[2] = 0;
        next[3] = (uint16_t)(2 * count);
    instructions:
        while (left != 0) {
            HLS(pipeline off)
            const uint16_t p0 = next[0], p1 = next[1], p2 = next[2], p3 = next[3];
            const uint8_t kind = (uint8_t)(p0 & 3);
            const bool last = (p0 & FOLDED_LAST) != 0;
            const bool matrix = kind == FOLDED_MATRIX, vector = kind == FOLDED_VECTOR;
            const bool gives = kind == FOLDED_MOVE && (p0 & FOLDED_GIVE) != 0;
            const bool wide = (p0 & FOLDED_WIDE) != 0;
            const uint16_t elements = p3 & 1023; // or words
            if (kind == FOLDED_MOVE && !gives) {
                int32_t low = 0;
            take:
                for (uint16_t k = 0; k < elements; k++) {
                    HLS(pipeline II = 1)
                    const int16_t word = hls_read(int16_t, in);
                    if (!wide)
                        numbers[(p1 + k) & (FOLDED_NUMBERS - 1)] = word;
                    else if (k & 1)
                        numbers[(p1 + (k >> 1)) & (FOLDED_NUMBERS - 1)] =
                            (int32_t)((uint32_t)(uint16_t)word << 16) | low;
                    low = (uint16_t)word;
                }
            }
            const bool idle = kind == FOLDED_NOTHING || (kind == FOLDED_MOVE && !gives) ||
                              (gives && elements == 0);
            const uint16_t columns = p3 & 511, run = (p0 >> FOLDED_RUN_AT) & 511;
            const uint8_t groups = (uint8_t)(p3 >> FOLDED_GROUPS_AT);
            const bool narrow = (p0 & FOLDED_WEIGHT8) != 0, rounds = (p0 & FOLDED_COLUMN8) != 0;
            const bool activates = (p0 & FOLDED_ACTIVATE) != 0;
            const uint8_t addend = (uint8_t)((p0 >> FOLDED_ADDEND_AT) & 3);
            const uint8_t shift =
                activates ? FOLDED_SHIFT_12 : (uint8_t)((p0 >> FOLDED_SHIFT_AT) & 3);
            const uint8_t into = (uint8_t)((p2 >> FOLDED_INTO_AT) & 3);
            const uint8_t cut = (uint8_t)((p2 >> FOLDED_CUT_AT) & 3);

            bool done = false;
            bool fetch = idle;             // the iteration that reads the next instruction
            bool finishing = columns == 0; // a group's sums get bias and shift, one after another
            bool odd = false;              // column, or word
            uint8_t gate = 0;              // of them
            uint8_t group = 0;
            uint16_t column = 0;
            uint16_t place = p1 & 511; // of the number to read
            uint16_t index = 0;        // element, or sum
        execute:
            do {
                HLS(pipeline II = 1)
                HLS(dependence variable = numbers type = inter direction = RAW distance =
                        64 true assert)
                HLS(dependence variable = sums type = inter direction = RAW distance =
                        64 true assert)
                HLS(dependence variable = active type = inter direction = RAW distance =
                        64 true assert)
                done = fetch;
                // What is read.
                int16_t word[FOLDED_ROWS];
                const uint16_t at = fetch && last ? begin : address;
                for (int r = 0; r < FOLDED_ROWS; r++) {
                    HLS(unroll)
                    word[r] = memory[at & (FOLDED_WORDS - 1)][r];
                }
                const uint8_t i = (uint8_t)index;
                const uint8_t sum_at = vector && (p1 & FOLDED_SUM_STRIDE) != 0
                                           ? (uint8_t)(i * 4 + ((p2 >> FOLDED_SUM_OFFSET_AT) & 3))
                                           : i;
                const bool apart = vector && (p1 & FOLDED_ACTIVE_STRIDE) != 0;
                const uint8_t p_at =
                    (uint8_t)(apart ? i * 4 + ((p1 >> FOLDED_P_OFFSET_AT) & 3) : i);
                const uint8_t q_at =
                    (uint8_t)(apart ? i * 4 + ((p1 >> FOLDED_Q_OFFSET_AT) & 3) : i);
                const int32_t number = numbers[place];
                const int32_t sum = sums[sum_at];
                const int16_t active_p = active[p_at], active_q = active[q_at];

                // A matrix: four products a column, then four sums.
                const int16_t full = (int16_t)number;
                const int16_t upper = (int16_t)(hls_saturate((full + 128) >> 8, 8) * 256);
                const int16_t x = rounds ? upper : full;
                const int64_t raw = acc[gate];
                const int64_t bias = (int64_t)(word[2] & 255) * 65536 * 65536 +
                                     ((int64_t)(uint16_t)word[1] * 65536 + (uint16_t)word[0]);
                const int64_t finished = hls_wrap(raw + bias, 40) >> (word[3] & 31);
                for (int r = 0; r < FOLDED_ROWS; r++) {
                    HLS(unroll)
                    const int16_t w = !narrow ? word[r]
                                      : odd   ? (int16_t)(word[r] >> 8)
                                              : (int16_t)(int8_t)word[r];
                    if (!finishing)
                        acc[r] = hls_wrap((column == 0 ? 0 : acc[r]) + w * x, 40);
                }

                // A vector.
                const int32_t argument =
                    (int32_t)hls_saturate((p0 & FOLDED_OF_NUMBER) != 0 ? number : sum, 20);
                const int32_t segment = mr_segment(argument);
                const bool tanh = ((p0 >> FOLDED_TANH_AT) >> (index & 3) & 1) != 0;
                const int32_t base = tanh ? mr_tanh_base[segment] : mr_sigmoid_base[segment];
                const int16_t slope = tanh ? mr_tanh_slope[segment] : mr_sigmoid_slope[segment];
                const bool is_active = (p0 & FOLDED_P_ACTIVE) != 0;
                const int32_t p = (int32_t)hls_wrap(activates   ? slope
                                                    : is_active ? active_p
                                                                : number,
                                                    27);
                const int16_t q = (int16_t)(activates                   ? argument & 1023
                                            : (p0 & FOLDED_Q_ZERO) != 0 ? 0
                                            : (p1 & FOLDED_Q_LESS) != 0 ? active_q ^ 32767
                                                                        : active_q);
                const int64_t add = activates                   ? (int64_t)base * 1024
                                    : addend == FOLDED_ADD_SUM  ? sum
                                    : addend == FOLDED_ADD_HIGH ? (int64_t)sum * 32768
                                    : addend == FOLDED_ADD_P    ? active_p
                                                                : 0;
                const int64_t half = shift == FOLDED_SHIFT_12   ? 2048
                                     : shift == FOLDED_SHIFT_15 ? 16384
                                                                : 0;
                const int64_t whole = hls_wrap((add + half) + (int64_t)p * q, 48);
                const int64_t shifted = shift == FOLDED_SHIFT_12     ? whole >> 12
                                        : shift == FOLDED_SHIFT_15   ? whole >> 15
                                        : shift == FOLDED_SHIFT_LEFT ? whole * 2
                                                                     : whole;
                const int32_t kept = folded_cut((int32_t)shifted, cut);
                const int32_t result = (p0 & FOLDED_RELU) != 0 && kept < 0 ? 0 : kept;

                // What is written.
                const bool due = vector && !fetch;
                const uint16_t to =
                    (uint16_t)(((p2 & FOLDED_INTO_STRIDE) != 0 ? i * 4 : i) + (p2 & 511));
                if (due && into == FOLDED_INTO_NUMBER)
                    numbers[to & (FOLDED_NUMBERS - 1)] = result;
                if (due && into == FOLDED_INTO_ACTIVE)
                    active[to & (FOLDED_SUMS - 1)] = (int16_t)result;
                if ((due && into == FOLDED_INTO_SUM) || (matrix && finishing && !fetch))
                    sums[matrix ? i : (uint8_t)to] =
                        matrix ? (int32_t)hls_saturate(finished, 32) : result;
                if (gives && !fetch)
                    hls_write(int16_t, out, (int16_t)(wide && odd ? number >> 16 : number));
                if (fetch) {
                    for (int r = 0; r < FOLDED_ROWS; r++) {
                        HLS(unroll)
                        next[r] = (uint16_t)word[r];
                    }
                }

                // Where the next iteration is.
                const bool row_ends = (uint16_t)(column + 1) == columns;
                if (fetch || (matrix && (finishing || !narrow || odd || row_ends)))
                    address = (uint16_t)(at + 1);
                else
                    address = at;
                if (matrix) {
                    const bool group_ends = finishing && gate == 3;
                    if (fetch || (group_ends && group + 1 == groups))
                        fetch = true;
                    if (group_ends)
                        group++;
                    place = group_ends                      ? p1 & 511
                            : (uint16_t)(column + 1) == run ? p2 & 511
                                                            : (uint16_t)(place + 1) & 511;
                    column = finishing ? 0 : (uint16_t)(column + 1);
                    if (finishing)
                        index++;
                    if (finishing)
                        gate = (uint8_t)(gate + 1) & 3;
                    odd = !finishing && !row_ends && !odd;
                    finishing = group_ends ? columns == 0 : finishing || row_ends;
                } else {
                    if (!wide || vector || odd)
                        place = (uint16_t)(place + 1) & 511;
                    index++;
                    odd = !odd;
                    fetch = fetch || index == elements;
                }
            } while (!done);
            if (last)
                left--;
        }
    }
}
