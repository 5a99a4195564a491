// SPDX-License-Identifier: Apache-2.0
// A stream kernel for tests of the packets: gives each word plus one, stalls at random, holds up to 8 words, and stands
// still after the word 0xdead.

module usb_echo (
    input  logic        clk_i,
    input  logic        rst_ni,
    /// How often it stalls, in 1/256 of the cycles.
    input  logic [ 7:0] stall_i,
    /// Nothing to do, or no room for what is done.
    output logic        waits_o,
    input  logic        to_valid_i,
    output logic        to_ready_o,
    input  logic [15:0] to_data_i,
    output logic        from_valid_o,
    input  logic        from_ready_i,
    output logic [15:0] from_data_o
);
  logic [31:0] random_q;
  logic [15:0] words_q[8];
  logic [3:0] write_q, read_q;
  logic dead_q, full, empty;
  initial random_q = 32'h1;
  assign full = write_q == {!read_q[3], read_q[2:0]};
  assign empty = write_q == read_q;
  assign waits_o = (empty && !to_valid_i) || (from_valid_o && !from_ready_i);
  assign to_ready_o = !full && !dead_q && random_q[7:0] >= stall_i;
  always_ff @(posedge clk_i) begin
    random_q <= {random_q[30:0], random_q[31] ^ random_q[21] ^ random_q[1] ^ random_q[0]};
    if (!rst_ni) begin
      write_q <= '0;
      read_q <= '0;
      dead_q <= 1'b0;
      from_valid_o <= 1'b0;
    end else begin
      if (to_valid_i && to_ready_o) begin
        if (to_data_i == 16'hdead) dead_q <= 1'b1;
        else begin
          words_q[write_q[2:0]] <= to_data_i + 16'd1;
          write_q <= write_q + 4'd1;
        end
      end
      if (from_ready_i) from_valid_o <= 1'b0;
      if (!empty && !dead_q && (!from_valid_o || from_ready_i) && random_q[15:8] >= stall_i) begin
        from_valid_o <= 1'b1;
        from_data_o <= words_q[read_q[2:0]];
        read_q <= read_q + 4'd1;
      end
    end
  end
endmodule
