// SPDX-License-Identifier: Apache-2.0
// The driver's packets against those of the RTL, at the pins of the serial line: bytes are lost,
// changed and added, the cable is pulled, requests come twice, the kernel stalls; and every word
// arrives once. Usage: link_rtl_test SEED ROUNDS
#include "Vusb_echo_top.h"
#include "rtl_pipe.h"

#include <cstring>
#include <string>
#include <vector>
#include <zlib.h>

namespace {

enum { BIT = 4 };

class device final : public rtl_device {
  public:
    device() : rtl_device(200) {
        top.rst_ni = 0;
        top.rx_i = 1;
        for (int i = 0; i < 5; i++)
            cycle();
        top.rst_ni = 1;
    }
    void cycle() override {
        // To the device.
        if (!out_left && !out.empty()) {
            out_bits = 1u << 9 | (unsigned)out.front() << 1;
            out.pop_front();
            out_left = 10 * BIT + random_between(&state, 0, 1);
        }
        top.rx_i =
            out_left ? out_bits >> ((10 * BIT - out_left + (out_left > 10 * BIT)) / BIT) & 1 : 1;
        out_left -= out_left > 0;
        top.clk_i = 0;
        top.eval();
        top.clk_i = 1;
        top.eval();
        cycles++;
        // From it: each bit in its middle.
        if (!in_left && !top.tx_o) {
            in_left = 10 * BIT;
            in_bits = 0;
        } else if (in_left) {
            in_left--;
            const int at = 10 * BIT - in_left;
            if (at % BIT == BIT / 2)
                in_bits |= (unsigned)top.tx_o << at / BIT;
            if (at == 9 * BIT + BIT / 2) {
                check(in_bits >> 9 & 1, "a byte of the device has no stop bit");
                pass(in, (uint8_t)(in_bits >> 1));
                in_left = 0;
            }
        }
    }
    void broken() override {
        out_left = 0;
    }
    Vusb_echo_top top;

