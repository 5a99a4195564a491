// SPDX-License-Identifier: Apache-2.0
// What hw/rtl uses of AMD's DSP48E2, which has no simulation model in the open tools: the pre-adder, the
// multiplier and the accumulator with their registers, as in AMD's UG579. Anything else stops the simulation.
module DSP48E2 #(
    parameter int AREG = 1,
    parameter int ACASCREG = 1,
    parameter int DREG = 1,
    parameter int ADREG = 1,
    parameter int BREG = 1,
    parameter int BCASCREG = 1,
    parameter int CREG = 1,
    parameter int MREG = 1,
    parameter int PREG = 1,
    parameter int ALUMODEREG = 1,
    parameter int CARRYINREG = 1,
    parameter int CARRYINSELREG = 1,
    parameter int INMODEREG = 1,
    parameter int OPMODEREG = 1,
    parameter AMULTSEL = "A",
    parameter BMULTSEL = "B",
    parameter PREADDINSEL = "A",
    parameter USE_MULT = "MULTIPLY",
    parameter logic [47:0] RND = '0
) (
    input  logic        CLK,
    input  logic [29:0] A,
    input  logic [26:0] D,
    input  logic [17:0] B,
    input  logic [47:0] C,
    input  logic [47:0] PCIN,
    output logic [47:0] P,
    output logic [47:0] PCOUT,
    input  logic [ 8:0] OPMODE,
    input  logic [ 3:0] ALUMODE,
    input  logic [ 4:0] INMODE,
    input  logic        CARRYIN,
    input  logic [ 2:0] CARRYINSEL,
    input  logic        CARRYCASCIN,
    input  logic        MULTSIGNIN,
    input  logic [29:0] ACIN,
    input  logic [17:0] BCIN,
    input  logic        CEA1,
    input  logic        CEA2,
    input  logic        CEAD,
    input  logic        CEB1,
    input  logic        CEB2,
    input  logic        CEC,
    input  logic        CED,
    input  logic        CEM,
    input  logic        CEP,
    input  logic        CEALUMODE,
    input  logic        CECARRYIN,
    input  logic        CECTRL,
    input  logic        CEINMODE,
    input  logic        RSTA,
    input  logic        RSTALLCARRYIN,
    input  logic        RSTALUMODE,
    input  logic        RSTB,
    input  logic        RSTC,
    input  logic        RSTCTRL,
    input  logic        RSTD,
    input  logic        RSTINMODE,
    input  logic        RSTM,
    input  logic        RSTP
);
  logic signed [26:0] a_q, d_q, ad, ad_q;
  logic signed [17:0] b1_q, b2_q;
  logic signed [44:0] m_q;
  logic [47:0] w, z, p_q;

  // What is not modelled.
  always_ff @(posedge CLK) begin
    if (AREG != 1 || DREG != 1 || MREG != 1 || PREG != 1 || ACASCREG != AREG || BCASCREG != BREG ||
        !(ADREG == 0 && BREG == 1 || ADREG == 1 && BREG == 2))
      $fatal(1, "%m: the model has no such registers");
    if (ALUMODEREG != 0 || CARRYINREG != 0 || CARRYINSELREG != 0 || INMODEREG != 0 || OPMODEREG != 0)
      $fatal(1, "%m: the model has no registers of the modes");
    if (AMULTSEL != "AD" || BMULTSEL != "B" || PREADDINSEL != "A" || USE_MULT != "MULTIPLY" || CREG != 1)
      $fatal(1, "%m: the model has the pre-adder in front of the multiplier only");
    if (ALUMODE != 0 || INMODE != 5'b00100 || OPMODE[3:0] != 4'b0101 || CARRYIN || CARRYINSEL != 0)
      $fatal(1, "%m: the model has D + A, times B, and sums with it only");
    if (!(OPMODE[6:4] == 3'b000 || OPMODE[6:4] == 3'b001) || !(OPMODE[8:7] == 2'b00 || OPMODE[8:7] == 2'b10))
      $fatal(1, "%m: the model sums 0 or PCIN, and 0 or RND only");
    if (!(CEA2 && CEB1 && CEB2 && CEAD && CED && CEM && CEP))
      $fatal(1, "%m: the model's clock is always enabled");
    if (RSTA || RSTB || RSTD || RSTM || RSTP || RSTALUMODE || RSTCTRL || RSTINMODE || RSTALLCARRYIN)
      $fatal(1, "%m: the model has no reset");
  end

  assign ad = d_q + a_q;
  assign w = OPMODE[8] ? RND : '0;
  assign z = OPMODE[4] ? PCIN : '0;
  always_ff @(posedge CLK) begin
    a_q  <= A[26:0];
    d_q  <= D;
    ad_q <= ad;
    b1_q <= B;
    b2_q <= b1_q;
    m_q  <= ADREG == 1 ? 45'(ad_q) * 45'(b2_q) : 45'(ad) * 45'(b1_q);
    p_q  <= 48'(m_q) + z + w;
  end
  assign P = p_q;
  assign PCOUT = p_q;
endmodule
