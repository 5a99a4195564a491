// SPDX-License-Identifier: Apache-2.0
// A memory of a network (mr_memory_parts) in Verilator: random plans, which a network of random
// pauses follows, against a model; errors of memory, plans that leave it, and stops at any time.
//   memory_port_test SEED RUNS
#include "Vmemory_port_bench.h"
#include "axi_memory.h"
#include "each_memory.h"
#include <cstdio>
#include <cstdlib>

namespace {

constexpr uint32_t words = 3000; // of the memory
constexpr size_t guard = 4096;   // bytes beside each of its parts, which nobody writes
constexpr size_t of_part = guard + size_t{words} * axi_memory::beat;

constexpr uint32_t port_words = 50; // of 32 bits, of the bench's streams

using word = std::vector<uint32_t>;

struct plan {
    bool stores;
    uint32_t address, count, after;
    std::vector<word> values; // that are stored, or that are expected
    uint32_t done = 0;
};

class test : public axi_memory {
  public:
    test(uint64_t seed, uint32_t bits)
        : axi_memory(seed, guard + MR_MEMORIES * of_part), bits(bits), of_word(MR_MEMORIES * 16),
          model(words, word(of_word)) {
#define MEMORY_PORT(n)                                                                             \
    ports.emplace_back(*this, AXI_READ_PINS(top, m_axi_memory##n##_),                              \
                       AXI_WRITE_PINS(top, m_axi_memory##n##_));
        EACH_MEMORY(MEMORY_PORT)
#undef MEMORY_PORT
        memset(memory.data(), 0xa5, memory.size());
        for (uint32_t part = 0; part < MR_MEMORIES; part++) {
            memset(at(first(part)), 0, of_part - guard);
            set(&top.base_i, 2 * part, static_cast<uint32_t>(first(part)));
            set(&top.base_i, 2 * part + 1, static_cast<uint32_t>(first(part) >> 32));
            set(&top.words_i, part, words);
        }
        for (int i = 0; i < 8; i++)
            step();
        top.rst_ni = 1;
        step();
    }
    ~test() {
        top.final();
    }
    int failures = 0;

    void run(bool interrupted);
    void errors();
    void ranges();
    void rates();
    void compare();

  private:
    uint32_t bits, of_word;
    VerilatedContext context;
    Vmemory_port_bench top{&context, "bench"};
    std::vector<axi_port> ports;
    std::vector<word> model;
    std::vector<plan> plans;
    size_t planned = 0, fetching = 0, storing = 0; // places among the plans
    unsigned eager = 256;                          // chance that the network moves
    bool plan_taken = false, store_taken = false, fetch_waits = false;
    uint32_t offered[port_words]; // the word that waits to be taken
    bool read_error = false, write_error = false, range_error = false;

    static uint64_t first(uint32_t part) {
        return base + guard + part * of_part;
    }
    // The n-th 32 bits of a signal of whatever width.
    template <class T> static void set(T *signal, uint32_t n, uint32_t value) {
        memcpy(reinterpret_cast<char *>(signal) + 4 * n, &value, sizeof value);
    }
    // Of the word in the memory, and back.
    bool same(uint32_t n) {
        bool all = true;
        for (uint32_t part = 0; part < MR_MEMORIES; part++)
            all = all && !memcmp(at(first(part) + uint64_t{n} * beat), &model[n][part * 16], beat);
        return all;
    }
    void take_model(uint32_t n) {
        for (uint32_t part = 0; part < MR_MEMORIES; part++)
            memcpy(&model[n][part * 16], at(first(part) + uint64_t{n} * beat), beat);
    }
    void check(bool well, const char *what, uint64_t got = 0, uint64_t wanted = 0) {
        if (!well && failures++ < 10)
            printf("  %u bits, cycle %llu: %s (%llu, %llu)\n", bits,
                   static_cast<unsigned long long>(now), what, static_cast<unsigned long long>(got),
                   static_cast<unsigned long long>(wanted));
    }
    word noise() {
        word w(of_word);
        for (uint32_t i = 0; i < bits; i += 32)
            w[i / 32] =
                static_cast<uint32_t>(draw()) & (bits - i < 32 ? (1u << (bits - i)) - 1 : ~0u);
        return w;
    }

    static bool overlap(const plan &a, const plan &b) {
        return a.address < b.address + b.count && b.address < a.address + a.count;
    }
    void add(bool stores, uint32_t address, uint32_t count);
    void make_plans(uint32_t count);
    bool may_store() const;
    void drive();
    void take();
    void take_word();
    void step();
    bool work(uint64_t limit);
    void begin();
    void stop();
};

// In the order of the plans, each sees what those before it left.
void test::add(bool stores, uint32_t address, uint32_t count) {
    plan p = {stores, address, count, 0, {}};
    uint32_t before = 0;
    for (const plan &other : plans)
        if (other.stores) {
            before++;
            if (!stores && overlap(p, other))
                p.after = before;
        }
    if (!stores && below(4) == 0)
        p.after += static_cast<uint32_t>(below(before - p.after + 1));
    for (uint32_t i = 0; i < count; i++) {
        if (stores)
            model[address + i] = noise();
        p.values.push_back(model[address + i]);
    }
    plans.push_back(p);
}

void test::make_plans(uint32_t count) {
    plans.clear();
    planned = fetching = storing = 0;
    while (plans.size() < count) {
        uint32_t length = below(8) == 0 ? 0 : static_cast<uint32_t>(1 + below(below(3) ? 12 : 300));
        const uint32_t address = static_cast<uint32_t>(below(words - length + 1));
        const uint64_t kind = below(8);
        if (kind > 0)
            add(kind > 4, address, length);
        else { // an update: each word is fetched and stored again
            add(false, address, length);
            add(true, address, length);
        }
    }
}

// What is stored must not overwrite what a plan before it is still to fetch.
bool test::may_store() const {
    const plan &p = plans[storing];
    if (p.done == p.count)
        return false;
    for (size_t i = fetching; i < storing; i++) {
        const plan &f = plans[i];
        const uint32_t to = p.address + p.done;
        if (!f.stores && to >= f.address + f.done && to < f.address + f.count)
            return false;
    }
    return true;
}

void test::drive() {
    if (plan_taken)
        top.plan_valid_i = 0;
    if (store_taken)
        top.store_valid_i = 0;
    plan_taken = store_taken = false;
    top.fetch_ready_i = 0;
    if (top.begin_i)
        return;
    while (fetching < plans.size() &&
           (plans[fetching].stores || plans[fetching].done == plans[fetching].count))
        fetching++;
    while (storing < plans.size() &&
           (!plans[storing].stores || plans[storing].done == plans[storing].count))
        storing++;
    top.fetch_ready_i = hit(eager);
    if (!top.store_valid_i && storing < plans.size() && may_store() && hit(eager)) {
        const word &value = plans[storing].values[plans[storing].done];
        top.store_valid_i = 1;
        for (size_t i = 0; i < value.size() && i < port_words; i++)
            top.store_data_i[i] = value[i];
    }
    if (!top.plan_valid_i && planned < plans.size() && hit(eager)) {
        const plan &p = plans[planned];
        top.plan_valid_i = 1;
        top.address_i = p.address;
        top.count_i = p.count;
        top.after_i = p.after;
        top.store_i = p.stores;
    }
}

// Handshakes of this cycle; offers that were taken end with the next one.
void test::take() {
    if (top.plan_valid_i && top.plan_ready_o)
        planned++, plan_taken = true;
    if (top.store_valid_i && top.store_ready_o)
        plans[storing].done++, store_taken = true;
    check(top.fetch_valid_o || !fetch_waits, "an offer was withdrawn");
    for (uint32_t i = 0; i < port_words; i++) {
        check(!fetch_waits || offered[i] == top.fetch_data_o[i],
              "an offer changed while it waited");
        offered[i] = top.fetch_data_o[i];
    }
    fetch_waits = top.fetch_valid_o && !top.fetch_ready_i;
    if (top.fetch_valid_o && top.fetch_ready_i)
        take_word();
    read_error |= top.read_error_o;
    write_error |= top.write_error_o;
    range_error |= top.range_error_o;
}

void test::take_word() {
    check(fetching < plans.size(), "a word that nobody planned");
    if (fetching == plans.size())
        return;
    plan &p = plans[fetching];
    bool same = true;
    for (uint32_t i = 0; i < port_words; i++)
        same = same && top.fetch_data_o[i] == (i < of_word ? p.values[p.done][i] : 0u);
    check(same || read_error, "a fetched word differs", fetching, p.done);
    p.done++;
}

void test::step() {
    for (axi_port &port : ports)
        port.drive();
    if (top.rst_ni && !top.stop_i)
        drive();
    top.clk_i = 0;
    top.eval();
    for (axi_port &port : ports)
        port.take();
    if (top.rst_ni && !top.stop_i)
        take();
    top.clk_i = 1;
    top.eval();
    now++;
}

// The network's run begins.
void test::begin() {
    check(top.idle_o, "not idle at the beginning");
    top.begin_i = 1; // the network is idle in this cycle
    step();
    top.begin_i = 0;
    read_error = write_error = range_error = false;
}

// Until all is done, at most so long.
bool test::work(uint64_t limit) {
    const uint64_t until = now + limit;
    while (now < until) {
        step();
        if (planned == plans.size() && fetching == plans.size() && storing == plans.size() &&
            top.idle_o)
            return true;
    }
    return false;
}

// As the run's unit does after an error: the network is in reset.
void test::stop() {
    top.stop_i = 1;
    top.plan_valid_i = top.store_valid_i = top.fetch_ready_i = 0;
    plan_taken = store_taken = fetch_waits = false;
    plans.clear();
    planned = fetching = storing = 0;
    const uint64_t until = now + 20000;
    step();
    while (!top.idle_o && now < until)
        step();
    check(top.idle_o, "a stop does not end");
    for (int i = 0; i < 4; i++)
        step();
    top.stop_i = 0;
    step();
}

void test::compare() {
    for (uint32_t n = 0; n < words; n++)
        if (!same(n)) {
            check(false, "a word in memory differs", n);
            break;
        }
    for (uint32_t part = 0; part <= MR_MEMORIES; part++)
        for (size_t i = 0; i < guard; i++)
            if (memory[part * of_part + i] != 0xa5) {
                check(false, "bytes beside the memory were written", i);
                break;
            }
    check(!stray, "accesses outside the memory", stray);
}

void test::run(bool interrupted) {
    vary();
    eager = below(2) ? 256 : 20 + static_cast<unsigned>(below(200));
    make_plans(static_cast<uint32_t>(1 + below(60)));
    begin();
    if (interrupted) {
        work(below(3000));
        stop();
        // What was not stored is not in the model.
        for (uint32_t n = 0; n < words; n++)
            take_model(n);
        return;
    }
    check(work(2000000), "the run does not end", planned, plans.size());
    check(!read_error && !write_error && !range_error, "an error without a reason");
    compare();
}

// Memory that fails.
void test::errors() {
    for (int what = 0; what < 2; what++) {
        plans.clear();
        planned = fetching = storing = 0;
        add(what == 1, 100, 200);
        const uint64_t bad = first(static_cast<uint32_t>(below(MR_MEMORIES))) + 150 * beat;
        (what ? bad_write : bad_read) = {bad, bad + beat};
        begin();
        work(100000);
        check(read_error == (what == 0) && write_error == (what == 1),
              "an error of memory is not told", read_error, write_error);
        bad_read = bad_write = {};
        stop();
    }
}

// Plans that leave the memory do nothing, whichever number is too large.
void test::ranges() {
    static const uint32_t bad[][2] = {{words, 1}, {words - 1, 2}, {0, words + 1}, {~0u, 1},
                                      {~0u, ~0u}, {1, ~0u},       {words + 1, 0}};
    for (const auto &range : bad)
        for (int stores = 0; stores < 2; stores++) {
            plans.clear();
            plans.push_back({stores == 1, range[0], range[1], 0, {}});
            planned = fetching = storing = 0;
            plans[0].done = range[1]; // the network gives and takes nothing
            const uint64_t bursts = transactions;
            begin();
            work(300);
            check(range_error, "a plan that leaves the memory is not told", range[0], range[1]);
            check(transactions == bursts, "a plan that leaves the memory moves data");
            stop();
        }
    plans.clear();
    planned = fetching = storing = 0;
    add(false, words, 0);
    add(true, words, 0);
    add(false, words - 1, 1);
    begin();
    check(work(1000) && !range_error, "plans up to the end of the memory");
}

// Long runs take a word a cycle, both ways at once.
void test::rates() {
    how = {200, 0, 256, 256, 256, 256, 256, 256};
    eager = 256;
    plans.clear();
    planned = fetching = storing = 0;
    add(false, 0, words);
    add(true, 0, words);
    const uint64_t begun = now;
    begin();
    check(work(1000000), "the run does not end");
    printf("  %u bits: %u words are fetched and stored again in %llu cycles\n", bits, words,
           static_cast<unsigned long long>(now - begun));
    check(now - begun < words + 700, "long runs are slow", now - begun, words);
    compare();
}

} // namespace

int main(int count, char **arguments) {
    if (count != 3)
        return 2;
    test t(strtoull(arguments[1], nullptr, 10), MR_BITS);
    const uint64_t runs = strtoull(arguments[2], nullptr, 10);
    t.rates();
    for (uint64_t i = 0; i < runs && !t.failures; i++) {
        t.run(false);
        if (i % 4 == 3)
            t.run(true);
        if (i % 8 == 5)
            t.errors();
        if (i % 16 == 7)
            t.ranges();
    }
    t.compare();
    printf("%s: memory port, words of %u bits\n", t.failures ? "FAIL" : "pass", MR_BITS);
    return t.failures != 0;
}
