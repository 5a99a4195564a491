// SPDX-License-Identifier: Apache-2.0
// The packets of docs/usb.md on the device's side: finds a request in a stream of bytes, checks it, has it executed, and
// answers.
//
// A request is executed when all of it is there and its CRC-32 is right, once for each change of the sequence number (a
// request of number 0 each time it comes, and after reset nothing before one). A request with the number of the last one
// gets the kept answer again. Bytes are taken while no request is being executed or answered; a source that cannot wait
// loses those between, which the host sends again.
//
// Execution: do_o is high from the cycle in which the request is there to that in which done_i is high. While it is high the
// payload's words come in order on arg (valid is low when none is left; one a cycle), and words on ans become the answer's
// payload. late_o is high when neither has moved for 2^TIMER cycles. IDENTIFY and RESET are executed here.

`include "mr_assert.svh"

module mr_packet #(
    /// Bytes of payload of a request or an answer at most; a multiple of 4, from PAYLOAD_LEAST to PAYLOAD_MOST.
    parameter int PAYLOAD = 512,
    /// The patience: 2^TIMER cycles; >= 5.
    parameter int TIMER = 16,
    /// What IDENTIFY says (mr_packet_pkg): the kind of kernel, its clock, bytes of memory, the image's hash (byte 0
    /// lowest), and the kernel's own limits (eight words of 16 bits, the first one lowest).
    parameter logic [15:0] KIND = 16'd1,
    parameter int CLOCK_KHZ = 24000,
    parameter int MEMORY = 0,
    parameter logic [127:0] HASH = '0,
    parameter logic [127:0] LIMITS = '0
) (
    /// Clock, rising edge.
    input  logic        clk_i,
    /// Reset, synchronous, active low.
    input  logic        rst_ni,
    /// Bytes from the host.
    input  logic        in_valid_i,
    output logic        in_ready_o,
    input  logic [ 7:0] in_data_i,
    /// Bytes to the host.
    output logic        out_valid_o,
    input  logic        out_ready_i,
    output logic [ 7:0] out_data_o,
    /// Reset of the kernel and of what executes requests, active low: in reset, and while RESET is executed.
    output logic        kernel_rst_no,
    /// What IDENTIFY says of the kernel's cycles at work.
    input  logic [31:0] busy_i,
    /// A request is to be executed: its command.
    output logic        do_o,
    output logic [ 7:0] command_o,
    /// Nothing moved for 2^TIMER cycles.
    output logic        late_o,
    /// The words of its payload.
    output logic        arg_valid_o,
    input  logic        arg_ready_i,
    output logic [15:0] arg_data_o,
    /// Words of the answer's payload; ready is low when it is full.
    input  logic        ans_valid_i,
    output logic        ans_ready_o,
    input  logic [15:0] ans_data_i,
    /// It is done: with which status. With another than OK the answer has no payload.
    input  logic        done_i,
    input  logic [ 2:0] status_i
);
  localparam int WORDS = PAYLOAD / 2;
  localparam int W = $clog2(WORDS + 1);
  localparam int A = $clog2(WORDS);
  localparam logic [31:0] CRC_START = 32'hffffffff;
  localparam logic [31:0] CRC_RIGHT = 32'hdebb20e3;  // after a packet with its CRC

  `MR_CHECK(g_bad_payload, PAYLOAD >= 32'(mr_packet_pkg::PAYLOAD_LEAST) && PAYLOAD <= 32'(mr_packet_pkg::PAYLOAD_MOST) &&
            PAYLOAD % 4 == 0, "mr_packet: PAYLOAD=%0d must be a multiple of 4 from PAYLOAD_LEAST to PAYLOAD_MOST.", PAYLOAD)
  `MR_CHECK(g_bad_timer, TIMER >= 5, "mr_packet: TIMER=%0d must be at least 5.", TIMER)

  // What is going on, and which part of a packet the next byte belongs to.
  typedef enum logic [1:0] {RECEIVE, DECIDE, EXECUTE, SEND} mode_t;
  typedef enum logic [1:0] {HEADER, BODY, CHECK} part_t;
  mode_t mode_q;
  part_t part_q;
  logic [2:0] byte_q;  // of the header, the word or the CRC
  logic [W-1:0] at_q, at_d, at_next;  // word of the payload that is received, read or sent
  logic [W-1:0] length_q, answer_q;  // words of the request's payload and of the answer's
  logic [7:0] sequence_q, last_q, command_q, low_q;
  logic [2:0] status_q;
  logic foreign_q;  // of another version
  logic begun_q;  // since reset there was a request of number 0
  logic [31:0] crc_q;
  logic [TIMER:0] timer_q;
  logic [15:0] requests_q, rejected_q;

  // ---- bytes

  logic step, sending, receiving, ends, hunting, wrong;
  logic [7:0] data;
  logic [15:0] kept;
  logic [14:0] length_d;
  assign receiving = mode_q == RECEIVE;
  assign sending = mode_q == SEND;
  assign in_ready_o = receiving;
  assign out_valid_o = sending;
  assign step = receiving ? in_valid_i : sending && out_ready_i;
  assign hunting = receiving && part_q == HEADER && byte_q[2:1] == 2'd0;
  assign at_next = at_q + W'(1);
  assign length_d = {in_data_i, length_q[6:0]};

  always_comb begin
    out_data_o = byte_q[0] ? kept[15:8] : kept[7:0];
    if (part_q == CHECK) out_data_o = ~crc_q[7:0];
    if (part_q == HEADER) begin
      unique case (byte_q)
        3'd0: out_data_o = mr_packet_pkg::SYNC_0;
        3'd1: out_data_o = mr_packet_pkg::SYNC_1;
        3'd2: out_data_o = mr_packet_pkg::VERSION;
        3'd3: out_data_o = sequence_q;
        3'd4: out_data_o = command_q | mr_packet_pkg::ANSWER;
        3'd5: out_data_o = 8'(status_q);
        3'd6: out_data_o = {answer_q[6:0], 1'b0};
        default: out_data_o = 8'(answer_q >> 7);
      endcase
    end
    // The CRC's own byte shifts the next one down.
    data = !sending ? in_data_i : part_q == CHECK ? crc_q[7:0] : out_data_o;
  end

  always_comb begin
    unique case (part_q)
      HEADER:  ends = byte_q == 3'd7;
      BODY:    ends = byte_q[0] && at_next == (sending ? answer_q : length_q);
      default: ends = byte_q[1:0] == 2'd3;
    endcase
    // A length that is odd or too great.
    wrong = receiving && step && part_q == HEADER && byte_q == 3'd7 && (low_q[0] || length_d > 15'(WORDS));
  end

  function automatic logic [31:0] next_crc(input logic [31:0] crc, input logic [7:0] value);
    next_crc = crc ^ 32'(value);
    for (int i = 0; i < 8; i++) next_crc = (next_crc >> 1) ^ (next_crc[0] ? 32'hedb88320 : 32'd0);
  endfunction

  // ---- what is done with a request

  logic right, repeated, executing, is_identify, is_reset, done, ours, refused;
  assign right = crc_q == CRC_RIGHT;
  assign repeated = sequence_q != 8'd0 && sequence_q == last_q;
  assign refused = foreign_q || (!begun_q && sequence_q != 8'd0);
  assign executing = mode_q == EXECUTE;
  assign is_identify = command_q == mr_packet_pkg::COMMAND_IDENTIFY;
  assign is_reset = command_q == mr_packet_pkg::COMMAND_RESET;
  assign ours = is_identify || is_reset;
  assign do_o = executing && !ours;
  assign command_o = command_q;
  assign late_o = timer_q[TIMER];

  logic [16*mr_packet_pkg::IDENTITY_WORDS-1:0] identity;
  always_comb begin
    identity = '0;
    identity[16*mr_packet_pkg::IDENTITY_KIND+:16] = KIND;
    identity[16*mr_packet_pkg::IDENTITY_PAYLOAD+:16] = 16'(PAYLOAD);
    identity[16*mr_packet_pkg::IDENTITY_CLOCK_KHZ+:32] = 32'(CLOCK_KHZ);
    identity[16*mr_packet_pkg::IDENTITY_MEMORY+:32] = 32'(MEMORY);
    identity[16*mr_packet_pkg::IDENTITY_HASH+:128] = HASH;
    identity[16*mr_packet_pkg::IDENTITY_LIMITS+:128] = LIMITS;
    identity[16*mr_packet_pkg::IDENTITY_BUSY+:32] = busy_i;
    identity[16*mr_packet_pkg::IDENTITY_REQUESTS+:16] = requests_q;
    identity[16*mr_packet_pkg::IDENTITY_REJECTED+:16] = rejected_q;
  end

  logic write_answer, take_argument, moved;
  logic [15:0] answer_data;
  assign arg_valid_o = do_o && at_q != length_q;
  assign ans_ready_o = do_o && answer_q != W'(WORDS);
  assign take_argument = arg_valid_o && arg_ready_i;
  assign write_answer = executing && (is_identify || (ans_valid_i && ans_ready_o));
  assign answer_data = is_identify ? identity[16*32'(answer_q[4:0])+:16] : ans_data_i;
  assign moved = take_argument || (ans_valid_i && ans_ready_o);
  assign done = is_identify ? answer_q == W'(mr_packet_pkg::IDENTITY_WORDS - 1) : is_reset ? timer_q[4] : done_i;

  always_comb begin
    at_d = at_q;
    if (mode_q == DECIDE || (executing && done)) at_d = '0;
    else if (take_argument || (step && part_q == BODY && byte_q[0])) at_d = at_next;
    else if (part_q == HEADER && !executing) at_d = '0;
  end

  // Both payloads, read where the next word is; words are never read in the cycle of their write.
  (* no_rw_check *) logic [15:0] request_mem[WORDS];
  (* no_rw_check *) logic [15:0] answer_mem[WORDS];
  always_ff @(posedge clk_i) begin
    if (receiving && step && part_q == BODY && byte_q[0]) request_mem[at_q[A-1:0]] <= {in_data_i, low_q};
    arg_data_o <= request_mem[at_d[A-1:0]];
  end
  always_ff @(posedge clk_i) begin
    if (write_answer) answer_mem[answer_q[A-1:0]] <= answer_data;
    kept <= answer_mem[at_d[A-1:0]];
  end

  // ---- state

  logic broken;  // a request that will not come to its end
  assign broken = wrong || (receiving && late_o) || (mode_q == DECIDE && !right);

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      mode_q <= RECEIVE;
      part_q <= HEADER;
      byte_q <= '0;
      at_q <= '0;
      last_q <= '0;
      begun_q <= 1'b0;
      timer_q <= '0;
      requests_q <= '0;
      rejected_q <= '0;
      kernel_rst_no <= 1'b0;
    end else begin
      kernel_rst_no <= !(executing && is_reset);
      at_q <= at_d;
      if (step) begin
        byte_q <= byte_q + 3'd1;
        if (ends) begin
          byte_q <= '0;
          unique case (part_q)
            HEADER: part_q <= (sending ? answer_q == '0 : length_d == '0) ? CHECK : BODY;
            BODY: part_q <= CHECK;
            default: begin
              part_q <= HEADER;
              mode_q <= sending ? RECEIVE : DECIDE;
            end
          endcase
        end
        if (hunting && in_data_i != (byte_q[0] ? mr_packet_pkg::SYNC_1 : mr_packet_pkg::SYNC_0))
          byte_q <= byte_q[0] && in_data_i == mr_packet_pkg::SYNC_0 ? 3'd1 : 3'd0;
      end
      if (broken) begin
        mode_q <= RECEIVE;
        part_q <= HEADER;
        byte_q <= '0;
        rejected_q <= rejected_q + 16'd1;
      end
      if (mode_q == DECIDE && right) begin
        mode_q <= refused || repeated ? SEND : EXECUTE;
        if (refused || !repeated) begin
          answer_q <= '0;
          status_q <= foreign_q ? mr_packet_pkg::STATUS_VERSION : mr_packet_pkg::STATUS_FRESH;
        end
        if (!refused && !repeated) begin
          last_q <= sequence_q;
          begun_q <= 1'b1;
          requests_q <= requests_q + 16'd1;
        end
      end
      if (write_answer) answer_q <= answer_q + W'(1);
      if (executing && done) begin
        mode_q <= SEND;
        status_q <= ours ? mr_packet_pkg::STATUS_OK : status_i;
        if (!ours && status_i != mr_packet_pkg::STATUS_OK) answer_q <= '0;
      end
      // Between packets, and while there is somebody to wait for, time does not count.
      timer_q <= step || moved || sending || mode_q == DECIDE || broken || (hunting && byte_q == '0) ||
          (executing && done) ? '0 : late_o ? timer_q : timer_q + (TIMER + 1)'(1);
    end
  end

  always_ff @(posedge clk_i) begin
    if (step) begin
      crc_q <= (hunting || (sending && part_q == HEADER && byte_q[2:1] == 2'd0)) ? CRC_START : next_crc(crc_q, data);
      low_q <= in_data_i;
      if (receiving && part_q == HEADER) begin
        unique case (byte_q)
          3'd2: foreign_q <= in_data_i != mr_packet_pkg::VERSION;
          3'd3: sequence_q <= in_data_i;
          3'd4: command_q <= in_data_i;
          3'd6: length_q <= W'(in_data_i[7:1]);
          3'd7: length_q <= W'(length_d);
          default: ;
        endcase
      end
    end
  end

  `MR_ASSERT(a_in_known, !$isunknown(in_valid_i), "in_valid_i is unknown")
  `MR_ASSERT(a_request, !(receiving && step && part_q == BODY) || at_q < W'(WORDS), "a word outside of the memory")
  `MR_ASSERT(a_answer, !write_answer || answer_q < W'(WORDS), "an answer that is too long")
  `MR_ASSERT(a_done, !done_i || do_o, "done, but not doing")
endmodule
