// SPDX-License-Identifier: Apache-2.0
// What the implementations of struct mr_usb_pins (pins.h) for Verilated designs share: opening,
// time, the sentence of a design that stopped, closing. Included by the one C++ file of each kind
// of pins, which gives a `design` derived from verilated_design with a function reset().
//
// MR_USB_CLOCK_KHZ: of the design.
#ifndef MR_USB_VERILATED_PINS_H
#define MR_USB_VERILATED_PINS_H

#include "Vkernel.h"
#include "rtl_context.h"
#include "verilated.h"
#include <cstdio>
#include <memory>
#include <new>

extern "C" {
#include "pins.h"
}

namespace {

constexpr int reset_cycles = 16;

struct verilated_design {
    rtl_context context;
    std::unique_ptr<Vkernel> top;
    uint64_t cycle = 0;

    void clock() {
        top->clk_i = 0;
        top->eval();
        top->clk_i = 1;
        top->eval();
        cycle++;
    }
};

template <class design> design *enter(void *instance) {
    design *self = static_cast<design *>(instance);
    Verilated::threadContextp(&self->context);
    return self;
}

// 0, or -1 with a sentence when the design has stopped.
int outcome(const verilated_design *design, char *error, size_t error_size) {
    if (!design->context.failed)
        return 0;
    snprintf(error, error_size, "the design stopped in cycle %llu: %s",
             static_cast<unsigned long long>(design->cycle), design->context.text);
    return -1;
}

template <class design> uint64_t nanoseconds(const void *instance) {
    return static_cast<const design *>(instance)->cycle * 1000000u / MR_USB_CLOCK_KHZ;
}

template <class design> void close_design(void *instance) {
    if (!instance)
        return;
    design *self = enter<design>(instance);
    self->top->final();
    self->top.reset();
    delete self;
}

template <class design> void *open_design(char *error, size_t error_size) {
    try {
        auto self = std::make_unique<design>();
        Verilated::threadContextp(&self->context);
        self->context.threads(1);
        self->top = std::make_unique<Vkernel>(&self->context, "device");
        self->reset();
        return self.release();
    } catch (const std::bad_alloc &) {
        snprintf(error, error_size, "not enough memory for the design's simulation");
    } catch (const std::exception &problem) {
        snprintf(error, error_size, "the design cannot be simulated (%s)", problem.what());
    }
    return nullptr;
}

} // namespace

#endif
