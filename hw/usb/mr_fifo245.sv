// SPDX-License-Identifier: Apache-2.0
// The pins of an FT601 in its synchronous 245 FIFO mode (32 bits, one channel), to bytes and back, by the chip's clock.
//
// The chip shows a word while rxf_ni is low; it goes over in a cycle in which rd_no is low too, and oe_no must have been low
// since the cycle before. A word of ours goes over in a cycle in which txe_ni and wr_no are low. One way at a time has the
// data pins: words for the host go first. wr_no is low for a whole answer, as the chip sends what it has when it rises.
// Bytes offered without a pause are an answer, a multiple of 4; a word of the host may have fewer bytes, from the lowest.

`include "mr_assert.svh"

module mr_fifo245 #(
    /// Words that an answer has at most; it is collected before it goes.
    parameter int WORDS = 4096
) (
    /// The chip's clock, rising edge.
    input  logic        clk_i,
    /// Reset, synchronous, active low.
    input  logic        rst_ni,
    /// The pins; drive_o: the board drives data and byte enables.
    input  logic        rxf_ni,
    input  logic        txe_ni,
    output logic        rd_no,
    output logic        wr_no,
    output logic        oe_no,
    output logic        drive_o,
    input  logic [31:0] data_i,
    input  logic [ 3:0] be_i,
    output logic [31:0] data_o,
    output logic [ 3:0] be_o,
    /// Bytes from the host.
    output logic        in_valid_o,
    input  logic        in_ready_i,
    output logic [ 7:0] in_data_o,
    /// Bytes for the host.
    input  logic        out_valid_i,
    output logic        out_ready_o,
    input  logic [ 7:0] out_data_i
);
  typedef enum logic [1:0] {IDLE, TURN, READ, WRITE} state_t;
  state_t state_q;

  // ---- to the host: a packet is collected, and goes without a gap

  logic [31:0] collected_q;
  logic [1:0] count_q;
  logic full_q, room_out, waits, given;
  assign out_ready_o = !full_q;
  assign given = !wr_no && !txe_ni;
  mr_fifo #(
      .WIDTH(32),
      .DEPTH(WORDS)
  ) u_packet (
      .clk_i,
      .rst_ni,
      .in_valid_i(full_q),
      .in_ready_o(room_out),
      .in_data_i(collected_q),
      .out_valid_o(waits),
      .out_ready_i(given),
      .out_data_o(data_o)
  );
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      count_q <= '0;
      full_q  <= 1'b0;
    end else begin
      if (room_out) full_q <= 1'b0;
      if (out_valid_i && out_ready_o) begin
        count_q <= count_q + 2'd1;
        full_q  <= count_q == 2'd3;
      end
    end
    if (out_valid_i && out_ready_o) collected_q <= {out_data_i, collected_q[31:8]};
  end

  // ---- from the host: the bytes of a word

  logic [31:0] word_q;
  logic [3:0] left_q;  // bytes that are there, from the lowest
  logic taken;
  assign taken = !rd_no && !rxf_ni;
  assign in_valid_o = left_q[0];
  assign in_data_o = word_q[7:0];
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      left_q <= '0;
    end else if (taken) begin
      left_q <= be_i;
    end else if (in_ready_i) begin
      left_q <= left_q >> 1;
    end
    if (taken) word_q <= data_i;
    else if (in_ready_i) word_q <= word_q >> 8;
  end

  // ---- the pins

  // A word is read in the cycle in which the last byte of the one before goes, or later.
  logic room;
  assign room = left_q == '0 || (left_q == 4'd1 && in_ready_i);
  assign rd_no = !(state_q == READ && room);
  assign oe_no = !(state_q == TURN || state_q == READ);
  assign wr_no = !(state_q == WRITE && waits);
  assign drive_o = state_q == WRITE;
  assign be_o = '1;
  logic whole;
  assign whole = waits && (!room_out || (!out_valid_i && !full_q));
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      state_q <= IDLE;
    end else begin
      unique case (state_q)
        IDLE: if (whole) state_q <= WRITE;
        else if (!rxf_ni && left_q == '0) state_q <= TURN;
        TURN: state_q <= READ;
        READ: if (rxf_ni || whole) state_q <= IDLE;
        default: if (!waits) state_q <= IDLE;
      endcase
    end
  end
endmodule
