// SPDX-License-Identifier: Apache-2.0
// Packet router under a stream of commands: `set` gives an address its output, `forward` sends the next
// `count` packets to the outputs of their addresses, `drop` swallows them, `stop` ends the run. A packet
// is flits up to the one whose `last` is set, and its address is in the first. The table is kept from
// run to run. Rate: a flit a cycle, the packets of a command back to back.
#include "streams.h"

enum { ROUTER_ADDRESSES = 64 };
enum { ROUTER_SET, ROUTER_FORWARD, ROUTER_DROP, ROUTER_STOP };

typedef struct {
    uint8_t action; // ROUTER_SET...; any other: nothing
    uint8_t address, output, count;
} router_command_t;
HLS_STREAM_OF(router_command_t)
typedef struct {
    uint16_t data; // in the first flit of a packet: the address
    bool last;
} flit_t;
HLS_STREAM_OF(flit_t)

void router(hls_stream(router_command_t) *commands, hls_stream(flit_t) *in, hls_stream(flit_t) *out0,
            hls_stream(flit_t) *out1, hls_stream(flit_t) *out2, hls_stream(flit_t) *out3) {
    static uint8_t table[ROUTER_ADDRESSES];
    HLS(bind_storage variable=table impl=lutram)
    while (1) {
        const router_command_t command = hls_read(router_command_t, commands);
        if (command.action == ROUTER_STOP)
            break;
        if (command.action == ROUTER_SET)
            table[command.address % ROUTER_ADDRESSES] = command.output & 3;
        uint8_t left = 0; // packets
        if (command.action == ROUTER_FORWARD || command.action == ROUTER_DROP)
            left = command.count;
        const bool drops = command.action == ROUTER_DROP;
        bool first = true;
        uint8_t output = 0;
    packets:
        while (left != 0) {
            HLS(pipeline II=1)
            const flit_t flit = hls_read(flit_t, in);
            if (first)
                output = table[flit.data % ROUTER_ADDRESSES];
            if (!drops) {
                switch (output) {
                case 0:
                    hls_write(flit_t, out0, flit);
                    break;
                case 1:
                    hls_write(flit_t, out1, flit);
                    break;
                case 2:
                    hls_write(flit_t, out2, flit);
                    break;
                default:
                    hls_write(flit_t, out3, flit);
                    break;
                }
            }
            first = flit.last;
            if (flit.last)
                left--;
        }
    }
}
