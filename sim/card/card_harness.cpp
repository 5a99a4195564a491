// SPDX-License-Identifier: Apache-2.0
// Implements struct mr_card_kernel (card_kernel.h) for the Verilated kernel `millrace`: drives its
// AXI4-Lite slave, and is the memory behind its AXI4 masters, which are two and one for each memory
// of the network (MR_MEMORIES). A port's memory answers in order, each burst after a random
// latency, and every channel holds back at random, all within the standard.
//
// A cycle is two evaluations: clock low with the new inputs, after which handshakes are sampled,
// then clock high.
#include "Vkernel.h"
#include "axi_pins.h"
#include "each_memory.h"
#include "rtl_context.h"
#include "verilated.h"
#if VM_TRACE_FST
#    include "trace_file.h"
#    include "verilated_fst_c.h"
#endif
#include <array>
#include <cstdio>
#include <cstring>
#include <deque>
#include <memory>
#include <new>
#include <vector>

extern "C" {
#include "card_kernel.h"
}

namespace {

constexpr int reset_cycles = 16;
constexpr uint32_t access_limit = 10000; // cycles that a register may take to answer
constexpr size_t bursts_limit = 32;      // under way in each direction
constexpr size_t beats_limit = 256;      // of written data waiting for their address
constexpr size_t beat_bytes = 64;

enum response : uint8_t { okay = 0, slave_error = 2, decode_error = 3 };

struct burst {
    uint64_t address;
    uint32_t beats;
    uint64_t due; // the cycle from which memory answers
    response answer;
};

struct beat {
    std::array<uint32_t, beat_bytes / 4> data;
    uint64_t strobe;
};

// An AXI4 master of the kernel, and what memory owes it.
struct port {
    const char *name;
    unsigned bank; // of the memory, that it is linked to
    axi_read_pins read;
    axi_write_pins write;
    std::deque<burst> reads, writes, answers;
    std::deque<beat> written;
    uint32_t read_beat = 0; // of the burst that is being read
};

struct card final {
    rtl_context context;
    std::unique_ptr<Vkernel> top;
#if VM_TRACE_FST
    std::unique_ptr<VerilatedFstC> trace;
#endif
    mr_card_options options;
    std::vector<port> ports;
    uint64_t time = 0, cycle = 0, random_state = 0;
    uint64_t read_count = 0, write_count = 0;
    bool moved = false; // data, in this cycle
    bool complained = false;

    uint64_t draw() { // splitmix64
        uint64_t z = random_state += 0x9e3779b97f4a7c15u;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
        return z ^ (z >> 31);
    }
    bool stall() {
        return options.stall_chance && (draw() >> 56) < options.stall_chance;
    }
    uint64_t latency() {
        return options.latency_least + draw() % (options.latency_most - options.latency_least + 1);
    }
    uint64_t bank_size() const {
        return mr_card_bank_size(options.memory.size, MR_MEMORIES);
    }
    uint64_t bank_base(const port &p) const {
        return options.memory.base + p.bank * bank_size();
    }
    unsigned char *memory_at(const port &p, uint64_t address, uint64_t size) const {
        const uint64_t begin = bank_base(p);
        if (address < begin || address - begin > bank_size() ||
            size > bank_size() - (address - begin))
            return nullptr;
        return options.memory.data + (address - options.memory.base);
    }

    // Once, for what comes after it is of the same kind.
    void complain(const port &p, bool writes, uint64_t address) {
        const uint64_t begin = bank_base(p);
        if (!complained)
            fprintf(stderr,
                    "millrace card: port %s %s 0x%llx, which is not in its memory bank (0x%llx to "
                    "0x%llx); it is answered DECERR\n",
                    p.name, writes ? "writes to" : "reads from",
                    static_cast<unsigned long long>(address),
                    static_cast<unsigned long long>(begin),
                    static_cast<unsigned long long>(begin + bank_size() - 1));
        complained = true;
    }

    burst make_burst(const port &p, bool writes, uint64_t address, uint32_t length, uint64_t number,
                     uint64_t bad) {
        const uint32_t beats = length + 1;
        const bool there = memory_at(p, address, uint64_t{beats} * beat_bytes) != nullptr;
        if (!there)
            complain(p, writes, address);
        return {address, beats, cycle + latency(),
                number == bad ? slave_error
                : there       ? okay
                              : decode_error};
    }

