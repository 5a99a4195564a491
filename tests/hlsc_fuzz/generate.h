// SPDX-License-Identifier: Apache-2.0
// Random programs inside the subset of docs/hlsc.md. The same seed and features give the same
// program on every machine.
#ifndef HLSC_FUZZ_GENERATE_H
#define HLSC_FUZZ_GENERATE_H

#include "tree.h"

// One line each: what a program may use. hlsc_fuzz --with/--without NAME switches them.
#define FEATURES                                                                                   \
    FEATURE(WHILE, "while") /* while and do */                                                     \
    FEATURE(CONTINUE, "continue")                                                                  \
    FEATURE(BREAK, "break")         /* anywhere */                                                 \
    FEATURE(INTERVAL, "interval")   /* pipeline II=N, and recurrences that need it */              \
    FEATURE(FACTOR, "factor")       /* unroll factor=N */                                          \
    FEATURE(PARTITION, "partition") /* cyclic and block */                                         \
    FEATURE(MEMORY, "memory")       /* arrays behind addresses */                                  \
    FEATURE(RECENT, "recent")       /* reads of what was just stored */                            \
    FEATURE(SEQUENCE, "sequence")   /* loops around several loops */                               \
    FEATURE(NETWORK, "network")     /* two to four processes and channels */                       \
    FEATURE(FEEDBACK, "feedback")   /* a FIFO inside a process */                                  \
    FEATURE(EXCLUSIVE, "exclusive") /* accesses to one stream in different branches */             \
    FEATURE(LATE, "late")           /* reads under any condition */                                \
    FEATURE(HELPERS, "helpers")                                                                    \
    FEATURE(WIDE, "wide") /* 64 bits */                                                            \
    FEATURE(SWITCH, "switch")                                                                      \
    FEATURE(REDUCE, "reduce")     /* sums, extremes and the like over unrolled loops */            \
    FEATURE(NEST, "nest")         /* nests whose inner bounds are known at run time only */        \
    FEATURE(DOWN, "down")         /* loops that count down */                                      \
    FEATURE(CONE, "cone")         /* deep straight code and conditions between loops */            \
    FEATURE(CHAIN, "chain")       /* dozens of operations one behind the other */                  \
    FEATURE(LANES, "lanes")       /* arrays and banks of 20 to 150 */                              \
    FEATURE(PORTS, "ports")       /* true dual-port memories */                                    \
    FEATURE(PLAIN, "plain")       /* programs of neither of the two kinds below */                 \
    FEATURE(EXTERNAL, "external") /* external memories and their plans */                          \
    FEATURE(TILES, "tiles")       /* lanes that multiply, with what moves and sums over them */

enum feature_bit {
#define FEATURE(name, text) FEATURE_##name,
    FEATURES
#undef FEATURE
        FEATURE_COUNT
};

struct generator {
    struct program *p;
    uint64_t random;
    uint32_t features;
    struct var *scope[256];
    int scope_count;
    struct var *streams[8];        // of the process
    bool is_output[8], is_busy[8]; // accessed in this iteration
    int stream_count;
    struct node *functions[8];
    int function_count;
    struct var *tables[4];
    int table_count;
    struct var *dual_ports[2]; // of the process: true dual-port memories, which no scope shows
    int dual_port_count;
    struct record *records[4];
    int record_count;
    bool in_function, early, has_output, is_fast, in_nest;
    bool in_wide; // in an unrolled loop of many iterations, which must not depend on one another
    int products, loads, nodes; // still allowed
    struct var *lane;           // index of the unrolled loop around, or NULL
    int lanes;                  // of the tiles of the process; 0: it has none
    int trips;                  // iterations of the loops around, at most
};

struct program *generate(uint64_t seed, uint32_t features, int number);

// Shared by the parts of the generator.
uint64_t draw(struct generator *g);
int below(struct generator *g, int count);      // 0 ... count - 1
int between(struct generator *g, int a, int b); // a ... b
bool chance(struct generator *g, int percent);
bool may(const struct generator *g, enum feature_bit feature);
enum base any_base(struct generator *g);
int64_t any_value(struct generator *g, enum base base);
struct var *new_var(struct generator *g, enum var_kind kind, enum base base);
void show(struct generator *g, struct var *var); // makes it visible
struct node *number(struct generator *g, enum base base, int64_t value);
struct node *use(struct generator *g, struct var *var);
struct node *binary_of(struct generator *g, int op, struct node *a, struct node *b);
struct node *expression_of(struct generator *g, int depth);
struct node *condition_of(struct generator *g, int depth);
struct node *early_condition(struct generator *g); // known when an iteration starts
struct node *element_of(struct generator *g, struct var *var);
struct node *lane_element(struct generator *g, struct var *var);
struct node *pragma(struct generator *g, const char *text);
struct node *declare(struct generator *g, struct var *var, struct node *value);
void statements_of(struct generator *g, struct list *into, int count);
void store(struct generator *g, struct list *into); // to a memory, or else an assignment
void deep_statement(struct generator *g, struct list *into);
void make_function(struct generator *g);
void write_stream(struct generator *g, struct list *into, int stream);
struct node *guard_of(struct generator *g, struct node *condition);
struct node *assign(struct generator *g, int op, struct node *target, struct node *value);
void read_stream(struct generator *g, struct list *into, int stream);
void some_write(struct generator *g, struct list *into, int stream);
void begin_iteration(struct generator *g);
void add_pragma(struct generator *g, struct node *loop);
void whole_iteration(struct generator *g, struct list *into); // that is not left before its end
void straight(struct generator *g, struct list *into);        // between loops
void leaf_loop(struct generator *g, struct list *into);
// A value for a stream or a memory; what it needs stands before it.
struct node *word_of(struct generator *g, struct list *into, const struct var *of);

void add_param(struct generator *g, struct node *process, struct var *var, bool is_output);
struct var *make_stream(struct generator *g);
struct record *make_record(struct generator *g, int most); // elements of an array
void begin_process(struct generator *g, struct node *process);
void end_process(struct generator *g, struct node *process); // gives it an output
void make_process(struct generator *g, struct node *process, bool in_network);
// Lanes that multiply: what a process declares of them, and an iteration of its one loop of them.
struct tiles *begin_tiles(struct generator *g, struct list *into);
void lanes_iteration(struct generator *g, struct tiles *t, struct list *into, struct var *index);
void make_external(struct generator *g, struct var **scalars, int count);
void make_tiles(struct generator *g, struct var **scalars, int count);

#endif
