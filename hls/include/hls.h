// SPDX-License-Identifier: Apache-2.0
// The dialect: typed streams and fixed-point helpers for kernels that gcc, hlsc and Vitis HLS all
// read.
//
//   typedef struct { int16_t v[4]; } word_t;
//   HLS_STREAM_OF(word_t)                          // once per payload type (a single identifier)
//   void kernel(hls_stream(word_t) *in, hls_stream(word_t) *out, uint32_t n)
//       word_t w = hls_read(word_t, in);           // blocks until a word is there
//       hls_write(word_t, out, w);                 // blocks until there is room
//       while (hls_more(word_t, in)) { ... }       // until the stream has no further word
//   HLS_CHANNEL(word_t, link);                     // a FIFO: in a dataflow function between its
//                                                  // processes, in a process from it to itself
//   HLS_PROBE(total);                              // static number `total` of a process can be
//                                                  // seen from outside
//
// hls_more is the whole condition of a `while`. In C it asks whether the stream holds a word now,
// which is all that will come, as the writer has run before. In the RTL it waits until a word is
// there (true) or the stream has ended (false), so the body may read one word from it at once.
//
// A channel that a process declares for itself is written with hls_write(T, &link, value) and read
// with hls_read(T, &link). A word must be written before it is read; read all that is written, for
// what is left at the end of a run is lost in C.
//
// gcc runs processes one after another on unbounded FIFOs; hlsc knows the names below as built in;
// the branch for Vitis HLS (C++) follows its documentation and has not been run: no Vitis is at
// hand.
#ifndef HLS_H
#define HLS_H

#include <stdbool.h>
#include <stdint.h>

// Joins names after expanding macros: HLS_JOIN(layer0, _run) is layer0_run.
#define HLS_JOIN_(a, b) a##b
#define HLS_JOIN(a, b) HLS_JOIN_(a, b)

#if defined(__HLSC__)

#    define HLS_STREAM_OF(T)
#    define hls_stream(T) __hls_stream(T)
#    define hls_read(T, s) __hls_read(s)
#    define hls_write(T, s, value) __hls_write(s, value)
#    define hls_more(T, s) __hls_more(s)
#    define HLS_CHANNEL(T, name) __hls_stream(T) name
#    define HLS_PROBE(name) __hls_probe(name)

// What gcc has built in: zeros before the first and behind the last set bit (there must be one),
// set bits, and whether their number is odd.
#    define HLS_BITS(suffix, T, bits)                                                              \
        static inline int __builtin_clz##suffix(T x) {                                             \
            int n = bits - 1;                                                                      \
            for (int i = 0; i < bits; i++) {                                                       \
                _Pragma("HLS unroll") if (x >> i & 1) n = bits - 1 - i;                            \
            }                                                                                      \
            return n;                                                                              \
        }                                                                                          \
        static inline int __builtin_ctz##suffix(T x) {                                             \
            int n = bits - 1;                                                                      \
            for (int i = bits - 1; i >= 0; i--) {                                                  \
                _Pragma("HLS unroll") if (x >> i & 1) n = i;                                       \
            }                                                                                      \
            return n;                                                                              \
        }                                                                                          \
        static inline int __builtin_popcount##suffix(T x) {                                        \
            int n = 0;                                                                             \
            for (int i = 0; i < bits; i++) {                                                       \
                _Pragma("HLS unroll") n += (int)(x >> i & 1);                                      \
            }                                                                                      \
            return n;                                                                              \
        }                                                                                          \
        static inline int __builtin_parity##suffix(T x) {                                          \
            return __builtin_popcount##suffix(x) & 1;                                              \
        }
HLS_BITS(, uint32_t, 32)
HLS_BITS(l, uint64_t, 64)
HLS_BITS(ll, uint64_t, 64)
#    undef HLS_BITS

#elif defined(__cplusplus)

#    include <hls_stream.h>
#    define HLS_STREAM_OF(T)
#    define hls_stream(T) hls::stream<T>
#    define hls_read(T, s) ((s)->read())
#    define hls_write(T, s, value) ((s)->write(value))
// Not the same where data is late: Vitis asks for what is there now and does not wait for the end.
#    define hls_more(T, s) (!(s)->empty())
#    define HLS_CHANNEL(T, name) hls::stream<T> name
#    define HLS_PROBE(name) ((void)&(name))

#else

#    include <stdlib.h>
#    include <string.h>

