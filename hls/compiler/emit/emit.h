// SPDX-License-Identifier: Apache-2.0
// What the parts of the SystemVerilog back end share: the text of a module in the making, and how a
// value is named at a stage.
#ifndef HLSC_EMIT_H
#define HLSC_EMIT_H

#include "memory.h"
#include "schedule.h"

struct text { // grows; always a C string
    char *data;
    size_t length, room;
};

struct module { // one SystemVerilog module, in the order in which it is printed
    struct text ports, declarations, logic, registers, instances;
    // The line of the source that the last declarations were said to be of, and the one before; the
    // comment that says so lies from `mark` to `mark_end`.
    struct location declared, declared_before;
    size_t mark, mark_end;
    int claims; // numbers of claims that its loops have taken
};

struct printed { // a module that stands in the output already
    const char *name, *parameters, *text;
    struct printed *next;
};

struct source { // a file of the program
    const char *path;
    const char **lines; // each to the end of the file
    int line_count;
    struct source *next;
};

struct copied { // an operand, and which of its copies an element of its user looks at
    const struct op *op;
    const char *text;
};
enum { COPIED_MAX = 4 };

struct emit {
    struct compiler *cc;
    const struct network *net;
    struct process *p;
    const struct tile *tile;
    int region; // of which operations are printed
    struct region *r;
    const struct schedule *s;
    bool in_tile; // the module in the making is the tile
    // ns of what is printed behind the invariants that it looks at (see invariant_by_register).
    // Less than BY_PIPELINE: it is no part of a pipeline.
    double behind;
    bool at_ports; // arguments are looked at where they come in, in the cycle of the start
    struct copied copied[COPIED_MAX]; // operands of the operation that is being printed
    int copied_count;
    struct module *m;
    struct printed **printed;
    struct location last_comment;
    struct source **sources; // that comments were taken from
};

