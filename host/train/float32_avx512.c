// SPDX-License-Identifier: Apache-2.0
// The arithmetic of the float32 trainer for x86 processors with AVX-512.
#ifdef __x86_64__
#    include <immintrin.h>
#    include <math.h>
#    include <stdint.h>

#    define NAME mr_float32_avx512
#    define NAME_TEXT "AVX-512"
#    define ON __attribute__((target("avx512f,avx512dq,avx2,fma")))
#    define LANES 16
#    define ROWS 25
#    define OUTER_ROWS 5
#    define OUTER_COLUMNS 5

typedef float vec __attribute__((vector_size(64)));
typedef int32_t ivec __attribute__((vector_size(64)));

#    define EACH_OUTER_ROW(X) X(0) X(1) X(2) X(3) X(4)
#    define EACH_OUTER_COLUMN(X) EACH_OUTER_ROW(X)
#    define EACH_SUM_OF(X, r) X(r, 0) X(r, 1) X(r, 2) X(r, 3) X(r, 4)
#    define EACH_SUM(X)                                                                            \
        EACH_SUM_OF(X, 0)                                                                          \
        EACH_SUM_OF(X, 1) EACH_SUM_OF(X, 2) EACH_SUM_OF(X, 3) EACH_SUM_OF(X, 4)

#    define MULTIPLY_ADD(a, b, c) ((vec)_mm512_fmadd_ps(a, b, c))
#    define LEAST(a, b) ((vec)_mm512_min_ps(a, b))
#    define GREATEST(a, b) ((vec)_mm512_max_ps(a, b))
#    define DIVIDE(a, b) ((a) / (b))
#    define ROOT(a) ((vec)_mm512_sqrt_ps(a))
#    define SUM_OF(a) _mm512_reduce_add_ps(a)

#    include "float32_kernels.h"
#endif
