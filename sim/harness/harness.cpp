// SPDX-License-Identifier: Apache-2.0
// Implements struct mr_kernel (kernel.h) for a Verilated kernel. Built once per kernel: Vkernel.h
// is the Verilated top module and kernel_ports.h the X-macro list of its ports that hlsc writes.
//
// A cycle is two evaluations: clock low with the new inputs, after which handshakes are sampled,
// then clock high. The kernel may raise done_o while an output still holds its last elements; the
// harness takes them before the run ends, without counting those cycles.
#include "Vkernel.h"
#include "memory_port.h"
#include "port_tables.h"
#include "rtl_context.h"
#include "signals.h"
#include "verilated.h"
#if VM_TRACE_FST
#    include "trace_file.h"
#    include "verilated_fst_c.h"
using trace_file = VerilatedFstC;
#elif VM_TRACE
#    include "verilated_vcd_c.h"
using trace_file = VerilatedVcdC;
#endif
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <memory>
#include <new>

extern "C" {
#include "kernel.h"
#include "timeline.h"
}

namespace {

constexpr uint64_t quiet_limit = 100000; // cycles without progress that count as deadlock
constexpr int reset_cycles = 4;

// Appends to an error sentence, cutting it at the end of the buffer.
__attribute__((format(printf, 3, 4))) void append(char *error, size_t size, const char *format,
                                                  ...) {
    const size_t used = strnlen(error, size);
    if (used >= size)
        return;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error + used, size - used, format, arguments);
    va_end(arguments);
}

// The probes of a kernel that has some: of `top`, which is a template's type so that a kernel
// without that port compiles.
template <uint32_t count, class kernel> void read_probes(const kernel *top, uint64_t *values) {
    if constexpr (count > 0)
        store_bits<64 * count>(top->probe_o, reinterpret_cast<unsigned char *>(values));
}

// An external memory, behind its three streams.
struct memory : memory_port {
    bool offers = false;  // a fetched word, since this cycle or one before
    bool waiting = false; // a plan or a word to be stored was offered and not taken in this cycle

    memory() : memory_port() {}
    ~memory() {
        memory_port_close(this);
    }
};

struct instance {
    rtl_context context;
    std::unique_ptr<Vkernel> top;
#if VM_TRACE
    std::unique_ptr<trace_file> trace;
#endif
    uint64_t time = 0;
    uint64_t random_state = 0;
    uint32_t idle_chance = 0, stall_chance = 0;
    bool broken = true; // needs a reset before the next run
    bool offered[in_count + 1] = {};
    bool waiting[out_count + 1] = {}; // offered by the kernel and not taken in this cycle
    memory memories[memory_count + 1];

    uint64_t draw() { // splitmix64
        uint64_t z = random_state += 0x9e3779b97f4a7c15u;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
        return z ^ (z >> 31);
    }
    bool hit(uint32_t chance) {
        return chance && (draw() >> 56) < chance;
    }
    // Of a memory, in cycles: at full speed always the same.
    unsigned latency() {
        return idle_chance || stall_chance
                   ? 1 + static_cast<unsigned>(draw() % (2 * MEMORY_LATENCY))
                   : +MEMORY_LATENCY;
    }

    void evaluate(bool clock) {
        top->clk_i = clock;
        top->eval();
#if VM_TRACE
        if (trace)
            trace->dump(time);
#endif
        time++;
    }

    void reset();
    void offer(const mr_run *run);
    void offer_memories();
    bool serve_memories();
    int judge_memories(uint64_t cycle, bool ended, char *error, size_t error_size);
    bool take_in(mr_run *run);
    int take_out(mr_run *run, uint64_t cycle, bool *progress, char *error, size_t error_size);
    void count_activity(mr_run *run, uint64_t cycle);
    void explain_silence(const mr_run *run, uint64_t cycle, bool started, char *error, size_t size);
    int cycles(mr_run *run, char *error, size_t error_size);
};

