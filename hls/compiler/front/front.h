// SPDX-License-Identifier: Apache-2.0
// What the parts of the front end share: the state of one parse, scopes, and the constructors of
// typed nodes. Parsing and typing happen in one pass; every node is complete when its constructor
// returns.
#ifndef HLSC_FRONT_H
#define HLSC_FRONT_H

#include "lex.h"

enum { SYMBOL_BUCKETS = 4096 };
enum symbol_kind { SYM_VARIABLE, SYM_TYPEDEF, SYM_ENUM_CONSTANT, SYM_FUNCTION, SYM_TAG };

struct symbol {
    struct symbol *older;       // of this and outer scopes
    struct symbol *same_bucket; // older ones, in front.buckets
    const char *name;           // interned
    enum symbol_kind kind;
    int scope;
    const struct type *type; // TYPEDEF, TAG (NULL pointer: declared without members)
    int64_t value;           // ENUM_CONSTANT
    struct variable *var;
    struct function *function;
    struct location loc;
};

struct call_edge { // those of a caller stand side by side
    struct function *caller, *callee;
    struct location loc;
};

struct active_loop { // the loops around the statement that is being parsed
    struct active_loop *outer;
    const struct variable *var; // of a `for` that looks canonical, or NULL
    const struct expr *limit;   // of it
    const char *obstacle;       // what its body does, so that it is not canonical; or NULL
};

enum break_target { BREAK_NOTHING, BREAK_LOOP, BREAK_SWITCH };

struct front {
    struct compiler *cc;
    struct name_table names;
    struct token *tokens;
    int at;
    struct symbol *symbols; // the newest one
    struct symbol *buckets[SYMBOL_BUCKETS];
    int scope;
    int nesting; // depth of the recursive descent
    struct function *function;
    struct active_loop *loops;
    enum break_target break_target;
    bool in_sizeof;
    // [is_signed][log2(bits) - 3]
    struct type *ints[2][4];
    struct type *void_type, *bool_type;
    struct type *foreign; // what only system headers use: floating point, unions, function pointers
    struct call_edge *edges;
    int edge_count, edge_capacity;
    struct program *program;
    int function_capacity, global_capacity, struct_capacity;
};

// ---- tokens (parse_expr.c)

const struct token *peek(const struct front *f);
const struct token *peek_at(const struct front *f, int ahead);
const struct token *next_token(struct front *f);
bool token_is(const struct token *t, const char *text); // a name or punctuator with this text
bool accept(struct front *f, const char *text);
void expect(struct front *f, const char *text, const char *where);
const char *expect_name(struct front *f, const char *what);
void enter_nesting(struct front *f); // fails where the text nests too deeply
void leave_nesting(struct front *f);

// Room for one more in an arena array; returns the array (grown or not).
void *grow_list(struct front *f, void *items, int count, int *capacity, size_t item_size);

// ---- types (types.c)

void types_init(struct front *f);
const struct type *int_type(struct front *f, int bits, bool is_signed);
const struct type *array_of(struct front *f, const struct type *elem, int64_t count);
const struct type *pointer_to(struct front *f, const struct type *elem);
const struct type *stream_of(struct front *f, const struct type *elem);
const struct type *memory_of(struct front *f, const struct type *elem);
bool is_memory(const struct type *type); // a pointer to one
bool same_type(const struct type *a, const struct type *b);
bool is_number(const struct type *type); // BOOL or INT
const char *type_text(struct front *f, const struct type *type);
int64_t type_size(struct front *f, const struct type *type,
                  struct location loc);        // as sizeof on LP64
int64_t scalar_count(const struct type *type); // scalars in an object of the type
// Fails unless an object of the type may be declared with this name.
void check_variable_type(struct front *f, const struct type *type, const char *name, bool is_param,
                         struct location loc);

// ---- scopes (types.c)

struct symbol *lookup(struct front *f, const char *name, bool tag);
struct symbol *declare(struct front *f, const char *name, enum symbol_kind kind,
                       struct location loc);
void push_scope(struct front *f);
void pop_scope(struct front *f);
struct variable *new_variable(struct front *f, const char *name, const struct type *type,
                              struct location loc);
// Makes the streams that parameter `var` stands for, a memory.
void make_memory_parts(struct front *f, struct variable *var);

// ---- constants (fold.c)

int64_t wrap_value(const struct type *type, int64_t value); // the value as an object of the type
int64_t fold_unary(const struct type *type, enum op_kind op, int64_t a);
// The operands have type `type` (for shifts: a has it). Fails on a division by zero or a bad shift.
int64_t fold_binary(struct front *f, const struct type *type, enum op_kind op, int64_t a, int64_t b,
                    struct location loc);

// What gcc's __builtin_clz, ctz, popcount or parity, also with l and ll, give of a constant. False:
// it is none of these, or not defined.
bool fold_bit_count(const char *name, int64_t value, int64_t *result);

// ---- bounds.c

struct bounds { // of a number
    wide low, high;
};

struct bounds type_bounds(const struct type *type);
struct bounds bounds_of(const struct expr *e);

// ---- typed expressions (sema.c)

