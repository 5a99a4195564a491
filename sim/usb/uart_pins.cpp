// SPDX-License-Identifier: Apache-2.0
// Implements struct mr_usb_pins (pins.h) for a Verilated design with a serial line: the module
// `mr_usb_device` with clk_i, rst_ni, rx_i and tx_o. Bits have the length that the chip was asked
// for, whatever the design's clock is, and 8 data bits without parity and one stop bit.
//
// MR_USB_CLOCK_KHZ: of the design.
#include "Vkernel.h"
#include "rtl_context.h"
#include "verilated.h"
#include <cmath>
#include <cstdio>
#include <memory>
#include <new>

extern "C" {
#include "pins.h"
}

namespace {

constexpr int reset_cycles = 16, settle_cycles = 1024; // a board is up long before its first byte
constexpr double clock_hz = MR_USB_CLOCK_KHZ * 1e3;

struct design final {
    rtl_context context;
    std::unique_ptr<Vkernel> top;
    uint64_t cycle = 0;
    double bits_per_cycle = 9600 / clock_hz;
    // To the design: bits that are left of a byte, with a one behind them (0: no byte is under
    // way), and how much is left of the first one's time.
    uint32_t sending = 0;
    double sent = 0;
    // From it: bits that are left, and the time to the middle of the next one.
    int awaited = 0;
    uint32_t received = 0;
    double until = 0;

    void clock();
    void send();
    int receive();
};

// One cycle, and the design's level of the line behind it.
void design::clock() {
    top->clk_i = 0;
    top->eval();
    top->clk_i = 1;
    top->eval();
    cycle++;
}

// The line's level in this cycle. It is high when no byte is under way.
void design::send() {
    top->rx_i = sending ? sending & 1u : 1u;
    sent -= bits_per_cycle;
    if (!sending || sent > 0)
        return;
    sent += 1;
    sending >>= 1;
    if (sending == 1) // the mark of the end
        sending = 0;
}

// A byte that is complete with this cycle; -1: none. One without a stop bit is lost.
int design::receive() {
    const uint32_t level = top->tx_o & 1u;
    if (!awaited) {
        if (!level) {
            awaited = 10;
            until = 0.5;
        }
        return -1;
    }
    until -= bits_per_cycle;
    if (until > 0)
        return -1;
    until += 1;
    received = received >> 1 | level << 9;
    if (--awaited)
        return -1;
    return received >> 9 & 1 ? static_cast<int>(received >> 1 & 0xff) : -1;
}

design *enter(void *instance) {
    design *self = static_cast<design *>(instance);
    Verilated::threadContextp(&self->context);
    return self;
}

void set_baud(void *instance, double baud) {
    enter(instance)->bits_per_cycle = baud / clock_hz;
}

int pass(void *instance, uint32_t cycles, const unsigned char *out, size_t *out_count,
         unsigned char *in, size_t *in_count, char *error, size_t error_size) {
    design *self = enter(instance);
    size_t taken = 0, given = 0;
    for (uint32_t i = 0; i < cycles; i++) {
        if (!self->sending && taken < *out_count) {
            self->sending = 1u << 10 | 1u << 9 | uint32_t{out[taken++]} << 1; // stop bit, start bit
            self->sent = 1;
        }
        self->send();
        self->clock();
        const int byte = self->receive();
        if (byte >= 0 && given < *in_count)
            in[given++] = static_cast<unsigned char>(byte);
    }
    *out_count = taken;
    *in_count = given;
    if (self->context.failed)
        snprintf(error, error_size, "the design stopped in cycle %llu: %s",
                 static_cast<unsigned long long>(self->cycle), self->context.text);
    return self->context.failed ? -1 : 0;
}

uint64_t nanoseconds(const void *instance) {
    return static_cast<uint64_t>(static_cast<double>(static_cast<const design *>(instance)->cycle) *
                                 (1e9 / clock_hz));
}

void close_design(void *instance) {
    if (!instance)
        return;
    design *self = enter(instance);
    self->top->final();
    self->top.reset();
    delete self;
}

void *open_design(char *error, size_t error_size) {
    try {
        auto self = std::make_unique<design>();
        Verilated::threadContextp(&self->context);
        self->context.threads(1);
        self->top = std::make_unique<Vkernel>(&self->context, "device");
        self->top->rx_i = 1;
        for (int i = 0; i < reset_cycles + settle_cycles; i++) {
            self->top->rst_ni = i >= reset_cycles;
            self->clock();
        }
        return self.release();
    } catch (const std::bad_alloc &) {
        snprintf(error, error_size, "not enough memory for the design's simulation");
    } catch (const std::exception &problem) {
        snprintf(error, error_size, "the design cannot be simulated (%s)", problem.what());
    }
    return nullptr;
}

const mr_usb_pins description = {MR_USB_PINS_ABI, "uart",      open_design, set_baud, pass,
                                 nanoseconds,     close_design};

} // namespace

extern "C" __attribute__((visibility("default"))) const mr_usb_pins *mr_usb_pins_describe(void) {
    return &description;
}
