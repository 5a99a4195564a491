// SPDX-License-Identifier: Apache-2.0
// The folded kernel: FOLDED_ROWS multipliers for all rows of all layers in turn, and one for the
// arithmetic of cells. What it calculates is a program in the memory that holds the weights too
// (format.h; docs/folded.md).
//
// One run is one command. Every memory is read at one place, for a second one would be a copy of
// it: so one loop does all instructions, and its last iteration reads the next one.
#include "activation.h"
#include "folded/format.h"
#include "hls.h"

HLS_STREAM_OF(int16_t)

// v in so many bits (FOLDED_CUT_*), and not below 0 where relu says so. Its ends are patterns of
// its sign, so that a bit of the result is a LUT.
static inline int32_t folded_cut(int64_t v, uint8_t cut, bool relu) {
    const bool below = v < 0;
    const int64_t size = below ? ~v : v;
    const bool over = cut == FOLDED_CUT_16   ? size >> 15 != 0
                      : cut == FOLDED_CUT_24 ? size >> 23 != 0
                      : cut == FOLDED_CUT_27 ? size >> 26 != 0
                                             : size >> 31 != 0;
    const int32_t most = cut == FOLDED_CUT_16   ? INT16_MAX
                         : cut == FOLDED_CUT_24 ? (1 << 23) - 1
                         : cut == FOLDED_CUT_27 ? (1 << 26) - 1
                                                : INT32_MAX;
    const int32_t end = !below ? most : relu ? 0 : ~most;
    return over || (relu && below) ? end : (int32_t)v;
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
    uint16_t next[FOLDED_PARTS]; // the instruction behind the one that is done
    HLS(array_partition variable = next complete)
    int64_t acc[FOLDED_ROWS] = {0};
    HLS(array_partition variable = acc complete)

command:
    for (uint8_t i = 0; i < 3; i++) {
        HLS(pipeline II = 1)
        header[i] = (uint16_t)hls_read(int16_t, in);
    }
    const uint8_t code = (uint8_t)(header[0] & 3);
    if (code == FOLDED_LOAD) {
    load:
        for (uint16_t i = 0; i < header[2]; i++) {
            for (uint8_t r = 0; r < FOLDED_ROWS; r++) {
                HLS(pipeline II = 1)
                memory[(uint16_t)(header[1] + i) & (FOLDED_WORDS - 1)][r] = hls_read(int16_t, in);
            }
        }
    } else {
        uint16_t left = code == FOLDED_RUN ? header[2] : 1; // times the program runs, with this one
        uint16_t address = header[1] & (FOLDED_WORDS - 1);
        // READ and WRITE are an instruction that the command makes.
        next[0] = code == FOLDED_RUN ? 0
                                     : (uint16_t)(FOLDED_MOVE + FOLDED_LAST + FOLDED_WIDE +
                                                  (code == FOLDED_READ ? FOLDED_GIVE : 0));
        next[1] = header[1];
        next[2] = 0;
        next[3] = (uint16_t)(2 * header[2]);
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
            const bool relu = vector && (p0 & FOLDED_RELU) != 0;
            const uint8_t addend = (uint8_t)((p0 >> FOLDED_ADDEND_AT) & 3);
            const uint8_t shift =
                activates ? FOLDED_SHIFT_12 : (uint8_t)((p0 >> FOLDED_SHIFT_AT) & 3);
            const uint8_t into = (uint8_t)((p2 >> FOLDED_INTO_AT) & 3);
            const uint8_t cut = (uint8_t)((p2 >> FOLDED_CUT_AT) & 3);

            bool done = false;
            bool fetch = idle;      // the iteration that reads the next instruction
            bool finishing = false; // a group's sums get bias and shift, one after another
            bool odd = false;       // column, or word
            uint8_t gate = 0;       // of them
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
                const uint16_t at = fetch && last ? header[1] : address;
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

                // A matrix: a product of each row a column, then the sums.
                const int16_t full = (int16_t)number;
                const int16_t upper = (int16_t)(hls_saturate((full + 128) >> 8, 8) * 256);
                const int16_t x = rounds ? upper : full;
                const bool group_ends = finishing && gate == FOLDED_ROWS - 1;
                const int64_t raw = acc[gate];
                for (int r = 0; r < FOLDED_ROWS; r++) {
                    HLS(unroll)
                    const uint16_t bits = (uint16_t)word[r];
                    const uint8_t low = (uint8_t)(narrow && odd ? bits >> 8 : bits);
                    const uint8_t high = (uint8_t)(!narrow ? bits >> 8 : (low & 128) ? 255 : 0);
                    const int16_t w = (int16_t)(low | high << 8);
                    if (group_ends)
                        acc[r] = 0; // so that no sum has a first column
                    else if (matrix && !finishing && !fetch)
                        acc[r] = hls_wrap(acc[r] + w * x, 40);
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
                const int64_t term = activates                   ? (int64_t)base * 1024
                                     : addend == FOLDED_ADD_SUM  ? sum
                                     : addend == FOLDED_ADD_HIGH ? hls_wrap(sum, 27) * 32768
                                     : addend == FOLDED_ADD_P    ? active_p
                                                                 : 0;

                // Both: a sum has bias and shift of its own, a vector those of its instruction.
                const int64_t bias =
                    (int64_t)(hls_wrap(word[2], 8) * ((int64_t)1 << 32) |
                              ((uint32_t)(uint16_t)word[1] << 16) | (uint16_t)word[0]);
                const int64_t half = matrix                     ? bias
                                     : shift == FOLDED_SHIFT_12 ? 2048
                                     : shift == FOLDED_SHIFT_15 ? 16384
                                                                : 0;
                const int64_t product = matrix ? 0 : (int64_t)p * q;
                const int64_t whole = hls_wrap(((matrix ? raw : term) + half) + product, 44);
                const uint8_t down = matrix                       ? (uint8_t)(word[3] & 31)
                                     : shift == FOLDED_SHIFT_12   ? 13
                                     : shift == FOLDED_SHIFT_15   ? 16
                                     : shift == FOLDED_SHIFT_LEFT ? 0
                                                                  : 1;
                const int32_t result = folded_cut(whole * 2 >> down, cut, relu);

                // What is written.
                const bool due = (vector || (matrix && finishing)) && !fetch;
                const uint16_t to =
                    (uint16_t)((vector ? p2 & 511 : 0) +
                               ((p2 & FOLDED_INTO_STRIDE) != 0 ? index * 4 : index)) &
                    (FOLDED_NUMBERS - 1);
                if (due && into == FOLDED_INTO_NUMBER)
                    numbers[to] = result;
                if (due && into == FOLDED_INTO_ACTIVE)
                    active[to & (FOLDED_SUMS - 1)] = (int16_t)result;
                if (due && into == FOLDED_INTO_SUM)
                    sums[to & (FOLDED_SUMS - 1)] = result;
                if (gives && !fetch)
                    hls_write(int16_t, out, (int16_t)(wide && odd ? number >> 16 : number));
                if (fetch) {
                    for (int r = 0; r < FOLDED_PARTS; r++) {
                        HLS(unroll)
                        next[r] = (uint16_t)word[r];
                    }
                }

                // Where the next iteration is.
                const bool row_ends = (uint16_t)(column + 1) == columns;
                const bool moves = fetch || (matrix && (finishing || !narrow || odd || row_ends));
                address = (uint16_t)(at + (moves ? 1 : 0)) & (FOLDED_WORDS - 1);
                if (matrix) {
                    fetch = fetch || (group_ends && group + 1 == groups);
                    group = (uint8_t)(group + (group_ends ? 1 : 0)) & 127;
                    place = group_ends                      ? p1 & 511
                            : (uint16_t)(column + 1) == run ? p2 & 511
                                                            : (uint16_t)(place + 1) & 511;
                    column = finishing ? 0 : (uint16_t)(column + 1) & 511;
                    index = (uint16_t)(index + (finishing ? 1 : 0)) & 1023;
                    gate = (uint8_t)(gate + (finishing ? 1 : 0)) & (FOLDED_ROWS - 1);
                    odd = !finishing && !row_ends && !odd;
                    finishing = group_ends ? false : finishing || row_ends;
                } else {
                    place = (uint16_t)(place + (!wide || vector || odd ? 1 : 0)) & 511;
                    index = (uint16_t)(index + 1) & 1023;
                    odd = !odd;
                    fetch = fetch || index == elements;
                }
            } while (!done);
            if (last)
                left--;
        }
    }
}
