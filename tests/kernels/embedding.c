// SPDX-License-Identifier: Apache-2.0
// Look-ups in tables of rows of one vector and of several, with padding and without.
#include "frame/words.h"

MR_VECTOR(1)
MR_VECTOR(3)
MR_VECTOR(4)

#define EMBED embed1
#define EMBED_ENTRIES 1
#define EMBED_COUNT 1
#define EMBED_LC 1
#include "heads/embedding.h"

#define EMBED embed7
#define EMBED_ENTRIES 20
#define EMBED_COUNT 7
#define EMBED_LC 3
#include "heads/embedding.h"

#define EMBED embed4
#define EMBED_ENTRIES 50
#define EMBED_COUNT 4
#define EMBED_LC 4
#include "heads/embedding.h"

#define EMBED embed_large
#define EMBED_ENTRIES 700
#define EMBED_COUNT 5
#define EMBED_LC 1
#include "heads/embedding.h"

void embedding(hls_stream(beat_t) * w0, hls_stream(vec1_t) * x0, hls_stream(vec1_t) * y0,
               hls_stream(beat_t) * w1, hls_stream(vec3_t) * x1, hls_stream(vec3_t) * y1,
               hls_stream(beat_t) * w2, hls_stream(vec4_t) * x2, hls_stream(vec4_t) * y2,
               hls_stream(beat_t) * w3, hls_stream(vec1_t) * x3, hls_stream(vec1_t) * y3,
               uint32_t command, uint32_t rows) {
    HLS(dataflow)
    embed1(w0, x0, y0, command, rows);
    embed7(w1, x1, y1, command, rows);
    embed4(w2, x2, y2, command, rows);
    embed_large(w3, x3, y3, command, rows);
}
