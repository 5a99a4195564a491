// SPDX-License-Identifier: Apache-2.0
// The host of card_rtl_test.cpp: jobs for the card's kernel in its bench, and what the bare network
// gives for the same.
#ifndef CARD_RTL_HOST_H
#define CARD_RTL_HOST_H

#include "bench.h"
#include "golden.h"

namespace {

constexpr size_t memory_size = 24 << 20;
// Behind it what the network's memories take.
constexpr size_t memories_size = MR_MEMORIES << 18;

struct job {
    uint32_t command = 0, flags = 0, sequences = 0, steps = 0, ring = 0, state_beats = 0;
    uint64_t weights_beats = 0, x_count = 0, y_count = 0;
    uint64_t weights = 0, x = 0, state_in = 0, y = 0, state_out = 0;
};

class test {
  public:
    test(uint64_t seed, golden &expected)
        : card(seed, memory_size + memories_size), expected(expected) {
        x_size = (card.read(MR_CARD_X_BITS) + 7) / 8;
        y_size = (card.read(MR_CARD_Y_BITS) + 7) / 8;
        x_top = card.read(MR_CARD_X_BITS) % 8;
        processes = card.read(MR_CARD_PROCESS_COUNT);
        states = card.read(MR_CARD_FEATURES) & MR_CARD_FEATURES_STATE;
        feeds = card.read(MR_CARD_FEATURES) & MR_CARD_FEATURES_FEEDBACK;
        weights.resize(expected.weights_beats * 64);
        for (uint32_t m = 0; m < MR_MEMORIES; m++)
            place_memory(m, card.read(memory_register(MR_CARD_MEMORY_NEEDS, m)));
    }

    bench card;
    golden &expected;
    uint32_t x_size, y_size, x_top, processes;
    uint64_t probes_seen = 0; // runs with a probe that was not 0
    bool states, feeds;
    bytes weights;
    int failures = 0;
    const char *name = "";

    void check(bool well, const char *what, uint64_t got = 0, uint64_t wanted = 0) {
        if (well)
            return;
        if (failures++ < 20)
            printf("  %s, cycle %llu: %s (%llu, %llu)\n", name,
                   static_cast<unsigned long long>(card.now), what,
                   static_cast<unsigned long long>(got), static_cast<unsigned long long>(wanted));
    }
    void equal(uint64_t got, uint64_t wanted, const char *what) {
        check(got == wanted, what, got, wanted);
    }

    static uint32_t memory_register(uint32_t which, uint32_t memory) {
        return which + memory * MR_CARD_MEMORY_ADDRESS_STRIDE;
    }
    // Not at a page, so that bursts are cut.
    static uint64_t memory_place(uint32_t memory) {
        return bench::base + memory_size + (uint64_t{memory} << 18) + 64 * (61 + memory);
    }
    void place_memory(uint32_t memory, uint32_t words) {
        card.write64(memory_register(MR_CARD_MEMORY_ADDRESS, memory), memory_place(memory));
        card.write(memory_register(MR_CARD_MEMORY_WORDS, memory), words);
    }

    void give(const job &j) {
        card.write(MR_CARD_ARG_COMMAND, j.command);
        card.write(MR_CARD_ARG_FLAGS, j.flags);
        card.write(MR_CARD_ARG_SEQUENCES, j.sequences);
        card.write(MR_CARD_ARG_STEPS, j.steps);
        card.write(MR_CARD_ARG_RING, j.ring);
        card.write(MR_CARD_ARG_STATE_BEATS, j.state_beats);
        card.write64(MR_CARD_ARG_WEIGHTS_BEATS, j.weights_beats);
        card.write64(MR_CARD_ARG_X_COUNT, j.x_count);
        card.write64(MR_CARD_ARG_Y_COUNT, j.y_count);
        card.write64(MR_CARD_ARG_WEIGHTS, j.weights);
        card.write64(MR_CARD_ARG_X, j.x);
        card.write64(MR_CARD_ARG_STATE_IN, j.state_in);
        card.write64(MR_CARD_ARG_Y, j.y);
        card.write64(MR_CARD_ARG_STATE_OUT, j.state_out);
        card.write(MR_CARD_CONTROL, MR_CARD_CONTROL_START);
    }
    // Waits for the end, acknowledges it and gives the status.
    uint32_t finish(uint64_t limit = 20000000) {
        const uint64_t until = card.now + limit;
        while (!(card.read(MR_CARD_CONTROL) & MR_CARD_CONTROL_DONE)) {
            for (int i = 0; i < 20; i++)
                card.step();
            if (card.now > until) {
                check(false, "the run does not end", card.read(MR_CARD_PROGRESS));
                report();
                exit(1);
            }
        }
        const uint32_t status = card.read(MR_CARD_STATUS);
        card.write(MR_CARD_CONTROL, MR_CARD_CONTROL_CONTINUE);
        return status;
    }
    uint32_t run(const job &j) {
        give(j);
        return finish();
    }

