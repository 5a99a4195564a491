// SPDX-License-Identifier: Apache-2.0
// A process as the interpreters run it: its operations with the places of their values. A value
// is a number of 64 bits, as its C type has it, for each combination of the lanes of its space, the
// last lane fastest.
#ifndef HLSC_INTERP_FLAT_H
#define HLSC_INTERP_FLAT_H

#include "interp.h"

// An operand: element `map[i]`, or i * step where there is no map, of the values at `at`.
struct ref {
    const struct op *op; // NULL: absent
    bool fixed;          // lies in the values that are the same during a region
    bool is_u64;         // its numbers are unsigned ones of 64 bits
    size_t at, step;
    const uint32_t *map;
};

struct dynamic_index { // of a view, load or store: a dimension indexed at run time
    struct ref index;
    int64_t size, stride;
};

struct code {
    const struct op *op; // NULL: nothing comes of it
    bool fixed;
    size_t at, count;
    int ref_count;
    struct ref *ref;
    const uint32_t *pick; // VIEW, LOAD, STORE: element or bank, without the run-time indices
    int dynamic_count;
    struct dynamic_index *dynamic;
    size_t lane_count, lane_step[2]; // SUM and the like: of the lane, in ref[0] and ref[1]
    size_t words;                    // LOAD, STORE: addresses
    size_t banks;
    const uint32_t **leaf; // WRITE: the payload's elements in order, as elements of ref[1 + i]
    size_t *leaf_count;
};

struct flat_region {
    int *ops; // of an iteration, in program order, without the fixed ones
    int op_count;
    int *asked; // those of ops that go_on needs
    int asked_count;
    bool stale; // looks at registers between regions that it changes itself
};

struct flat {
    struct compiler *cc;
    const struct network *net;
    const struct process *p;
    struct code *code; // [op_count]
    size_t size;       // values
    int *fixed;        // operations that are the same during a region
    int fixed_count;
    struct flat_region *regions;
    uint32_t *state_space;     // [state_count]
    size_t *state_size;        // elements
    struct ref *state_value;   // [op_count] of IR_PHI and IR_STATE: elements of the state
    struct ref **carried_next; // [region_count][carried_count] in the state's elements
    struct ref **carried_init;
    size_t *memory_size;
};

struct flat *flatten(struct compiler *cc, const struct network *net, const struct process *p);

// The registers and memories that operations look at.
struct storage {
    int64_t **state, **memory;
    const int64_t *args;
};

void storage_reset(const struct flat *f, struct storage *s);

enum part { PART_ALL, PART_PRODUCT, PART_SUM };

// Computes an operation from its operands. Not for IR_INDEX, IR_READ, IR_STORE and IR_WRITE, whose
// values are put there (IR_PHI: by load_phi).
void evaluate_code(const struct flat *f, const struct code *c, const struct storage *s,
                   const int64_t *fixed, int64_t *values, enum part part);
void load_phi(const struct flat *f, const struct code *c, const struct storage *s, int64_t *values);
void evaluate_fixed(const struct flat *f, const struct storage *s, int64_t *fixed);
// Performs an IR_STORE, element by element where the guard holds.
void perform_store(const struct flat *f, const struct code *c, const struct storage *s,
                   const int64_t *fixed, const int64_t *values);
// The word that an IR_WRITE gives.
void write_word(const struct flat *f, const struct code *c, const int64_t *fixed,
                const int64_t *values, uint64_t *word);
// The only element of an operand; a missing one is `missing`.
int64_t ref_scalar(const struct ref *r, const int64_t *fixed, const int64_t *values,
                   int64_t missing);
struct ref ref_to(struct flat *f, const struct op *op, uint32_t space);
wide ref_wide(const struct ref *r, int64_t value);

// Marks the elements of an iteration's values on which its effects and registers depend: what lies
// on branches that are not taken, or comes of a read that did not happen, may be anything. `wanted`
// has room for 2 * f->size elements; the second half is worked in.
void find_wanted(const struct flat *f, int region, const int64_t *fixed, const int64_t *values,
                 bool *wanted);
// Fails if a value that counts lies outside the range that the compiler has proved.
void check_ranges(const struct flat *f, int region, const int64_t *fixed, const int64_t *values,
                  uint64_t iteration);

// A process in the order of the program.
struct machine {
    const struct flat *f;
    struct storage s;
    int64_t *args, *fixed, *values;
    bool is_fixed_old; // registers have changed
    int step;          // that comes next
    int region;        // at work, or -1
    int64_t index[MAX_LEVELS], limit[MAX_LEVELS];
    uint64_t entered;   // regions entered in this run
    uint64_t iteration; // of the region, from 0 on
    bool (*more)(void *context, int stream);
    void *context;
};

void machine_open(struct machine *m, const struct flat *f);
void machine_start(struct machine *m, const uint64_t *scalars);
// Goes to the next iteration and gives its region, or -1 at the end of the run.
int machine_next(struct machine *m);
// Runs it. `read` puts the words into the values of reads whose guards hold, `write` takes words;
// either may be NULL.
void machine_iterate(struct machine *m, void (*read)(struct machine *m, const struct code *c),
                     void (*write)(struct machine *m, const struct code *c));
bool level_is_last(const struct level *level, int64_t index, int64_t limit);
bool has_no_rounds(const struct region *r, const int64_t *limit);

#endif
