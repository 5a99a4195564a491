// SPDX-License-Identifier: Apache-2.0
// The card's kernel in Verilator, with the checks of AXI's rules on, against the bare network.
//   card_rtl_test SEED TRANSACTIONS echo|GEN_DIR [BREACH]
// With the number of a breach (bench.h) memory or host breaks a rule, which must end the program.
#include "card_rtl_measure.h"
#include <algorithm>
#include <functional>

namespace {

void test::identity() {
    equal(card.read(MR_CARD_MAGIC), MR_CARD_MAGIC_VALUE, "magic");
    equal(card.read(MR_CARD_VERSION), MR_CARD_VERSION_VALUE, "version");
    for (uint32_t i = 0; i < 16; i++)
        equal(card.read(MR_CARD_SHAPE_HASH + i / 4 * 4) >> i % 4 * 8 & 255, i * 17, "shape hash");
    equal(card.read(MR_CARD_CLOCK_KHZ), 300000, "clock");
    equal(card.read(MR_CARD_CONTROL), MR_CARD_CONTROL_IDLE, "control after reset");
    equal(card.read(MR_CARD_PROBE_COUNT), expected.probes.size(), "probes");
    equal(card.read(MR_CARD_PROBE + MR_CARD_PROBE_STRIDE * card.read(MR_CARD_PROBE_COUNT)), 0,
          "an offset behind the probes");
    equal(card.read(0xfff0), 0, "an offset that is not listed");
    // Bytes, read-only registers and the last argument.
    card.write(MR_CARD_ARG_STEPS, 0x11223344);
    card.write(MR_CARD_ARG_STEPS, 0xaabbccdd, 6);
    equal(card.read(MR_CARD_ARG_STEPS), 0x11bbcc44, "a write of two bytes");
    card.write(MR_CARD_MAGIC, 1);
    equal(card.read(MR_CARD_MAGIC), MR_CARD_MAGIC_VALUE, "magic after a write");
    card.write(MR_CARD_CONTROL, MR_CARD_CONTROL_AUTO_RESTART);
    equal(card.read(MR_CARD_CONTROL), MR_CARD_CONTROL_IDLE, "control after auto-restart");
    for (uint32_t a = MR_CARD_ARG_COMMAND; a <= MR_CARD_ARG_STATE_OUT + 4; a += 4)
        card.write(a, a * 0x01010101);
    for (uint32_t a = MR_CARD_ARG_COMMAND; a <= MR_CARD_ARG_STATE_OUT + 4; a += 4)
        equal(card.read(a), a * 0x01010101, "an argument");
}

void test::batches() {
    static const uint32_t sizes[][2] = {{0, 0}, {0, 5},  {5, 0},  {1, 1},  {1, 2},
                                        {3, 1}, {7, 13}, {64, 3}, {257, 1}};
    load();
    for (const auto &size : sizes)
        for (uint32_t flags = 0; flags < 2; flags++)
            batch(size[0], size[1], flags);
    // All gates are open, so the cell states grow by 1 a step, up to the end of their format.
    load(0x60);
    batch(2, 200, 1);
    check(probes_seen > 0 || expected.probes.empty(), "no probe was seen", probes_seen);
    batch(2, 20, 1);
    load();
    batch(3, 4, 0);
}

// Two runs are given at once; the second begins when the first is acknowledged. Interrupts tell of
// both.
void test::queue() {
    bytes x1, x2;
    job first = run_job(40, 3, 1, &x1);
    const bytes y1 = expected.run(x1, 40, 3, 1);
    first.y_count = y1.size() / y_size;
    place_output(&first, y1.size());
    card.write(MR_CARD_INTERRUPT_ENABLE, 1);
    card.write(MR_CARD_INTERRUPT_SOURCES, 3);
    const uint32_t runs = card.read(MR_CARD_RUNS);
    give(first);
    while (card.read(MR_CARD_CONTROL) & MR_CARD_CONTROL_START)
        ;
    equal(card.read(MR_CARD_INTERRUPT_STATUS), 2, "interrupt status after the start");
    card.write(MR_CARD_INTERRUPT_STATUS, 2);
    equal(card.read(MR_CARD_INTERRUPT_STATUS), 0, "interrupt status after it was toggled");
    equal(card.top.__SYM__interrupt, 0, "interrupt");
    job second = run_job(2, 2, 1, &x2, 3);
    const bytes y2 = expected.run(x2, 2, 2, 1);
    second.y_count = y2.size() / y_size;
    second.y = second.x + 65536;
    give(second);
    while (!(card.read(MR_CARD_CONTROL) & MR_CARD_CONTROL_DONE))
        ;
    equal(card.read(MR_CARD_CONTROL), MR_CARD_CONTROL_START | MR_CARD_CONTROL_DONE,
          "control when one run is done and one waits");
    equal(card.read(MR_CARD_INTERRUPT_STATUS), 1, "interrupt status at the end");
    equal(card.top.__SYM__interrupt, 1, "interrupt at the end");
    for (int i = 0; i < 300; i++)
        card.step();
    equal(card.read(MR_CARD_RUNS), runs + 1, "runs before the first is acknowledged");
    card.write(MR_CARD_INTERRUPT_ENABLE, 0);
    equal(card.top.__SYM__interrupt, 0, "interrupt when it is off");
    card.write(MR_CARD_INTERRUPT_SOURCES, 0);
    card.write(MR_CARD_INTERRUPT_STATUS, 1);
    equal(finish(), 0, "status of the first run");
    equal(finish(), 0, "status of the second run");
    equal(card.read(MR_CARD_RUNS), runs + 2, "runs");
    equal(card.read(MR_CARD_CONTROL), MR_CARD_CONTROL_IDLE | MR_CARD_CONTROL_READY,
          "control when all is done");
    compare(first, y1);
    check(!memcmp(card.at(second.y), y2.data(), y2.size()), "the second run's y differs");
}

void test::random(uint64_t transactions) {
    const uint64_t until = card.transactions + transactions;
    while (card.transactions < until && !failures) {
        card.vary();
        const uint64_t kind = card.below(10);
        const uint32_t flags = static_cast<uint32_t>(card.below(2));
        const uint32_t steps = 1 + static_cast<uint32_t>(card.below(6));
        if (kind == 0)
            load();
        else if (kind < 3)
            stream(1 + static_cast<uint32_t>(card.below(30)), steps, flags + 2 * flags,
                   1 + static_cast<uint32_t>(card.below(9)));
        else if (kind == 3 && feeds && card.below(2)) {
            const uint32_t most = 1 + static_cast<uint32_t>(card.below(40));
            feedback(most, 2 * flags, card.below(2), 1 + static_cast<uint32_t>(card.below(most)));
        } else if (kind == 3)
            batch(1 + static_cast<uint32_t>(card.below(300)), 1, flags);
        else
            batch(1 + static_cast<uint32_t>(card.below(40)), steps, flags);
    }
    card.how = full_rate;
    printf("  %llu transactions, %llu beats read, %llu written, %llu runs with cut cell states\n",
           static_cast<unsigned long long>(card.transactions),
           static_cast<unsigned long long>(card.read_beats),
           static_cast<unsigned long long>(card.write_beats),
           static_cast<unsigned long long>(probes_seen));
    check(card.transactions >= until, "fewer transactions than asked for", card.transactions,
          until);
}

void test::expect(const job &j, uint32_t bit, const char *what) {
    equal(run(j), 1u << bit, what);
    equal(card.read(MR_CARD_FAULTS), 1u << bit, "faults");
    card.write(MR_CARD_FAULTS, ~0u);
    equal(card.read(MR_CARD_FAULTS), 0, "faults after they were cleared");
    recover();
}

// SLVERR and DECERR on each port, in the first, a middle and the last beat.
void test::faults() {
    for (card.bad_response = 2; card.bad_response < 4; card.bad_response++)
        for (uint64_t where = 0; where < 3; where++) {
            const auto spoil = [where](uint64_t address, uint64_t size) {
                const uint64_t beats = (size + 63) / 64,
                               n = where == 2 ? beats - 1 : where * beats / 2;
                return range{address + 64 * n, address + 64 * n + 64};
            };
            bytes x;
            job j = load_job();
            card.bad_read = spoil(j.weights, weights.size());
            expect(j, MR_CARD_STATUS_WEIGHTS_ERROR_BIT, "status when weights cannot be read");
            j = run_job(100, 3, 1, &x);
            const size_t size = expected.run(x, 100, 3, 1).size();
            j.y_count = size / y_size;
            place_output(&j, size);
            card.bad_read = spoil(j.x, x.size());
            expect(j, MR_CARD_STATUS_X_ERROR_BIT, "status when x cannot be read");
            card.bad_write = spoil(j.y, size);
            expect(j, MR_CARD_STATUS_Y_ERROR_BIT, "status when y cannot be written");
            if (!states)
                continue;
            j = {};
            j.command = MR_COMMAND_READ_STATE;
            j.state_beats = expected.state_beats;
            j.state_out = place(2, 64 * j.state_beats);
            card.bad_write = spoil(j.state_out, 64 * j.state_beats);
            expect(j, MR_CARD_STATUS_STATE_WRITE_ERROR_BIT, "status when state cannot be written");
            j.command = MR_COMMAND_WRITE_STATE;
            j.state_in = place(1, 64 * j.state_beats);
            card.bad_read = spoil(j.state_in, 64 * j.state_beats);
            expect(j, MR_CARD_STATUS_STATE_READ_ERROR_BIT, "status when state cannot be read");
        }
}

void test::refusals() {
    bytes x;
    job good = run_job(9, 4, 1, &x);
    const size_t size = expected.run(x, 9, 4, 1).size();
    good.y_count = size / y_size;
    place_output(&good, size + 64 * y_size);
    const auto with = [good](const std::function<void(job &)> &change) {
        job j = good;
        change(j);
        return j;
    };
    for (uint32_t command : {0u, 66u, 77u, 0x80000002u})
        expect(with([command](job &j) { j.command = command; }), MR_CARD_STATUS_BAD_COMMAND_BIT,
               "status of an unknown command");
    const uint32_t bad = MR_CARD_STATUS_BAD_ARGUMENT_BIT;
    expect(with([](job &j) { j.x += 32; }), bad, "status when x is not aligned");
    expect(with([](job &j) { j.y += 4; }), bad, "status when y is not aligned");
    expect(with([](job &j) { j.sequences = 0x10000, j.steps = 0x10000; }), bad,
           "status of 2^32 steps");
    expect(with([](job &j) { j.x_count = 1ull << 40; }), bad, "status of 2^40 elements");
    const auto ring = [](uint32_t rows) {
        return [rows](job &j) { j.command = MR_COMMAND_STREAM, j.ring = rows; };
    };
    expect(with(ring(0)), bad, "status of a ring without rows");
    expect(with([](job &j) { j.command = MR_COMMAND_STREAM, j.ring = 1, j.steps = 0; }), bad,
           "status of rows without steps");
    expect(with([](job &j) { j.x_count -= 1; }), MR_CARD_STATUS_INPUT_SHORT_BIT,
           "status when x is too short");
    expect(with([](job &j) { j.x_count = 0; }), MR_CARD_STATUS_INPUT_SHORT_BIT, "status without x");
    expect(with([](job &j) { j.x_count += 1; }), MR_CARD_STATUS_INPUT_LEFT_BIT,
           "status when an element of x is left");
    expect(with([](job &j) { j.x_count += 5000; }), MR_CARD_STATUS_INPUT_LEFT_BIT,
           "status when much of x is left");
    expect(with([](job &j) { j.y_count -= 1; }), MR_CARD_STATUS_OUTPUT_MORE_BIT,
           "status when y is too short");
    expect(with([](job &j) { j.y_count = 0; }), MR_CARD_STATUS_OUTPUT_MORE_BIT, "status without y");
    expect(with([](job &j) { j.y_count += 1; }), MR_CARD_STATUS_OUTPUT_SHORT_BIT,
           "status when y is too long");
    expect(with([](job &j) { j.y_count += 64; }), MR_CARD_STATUS_OUTPUT_SHORT_BIT,
           "status when y is much too long");
    expect(with([](job &j) { j.sequences = 0; }), MR_CARD_STATUS_OUTPUT_SHORT_BIT,
           "status of no sequences with counts");
    job load = load_job();
    load.weights_beats -= 1;
    expect(load, MR_CARD_STATUS_INPUT_SHORT_BIT, "status when weights are too short");
    load.weights_beats += 2;
    expect(load, MR_CARD_STATUS_INPUT_LEFT_BIT, "status when weights are left");
    if (!states) {
        expect(with([](job &j) { j.command = MR_COMMAND_READ_STATE; }),
               MR_CARD_STATUS_UNSUPPORTED_BIT, "status of READ_STATE");
        expect(with([](job &j) { j.command = MR_COMMAND_WRITE_STATE; }),
               MR_CARD_STATUS_UNSUPPORTED_BIT, "status of WRITE_STATE");
    }
    if (expected.misbehaves) { // what only echo.sv does
        for (uint32_t steps = 77; steps < 80; steps++) {
            job j = run_job(1, steps, 1, &x);
            j.y_count = steps;
            place_output(&j, steps * y_size);
            expect(j,
                   steps == 77   ? MR_CARD_STATUS_OUTPUT_SHORT_BIT
                   : steps == 78 ? MR_CARD_STATUS_OUTPUT_MORE_BIT
                                 : MR_CARD_STATUS_NO_PROGRESS_BIT,
                   "status of a network that misbehaves");
        }
    }
    refuse_feedback();
    // The doorbell runs ahead of the ring.
    card.write(MR_CARD_STREAM_ROWS, 0);
    card.write(MR_CARD_STREAM_CONTROL, 0);
    give(with(ring(2)));
    card.write(MR_CARD_STREAM_ROWS, 3);
    equal(finish(), 1u << MR_CARD_STATUS_RING_OVERRUN_BIT, "status when the ring is overrun");
    card.write(MR_CARD_FAULTS, ~0u);
    recover();
}

// The state is read, changed by a run, and put back: the same run then gives the same.
void test::state() {
    if (!states)
        return;
    load();
    batch(3, 5, 0);
    const uint32_t beats = expected.state_beats;
    const bytes state = expected.save();
    job j;
    j.command = MR_COMMAND_READ_STATE;
    j.state_beats = beats;
    j.state_out = place(3, 64 * beats);
    memset(card.at(j.state_out), 0xa5, 64 * beats + 64);
    equal(run(j), 0, "status of READ_STATE");
    for (uint64_t i = 0; i < 64 * beats; i++)
        equal(card.at(j.state_out)[i], state[i], "a byte of the state");
    equal(*card.at(j.state_out + 64 * beats), 0xa5, "the byte after the state");
    batch(2, 5, 0);
    j.command = MR_COMMAND_WRITE_STATE;
    j.state_in = j.state_out;
    equal(run(j), 0, "status of WRITE_STATE");
    expected.restore(state);
    batch(2, 5, 0);
    j.state_beats = beats - 1;
    expect(j, MR_CARD_STATUS_INPUT_SHORT_BIT, "status when state is too short");
    j.command = MR_COMMAND_READ_STATE;
    expect(j, MR_CARD_STATUS_OUTPUT_MORE_BIT, "status when more state comes than asked for");
}

// What the registers of memories say, and what goes wrong with them. A run that ends by itself
// leaves nothing behind.
void test::memories() {
    equal(card.read(MR_CARD_MEMORY_COUNT), MR_MEMORIES, "memories");
    equal(card.read(memory_register(MR_CARD_MEMORY_BITS, MR_MEMORIES)), 0,
          "a register behind the memories");
    if (!MR_MEMORIES)
        return;
    const uint32_t kept = 0, rest = 1, sums = 2, words = 256; // words of kept have two parts
    equal(card.read(memory_register(MR_CARD_MEMORY_BITS, kept)), 512, "bits of a word");
    equal(card.read(memory_register(MR_CARD_MEMORY_BITS, rest)), 64, "bits of a word");
    equal(card.read(memory_register(MR_CARD_MEMORY_BITS, sums)), 64, "bits of a word");
    equal(card.read(memory_register(MR_CARD_MEMORY_NEEDS, kept)), words, "words that are needed");
    equal(card.read(memory_register(MR_CARD_MEMORY_NEEDS, rest)), words, "words that are needed");
    equal(card.read64(memory_register(MR_CARD_MEMORY_ADDRESS, sums)), memory_place(sums),
          "the address of a memory");
    load();
    batch(3, 100, 0);
    bytes x;
    job j = run_job(4, 100, 0, &x);
    const size_t size = x.size();
    j.y_count = size / y_size;
    place_output(&j, size);
    for (uint32_t memory : {kept, rest, sums}) {
        const uint64_t bad = memory_place(memory) + (memory == sums ? 1 : 99) * 64;
        card.bad_read = {bad, bad + 64};
        expect(j, MR_CARD_STATUS_MEMORY_READ_ERROR_BIT, "status when a memory cannot be read");
        card.bad_write = {bad, bad + 64};
        expect(j, MR_CARD_STATUS_MEMORY_WRITE_ERROR_BIT, "status when a memory cannot be written");
    }
    for (uint32_t memory : {kept, rest}) {
        place_memory(memory, 99);
        expect(j, MR_CARD_STATUS_MEMORY_RANGE_BIT, "status of a plan behind the end of a memory");
        place_memory(memory, 100);
        batch(3, 100, 1);
        place_memory(memory, words);
    }
    j.flags = 1u << MR_FLAGS_OWN;
    expect(j, MR_CARD_STATUS_MEMORY_LEFT_BIT, "status when a planned word is not taken");
    batch(3, 100, 0);
}

void test::stream(uint32_t rows, uint32_t steps, uint32_t flags, uint32_t ring) {
    bytes x, first, rest;
    job j = run_job(rows, steps, flags, &x);
    j.command = MR_COMMAND_STREAM;
    j.ring = ring;
    j.x_count = static_cast<uint64_t>(steps) * expected.x_per_step;
    const size_t x_row = j.x_count * x_size, x_slot = (x_row + 63) / 64 * 64;
    bytes y;
    if (flags & MR_FLAG_RESET_FIRST) {
        y = expected.run(bytes(x.begin(), x.begin() + static_cast<long>(x_row)), 1, steps,
                         MR_FLAG_RESET);
        rest = expected.run(bytes(x.begin() + static_cast<long>(x_row), x.end()), rows - 1, steps,
                            flags & MR_FLAG_RESET);
        y.insert(y.end(), rest.begin(), rest.end());
    } else {
        y = expected.run(x, rows, steps, flags & MR_FLAG_RESET);
    }
    const size_t y_row = y.size() / rows, y_slot = (y_row + 8 + 63) / 64 * 64;
    j.y_count = y_row / y_size;
    j.x = place(3, x_slot * ring);
    place_output(&j, y_slot * ring);
    card.write(MR_CARD_STREAM_ROWS, 0);
    card.write(MR_CARD_STREAM_CONTROL, 0);
    give(j);
    uint32_t there = 0, done = 0;
    const uint64_t until = card.now + 4000000;
    while (done < rows && card.now < until) {
        const uint32_t more =
            std::min(rows - there, static_cast<uint32_t>(card.below(done + ring - there + 1)));
        for (uint32_t n = there; n < there + more; n++) {
            memset(card.at(j.x + n % ring * x_slot), 0x5a, x_slot);
            memcpy(card.at(j.x + n % ring * x_slot), &x[n * x_row], x_row);
        }
        if (more)
            card.write(MR_CARD_STREAM_ROWS, there += more);
        for (uint64_t pause = card.below(200); pause; pause--)
            card.step();
        // By the number in the slot, or by the register.
        uint32_t upto = done;
        if (card.below(2)) {
            upto = card.read(MR_CARD_STREAM_DONE);
        } else {
            uint64_t number;
            memcpy(&number, card.at(j.y + done % ring * y_slot + y_slot - 8), 8);
            if (number == done + 1)
                upto = done + 1;
            else
                check(number == 0xa5a5a5a5a5a5a5a5 || number + ring == done + 1,
                      "the number of a row", number, done + 1);
        }
        for (; done < upto; done++) {
            const uint8_t *slot = card.at(j.y + done % ring * y_slot);
            check(!memcmp(slot, &y[done * y_row], y_row), "a row of y differs", done);
            for (size_t i = y_row; i < y_slot - 8; i++)
                check(slot[i] == 0, "a byte between a row and its number", i);
        }
        // The register follows memory's answers; a slot is free when the register says so.
        while (card.read(MR_CARD_STREAM_DONE) < done)
            ;
    }
    equal(done, rows, "rows done");
    check(!(card.read(MR_CARD_CONTROL) & MR_CARD_CONTROL_DONE),
          "the stream ended before it was stopped");
    card.write(MR_CARD_STREAM_CONTROL, MR_CARD_STREAM_CONTROL_STOP);
    equal(finish(), 0, "status of a stream");
    for (int i = 1; i <= 4096; i++)
        if (card.at(j.y)[-i] != 0xa5 || card.at(j.y + y_slot * ring)[i - 1] != 0xa5) {
            check(false, "bytes beside the output ring were written");
            break;
        }
}

void test::streams() {
    load();
    stream(1, 1, 0, 1);
    stream(20, 1, 0, 1);
    stream(50, 1, MR_FLAG_RESET_FIRST, 7);
    stream(30, 3, MR_FLAG_RESET, 4);
    stream(40, 2, 0, 64);
    batch(2, 2, 0);
}

// Steps of the bare network, each with the number at `place` of the last one's row.
test::fed test::feed(const bytes &x, uint32_t most, uint32_t place, uint32_t stop, bool resets) {
    fed f;
    bytes from = x;
    f.probes.assign(expected.probes.size(), 0);
    while (f.numbers.size() < most && (f.numbers.empty() || f.numbers.back() != stop)) {
        const bytes row = expected.run(from, 1, 1, f.numbers.empty() && resets ? MR_FLAG_RESET : 0);
        const uint8_t *number = &row[place * y_size];
        f.numbers.push_back(number[0] | number[1] << 8 | number[2] << 16 |
                            static_cast<uint32_t>(number[3]) << 24);
        from.assign(x_size, 0);
        from[0] = number[0], from[1] = number[1];
        f.y.insert(f.y.end(), row.begin(), row.end());
        f.cycles += expected.cycles;
        for (size_t p = 0; p < f.probes.size(); p++)
            f.probes[p] += expected.probes[p];
    }
    return f;
}

job test::feedback_job(const bytes &x, uint32_t most, uint32_t flags, uint32_t ring, uint32_t place,
                       uint32_t stop) {
    job j;
    j.command = MR_COMMAND_FEEDBACK;
    j.flags = flags;
    j.sequences = most;
    j.steps = 1;
    j.ring = ring;
    j.x_count = 1;
    j.y_count = expected.y_per_sequence;
    j.x = this->place(1, x.size());
    put(j.x, x);
    place_output(&j, slot_size() * ring);
    card.write(MR_CARD_FEEDBACK_PLACE, place);
    card.write(MR_CARD_FEEDBACK_STOP, stop);
    return j;
}

// A number that a step gave is the input of the next one, until one comes that ends the run.
void test::feedback(uint32_t most, uint32_t flags, bool stops, uint32_t ring) {
    const bytes x = elements(1), begun = expected.save();
    const bool resets = flags & MR_FLAG_RESET_FIRST;
    const uint32_t place = static_cast<uint32_t>(card.below(expected.y_per_sequence));
    fed f = feed(x, most, place, ~0u, resets);
    uint32_t stop = ~0u;
    if (stops) { // by one of them, which may come earlier too
        stop = f.numbers[card.below(most)];
        expected.restore(begun);
        f = feed(x, most, place, stop, resets);
    }
    const uint32_t steps = static_cast<uint32_t>(f.numbers.size());
    const size_t row = f.y.size() / steps;
    const job j = feedback_job(x, most, flags, ring, place, stop);
    equal(run(j), 0, "status of a feedback");
    equal(card.read(MR_CARD_STREAM_DONE), steps, "steps done");
    for (uint32_t n = steps > ring ? steps - ring : 0; n < steps; n++) {
        const uint8_t *slot = card.at(j.y + n % ring * slot_size());
        uint64_t number;
        memcpy(&number, slot + slot_size() - 8, 8);
        equal(number, n + 1, "the number of a step");
        check(!memcmp(slot, &f.y[n * row], row), "a step's row differs", n);
    }
    for (uint64_t i = std::min(steps, ring) * slot_size(); i < ring * slot_size() + 4096; i++)
        if (card.at(j.y)[i] != 0xa5) {
            check(false, "bytes behind the last step were written", i);
            break;
        }
    expected.probes = f.probes;
    compare_probes();
}

void test::feedbacks() {
    if (!feeds)
        return;
    load();
    feedback(1, MR_FLAG_RESET_FIRST, false, 1);
    feedback(1, 0, true, 1);
    feedback(60, MR_FLAG_RESET_FIRST, false, 60);
    feedback(60, 0, true, 60);
    feedback(40, 0, false, 3);
    batch(2, 2, 0); // goes on from the state that the last step left
    load(0x60);     // cell states are cut
    feedback(150, MR_FLAG_RESET_FIRST, false, 150);
    feedback(20, 0, false, 20);
    batch(2, 20, 0);
    load();
    const bytes x = elements(1);
    for (int what = 0; what < 2; what++) { // errors of memory
        const job j = feedback_job(x, 30, 0, 30, 0, ~0u);
        if (what)
            card.bad_read = {j.x, j.x + 64};
        else
            card.bad_write = {j.y + 7 * slot_size(), j.y + 8 * slot_size()};
        expect(j, what ? MR_CARD_STATUS_X_ERROR_BIT : MR_CARD_STATUS_Y_ERROR_BIT,
               "status of a feedback when memory fails");
    }
    feedback(9, 0, true, 9);
}

void test::refuse_feedback() {
    const bytes x = elements(1);
    const auto with = [&](uint32_t place, const std::function<void(job &)> &change) {
        job j = feedback_job(x, 5, 0, 5, place, ~0u);
        change(j);
        return j;
    };
    if (!feeds) {
        expect(with(0, [](job &) {}), MR_CARD_STATUS_UNSUPPORTED_BIT, "status of FEEDBACK");
        return;
    }
    const uint32_t bad = MR_CARD_STATUS_BAD_ARGUMENT_BIT;
    expect(with(0, [](job &j) { j.sequences = 0; }), bad, "status of no steps");
    expect(with(0, [](job &j) { j.steps = 2; }), bad, "status of steps of two");
    expect(with(0, [](job &j) { j.x_count = 2; }), bad, "status of two inputs");
    expect(with(0, [](job &j) { j.ring = 0; }), bad, "status of a feedback without a ring");
    expect(with(expected.y_per_sequence, [](job &) {}), bad, "status of a place behind the row");
}

} // namespace

