// SPDX-License-Identifier: Apache-2.0
// In place of a card's kernel, for tests of the packets' registers and memory: registers that answer late at random, and
// an engine that copies words of 512 bits by AXI4.
//
// Registers: 0x00 to 0x3c hold what is written; 0x40: writing n copies n words from word [0x00] to word [0x04], reading
// gives 1 while it copies. 0x80 answers with an error, 0xc0 never, 0xc4 after 1500 cycles.

module usb_copy (
    input  logic         clk_i,
    input  logic         rst_ni,
    input  logic         awvalid_i,
    output logic         awready_o,
    input  logic [ 15:0] awaddr_i,
    input  logic         wvalid_i,
    output logic         wready_o,
    input  logic [ 31:0] wdata_i,
    output logic         bvalid_o,
    input  logic         bready_i,
    output logic [  1:0] bresp_o,
    input  logic         arvalid_i,
    output logic         arready_o,
    input  logic [ 15:0] araddr_i,
    output logic         rvalid_o,
    input  logic         rready_i,
    output logic [ 31:0] rdata_o,
    output logic [  1:0] rresp_o,
    output logic         mem_arvalid_o,
    input  logic         mem_arready_i,
    output logic [ 63:0] mem_araddr_o,
    output logic [  7:0] mem_arlen_o,
    input  logic         mem_rvalid_i,
    output logic         mem_rready_o,
    input  logic [511:0] mem_rdata_i,
    input  logic         mem_rlast_i,
    output logic         mem_awvalid_o,
    input  logic         mem_awready_i,
    output logic [ 63:0] mem_awaddr_o,
    output logic [  7:0] mem_awlen_o,
    output logic         mem_wvalid_o,
    input  logic         mem_wready_i,
    output logic [511:0] mem_wdata_o,
    input  logic         mem_bvalid_i,
    output logic         mem_bready_o,
    /// A burst ended with another word than its last, or an answer came to nothing.
    output logic         wrong_o
);
  logic [31:0] random_q;
  initial random_q = 32'h7;
  always_ff @(posedge clk_i) random_q <= {random_q[30:0], random_q[31] ^ random_q[21] ^ random_q[1] ^ random_q[0]};

  // ---- registers: an address or data is taken now and then, and answered later

  logic [31:0] registers_q[16];
  logic aw_q, w_q, copying_q, start;
  logic [15:0] awaddr_q;
  logic [31:0] wdata_q;
  assign awready_o = !aw_q && random_q[0];
  assign wready_o = !w_q && random_q[1];
  assign arready_o = !rvalid_o && random_q[2] && araddr_i != 16'hc0 && (araddr_i != 16'hc4 || late_q == 11'd1500);
  logic [10:0] late_q;
  always_ff @(posedge clk_i) late_q <= !arvalid_i || arready_o ? '0 : late_q == 11'd1500 ? late_q : late_q + 11'd1;
  assign start = aw_q && w_q && !bvalid_o && random_q[3] && awaddr_q == 16'h40;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      aw_q <= 1'b0;
      w_q <= 1'b0;
      bvalid_o <= 1'b0;
      rvalid_o <= 1'b0;
    end else begin
      if (awvalid_i && awready_o) aw_q <= 1'b1;
      if (wvalid_i && wready_o) w_q <= 1'b1;
      if (bvalid_o && bready_i) bvalid_o <= 1'b0;
      if (aw_q && w_q && !bvalid_o && random_q[3] && awaddr_q != 16'hc0) begin
        aw_q <= 1'b0;
        w_q <= 1'b0;
        bvalid_o <= 1'b1;
        if (awaddr_q < 16'h40) registers_q[awaddr_q[5:2]] <= wdata_q;
      end
      if (arvalid_i && arready_o) rvalid_o <= 1'b1;
      if (rvalid_o && rready_i) rvalid_o <= 1'b0;
    end
    if (awvalid_i && awready_o) awaddr_q <= awaddr_i;
    if (wvalid_i && wready_o) wdata_q <= wdata_i;
    if (aw_q && w_q) bresp_o <= awaddr_q == 16'h80 ? 2'b10 : 2'b00;
    if (arvalid_i && arready_o) begin
      rdata_o <= araddr_i == 16'h40 ? 32'(copying_q) : registers_q[araddr_i[5:2]];
      rresp_o <= araddr_i == 16'h80 ? 2'b10 : 2'b00;
    end
  end

  // ---- the engine: bursts of 8 words at most; what is read is written at once

  logic [31:0] from_q, to_q, left_q;
  logic read_q, written_q, answered_q;  // of a burst: address of the read, of the write, and all written
  logic [31:0] burst, count_q;
  assign burst = left_q < 32'd8 ? left_q : 32'd8;
  assign mem_arvalid_o = copying_q && left_q != '0 && !read_q;
  assign mem_araddr_o = 64'(from_q) << 6;
  assign mem_arlen_o = 8'(burst - 32'd1);
  assign mem_awvalid_o = copying_q && left_q != '0 && !written_q;
  assign mem_awaddr_o = 64'(to_q) << 6;
  assign mem_awlen_o = 8'(burst - 32'd1);
  logic gate_q;  // an offer stands until it is taken
  assign mem_wvalid_o = mem_rvalid_i && gate_q && written_q;
  assign mem_rready_o = mem_wready_i && gate_q && written_q;
  assign mem_wdata_o = mem_rdata_i;
  assign mem_bready_o = random_q[5];
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      copying_q <= 1'b0;
      wrong_o <= 1'b0;
      gate_q <= 1'b0;
    end else begin
      if (!mem_wvalid_o || mem_wready_i) gate_q <= random_q[9:4] == '0;
      if (start && !copying_q) begin
        copying_q <= 1'b1;
        from_q <= registers_q[0];
        to_q <= registers_q[1];
        left_q <= wdata_q;
        read_q <= 1'b0;
        written_q <= 1'b0;
        answered_q <= 1'b0;
        count_q <= '0;
      end else if (copying_q) begin
        if (mem_arvalid_o && mem_arready_i) read_q <= 1'b1;
        if (mem_awvalid_o && mem_awready_i) written_q <= 1'b1;
        if (mem_rvalid_i && mem_rready_o) begin
          count_q <= count_q + 32'd1;
          if (mem_rlast_i != (count_q + 32'd1 == burst)) wrong_o <= 1'b1;
        end
        if (mem_bvalid_i && mem_bready_o) begin
          if (count_q != burst || answered_q) wrong_o <= 1'b1;
          from_q <= from_q + burst;
          to_q <= to_q + burst;
          left_q <= left_q - burst;
          read_q <= 1'b0;
          written_q <= 1'b0;
          count_q <= '0;
        end
        if (left_q == '0) copying_q <= 1'b0;
      end else if (mem_bvalid_i || mem_rvalid_i) wrong_o <= 1'b1;
    end
  end
endmodule
