// SPDX-License-Identifier: Apache-2.0
// Implements struct mr_usb_pins (pins.h) for a Verilated design at the 32-bit FIFO of an FT601
// (245 mode): the module `mr_usb_device` with clk_i, rst_ni and the chip's pins. The chip pauses
// now and then, as it does between its packets, and a design that breaks the rules of the pins
// fails. The design's clock is the chip's.
#include "verilated_pins.h"

namespace {

constexpr uint32_t pause_every = 256, pause_cycles = 5; // words
constexpr size_t word_bytes = 4;

struct design final : verilated_design {
    uint32_t read = 0, written = 0; // words since the last pause
    uint32_t read_pause = 0, write_pause = 0;
    bool enabled = false; // the design's outputs were off, one cycle ago

    void reset();
    void broken(const char *rule);
};

void design::reset() {
    top->rxf_ni = top->txe_ni = 1;
    for (int i = 0; i < reset_cycles; i++) {
        top->rst_ni = i >= reset_cycles / 2;
        clock();
    }
}

void design::broken(const char *rule) {
    if (!context.failed)
        context.length = static_cast<size_t>(
            snprintf(context.text, sizeof context.text, "the FT601's pins: %s", rule));
    context.failed = true;
}

// A word of up to four bytes from `out`, as the pins have it.
void offer(Vkernel *top, const unsigned char *out, size_t count) {
    uint32_t word = 0;
    for (size_t i = 0; i < word_bytes && i < count; i++)
        word |= uint32_t{out[i]} << 8 * i;
    top->data_i = word;
    top->be_i = count >= word_bytes ? 0xf : (1u << count) - 1;
}

size_t take(const Vkernel *top, unsigned char *in) {
    size_t count = 0;
    for (size_t i = 0; i < word_bytes; i++)
        if (top->be_o >> i & 1)
            in[count++] = static_cast<unsigned char>(top->data_o >> 8 * i);
    return count;
}

void count_word(uint32_t *words, uint32_t *pause) {
    if (++*words == pause_every) {
        *words = 0;
        *pause = pause_cycles;
    }
}

int pass(void *instance, uint32_t cycles, const unsigned char *out, size_t *out_count,
         unsigned char *in, size_t *in_count, char *error, size_t error_size) {
    design *self = enter<design>(instance);
    Vkernel *top = self->top.get();
    size_t taken = 0, given = 0;
    for (uint32_t i = 0; i < cycles && !self->context.failed; i++) {
        const size_t left = *out_count - taken;
        top->rxf_ni = !left || self->read_pause;
        top->txe_ni = *in_count - given < word_bytes || self->write_pause;
        self->read_pause -= self->read_pause > 0;
        self->write_pause -= self->write_pause > 0;
        offer(top, out + taken, left);
        top->eval();
        if (!top->rd_no && (top->oe_no || !self->enabled))
            self->broken("RD is low and OE was not low the cycle before");
        if (!top->oe_no && top->drive_o)
            self->broken("both sides drive the data");
        if (!top->wr_no && !top->drive_o)
            self->broken("WR is low and nobody drives the data");
        self->enabled = !top->oe_no;
        if (!top->rd_no && !top->rxf_ni) {
            taken += left < word_bytes ? left : word_bytes;
            count_word(&self->read, &self->read_pause);
        }
        if (!top->wr_no && !top->txe_ni) {
            given += take(top, in + given);
            count_word(&self->written, &self->write_pause);
        }
        self->clock();
    }
    *out_count = taken;
    *in_count = given;
    return outcome(self, error, error_size);
}

void set_baud(void *, double) {}

const mr_usb_pins description = {
    MR_USB_PINS_ABI,     "ft601", open_design<design>, set_baud, pass, nanoseconds<design>,
    close_design<design>};

} // namespace

extern "C" __attribute__((visibility("default"))) const mr_usb_pins *mr_usb_pins_describe(void) {
    return &description;
}
