// SPDX-License-Identifier: Apache-2.0
// The proof of mr_axil_slave, read inside the module under FORMAL, for a master that keeps its offers: every write reaches
// the register bus once, with the address and data that were taken, and every read is answered once, with what the bus gave;
// answers come after what they answer and stand until they are taken. Reset may come at any time.

logic f_started_q;
logic [7:0] f_aw_q, f_w_q, f_wr_q, f_b_q, f_ar_q, f_rd_q, f_r_q;
logic [ADDR_WIDTH-1:0] f_awaddr_q, f_araddr_q;
logic [31:0] f_wdata_q, f_rdata_q;
logic [3:0] f_wstrb_q;
logic f_live;

initial f_started_q = 1'b0;
always_comb assume (f_started_q || !rst_ni);
assign f_live = f_started_q && rst_ni;

// The master.
always_ff @(posedge clk_i) begin
  if (f_live && $past(f_started_q) && $past(rst_ni)) begin
    if ($past(awvalid_i && !awready_o)) assume (awvalid_i && awaddr_i == $past(awaddr_i));
    if ($past(wvalid_i && !wready_o))
      assume (wvalid_i && wdata_i == $past(wdata_i) && wstrb_i == $past(wstrb_i));
    if ($past(arvalid_i && !arready_o)) assume (arvalid_i && araddr_i == $past(araddr_i));
  end
end

always_ff @(posedge clk_i) begin
  f_started_q <= 1'b1;
  if (!rst_ni) begin
    f_aw_q <= '0;
    f_w_q  <= '0;
    f_wr_q <= '0;
    f_b_q  <= '0;
    f_ar_q <= '0;
    f_rd_q <= '0;
    f_r_q  <= '0;
  end else begin
    f_aw_q <= f_aw_q + 8'(awvalid_i && awready_o);
    f_w_q  <= f_w_q + 8'(wvalid_i && wready_o);
    f_wr_q <= f_wr_q + 8'(wr_valid_o);
    f_b_q  <= f_b_q + 8'(bvalid_o && bready_i);
    f_ar_q <= f_ar_q + 8'(arvalid_i && arready_o);
    f_rd_q <= f_rd_q + 8'(rd_valid_o);
    f_r_q  <= f_r_q + 8'(rvalid_o && rready_i);
  end
  if (awvalid_i && awready_o) f_awaddr_q <= awaddr_i;
  if (wvalid_i && wready_o) f_wdata_q <= wdata_i;
  if (wvalid_i && wready_o) f_wstrb_q <= wstrb_i;
  if (arvalid_i && arready_o) f_araddr_q <= araddr_i;
  if (wait_q[1]) f_rdata_q <= rd_data_i;
end

always_comb begin
  if (f_live) begin
    // Writes: at most one under way, answered after its address, its data and its one pulse.
    assert (8'(address_held_q) == f_aw_q - f_b_q && 8'(data_held_q) == f_w_q - f_b_q);
    assert (8'(bvalid_o) == f_wr_q - f_b_q);
    if (bvalid_o) assert (address_held_q && data_held_q);
    if (wr_valid_o) assert (f_aw_q - f_wr_q == 8'd1 && f_w_q - f_wr_q == 8'd1);
    if (address_held_q) assert (wr_addr_o == f_awaddr_q);
    if (data_held_q) assert (wr_data_o == f_wdata_q && wr_strobe_o == f_wstrb_q);
    assert (!(address_held_q && awready_o) && !(data_held_q && wready_o));
    // Reads: at most one under way, in one of four places.
    assert (8'(reading_q) == f_ar_q - f_r_q);
    assert (8'(rd_valid_o) + 8'(wait_q[0]) + 8'(wait_q[1]) + 8'(rvalid_o) == 8'(reading_q));
    assert (f_rd_q - f_r_q == 8'(reading_q && !rd_valid_o));
    assert (!(reading_q && arready_o));
    if (reading_q) assert (rd_addr_o == f_araddr_q);
    if (rvalid_o) assert (rdata_o == f_rdata_q);
    assert (bresp_o == 2'b00 && rresp_o == 2'b00);
  end
end

always_ff @(posedge clk_i) begin
  if (f_started_q && $past(f_started_q) && $past(!rst_ni))
    assert (!bvalid_o && !rvalid_o && !awready_o && !wready_o && !arready_o && !wr_valid_o && !rd_valid_o);
  if (f_live && $past(f_started_q) && $past(rst_ni)) begin
    if ($past(bvalid_o && !bready_i)) assert (bvalid_o);
    if ($past(rvalid_o && !rready_i)) assert (rvalid_o && rdata_o == $past(rdata_o));
    // It never stalls.
    if ($past(address_held_q && data_held_q && !bvalid_o)) assert (bvalid_o);
    if ($past(!reading_q) && !reading_q) assert (arready_o);
    if ($past(!address_held_q) && !address_held_q) assert (awready_o);
    if ($past(!data_held_q) && !data_held_q) assert (wready_o);
    // The bus's word is that of two cycles after the pulse.
    assert (wait_q[0] == $past(rd_valid_o));
    if ($past(wait_q[1])) assert (rvalid_o && rdata_o == $past(rd_data_i));
  end
end

always_comb begin
  cover (f_live && f_b_q == 8'd2 && f_r_q == 8'd2);
  cover (f_live && bvalid_o && !bready_i && rvalid_o && !rready_i);
  cover (f_live && address_held_q && !data_held_q && f_w_q == 8'd1);
  cover (f_live && data_held_q && !address_held_q && f_aw_q == 8'd1);
end
