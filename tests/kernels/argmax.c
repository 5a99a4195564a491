// SPDX-License-Identifier: Apache-2.0
// The place of the greatest number in rows of several lengths. tests/heads_test.c runs them too.
#include "frame/words.h"

#define ARGMAX argmax1
#define ARGMAX_COUNT 1
#include "heads/argmax.h"

#define ARGMAX argmax2
#define ARGMAX_COUNT 2
#include "heads/argmax.h"

#define ARGMAX argmax7
#define ARGMAX_COUNT 7
#include "heads/argmax.h"

#define ARGMAX argmax1000
#define ARGMAX_COUNT 1000
#include "heads/argmax.h"

void argmax(hls_stream(int32_t) * x0, hls_stream(int32_t) * y0, hls_stream(int32_t) * x1,
            hls_stream(int32_t) * y1, hls_stream(int32_t) * x2, hls_stream(int32_t) * y2,
            hls_stream(int32_t) * x3, hls_stream(int32_t) * y3, uint32_t command, uint32_t rows) {
    HLS(dataflow)
    argmax1(x0, y0, command, rows);
    argmax2(x1, y1, command, rows);
    argmax7(x2, y2, command, rows);
    argmax1000(x3, y3, command, rows);
}
