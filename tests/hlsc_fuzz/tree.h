// SPDX-License-Identifier: Apache-2.0
// The syntax tree of a random program: made by generate*.c, written as C by print.c, made smaller
// by reduce.c. What C leaves undefined cannot be written: the printer masks shift amounts and
// indices, and a loop with a condition counts its iterations.
#ifndef HLSC_FUZZ_TREE_H
#define HLSC_FUZZ_TREE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum base {
    B_BOOL,
    B_I8,
    B_U8,
    B_I16,
    B_U16,
    B_I32,
    B_U32,
    B_I64,
    B_U64,
    B_NUMBERS,
    B_ENUM = B_NUMBERS, // of three enumerators
    B_RECORD,
    B_VOID
};

enum { MAX_FIELDS = 4, MAX_PARAMS = 12 };

struct record {
    int id, fields;
    enum base base[MAX_FIELDS];
    int size[MAX_FIELDS]; // elements, or 0: a number
    bool is_used;         // for the printer
};

enum var_kind {
    V_LOCAL,
    V_STATIC,
    V_TABLE,    // static const array of the program
    V_SCALAR,   // argument of the top
    V_STREAM,   // parameter of one process, or a channel between two; FIFO inside a process
    V_INDEX,    // of a for loop, or the counter of a while
    V_PARAM,    // of a helper function
    V_POINTER,  // of a helper function: to a number or an array
    V_EXTERNAL, // parameter: an external memory
};

struct var {
    int id;
    enum var_kind kind;
    enum base base;
    struct record *record;
    int dims, size[3];
    int64_t low, high; // V_INDEX: its range
    bool is_const, is_memory;
    bool has_banks;  // in the second dimension
    int64_t *values; // of tables and of statics with initialisers
    // For the generator: what the iteration that is being made may still do with a memory.
    bool may_load, may_store;
    int place;           // of a scalar: which of the program
    int depth, crossing; // of a channel: its FIFO; registers on the way, or 0
    int phase;           // ... : iterations with (i & phase) == 0 hand over an element
    // For the printer.
    bool is_live;
    int ends;
};

enum kind {
    N_PROGRAM, // functions, processes
    N_FUNCTION,
    N_PROCESS,
    N_DECL,   // var = e[0]; kids: pragmas
    N_ASSIGN, // e[0] op= e[1]
    N_IF,     // e[0]; kids, other
    N_SWITCH, // e[0]; kids: N_CASE
    N_CASE,   // value; kids
    N_FOR,    // var from `value`, or e[1], to e[0] by `op`; kids: pragmas and the body
    N_WHILE,  // at most `value` times while e[0]; op: 0 while, 1 do, 2 while (1) with a break
    N_WRITE,  // e[0] to stream var
    N_PLAN,  // of external memory var: from e[0] on e[1] words; op: 0 a fetch after e[2], 1 a store
    N_STORE, // e[1] to word e[0] of external memory var
    N_BREAK, // if e[0]
    N_CONTINUE, // if e[0]
    N_RETURN,   // e[0]
    N_CALL,     // function with arguments e[]
    N_PRAGMA,   // text
    E_CONST,    // value of type `base`
    E_VAR,
    E_INDEX,   // var[e[0]][e[1]]
    E_FIELD,   // var.field `value` [e[0]]
    E_BINARY,  // e[0] op e[1]
    E_UNARY,   // op e[0]
    E_COND,    // e[0] ? e[1] : e[2]
    E_CAST,    // (base)e[0]
    E_CALL,    // function with arguments e[]
    E_READ,    // hls_read of stream var
    E_FETCH,   // hls_fetch of word e[0] of external memory var
    E_MOVED,   // of lane e[1]: var[e[1] + value], and e[0] behind the last lane
    E_ADDRESS, // &var
    E_DEREF,   // *var
};

enum operator{
    O_ADD,
    O_SUB,
    O_MUL,
    O_DIV, // by a power of two
    O_MOD,
    O_AND,
    O_OR,
    O_XOR,
    O_SHL,
    O_SHR,
    O_EQ,
    O_NE,
    O_LT,
    O_LE,
    O_GT,
    O_GE,
    O_LAND,
    O_LOR,
    O_SET, // of assignments only
    O_NEG,
    O_NOT,
    O_LNOT,
};

struct list {
    struct node **items;
    int count, room;
};

struct param {
    struct var *var;
    bool is_output;
};

struct node {
    enum kind kind;
    int op, id;
    enum base base;
    int64_t value;
    const char *text, *tail; // of pragmas; the tail follows the name of the variable
    struct var *var;
    struct node *function;
    struct node *e[3];
    struct list kids, other;
    struct param param[MAX_PARAMS];
    int params;
    bool is_used; // functions: for the printer
};

// Everything of one program lives until the program is freed.
struct program {
    int number;        // prefix of its names
    bool is_for_tiles; // made so that its lanes lie in tiles
    struct node *root;
    void **blocks;
    size_t block_count, block_room;
    int next_id;
};

void *take(struct program *p, size_t size); // zeroed
void program_free(struct program *p);
struct node *new_node(struct program *p, enum kind kind);
void append(struct program *p, struct list *list, struct node *node);
enum base promote(enum base base);
enum base type_of(const struct node *e);
int bits_of(enum base base);
bool is_signed(enum base base);
bool is_expression(const struct node *node);
int arity(const struct node *e); // operands in e[]

// Writes the programs as one C file whose top `top` runs all of them at the same time.
void print_programs(FILE *file, struct program **programs, int count, const char *top);

int count_ports(struct program **programs, int count);

#endif