// A FIFO that grows as needed. `failed` is set, and zeros are read, when a kernel reads more than
// was written or memory runs out; the caller of the kernel looks at it.
struct hls_fifo {
    unsigned char *data;
    size_t head, tail, capacity; // in bytes
    bool failed;
};

// Who runs kernels may be told: of a FIFO's first element, of its end, and of a read that finds
// none, from which the kernel need not come back; and where the probes of a process are.
#    ifndef HLS_ON_OPEN
#        define HLS_ON_OPEN(f) ((void)0)
#        define HLS_ON_CLOSE(f) ((void)0)
#        define HLS_ON_DRY(f) ((void)0)
#    endif
#    ifndef HLS_ON_PROBE
#        define HLS_ON_PROBE(process, name, address) ((void)(address))
#    endif
#    define HLS_PROBE(name) HLS_ON_PROBE(__func__, #    name, &(name))

static inline void hls_fifo_push(struct hls_fifo *f, const void *item, size_t size) {
    if (f->head == f->tail)
        f->head = f->tail = 0;
    if (f->tail + size > f->capacity) {
        size_t wanted = f->capacity ? f->capacity * 2 : 4096;
        while (wanted < f->tail + size)
            wanted *= 2;
        unsigned char *grown = (unsigned char *)realloc(f->data, wanted);
        if (!grown) {
            f->failed = true;
            return;
        }
        if (!f->data)
            HLS_ON_OPEN(f);
        f->data = grown;
        f->capacity = wanted;
    }
    memcpy(f->data + f->tail, item, size);
    f->tail += size;
}

static inline void hls_fifo_pop(struct hls_fifo *f, void *item, size_t size) {
    if (f->tail - f->head < size) {
        f->failed = true;
        HLS_ON_DRY(f);
        memset(item, 0, size);
        return;
    }
    memcpy(item, f->data + f->head, size);
    f->head += size;
}

static inline void hls_fifo_free(struct hls_fifo *f) {
    HLS_ON_CLOSE(f);
    free(f->data);
    memset(f, 0, sizeof *f);
}

#    define HLS_STREAM_OF(T)                                                                       \
        typedef struct {                                                                           \
            struct hls_fifo fifo;                                                                  \
        } hls_stream_##T;                                                                          \
        static inline T hls_read_##T(hls_stream_##T *s) {                                          \
            T item;                                                                                \
            hls_fifo_pop(&s->fifo, &item, sizeof item);                                            \
            return item;                                                                           \
        }                                                                                          \
        static inline void hls_write_##T(hls_stream_##T *s, T item) {                              \
            hls_fifo_push(&s->fifo, &item, sizeof item);                                           \
        }                                                                                          \
        static inline bool hls_more_##T(hls_stream_##T *s) {                                       \
            return s->fifo.head != s->fifo.tail;                                                   \
        }                                                                                          \
        static inline void hls_close_##T(hls_stream_##T *s) {                                      \
            hls_fifo_free(&s->fifo);                                                               \
        }
#    define hls_stream(T) HLS_JOIN(hls_stream_, T)
#    define hls_read(T, s) HLS_JOIN(hls_read_, T)(s)
#    define hls_write(T, s, value) HLS_JOIN(hls_write_, T)(s, value)
#    define hls_more(T, s) HLS_JOIN(hls_more_, T)(s)
#    define HLS_CHANNEL(T, name)                                                                   \
        __attribute__((cleanup(HLS_JOIN(hls_close_, T)))) hls_stream(T) name = {{0}}

#endif

// `#pragma HLS ...` whose values may be macros: HLS(unroll factor=FACTOR)
#define HLS_PRAGMA(text) _Pragma(#text)
#define HLS_EXPAND(...) HLS_PRAGMA(HLS __VA_ARGS__)
#define HLS(...) HLS_EXPAND(__VA_ARGS__)

// Keeps the low `bits` bits of x as a signed number, as a register of that width would.
static inline int64_t hls_wrap(int64_t x, int bits) {
    return (int64_t)((uint64_t)x << (64 - bits)) >> (64 - bits);
}

// Clamps x to the range of a signed number of `bits` bits.
static inline int64_t hls_saturate(int64_t x, int bits) {
    const int64_t high = ((int64_t)1 << (bits - 1)) - 1;
    const int64_t low = -high - 1;
    return x > high ? high : x < low ? low : x;
}

// x / 2^shift, rounded to nearest, ties up: the one rounding of this project. 1 <= shift <= 62.
static inline int64_t hls_round_shift(int64_t x, int shift) {
    return (x + ((int64_t)1 << (shift - 1))) >> shift;
}

#endif
