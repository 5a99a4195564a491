// SPDX-License-Identifier: Apache-2.0
// What the network behind the card's ports must give: the bare network in sim/'s harness, or the
// model of echo.sv.
#ifndef MR_CARD_GOLDEN_H
#define MR_CARD_GOLDEN_H

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

extern "C" {
#include "build.h"
#include "loader.h"
#include "mr_command.h"
}

using bytes = std::vector<uint8_t>;

struct golden {
    uint64_t weights_beats = 0; // of the image
    uint32_t x_per_step = 1, y_per_sequence = 1;
    uint64_t cycles = 0; // of the last run; 0 when not counted
    std::vector<mr_activity> activity;
    std::vector<uint64_t> probes;
    virtual ~golden() = default;
    virtual void load(const bytes &weights) = 0;
    // Element counts follow from sequences and steps.
    virtual bytes run(const bytes &x, uint32_t sequences, uint32_t steps, uint32_t flags) = 0;
    virtual void reset() = 0;
    uint32_t state_beats = 0;
    bool misbehaves = false; // when it is told to
    // What READ_STATE gives, and WRITE_STATE of such beats.
    virtual bytes save() = 0;
    virtual void restore(const bytes &state) = 0;
};

[[noreturn]] inline void give_up(const char *why) {
    printf("FAIL: set-up: %s\n", why);
    exit(1);
}

class bare_network final : public golden {
  public:
    explicit bare_network(const char *gen_dir) {
        char so[4096];
        mr_build build = {};
        build.data_dir = ".";
        build.gen_dir = gen_dir;
        build.top = "network";
        if (mr_build_rtl(&build, so, sizeof so, error, sizeof error))
            give_up(error);
        loaded = mr_kernel_load(so, error, sizeof error);
        if (!loaded)
            give_up(error);
        reset();
        measure();
        reset();
    }
    ~bare_network() override {
        loaded->kernel->close(instance);
        mr_kernel_unload(loaded);
    }
    void reset() override {
        if (instance)
            loaded->kernel->close(instance);
        const mr_open_options options = {};
        instance = loaded->kernel->open(&options, error, sizeof error);
        if (!instance)
            give_up(error);
    }
    void load(const bytes &weights) override {
        if (run_kernel(MR_COMMAND_LOAD, weights, {}, 0, 0, 0, 0))
            give_up(error);
    }
    bytes run(const bytes &x, uint32_t sequences, uint32_t steps, uint32_t flags) override {
        if (!sequences || !steps)
            return {};
        if (run_kernel(MR_COMMAND_RUN, {}, x, sequences, steps, flags,
                       static_cast<uint64_t>(sequences) * y_per_sequence))
            give_up(error);
        return y;
    }

    bytes save() override {
        if (run_kernel(MR_COMMAND_READ_STATE, {}, {}, 0, 0, 0, 0, {}, state_beats))
            give_up(error);
        return state;
    }
    void restore(const bytes &beats) override {
        if (run_kernel(MR_COMMAND_WRITE_STATE, {}, {}, 0, 0, 0, 0, beats))
            give_up(error);
    }

  private:
    mr_loaded *loaded = nullptr;
    void *instance = nullptr;
    char error[2000];
    bytes y, state;
    uint64_t taken_weights = 0, taken_x = 0, given_y = 0, given_state = 0;

    // How much a load, a step and a sequence take and give.
    void measure() {
        if (run_kernel(MR_COMMAND_LOAD, bytes(64 * 5000, 1), {}, 0, 0, 0, 0))
            give_up(error);
        weights_beats = taken_weights;
        if (run_kernel(MR_COMMAND_RUN, {}, bytes(64 * 500), 1, 1, 1, 500))
            give_up(error);
        x_per_step = static_cast<uint32_t>(taken_x);
        y_per_sequence = static_cast<uint32_t>(given_y);
        if (run_kernel(MR_COMMAND_READ_STATE, {}, {}, 0, 0, 0, 0, {}, 5000))
            give_up(error);
        state_beats = static_cast<uint32_t>(given_state);
    }

