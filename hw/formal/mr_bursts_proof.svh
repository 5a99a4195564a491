// SPDX-License-Identifier: Apache-2.0
// The proof of mr_bursts, read inside the module under FORMAL: f_next_q and f_left_q are the beat at which the next burst
// must begin and the beats that no taken burst had yet, so the bursts cover the transfer in order, once and without gap; no
// burst is empty, too long or across a boundary. Reset may come at any time.

// A transfer that was taken while the last burst of the one before waits stands in f_then_*.
logic f_started_q, f_then_q, f_start, f_ends;
logic [ADDR_WIDTH-1:0] f_next_q, f_then_next_q;
logic [COUNT_WIDTH-1:0] f_left_q, f_then_left_q, f_offered;
logic [7:0] f_taken_q;

initial f_started_q = 1'b0;
always_comb assume (f_started_q || !rst_ni);
always_comb if (start_valid_i) assume (start_count_i != '0);

assign f_start = start_valid_i && start_ready_o;
assign f_ends = f_left_q == (valid_o && ready_i ? COUNT_WIDTH'(count_o) : '0);
always_ff @(posedge clk_i) begin
  f_started_q <= 1'b1;
  if (!rst_ni) begin
    f_left_q  <= '0;
    f_taken_q <= '0;
    f_then_q  <= 1'b0;
  end else begin
    if (f_ends && (f_then_q || f_start)) begin
      f_next_q  <= f_then_q ? f_then_next_q : start_beat_i;
      f_left_q  <= f_then_q ? f_then_left_q : start_count_i;
      f_taken_q <= '0;
      f_then_q  <= 1'b0;
    end else begin
      if (valid_o && ready_i) begin
        f_next_q  <= f_next_q + ADDR_WIDTH'(count_o);
        f_left_q  <= f_left_q - COUNT_WIDTH'(count_o);
        f_taken_q <= f_taken_q + 8'd1;
      end
      if (f_start) begin
        f_then_q <= 1'b1;
        f_then_next_q <= start_beat_i;
        f_then_left_q <= start_count_i;
      end
    end
  end
end

assign f_offered = valid_o ? COUNT_WIDTH'(count_o) : '0;

always_comb begin
  if (f_started_q && rst_ni) begin
    if (valid_o) begin
      assert (count_o >= 7'd1 && count_o <= 7'(MAX_BEATS));
      assert (32'(beat_o) % MAX_BEATS + 32'(count_o) <= MAX_BEATS);
      assert (32'(beat_o) % 64 + 32'(count_o) <= 64);
      assert (beat_o == f_next_q);
      assert (last_o == (COUNT_WIDTH'(count_o) == f_left_q));
    end
    // What makes the induction close.
    if (f_then_q) begin
      assert (active_q && valid_o && last_o && left_q == f_then_left_q && left_q != '0 && beat_q == f_then_next_q);
    end else if (active_q) begin
      assert (left_q != '0 && left_q == f_left_q - f_offered && f_offered < f_left_q);
      assert (beat_q == f_next_q + ADDR_WIDTH'(f_offered));
    end else begin
      assert (f_offered == f_left_q);
    end
    assert (start_ready_o == !active_q);
  end
end

always_ff @(posedge clk_i) begin
  if (f_started_q && rst_ni && $past(f_started_q) && $past(rst_ni)) begin
    if ($past(valid_o && !ready_i))
      assert (valid_o && beat_o == $past(beat_o) && count_o == $past(count_o) && last_o == $past(last_o));
    // One burst a cycle.
    if ($past(active_q && (ready_i || !valid_o))) assert (valid_o);
  end
end

always_comb begin
  cover (f_started_q && rst_ni && valid_o && ready_i && last_o && f_taken_q == 8'd2);
  cover (f_started_q && rst_ni && valid_o && !last_o && 32'(count_o) < MAX_BEATS || MAX_BEATS == 1);
  cover (f_started_q && rst_ni && f_then_q && f_taken_q == 8'd1);
end
