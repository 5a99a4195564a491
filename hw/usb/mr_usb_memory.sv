// SPDX-License-Identifier: Apache-2.0
// The memory of a pipeline behind USB: 512-bit words that the kernel reads and writes by AXI4 and packets by 32 bits.
//
// Packets go before the kernel, which waits a cycle then. Bursts are of whole words with rising addresses, one after the
// other in each direction; addresses beyond the memory wrap. A read and a write of the same word in the same cycle give the
// old word.

`include "mr_assert.svh"

module mr_usb_memory #(
    /// Bytes; a power of two from 128.
    parameter int BYTES = 1 << 20
) (
    /// Clock, rising edge.
    input  logic         clk_i,
    /// Reset of the ports, synchronous, active low; the contents stay.
    input  logic         rst_ni,
    /// Packets: a request stands until ready; what was read is there with valid, in order.
    input  logic         valid_i,
    output logic         ready_o,
    input  logic         write_i,
    input  logic [ 31:0] addr_i,
    input  logic [ 31:0] data_i,
    output logic         valid_o,
    output logic [ 31:0] data_o,
    /// AXI4, read.
    input  logic         arvalid_i,
    output logic         arready_o,
    input  logic [ 63:0] araddr_i,
    input  logic [  7:0] arlen_i,
    output logic         rvalid_o,
    input  logic         rready_i,
    output logic [511:0] rdata_o,
    output logic [  1:0] rresp_o,
    output logic         rlast_o,
    /// AXI4, written.
    input  logic         awvalid_i,
    output logic         awready_o,
    input  logic [ 63:0] awaddr_i,
    input  logic [  7:0] awlen_i,
    input  logic         wvalid_i,
    output logic         wready_o,
    input  logic [511:0] wdata_i,
    input  logic [ 63:0] wstrb_i,
    output logic         bvalid_o,
    input  logic         bready_i,
    output logic [  1:0] bresp_o
);
  localparam int DEPTH = BYTES / 64;
  localparam int A = $clog2(DEPTH);
  `MR_CHECK(g_bad_bytes, BYTES >= 128 && (BYTES & (BYTES - 1)) == 0,
            "mr_usb_memory: BYTES=%0d must be a power of two from 128.", BYTES)

  // ---- one write port

  logic write, store;
  logic [A-1:0] write_at, store_at_q;
  logic [511:0] write_data;
  logic [63:0] write_bytes;
  assign ready_o = 1'b1;
  assign write = valid_i && write_i;
  assign store = wvalid_i && wready_o;
  assign write_at = write ? addr_i[A+5:6] : store_at_q;
  assign write_data = write ? {16{data_i}} : wdata_i;
  assign write_bytes = write ? 64'hf << {addr_i[5:2], 2'b00} : store ? wstrb_i : '0;
  logic [511:0] mem[DEPTH];
`ifdef VERILATOR
  // One write of a merged word keeps the simulated memory a plain array of words.
  logic [511:0] write_mask;
  always_comb for (int b = 0; b < 64; b++) write_mask[8*b+:8] = {8{write_bytes[b]}};
  always_ff @(posedge clk_i)
    if (|write_bytes) mem[write_at] <= (mem[write_at] & ~write_mask) | (write_data & write_mask);
`else
  always_ff @(posedge clk_i)
    for (int b = 0; b < 64; b++) if (write_bytes[b]) mem[write_at][8*b+:8] <= write_data[8*b+:8];
`endif

  // ---- one read port: packets, else the next word of the burst when there is room for it

  logic load, look, looked_q, loaded_q, last_q, reading_q, room;
  logic [3:0] part_q;
  logic [A-1:0] read_at, load_at_q;
  logic [7:0] load_left_q;
  logic [511:0] read_q;
  logic [2:0] load_count_q;  // words on their way to the kernel
  assign look = valid_i && !write_i;
  assign load = reading_q && !look && load_count_q != 3'd4;
  assign read_at = look ? addr_i[A+5:6] : load_at_q;
  assign valid_o = looked_q;
  assign data_o = read_q[{part_q, 5'd0}+:32];
  assign arready_o = !reading_q;
  always_ff @(posedge clk_i) begin
    read_q <= mem[read_at];
    part_q <= addr_i[5:2];
    last_q <= load_left_q == '0;
    if (!rst_ni) begin
      looked_q <= 1'b0;
      loaded_q <= 1'b0;
      reading_q <= 1'b0;
      load_count_q <= '0;
    end else begin
      looked_q <= look;
      loaded_q <= load;
      load_count_q <= load_count_q + 3'(load) - 3'(rvalid_o && rready_i);
      if (arvalid_i && arready_o) begin
        reading_q <= 1'b1;
        load_at_q <= araddr_i[A+5:6];
        load_left_q <= arlen_i;
      end else if (load) begin
        reading_q   <= load_left_q != '0;
        load_at_q   <= load_at_q + A'(1);
        load_left_q <= load_left_q - 8'd1;
      end
    end
  end
  mr_fifo #(
      .WIDTH(513),
      .DEPTH(4)
  ) u_loaded (
      .clk_i,
      .rst_ni,
      .in_valid_i(loaded_q),
      .in_ready_o(room),
      .in_data_i({last_q, read_q}),
      .out_valid_o(rvalid_o),
      .out_ready_i(rready_i),
      .out_data_o({rlast_o, rdata_o})
  );
  assign rresp_o = 2'b00;
  `MR_ASSERT(a_room, !loaded_q || room, "a word that was read has no room")

  // ---- bursts that are written

  logic storing_q;
  logic [7:0] store_left_q;
  assign awready_o = !storing_q && !bvalid_o;
  assign wready_o = storing_q && !write;
  assign bresp_o = 2'b00;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      storing_q <= 1'b0;
      bvalid_o  <= 1'b0;
    end else begin
      if (bready_i) bvalid_o <= 1'b0;
      if (awvalid_i && awready_o) begin
        storing_q <= 1'b1;
        store_at_q <= awaddr_i[A+5:6];
        store_left_q <= awlen_i;
      end else if (store) begin
        storing_q <= store_left_q != '0;
        bvalid_o <= store_left_q == '0;
        store_at_q <= store_at_q + A'(1);
        store_left_q <= store_left_q - 8'd1;
      end
    end
  end

  logic unused_bits;
  assign unused_bits = ^{addr_i[31:A+6], addr_i[1:0], araddr_i[63:A+6], araddr_i[5:0], awaddr_i[63:A+6], awaddr_i[5:0]};
endmodule
