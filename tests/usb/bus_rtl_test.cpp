// SPDX-License-Identifier: Apache-2.0
// The driver's transport against the RTL behind an FT601, at the chip's pins: registers and memory
// under faults of the cable, while an engine copies memory by AXI4. Usage: bus_rtl_test SEED ROUNDS
#include "Vmr_usb_pipeline.h"
#include "rtl_pipe.h"

#include <cstring>
#include <string>
#include <vector>

namespace {

enum { WORD = 64, WORDS = 256 }; // of the memory, in bytes

class device final : public rtl_device {
  public:
    device() : rtl_device(100) {
        top.rst_ni = 0;
        top.rxf_ni = top.txe_ni = 1;
        for (int i = 0; i < 5; i++)
            cycle();
        top.rst_ni = 1;
    }
    // The chip pauses at random, and gives words of fewer bytes.
    void cycle() override {
        top.clk_i = 0;
        top.rxf_ni = out.empty() || random_between(&state, 0, 9) == 0;
        top.txe_ni = random_between(&state, 0, 9) == 0;
        const size_t all = out.size() < 4 ? out.size() : 4;
        if (!shown || shown > out.size())
            shown = all && random_between(&state, 0, 7) == 0
                        ? (size_t)random_between(&state, 1, (int)all)
                        : all;
        top.data_i = (uint32_t)random_bits(&state);
        for (size_t i = 0; i < shown; i++)
            top.data_i = (top.data_i & ~(0xffu << 8 * i)) | (uint32_t)out[i] << 8 * i;
        top.be_i = (1u << shown) - 1;
        top.eval();
        check(top.rd_no || (!top.oe_no && enabled), "RD without OE the cycle before");
        check(top.oe_no || !top.drive_o, "both sides drive the data");
        check(top.wr_no || top.drive_o, "nobody drives the data");
        enabled = !top.oe_no;
        if (!top.rd_no && !top.rxf_ni) {
            out.erase(out.begin(), out.begin() + (long)shown);
            shown = 0;
        }
        if (!top.wr_no && !top.txe_ni)
            for (int i = 0; i < 4; i++)
                pass(in, (uint8_t)(top.data_o >> 8 * i));
        // The chip ends a packet of its own where WR rises: an answer must be one.
        ends += last_wr && top.wr_no;
        last_wr = !top.wr_no;
        top.clk_i = 1;
        top.eval();
        cycles++;
    }
    Vmr_usb_pipeline top;
    uint64_t ends = 0;

