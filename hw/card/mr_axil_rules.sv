// SPDX-License-Identifier: Apache-2.0
// Checks in simulation the rules of AXI4-Lite, of both sides: those of AXI4 with bursts of one beat, and
// never EXOKAY.
module mr_axil_rules #(
    parameter int ADDR_WIDTH = 16
) (
    input logic                  clk_i,
    input logic                  rst_ni,
    input logic                  awvalid_i,
    input logic                  awready_i,
    input logic [ADDR_WIDTH-1:0] awaddr_i,
    input logic                  wvalid_i,
    input logic                  wready_i,
    input logic [          31:0] wdata_i,
    input logic [           3:0] wstrb_i,
    input logic                  bvalid_i,
    input logic                  bready_i,
    input logic [           1:0] bresp_i,
    input logic                  arvalid_i,
    input logic                  arready_i,
    input logic [ADDR_WIDTH-1:0] araddr_i,
    input logic                  rvalid_i,
    input logic                  rready_i,
    input logic [          31:0] rdata_i,
    input logic [           1:0] rresp_i
);
  mr_axi_write_rules #(
      .WIDTH(32)
  ) u_write (
      .clk_i,
      .rst_ni,
      .awvalid_i,
      .awready_i,
      .awaddr_i(64'({awaddr_i[ADDR_WIDTH-1:2], 2'b00})),
      .awlen_i(8'd0),
      .wvalid_i,
      .wready_i,
      .wdata_i,
      .wstrb_i,
      .wlast_i(1'b1),
      .bvalid_i,
      .bready_i,
      .bresp_i
  );
  mr_axi_read_rules #(
      .WIDTH(32)
  ) u_read (
      .clk_i,
      .rst_ni,
      .arvalid_i,
      .arready_i,
      .araddr_i(64'({araddr_i[ADDR_WIDTH-1:2], 2'b00})),
      .arlen_i(8'd0),
      .rvalid_i,
      .rready_i,
      .rdata_i,
      .rresp_i,
      .rlast_i(1'b1)
  );
  logic unused;
  assign unused = ^{awaddr_i[1:0], araddr_i[1:0]};
endmodule
