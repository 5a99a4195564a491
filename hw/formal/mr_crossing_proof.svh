// SPDX-License-Identifier: Apache-2.0
// The proof of mr_crossing, read inside the module under FORMAL, together with that of its FIFO. The
// writer keeps to its credits (assumed). One word, picked freely, is followed from its push until it is
// taken: f_ahead_q is the number of words before it, f_at_q its place on the way, and in the FIFO it is
// the one that the FIFO's own proof follows. Reset may come at any time. run.sh connects the f_fifo_*
// with signals of the FIFO, which Verilog as Yosys reads it cannot name.

localparam int F_COUNT = $clog2(DEPTH + 1);

(* anyseq *) logic f_pick;
(* keep *) logic [F_COUNT-1:0] f_fifo_count, f_fifo_ahead;
(* keep *) logic [WIDTH-1:0] f_fifo_data;
(* keep *) logic f_fifo_inside, f_fifo_pick;

logic f_started_q, f_eager_q, f_was_out_q, f_inside_q, f_pop;
logic [STAGES:1] f_way_q, f_back_q, f_at_q; // words, credits and the followed word under way
logic [WIDTH-1:0] f_data_q;
logic [7:0] f_credit_q, f_ahead_q, f_out_q, f_way, f_back, f_before;

initial f_started_q = 1'b0;
assign f_pop = out_valid_o && out_ready_i;

always_comb begin
  assume (f_started_q || !rst_ni);
  if (f_started_q && rst_ni) begin
    assume (!push_i || f_credit_q != 8'd0);
    assume (f_fifo_pick == f_at_q[STAGES]);
  end
end

always_ff @(posedge clk_i) begin
  f_started_q <= 1'b1;
  f_way_q <= STAGES'({f_way_q, push_i});
  f_back_q <= STAGES'({f_back_q, f_pop});
  f_at_q <= STAGES'({f_at_q, push_i && f_pick && !f_inside_q});
  f_credit_q <= f_credit_q - 8'(push_i) + 8'(taken_o);
  f_eager_q <= f_eager_q && out_ready_i; // the reader has never waited
  f_was_out_q <= f_was_out_q || f_credit_q == 8'd0;
  f_out_q <= f_out_q + 8'(f_pop);
  if (!f_inside_q && push_i && f_pick) begin
    f_inside_q <= 1'b1;
    f_data_q <= word_i;
    f_ahead_q <= f_way + 8'(f_fifo_count) - 8'(f_pop);
  end else if (f_inside_q && f_pop) begin
    f_inside_q <= f_ahead_q != 8'd0;
    f_ahead_q <= f_ahead_q - 8'd1;
  end
  if (!rst_ni) begin
    f_way_q <= '0;
    f_back_q <= '0;
    f_at_q <= '0;
    f_credit_q <= 8'(DEPTH);
    f_eager_q <= 1'b1;
    f_was_out_q <= 1'b0;
    f_inside_q <= 1'b0;
    f_out_q <= 8'd0;
  end
end

// Counted: words under way, those of them before the followed one, credits on their way back.
always_comb begin
  f_way = 8'd0;
  f_back = 8'd0;
  f_before = 8'd0;
  for (int i = 1; i <= STAGES; i++) begin
    if (f_at_q[i]) f_before = 8'd0;
    else f_before = f_before + 8'(f_way_q[i]);
    f_way = f_way + 8'(f_way_q[i]);
    f_back = f_back + 8'(f_back_q[i]);
  end
end

always_comb begin
  if (f_started_q && rst_ni) begin
    // The way takes STAGES cycles, there and back, and no credit is lost or made.
    assert (push == f_way_q[STAGES]);
    assert (taken_o == f_back_q[STAGES]);
    assert (f_credit_q + f_way + 8'(f_fifo_count) + f_back == 8'(DEPTH));
    assert (f_credit_q <= 8'(DEPTH));
    // A word that comes has room.
    assert (!push || accepts);
    // A reader that never waits leaves no more than 2 * STAGES + 1 credits out.
    if (f_eager_q) assert (f_fifo_count <= F_COUNT'(1) && f_credit_q + 8'(2 * STAGES + 1) >= 8'(DEPTH));
    // The followed word: on the way or in the FIFO, unharmed, and behind as many as were before it.
    assert (f_inside_q == (|f_at_q || f_fifo_inside));
    assert (!(|f_at_q && f_fifo_inside) && (f_at_q & (f_at_q - 1'b1)) == '0);
    assert ((f_at_q & ~f_way_q) == '0);
    if (f_at_q[STAGES]) assert (word == f_data_q);
    if (|f_at_q) assert (f_ahead_q == 8'(f_fifo_count) + f_before);
    if (f_fifo_inside) assert (f_fifo_data == f_data_q && f_ahead_q == 8'(f_fifo_ahead));
    if (f_inside_q && f_ahead_q == 8'd0 && f_pop) assert (out_data_o == f_data_q);
  end
end

// An offer stands until it is taken; on offer STAGES + 1 cycles after the push.
always_ff @(posedge clk_i) begin
  if (f_started_q && rst_ni && $past(f_started_q) && $past(rst_ni)) begin
    if ($past(out_valid_o && !out_ready_i)) assert (out_valid_o && out_data_o == $past(out_data_o));
    if ($past(f_way_q[STAGES])) assert (out_valid_o);
  end
end

// All credits out, and back again; the FIFO full; the followed word leaves behind others; full speed.
always_comb begin
  cover (f_started_q && rst_ni && f_credit_q == 8'd0);
  cover (f_started_q && rst_ni && f_was_out_q && f_credit_q == 8'(DEPTH));
  cover (f_started_q && rst_ni && f_fifo_count == F_COUNT'(DEPTH));
  cover (f_started_q && rst_ni && f_inside_q && f_ahead_q == 8'd0 && f_pop && f_out_q == 8'(DEPTH - 1));
  cover (f_started_q && rst_ni && (&f_way_q && f_pop && &f_back_q && push_i || DEPTH < 2 * STAGES + 2));
end
