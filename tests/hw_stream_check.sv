// SPDX-License-Identifier: Apache-2.0
// Drives one mr_fifo (or mr_skid, KIND 1, DEPTH 2) with every mixture of idle input and stalled output
// and compares it in each cycle with a model: the number of elements inside decides both handshakes, and
// element number n carries a value made from n. Counts its errors. For hw_fifo_tb.sv, hw_skid_tb.sv.
module hw_stream_check #(
    parameter int KIND = 0,
    parameter int WIDTH = 16,
    parameter int DEPTH = 2,
    parameter int LUTRAM_DEPTH = 64
) (
    input logic clk_i,
    input logic [31:0] seed_i,
    input logic start_i,
    output int errors_o,
    output int passed_o,
    output int fulls_o
);
  logic rst_n, in_valid, in_ready, out_valid, out_ready;
  logic [WIDTH-1:0] in_data, out_data;
  logic [31:0] random, cycle, in_q, out_q;
  logic [7:0] idle;

  hw_mixture #(.SALT((32'(DEPTH) * 32'd2654435761) ^ (32'(LUTRAM_DEPTH) << 20) ^ 32'(WIDTH))) u_mixture (
      .clk_i(clk_i), .seed_i(seed_i), .start_i(start_i), .rst_no(rst_n), .cycle_o(cycle), .random_o(random),
      .idle_o(idle), .ready_o(out_ready));

  logic [95:0] first, next; // the word that is due at the output, and the next one of the input
  assign first = hw_noise::word(out_q);
  assign next = hw_noise::word(in_q + (in_valid ? 32'd1 : 32'd0));

  if (KIND == 0) begin : g_fifo
    mr_fifo #(
        .WIDTH(WIDTH),
        .DEPTH(DEPTH),
        .LUTRAM_DEPTH(LUTRAM_DEPTH)
    ) u_dut (
        .clk_i(clk_i),
        .rst_ni(rst_n),
        .in_valid_i(in_valid),
        .in_ready_o(in_ready),
        .in_data_i(in_data),
        .out_valid_o(out_valid),
        .out_ready_i(out_ready),
        .out_data_o(out_data)
    );
  end else begin : g_skid
    mr_skid #(
        .WIDTH(WIDTH)
    ) u_dut (
        .clk_i(clk_i),
        .rst_ni(rst_n),
        .in_valid_i(in_valid),
        .in_ready_o(in_ready),
        .in_data_i(in_data),
        .out_valid_o(out_valid),
        .out_ready_i(out_ready),
        .out_data_o(out_data)
    );
  end

  initial begin
    errors_o = 0;
    passed_o = 0;
    fulls_o = 0;
    in_valid = 1'b0;
    in_data = '0;
    in_q = 32'd0;
    out_q = 32'd0;
  end

  always @(posedge clk_i) begin
    // A source keeps its offer until it is taken.
    if (!rst_n) begin
      in_valid <= 1'b0;
      in_q <= 32'd0;
      out_q <= 32'd0;
    end else begin
      if (in_valid && in_ready) in_q <= in_q + 32'd1;
      if (out_valid && out_ready) out_q <= out_q + 32'd1;
      if (!in_valid || in_ready) begin
        in_valid <= random[31:24] >= idle;
        in_data <= next[WIDTH-1:0];
      end
      if (in_ready !== (in_q - out_q != 32'(DEPTH)) || out_valid !== (in_q != out_q)) begin
        errors_o <= errors_o + 1;
        if (errors_o < 5)
          $display("KIND=%0d WIDTH=%0d DEPTH=%0d LUTRAM_DEPTH=%0d cycle %0d: %0d inside, in_ready=%b, out_valid=%b",
                   KIND, WIDTH, DEPTH, LUTRAM_DEPTH, cycle, in_q - out_q, in_ready, out_valid);
      end else if (out_valid && out_data !== first[WIDTH-1:0]) begin
        errors_o <= errors_o + 1;
        if (errors_o < 5)
          $display("KIND=%0d WIDTH=%0d DEPTH=%0d LUTRAM_DEPTH=%0d cycle %0d: element %0d is %h, expected %h",
                   KIND, WIDTH, DEPTH, LUTRAM_DEPTH, cycle, out_q, out_data, first[WIDTH-1:0]);
      end else if (out_valid && out_ready) passed_o <= passed_o + 1;
      if (!in_ready) fulls_o <= fulls_o + 1;
    end
  end
endmodule