void instance::reset() {
    context.failed = false;
    context.length = 0;
    context.gotError(false);
    context.gotFinish(false);
    top->start_i = 0;
#define SILENCE_IN(name, bits)                                                                     \
    top->name##_valid_i = 0;                                                                       \
    offered[index_##name] = false;
#define SILENCE_OUT(name, bits) top->name##_ready_i = 0;
    KERNEL_PORTS(NOTHING, SILENCE_IN, SILENCE_OUT)
#define SILENCE_MEMORY(name, bits)                                                                 \
    top->name##_plan_ready_i = 0;                                                                  \
    top->name##_store_ready_i = 0;                                                                 \
    top->name##_fetch_valid_i = 0;                                                                 \
    memories[index_##name].offers = false;
    KERNEL_MEMORIES(SILENCE_MEMORY)
    top->rst_ni = 0;
    for (int i = 0; i < reset_cycles; i++) {
        evaluate(false);
        evaluate(true);
    }
    top->rst_ni = 1;
    broken = context.failed;
}

// Sets what the kernel sees in this cycle. An element once offered stays until it is taken. While
// an input idles by chance its data is junk, so a kernel that looks at data without valid is found
// out.
void instance::offer(const mr_run *run) {
    (void)run;
#define OFFER(name, bits)                                                                          \
    if (!offered[index_##name]) {                                                                  \
        const mr_stream_in &stream = run->in[index_##name];                                        \
        const bool present = stream.taken < stream.count && !hit(idle_chance);                     \
        if (present) {                                                                             \
            load_bits<bits>(top->name##_data_i, static_cast<const unsigned char *>(stream.data) +  \
                                                    stream.taken * ((bits + 7) / 8));              \
        } else if (idle_chance) {                                                                  \
            unsigned char noise[(bits + 7) / 8];                                                   \
            memset(noise, static_cast<int>(draw() & 0xff), sizeof noise);                          \
            load_bits<bits>(top->name##_data_i, noise);                                            \
        }                                                                                          \
        offered[index_##name] = present;                                                           \
        top->name##_valid_i = present;                                                             \
    }
#define MAKE_ROOM(name, bits) top->name##_ready_i = !hit(stall_chance);
    KERNEL_PORTS(NOTHING, OFFER, MAKE_ROOM)
#ifdef KERNEL_ENDS // of the inputs that the kernel asks for more
#    define TELL_END(name)                                                                         \
        top->name##_end_i =                                                                        \
            run->in[index_##name].taken + offered[index_##name] == run->in[index_##name].count;
    KERNEL_ENDS(TELL_END)
#endif
}

void instance::offer_memories() {
#define OFFER_MEMORY(name, bits)                                                                   \
    {                                                                                              \
        memory &m = memories[index_##name];                                                        \
        const unsigned char *word = memory_port_word(&m);                                          \
        if (!m.offers) {                                                                           \
            unsigned char noise[(bits + 7) / 8];                                                   \
            m.offers = word && !hit(idle_chance);                                                  \
            if (!m.offers && idle_chance)                                                          \
                memset(noise, static_cast<int>(draw() & 0xff), sizeof noise);                      \
            if (m.offers || idle_chance)                                                           \
                load_bits<bits>(top->name##_fetch_data_i, m.offers ? word : noise);                \
        }                                                                                          \
        top->name##_fetch_valid_i = m.offers;                                                      \
        top->name##_plan_ready_i = memory_port_takes_plan(&m) && !hit(stall_chance);               \
        top->name##_store_ready_i = memory_port_takes_store(&m) && !hit(stall_chance);             \
    }
    KERNEL_MEMORIES(OFFER_MEMORY)
}

// Whether a word or a plan has moved.
bool instance::serve_memories() {
    bool progress = false;
#define SERVE_MEMORY(name, bits)                                                                   \
    {                                                                                              \
        memory &m = memories[index_##name];                                                        \
        const bool plans = top->name##_plan_valid_o, stores = top->name##_store_valid_o;           \
        unsigned char plan[MEMORY_PLAN_BYTES], word[(bits + 7) / 8];                               \
        memory_cycle happened = {nullptr, nullptr, m.offers && top->name##_fetch_ready_o,          \
                                 latency()};                                                       \
        if (plans && top->name##_plan_ready_i) {                                                   \
            store_bits<97>(top->name##_plan_data_o, plan);                                         \
            happened.plan = plan;                                                                  \
        }                                                                                          \
        if (stores && top->name##_store_ready_i) {                                                 \
            store_bits<bits>(top->name##_store_data_o, word);                                      \
            happened.store = word;                                                                 \
        }                                                                                          \
        m.waiting = (plans && !happened.plan) || (stores && !happened.store);                      \
        m.offers = m.offers && !happened.fetched;                                                  \
        memory_port_cycle(&m, &happened);                                                          \
        progress |= happened.plan || happened.store || happened.fetched;                           \
    }
    KERNEL_MEMORIES(SERVE_MEMORY)
    return progress;
}

// What the kernel has done that it may not, or in a run that has ended has not done.
int instance::judge_memories(uint64_t cycle, bool ended, char *error, size_t error_size) {
    char rest[240];
    (void)cycle, (void)ended, (void)error, (void)error_size, (void)rest;
#define JUDGE_MEMORY(name, bits)                                                                   \
    if (memories[index_##name].problem[0]) {                                                       \
        snprintf(error, error_size,                                                                \
                 "kernel " STRING(KERNEL_TOP) ", cycle %llu: memory " #name ": the kernel %s",     \
                 static_cast<unsigned long long>(cycle), memories[index_##name].problem);          \
        return -1;                                                                                 \
    }                                                                                              \
    if (ended) {                                                                                   \
        memory_port_rest(&memories[index_##name], rest, sizeof rest);                              \
        if (*rest) {                                                                               \
            snprintf(error, error_size,                                                            \
                     "kernel " STRING(KERNEL_TOP) " has ended and not done what it planned: "      \
                                                  "memory " #name "%s",                            \
                     rest);                                                                        \
            return -1;                                                                             \
        }                                                                                          \
    }
    KERNEL_MEMORIES(JUDGE_MEMORY)
    return 0;
}

bool instance::take_in(mr_run *run) {
    bool progress = false;
    (void)run;
#define TAKE_IN(name, bits)                                                                        \
    if (offered[index_##name] && top->name##_ready_o) {                                            \
        run->in[index_##name].taken++;                                                             \
        offered[index_##name] = false;                                                             \
        progress = true;                                                                           \
    }
    KERNEL_PORTS(NOTHING, TAKE_IN, NOTHING)
    return progress;
}

int instance::take_out(mr_run *run, uint64_t cycle, bool *progress, char *error,
                       size_t error_size) {
#define TAKE_OUT(name, bits)                                                                       \
    waiting[index_##name] = top->name##_valid_o && !top->name##_ready_i;                           \
    if (top->name##_valid_o && top->name##_ready_i) {                                              \
        mr_stream_out &stream = run->out[index_##name];                                            \
        if (stream.count == stream.capacity) {                                                     \
            snprintf(error, error_size,                                                            \
                     "kernel " STRING(KERNEL_TOP) ", cycle %llu: output " #name                    \
                                                  " gives more than the %llu elements there is "   \
                                                  "room for; give it a larger buffer",             \
                     static_cast<unsigned long long>(cycle),                                       \
                     static_cast<unsigned long long>(stream.capacity));                            \
            return -1;                                                                             \
        }                                                                                          \
        store_bits<bits>(top->name##_data_o, static_cast<unsigned char *>(stream.data) +           \
                                                 stream.count * ((bits + 7) / 8));                 \
        stream.count++;                                                                            \
        stream.last_cycle = cycle;                                                                 \
        *progress = true;                                                                          \
    }
    KERNEL_PORTS(NOTHING, NOTHING, TAKE_OUT)
    return 0;
}

void instance::count_activity(mr_run *run, uint64_t cycle) {
    mr_activity *activity = run->activity;
    each_bit(top->busy_o, [activity, cycle](unsigned i) {
        if (i >= process_count)
            return;
        if (!activity[i].busy++)
            activity[i].first_busy = cycle;
        activity[i].last_busy = cycle;
    });
    each_bit(top->starved_o, [activity](unsigned i) {
        if (i < process_count)
            activity[i].starved++;
    });
    each_bit(top->blocked_o, [activity](unsigned i) {
        if (i < process_count)
            activity[i].blocked++;
    });
}

void instance::explain_silence(const mr_run *run, uint64_t cycle, bool started, char *error,
                               size_t size) {
    snprintf(error, size,
             "kernel " STRING(KERNEL_TOP) " made no progress for %llu cycles, until cycle %llu",
             static_cast<unsigned long long>(quiet_limit), static_cast<unsigned long long>(cycle));
    const char *separator = ": ";
    if (!started) {
        append(error, size, "%sit never became idle, so it was not started", separator);
        separator = "; ";
    }
#define EXPLAIN_IN(name, bits)                                                                     \
    if (offered[index_##name] || top->name##_ready_o) {                                            \
        const mr_stream_in &stream = run->in[index_##name];                                        \
        if (offered[index_##name])                                                                 \
            append(error, size, "%sinput " #name " waits to be taken (element %llu of %llu)",      \
                   separator, static_cast<unsigned long long>(stream.taken),                       \
                   static_cast<unsigned long long>(stream.count));                                 \
        else                                                                                       \
            append(error, size, "%sinput " #name " ran dry (all %llu elements taken)", separator,  \
                   static_cast<unsigned long long>(stream.count));                                 \
        separator = "; ";                                                                          \
    }
#define EXPLAIN_OUT(name, bits)                                                                    \
    append(error, size, "%soutput " #name " gives nothing after %llu elements", separator,         \
           static_cast<unsigned long long>(run->out[index_##name].count));                         \
    separator = "; ";
    KERNEL_PORTS(NOTHING, EXPLAIN_IN, EXPLAIN_OUT)
    char rest[240];
    (void)rest;
#define EXPLAIN_MEMORY(name, bits)                                                                 \
    memory_port_rest(&memories[index_##name], rest, sizeof rest);                                  \
    append(error, size, "%smemory " #name "%s", separator,                                         \
           *rest                       ? rest                                                      \
           : top->name##_store_valid_o ? " is given a word and none is planned to be stored"       \
                                       : " has no plan");                                          \
    separator = "; ";
    KERNEL_MEMORIES(EXPLAIN_MEMORY)
    const auto name_process = [error, size](unsigned i, const char *state) {
        if (i < process_count)
            append(error, size, "; process %s is %s", processes[i], state);
    };
    each_bit(top->starved_o, [&](unsigned i) { name_process(i, "starved"); });
    each_bit(top->blocked_o, [&](unsigned i) { name_process(i, "blocked"); });
}

int instance::cycles(mr_run *run, char *error, size_t error_size) {
    bool started = false, done = false;
    uint64_t cycle = 0, quiet = 0;
    top->start_i = 1;
    for (;;) {
        offer(run);
        offer_memories();
        evaluate(false);
        bool progress = false;
        if (!started && top->idle_o)
            started = progress = true;
        progress |= take_in(run);
        if (take_out(run, cycle, &progress, error, error_size))
            return -1;
        progress |= serve_memories();
        if (judge_memories(cycle, false, error, error_size))
            return -1;
        if (started && !done) {
            progress |= any_bit(top->busy_o);
            if (run->activity)
                count_activity(run, cycle);
            if (run->timeline && mr_timeline_due(run->timeline, cycle + 1))
                mr_timeline_add(run->timeline, cycle + 1, run->activity);
            done = top->done_o;
        }
        evaluate(true);
#if VM_TRACE_FST
        if (context.trace_file && ferror(context.trace_file))
            return check_trace(&context, error, error_size);
#endif
        if (context.failed) {
            snprintf(error, error_size,
                     "kernel " STRING(KERNEL_TOP) ", cycle %llu: RTL stopped: %s",
                     static_cast<unsigned long long>(cycle), context.text);
            return -1;
        }
        if (started) {
            top->start_i = 0;
            cycle++;
            if (!done || !run->cycles)
                run->cycles = done ? cycle : 0;
        }
        if (done) {
            bool left = false;
            for (uint32_t i = 0; i < out_count; i++)
                left |= waiting[i];
            for (uint32_t i = 0; i < memory_count; i++)
                left |= memories[i].waiting;
            if (!left) {
                if (judge_memories(cycle, true, error, error_size))
                    return -1;
                if (run->probes)
                    read_probes<probe_count>(top.get(), run->probes);
                return 0;
            }
        }
        if (run->max_cycles && cycle >= run->max_cycles && !done) {
            snprintf(error, error_size,
                     "kernel " STRING(KERNEL_TOP) " is not done after the %llu cycles it was given",
                     static_cast<unsigned long long>(run->max_cycles));
            return -1;
        }
        quiet = progress ? 0 : quiet + 1;
        if (quiet == quiet_limit) {
            explain_silence(run, cycle, started, error, error_size);
            return -1;
        }
    }
}

#if VM_TRACE
int open_waveform(instance *self, const char *path, char *error, size_t error_size) {
    self->trace = std::make_unique<trace_file>();
    self->top->trace(self->trace.get(), 99);
#    if VM_TRACE_FST
    if (open_trace(&self->context, path, error, error_size))
        return -1;
    self->trace->open(MR_TRACE_NAME);
#    else
    self->trace->open(path);
#    endif
    if (self->trace->isOpen())
        return 0;
    snprintf(error, error_size, "%s: cannot be written; choose another file for the waveform",
             path);
    return -1;
}
#endif

void *open_instance(const mr_open_options *options, char *error, size_t error_size) {
    const mr_open_options none = {};
    if (!options)
        options = &none;
    if (options->idle_chance > 255 || options->stall_chance > 255) {
        snprintf(error, error_size,
                 "kernel " STRING(KERNEL_TOP) ": idle and stall chances are in 1/256 per cycle and "
                                              "at most 255, not %u and %u",
                 options->idle_chance, options->stall_chance);
        return nullptr;
    }
#if !VM_TRACE
    if (options->trace) {
        snprintf(
            error, error_size,
            "kernel " STRING(KERNEL_TOP) " was built without waveforms; build it with tracing");
        return nullptr;
    }
#endif
    try {
        auto self = std::make_unique<instance>();
        Verilated::threadContextp(&self->context);
        self->context.threads(1); // else it starts one for each core, which all sleep
#if VM_TRACE
        self->context.traceEverOn(options->trace != nullptr);
#endif
        self->top = std::make_unique<Vkernel>(&self->context, "kernel");
#define OPEN_MEMORY(name, bits)                                                                    \
    if (!memory_port_open(&self->memories[index_##name], bits))                                    \
        throw std::bad_alloc();
        KERNEL_MEMORIES(OPEN_MEMORY)
        self->idle_chance = options->idle_chance;
        self->stall_chance = options->stall_chance;
        self->random_state = options->seed;
#if VM_TRACE
        if (options->trace && open_waveform(self.get(), options->trace, error, error_size))
            return nullptr;
#endif
        self->reset();
        if (self->context.failed) {
            snprintf(error, error_size, "kernel " STRING(KERNEL_TOP) ", in reset: RTL stopped: %s",
                     self->context.text);
            return nullptr;
        }
        return self.release();
    } catch (const std::bad_alloc &) {
        snprintf(error, error_size,
                 "kernel " STRING(KERNEL_TOP) ": not enough memory for its simulation");
    } catch (const std::exception &problem) { // no thread, for instance
        snprintf(error, error_size, "kernel " STRING(KERNEL_TOP) ": cannot be simulated (%s)",
                 problem.what());
    } catch (...) {
        snprintf(error, error_size, "kernel " STRING(KERNEL_TOP) ": cannot be simulated");
    }
    return nullptr;
}

int simulate(instance *self, mr_run *run, char *error, size_t error_size) {
    if (self->broken)
        self->reset();
    run->cycles = 0;
#define SET_SCALAR(name, bits)                                                                     \
    {                                                                                              \
        unsigned char bytes[8];                                                                    \
        memcpy(bytes, &run->scalars[index_##name], sizeof bytes);                                  \
        load_bits<bits>(self->top->name##_i, bytes);                                               \
    }
#define BEGIN_IN(name, bits) run->in[index_##name].taken = 0;
#define BEGIN_OUT(name, bits)                                                                      \
    run->out[index_##name].count = 0;                                                              \
    run->out[index_##name].last_cycle = 0;
    KERNEL_PORTS(SET_SCALAR, BEGIN_IN, BEGIN_OUT)
    for (uint32_t i = 0; i < memory_count; i++)
        memory_port_begin(&self->memories[i]);
    if (run->activity)
        memset(run->activity, 0, process_count * sizeof *run->activity);
    int result = self->cycles(run, error, error_size);
    // Elements that were offered and not wanted are withdrawn: the next run brings its own.
    self->top->start_i = 0;
#define WITHDRAW(name, bits)                                                                       \
    self->top->name##_valid_i = 0;                                                                 \
    self->offered[index_##name] = false;
#define CLOSE_OUT(name, bits) self->top->name##_ready_i = 0;
    KERNEL_PORTS(NOTHING, WITHDRAW, CLOSE_OUT)
#define CLOSE_MEMORY(name, bits)                                                                   \
    self->top->name##_fetch_valid_i = 0;                                                           \
    self->top->name##_plan_ready_i = 0;                                                            \
    self->top->name##_store_ready_i = 0;                                                           \
    self->memories[index_##name].offers = false;
    KERNEL_MEMORIES(CLOSE_MEMORY)
#if VM_TRACE
    if (self->trace) {
        self->trace->flush();
        self->trace->dump(self->time++); // which is when it writes
    }
#endif
#if VM_TRACE_FST
    if (result == 0)
        result = check_trace(&self->context, error, error_size);
#endif
    return result;
}

// The callers are C, which no exception may pass.
int run_instance(void *opened, mr_run *run, char *error, size_t error_size) {
    instance *self = static_cast<instance *>(opened);
    int result = -1;
    Verilated::threadContextp(&self->context);
    try {
        result = simulate(self, run, error, error_size);
    } catch (const std::exception &problem) {
        snprintf(error, error_size, "kernel " STRING(KERNEL_TOP) ": the simulation failed (%s)",
                 problem.what());
    } catch (...) {
        snprintf(error, error_size, "kernel " STRING(KERNEL_TOP) ": the simulation failed");
    }
    self->broken = result != 0;
    return result;
}

void close_instance(void *opened) {
    instance *self = static_cast<instance *>(opened);
    if (!self)
        return;
    Verilated::threadContextp(&self->context);
    try {
        self->top->final();
#if VM_TRACE
        if (self->trace)
            self->trace->close();
        self->trace.reset();
#endif
        self->top.reset();
    } catch (...) {
        // There is nobody to tell.
    }
    delete self;
}

const mr_kernel description = {MR_KERNEL_ABI, STRING(KERNEL_TOP), "rtl",       port_count,
                               ports,         process_count,      processes,   open_instance,
                               run_instance,  close_instance,     probe_count, probes};

} // namespace

extern "C" __attribute__((visibility("default"))) const mr_kernel *mr_kernel_describe(void) {
    return &description;
}