struct expr *expr_const(struct front *f, const struct type *type, int64_t value,
                        struct location loc);
struct expr *expr_variable(struct front *f, struct variable *var, struct location loc);
struct expr *expr_unary(struct front *f, enum op_kind op, struct expr *a, struct location loc);
struct expr *expr_binary(struct front *f, enum op_kind op, struct expr *a, struct expr *b,
                         struct location loc);
struct expr *expr_select(struct front *f, struct expr *a, struct expr *b, struct expr *c,
                         struct location loc);
struct expr *expr_index(struct front *f, struct expr *a, struct expr *b, struct location loc);
struct expr *expr_field(struct front *f, struct expr *a, const char *name, bool arrow,
                        struct location loc);
struct expr *expr_deref(struct front *f, struct expr *a, struct location loc);
struct expr *expr_address(struct front *f, struct expr *a, struct location loc);
struct expr *expr_read(struct front *f, struct expr *stream, struct location loc);
struct expr *expr_more(struct front *f, struct expr *stream, struct location loc);
struct expr *expr_call(struct front *f, struct function *callee, struct expr **args, int count,
                       struct location loc);
struct expr *convert(struct front *f, struct expr *e, const struct type *type);
struct expr *promote(struct front *f, struct expr *e);
struct expr *condition(struct front *f, struct expr *e); // as bool
struct expr *copy_expr(struct front *f, const struct expr *e);
const struct type *usual_type(struct front *f, const struct type *a, const struct type *b);
void reject_effects(struct front *f, const struct expr *e, const char *where);
void check_stream(struct front *f, const struct expr *stream, const char *what);
bool is_lvalue(const struct expr *e);
struct variable *root_variable(const struct expr *e); // NULL where there is none
// Notes that `lvalue` changes: const objects and loop variables are rejected, effects are recorded.
void note_change(struct front *f, const struct expr *lvalue, struct location loc);
struct stmt *make_assign(struct front *f, struct expr *a, struct expr *b, struct location loc);

// ---- expressions (parse_expr.c)

struct expr *
parse_expr(struct front *f); // a conditional expression; assignment and comma are rejected
struct expr *parse_unary(struct front *f);
struct expr *parse_conditional(struct front *f);        // without these rejections
struct expr *parse_binary(struct front *f, int lowest); // operators of this precedence and above
int64_t parse_constant(struct front *f, const char *what);
// The operator of `op=`, or of a binary operator; returns its precedence, 0 for none.
int binary_operator(const struct token *t, enum op_kind *op);
bool assignment_operator(const struct token *t, enum op_kind *op, bool *is_plain);

// ---- declarations (parse_decl.c)

struct specifiers {
    const struct type *type;
    bool is_typedef, is_static, is_extern, is_const;
    struct location loc;
};

struct declarator {
    const char *name; // NULL: abstract
    struct location loc;
    const struct type *type;
    bool is_function,
        open_array; // open_array: first dimension left out, type is the element's array
    struct variable **params;
    int param_count;
};

bool starts_type(struct front *f);
void parse_specifiers(struct front *f, struct specifiers *s);
void parse_declarator(struct front *f, const struct specifiers *s, struct declarator *d,
                      bool is_param);
const struct type *parse_type_name(struct front *f);
void skip_attributes(struct front *f);
void skip_balanced(struct front *f); // from an opening bracket to behind its partner
void static_assertion(struct front *f);

// ---- initialisers (init.c)

// Parses the constant initialiser of `var` into values; an open first dimension is closed by it.
void parse_constant_init(struct front *f, struct variable *var, bool open_array);

// ---- statements (parse_stmt.c)

struct items {
    struct stmt **list;
    int count, capacity;
};

// What holds the statements of a block directly.
struct holder {
    struct for_loop *loop; // pragmas of a loop belong here
    bool is_function;
    bool is_arm; // of a switch: a last `break;` ends it
};

struct stmt *new_stmt(struct front *f, enum stmt_kind kind, struct location loc);
void add_item(struct front *f, struct items *items, struct stmt *s); // nothing where s is NULL
struct stmt *block_of(struct front *f, const struct items *items, struct location loc);
// A break or continue of this very loop, or a return, somewhere in the statement.
bool contains_jump(const struct stmt *s, enum stmt_kind kind);
void parse_local(struct front *f, struct items *items); // a declaration and its semicolon
struct stmt *parse_simple(struct front *f);             // assignment, ++ or call
struct stmt *parse_statement(struct front *f);          // NULL: an empty one
// Statements up to the closing brace. `ended`: set where a break ends the arm of a switch, or NULL.
void parse_items(struct front *f, struct items *items, const struct holder *holder, bool *ended);
struct stmt *parse_function_body(struct front *f);

// ---- loops (parse_loop.c)

bool starts_loop(const struct token *t);
struct stmt *parse_loop(struct front *f, const char *label); // NULL: it never runs

// ---- pragmas (pragma.c)

// Reads the pragma token that is next. `loop` is the loop whose body holds it directly, or NULL;
// `at_function` says that it stands directly in a function body.
void parse_pragma(struct front *f, struct for_loop *loop, bool at_function);

#endif