    // A beat somewhere in the memory, often just before the end of a page; slot 0 to 3 of the
    // memory's quarters.
    uint64_t place(unsigned slot, uint64_t size) {
        const uint64_t quarter = memory_size / 4;
        uint64_t offset = 4096 + card.below(64) * 64;
        if (card.below(2))
            offset = 8192 - 64 * (1 + card.below(3));
        if (offset + size + 4096 > quarter)
            give_up("the test's memory is too small");
        return bench::base + slot * quarter + offset;
    }
    bytes noise(size_t size) {
        bytes b(size);
        for (uint8_t &v : b)
            v = static_cast<uint8_t>(card.draw() >> 40);
        return b;
    }
    bytes elements(uint64_t count) {
        bytes x = noise(count * x_size);
        if (x_top)
            for (uint64_t n = 0; n < count; n++)
                x[n * x_size + x_size - 1] &= static_cast<uint8_t>((1u << x_top) - 1);
        return x;
    }
    void put(uint64_t address, const bytes &b) {
        memcpy(card.at(address), b.data(), b.size());
    }

    job load_job() {
        job j;
        j.command = MR_COMMAND_LOAD;
        j.weights = place(0, weights.size());
        j.weights_beats = expected.weights_beats;
        weights = noise(weights.size());
        put(j.weights, weights);
        return j;
    }
    void load(int every_byte = -1) { // noise, or all the same
        const job j = load_job();
        if (every_byte >= 0) {
            weights.assign(weights.size(), static_cast<uint8_t>(every_byte));
            put(j.weights, weights);
        }
        equal(run(j), 0, "status of a load");
        expected.load(weights);
    }
    // After an error: both sides start anew, from a zero state, as an error leaves any.
    void recover() {
        card.bad_read = card.bad_write = {};
        expected.reset();
        load();
        batch(3, 2, 1);
    }

    job run_job(uint32_t sequences, uint32_t steps, uint32_t flags, bytes *x, unsigned slot = 1) {
        job j;
        j.command = MR_COMMAND_RUN;
        j.flags = flags;
        j.sequences = sequences;
        j.steps = steps;
        j.x_count = static_cast<uint64_t>(sequences) * steps * expected.x_per_step;
        *x = elements(j.x_count);
        j.x = place(slot, x->size());
        put(j.x, *x);
        return j;
    }
    void place_output(job *j, size_t size) {
        j->y = place(2, size);
        memset(card.at(j->y) - 4096, 0xa5, size + 8192);
    }
    void compare(const job &j, const bytes &y) {
        check(!memcmp(card.at(j.y), y.data(), y.size()), "y differs from the bare network's",
              y.size());
        for (int i = 1; i <= 4096; i++)
            if (card.at(j.y)[-i] != 0xa5 || card.at(j.y + y.size())[i - 1] != 0xa5) {
                check(false, "bytes beside y were written", static_cast<uint64_t>(i));
                break;
            }
    }
    void batch(uint32_t sequences, uint32_t steps, uint32_t flags) {
        bytes x;
        job j = run_job(sequences, steps, flags, &x);
        const bytes y = expected.run(x, sequences, steps, flags);
        j.y_count = y.size() / y_size;
        place_output(&j, y.size());
        equal(run(j), 0, "status of a run");
        compare(j, y);
        if (expected.cycles && sequences && steps)
            for (uint32_t p = 0; p < processes; p++)
                equal(card.read64(MR_CARD_BUSY + p * MR_CARD_BUSY_STRIDE),
                      expected.activity[p].busy, "busy cycles of a process");
        if (expected.cycles && sequences && steps)
            compare_probes();
    }
    void compare_probes() {
        uint64_t any = 0;
        for (uint32_t p = 0; p < expected.probes.size(); p++) {
            equal(card.read64(MR_CARD_PROBE + p * MR_CARD_PROBE_STRIDE), expected.probes[p],
                  "a probe");
            any |= expected.probes[p];
        }
        equal(card.read(MR_CARD_PROBES_ANY), any != 0, "whether a probe is set");
        probes_seen += any != 0;
    }

    void report() {
        equal(card.stray, 0, "accesses outside the memory");
        printf("%s: %s\n", failures ? "FAIL" : "pass", name);
    }

    void identity();
    void batches();
    void queue();
    void random(uint64_t transactions);
    void faults();
    void expect(const job &j, uint32_t bit, const char *what);
    void refusals();
    void state();
    void memories();
    void stream(uint32_t rows, uint32_t steps, uint32_t flags, uint32_t ring);
    void streams();
    struct fed {
        bytes y;
        std::vector<uint32_t> numbers;
        std::vector<uint64_t> probes; // of all steps
        uint64_t cycles = 0;
    };
    fed feed(const bytes &x, uint32_t most, uint32_t place, uint32_t stop, bool resets);
    uint64_t slot_size() const { // of the output ring, for a step's row
        return (uint64_t{expected.y_per_sequence} * y_size + 8 + 63) / 64 * 64;
    }
    job feedback_job(const bytes &x, uint32_t most, uint32_t flags, uint32_t ring, uint32_t place,
                     uint32_t stop);
    void feedback(uint32_t most, uint32_t flags, bool stops, uint32_t ring);
    void feedbacks();
    void refuse_feedback();
    void measure_feedback();
    void measure();
    void measure_stream();
};

} // namespace

#endif
