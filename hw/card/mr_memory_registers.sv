// SPDX-License-Identifier: Apache-2.0
// The registers of the network's memories (docs/registers.md, memory_*): where each lies, which the host writes, and what
// it needs, which the kernel was built with. They see the reads that mr_counters sees, and give 0 to those of others.
module mr_memory_registers #(
    /// Memories of the network; >= 1.
    parameter int MEMORIES = 1
) (
    /// Clock, rising edge.
    input  logic                       clk_i,
    /// Reset, synchronous, active low.
    input  logic                       rst_ni,
    /// The register bus; the word read follows one cycle after rd_word_i.
    input  logic                       wr_valid_i,
    input  logic [               15:2] wr_word_i,
    input  logic [               31:0] wr_data_i,
    input  logic [                3:0] wr_strobe_i,
    input  logic [               15:2] rd_word_i,
    output logic [               31:0] rd_data_o,
    /// Of each: its bits of a word and the words that it needs.
    input  logic [MEMORIES-1:0][31:0] bits_i,
    input  logic [MEMORIES-1:0][31:0] needs_i,
    /// Of each: its first beat, and the words that are there.
    output logic [MEMORIES-1:0][57:0] base_o,
    output logic [MEMORIES-1:0][31:0] words_o
);
  // Each has a group of eight words, of which these are there.
  localparam logic [15:2] FIRST = mr_registers_pkg::REG_MEMORY_ADDRESS[15:2];
  localparam logic [2:0] HIGH = 3'd1;
  localparam logic [2:0] WORDS = 3'(mr_registers_pkg::REG_MEMORY_WORDS[4:2]);
  localparam logic [2:0] BITS = 3'(mr_registers_pkg::REG_MEMORY_BITS[4:2]);
  localparam logic [2:0] NEEDS = 3'(mr_registers_pkg::REG_MEMORY_NEEDS[4:2]);
  localparam int INDEX_WIDTH = MEMORIES > 1 ? $clog2(MEMORIES) : 1;

  logic [31:0] mask;
  assign mask = {{8{wr_strobe_i[3]}}, {8{wr_strobe_i[2]}}, {8{wr_strobe_i[1]}}, {8{wr_strobe_i[0]}}};

  logic [15:2] wr_place, rd_place;
  assign wr_place = wr_word_i - FIRST;
  assign rd_place = rd_word_i - FIRST;

  logic [MEMORIES-1:0][31:0] low, high;
  for (genvar m = 0; m < MEMORIES; m++) begin : g_memory
    logic [31:0] low_q, high_q, words_q;
    logic here;
    assign here = wr_valid_i && wr_place[15:5] == 11'(m);
    always_ff @(posedge clk_i) begin
      if (!rst_ni) begin
        low_q   <= '0;
        high_q  <= '0;
        words_q <= '0;
      end else if (here) begin
        case (wr_place[4:2])
          3'd0: low_q <= (low_q & ~mask) | (wr_data_i & mask);
          HIGH: high_q <= (high_q & ~mask) | (wr_data_i & mask);
          WORDS: words_q <= (words_q & ~mask) | (wr_data_i & mask);
          default: ;
        endcase
      end
    end
    assign low[m] = low_q;
    assign high[m] = high_q;
    assign base_o[m] = {high_q, low_q[31:6]};
    assign words_o[m] = words_q;
  end

  logic [INDEX_WIDTH-1:0] index;
  logic there;
  assign index = INDEX_WIDTH'(rd_place[15:5]);
  assign there = rd_word_i >= FIRST && rd_place[15:5] < 11'(MEMORIES);
  always_ff @(posedge clk_i) begin
    rd_data_o <= '0;
    if (there) begin
      case (rd_place[4:2])
        3'd0: rd_data_o <= low[index];
        HIGH: rd_data_o <= high[index];
        WORDS: rd_data_o <= words_o[index];
        BITS: rd_data_o <= bits_i[index];
        NEEDS: rd_data_o <= needs_i[index];
        default: ;
      endcase
    end
  end
endmodule
