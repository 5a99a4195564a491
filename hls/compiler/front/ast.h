// SPDX-License-Identifier: Apache-2.0
// The typed syntax tree that the front end (lex.c, parse.c, sema.c) hands to the lowering
// (lower.c). After sema every name is resolved, every implicit conversion of C is an explicit
// EXPR_CAST, compound assignments and ++/-- are plain assignments, and every loop has the canonical
// form of `struct for_loop`. All nodes live in the arena of the `compiler` that made them and die
// with it.
#ifndef HLSC_AST_H
#define HLSC_AST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct location {
    const char *file; // as the user named it (from gcc -E's line markers)
    int line;         // 1-based
};

// ---- types

enum type_kind {
    TYPE_VOID,
    TYPE_BOOL,
    TYPE_INT,
    TYPE_STRUCT,
    TYPE_ARRAY,
    TYPE_POINTER,
    TYPE_STREAM,
    TYPE_MEMORY // behind a pointer only, and of no expression that is left in the tree
};

// Equal types are the same pointer for BOOL and INT (8, 16, 32 or 64 bits, signed or not); STRUCT
// types are the same pointer when they are the same C type. Enums are int32, or uint32 where no
// constant is negative.
struct type {
    enum type_kind kind;
    int bits;                // INT: 8, 16, 32, 64; BOOL: 1
    bool is_signed;          // INT
    const struct type *elem; // ARRAY: element; POINTER: pointee; STREAM: payload (scalar or
                             // struct); MEMORY: word, likewise
    int64_t count;           // ARRAY: number of elements
    struct struct_type *def; // STRUCT
};

struct field {
    const char *name;
    const struct type *type; // scalar, or array of scalars (any number of dimensions)
    struct location loc;
};

struct struct_type {
    const char *name; // tag, or the typedef's name where there is no tag
    int field_count;
    struct field *fields;
};

// ---- variables

enum partition_kind { PARTITION_NONE, PARTITION_COMPLETE, PARTITION_CYCLIC, PARTITION_BLOCK };
enum storage_impl { STORAGE_AUTO, STORAGE_LUTRAM, STORAGE_BRAM, STORAGE_URAM, STORAGE_REGISTER };

enum { MAX_DIMS = 4 };

// A parameter that is an external memory is three streams, side by side in its place.
enum memory_part { PART_PLAN, PART_FETCH, PART_STORE, MEMORY_PARTS };

struct variable {
    const char *name;
    const struct type *type;
    struct location loc;
    bool is_static; // static local or file scope: state that outlives a call
    bool is_const;  // const-qualified (with is_static: a ROM)
    bool is_param;
    // Initialiser by constants (static, or a brace list): the scalars of the type in order, the
    // rest of the object zero. NULL: none. A local scalar with a non-constant initialiser has
    // `init` in its STMT_DECL.
    int64_t *values;
    int64_t value_count;
    const struct bounds *bounds; // of a const local scalar; NULL: what its type holds
    // From pragmas; [d] is dimension d+1 of the array.
    enum partition_kind partition[MAX_DIMS];
    int partition_factor[MAX_DIMS];
    enum storage_impl storage;
    int storage_latency; // bind_storage latency=; -1 where not given
    // bind_storage dim= from=: from an index of a dimension on it lies in another kind of memory.
    struct rest_storage {
        enum storage_impl storage;
        int dim, from;
    } rest[MAX_DIMS];
    int rest_count;
    bool is_dual_port;                   // bind_storage type=ram_t2p
    int stream_depth;                    // stream depth=; -1 where not given
    int stream_crossing;                 // stream crossing=; 0 where not given
    const char *interface_mode;          // interface pragma of a parameter, NULL: none
    struct variable *part[MEMORY_PARTS]; // of a memory: its streams
    struct variable *memory;             // of such a stream: the memory; else NULL
    void *user;                          // for the lowering
};

// ---- expressions

enum expr_kind {
    EXPR_CONST,  // value
    EXPR_VAR,    // var
    EXPR_INDEX,  // a[b]; a is an array lvalue
    EXPR_FIELD,  // a.field; a is a struct (p->f is EXPR_FIELD of EXPR_DEREF)
    EXPR_DEREF,  // *a; a is a pointer-typed parameter
    EXPR_ADDR,   // &a; only as an argument of a call or of a stream function
    EXPR_UNARY,  // op a
    EXPR_BINARY, // a op b
    EXPR_SELECT, // a ? b : c
    EXPR_CAST,   // (type) a; scalar to scalar
    EXPR_CALL,   // callee(args...)
    EXPR_READ,   // blocking read of stream a (a is of pointer-to-stream type); payload type
    EXPR_MORE // bool: waits until stream a offers a word (true) or has ended (false); only as the
              // whole condition of a while
};

enum op_kind {
    OP_NEG,
    OP_BITNOT,
    OP_LOGNOT, // unary (LOGNOT gives bool)
    OP_ADD,
    OP_SUB,
    OP_MUL,
    OP_DIV,
    OP_MOD,
    OP_SHL,
    OP_SHR, // operands of one (promoted) type; shifts: each its own
    OP_AND,
    OP_OR,
    OP_XOR, //
    OP_EQ,
    OP_NE,
    OP_LT,
    OP_LE,
    OP_GT,
    OP_GE, // operands of one type; the result is bool
    OP_LAND,
    OP_LOR // operands bool; the result is bool
};

