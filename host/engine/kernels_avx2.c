// SPDX-License-Identifier: Apache-2.0
// The kernels (kernels.h) for processors with AVX2.
#include "kernels.h"

#if defined __x86_64__
#    define TARGET __attribute__((target("avx2")))
#    define TABLE mr_kernels_avx2
#    define NAME "avx2"
#    define HAS_BYTES 0
#    define HAS_SHORTS 1
#    include "words_avx2.h"

enum { ROWS_MAX = 2, SPLIT_ROWS = 1, CELL_ROWS = 2, BLOCKS_MAX = 2, SPLIT_BLOCKS = 1 };

FN V v_pairs(V sum, V weights, V columns) {
    return _mm256_add_epi32(sum, _mm256_madd_epi16(weights, columns));
}

FN V v_shorts(V sum, V weights, V columns) {
    return v_pairs(sum, _mm256_maddubs_epi16(weights, columns), h_all(1));
}

#    include "kernels_body.h"
#else
typedef int mr_no_avx2; // no empty file
#endif