  private:
    int out_left = 0, in_left = 0; // cycles of the byte on its way
    unsigned out_bits = 0, in_bits = 0;
};

// ---- whole transfers

struct opened {
    mr_link link = {};
    mr_link_words *words = nullptr;
    mr_word_pipe pipe = {};
    mr_error error = {};
    bool open(device &d, unsigned limit_ms = LIMIT_MS) {
        const mr_byte_pipe bytes = pipe_of(d);
        if (mr_link_open(&link, &bytes, "test", limit_ms, &error))
            return false;
        words = mr_link_words_open(&link, &error);
        mr_link_words_pipe(words, &pipe);
        return true;
    }
    ~opened() {
        mr_link_words_close(words);
        mr_link_close(&link);
    }
};

// Random parts are written and read: each word comes once and in order.
void transfer(device &d, const char *name, const faults &wrong, int stall, int count) {
    opened o;
    d.wrong = wrong;
    d.top.stall_i = (uint8_t)stall;
    const uint32_t took = d.top.took_o, gave = d.top.gave_o;
    if (!o.open(d)) {
        check(false, name, o.error.text);
        return;
    }
    uint16_t written = 0, read = 0;
    int to_write = count, to_read = 0;
    while (to_write || to_read) {
        std::vector<uint16_t> words(
            (size_t)random_between(&d.state, 0, to_write < 90 ? to_write : 90));
        for (uint16_t &word : words)
            word = written++;
        to_write -= (int)words.size();
        to_read += (int)words.size();
        if (o.pipe.write(o.pipe.self, words.data(), words.size(), &o.error)) {
            check(false, name, o.error.text);
            return;
        }
        words.assign((size_t)random_between(&d.state, 0, to_read), 0);
        to_read -= (int)words.size();
        if (o.pipe.read(o.pipe.self, words.data(), words.size(), &o.error)) {
            check(false, name, o.error.text);
            return;
        }
        for (const uint16_t word : words)
            if (word != (uint16_t)(read++ + 1)) {
                check(false, name, "a word was lost, doubled or changed");
                return;
            }
    }
    check(d.top.took_o - took == (uint32_t)count && d.top.gave_o - gave == (uint32_t)count, name,
          "the kernel saw another number of words");
    d.wrong = faults{};
    uint64_t cycles = 0, later = 0;
    check(!o.pipe.cycles(o.pipe.self, &cycles, &o.error) &&
              !o.pipe.cycles(o.pipe.self, &later, &o.error),
          name, o.error.text);
    check(stall || (cycles && cycles == later), name, "an idle kernel counts");
    printf(
        "pass: %s: %d words, %llu requests, %llu sent again, %llu strangers, device rejected %u, "
        "%u pulls, %llu cycles\n",
        name, count, (unsigned long long)o.link.counts.requests,
        (unsigned long long)o.link.counts.repeats, (unsigned long long)o.link.counts.strangers,
        o.link.identity.rejected, d.pulls, (unsigned long long)d.cycles);
}

// ---- single packets

std::vector<uint8_t> packet(uint8_t version, uint8_t sequence, uint8_t command,
                            const std::vector<uint8_t> &payload) {
    std::vector<uint8_t> bytes(mr_packet_size(payload.size()));
    mr_packet p = {};
    p.version = version;
    p.sequence = sequence;
    p.command = command;
    p.length = (uint32_t)payload.size();
    p.payload = payload.data();
    mr_packet_write(bytes.data(), &p);
    return bytes;
}

// Sends bytes and gives what comes within some cycles.
std::vector<uint8_t> ask(device &d, const std::vector<uint8_t> &bytes, int cycles = 8000) {
    mr_error error;
    size_t written;
    d.in.clear();
    write_bytes(&d, bytes.data(), bytes.size(), 0, &written, &error);
    for (int i = 0; i < cycles + 50 * (int)bytes.size(); i++)
        d.cycle();
    return std::vector<uint8_t>(d.in.begin(), d.in.end());
}

void expect(device &d, const char *name, const std::vector<uint8_t> &request, int status,
            size_t length) {
    const std::vector<uint8_t> answer = ask(d, request);
    char text[80];
    snprintf(text, sizeof text, "gives %zu bytes, status %d", answer.size(),
             answer.size() > 5 ? answer[5] : -1);
    check(answer.size() == mr_packet_size(length) && answer[5] == status, name, text);
}

void single_packets(device &d) {
    d.top.stall_i = 0;
    const uint32_t before = d.top.took_o;
    expect(d, "before a request of number 0", packet(1, 8, 1, {}), MR_PACKET_STATUS_FRESH, 0);
    expect(d, "identify", packet(1, 0, 1, {}), 0, 52);
    expect(d, "reset", packet(1, 0, 2, {}), 0, 0);
    expect(d, "foreign version", packet(2, 9, 1, {}), MR_PACKET_STATUS_VERSION, 0);
    expect(d, "unknown command", packet(1, 10, 99, {}), MR_PACKET_STATUS_COMMAND, 0);
    expect(d, "registers", packet(1, 11, 4, {0, 0, 0, 0, 1, 0, 0, 0}), MR_PACKET_STATUS_COMMAND, 0);
    expect(d, "stream without a count", packet(1, 12, 3, {}), MR_PACKET_STATUS_ARGUMENT, 0);
    expect(d, "stream of too many", packet(1, 13, 3, {128, 0}), MR_PACKET_STATUS_ARGUMENT, 0);
    expect(d, "stream of none", packet(1, 14, 3, {0, 0}), 0, 2);
    expect(d, "stream that stalls", packet(1, 15, 3, {127, 0}), 0, 2);
    check(ask(d, packet(1, 16, 3, std::vector<uint8_t>(258))).empty(),
          "a payload that is too long");
    ask(d, {}, 2000); // the patience
    std::vector<uint8_t> odd = packet(1, 17, 3, {1, 0, 5, 0});
    odd[6] = 3;
    check(ask(d, odd).empty(), "an odd length");
    ask(d, {}, 2000);
    // The CRC is where that of the length below would be.
    std::vector<uint8_t> below = packet(1, 17, 3, {0, 0});
    below[6] = 3;
    const uint32_t crc = (uint32_t)crc32(0, below.data() + 2, 8);
    for (size_t i = 0; i < 4; i++)
        below[10 + i] = (uint8_t)(crc >> 8 * i);
    check(ask(d, below).empty(), "an odd length whose CRC is right for the one below");
    std::vector<uint8_t> wrong = packet(1, 18, 3, {1, 0, 5, 0});
    wrong[10] ^= 1;
    check(ask(d, wrong).empty(), "a wrong CRC");
    std::vector<uint8_t> half = packet(1, 19, 3, {1, 0, 5, 0});
    half.resize(half.size() - 1);
    check(ask(d, half).empty(), "a packet that breaks off");
    check(d.top.took_o == before, "a request that is not right does nothing");
    std::vector<uint8_t> behind = packet(1, 0, 2, {});
    behind.insert(behind.begin(), 'M');
    expect(d, "a packet behind its first letter", behind, 0, 0);
    const std::vector<uint8_t> twice = packet(1, 20, 3, {2, 0, 5, 0, 6, 0});
    const std::vector<uint8_t> first = ask(d, twice), second = ask(d, twice), third = ask(d, twice);
    check(first.size() == mr_packet_size(6) && first[8] == 6 && first[10] == 7 && first[12] == 2,
          "a request");
    check(first == second && first == third && d.top.took_o == before + 2,
          "a request that comes again is answered again and done once");
    const std::vector<uint8_t> zero = packet(1, 0, 3, {1, 0, 5, 0});
    ask(d, zero);
    ask(d, zero);
    check(d.top.took_o == before + 4, "a request of number 0 is done each time");
}

// Random bytes, many of them pieces of packets, do nothing; after a silence a request is
// understood.
void garbage(device &d, int rounds) {
    const uint32_t took = d.top.took_o;
    uint8_t sequence = 1;
    for (int round = 0; round < rounds; round++) {
        std::vector<uint8_t> bytes;
        for (int parts = random_between(&d.state, 1, 6); parts > 0; parts--) {
            std::vector<uint8_t> part =
                packet(1, (uint8_t)random_bits(&d.state), 3,
                       std::vector<uint8_t>(2 * (size_t)random_between(&d.state, 0, 20), 1));
            // Never a whole packet: its CRC is wrong.
            part.back() ^= (uint8_t)random_between(&d.state, 1, 255);
            part.resize((size_t)random_between(&d.state, 1, (int)part.size()));
            for (int i = random_between(&d.state, 0, 9); i > 0; i--)
                part.push_back((uint8_t)random_bits(&d.state));
            bytes.insert(bytes.end(), part.begin(), part.end());
        }
        ask(d, bytes, 1500);
        expect(d, "a request after garbage", packet(1, sequence, 1, {}), 0, 52);
        sequence = sequence == 255 ? 1 : sequence + 1;
    }
    check(d.top.took_o == took, "garbage does nothing");
}

void dead_kernel(device &d) {
    opened o;
    d.top.stall_i = 0;
    check(o.open(d, 1000), "open", o.error.text);
    const uint16_t words[] = {1, 2, 0xdead, 3};
    uint16_t back[4];
    check(!o.pipe.write(o.pipe.self, words, 4, &o.error), "write", o.error.text);
    const uint64_t begin = d.cycles / d.cycles_of_ms;
    check(o.pipe.read(o.pipe.self, back, 4, &o.error) != 0, "a dead kernel gives an error");
    check(d.cycles / d.cycles_of_ms - begin < 3000, "a dead kernel is found in time");
    printf("a dead kernel: %s\n", o.error.text);
    opened again;
    check(again.open(d), "open after a dead kernel", again.error.text);
    check(!again.pipe.write(again.pipe.self, words, 2, &again.error) &&
              !again.pipe.read(again.pipe.self, back, 2, &again.error) && back[0] == 2 &&
              back[1] == 3,
          "a kernel that was dead works again");
}

void silent_device(device &d) {
    opened o;
    d.wrong.drop = 65536;
    check(!o.open(d, 2000), "a silent device gives an error");
    printf("a silent device: %s\n", o.error.text);
    d.wrong = faults{};
}

// The kernel holds 8 words: a caller that only writes goes on, for what the kernel gives is kept.
void only_writes(device &d) {
    opened o;
    check(o.open(d), "open", o.error.text);
    std::vector<uint16_t> words(5000), back(5000);
    for (size_t i = 0; i < words.size(); i++)
        words[i] = (uint16_t)i;
    check(!o.pipe.write(o.pipe.self, words.data(), words.size(), &o.error) &&
              !o.pipe.read(o.pipe.self, back.data(), back.size(), &o.error),
          "only writes", o.error.text);
    for (size_t i = 0; i < words.size(); i++)
        if (back[i] != (uint16_t)(i + 1)) {
            check(false, "only writes: another word");
            break;
        }
}

// The cable is pulled at a random call and comes back: with power meanwhile nothing is lost; a
// device that was reset says so; one that does not come back is told in time.
void cables(device &d, int rounds) {
    uint16_t words[300], back[300];
    for (int round = 0; round < rounds; round++) {
        opened o;
        check(o.open(d), "open", o.error.text);
        const uint32_t took = d.top.took_o;
        d.calls_left = random_between(&d.state, 0, 12);
        d.looks_left = random_between(&d.state, 0, 5);
        for (uint16_t i = 0; i < 300; i++)
            words[i] = (uint16_t)(round + i);
        bool right = !o.pipe.write(o.pipe.self, words, 300, &o.error) &&
                     !o.pipe.read(o.pipe.self, back, 300, &o.error);
        for (uint16_t i = 0; i < 300; i++)
            right = right && back[i] == (uint16_t)(words[i] + 1);
        check(right && d.top.took_o - took == 300, "a cable that comes back", o.error.text);
        check(o.link.counts.returns == (d.calls_left < 0), "a cable that comes back: how often");
        d.calls_left = -1;
    }
    opened reset, never;
    check(reset.open(d), "open", reset.error.text);
    d.calls_left = 1;
    d.looks_left = 0;
    d.top.rst_ni = 0;
    d.cycle();
    d.top.rst_ni = 1;
    check(reset.pipe.write(reset.pipe.self, words, 300, &reset.error) &&
              strstr(reset.error.text, "was reset"),
          "a device that was reset", reset.error.text);
    check(never.open(d), "open", never.error.text);
    d.calls_left = 1;
    d.looks_left = -1;
    const uint64_t begin = d.cycles;
    check(never.pipe.write(never.pipe.self, words, 300, &never.error) &&
              strstr(never.error.text, "did not come back"),
          "a device that stays away", never.error.text);
    check(d.cycles - begin < 3000 * d.cycles_of_ms, "a device that stays away is told in time");
    d.away = false;
    printf("pass: cables: %s; %s\n", reset.error.text, never.error.text);
}

} // namespace

int main(int count, char **values) {
    Verilated::commandArgs(count, values);
    seed = count > 1 ? strtoull(values[1], nullptr, 0) : 1;
    const int rounds = count > 2 ? atoi(values[2]) : 1;
    printf("link_rtl_test: seed %llu\n", (unsigned long long)seed);
    device d;
    d.state = seed;
    single_packets(d);
    garbage(d, 60 * rounds);
    only_writes(d);
    dead_kernel(d);
    silent_device(d);
    cables(d, 20 * rounds);
    for (int i = 0; i < rounds; i++) {
        transfer(d, "nothing wrong", {0, 0, 0, 0}, 0, 3000);
        transfer(d, "stalls", {0, 0, 0, 0}, 200, 2000);
        transfer(d, "dropped bytes", {60, 0, 0, 0}, 100, 2000);
        transfer(d, "changed bytes", {0, 60, 0, 0}, 0, 2000);
        transfer(d, "added bytes", {0, 0, 60, 0}, 250, 2000);
        transfer(d, "pulled cables", {0, 0, 0, 40}, 50, 2000);
        transfer(d, "all at once", {25, 25, 25, 10}, 128, 2000);
    }
    if (failures)
        return 1;
    printf("PASS\n");
    return 0;
}
