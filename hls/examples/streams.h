// SPDX-License-Identifier: Apache-2.0
// Streams of plain integers, which the examples have in common: a stream type is declared once in a
// translation unit, and several examples may be part of one.
#ifndef STREAMS_H
#define STREAMS_H

#include "hls.h"

HLS_STREAM_OF(uint8_t)
HLS_STREAM_OF(int16_t)
HLS_STREAM_OF(uint16_t)
HLS_STREAM_OF(int32_t)
HLS_STREAM_OF(uint32_t)

#endif
