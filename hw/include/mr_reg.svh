// SPDX-License-Identifier: Apache-2.0
// Registers for whole unpacked arrays, in the one form each tool takes: `MR_REG<n>(q, d, sizes...)`
// stands inside an always_ff and gives q <= d for an array of n unpacked dimensions of those sizes.
// The simulator Verilator copies the array at once (it refuses delayed element writes in loops that it keeps);
// Yosys and Icarus know no array assignment, so they get the loops. MR_REG0 is the plain register.
//
// `MR_BITS<n>(q, d, sizes..., element)` is the same where some bits of an element are known: `element` says it with them, of
// the indices mr_a, mr_b, mr_c and mr_e. Verilator moves the whole, which costs it less.
//
// In Verilator q <= d is two statements for each element. Wide arrays, of which that would be most of its C++, are
// `MR_WIDE<n>(q, d, sizes...)`, with `MR_NEXT<n>(q, sizes...)` behind the declaration of q and `MR_FIRST<n>(q, sizes...)`
// behind its initial block: an array beside q, at which nothing else looks, takes d at the edge, and q follows it as
// combinational logic does. To other tools they are as MR_REG is.
`ifndef MR_REG_SVH
`define MR_REG_SVH

`define MR_REG0(q, d) q <= d;

/// All n0 elements of an unpacked array, in combinational logic. In a loop Verilator would not see that it is all.
`ifdef VERILATOR
`define MR_FILL1(a, value, n0) a = '{default: value};
`else
`define MR_FILL1(a, value, n0) \
  for (int mr_a = 0; mr_a < (n0); mr_a++) a[mr_a] = value;
`endif

`ifdef VERILATOR
`define MR_REG1(q, d, n0) q <= d;
`define MR_REG2(q, d, n0, n1) q <= d;
`define MR_REG3(q, d, n0, n1, n2) q <= d;
`define MR_REG4(q, d, n0, n1, n2, n3) q <= d;
`define MR_BITS0(q, d, element) q <= d;
`define MR_BITS1(q, d, n0, element) q <= d;
`define MR_BITS2(q, d, n0, n1, element) q <= d;
`define MR_BITS3(q, d, n0, n1, n2, element) q <= d;
`define MR_BITS4(q, d, n0, n1, n2, n3, element) q <= d;
// Each element. A loop whose index was set before is one over a local variable in C++.
`define MR_EACH1(to, from, n0) \
  begin \
    int mr_a; \
    mr_a = 0; \
    for (mr_a = 0; mr_a < (n0); mr_a++) \
      to[mr_a] = from[mr_a]; \
  end
`define MR_EACH2(to, from, n0, n1) \
  begin \
    int mr_a, mr_b; \
    mr_a = 0; mr_b = 0; \
    for (mr_a = 0; mr_a < (n0); mr_a++) \
      for (mr_b = 0; mr_b < (n1); mr_b++) \
        to[mr_a][mr_b] = from[mr_a][mr_b]; \
  end
`define MR_EACH3(to, from, n0, n1, n2) \
  begin \
    int mr_a, mr_b, mr_c; \
    mr_a = 0; mr_b = 0; mr_c = 0; \
    for (mr_a = 0; mr_a < (n0); mr_a++) \
      for (mr_b = 0; mr_b < (n1); mr_b++) \
        for (mr_c = 0; mr_c < (n2); mr_c++) \
          to[mr_a][mr_b][mr_c] = from[mr_a][mr_b][mr_c]; \
  end
`define MR_EACH4(to, from, n0, n1, n2, n3) \
  begin \
    int mr_a, mr_b, mr_c, mr_e; \
    mr_a = 0; mr_b = 0; mr_c = 0; mr_e = 0; \
    for (mr_a = 0; mr_a < (n0); mr_a++) \
      for (mr_b = 0; mr_b < (n1); mr_b++) \
        for (mr_c = 0; mr_c < (n2); mr_c++) \
          for (mr_e = 0; mr_e < (n3); mr_e++) \
            to[mr_a][mr_b][mr_c][mr_e] = from[mr_a][mr_b][mr_c][mr_e]; \
  end
`define MR_NEXT1(q, n0) \
  type(q) q``_next; \
  always_comb `MR_EACH1(q, q``_next, n0)
`define MR_NEXT2(q, n0, n1) \
  type(q) q``_next; \
  always_comb `MR_EACH2(q, q``_next, n0, n1)
`define MR_NEXT3(q, n0, n1, n2) \
  type(q) q``_next; \
  always_comb `MR_EACH3(q, q``_next, n0, n1, n2)
`define MR_NEXT4(q, n0, n1, n2, n3) \
  type(q) q``_next; \
  always_comb `MR_EACH4(q, q``_next, n0, n1, n2, n3)
