// SPDX-License-Identifier: Apache-2.0
// Examples as processes of one kernel, so that one simulator serves them all: those on samples and
// words of numbers.
#include "arg_max.c"
#include "bitonic_sort.c"
#include "fir.c"
#include "matmul.c"
#include "moving_median.c"
#include "prefix_sum.c"
#include "top_k.c"

void examples_signals(hls_stream(int16_t) *fir_in, hls_stream(int16_t) *fir_out,
                      hls_stream(int16_t) *median_in, hls_stream(int16_t) *median_out,
                      hls_stream(prefix_word_t) *prefix_in, hls_stream(prefix_word_t) *prefix_out,
                      hls_stream(bitonic_word_t) *sort_in, hls_stream(bitonic_word_t) *sort_out,
                      hls_stream(arg_max_word_t) *arg_max_in, hls_stream(arg_max_t) *arg_max_out,
                      hls_stream(int16_t) *top_k_in, hls_stream(top_entry_t) *top_k_out,
                      hls_stream(matmul_row_t) *matmul_b, hls_stream(int16_t) *matmul_a,
                      hls_stream(matmul_sums_t) *matmul_out, uint32_t n, uint32_t products) {
    HLS(dataflow)
    fir(fir_in, fir_out, n);
    moving_median(median_in, median_out, n);
    prefix_sum(prefix_in, prefix_out, n);
    bitonic_sort(sort_in, sort_out, n);
    arg_max(arg_max_in, arg_max_out, n);
    top_k(top_k_in, top_k_out, n);
    matmul(matmul_b, matmul_a, matmul_out, products);
}