void put(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_free(struct text *t);
// Prints the module and gives its name; if an equal one stands there already, gives that one's
// name: layers of one shape are one module, for the reader, the simulator and the synthesis.
const char *module_print(struct emit *e, FILE *out, const char *name, const char *parameters,
                         const char *intro);
void module_free(struct module *m);

// ---- emit_value.c: names and operands (arena strings)
// A name of the operation that is its own in this region.
const char *name_of(struct emit *e, const char *base, const struct op *op);
const char *value_name(struct emit *e, const struct op *op); // without a stage
int64_t lane_count(const struct emit *e, int lane);
const char *lane_size(struct emit *e, int lane); // text: a number or N
const char *dimensions(struct emit *e, uint32_t space);
const char *literal(struct emit *e, wide value, int width);
const char *subscripts(struct emit *e, uint32_t space);
const char *invariant_name(struct emit *e, const struct op *op, bool in_register);
const char *name_at_ports(struct emit *e, const struct op *op); // of an invariant, as a run starts
const char *value_at(struct emit *e, const struct op *op, int stage); // at lane indices i0, i1, …
const char *operand(struct emit *e, const struct op *op, int stage, int width); // extended to width
const char *range_text(struct emit *e, int width); // "signed [7:0] " or ""
void declare_value(struct emit *e, const char *name, int width, uint32_t space);
// A generate loop over an index from `first` to `end` - 1.
struct instances {
    const char *index;
    int64_t first, end;
};
// `body`, which names the indices, in a nest of generate loops, long ones in pieces.
void put_instances(struct emit *e, struct text *t, const struct instances *loops, int count,
                   const char *label, const char *body);
void open_loops(struct emit *e, struct text *t, uint32_t space, const char *indent);
void assign_value(struct emit *e, const char *name, uint32_t space, const char *expression);
void register_value(struct emit *e, const char *q, const char *d, uint32_t space);
// The same of values of so many bits, of which only those from `top` down to `below` are not 0.
void register_bits(struct emit *e, const char *q, const char *d, uint32_t space, int width, int top,
                   int below);
// The same of an array with a dimension more, of so many elements (0: none). What Verilator needs
// beside a wide one goes to `next`, behind the declaration of q.
void register_array(struct emit *e, struct text *next, const char *q, const char *d, uint32_t space,
                    int64_t more);
// Behind an initial block that gives q its first values.
void starts_at(struct emit *e, const char *q, uint32_t space);
// to = from, of all lanes, in combinational logic; at once where single elements are assigned
// behind it.
void copy_value(struct emit *e, const char *to, const char *from, uint32_t space, bool at_once);
const char *flat_index(struct emit *e, uint32_t space); // position of the lanes' element, row-major
const char *size_text(struct emit *e, uint32_t space);  // how many elements there are
int64_t space_count(const struct emit *e, uint32_t space);
const char *element(struct emit *e, const struct op *view, int stage); // of an IR_VIEW
void comment_source(struct emit *e, struct location loc);
// What is declared from here on comes of this line: a comment, by which hw/fit/paths.awk names it.
void declare_of(struct emit *e, struct location loc);
const char *safe_name(struct emit *e, const char *name);
const char *state_name(struct emit *e, int state);
const char *stage_name(struct emit *e, const struct op *op, int stage); // NAME_s<stage>

// ---- emit_op.c
// A result of the operation's width as C has it: an unsigned one that may have wrapped loses its
// top.
const char *wrapped(struct emit *e, const struct op *op, const char *text);
void emit_region_ops(struct emit *e); // the operations of e->region that belong to this module
void emit_pipeline(struct emit *e);   // and the registers that carry them from stage to stage
void emit_invariants(struct emit *e);
void emit_states(struct emit *e);
const char *valid_at(struct emit *e, int region, int stage);

int product_width(const struct op *a, const struct op *b);
// In front of the declaration of a product before its register, which is then none of the
// multiplier's where the target wants that; else "".
const char *kept_product(const struct emit *e);

// ---- emit_copies.c
// What the register takes in which this module has the value of `op` in `stage`; NULL: it has none.
const char *register_input(struct emit *e, const struct op *op, int stage);
// Gives the operands that drive too many loads copies for this user, until the next call.
void copy_operands(struct emit *e, const struct op *user, int stage);
const char *copy_of(struct emit *e, const struct op *op, const char *name);
// The same of the indices by which one element of an array is picked, where they drive too many
// loads: how many copies each has, of which each shall serve a part of the element's bits; 0: none.
// The copies' names are without an index in e->copied.
int copy_indices(struct emit *e, const struct op *view, int stage);
// Of regions that have something in turn: was regions[i] the last one that was entered? Of a
// register with so many copies, what `copy` of it says.
const char *entered_last(struct emit *e, const char *name, const int *regions, int count, int i,
                         int64_t copies, const char *copy);
// The valid bit of a stage as an element of a register array looks at it.
const char *valid_of_state(struct emit *e, int region, int stage, int state, uint32_t space);
// The pulse by which it takes its first value in a loop: a cycle late where it has many bits, which
// no iteration looks at sooner.
const char *entry_of_state(struct emit *e, int region, int state, uint32_t space);
// Does the valid bit of a stage enter a tile a stage sooner, so that one load stands for its
// copies?
bool crosses_early(const struct emit *e, int region, int stage);

// ---- emit_dot.c
void emit_dot(struct emit *e, const struct op *op);

// ---- emit_merged.c
#define MERGED_LANES "MR_MERGED_LANES" // the macro by which a simulator asks for them
// The sum of products that alone looks at the load, if simulators merge both; else NULL.
const struct op *merged_dot(const struct emit *e, const struct op *load);
const struct op *merged_load(const struct emit *e, const struct op *dot); // the other way round
const char *emit_merged(struct emit *e, const struct op *dot);            // gives the sum's text

// ---- emit_reduce.c
void emit_reduction(struct emit *e, const struct op *op);
// Of one over the lane of the tiles: what the process's module calls the parts that tiles give it,
// and the part that the tile in the making gives, as a text.
const char *part_name(struct emit *e, const struct op *op);
const char *emit_part(struct emit *e, const struct op *op);

// ---- emit_memory.c
void emit_load(struct emit *e, const struct op *op);
void emit_memory(struct emit *e, int memory); // a RAM with its ports of all regions

// The number of chunks of the memory's word.
const char *chunks_text(struct emit *e, int memory);

// Position of a bank in the packed word, the dimensions written alone outermost; which 0: of its
// chunk in the word, 1: in the chunk.
const char *bank_position(struct emit *e, const struct op *op, const bool *alone, int which);
// The bank that an access names, row-major over the bank dimensions, at most banks - 1; stage -1:
// all that it may name, with d0, d1, ... in the place of run-time indices.
const char *bank_number(struct emit *e, const struct op *op, int stage);
// The address of an access, `op` being its in[0].
const char *word_address(struct emit *e, const struct memory *m, const struct op *op, int stage);

// What the register of an access' address takes, where it has one; else NULL.
const char *address_before(struct emit *e, const struct op *op, int stage);

// ---- emit_store.c
// The write port of a memory, from the stores of all regions: the word at an address, and which of
// its chunks take the data; or one for each bank.
void emit_writes(struct emit *e, int memory, const char *chunks, int64_t bits);
void emit_split_writes(struct emit *e, int memory);
// What the register of the address takes of the only store; NULL where there are several.
const char *store_address_before(const struct emit *e, int memory);

// ---- emit_part.c
// What of a word's chunks lies in one kind of memory: all, or those from `at` on.
struct part {
    enum storage_impl storage;
    const char *chunks, *at; // at NULL: all
    const char *suffix;      // of an instance's name
};
// 1, or 2 where a memory lies in two kinds.
int find_parts(struct emit *e, int memory, struct part part[2]);
// Of a memory in two kinds: the parameter of a tile that says from which of its lanes on they lie
// in the second.
const char *rest_parameter(struct emit *e, const struct memory *m);
// The part of a word's chunks, of so many bits each.
const char *slice_of(struct emit *e, const struct part *part, int64_t bits);
// The instance of a part, which a tile may be without.
void put_part(struct emit *e, const struct part *part, const char *name, const char *instance);
// What mr_ram calls a kind.
const char *memory_style(enum storage_impl storage);
// One memory, or a part of it, or one of the banks `which` ("[b]"); bits of a chunk.
const char *shared_ports(struct emit *e, const struct memory *m, const struct part *part,
                         int64_t bits, const char *which, const char *second);

// ---- emit_claim.c
void check_claims(struct emit *e); // fails for one of the region that cannot be watched
void emit_claims(struct emit *e);  // of the region, by assertions

// ---- emit_tile.c
void emit_tile(struct emit *e, FILE *out); // prints the tile's module, adds its instances to e->m

// ---- emit_control.c
const char *join(struct emit *e, const char *all, const char *between, const char *one);
const char *region_name(struct emit *e, int r);
void at_region(struct emit *e, int r);
const char *flag_text(struct emit *e, const struct op *op); // as an iteration is issued
int writes_of(const struct emit *e, int stream);            // of an iteration of e->r
void emit_steps(struct emit *e);
void emit_loop_control(struct emit *e, int r); // of e->r

// ---- emit_process.c, emit_network.c
const char *emit_process(struct emit *net, struct process *p, const struct tile *tile,
                         FILE *out); // module's name
void emit_network(struct compiler *cc, const struct network *net, struct tile *const *tiles,
                  FILE *out);

// ---- emit_model.c
bool is_stream_port(const struct variable *param);
const struct stream *stream_of_port(const struct network *net, int port);
void emit_ports_header(struct compiler *cc, const struct network *net, FILE *out);
// With the options that the source was read with; `source`: its path as seen from the model.
void emit_model(struct compiler *cc, const struct network *net, const char *source,
                const struct front_options *options, FILE *out);

#endif
