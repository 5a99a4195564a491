// SPDX-License-Identifier: Apache-2.0
// The proof of mr_skid, read inside the module under FORMAL: one element, picked freely, is followed
// from entry to exit (f_ahead_q: whether another is before it), which shows order, no loss, no copy and
// no damage. Reset may come at any time.

(* anyseq *) logic f_pick;
logic f_inside_q, f_ahead_q, f_started_q, f_was_full_q;
logic [WIDTH-1:0] f_data_q;
logic [7:0] f_in_q, f_out_q;
logic f_push, f_pop;

initial f_started_q = 1'b0;
always_comb assume (f_started_q || !rst_ni);

assign f_push = in_valid_i && in_ready_o;
assign f_pop = out_valid_o && out_ready_i;

always_ff @(posedge clk_i) begin
  f_started_q <= 1'b1;
  if (!rst_ni) begin
    f_inside_q <= 1'b0;
    f_was_full_q <= 1'b0;
    f_in_q <= 8'd0;
    f_out_q <= 8'd0;
  end else begin
    f_was_full_q <= f_was_full_q || !in_ready_o;
    if (f_push) f_in_q <= f_in_q + 8'd1;
    if (f_pop) f_out_q <= f_out_q + 8'd1;
    if (!f_inside_q && f_push && f_pick) begin
      f_inside_q <= 1'b1;
      f_data_q <= in_data_i;
      f_ahead_q <= out_valid_o && !out_ready_i;
    end else if (f_inside_q && f_pop) begin
      if (!f_ahead_q) f_inside_q <= 1'b0;
      f_ahead_q <= 1'b0;
    end
  end
end

always_comb begin
  if (f_started_q && rst_ni) begin
    // Occupancy: one in the output, one in the spare, and the spare only behind the output.
    assert (8'(out_valid_o) + 8'(!in_ready_o) == f_in_q - f_out_q);
    assert (in_ready_o || out_valid_o);
    if (f_inside_q && !f_ahead_q) assert (out_valid_o && out_data_o == f_data_q);
    if (f_inside_q && f_ahead_q) assert (!in_ready_o && spare_q == f_data_q);
  end
end

// An offer stands until it is taken; one cycle from input to output; full speed.
always_ff @(posedge clk_i) begin
  if (f_started_q && rst_ni && $past(f_started_q) && $past(rst_ni)) begin
    if ($past(out_valid_o && !out_ready_i)) assert (out_valid_o && out_data_o == $past(out_data_o));
    if ($past(in_ready_o && !in_valid_i)) assert (in_ready_o);
    if ($past(in_valid_i && in_ready_o)) assert (out_valid_o);
    if ($past(out_ready_i)) assert (in_ready_o);
  end
end

// Full, empty again after full, and an element that waited in the spare leaves.
always_comb begin
  cover (f_started_q && rst_ni && !in_ready_o);
  cover (f_started_q && rst_ni && f_was_full_q && !out_valid_o);
  cover (f_started_q && rst_ni && f_was_full_q && f_inside_q && !f_ahead_q && f_pop && f_out_q == 8'd1);
end
