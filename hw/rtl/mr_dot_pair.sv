// SPDX-License-Identifier: Apache-2.0
// Sums of products of two rows of weights with the same columns, all signed: a cascade of one DSP48E2
// per column, whose multiplier makes both products. The pre-adder puts the second row 18 bits above the
// first (A + D, 27 bits), so the two sums grow side by side in one accumulator. The first sum starts at
// 2^17 (the constant RND), so that it never borrows from the second one.
// The last sum comes COLUMNS + 2 cycles after its first column, for any operands.

`include "mr_assert.svh"

// The synthesis tools define SYNTHESIS; the others get plain operators.
`ifdef SYNTHESIS
`define MR_DOT_PAIR_DSP 1'b1
`else
`define MR_DOT_PAIR_DSP 1'b0
`endif

module mr_dot_pair #(
    /// Products in a row; 1 to 7, so that a sum stays within its 18 bits: 8 (-128)^2 do not.
    parameter int COLUMNS = 4,
    /// Whether it is built of DSP48E2.
    parameter bit DSP = `MR_DOT_PAIR_DSP
) (
    /// Clock, rising edge.
    input  logic                   clk_i,
    /// Weights of both rows, row 0 first, 8 bits each, column 0 first. Columns 0 and 1 are of the
    /// first cycle, column k of cycle k - 1.
    input  logic [2*COLUMNS*8-1:0] weights_i,
    /// Columns, of the same cycles.
    input  logic [  COLUMNS*8-1:0] columns_i,
    /// The signed sum of each row.
    output logic [       2*18-1:0] sums_o
);
  `MR_CHECK(g_bad_columns, COLUMNS >= 1 && COLUMNS <= 7, "mr_dot_pair: COLUMNS=%0d must be 1 to 7.",
            COLUMNS)

  if (DSP) begin : g_dsp
    logic [COLUMNS*48-1:0] sums, cascade;
    logic [47:0] last;
    for (genvar k = 0; k < COLUMNS; k++) begin : g_column
      // M and RND, or M and PCIN.
      localparam bit [8:0] MODE = k == 0 ? 9'b10_000_01_01 : 9'b00_001_01_01;
      logic [7:0] first, second, column;
      logic [47:0] last_sum, sum, next;
      assign first  = weights_i[k*8+:8];
      assign second = weights_i[(COLUMNS+k)*8+:8];
      assign column = columns_i[k*8+:8];
      always_comb sums[k*48+:48] = sum;
      always_comb cascade[k*48+:48] = next;
      if (k == 0) begin : g_start
        assign last_sum = '0;
      end else begin : g_next
        assign last_sum = cascade[(k-1)*48+:48];
      end
      DSP48E2 #(
          // Behind the first column there is time for a register behind the pre-adder.
          .AREG(1), .ACASCREG(1), .DREG(1), .ADREG(k == 0 ? 0 : 1),
          .BREG(k == 0 ? 1 : 2), .BCASCREG(k == 0 ? 1 : 2), .MREG(1), .PREG(1), .CREG(1),
          .ALUMODEREG(0), .CARRYINREG(0), .CARRYINSELREG(0), .INMODEREG(0), .OPMODEREG(0),
          .AMULTSEL("AD"), .BMULTSEL("B"), .PREADDINSEL("A"), .USE_MULT("MULTIPLY"),
          .RND(48'h000000020000)
      ) i_dsp (
          .CLK(clk_i), .A({{22{first[7]}}, first}), .D({second[7], second, 18'b0}),
          .B({{10{column[7]}}, column}),
          .C({48{1'b1}}), .PCIN(last_sum), .P(sum), .PCOUT(next),
          .OPMODE(MODE), .ALUMODE(4'b0000), .INMODE(5'b00100), // A + D
          .CARRYIN(1'b0), .CARRYINSEL(3'b000), .CARRYCASCIN(1'b0), .MULTSIGNIN(1'b0),
          .ACIN(30'b0), .BCIN(18'b0),
          .CEA1(1'b1), .CEA2(1'b1), .CEAD(1'b1), .CEB1(1'b1), .CEB2(1'b1), .CED(1'b1), .CEM(1'b1),
          .CEP(1'b1), .CEC(1'b0), .CEALUMODE(1'b0), .CECARRYIN(1'b0), .CECTRL(1'b0),
          .CEINMODE(1'b0),
          .RSTA(1'b0), .RSTALLCARRYIN(1'b0), .RSTALUMODE(1'b0), .RSTB(1'b0), .RSTC(1'b0),
          .RSTCTRL(1'b0), .RSTD(1'b0), .RSTINMODE(1'b0), .RSTM(1'b0), .RSTP(1'b0)
      );
    end
    // Less 2^17, which is the top bit of the first sum turned round.
    assign last = sums[(COLUMNS-1)*48+:48];
    assign sums_o = {last[35:18], ~last[17], last[16:0]};
  end else begin : g_operators
    for (genvar r = 0; r < 2; r++) begin : g_row
      logic [COLUMNS*18-1:0] sums_q;
      for (genvar k = 0; k < COLUMNS; k++) begin : g_column
        // The registers of a multiplier's operands, one more behind the first column.
        logic signed [7:0] weight_q, column_q, weight, column;
        logic signed [17:0] product_q;
        logic [17:0] last_sum;
        if (k == 0) begin : g_start
          assign weight = weight_q;
          assign column = column_q;
          assign last_sum = '0;
        end else begin : g_next
          logic signed [7:0] late_weight_q, late_column_q;
          always_ff @(posedge clk_i) begin
            late_weight_q <= weight_q;
            late_column_q <= column_q;
          end
          assign weight = late_weight_q;
          assign column = late_column_q;
          assign last_sum = sums_q[(k-1)*18+:18];
        end
        always_ff @(posedge clk_i) begin
          weight_q  <= weights_i[(r*COLUMNS+k)*8+:8];
          column_q  <= columns_i[k*8+:8];
          product_q <= 18'(weight) * 18'(column);
          sums_q[k*18+:18] <= last_sum + product_q;
        end
      end
      assign sums_o[r*18+:18] = sums_q[(COLUMNS-1)*18+:18];
    end
  end
endmodule
