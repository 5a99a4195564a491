// SPDX-License-Identifier: Apache-2.0
// What hw/fit/paths.awk must find: each fault as if a line of wrong.c had made it.
module wrong (
  input  logic clk_i,
  input  logic [511:0] data_i,
  input  logic [9:0] at_i,
  output logic [2:0] out_o
);
  // wrong.c:1
  logic chosen_q;
  // wrong.c:2
  logic [299:0] many_q;
  // wrong.c:3
  logic [43:0] first_q;
  logic [3:0] link [11];
  logic link_q;
  // wrong.c:4
  logic [79:0] left_q, right_q, sum_q;
  // wrong.c:5
  logic signed [15:0] a_q, b_q;
  logic signed [31:0] product_q;
  // wrong.c:6
  logic [17:0] table_q, next_q;
  logic [17:0] memory [1024];
  logic [9:0] at_q;
  // A chain of functions, each of which hangs on the one before.
  assign link[0] = first_q[3:0];
  for (genvar i = 0; i < 10; i++) begin : gen_link
    assign link[i+1] = {link[i][2:0], link[i][3]} + (link[i] & first_q[4*i+4+:4]);
  end
  always_ff @(posedge clk_i) begin
    chosen_q <= data_i[300];
    many_q <= chosen_q ? data_i[299:0] : many_q;
    first_q <= data_i[43:0];
    link_q <= ^link[10];
    left_q <= data_i[399:320];
    right_q <= data_i[159:80];
    sum_q <= left_q + {right_q[79:40], 40'd5};
    a_q <= data_i[175:160];
    b_q <= data_i[191:176];
    product_q <= (a_q ^ 16'sd21) * (b_q ^ 16'sd7);
    at_q <= at_i;
    table_q <= memory[at_q];
    if (data_i[511]) memory[at_q] <= data_i[17:0];
    next_q <= table_q + 18'd5;
    out_o <= {^many_q, ^sum_q ^ link_q, ^product_q ^ ^next_q};
  end
endmodule
