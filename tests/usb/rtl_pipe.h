// SPDX-License-Identifier: Apache-2.0
// A device in Verilator behind a pipe of bytes that loses, changes and adds some, or is pulled:
// what tests of the packets in RTL have in common. A test's device is a class with the pins of its
// own.
#ifndef RTL_PIPE_H
#define RTL_PIPE_H

extern "C" {
#include "link.h"
#include "random.h"
}
#include "verilated.h"

#include <cstdio>
#include <cstdlib>
#include <deque>

enum { LIMIT_MS = 20000 };

static int failures;
static uint64_t seed;

static void check(bool right, const char *what, const char *more = "") {
    if (!right) {
        printf("FAIL: %s %s (seed %llu)\n", what, more, (unsigned long long)seed);
        failures++;
    }
}

// Chances of a byte, in 1/65536, each way; and of a pulled cable.
struct faults {
    int drop, change, add, pull;
};

class rtl_device {
  public:
    explicit rtl_device(uint64_t cycles_of_ms) : cycles_of_ms(cycles_of_ms) {}
    virtual ~rtl_device() {}
    virtual void cycle() = 0; // one of its clock
    virtual void broken() {}  // the cable was pulled
    void pass(std::deque<uint8_t> &to, uint8_t byte) {
        const int change = random_between(&state, 0, 65535),
                  drop = random_between(&state, 0, 65535), add = random_between(&state, 0, 65535);
        if (add < wrong.add)
            for (int i = random_between(&state, 1, 20); i > 0; i--)
                to.push_back(random_between(&state, 0, 3) ? (uint8_t)random_bits(&state)
                                                          : (uint8_t) "MR\1\0"[i % 4]);
        if (drop < wrong.drop)
            return;
        to.push_back(change < wrong.change ? byte ^ (uint8_t)(1 << random_between(&state, 0, 7))
                                           : byte);
        if (random_between(&state, 0, 65535) < wrong.pull)
            pull();
    }
    void pull() {
        pulls++;
        out.clear();
        in.clear();
        broken();
    }
    std::deque<uint8_t> out, in; // to the device and from it
    uint64_t cycles = 0, state = 0;
    const uint64_t cycles_of_ms;
    unsigned pulls = 0;
    faults wrong = {};
    // The cable: calls until it is out, how often it is looked for before it is in again; -1:
    // never.
    int calls_left = -1, looks_left = 0;
    bool away = false;
    bool leaves() {
        if (calls_left >= 0 && calls_left-- == 0) {
            away = true;
            pull();
        }
        return away;
    }
};

static inline int gone(mr_error *error) {
    error->code = MR_ERROR_DEVICE;
    snprintf(error->text, sizeof error->text, "the cable is out");
    return MR_ERROR_DEVICE;
}

static inline int write_bytes(void *self, const void *bytes, size_t size, unsigned, size_t *written,
                              mr_error *error) {
    rtl_device *d = static_cast<rtl_device *>(self);
    if (d->leaves())
        return gone(error);
    for (size_t i = 0; i < size; i++)
        d->pass(d->out, static_cast<const uint8_t *>(bytes)[i]);
    *written = size;
    return 0;
}

static inline int read_bytes(void *self, void *bytes, size_t size, unsigned limit_ms, size_t *count,
                             mr_error *error) {
    rtl_device *d = static_cast<rtl_device *>(self);
    if (d->leaves())
        return gone(error);
    const uint64_t until = d->cycles + limit_ms * d->cycles_of_ms;
    while (d->in.empty() && d->cycles < until)
        d->cycle();
    for (*count = 0; *count < size && !d->in.empty(); ++*count) {
        static_cast<uint8_t *>(bytes)[*count] = d->in.front();
        d->in.pop_front();
    }
    return 0;
}

static inline mr_byte_pipe pipe_of(rtl_device &d) {
    mr_byte_pipe pipe = {};
    pipe.self = &d;
    pipe.write = write_bytes;
    pipe.read = read_bytes;
    pipe.reset = [](void *self, mr_error *) {
        static_cast<rtl_device *>(self)->pull();
        return 0;
    };
    pipe.reopen = [](void *self, mr_error *error) {
        rtl_device *d = static_cast<rtl_device *>(self);
        for (uint64_t i = 0; i < 100 * d->cycles_of_ms; i++)
            d->cycle();
        if (d->looks_left < 0 || d->looks_left-- > 0)
            return gone(error);
        d->away = false;
        return 0;
    };
    pipe.now = [](void *self) {
        const rtl_device *d = static_cast<rtl_device *>(self);
        return d->cycles / d->cycles_of_ms;
    };
    pipe.close = [](void *) {};
    return pipe;
}

#endif
