// SPDX-License-Identifier: Apache-2.0
// Executes the requests of registers and memory for mr_packet: a master of AXI4-Lite, and a port of 32 bits to a memory.
//
// One register or memory word at a time. A register that answers with an error ends the request with status BUS, one that
// does not answer within the patience with STALLED; a transfer that was begun then is finished before the next one.

`include "mr_assert.svh"

module mr_packet_bus #(
    /// Bytes of payload of a packet at most, as in mr_packet.
    parameter int PAYLOAD = 512,
    /// Bits of a register's address.
    parameter int REGISTER_WIDTH = 16,
    /// Bytes of memory; a power of two.
    parameter int MEMORY = 1 << 20
) (
    /// Clock, rising edge.
    input  logic                      clk_i,
    /// Reset, synchronous, active low.
    input  logic                      rst_ni,
    /// Of mr_packet, as described there.
    input  logic                      do_i,
    input  logic [               7:0] command_i,
    input  logic                      late_i,
    input  logic                      arg_valid_i,
    output logic                      arg_ready_o,
    input  logic [              15:0] arg_data_i,
    output logic                      ans_valid_o,
    input  logic                      ans_ready_i,
    output logic [              15:0] ans_data_o,
    output logic                      done_o,
    output logic [               2:0] status_o,
    /// AXI4-Lite to the registers.
    output logic                      awvalid_o,
    input  logic                      awready_i,
    output logic [REGISTER_WIDTH-1:0] awaddr_o,
    output logic                      wvalid_o,
    input  logic                      wready_i,
    output logic [              31:0] wdata_o,
    output logic [               3:0] wstrb_o,
    input  logic                      bvalid_i,
    output logic                      bready_o,
    input  logic [               1:0] bresp_i,
    output logic                      arvalid_o,
    input  logic                      arready_i,
    output logic [REGISTER_WIDTH-1:0] araddr_o,
    input  logic                      rvalid_i,
    output logic                      rready_o,
    input  logic [              31:0] rdata_i,
    input  logic [               1:0] rresp_i,
    /// The memory's port: a request stands until ready; what was read is there with valid, later.
    output logic                      mem_valid_o,
    input  logic                      mem_ready_i,
    output logic                      mem_write_o,
    output logic [              31:0] mem_addr_o,
    output logic [              31:0] mem_data_o,
    input  logic                      mem_valid_i,
    input  logic [              31:0] mem_data_i
);
  localparam logic [15:0] MOST = 16'(PAYLOAD / 4);  // words of 32 bits in an answer
  `MR_CHECK(g_bad_memory, MEMORY >= 64 && (MEMORY & (MEMORY - 1)) == 0,
            "mr_packet_bus: MEMORY=%0d must be a power of two from 64.", MEMORY)

  // Address, then count (reads) or data (writes), each two words of 16 bits; then a transfer for each word.
  typedef enum logic [2:0] {ADDRESS, COUNT, DATA, TRANSFER, ANSWER, END} state_t;
  state_t state_q;
  logic high_q;  // the higher half of a word is next
  logic [31:0] address_q, data_q;
  logic [15:0] count_q;
  logic [2:0] status_q;
  logic reads, memory, known, take, odd;
  assign reads = command_i == mr_packet_pkg::COMMAND_READ_REGISTERS || command_i == mr_packet_pkg::COMMAND_READ_MEMORY;
  assign memory = command_i == mr_packet_pkg::COMMAND_READ_MEMORY || command_i == mr_packet_pkg::COMMAND_WRITE_MEMORY;
  assign known = reads || memory || command_i == mr_packet_pkg::COMMAND_WRITE_REGISTERS;

  // A register's transfer that is under way outlives its request.
  logic busy_q, write_busy_q, mine_q, moved, ended, wrong, fits;
  logic aw_q, w_q, ar_q;  // accepted parts
  assign fits = address_q[1:0] == 2'd0 &&
      (memory ? address_q < 32'(MEMORY) : address_q[31:REGISTER_WIDTH] == '0);
  assign arg_ready_o = do_i && known && (state_q == ADDRESS || state_q == COUNT || state_q == DATA);
  assign take = arg_valid_i && arg_ready_o;
  assign odd = !arg_valid_i && high_q;

  assign awvalid_o = busy_q && write_busy_q && !aw_q;
  assign wvalid_o = busy_q && write_busy_q && !w_q;
  assign bready_o = busy_q && write_busy_q;
  assign arvalid_o = busy_q && !write_busy_q && !ar_q;
  assign rready_o = busy_q && !write_busy_q;
  assign wstrb_o = '1;
  assign moved = write_busy_q ? bvalid_i && bready_o : rvalid_i && rready_o;

  logic mem_asked_q;
  assign mem_valid_o = do_i && state_q == TRANSFER && memory && fits && !mem_asked_q;
  assign mem_write_o = !reads;
  assign mem_addr_o = address_q;
  assign mem_data_o = data_q;
  assign ended = memory ? (reads ? mem_valid_i : mem_valid_o && mem_ready_i) : mine_q && moved;
  assign wrong = !memory && (write_busy_q ? |bresp_i : |rresp_i);

  assign ans_valid_o = state_q == ANSWER;
  assign ans_data_o = high_q ? data_q[31:16] : data_q[15:0];
  assign done_o = do_i && (state_q == END || !known);
  assign status_o = known ? status_q : mr_packet_pkg::STATUS_COMMAND;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      state_q <= ADDRESS;
      high_q <= 1'b0;
      busy_q <= 1'b0;
      mine_q <= 1'b0;
      mem_asked_q <= 1'b0;
    end else begin
      if (awvalid_o && awready_i) aw_q <= 1'b1;
      if (wvalid_o && wready_i) w_q <= 1'b1;
      if (arvalid_o && arready_i) ar_q <= 1'b1;
      if (moved) begin
        busy_q <= 1'b0;
        mine_q <= 1'b0;
      end
      if (take || (ans_valid_o && ans_ready_i)) high_q <= !high_q;
      if (do_i && known) begin
        unique case (state_q)
          ADDRESS: begin
            status_q <= mr_packet_pkg::STATUS_OK;
            if (take) begin
              if (high_q) state_q <= reads ? COUNT : DATA;
              if (high_q) address_q[31:16] <= arg_data_i;
              else address_q[15:0] <= arg_data_i;
            end else if (!arg_valid_i) begin
              status_q <= mr_packet_pkg::STATUS_ARGUMENT;
              state_q  <= END;
            end
          end
          COUNT: begin
            if (take && !high_q) count_q <= arg_data_i;
            if (take && high_q) begin
              state_q <= count_q == '0 ? END : TRANSFER;
              if (count_q > MOST || arg_data_i != '0) begin
                status_q <= mr_packet_pkg::STATUS_ARGUMENT;
                state_q  <= END;
              end
            end else if (!arg_valid_i) begin
              status_q <= mr_packet_pkg::STATUS_ARGUMENT;
              state_q  <= END;
            end
          end
          DATA: begin
            if (take) begin
              if (high_q) state_q <= TRANSFER;
              if (high_q) data_q[31:16] <= arg_data_i;
              else data_q[15:0] <= arg_data_i;
            end else if (!arg_valid_i) begin
              if (odd) status_q <= mr_packet_pkg::STATUS_ARGUMENT;
              state_q <= END;
            end
          end
          TRANSFER: begin
            if (memory && mem_valid_o && mem_ready_i) mem_asked_q <= 1'b1;
            if (!fits) begin
              status_q <= mr_packet_pkg::STATUS_ARGUMENT;
              state_q  <= END;
            end else if (!memory && !busy_q) begin
              busy_q <= 1'b1;
              mine_q <= 1'b1;
              write_busy_q <= !reads;
              aw_q <= 1'b0;
              w_q <= 1'b0;
              ar_q <= 1'b0;
              awaddr_o <= address_q[REGISTER_WIDTH-1:0];
              araddr_o <= address_q[REGISTER_WIDTH-1:0];
              wdata_o <= data_q;
            end
            if (ended) begin
              mem_asked_q <= 1'b0;
              address_q <= address_q + 32'd4;
              count_q <= count_q - 16'd1;
              if (reads) data_q <= memory ? mem_data_i : rdata_i;
              state_q <= reads ? ANSWER : DATA;
              if (wrong) begin
                status_q <= mr_packet_pkg::STATUS_BUS;
                state_q  <= END;
              end
            end else if (late_i) begin
              status_q <= mr_packet_pkg::STATUS_STALLED;
              state_q  <= END;
            end
          end
          ANSWER: if (ans_ready_i && high_q) state_q <= count_q == '0 ? END : TRANSFER;
          default: begin
            state_q <= ADDRESS;
            high_q <= 1'b0;
            mine_q <= 1'b0;
            mem_asked_q <= 1'b0;
          end
        endcase
      end
    end
  end
endmodule
