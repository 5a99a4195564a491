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
//   HLS_MEMORY_OF(word_t)                          // once per type of word
//   void kernel(hls_memory(word_t) *m, ...)        // an external memory, which is used by plan:
//       hls_plan_fetch(word_t, m, address, count, after); // the next `count` fetches, and
//       hls_plan_store(word_t, m, address, count);        // stores, take words from `address` on
//       word_t w = hls_fetch(word_t, m, address);         // blocks until the word has come
//       hls_store(word_t, m, address, w);                 // blocks until there is room
//
// hls_more is the whole condition of a `while`. In C it asks whether the stream holds a word now,
// which is all that will come, as the writer has run before. In the RTL it waits until a word is
// there (true) or the stream has ended (false), so the body may read one word from it at once.
//
// A channel that a process declares for itself is written with hls_write(T, &link, value) and read
// with hls_read(T, &link). A word must be written before it is read; read all that is written, for
// what is left at the end of a run is lost in C.
//
// A memory's words are zero at first and keep from run to run. Each fetch and each store is planned
// before, for a plan can ask for words long before they are needed; in hardware the address of a
// fetch or store itself is not looked at. A fetch begins when the first `after` stores that were
// planned in this run are in memory: at least those of the words that it reads, at most what has
// been planned and is stored before it. Fetches and stores are served each in the order of their
// plans, but the plans come one behind the other, and 32 of a kind wait at most: an access comes
// before that many plans of the other kind are left that stand in front of its own. In C all of
// this is checked; a kernel that does not keep to its plans fails.
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

// A memory is three streams: of plans, of the words that are fetched, and of those stored.
#    define HLS_MEMORY_OF(T)
#    define hls_memory(T) __hls_memory(T)
#    define hls_fetch(T, m, address) __hls_read(__hls_part(m, fetch))
#    define hls_store(T, m, address, word) __hls_write(__hls_part(m, store), word)
#    define hls_plan_fetch(T, m, address, count, after)                                            \
        __hls_write(__hls_part(m, plan), hls_plan_of(address, count, after, false))
#    define hls_plan_store(T, m, address, count)                                                   \
        __hls_write(__hls_part(m, plan), hls_plan_of(address, count, 0, true))
typedef struct {
    uint32_t address, count, after;
    bool is_store;
} hls_plan_t;
static inline hls_plan_t hls_plan_of(uint32_t address, uint32_t count, uint32_t after,
                                     bool is_store) {
    hls_plan_t plan;
    plan.address = address;
    plan.count = count;
    plan.after = after;
    plan.is_store = is_store;
    return plan;
}

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
// What Vitis has instead, pointers with an m_axi interface, knows no plans of another process.
#    define HLS_MEMORY_OF(T)                                                                       \
        static_assert(!sizeof(T), "external memories are not built for Vitis HLS");
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

// Who runs kernels may be told: of a FIFO's first element, of its end, of a read that finds none
// and of a memory that fails, from both of which the kernel need not come back; and where the
// probes of a process are.
#    ifndef HLS_ON_OPEN
#        define HLS_ON_OPEN(f) ((void)0)
#        define HLS_ON_CLOSE(f) ((void)0)
#        define HLS_ON_DRY(f) ((void)0)
#        define HLS_ON_ASTRAY(m) ((void)0)
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

// Plans of a kind that wait. The constant stands in sentences, too.
enum { HLS_PLANS = 32 };

// A memory of words of one size, and the plans of its fetches and stores. `failed` is set when a
// kernel does not keep to its plans or memory runs out; the caller of the kernel ends each run with
// hls_memory_end and looks at it.
struct hls_plan {
    uint32_t address, count, after;
    uint64_t behind; // so many of the other kind, from the first run on
};

struct hls_memory {
    unsigned char *words;
    uint64_t *stored; // for each word the number of the plan that stored it, from 1; 0: none
    size_t capacity;  // in words; the others are zero
    struct hls_fifo fetches, stores;   // plans that have not begun
    struct hls_plan fetching, storing; // what is left of those that have
    uint64_t planned, begun, before;   // plans of stores: of all runs, and before this one
    uint64_t fetches_planned, fetches_begun;
    const char *failed; // what a sentence with the word's address says of it
    uint32_t address;
};

static inline void hls_memory_fail(struct hls_memory *m, uint32_t address, const char *problem) {
    if (!m->failed) {
        m->failed = problem;
        m->address = address;
    }
    HLS_ON_ASTRAY(m);
}

static inline void hls_memory_plan(struct hls_memory *m, bool is_store, uint32_t address,
                                   uint32_t count, uint32_t after) {
    const struct hls_plan plan = {address, count, after,
                                  is_store ? m->fetches_planned : m->planned};
    struct hls_fifo *plans = is_store ? &m->stores : &m->fetches;
    if (count && count - 1 > UINT32_MAX - address)
        hls_memory_fail(m, address, "begins a plan that ends beyond the last address");
    else if (after > m->planned - m->before)
        hls_memory_fail(m, address, "is to be fetched after stores that are not planned yet");
    ++*(is_store ? &m->planned : &m->fetches_planned);
    hls_fifo_push(plans, &plan, sizeof plan);
    if (plans->failed)
        hls_memory_fail(m, address, "is planned and there is not enough memory");
}

