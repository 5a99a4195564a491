// SPDX-License-Identifier: Apache-2.0
// AXI4 memory whose latency, pauses and errors can be chosen, behind any number of a Verilated
// module's masters. Everything random comes from one seed.
#ifndef MR_AXI_MEMORY_H
#define MR_AXI_MEMORY_H

#include "axi_pins.h"
#include <cstdint>
#include <cstring>
#include <deque>
#include <vector>

// How memory and host behave. Chances are in 1/256 per cycle that a channel moves.
struct manner {
    unsigned latency, spread; // cycles from address to data or answer, and how much they vary
    unsigned ar, r, aw, w, b, host;
};
constexpr manner full_rate = {100, 0, 256, 256, 256, 256, 256, 256};

// Rules of AXI that the memory breaks on purpose, to see that the checks notice.
enum breach { NO_BREACH, R_LAST_EARLY, R_UNASKED, B_EARLY, HOST_WITHDRAWS, HOST_CHANGES };

struct range {
    uint64_t from = 0, to = 0;
    bool holds(uint64_t address) const {
        return address >= from && address < to;
    }
};

// The memory, what is common to its ports, and time.
struct axi_memory {
    static constexpr uint64_t base = 0x4000000000;
    static constexpr size_t beat = 64;

    std::vector<uint8_t> memory;
    manner how = full_rate;
    range bad_read, bad_write; // answered by `bad_response`
    unsigned bad_response = 2;
    breach breaking = NO_BREACH;
    uint64_t now = 0;
    uint64_t transactions = 0; // bursts and register accesses
    uint64_t read_beats = 0, write_beats = 0;
    uint64_t last_write = 0; // cycle of the last write beat that was taken
    uint64_t stray = 0;      // accesses outside the memory

    axi_memory(uint64_t seed, size_t size) : memory(size), random(seed) {}
    uint64_t draw() { // splitmix64
        uint64_t z = random += 0x9e3779b97f4a7c15u;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
        return z ^ (z >> 31);
    }
    uint64_t below(uint64_t n) {
        return draw() % n;
    }
    bool hit(unsigned chance) {
        return (draw() >> 56) < chance;
    }
    uint8_t *at(uint64_t address) {
        return &memory[address - base];
    }
    uint64_t due() {
        return now + how.latency + (how.spread ? below(how.spread) : 0);
    }
    bool inside(uint64_t address) {
        const bool well = address >= base && address + beat <= base + memory.size();
        stray += !well;
        return well;
    }
    // Another manner for each channel.
    void vary() {
        how.latency = static_cast<unsigned>(below(200));
        how.spread = static_cast<unsigned>(below(60));
        for (unsigned *chance : {&how.ar, &how.r, &how.aw, &how.w, &how.b, &how.host})
            *chance = below(3) ? 256 : 16 + static_cast<unsigned>(below(240));
    }

  private:
    uint64_t random;
};

// One port. Its inputs are driven before the evaluation with the clock low, its handshakes taken
// after it.
class axi_port {
  public:
    axi_port(axi_memory &memory, axi_read_pins read, axi_write_pins write)
        : m(memory), r(read), w(write) {}
    void drive() {
        if (r.arvalid)
            drive_read();
        if (w.awvalid)
            drive_write();
    }
    void take() {
        if (r.arvalid)
            take_read();
        if (w.awvalid)
            take_write();
    }

  private:
    struct burst {
        uint64_t address;
        unsigned beats;
        uint64_t due;
        bool bad;
    };
    struct data {
        uint8_t bytes[axi_memory::beat];
        uint64_t strobe;
    };
    axi_memory &m;
    axi_read_pins r;
    axi_write_pins w;
    std::deque<burst> reads, writes, answers;
    std::deque<data> given;
    bool offers_r = false, offers_b = false;

    void drive_read() {
        *r.arready = m.hit(m.how.ar);
        if (!offers_r && !reads.empty() && reads.front().due <= m.now && m.hit(m.how.r)) {
            const burst &front = reads.front();
            offers_r = true;
            memset(r.rdata->data(), 0xee, m.beat);
            if (m.inside(front.address))
                memcpy(r.rdata->data(), m.at(front.address), m.beat);
            *r.rresp = static_cast<uint8_t>(m.bad_read.holds(front.address) ? m.bad_response : 0);
            *r.rlast = front.beats == 1;
            if (m.breaking == R_LAST_EARLY && front.beats == 2)
                *r.rlast = 1;
        }
        *r.rvalid = offers_r || (m.breaking == R_UNASKED && reads.empty() && m.now > 50);
    }
    void take_read() {
        if (*r.rvalid && *r.rready) {
            m.read_beats++;
            offers_r = false;
            if (!reads.empty()) {
                reads.front().address += m.beat;
                if (!--reads.front().beats)
                    reads.pop_front();
            }
        }
        if (*r.arvalid && *r.arready) {
            reads.push_back({*r.araddr, *r.arlen + 1u, m.due(), false});
            m.transactions++;
        }
    }

    void drive_write() {
        *w.awready = m.hit(m.how.aw);
        *w.wready = given.size() < 64 && m.hit(m.how.w);
        if (!offers_b && !answers.empty() && answers.front().due <= m.now && m.hit(m.how.b)) {
            offers_b = true;
            *w.bresp = static_cast<uint8_t>(answers.front().bad ? m.bad_response : 0);
        }
        *w.bvalid = offers_b || (m.breaking == B_EARLY && !writes.empty());
    }
    void take_write() {
        if (*w.bvalid && *w.bready) {
            offers_b = false;
            if (!answers.empty())
                answers.pop_front();
        }
        if (*w.awvalid && *w.awready) {
            writes.push_back({*w.awaddr, *w.awlen + 1u, 0, false});
            m.transactions++;
        }
        if (*w.wvalid && *w.wready) {
            data d;
            memcpy(d.bytes, w.wdata->data(), m.beat);
            d.strobe = *w.wstrb;
            given.push_back(d);
            m.write_beats++;
            m.last_write = m.now;
        }
        while (!writes.empty() && !given.empty())
            store();
    }
    void store() {
        burst &front = writes.front();
        if (m.inside(front.address))
            for (size_t i = 0; i < m.beat; i++)
                if (given.front().strobe >> i & 1)
                    m.at(front.address)[i] = given.front().bytes[i];
        given.pop_front();
        front.bad |= m.bad_write.holds(front.address);
        front.address += m.beat;
        if (!--front.beats) {
            answers.push_back({front.address, 0, m.due(), front.bad});
            writes.pop_front();
        }
    }
};

#endif
