// SPDX-License-Identifier: Apache-2.0
// Generated from base/contract/mr_packet.h by hw/make_packet.c (make registers); do not edit.
// The packets between a host and a device on a pipe of bytes.
package mr_packet_pkg;
  // first byte of a packet: M
  localparam logic [7:0] SYNC_0 = 8'h4d;
  // second byte: R
  localparam logic [7:0] SYNC_1 = 8'h52;
  // third byte; packets of another version are answered by status VERSION
  localparam logic [7:0] VERSION = 8'h1;
  // added to the command in an answer
  localparam logic [7:0] ANSWER = 8'h80;
  // bytes before the payload
  localparam logic [7:0] HEADER = 8'h8;
  // bytes of CRC-32 behind it
  localparam logic [7:0] CHECK = 8'h4;
  // a device's greatest payload is a multiple of 4, at least so many bytes
  localparam logic [15:0] PAYLOAD_LEAST = 16'h100;
  // and at most so many
  localparam logic [15:0] PAYLOAD_MOST = 16'hfffc;
  // added to `wanted` of STREAM: words that are not there are not waited for
  localparam logic [15:0] EARLY = 16'h8000;

  // Commands.
  localparam logic [7:0] COMMAND_IDENTIFY = 8'h1;
  localparam logic [7:0] COMMAND_RESET = 8'h2;
  localparam logic [7:0] COMMAND_STREAM = 8'h3;
  localparam logic [7:0] COMMAND_READ_REGISTERS = 8'h4;
  localparam logic [7:0] COMMAND_WRITE_REGISTERS = 8'h5;
  localparam logic [7:0] COMMAND_READ_MEMORY = 8'h6;
  localparam logic [7:0] COMMAND_WRITE_MEMORY = 8'h7;

  // Statuses.
  localparam logic [2:0] STATUS_OK = 3'd0;  // done
  localparam logic [2:0] STATUS_VERSION = 3'd1;  // the request is of another version of the protocol
  localparam logic [2:0] STATUS_COMMAND = 3'd2;  // the device does not know the command, or its kernel has nothing for it
  localparam logic [2:0] STATUS_ARGUMENT = 3'd3;  // the payload has a length, address or count that is not allowed
  localparam logic [2:0] STATUS_STALLED = 3'd4;  // the kernel's registers did not answer within the device's patience
  localparam logic [2:0] STATUS_BUS = 3'd5;  // the kernel's registers answered with an error
  localparam logic [2:0] STATUS_FRESH = 3'd6;  // the device was reset; it begins with a request of number 0

  // Kinds of devices.
  localparam logic [15:0] KIND_FOLDED = 16'd1;  // a folded kernel: two streams of words
  localparam logic [15:0] KIND_PIPELINE = 16'd2;  // a pipeline with the registers of a card's kernel, and memory

  // The identity: first word of each part, of 16 bits.
  localparam int IDENTITY_KIND = 0;
  localparam int IDENTITY_PAYLOAD = 1;
  localparam int IDENTITY_CLOCK_KHZ = 2;
  localparam int IDENTITY_MEMORY = 4;
  localparam int IDENTITY_HASH = 6;
  localparam int IDENTITY_LIMITS = 14;
  localparam int IDENTITY_BUSY = 22;
  localparam int IDENTITY_REQUESTS = 24;
  localparam int IDENTITY_REJECTED = 25;
  localparam int IDENTITY_WORDS = 26;
endpackage
