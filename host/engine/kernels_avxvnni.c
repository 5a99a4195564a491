// SPDX-License-Identifier: Apache-2.0
// The kernels (kernels.h) for processors with AVX2 and its dot products of integers (AVX-VNNI).
#include "kernels.h"

#if defined __x86_64__
#    define TARGET __attribute__((target("avx2,avxvnni")))
#    define TABLE mr_kernels_avxvnni
#    define NAME "avxvnni"
#    define HAS_BYTES 1
#    define HAS_SHORTS 0
#    include "words_avx2.h"

enum {
    ROWS_MAX = 3,
    SPLIT_ROWS = 1,
    WRAPS_ROWS = 3,
    WRAPS_VECTORS = 2,
    CELL_ROWS = 3,
    BLOCKS_MAX = 2,
    SPLIT_BLOCKS = 1
};

FN V v_pairs(V sum, V weights, V columns) {
    return _mm256_dpwssd_avx_epi32(sum, weights, columns);
}

FN V v_bytes(V sum, V weights, V columns) {
    return _mm256_dpbusd_avx_epi32(sum, columns, weights);
}

#    include "kernels_body.h"
#else
typedef int mr_no_avxvnni; // no empty file
#endif
