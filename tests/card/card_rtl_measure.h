// SPDX-License-Identifier: Apache-2.0
// Cycles of the card's kernel beside those of the network alone, for card_rtl_test.cpp.
#ifndef CARD_RTL_MEASURE_H
#define CARD_RTL_MEASURE_H

#include "card_rtl_host.h"
#include <algorithm>

namespace {

// Cycles with memory that answers at full rate after 100 cycles.
void test::measure() {
    load();
    for (uint32_t sequences : {1u, 100u, 1000u}) {
        const uint32_t steps = 5;
        batch(sequences, steps, 1);
        const uint64_t cycles = card.read64(MR_CARD_CYCLES), bare = expected.cycles;
        printf("  %u sequences of %u steps: %llu cycles, first output %llu, last %llu", sequences,
               steps, static_cast<unsigned long long>(cycles),
               static_cast<unsigned long long>(card.read64(MR_CARD_FIRST_OUTPUT)),
               static_cast<unsigned long long>(card.read64(MR_CARD_LAST_OUTPUT)));
        if (!bare) {
            printf("\n");
            continue;
        }
        const double percent =
            100.0 * (static_cast<double>(cycles) / static_cast<double>(bare) - 1);
        printf("; the network alone %llu: %.2f %% more\n", static_cast<unsigned long long>(bare),
               percent);
        if (sequences >= 1000)
            check(percent < 3, "the card costs 3 % or more", cycles, bare);
    }
    measure_stream();
    if (feeds)
        measure_feedback();
}

// From the doorbell's write to the row's result in memory.
void test::measure_stream() {
    bytes x;
    job j = run_job(1, 1, 0, &x);
    const uint64_t bare_y = expected.run(x, 1, 1, 0).size(), bare = expected.cycles;
    j.command = MR_COMMAND_STREAM;
    j.ring = 8;
    j.y_count = bare_y / y_size;
    j.x = place(3, 64 * 1024);
    place_output(&j, 64 * 1024);
    card.write(MR_CARD_STREAM_ROWS, 0);
    card.write(MR_CARD_STREAM_CONTROL, 0);
    give(j);
    uint64_t worst = 0, best = ~0ull;
    for (uint32_t row = 1; row <= 8; row++) {
        for (int i = 0; i < 500; i++)
            card.step();
        const uint64_t begun = card.now;
        card.write(MR_CARD_STREAM_ROWS, row);
        for (int i = 0; i < 2000; i++)
            card.step();
        worst = std::max(worst, card.last_write - begun);
        best = std::min(best, card.last_write - begun);
    }
    card.write(MR_CARD_STREAM_CONTROL, MR_CARD_STREAM_CONTROL_STOP);
    equal(finish(), 0, "status of the measured stream");
    printf("  a step by the ring: %llu to %llu cycles from the doorbell to the result in memory; "
           "the network alone %llu\n",
           static_cast<unsigned long long>(best), static_cast<unsigned long long>(worst),
           static_cast<unsigned long long>(bare));
    // A memory of the network answers some times in a step.
    check(worst < bare + 250 + 1000 * MR_MEMORIES, "a step by the ring is slow", worst, bare);
}

// From the start to the last number in memory. A step begins as the one before ends.
void test::measure_feedback() {
    const bytes x = elements(1);
    uint64_t network[2], alone[2], cycles = 0;
    const uint32_t all[] = {1, 300}, place = expected.y_per_sequence - 1;
    for (int i = 0; i < 2; i++) {
        alone[i] = feed(x, all[i], place, ~0u, false).cycles;
        equal(run(feedback_job(x, all[i], 0, all[i], place, ~0u)), 0,
              "status of the measured feedback");
        network[i] = card.read64(MR_CARD_NETWORK_CYCLES);
        cycles = card.read64(MR_CARD_CYCLES);
    }
    printf("  %u steps that are fed back: %llu cycles; the network alone %llu, %.5g a step\n",
           all[1], static_cast<unsigned long long>(cycles),
           static_cast<unsigned long long>(alone[1]), static_cast<double>(alone[1]) / all[1]);
    if (expected.cycles)
        equal(network[1] - network[0], alone[1] - alone[0], "cycles of the network");
    check(!expected.cycles || cycles < alone[1] + 300, "feedback costs cycles", cycles, alone[1]);
}

} // namespace

#endif