    int run_kernel(uint64_t command, const bytes &weights, const bytes &x, uint64_t sequences,
                   uint64_t steps, uint64_t flags, uint64_t y_count, const bytes &state_in = {},
                   uint64_t state_out = 0) {
        const mr_kernel *kernel = loaded->kernel;
        uint64_t scalars[8] = {};
        mr_stream_in in[8] = {};
        mr_stream_out out[8] = {};
        uint32_t of_kind[3] = {}, w_place = 0, x_place = 0, y_place = 0, s_place = 0;
        size_t y_size = 0;
        for (uint32_t i = 0; i < kernel->port_count; i++) {
            const mr_port &port = kernel->ports[i];
            const std::string name = port.name;
            const uint32_t place = of_kind[port.kind]++, size = (port.bits + 7) / 8;
            if (name == "weights")
                in[w_place = place] = {weights.data(), weights.size() / size, 0};
            else if (name == "x")
                in[x_place = place] = {x.data(), x.size() / size, 0};
            else if (name == "state_in")
                in[place] = {state_in.data(), state_in.size() / size, 0};
            else if (name == "y")
                y_place = place, y_size = size;
            else if (name == "state_out")
                s_place = place;
            else
                scalars[place] = name == "command"     ? command
                                 : name == "sequences" ? sequences
                                 : name == "steps"     ? steps
                                 : name == "total"     ? sequences * steps
                                                       : flags;
        }
        y.assign(y_size * y_count, 0);
        state.assign(64 * state_out, 0);
        out[y_place].data = y.data();
        out[y_place].capacity = y_count;
        out[s_place].data = state.data();
        out[s_place].capacity = state_out;
        activity.assign(kernel->process_count, {});
        probes.assign(kernel->probe_count + 1, 0);
        mr_run run = {};
        run.scalars = scalars;
        run.in = in;
        run.out = out;
        run.activity = activity.data();
        run.probes = probes.data();
        const int result = kernel->run(instance, &run, error, sizeof error);
        cycles = run.cycles;
        taken_weights = in[w_place].taken;
        taken_x = in[x_place].taken;
        given_y = out[y_place].count;
        given_state = out[s_place].count;
        probes.resize(kernel->probe_count);
        return result;
    }
};

class echo_model final : public golden {
  public:
    explicit echo_model(uint32_t bits)
        : size((bits + 7) / 8), top_mask(bits % 8 ? (1u << bits % 8) - 1 : 255) {
        weights_beats = 2;
        state_beats = 3;
        misbehaves = true;
    }
    void reset() override {
        sum = 0;
    }
    void load(const bytes &weights) override {
        // The second beat, and the first one moved up by a bit.
        for (size_t i = 0; i < 64; i++)
            key[i] = static_cast<uint8_t>(weights[64 + i] ^ weights[i] << 1 ^
                                          (i ? weights[i - 1] >> 7 : 0));
    }
    bytes run(const bytes &x, uint32_t sequences, uint32_t steps, uint32_t flags) override {
        y_per_sequence = steps; // one for each step
        bytes y(x.size());
        for (size_t n = 0; n < static_cast<size_t>(sequences) * steps; n++) {
            if (flags & MR_FLAG_RESET && n % steps == 0)
                sum = 0;
            sum = static_cast<uint8_t>(sum + x[n * size]);
            for (size_t i = 0; i < size; i++)
                y[n * size + i] =
                    static_cast<uint8_t>((x[n * size + i] ^ (i < 64 ? key[i] : 0) ^ (i ? 0 : sum)) &
                                         (i == size - 1 ? top_mask : 255));
        }
        return y;
    }

    // Each beat has the sum, twice, and its number, counted down.
    bytes save() override {
        bytes state(64 * state_beats);
        for (uint32_t n = 0; n < state_beats; n++)
            state[64 * n] = state[64 * n + 1] = sum,
                       state[64 * n + 2] = static_cast<uint8_t>(state_beats - n);
        return state;
    }
    void restore(const bytes &state) override {
        sum = state[64 * (state_beats - 1)];
    }

  private:
    size_t size;
    uint8_t top_mask, sum = 0;
    uint8_t key[64] = {};
};

// Of recall.c.
class recall_model final : public golden {
  public:
    static constexpr uint32_t count = 5; // of the sums
    recall_model() {
        weights_beats = state_beats = count;
    }
    void reset() override {}
    void load(const bytes &beats) override {
        for (uint32_t i = 0; i < count; i++)
            memcpy(&sums[i], &beats[64 * i], 8);
    }
    void restore(const bytes &beats) override {
        load(beats);
    }
    bytes save() override {
        bytes beats(64 * count);
        for (uint32_t i = 0; i < count; i++)
            memcpy(&beats[64 * i], &sums[i], 8);
        return beats;
    }
    bytes run(const bytes &x, uint32_t sequences, uint32_t steps, uint32_t flags) override {
        y_per_sequence = steps;
        bytes y(x.size());
        for (uint32_t s = 0; s < sequences && steps; s++) {
            const uint8_t *in = &x[size_t{4} * s * steps];
            uint64_t more = 0;
            uint32_t offset = 0;
            for (uint32_t t = 0; t < steps; t++)
                more += number(in + 4 * t);
            for (uint32_t i = 0; i < count; i++) {
                sums[i] = (flags & MR_FLAG_RESET ? 0 : sums[i]) + more + i;
                offset += static_cast<uint32_t>(sums[i]);
            }
            for (uint32_t t = 0; t < steps; t++) {
                uint64_t all = 0;
                for (int k = 0; k < 9; k++)
                    all ^= static_cast<uint64_t>(number(in + 4 * (steps - 1 - t))) << k;
                const uint32_t out = static_cast<uint32_t>(all) + offset;
                memcpy(&y[size_t{4} * (s * steps + t)], &out, 4);
            }
        }
        return y;
    }

  private:
    uint64_t sums[count] = {};
    static uint32_t number(const uint8_t *from) {
        uint32_t n;
        memcpy(&n, from, 4);
        return n;
    }
};

#endif