// A plan of no words is done when its turn comes.
static inline struct hls_plan *hls_memory_begin(struct hls_memory *m, bool is_store) {
    struct hls_fifo *plans = is_store ? &m->stores : &m->fetches;
    struct hls_plan *plan = is_store ? &m->storing : &m->fetching;
    while (!plan->count && plans->head != plans->tail) {
        hls_fifo_pop(plans, plan, sizeof *plan);
        ++*(is_store ? &m->begun : &m->fetches_begun);
    }
    return plan;
}

// Plans of one kind that have happened.
static inline uint64_t hls_memory_done(struct hls_memory *m, bool is_store) {
    const bool is_under_way = hls_memory_begin(m, is_store)->count != 0;
    return (is_store ? m->begun : m->fetches_begun) - is_under_way;
}

// Is the access the one that is planned?
static inline bool hls_memory_follow(struct hls_memory *m, bool is_store, uint32_t address) {
    struct hls_plan *plan = hls_memory_begin(m, is_store);
    if (!plan->count || plan->address != address)
        return false;
    if (plan->behind >= hls_memory_done(m, !is_store) + HLS_PLANS)
        hls_memory_fail(m, address,
                        is_store
                            ? "is stored while 32 plans of fetches in front of its own are left"
                            : "is fetched while 32 plans of stores in front of its own are left");
    plan->address++;
    plan->count--;
    return true;
}

static inline void hls_memory_fetch(struct hls_memory *m, uint32_t address, void *word,
                                    size_t size) {
    memset(word, 0, size);
    if (!hls_memory_follow(m, false, address)) {
        hls_memory_fail(m, address, "is fetched and is not the one that is planned");
        return;
    }
    const uint64_t after = m->before + m->fetching.after;
    if (hls_memory_done(m, true) < after)
        hls_memory_fail(m, address, "is fetched before the stores that its plan waits for");
    if (address >= m->capacity)
        return;
    if (m->stored[address] > after)
        hls_memory_fail(m, address, "is fetched by a plan that does not wait for its store");
    memcpy(word, m->words + address * size, size);
}

static inline bool hls_memory_grow(struct hls_memory *m, uint32_t address, size_t size) {
    size_t wanted = m->capacity ? m->capacity : 1024;
    while (wanted <= address)
        wanted *= 2;
    unsigned char *words = (unsigned char *)calloc(wanted, size);
    uint64_t *stored = (uint64_t *)calloc(wanted, sizeof *stored);
    if (!words || !stored) {
        free(words);
        free(stored);
        return false;
    }
    if (m->capacity) {
        memcpy(words, m->words, m->capacity * size);
        memcpy(stored, m->stored, m->capacity * sizeof *stored);
    }
    free(m->words);
    free(m->stored);
    m->words = words;
    m->stored = stored;
    m->capacity = wanted;
    return true;
}

static inline void hls_memory_store(struct hls_memory *m, uint32_t address, const void *word,
                                    size_t size) {
    if (!hls_memory_follow(m, true, address)) {
        hls_memory_fail(m, address, "is stored and is not the one that is planned");
        return;
    }
    if (address >= m->capacity && !hls_memory_grow(m, address, size)) {
        hls_memory_fail(m, address, "is stored and there is not enough memory");
        return;
    }
    memcpy(m->words + address * size, word, size);
    m->stored[address] = m->begun;
}

// What is planned must have happened by the end of a run. A memory that has failed forgets its
// plans, and its caller sets `failed` to NULL to go on.
static inline void hls_memory_end(struct hls_memory *m) {
    for (int i = 0; i < 2; i++) {
        struct hls_plan *plan = hls_memory_begin(m, i == 1);
        if (plan->count && !m->failed) {
            m->failed = i ? "is planned to be stored and the run has ended"
                          : "is planned to be fetched and the run has ended";
            m->address = plan->address;
        }
        plan->count = 0;
        hls_fifo_free(i ? &m->stores : &m->fetches);
    }
    m->before = m->begun = m->planned;
    m->fetches_begun = m->fetches_planned;
}

static inline void hls_memory_free(struct hls_memory *m) {
    hls_memory_end(m);
    free(m->words);
    free(m->stored);
    memset(m, 0, sizeof *m);
}

#    define HLS_MEMORY_OF(T)                                                                       \
        typedef struct {                                                                           \
            struct hls_memory memory;                                                              \
        } hls_memory_##T;                                                                          \
        static inline void hls_plan_##T(hls_memory_##T *m, bool is_store, uint32_t address,        \
                                        uint32_t count, uint32_t after) {                          \
            hls_memory_plan(&m->memory, is_store, address, count, after);                          \
        }                                                                                          \
        static inline T hls_fetch_##T(hls_memory_##T *m, uint32_t address) {                       \
            T word;                                                                                \
            hls_memory_fetch(&m->memory, address, &word, sizeof word);                             \
            return word;                                                                           \
        }                                                                                          \
        static inline void hls_store_##T(hls_memory_##T *m, uint32_t address, T word) {            \
            hls_memory_store(&m->memory, address, &word, sizeof word);                             \
        }
#    define hls_memory(T) HLS_JOIN(hls_memory_, T)
#    define hls_plan_fetch(T, m, address, count, after)                                            \
        HLS_JOIN(hls_plan_, T)(m, false, address, count, after)
#    define hls_plan_store(T, m, address, count) HLS_JOIN(hls_plan_, T)(m, true, address, count, 0)
#    define hls_fetch(T, m, address) HLS_JOIN(hls_fetch_, T)(m, address)
#    define hls_store(T, m, address, word) HLS_JOIN(hls_store_, T)(m, address, word)

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
