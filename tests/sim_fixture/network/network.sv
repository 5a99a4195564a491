// SPDX-License-Identifier: Apache-2.0
// A kernel with the ports of a network: two weight beats, then per step
// state = (reset ? 0 : state) + x.low * w0 + x.high and y = state ^ w1, w the low words of the beats.
module network (
    input  logic         clk_i,
    input  logic         rst_ni,
    input  logic         start_i,
    output logic         idle_o,
    output logic         done_o,
    input  logic [ 31:0] command_i,
    input  logic [ 31:0] sequences_i,
    input  logic [ 31:0] steps_i,
    input  logic [ 31:0] total_i,
    input  logic [ 31:0] flags_i,
    input  logic         weights_valid_i,
    output logic         weights_ready_o,
    input  logic [511:0] weights_data_i,
    input  logic         x_valid_i,
    output logic         x_ready_o,
    input  logic [ 63:0] x_data_i,
    output logic         y_valid_o,
    input  logic         y_ready_i,
    output logic [ 31:0] y_data_o,
    output logic [  1:0] busy_o,
    output logic [  1:0] starved_o,
    output logic [  1:0] blocked_o
);
  logic loading_q, running_q, clear_q;
  logic [31:0] steps_q, left_q, step_q, w0_q, w1_q, state_q;

  logic room, load, step;
  assign room = !y_valid_o || y_ready_i;
  assign weights_ready_o = loading_q && left_q != 0;
  assign x_ready_o = running_q && left_q != 0 && room;
  assign load = weights_ready_o && weights_valid_i;
  assign step = x_ready_o && x_valid_i;
  assign busy_o = {step, load};
  assign starved_o = {x_ready_o && !x_valid_i, weights_ready_o && !weights_valid_i};
  assign blocked_o = {running_q && left_q != 0 && !room, 1'b0};
  assign idle_o = !loading_q && !running_q;
  assign done_o = !idle_o && left_q == 0 && !y_valid_o;

  logic [31:0] state_d;
  assign state_d = (clear_q && step_q == 0 ? 0 : state_q) + x_data_i[31:0] * w0_q + x_data_i[63:32];

  // The rest of a beat is of no use here.
  logic unused;
  assign unused = ^weights_data_i[511:32] ^ ^flags_i[31:1] ^ ^sequences_i;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      loading_q <= 0;
      running_q <= 0;
      y_valid_o <= 0;
      state_q   <= 0;
    end else begin
      if (start_i && idle_o) begin
        loading_q <= command_i == 1;
        running_q <= command_i == 2;
        clear_q <= flags_i[0];
        steps_q <= steps_i;
        step_q <= 0;
        left_q <= command_i == 1 ? 2 : total_i;
      end
      if (done_o) begin
        loading_q <= 0;
        running_q <= 0;
      end
      if (y_ready_i) y_valid_o <= 0;
      if (load) begin
        left_q <= left_q - 1;
        w0_q   <= w1_q;
        w1_q   <= weights_data_i[31:0];
      end
      if (step) begin
        left_q <= left_q - 1;
        step_q <= step_q + 1 == steps_q ? 0 : step_q + 1;
        state_q <= state_d;
        y_valid_o <= 1;
        y_data_o <= state_d ^ w1_q;
      end
    end
  end
endmodule
