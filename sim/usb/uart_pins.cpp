// SPDX-License-Identifier: Apache-2.0
// Implements struct mr_usb_pins (pins.h) for a Verilated design with a serial line: the module
// `mr_usb_device` with clk_i, rst_ni, rx_i and tx_o. Bits have the length that the chip was asked
// for, whatever the design's clock is, and 8 data bits without parity and one stop bit.
#include "verilated_pins.h"

namespace {

constexpr int settle_cycles = 1024; // a board is up long before its first byte
constexpr double clock_hz = MR_USB_CLOCK_KHZ * 1e3;

struct design final : verilated_design {
    double bits_per_cycle = 9600 / clock_hz;
    // To the design: bits that are left of a byte, with a one behind them (0: no byte is under
    // way), and how much is left of the first one's time.
    uint32_t sending = 0;
    double sent = 0;
    // From it: bits that are left, and the time to the middle of the next one.
    int awaited = 0;
    uint32_t received = 0;
    double until = 0;

    void reset();
    void send();
    int receive();
};

void design::reset() {
    top->rx_i = 1;
    for (int i = 0; i < reset_cycles + settle_cycles; i++) {
        top->rst_ni = i >= reset_cycles;
        clock();
    }
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

void set_baud(void *instance, double baud) {
    enter<design>(instance)->bits_per_cycle = baud / clock_hz;
}

int pass(void *instance, uint32_t cycles, const unsigned char *out, size_t *out_count,
         unsigned char *in, size_t *in_count, char *error, size_t error_size) {
    design *self = enter<design>(instance);
    size_t taken = 0, given = 0;
    for (uint32_t i = 0; i < cycles && !self->context.failed; i++) {
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
    return outcome(self, error, error_size);
}

const mr_usb_pins description = {
    MR_USB_PINS_ABI,     "uart", open_design<design>, set_baud, pass, nanoseconds<design>,
    close_design<design>};

} // namespace

extern "C" __attribute__((visibility("default"))) const mr_usb_pins *mr_usb_pins_describe(void) {
    return &description;
}
