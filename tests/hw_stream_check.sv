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
  logic [31:0] rng_q, cycle_q, in_q, out_q;
  logic [7:0] idle_q, stall_q;

  function automatic logic [31:0] next(input logic [31:0] x);
    logic [31:0] y;
    y = x ^ (x << 13);
    y = y ^ (y >> 17);
    next = y ^ (y << 5);
  endfunction

  function automatic logic [WIDTH-1:0] value(input logic [31:0] n);
    logic [31:0] y;
    y = (n + 32'd1) * 32'h9E3779B1;
    y = y ^ (y >> 15);
    value = WIDTH'({~y, y, ~y});
  endfunction

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
    rst_n = 1'b0;
    in_valid = 1'b0;
    out_ready = 1'b0;
    in_data = '0;
    rng_q = 32'd1;
    cycle_q = 32'd0;
    in_q = 32'd0;
    out_q = 32'd0;
    idle_q = 8'd0;
    stall_q = 8'd0;
  end

  always @(posedge clk_i) begin
    if (start_i) begin
      rng_q <= seed_i ^ (32'(DEPTH) * 32'd2654435761) ^ (32'(LUTRAM_DEPTH) << 20) ^ 32'(WIDTH);
      rst_n <= 1'b0;
      cycle_q <= 32'd0;
    end else begin
      cycle_q <= cycle_q + 32'd1;
      rng_q <= next(rng_q);
      // A new mixture every 256 cycles, the first without idle and stall; a reset every 4,096.
      if (cycle_q[7:0] == 8'd255) begin
        idle_q <= rng_q[8] ? rng_q[7:0] : (rng_q[9] ? 8'd0 : 8'd250);
        stall_q <= rng_q[18] ? rng_q[17:10] : (rng_q[19] ? 8'd0 : 8'd250);
      end
      rst_n <= cycle_q[11:0] >= 12'd2;
      // A source keeps its offer until it is taken.
      if (!rst_n) begin
        in_valid <= 1'b0;
        in_q <= 32'd0;
        out_q <= 32'd0;
      end else begin
        if (in_valid && in_ready) in_q <= in_q + 32'd1;
        if (out_valid && out_ready) out_q <= out_q + 32'd1;
        if (!in_valid || in_ready) begin
          in_valid <= rng_q[31:24] >= idle_q;
          in_data <= value(in_q + (in_valid ? 32'd1 : 32'd0));
        end
        if (in_ready !== (in_q - out_q != 32'(DEPTH)) || out_valid !== (in_q != out_q)) begin
          errors_o <= errors_o + 1;
          if (errors_o < 5)
            $display("KIND=%0d WIDTH=%0d DEPTH=%0d LUTRAM_DEPTH=%0d cycle %0d: %0d inside, in_ready=%b, out_valid=%b",
                     KIND, WIDTH, DEPTH, LUTRAM_DEPTH, cycle_q, in_q - out_q, in_ready, out_valid);
        end else if (out_valid && out_data !== value(out_q)) begin
          errors_o <= errors_o + 1;
          if (errors_o < 5)
            $display("KIND=%0d WIDTH=%0d DEPTH=%0d LUTRAM_DEPTH=%0d cycle %0d: element %0d is %h, expected %h",
                     KIND, WIDTH, DEPTH, LUTRAM_DEPTH, cycle_q, out_q, out_data, value(out_q));
        end else if (out_valid && out_ready) passed_o <= passed_o + 1;
        if (!in_ready) fulls_o <= fulls_o + 1;
      end
      out_ready <= rng_q[23:16] >= stall_q;
    end
  end
endmodule
