// SPDX-License-Identifier: Apache-2.0
// A network of the simplest kind for the tests of the card, with elements of any width (the tests put a number for
// BITS) and with state streams: two weight beats, then y = x ^ weights ^ sum, one for each step, where sum is that of
// the low bytes of x so far and is forgotten at the start of a sequence by the flag. State is three beats; the last holds
// the sum. Runs of 77, 78 and 79 steps misbehave: one y too few, one too many, and a network that stands still.
module network (
    input  logic             clk_i,
    input  logic             rst_ni,
    input  logic             start_i,
    output logic             idle_o,
    output logic             done_o,
    input  logic [     31:0] command_i,
    input  logic [     31:0] sequences_i,
    input  logic [     31:0] steps_i,
    input  logic [     31:0] total_i,
    input  logic [     31:0] flags_i,
    input  logic             weights_valid_i,
    output logic             weights_ready_o,
    input  logic [    511:0] weights_data_i,
    input  logic             x_valid_i,
    output logic             x_ready_o,
    input  logic [@BITS@-1:0] x_data_i,
    input  logic             state_in_valid_i,
    output logic             state_in_ready_o,
    input  logic [    511:0] state_in_data_i,
    output logic             y_valid_o,
    input  logic             y_ready_i,
    output logic [@BITS@-1:0] y_data_o,
    output logic             state_out_valid_o,
    input  logic             state_out_ready_i,
    output logic [    511:0] state_out_data_o,
    output logic [      1:0] busy_o,
    output logic [      1:0] starved_o,
    output logic [      1:0] blocked_o
);
  logic running_q, reset_q, extra_q;
  logic [31:0] command_q, steps_q, left_q, step_q;
  logic [511:0] weights_q;
  logic [7:0] sum_q, prior, sum_d;

  logic room, load, step, give, take, short_run, long_run, dead_run;
  assign short_run = steps_q == 32'd77;
  assign long_run = steps_q == 32'd78;
  assign dead_run = steps_q == 32'd79;
  assign room = !y_valid_o || y_ready_i;
  assign weights_ready_o = running_q && command_q == 32'd1 && left_q != '0;
  assign x_ready_o = running_q && command_q == 32'd2 && left_q != '0 && room && !dead_run;
  assign state_out_valid_o = running_q && command_q == 32'd3 && left_q != '0;
  assign state_in_ready_o = running_q && command_q == 32'd4 && left_q != '0;
  assign load = weights_ready_o && weights_valid_i;
  assign step = x_ready_o && x_valid_i;
  assign give = state_out_valid_o && state_out_ready_i;
  assign take = state_in_ready_o && state_in_valid_i;
  assign state_out_data_o = {480'd0, left_q[15:0], sum_q, sum_q};
  assign busy_o = {step || give, load || take};
  assign starved_o = {x_ready_o && !x_valid_i, (weights_ready_o && !weights_valid_i) || (state_in_ready_o && !state_in_valid_i)};
  assign blocked_o = {running_q && left_q != '0 && !room, 1'b0};
  assign idle_o = !running_q;
  assign done_o = running_q && left_q == '0 && !y_valid_o;

  assign prior = reset_q && step_q == '0 ? '0 : sum_q;
  assign sum_d = prior + x_data_i[7:0];

  logic unused;
  assign unused = ^{flags_i[31:1], sequences_i, state_in_data_i[511:8]};

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      running_q <= 1'b0;
      y_valid_o <= 1'b0;
      sum_q <= '0;
    end else begin
      if (start_i && idle_o) begin
        running_q <= 1'b1;
        command_q <= command_i;
        reset_q <= flags_i[0];
        steps_q <= steps_i;
        step_q <= '0;
        extra_q <= 1'b1;
        left_q <= command_i == 32'd1 ? 32'd2 : command_i == 32'd2 ? total_i : 32'd3;
        if (command_i == 32'd1) weights_q <= '0;
      end
      if (done_o) running_q <= 1'b0;
      if (load || step || give || take) left_q <= left_q - 32'd1;
      if (load) weights_q <= weights_data_i ^ {weights_q[510:0], 1'b0};
      if (take && left_q == 32'd1) sum_q <= state_in_data_i[7:0];
      if (y_ready_i) y_valid_o <= 1'b0;
      if (step) begin
        step_q <= step_q + 32'd1 == steps_q ? '0 : step_q + 32'd1;
        sum_q <= sum_d;
        y_valid_o <= !(short_run && left_q == 32'd1);
        y_data_o <= x_data_i ^ @BITS@'(weights_q) ^ @BITS@'(sum_d);
      end else if (long_run && y_valid_o && y_ready_i && left_q == '0 && extra_q) begin
        extra_q   <= 1'b0;
        y_valid_o <= 1'b1;
      end
    end
  end
endmodule
