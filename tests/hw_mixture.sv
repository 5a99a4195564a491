// SPDX-License-Identifier: Apache-2.0
// What the test benches of streams share: random numbers, words made from their numbers, and every mixture of idle
// input and stalled output, changed every 256 cycles, the first without either; a reset every 4,096.
package hw_noise;
  function automatic logic [31:0] next(input logic [31:0] x);
    logic [31:0] y;
    y = x ^ (x << 13);
    y = y ^ (y >> 17);
    next = y ^ (y << 5);
  endfunction

  /// Word number n; of its low bits as many as are wanted.
  function automatic logic [95:0] word(input logic [31:0] n);
    logic [31:0] y;
    y = (n + 32'd1) * 32'h9E3779B1;
    y = y ^ (y >> 15);
    word = {~y, y, ~y};
  endfunction
endpackage

module hw_mixture #(
    /// Another one for each instance.
    parameter logic [31:0] SALT = 0
) (
    input logic clk_i,
    input logic [31:0] seed_i,
    input logic start_i,
    output logic rst_no,
    output logic [31:0] cycle_o,
    output logic [31:0] random_o,
    /// An input idles when a random byte is less.
    output logic [7:0] idle_o,
    /// The output is taken in this cycle.
    output logic ready_o
);
  logic [7:0] stall_q;
  initial begin
    rst_no = 1'b0;
    cycle_o = 32'd0;
    random_o = 32'd1;
    idle_o = 8'd0;
    stall_q = 8'd0;
    ready_o = 1'b0;
  end
  always @(posedge clk_i) begin
    if (start_i) begin
      random_o <= seed_i ^ SALT;
      rst_no <= 1'b0;
      cycle_o <= 32'd0;
    end else begin
      cycle_o <= cycle_o + 32'd1;
      random_o <= hw_noise::next(random_o);
      if (cycle_o[7:0] == 8'd255) begin
        idle_o <= random_o[8] ? random_o[7:0] : (random_o[9] ? 8'd0 : 8'd250);
        stall_q <= random_o[18] ? random_o[17:10] : (random_o[19] ? 8'd0 : 8'd250);
      end
      rst_no <= cycle_o[11:0] >= 12'd2;
      ready_o <= random_o[23:16] >= stall_q;
    end
  end
endmodule
