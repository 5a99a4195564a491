// SPDX-License-Identifier: Apache-2.0
// The proof of mr_fifo, read inside the module under FORMAL. One element, picked freely, is followed
// from entry to exit: f_ahead_q is the number of elements before it. As any element may be the one,
// this shows order, no loss, no copy and no damage. The other assertions are the invariants that make
// the induction close. Reset may come at any time.

(* anyseq *) logic f_pick;
logic f_inside_q, f_started_q, f_was_full_q;
logic [WIDTH-1:0] f_data_q;
logic [COUNT_WIDTH-1:0] f_ahead_q;
logic [7:0] f_in_q, f_out_q;
logic [COUNT_WIDTH:0] f_place, f_end;
logic [PTR_WIDTH-1:0] f_slot;

initial f_started_q = 1'b0;
always_comb assume (f_started_q || !rst_ni);

always_ff @(posedge clk_i) begin
  f_started_q <= 1'b1;
  if (!rst_ni) begin
    f_inside_q <= 1'b0;
    f_was_full_q <= 1'b0;
    f_in_q <= 8'd0;
    f_out_q <= 8'd0;
  end else begin
    f_was_full_q <= f_was_full_q || !in_ready_o;
    if (push) f_in_q <= f_in_q + 8'd1;
    if (pop) f_out_q <= f_out_q + 8'd1;
    if (!f_inside_q && push && f_pick) begin
      f_inside_q <= 1'b1;
      f_data_q <= in_data_i;
      f_ahead_q <= count_q - (pop ? COUNT_WIDTH'(1) : COUNT_WIDTH'(0));
    end else if (f_inside_q && pop) begin
      if (f_ahead_q == '0) f_inside_q <= 1'b0;
      f_ahead_q <= f_ahead_q - COUNT_WIDTH'(1);
    end
  end
end

// Where the followed element lies, and where the write pointer must be.
assign f_place = rptr_q + f_ahead_q;
assign f_slot = f_place >= DEPTH ? PTR_WIDTH'(f_place - DEPTH) : PTR_WIDTH'(f_place);
assign f_end = rptr_q + count_q;

always_comb begin
  if (f_started_q && rst_ni) begin
    // Occupancy.
    assert (count_q <= FULL);
    assert (8'(count_q) == f_in_q - f_out_q || DEPTH > 255);
    assert (in_ready_o == (count_q != FULL));
    assert (out_valid_o == (count_q != '0));
    assert (rptr_q <= LAST && wptr_q <= LAST);
    assert (wptr_q == (f_end >= DEPTH ? PTR_WIDTH'(f_end - DEPTH) : PTR_WIDTH'(f_end)));
    // The followed element.
    if (f_inside_q) begin
      assert (f_ahead_q < count_q);
      assert (mem[f_slot] == f_data_q);
      if (f_ahead_q == '0) assert (out_valid_o && out_data_o == f_data_q);
    end
    // The element on offer is the stored head, also when it is read through a register.
    if (out_valid_o) assert (out_data_o == mem[rptr_q]);
  end
end

// An offer stands until it is taken; room given is not taken back without a push; one cycle from
// input to output.
always_ff @(posedge clk_i) begin
  if (f_started_q && rst_ni && $past(f_started_q) && $past(rst_ni)) begin
    if ($past(out_valid_o && !out_ready_i)) assert (out_valid_o && out_data_o == $past(out_data_o));
    if ($past(in_ready_o && !in_valid_i)) assert (in_ready_o);
    if ($past(in_valid_i && in_ready_o)) assert (out_valid_o);
    if ($past(in_valid_i && in_ready_o && count_q == '0)) assert (out_data_o == $past(in_data_i));
  end
end

// Both ends are reached: full, empty again after full, and the followed element leaves behind others.
always_comb begin
  cover (f_started_q && rst_ni && count_q == FULL);
  cover (f_started_q && rst_ni && f_was_full_q && count_q == '0);
  cover (f_started_q && rst_ni && f_inside_q && f_ahead_q == '0 && pop && f_out_q == 8'(DEPTH - 1));
  cover (f_started_q && rst_ni && push && pop && DEPTH > 1 || DEPTH == 1);
end
