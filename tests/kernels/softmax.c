// SPDX-License-Identifier: Apache-2.0
// Softmax of rows of several lengths and with all kinds of scales. tests/heads_test.c runs them too.
#include "frame/words.h"

#define SOFTMAX softmax1
#define SOFTMAX_COUNT 1
#define SOFTMAX_FRAC 24
#include "heads/softmax.h"

#define SOFTMAX softmax2
#define SOFTMAX_COUNT 2
#define SOFTMAX_FRAC 30
#include "heads/softmax.h"

#define SOFTMAX softmax7
#define SOFTMAX_COUNT 7
#define SOFTMAX_FRAC 12
#include "heads/softmax.h"

#define SOFTMAX softmax10
#define SOFTMAX_COUNT 10
#define SOFTMAX_FRAC -5
#include "heads/softmax.h"

#define SOFTMAX softmax10_steep
#define SOFTMAX_COUNT 10
#define SOFTMAX_FRAC -16
#include "heads/softmax.h"

#define SOFTMAX softmax33
#define SOFTMAX_COUNT 33
#define SOFTMAX_FRAC 0
#include "heads/softmax.h"

#define SOFTMAX softmax33_flat
#define SOFTMAX_COUNT 33
#define SOFTMAX_FRAC 40
#include "heads/softmax.h"

#define SOFTMAX softmax200
#define SOFTMAX_COUNT 200
#define SOFTMAX_FRAC 27
#include "heads/softmax.h"

void softmax_rows(hls_stream(int32_t) * x0, hls_stream(int32_t) * y0, hls_stream(int32_t) * x1,
                  hls_stream(int32_t) * y1, hls_stream(int32_t) * x2, hls_stream(int32_t) * y2,
                  hls_stream(int32_t) * x3, hls_stream(int32_t) * y3, hls_stream(int32_t) * x4,
                  hls_stream(int32_t) * y4, hls_stream(int32_t) * x5, hls_stream(int32_t) * y5,
                  hls_stream(int32_t) * x6, hls_stream(int32_t) * y6, hls_stream(int32_t) * x7,
                  hls_stream(int32_t) * y7, uint32_t command, uint32_t rows) {
    HLS(dataflow)
    softmax1(x0, y0, command, rows);
    softmax2(x1, y1, command, rows);
    softmax7(x2, y2, command, rows);
    softmax10(x3, y3, command, rows);
    softmax10_steep(x4, y4, command, rows);
    softmax33(x5, y5, command, rows);
    softmax33_flat(x6, y6, command, rows);
    softmax200(x7, y7, command, rows);
}