`define MR_FIRST1(q, n0) initial `MR_EACH1(q``_next, q, n0)
`define MR_FIRST2(q, n0, n1) initial `MR_EACH2(q``_next, q, n0, n1)
`define MR_FIRST3(q, n0, n1, n2) initial `MR_EACH3(q``_next, q, n0, n1, n2)
`define MR_FIRST4(q, n0, n1, n2, n3) initial `MR_EACH4(q``_next, q, n0, n1, n2, n3)
`define MR_WIDE1(q, d, n0) `MR_EACH1(q``_next, d, n0)
`define MR_WIDE2(q, d, n0, n1) `MR_EACH2(q``_next, d, n0, n1)
`define MR_WIDE3(q, d, n0, n1, n2) `MR_EACH3(q``_next, d, n0, n1, n2)
`define MR_WIDE4(q, d, n0, n1, n2, n3) `MR_EACH4(q``_next, d, n0, n1, n2, n3)
`else
`define MR_REG1(q, d, n0) \
  for (int mr_a = 0; mr_a < (n0); mr_a++) q[mr_a] <= d[mr_a];
`define MR_REG2(q, d, n0, n1) \
  for (int mr_a = 0; mr_a < (n0); mr_a++) \
    for (int mr_b = 0; mr_b < (n1); mr_b++) q[mr_a][mr_b] <= d[mr_a][mr_b];
`define MR_REG3(q, d, n0, n1, n2) \
  for (int mr_a = 0; mr_a < (n0); mr_a++) \
    for (int mr_b = 0; mr_b < (n1); mr_b++) \
      for (int mr_c = 0; mr_c < (n2); mr_c++) q[mr_a][mr_b][mr_c] <= d[mr_a][mr_b][mr_c];
`define MR_REG4(q, d, n0, n1, n2, n3) \
  for (int mr_a = 0; mr_a < (n0); mr_a++) \
    for (int mr_b = 0; mr_b < (n1); mr_b++) \
      for (int mr_c = 0; mr_c < (n2); mr_c++) \
        for (int mr_e = 0; mr_e < (n3); mr_e++) \
          q[mr_a][mr_b][mr_c][mr_e] <= d[mr_a][mr_b][mr_c][mr_e];
`define MR_BITS0(q, d, element) q <= element;
`define MR_BITS1(q, d, n0, element) \
  for (int mr_a = 0; mr_a < (n0); mr_a++) q[mr_a] <= element;
`define MR_BITS2(q, d, n0, n1, element) \
  for (int mr_a = 0; mr_a < (n0); mr_a++) \
    for (int mr_b = 0; mr_b < (n1); mr_b++) q[mr_a][mr_b] <= element;
`define MR_BITS3(q, d, n0, n1, n2, element) \
  for (int mr_a = 0; mr_a < (n0); mr_a++) \
    for (int mr_b = 0; mr_b < (n1); mr_b++) \
      for (int mr_c = 0; mr_c < (n2); mr_c++) q[mr_a][mr_b][mr_c] <= element;
`define MR_BITS4(q, d, n0, n1, n2, n3, element) \
  for (int mr_a = 0; mr_a < (n0); mr_a++) \
    for (int mr_b = 0; mr_b < (n1); mr_b++) \
      for (int mr_c = 0; mr_c < (n2); mr_c++) \
        for (int mr_e = 0; mr_e < (n3); mr_e++) q[mr_a][mr_b][mr_c][mr_e] <= element;
`define MR_NEXT1(q, n0)
`define MR_NEXT2(q, n0, n1)
`define MR_NEXT3(q, n0, n1, n2)
`define MR_NEXT4(q, n0, n1, n2, n3)
`define MR_FIRST1(q, n0)
`define MR_FIRST2(q, n0, n1)
`define MR_FIRST3(q, n0, n1, n2)
`define MR_FIRST4(q, n0, n1, n2, n3)
`define MR_WIDE1(q, d, n0) `MR_REG1(q, d, n0)
`define MR_WIDE2(q, d, n0, n1) `MR_REG2(q, d, n0, n1)
`define MR_WIDE3(q, d, n0, n1, n2) `MR_REG3(q, d, n0, n1, n2)
`define MR_WIDE4(q, d, n0, n1, n2, n3) `MR_REG4(q, d, n0, n1, n2, n3)
`endif

/// to = from, for a whole unpacked array, in combinational logic: what MR_REG is in an always_ff. MR_MOVE is the same of a
/// wide one, where no single element is assigned behind it: in a loop Verilator would not see that it is all.
`ifdef VERILATOR
`define MR_COPY1(to, from, n0) to = from;
`define MR_COPY2(to, from, n0, n1) to = from;
`define MR_COPY3(to, from, n0, n1, n2) to = from;
`define MR_COPY4(to, from, n0, n1, n2, n3) to = from;
`define MR_MOVE1(to, from, n0) `MR_EACH1(to, from, n0)
`define MR_MOVE2(to, from, n0, n1) `MR_EACH2(to, from, n0, n1)
`define MR_MOVE3(to, from, n0, n1, n2) `MR_EACH3(to, from, n0, n1, n2)
`define MR_MOVE4(to, from, n0, n1, n2, n3) `MR_EACH4(to, from, n0, n1, n2, n3)
`else
`define MR_COPY1(to, from, n0) \
  for (int mr_a = 0; mr_a < (n0); mr_a++) to[mr_a] = from[mr_a];
