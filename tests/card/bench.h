// SPDX-License-Identifier: Apache-2.0
// A host and a memory around the Verilated kernel `millrace`: AXI4-Lite accesses, and AXI4 memory
// whose latency, pauses and errors can be chosen. Everything random comes from one seed.
#ifndef MR_CARD_BENCH_H
#define MR_CARD_BENCH_H

#include "Vmillrace.h"
#include "verilated.h"
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <memory>
#include <vector>

extern "C" {
#include "mr_registers.h"
}

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

class bench {
  public:
    static constexpr uint64_t base = 0x4000000000;
    static constexpr size_t beat = 64;

    VerilatedContext context;
    Vmillrace top{&context, "millrace"};
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
    uint64_t interrupts = 0; // cycles with the interrupt raised

    bench(uint64_t seed, size_t size) : memory(size), random(seed) {
        top.ap_clk = 0;
        top.ap_rst_n = 0;
        for (int i = 0; i < 8; i++)
            step();
        top.ap_rst_n = 1;
        for (int i = 0; i < 4; i++)
            step();
    }
    ~bench() {
        top.final();
    }

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

    void step() {
        drive_read();
        drive_write();
        top.ap_clk = 0;
        top.eval();
        take_read();
        take_write();
        take_host();
        interrupts += top.__SYM__interrupt;
        top.ap_clk = 1;
        top.eval();
        now++;
    }

    void write(uint32_t address, uint32_t data, unsigned strobe = 15) {
        bool aw = false, w = false, b = false;
        while (!b) {
            if (!aw && !top.s_axi_control_awvalid)
                top.s_axi_control_awvalid = hit(how.host);
            if (!w && !top.s_axi_control_wvalid)
                top.s_axi_control_wvalid = hit(how.host);
            top.s_axi_control_awaddr = static_cast<uint16_t>(address);
            top.s_axi_control_wdata = data;
            top.s_axi_control_wstrb = static_cast<uint8_t>(strobe);
            top.s_axi_control_bready = hit(how.host);
            step();
            if (aw_taken) {
                aw = true;
                top.s_axi_control_awvalid = 0;
            }
            if (w_taken) {
                w = true;
                top.s_axi_control_wvalid = 0;
            }
            b = b_given;
        }
        top.s_axi_control_bready = 0;
        transactions++;
    }

    uint32_t read(uint32_t address) {
        bool ar = false;
        for (;;) {
            if (!ar && !top.s_axi_control_arvalid)
                top.s_axi_control_arvalid = hit(how.host);
            top.s_axi_control_araddr = static_cast<uint16_t>(address);
            top.s_axi_control_rready = hit(how.host);
            step();
            if (ar_taken) {
                ar = true;
                top.s_axi_control_arvalid = 0;
            }
            if (ar && breaking == HOST_WITHDRAWS) // offers a second read while the first waits
                top.s_axi_control_arvalid ^= 1;
            if (ar && breaking == HOST_CHANGES) {
                top.s_axi_control_arvalid = 1;
                address ^= 4;
            }
            if (r_given)
                break;
        }
        top.s_axi_control_rready = 0;
        transactions++;
        return host_data;
    }
    uint64_t read64(uint32_t address) {
        const uint64_t low = read(address);
        return low | static_cast<uint64_t>(read(address + 4)) << 32;
    }
    void write64(uint32_t address, uint64_t data) {
        write(address, static_cast<uint32_t>(data));
        write(address + 4, static_cast<uint32_t>(data >> 32));
    }

  private:
    struct burst {
        uint64_t address;
        unsigned beats;
        uint64_t due;
        bool bad;
    };
    struct data {
        uint8_t bytes[beat];
        uint64_t strobe;
        bool last;
    };
    uint64_t random;
    std::deque<burst> reads, writes, answers;
    std::deque<data> given;
    bool offers_r = false, offers_b = false;
    bool aw_taken = false, w_taken = false, b_given = false, ar_taken = false, r_given = false;
    uint32_t host_data = 0;