// Comparisons and logical operators have type bool here, where C says int; sema casts to int where
// the value is used as a number and converts a number used as a condition by `!= 0`.
struct expr {
    enum expr_kind kind;
    enum op_kind op;
    const struct type *type;
    struct location loc;
    int64_t value; // CONST: the bits; an unsigned 64-bit constant is stored as its two's complement
    struct variable *var;
    struct expr *a, *b, *c;
    int field; // FIELD: index into the struct's fields
    struct function *callee;
    struct expr **args;
    int arg_count;
    bool has_effects; // reads a stream or calls a function with effects, here or below
    int depth;        // height of this tree; bounded by sema
};

// ---- statements

enum stmt_kind {
    STMT_DECL,   // var, init (NULL: none; a constant initialiser is in var->values)
    STMT_ASSIGN, // a = b; a is an lvalue; scalar, struct, never array
    STMT_EXPR,   // a: a call for its effects, or a stream read whose value is dropped
    STMT_WRITE,  // blocking write of b to stream a
    STMT_IF,     // a, then, otherwise (may be NULL)
    STMT_FOR,    // loop
    STMT_BLOCK,  // body[0..count)
    STMT_RETURN, // a (NULL for void)
    STMT_WHILE,  // loop: while (loop->limit) loop->body, loop->next; also do, and every for that is
                 // not canonical
    STMT_BREAK,  // of the enclosing for or while
    STMT_CONTINUE, // of the enclosing for or while (which runs its step or `next`)
    STMT_SWITCH    // a, cases
};

enum pragma_kind {
    PRAGMA_PIPELINE,
    PRAGMA_UNROLL,
    PRAGMA_DEPENDENCE,
    PRAGMA_LOOP_HINT, // on loops; a hint has no effect
    PRAGMA_ARRAY_PARTITION,
    PRAGMA_BIND_STORAGE,
    PRAGMA_STREAM, // folded into struct variable by sema
    PRAGMA_DATAFLOW,
    PRAGMA_INLINE,
    PRAGMA_TILES,
    PRAGMA_INTERFACE // on functions
};

struct dependence { // `#pragma HLS dependence variable=h type=inter direction=RAW distance=28 true`
    struct variable *var;
    int64_t distance;
    bool is_asserted; // option `assert`: not proved, but checked by an assertion in the RTL
    struct location loc;
};

// Values of for_loop.pipeline_ii that are no interval.
enum { PIPELINE_NONE = 0, PIPELINE_LEAST = -1, PIPELINE_OFF = -2 };

// Of a loop whose variable would wrap around before it meets a limit above `most`: whether the
// limit may be so great is known with the ranges of all values only.
struct limit_check {
    const struct variable *var; // as the user declared it
    int64_t most;
    const struct expr *limit; // where that of the loop is not the user's; else NULL
    struct location loc;
};

struct for_loop {
    const char *label;    // the C label before the loop, or NULL
    struct variable *var; // declared by the for statement; NULL in a STMT_WHILE
    int64_t start;        // constant
    struct expr *limit;   // any expression without side effects; EXPR_CONST where it folds.
                          // STMT_WHILE: the condition, NULL: always
    struct stmt
        *next;      // STMT_WHILE: what ends each iteration, `continue` too (a for's step), or NULL
    bool test_last; // STMT_WHILE: do ... while
    bool inclusive; // <= instead of <
    int64_t step;   // > 0, constant
    struct stmt *body;
    int pipeline_ii;   // `pipeline II=N`; PIPELINE_LEAST: without II=; PIPELINE_NONE: no pragma
    bool unroll;       // unroll pragma: completely. A factor has become two loops in the parser
    int unroll_factor; // of the pragma, on its way there
    struct dependence *dependences;
    int dependence_count;
    const struct limit_check *check; // NULL: its variable meets the limit, whatever that is
};

struct switch_case {
    int64_t *values; // the labels of this arm; none and is_default for default
    int value_count;
    bool is_default;
    struct stmt *body; // its trailing break removed; fall-through into another arm is rejected
};

struct stmt {
    enum stmt_kind kind;
    struct location loc;
    struct variable *var;
    struct expr *a, *b, *init;
    struct stmt *then, *otherwise;
    struct for_loop *loop;
    struct stmt **body;
    int count;
    struct switch_case *cases;
    int case_count;
};

struct probe { // HLS_PROBE(var)
    struct variable *var;
    struct location loc;
};

struct function {
    const char *name;
    const struct type *result;
    struct variable **params;
    int param_count;
    struct stmt *body; // STMT_BLOCK
    struct location loc;
    bool is_dataflow; // pragma dataflow in its body
    struct probe *probes;
    int probe_count;
    bool is_inline_off;
    int tiles_crossing; // tiles crossing=; 0 where not given
    bool has_effects; // uses streams, changes state or what its parameters point to, or calls such
                      // a function
    int number;       // in program.functions
    // Calls that become hardware where this function does: its own and those of what it calls.
    int64_t calls;
    const struct function *too_many; // the first function on the way with more than MAX_CALLS
};

enum { MAX_CALLS = 65536 };

bool mentions(const struct expr *e, const struct variable *var); // sema.c

struct program {
    struct function **functions; // those with a body, in source order
    int function_count;
    struct variable **globals; // file scope, in source order
    int global_count;
    struct struct_type **structs;
    int struct_count;
};

#endif
