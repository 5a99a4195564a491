// SPDX-License-Identifier: Apache-2.0
// A host and a memory around the Verilated kernel `millrace`: AXI4-Lite accesses, and AXI4 memory
// behind its ports (axi_memory.h).
#ifndef MR_CARD_BENCH_H
#define MR_CARD_BENCH_H

#include "Vmillrace.h"
#include "axi_memory.h"
#include "each_memory.h"
#include <cstdio>
#include <cstdlib>

extern "C" {
#include "mr_registers.h"
}

class bench : public axi_memory {
  public:
    VerilatedContext context;
    Vmillrace top{&context, "millrace"};
    uint64_t interrupts = 0; // cycles with the interrupt raised

    bench(uint64_t seed, size_t size) : axi_memory(seed, size) {
#define MEMORY_PORT(n)                                                                             \
    ports.emplace_back(*this, AXI_READ_PINS(top, m_axi_memory##n##_),                              \
                       AXI_WRITE_PINS(top, m_axi_memory##n##_));
        ports.emplace_back(*this, AXI_READ_PINS(top, m_axi_gmem_in_), axi_write_pins());
        ports.emplace_back(*this, axi_read_pins(), AXI_WRITE_PINS(top, m_axi_gmem_out_));
        EACH_MEMORY(MEMORY_PORT)
#undef MEMORY_PORT
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

    void step() {
        for (axi_port &port : ports)
            port.drive();
        top.ap_clk = 0;
        top.eval();
        for (axi_port &port : ports)
            port.take();
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
    std::vector<axi_port> ports;
    bool aw_taken = false, w_taken = false, b_given = false, ar_taken = false, r_given = false;
    uint32_t host_data = 0;

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