    uint64_t due() {
        return now + how.latency + (how.spread ? below(how.spread) : 0);
    }
    bool inside(uint64_t address) {
        const bool well = address >= base && address + beat <= base + memory.size();
        stray += !well;
        return well;
    }

    void drive_read() {
        top.m_axi_gmem_in_arready = hit(how.ar);
        if (!offers_r && !reads.empty() && reads.front().due <= now && hit(how.r)) {
            const burst &front = reads.front();
            offers_r = true;
            memset(&top.m_axi_gmem_in_rdata[0], 0xee, beat);
            if (inside(front.address))
                memcpy(&top.m_axi_gmem_in_rdata[0], at(front.address), beat);
            top.m_axi_gmem_in_rresp =
                static_cast<uint8_t>(bad_read.holds(front.address) ? bad_response : 0);
            top.m_axi_gmem_in_rlast = front.beats == 1;
            if (breaking == R_LAST_EARLY && front.beats == 2)
                top.m_axi_gmem_in_rlast = 1;
        }
        top.m_axi_gmem_in_rvalid = offers_r || (breaking == R_UNASKED && reads.empty() && now > 50);
    }
    void take_read() {
        if (top.m_axi_gmem_in_rvalid && top.m_axi_gmem_in_rready) {
            read_beats++;
            offers_r = false;
            if (!reads.empty()) {
                reads.front().address += beat;
                if (!--reads.front().beats)
                    reads.pop_front();
            }
        }
        if (top.m_axi_gmem_in_arvalid && top.m_axi_gmem_in_arready) {
            reads.push_back({top.m_axi_gmem_in_araddr, top.m_axi_gmem_in_arlen + 1u, due(), false});
            transactions++;
        }
    }

    void drive_write() {
        top.m_axi_gmem_out_awready = hit(how.aw);
        top.m_axi_gmem_out_wready = given.size() < 64 && hit(how.w);
        if (!offers_b && !answers.empty() && answers.front().due <= now && hit(how.b)) {
            offers_b = true;
            top.m_axi_gmem_out_bresp = static_cast<uint8_t>(answers.front().bad ? bad_response : 0);
        }
        top.m_axi_gmem_out_bvalid = offers_b || (breaking == B_EARLY && !writes.empty());
    }
    void take_write() {
        if (top.m_axi_gmem_out_bvalid && top.m_axi_gmem_out_bready) {
            offers_b = false;
            if (!answers.empty())
                answers.pop_front();
        }
        if (top.m_axi_gmem_out_awvalid && top.m_axi_gmem_out_awready) {
            writes.push_back({top.m_axi_gmem_out_awaddr, top.m_axi_gmem_out_awlen + 1u, 0, false});
            transactions++;
        }
        if (top.m_axi_gmem_out_wvalid && top.m_axi_gmem_out_wready) {
            data d;
            memcpy(d.bytes, &top.m_axi_gmem_out_wdata[0], beat);
            d.strobe = top.m_axi_gmem_out_wstrb;
            d.last = top.m_axi_gmem_out_wlast;
            given.push_back(d);
            write_beats++;
            last_write = now;
        }
        while (!writes.empty() && !given.empty())
            store();
    }
    void store() {
        burst &front = writes.front();
        if (inside(front.address))
            for (size_t i = 0; i < beat; i++)
                if (given.front().strobe >> i & 1)
                    at(front.address)[i] = given.front().bytes[i];
        given.pop_front();
        front.bad |= bad_write.holds(front.address);
        front.address += beat;
        if (!--front.beats) {
            answers.push_back({front.address, 0, due(), front.bad});
            writes.pop_front();
        }
    }
    void take_host() {
        aw_taken = top.s_axi_control_awvalid && top.s_axi_control_awready;
        w_taken = top.s_axi_control_wvalid && top.s_axi_control_wready;
        b_given = top.s_axi_control_bvalid && top.s_axi_control_bready;
        ar_taken = top.s_axi_control_arvalid && top.s_axi_control_arready;
        r_given = top.s_axi_control_rvalid && top.s_axi_control_rready;
        host_data = top.s_axi_control_rdata;
    }
};

#endif