    void connect();
    void evaluate(bool clock);
    void drive();
    void drive_read(port &p);
    void drive_write(port &p);
    void sample();
    void sample_read(port &p);
    void sample_write(port &p);
    void take_written(port &p);
    void finish_cycle();
    void reset();
    bool stopped(char *error, size_t error_size) const;
};

void card::connect() {
    ports.push_back({"m_axi_gmem_in", 0, AXI_READ_PINS(*top, m_axi_gmem_in_), {}});
    ports.push_back({"m_axi_gmem_out", 1, {}, AXI_WRITE_PINS(*top, m_axi_gmem_out_)});
#define MEMORY_PORT(n)                                                                             \
    ports.push_back({"m_axi_memory" #n, 2 + n, AXI_READ_PINS(*top, m_axi_memory##n##_),            \
                     AXI_WRITE_PINS(*top, m_axi_memory##n##_)});
    EACH_MEMORY(MEMORY_PORT)
#undef MEMORY_PORT
}

void card::evaluate(bool clock) {
    top->ap_clk = clock;
    top->eval();
#if VM_TRACE_FST
    if (trace)
        trace->dump(time);
#endif
    time++;
}

// The inputs of the next cycle. What was offered and not taken stays.
void card::drive() {
    for (port &p : ports) {
        if (p.read.arvalid)
            drive_read(p);
        if (p.write.awvalid)
            drive_write(p);
    }
}

void card::drive_read(port &p) {
    *p.read.arready = p.reads.size() < bursts_limit && !stall();
    if (!*p.read.rvalid && !p.reads.empty() && p.reads.front().due <= cycle && !stall()) {
        const burst &front = p.reads.front();
        *p.read.rvalid = 1;
        *p.read.rresp = front.answer;
        *p.read.rlast = p.read_beat + 1 == front.beats;
        const unsigned char *from =
            memory_at(p, front.address + uint64_t{p.read_beat} * beat_bytes, beat_bytes);
        if (from && front.answer == okay)
            memcpy(p.read.rdata->data(), from, beat_bytes);
        else
            memset(p.read.rdata->data(), 0xee, beat_bytes);
    }
}

void card::drive_write(port &p) {
    *p.write.awready = p.writes.size() < bursts_limit && !stall();
    *p.write.wready = p.written.size() < beats_limit && !stall();
    if (!*p.write.bvalid && !p.answers.empty() && p.answers.front().due <= cycle && !stall()) {
        *p.write.bvalid = 1;
        *p.write.bresp = p.answers.front().answer;
    }
}

// Data and addresses of writes come in any order; a burst is written when all of it is there.
void card::take_written(port &p) {
    while (!p.writes.empty() && p.written.size() >= p.writes.front().beats) {
        const burst front = p.writes.front();
        p.writes.pop_front();
        for (uint32_t i = 0; i < front.beats; i++) {
            const beat &data = p.written.front();
            unsigned char *to = memory_at(p, front.address + uint64_t{i} * beat_bytes, beat_bytes);
            const auto *from = reinterpret_cast<const unsigned char *>(data.data.data());
            for (size_t b = 0; to && front.answer == okay && b < beat_bytes; b++)
                if (data.strobe >> b & 1)
                    to[b] = from[b];
            p.written.pop_front();
        }
        p.answers.push_back({front.address, front.beats, cycle + latency(), front.answer});
    }
}

// What was handed over in this cycle.
void card::sample() {
    moved = false;
    for (port &p : ports) {
        if (p.read.arvalid)
            sample_read(p);
        if (p.write.awvalid)
            sample_write(p);
    }
}

void card::sample_read(port &p) {
    if (*p.read.arvalid && *p.read.arready) {
        p.reads.push_back(
            make_burst(p, false, *p.read.araddr, *p.read.arlen, ++read_count, options.bad_read));
        moved = true;
    }
    if (*p.read.rvalid && *p.read.rready) {
        moved = true;
        if (++p.read_beat == p.reads.front().beats) {
            p.reads.pop_front();
            p.read_beat = 0;
        }
    }
}

void card::sample_write(port &p) {
    if (*p.write.awvalid && *p.write.awready) {
        p.writes.push_back(
            make_burst(p, true, *p.write.awaddr, *p.write.awlen, ++write_count, options.bad_write));
        moved = true;
    }
    if (*p.write.wvalid && *p.write.wready) {
        beat data;
        memcpy(data.data.data(), p.write.wdata->data(), beat_bytes);
        data.strobe = *p.write.wstrb;
        p.written.push_back(data);
        moved = true;
    }
    if (*p.write.bvalid && *p.write.bready) {
        p.answers.pop_front();
        moved = true;
    }
    take_written(p);
}

// After the inputs were driven and evaluated with the clock low.
void card::finish_cycle() {
    std::array<CData *, 2 * (2 + MR_MEMORIES)> taken; // offers that end
    size_t count = 0;
    for (port &p : ports) {
        if (p.read.arvalid && *p.read.rvalid && *p.read.rready)
            taken[count++] = p.read.rvalid;
        if (p.write.awvalid && *p.write.bvalid && *p.write.bready)
            taken[count++] = p.write.bvalid;
    }
    sample();
    evaluate(true);
    for (size_t i = 0; i < count; i++)
        *taken[i] = 0;
    cycle++;
}

// The kernel takes its reset from a register, so nothing is asked of it right after the end.
void card::reset() {
    for (int i = 0; i < 2 * reset_cycles; i++) {
        top->ap_rst_n = i >= reset_cycles;
        evaluate(false);
        evaluate(true);
    }
}

bool card::stopped(char *error, size_t error_size) const {
    if (context.failed)
        snprintf(error, error_size, "the kernel's RTL stopped in cycle %llu: %s",
                 static_cast<unsigned long long>(cycle), context.text);
    return context.failed;
}

card *enter(void *instance) {
    card *self = static_cast<card *>(instance);
    Verilated::threadContextp(&self->context);
    return self;
}

int silent(const char *what, uint32_t offset, char *error, size_t error_size) {
    snprintf(error, error_size, "the kernel does not answer %s of register 0x%x for %u cycles",
             what, offset, access_limit);
    return -1;
}

int write_register(void *instance, uint32_t offset, uint32_t value, char *error,
                   size_t error_size) {
    card *self = enter(instance);
    Vkernel *top = self->top.get();
    top->s_axi_control_awaddr = offset & 0xffff;
    top->s_axi_control_wdata = value;
    top->s_axi_control_wstrb = 0xf;
    top->s_axi_control_awvalid = top->s_axi_control_wvalid = top->s_axi_control_bready = 1;
    for (uint32_t i = 0; i < access_limit; i++) {
        // What the coming edge hands over is known before it, with the clock low.
        self->drive();
        self->evaluate(false);
        const bool address = top->s_axi_control_awvalid && top->s_axi_control_awready;
        const bool data = top->s_axi_control_wvalid && top->s_axi_control_wready;
        const bool answer = top->s_axi_control_bvalid;
        self->finish_cycle();
        if (address)
            top->s_axi_control_awvalid = 0;
        if (data)
            top->s_axi_control_wvalid = 0;
        if (answer) {
            top->s_axi_control_bready = 0;
            return self->stopped(error, error_size) ? -1 : 0;
        }
        if (self->stopped(error, error_size))
            return -1;
    }
    return silent("a write", offset, error, error_size);
}

int read_register(void *instance, uint32_t offset, uint32_t *value, char *error,
                  size_t error_size) {
    card *self = enter(instance);
    Vkernel *top = self->top.get();
    top->s_axi_control_araddr = offset & 0xffff;
    top->s_axi_control_arvalid = top->s_axi_control_rready = 1;
    for (uint32_t i = 0; i < access_limit; i++) {
        self->drive();
        self->evaluate(false);
        const bool address = top->s_axi_control_arvalid && top->s_axi_control_arready;
        const bool answer = top->s_axi_control_rvalid;
        *value = top->s_axi_control_rdata;
        self->finish_cycle();
        if (address)
            top->s_axi_control_arvalid = 0;
        if (answer) {
            top->s_axi_control_rready = 0;
            return self->stopped(error, error_size) ? -1 : 0;
        }
        if (self->stopped(error, error_size))
            return -1;
    }
    return silent("a read", offset, error, error_size);
}

int advance(void *instance, uint32_t cycles, bool *active, char *error, size_t error_size) {
    card *self = enter(instance);
    *active = false;
    for (uint32_t i = 0; i < cycles; i++) {
        self->drive();
        self->evaluate(false);
        self->finish_cycle();
        *active |= self->moved;
        if (self->stopped(error, error_size))
            return -1;
    }
    return 0;
}

uint64_t cycles_of(const void *instance) {
    return static_cast<const card *>(instance)->cycle;
}

void close_card(void *instance) {
    if (!instance)
        return;
    card *self = enter(instance);
    self->top->final();
#if VM_TRACE_FST
    if (self->trace)
        self->trace->close();
    self->trace.reset();
#endif
    self->top.reset();
    delete self;
}

void *open_card(const mr_card_options *options, char *error, size_t error_size) {
#if !VM_TRACE_FST
    if (options->trace) {
        snprintf(error, error_size, "the card was built without waveforms");
        return nullptr;
    }
#endif
    try {
        auto self = std::make_unique<card>();
        Verilated::threadContextp(&self->context);
        self->context.threads(1); // else it starts one for each core, which all sleep
        self->options = *options;
        self->random_state = options->seed;
#if VM_TRACE_FST
        self->context.traceEverOn(options->trace != nullptr);
#endif
        self->top = std::make_unique<Vkernel>(&self->context, "millrace");
#if VM_TRACE_FST
        if (options->trace) {
            self->trace = std::make_unique<VerilatedFstC>();
            self->top->trace(self->trace.get(), 99);
            if (open_trace(&self->context, options->trace, error, error_size))
                return nullptr;
            self->trace->open(MR_TRACE_NAME);
        }
#endif
        self->connect();
        self->reset();
        return self->stopped(error, error_size) ? nullptr : self.release();
    } catch (const std::bad_alloc &) {
        snprintf(error, error_size, "not enough memory for the card's simulation");
    } catch (const std::exception &problem) {
        snprintf(error, error_size, "the card cannot be simulated (%s)", problem.what());
    }
    return nullptr;
}

const mr_card_kernel description = {MR_CARD_ABI, open_card, write_register, read_register,
                                    advance,     cycles_of, close_card};

} // namespace

extern "C" __attribute__((visibility("default"))) const mr_card_kernel *mr_card_describe(void) {
    return &description;
}