  private:
    bool enabled = false, last_wr = false;
    size_t shown = 0;
};

struct opened {
    mr_link link = {};
    mr_link_memory memory = {};
    mr_error error = {};
    bool open(device &d) {
        const mr_byte_pipe bytes = pipe_of(d);
        memory.link = &link;
        memory.error = &error;
        return !mr_link_open(&link, &bytes, "test", LIMIT_MS, &error);
    }
    ~opened() {
        mr_link_memory_free(&memory);
        mr_link_close(&link);
    }
};

const mr_transport &transport = mr_link_transport;

void registers(device &d) {
    opened o;
    uint32_t value;
    check(o.open(d), "open", o.error.text);
    check(o.link.identity.kind == MR_PACKET_KIND_PIPELINE && o.link.identity.memory == WORD * WORDS,
          "identity");
    for (uint32_t i = 0; i < 16; i++)
        check(!transport.write(&o.memory, 4 * i, 0x01020304u * i), "write", o.error.text);
    for (uint32_t i = 0; i < 16; i++)
        check(!transport.read(&o.memory, 4 * i, &value) && value == 0x01020304u * i, "read",
              o.error.text);
    check(transport.read(&o.memory, 0x80, &value) && strstr(o.error.text, "with an error"),
          "a register that answers with an error", o.error.text);
    check(transport.write(&o.memory, 0x80, 1) && strstr(o.error.text, "with an error"),
          "a register that answers with an error to a write", o.error.text);
    check(transport.write(&o.memory, 0x2, 1) && strstr(o.error.text, "not allowed"),
          "an odd address", o.error.text);
    check(transport.read(&o.memory, 0x10000, &value) && strstr(o.error.text, "not allowed"),
          "an address beyond the registers", o.error.text);
    check(transport.read(&o.memory, 0xc4, &value) && !transport.read(&o.memory, 8, &value) &&
              value == 0x02040608u,
          "the late answer to another request", o.error.text);
    check(transport.read(&o.memory, 0xc0, &value) && strstr(o.error.text, "patience"),
          "a register that does not answer", o.error.text);
    printf("a register that does not answer: %s\n", o.error.text);
    opened again;
    check(again.open(d) && !transport.write(&again.memory, 4, 7) &&
              !transport.read(&again.memory, 4, &value) && value == 7,
          "registers after a reset", again.error.text);
}

// Buffers in the memory, written and read in random parts, while the engine copies others.
void memory(device &d, const char *name, const faults &wrong, int rounds) {
    opened o;
    if (!o.open(d)) {
        check(false, name, o.error.text);
        return;
    }
    d.wrong = wrong;
    const uint64_t ends = d.ends;
    enum { BUFFERS = 4 };
    mr_buffer buffers[BUFFERS] = {};
    std::vector<uint8_t> truth[BUFFERS];
    bool right = true;
    for (int i = 0; i < BUFFERS; i++) {
        const size_t size = (size_t)random_between(&d.state, 1, WORD * WORDS / 5);
        right = right && !transport.allocate(&o.memory, &buffers[i], size, MR_ARGUMENT_x);
        if (!right)
            break;
        truth[i].resize(buffers[i].size);
        for (uint8_t &byte : truth[i])
            byte = (uint8_t)random_bits(&d.state);
        memcpy(buffers[i].data, truth[i].data(), truth[i].size());
        right = !transport.send(&o.memory, &buffers[i], 0, buffers[i].size);
    }
    mr_buffer none;
    check(transport.allocate(&o.memory, &none, WORD * WORDS, MR_ARGUMENT_x) != 0, name,
          "there was memory for too much");
    for (int round = 0; round < rounds && right; round++) {
        // The engine copies the front of the first to that of the second one.
        const uint32_t words =
            (uint32_t)(buffers[0].size < buffers[1].size ? buffers[0].size : buffers[1].size) /
            WORD;
        right = !transport.write(&o.memory, 0, (uint32_t)(buffers[0].address / WORD)) &&
                !transport.write(&o.memory, 4, (uint32_t)(buffers[1].address / WORD)) &&
                !transport.write(&o.memory, 0x40, words);
        for (int i = random_between(&d.state, 1, 6); i > 0 && right; i--) {
            const int which = random_between(&d.state, 2, BUFFERS - 1);
            mr_buffer &buffer = buffers[which];
            const size_t at = (size_t)random_between(&d.state, 0, (int)buffer.size - 1),
                         size = (size_t)random_between(&d.state, 0, (int)(buffer.size - at));
            if (random_between(&d.state, 0, 1)) {
                for (size_t k = at; k < at + size; k++)
                    buffer.data[k] = truth[which][k] = (uint8_t)random_bits(&d.state);
                right = !transport.send(&o.memory, &buffer, at, size);
            } else {
                memset(buffer.data + at, 0x55, size);
                right = !transport.fetch(&o.memory, &buffer, at, size) &&
                        !memcmp(buffer.data + at, truth[which].data() + at, size);
            }
        }
        for (uint32_t busy = 1; busy && right;)
            right = !transport.read(&o.memory, 0x40, &busy);
        memcpy(truth[1].data(), truth[0].data(), words * WORD);
        right = right && !transport.fetch(&o.memory, &buffers[1], 0, buffers[1].size) &&
                !memcmp(buffers[1].data, truth[1].data(), truth[1].size());
    }
    check(right, name, *o.error.text ? o.error.text : "other bytes");
    d.wrong = faults{};
    for (mr_buffer &buffer : buffers)
        transport.release(&o.memory, &buffer);
    check(!o.memory.blocks, name, "memory is still taken");
    printf("pass: %s: %d rounds, %llu requests, %llu sent again, %llu answers at the pins, %llu "
           "cycles\n",
           name, rounds, (unsigned long long)o.link.counts.requests,
           (unsigned long long)o.link.counts.repeats, (unsigned long long)(d.ends - ends),
           (unsigned long long)d.cycles);
}

// Without faults each answer is one burst of the chip's. How many bytes a second that is, at the
// chip's 100 MHz and without the time that a host takes.
void bursts(device &d) {
    opened o;
    enum { SIZE = 8000 };
    check(o.open(d), "open", o.error.text);
    const uint64_t ends = d.ends, requests = o.link.counts.requests;
    mr_buffer buffer = {};
    check(!transport.allocate(&o.memory, &buffer, SIZE, MR_ARGUMENT_x), "memory", o.error.text);
    const uint64_t begin = d.cycles;
    check(!transport.send(&o.memory, &buffer, 0, SIZE), "send", o.error.text);
    const uint64_t sent = d.cycles;
    check(!transport.fetch(&o.memory, &buffer, 0, SIZE), "fetch", o.error.text);
    check(d.ends - ends == o.link.counts.requests - requests, "an answer is one burst");
    printf("pass: %.1f MB/s to memory, %.1f MB/s from it\n", SIZE * 100.0 / (double)(sent - begin),
           SIZE * 100.0 / (double)(d.cycles - sent));
    transport.release(&o.memory, &buffer);
}

} // namespace

int main(int count, char **values) {
    Verilated::commandArgs(count, values);
    seed = count > 1 ? strtoull(values[1], nullptr, 0) : 1;
    const int rounds = count > 2 ? atoi(values[2]) : 1;
    printf("bus_rtl_test: seed %llu\n", (unsigned long long)seed);
    device d;
    d.state = seed;
    registers(d);
    bursts(d);
    for (int i = 0; i < rounds; i++) {
        memory(d, "nothing wrong", {0, 0, 0, 0}, 30);
        memory(d, "dropped and changed bytes", {10, 10, 0, 0}, 10);
        memory(d, "added bytes, pulled cables", {0, 0, 10, 4}, 10);
    }
    if (failures)
        return 1;
    printf("PASS\n");
    return 0;
}
