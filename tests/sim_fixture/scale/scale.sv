// SPDX-License-Identifier: Apache-2.0
// A small kernel with the port shape of generated ones: for each of `count` pairs it gives
// b = gain * a + number of earlier runs, and mirror = ~wide. gain 16'hdead hangs, 16'hbeef is an error.
module scale (
    input  logic         clk_i,
    input  logic         rst_ni,
    input  logic         start_i,
    output logic         idle_o,
    output logic         done_o,
    input  logic [ 15:0] gain_i,
    input  logic [ 31:0] count_i,
    input  logic         a_valid_i,
    output logic         a_ready_o,
    input  logic [ 23:0] a_data_i,
    input  logic         wide_valid_i,
    output logic         wide_ready_o,
    input  logic [ 99:0] wide_data_i,
    output logic         b_valid_o,
    input  logic         b_ready_i,
    output logic [ 39:0] b_data_o,
    output logic         mirror_valid_o,
    input  logic         mirror_ready_i,
    output logic [ 99:0] mirror_data_o,
    output logic [  0:0] busy_o,
    output logic [  0:0] starved_o,
    output logic [  0:0] blocked_o
);
  logic        running_q;
  logic [15:0] gain_q;
  logic [31:0] left_q;
  logic [39:0] runs_q;

  logic room, inputs, issue;
  assign room = (!b_valid_o || b_ready_i) && (!mirror_valid_o || mirror_ready_i);
  assign inputs = a_valid_i && wide_valid_i;
  assign issue = running_q && left_q != 0 && inputs && room;
  assign a_ready_o = running_q && left_q != 0 && room && wide_valid_i;
  assign wide_ready_o = running_q && left_q != 0 && room && a_valid_i;
  assign busy_o = issue;
  assign starved_o = running_q && left_q != 0 && room && !inputs;
  assign blocked_o = running_q && left_q != 0 && !room;
  assign idle_o = !running_q;
  assign done_o = running_q && left_q == 0 && gain_q != 16'hdead;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      running_q <= 0;
      runs_q <= 0;
      b_valid_o <= 0;
      mirror_valid_o <= 0;
    end else begin
      if (start_i && idle_o) begin
        running_q <= 1;
        gain_q <= gain_i;
        left_q <= count_i;
      end
      if (done_o) begin
        running_q <= 0;
        runs_q <= runs_q + 1;
      end
      if (b_ready_i) b_valid_o <= 0;
      if (mirror_ready_i) mirror_valid_o <= 0;
      if (issue) begin
        left_q <= left_q - 1;
        b_valid_o <= 1;
        b_data_o <= 40'(gain_q) * 40'(a_data_i) + runs_q;
        mirror_valid_o <= 1;
        mirror_data_o <= ~wide_data_i;
      end
      if (running_q && gain_q == 16'hbeef) $error("gain is %h", gain_q);
      if (running_q) assert (gain_q != 16'hcafe) else $error("gain asserted");
    end
  end
endmodule