int main(int count, char **words) {
    if (count < 4)
        return 2;
    const uint64_t seed = strtoull(words[1], nullptr, 10),
                   transactions = strtoull(words[2], nullptr, 10);
    std::unique_ptr<golden> expected;
    if (!strncmp(words[3], "echo", 4))
        expected.reset(new echo_model(static_cast<uint32_t>(atoi(words[3] + 4))));
    else if (!strcmp(words[3], "recall"))
        expected.reset(new recall_model);
    else
        expected.reset(new bare_network(words[3]));
    test t(seed, *expected);
    if (count > 4) {
        t.name = "breach";
        t.card.breaking = static_cast<breach>(atoi(words[4]));
        t.card.how = {20, 10, 128, 128, 128, 64, 64, 128};
        for (int i = 0; i < 20; i++) {
            bytes x;
            job j = t.run_job(50, 2, 1, &x);
            j.y_count = t.expected.run(x, 50, 2, 1).size() / t.y_size;
            t.place_output(&j, j.y_count * t.y_size);
            t.give(j);
            t.card.how.host = 40;
            t.card.read(MR_CARD_STATUS);
            for (int n = 0; n < 20000; n++)
                t.card.step();
        }
        printf("no rule fired\n");
        return 0;
    }
    static const struct {
        const char *name;
        void (*part)(test &, uint64_t);
    } parts[] = {
        {"identity and arguments", [](test &u, uint64_t) { u.identity(); }},
        {"batches", [](test &u, uint64_t) { u.batches(); }},
        {"queue and interrupts", [](test &u, uint64_t) { u.queue(); }},
        {"streams", [](test &u, uint64_t) { u.streams(); }},
        {"feedback", [](test &u, uint64_t) { u.feedbacks(); }},
        {"state", [](test &u, uint64_t) { u.state(); }},
        {"the network's memories", [](test &u, uint64_t) { u.memories(); }},
        {"errors of memory", [](test &u, uint64_t) { u.faults(); }},
        {"refusals", [](test &u, uint64_t) { u.refusals(); }},
        {"random transactions", [](test &u, uint64_t n) { u.random(n); }},
        {"cycles", [](test &u, uint64_t) { u.measure(); }},
    };
    int failed = 0;
    for (const auto &p : parts) {
        if (!transactions && strcmp(p.name, "cycles") != 0)
            continue;
        t.name = p.name;
        t.failures = 0;
        p.part(t, transactions);
        t.report();
        failed += t.failures != 0;
        if (t.failures)
            t.recover();
    }
    return failed != 0;
}