`define MR_COPY2(to, from, n0, n1) \
  for (int mr_a = 0; mr_a < (n0); mr_a++) \
    for (int mr_b = 0; mr_b < (n1); mr_b++) to[mr_a][mr_b] = from[mr_a][mr_b];
`define MR_COPY3(to, from, n0, n1, n2) \
  for (int mr_a = 0; mr_a < (n0); mr_a++) \
    for (int mr_b = 0; mr_b < (n1); mr_b++) \
      for (int mr_c = 0; mr_c < (n2); mr_c++) to[mr_a][mr_b][mr_c] = from[mr_a][mr_b][mr_c];
`define MR_COPY4(to, from, n0, n1, n2, n3) \
  for (int mr_a = 0; mr_a < (n0); mr_a++) \
    for (int mr_b = 0; mr_b < (n1); mr_b++) \
      for (int mr_c = 0; mr_c < (n2); mr_c++) \
        for (int mr_e = 0; mr_e < (n3); mr_e++) \
          to[mr_a][mr_b][mr_c][mr_e] = from[mr_a][mr_b][mr_c][mr_e];
`define MR_MOVE1(to, from, n0) `MR_COPY1(to, from, n0)
`define MR_MOVE2(to, from, n0, n1) `MR_COPY2(to, from, n0, n1)
`define MR_MOVE3(to, from, n0, n1, n2) `MR_COPY3(to, from, n0, n1, n2)
`define MR_MOVE4(to, from, n0, n1, n2, n3) `MR_COPY4(to, from, n0, n1, n2, n3)
`endif

/// A register that drives many loads has copies in a synthesis, and is itself all of them in simulators, which would
/// lose time with them. `MR_COPIES(many, count, width, type, d) declares the copies many[0] to many[count - 1] of the
/// register that takes d, one of width bits; `MR_COPY_OF(one, copy) is what a load looks at: copy, an element of
/// many, or the register itself. `MR_BRANCHES does the same for a value d of the same cycle, which no register holds, by
/// LUTs. `MR_WAYS does the same for a register that leads to tiles in several dies: each copy is
/// the last of `stages` registers in a row, of which the first takes d.
`ifdef SYNTHESIS
`define MR_COPIES(many, count, width, type, d) \
  type many [count]; \
  for (genvar c = 0; c < (count); c++) begin : gen_``many \
    mr_copy #(.WIDTH(width)) i_copy (.clk_i, .d_i(d), .q_o(many[c])); \
  end
`define MR_BRANCHES(many, count, width, type, d) \
  type many [count]; \
  for (genvar c = 0; c < (count); c++) begin : gen_``many \
    mr_branch #(.WIDTH(width)) i_branch (.d_i(d), .q_o(many[c])); \
  end
`define MR_WAYS(many, count, width, stages, type, d) \
  type many [count]; \
  for (genvar c = 0; c < (count); c++) begin : gen_``many \
    mr_way #(.WIDTH(width), .STAGES(stages)) i_way (.clk_i, .d_i(d), .q_o(many[c])); \
  end
`define MR_COPY_OF(one, copy) copy
`else
`define MR_COPIES(many, count, width, type, d)
`define MR_BRANCHES(many, count, width, type, d)
`define MR_WAYS(many, count, width, stages, type, d)
`define MR_COPY_OF(one, copy) one
`endif


/// Elements of a tile that its neighbour or the process looks at: `n` of `w` bits at a port, packed for all tools. A
/// simulator with merged lanes (MR_MERGED_LANES) has an array, as it would calculate the place of each bit in each cycle.
`ifdef MR_MERGED_LANES
`define MR_EDGE(name, n, w) logic [(w)-1:0] name [n]
`define MR_EDGES(name, tiles, n, w) logic [(w)-1:0] name [tiles][n]
`define MR_EDGE_AT(name, i, w) name[i]
`define MR_EDGE_ZERO '{default: '0}
`else
`define MR_EDGE(name, n, w) logic [(n)*(w)-1:0] name
`define MR_EDGES(name, tiles, n, w) logic [(n)*(w)-1:0] name [tiles]
`define MR_EDGE_AT(name, i, w) name[(i)*(w) +: (w)]
`define MR_EDGE_ZERO '0
`endif

`endif
