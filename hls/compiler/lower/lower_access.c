// SPDX-License-Identifier: Apache-2.0
// Names to slots, and reads and writes of scalars, register arrays and memories.
#include "lower.h"

#include <stdlib.h>
#include <string.h>

// More than the memory of any chip.
static const int64_t chip_bits = (int64_t)1 << 29;

const struct binding *binding_of(struct lowering *lo, const struct variable *var) {
    const struct binding *bound = var->user;
    return bound && bound->owner == lo->p ? bound : NULL;
}

void bind(struct lowering *lo, struct variable *var, int slot, int stream) {
    const struct binding *old = var->user;
    if (old && old->owner != lo->p && var->is_static && !var->is_const)
        fail(lo->cc, var->loc,
             "static variable '%s' is used by two processes, '%s' and '%s'; a process keeps "
             "its own state: pass values by streams",
             var->name, old->owner->name, lo->p->name);
    struct binding *bound = arena_alloc(lo->cc, sizeof *bound);
    *bound = (struct binding){slot, stream, lo->p};
    var->user = bound;
}

int leaf_count(const struct type *type) {
    return type->kind == TYPE_STRUCT ? type->def->field_count : 1;
}

void leaf_shape(const struct type *type, int leaf, const struct type **scalar, int *dims,
                int64_t *size, const char **name) {
    if (type->kind == TYPE_STRUCT) {
        *name = type->def->fields[leaf].name;
        type = type->def->fields[leaf].type;
    }
    *dims = 0;
    while (type->kind == TYPE_ARRAY && *dims < MAX_DIMS) {
        size[(*dims)++] = type->count;
        type = type->elem;
    }
    *scalar = type;
}

int payload_bits(const struct type *type) {
    int bits = 0;
    for (int i = 0; i < leaf_count(type); i++) {
        const struct type *scalar;
        const char *name;
        int dims;
        int64_t size[MAX_DIMS], count = 1;
        leaf_shape(type, i, &scalar, &dims, size, &name);
        for (int d = 0; d < dims; d++)
            count *= size[d];
        bits += (int)count * scalar->bits;
    }
    return bits;
}

void choose_lanes(struct lowering *lo, int dims, const int64_t *size, uint32_t taken, int *lane) {
    for (int d = 0; d < dims; d++) {
        lane[d] = ir_find_lane(&lo->b, size[d], taken);
        taken |= 1u << lane[d];
    }
}

// ---- declarations

static void partition_dimension(struct memory *m, const struct variable *var, int d) {
    const int64_t size = m->size[d];
    m->partition[d] = var->partition[d];
    m->bank_size[d] = size;
    if (var->partition[d] != PARTITION_COMPLETE && var->partition_factor[d] < size)
        m->bank_size[d] = var->partition_factor[d];
    else
        m->partition[d] = PARTITION_COMPLETE;
    m->rows[d] = (size + m->bank_size[d] - 1) / m->bank_size[d];
    if (m->partition[d] == PARTITION_BLOCK) // no bank is empty
        m->bank_size[d] = (size + m->rows[d] - 1) / m->rows[d];
    m->banks *= m->bank_size[d];
}

// A function that is called twice has two memories of one name.
static const char *memory_name(struct lowering *lo, const char *name) {
    const struct process *p = lo->p;
    const char *own = name;
    for (int i = 0, copy = 1; i < p->memory_count; i++)
        if (p->memories[i].kind == MEMORY_RAM && strcmp(p->memories[i].name, own) == 0) {
            own = arena_printf(lo->cc, "%s_%d", name, ++copy);
            i = -1;
        }
    return own;
}

// Of an array in several kinds of memory what lies in another one than its first elements: from an
// element on of a dimension that lies side by side, or from a word on.
static void place_rest(struct compiler *cc, const struct variable *var,
                       const struct rest_storage *rest, struct memory *m) {
    const char *wrong = NULL, *help = NULL;
    const bool side_by_side = var->partition[rest->dim - 1] == PARTITION_COMPLETE;
    int64_t outer = 1, words = 1;
    for (int d = 0; d < m->dims; d++) {
        if (d + 1 < rest->dim)
            outer *= m->rows[d];
        else if (d + 1 > rest->dim)
            words *= m->rows[d];
    }
    if (var->storage == STORAGE_AUTO || var->storage == STORAGE_REGISTER) {
        wrong = "nothing says where the first part lies";
        help = "give it a bind_storage pragma with impl=lutram, bram or uram, without dim= and "
               "from=";
    } else if (var->storage == rest->storage) {
        wrong = "both are named alike";
        help = "name two kinds, or one for all of it";
    } else if (m->kind == MEMORY_ROM) {
        wrong = "it is a constant table";
        help = "bind it as a whole";
    } else if (!side_by_side && rest->storage != STORAGE_LUTRAM) {
        wrong = arena_printf(cc, "dimension %d is not partitioned completely", rest->dim);
        help = "partition it, so that its elements are memories side by side, or take impl=lutram "
               "for its last ones";
    } else if (!side_by_side && (outer > 1 || m->rows[rest->dim - 1] != m->size[rest->dim - 1])) {
        wrong = arena_printf(cc, "those from an index of dimension %d on are not its last words",
                             rest->dim);
        help = "take the first dimension that is not partitioned";
    } else if (var->is_dual_port && rest->storage == STORAGE_LUTRAM) {
        wrong = "LUTs have no two ports for type=ram_t2p";
        help = "use bram or uram for both parts";
    } else if (var->storage_latency == 0) {
        wrong = "latency=0 is asked for";
        help = "leave latency= out";
    } else if (!side_by_side && var->storage_latency == 1) {
        wrong = "latency=1 is asked for, and words from two kinds take 2 cycles";
        help = "leave latency= out";
    } else if (side_by_side ? m->rest_from > 0 : m->last_from > 0) {
        wrong = "two of its dimensions that are alike are named";
        help = "name one that is partitioned completely, and one that is not";
    }
    if (wrong)
        fail(cc, var->loc, "a part of '%s' shall lie in another kind of memory, and %s; %s",
             var->name, wrong, help);
    if (side_by_side) {
        m->rest = rest->storage;
        m->rest_dim = rest->dim - 1;
        m->rest_from = rest->from;
    } else {
        m->last_from = rest->from * words;
    }
}

static int add_memory(struct lowering *lo, const struct variable *var, const struct type *scalar,
                      int dims, const int64_t *size) {
    struct process *p = lo->p;
    const char *name = var->is_static && var->is_const ? var->name : memory_name(lo, var->name);
    p->memories = arena_room(lo->cc, p->memories, p->memory_count, sizeof *p->memories);
    struct memory *m = &p->memories[p->memory_count];
    *m = (struct memory){.name = name,
                         .kind = MEMORY_RAM,
                         .bits = scalar->bits,
                         .is_signed = scalar->is_signed,
                         .dims = dims,
                         .words = 1,
                         .banks = 1,
                         .storage = var->storage,
                         .latency = var->storage_latency,
                         .shared_ports = var->is_dual_port ? 2 : 0,
                         .loc = var->loc};
    if (var->is_static && var->is_const) {
        m->kind = MEMORY_ROM;
        m->values = var->values;
        m->value_count = var->value_count;
    } else if (var->value_count) {
        for (int64_t i = 0; i < var->value_count; i++)
            if (var->values[i])
                fail(lo->cc, var->loc,
                     "memory '%s' has an initialiser; a memory starts at zero: fill it by a loop, "
                     "or "
                     "partition it completely into registers",
                     var->name);
    }
    if (var->storage_latency > 2)
        fail(lo->cc, var->loc,
             "memory '%s' asks for latency=%d; a memory here has 0, 1 or 2: write one of these, or "
             "leave latency= out",
             var->name, var->storage_latency);
    if (var->storage_latency == 0 &&
        (var->storage == STORAGE_BRAM || var->storage == STORAGE_URAM || var->is_dual_port))
        fail(lo->cc, var->loc,
             "memory '%s' asks for latency=0 of a block RAM, which has a register; use latency=1 "
             "or impl=lutram",
             var->name);
    if (var->is_dual_port && (m->kind == MEMORY_ROM || var->storage == STORAGE_LUTRAM))
        fail(lo->cc, var->loc, "'%s' is %s and asks for type=ram_t2p; %s", var->name,
             m->kind == MEMORY_ROM ? "a constant table" : "bound to lutram",
             m->kind == MEMORY_ROM ? "leave it out: a table has as many ports as it needs"
                                   : "only impl=bram and impl=uram have two ports");
    for (int d = 0; d < dims; d++) {
        m->size[d] = m->rows[d] = size[d];
        if (m->kind == MEMORY_RAM && var->partition[d] != PARTITION_NONE)
            partition_dimension(m, var, d);
        m->words *= m->rows[d];
    }
    for (int i = 0; i < var->rest_count; i++)
        place_rest(lo->cc, var, &var->rest[i], m);
    if (m->words * m->banks >= chip_bits / m->bits && m->kind == MEMORY_RAM)
        fail(lo->cc, var->loc,
             "array '%s' has %lld elements, more than fit on a chip; make it smaller", var->name,
             (long long)(m->words * m->banks));
    return p->memory_count++;
}

static bool all_partitioned(const struct variable *var, int dims) {
    for (int d = 0; d < dims; d++)
        if (var->partition[d] != PARTITION_COMPLETE)
            return false;
    return true;
}

static bool any_partitioned(const struct variable *var, int dims) {
    for (int d = 0; d < dims; d++)
        if (var->partition[d] != PARTITION_NONE)
            return true;
    return false;
}

int new_slots(struct lowering *lo, struct variable *var) {
    const int first = lo->slot_count;
    const bool in_iteration = lo->region || lo->unrolled_count;
    const bool is_struct = var->type->kind == TYPE_STRUCT;
    for (int i = 0; i < leaf_count(var->type); i++) {
        if (lo->slot_count == lo->slot_room) {
            const int room = lo->slot_room ? lo->slot_room * 2 : 64;
            lo->slots = arena_grow(lo->cc, lo->slots, (size_t)lo->slot_count * sizeof *lo->slots,
                                   (size_t)room * sizeof *lo->slots);
            lo->env = arena_grow(lo->cc, lo->env, (size_t)lo->slot_count * sizeof *lo->env,
                                 (size_t)room * sizeof *lo->env);
            lo->slot_room = room;
        }
        struct slot *slot = &lo->slots[lo->slot_count];
        *slot = (struct slot){.kind = SLOT_VALUE,
                              .state = -1,
                              .memory = -1,
                              .level = lo->unrolled_count,
                              .is_static = var->is_static,
                              .loc = var->loc};
        const char *name = NULL;
        leaf_shape(var->type, i, &slot->scalar, &slot->dims, slot->size, &name);
        if (slot->scalar->kind == TYPE_STRUCT || slot->scalar->kind == TYPE_ARRAY)
            fail(lo->cc, var->loc, "'%s' is an array of structs; use a struct of arrays",
                 var->name);
        slot->name = is_struct ? arena_printf(lo->cc, "%s_%s", var->name, name) : var->name;
        const bool rom = var->is_static && var->is_const;
        const bool memory = slot->dims > 0 && !is_struct && var->storage != STORAGE_REGISTER &&
                            (rom || (!all_partitioned(var, slot->dims) &&
                                     (var->is_static || any_partitioned(var, slot->dims) ||
                                      var->storage != STORAGE_AUTO || !in_iteration)));
        if (!memory && var->is_dual_port)
            fail(lo->cc, var->loc,
                 "'%s' becomes registers and asks for type=ram_t2p, which is of memories; leave "
                 "it out, or partition it less",
                 var->name);
        const int id = lo->slot_count++;
        lo->env[id] = (struct value){0};
        if (memory) {
            slot->kind = SLOT_MEMORY;
            const int dims = slot->dims;
            const int made = add_memory(lo, var, slot->scalar, dims, slot->size);
            lo->slots[id].memory = made;
            continue;
        }
        if (var->is_static || !in_iteration)
            make_states(lo, var, id, i);
        if (var->is_static && lo->slots[id].state >= 0) {
            lo->env[id] = lo->slots[id].held;
        } else if (var->values) {
            // A brace list of constants: zeros, or element by element.
            bool zero = true;
            for (int64_t k = 0; k < var->value_count; k++)
                zero = zero && var->values[k] == 0;
            choose_lanes(lo, lo->slots[id].dims, lo->slots[id].size, 0, lo->env[id].lane);
            lo->env[id].op =
                ir_const(&lo->b, lo->slots[id].scalar->bits, lo->slots[id].scalar->is_signed, 0);
            if (!zero && (is_struct || lo->slots[id].dims > 1))
                fail(lo->cc, var->loc,
                     "initialiser of '%s': only zeros for structs and 2-D arrays; assign "
                     "the elements in a loop, or make it a static const table",
                     var->name);
            for (int64_t k = 0; !zero && k < var->value_count; k++) {
                struct op *index = ir_const(&lo->b, 32, true, k);
                write_slot(lo, id, lo->slots[id].dims, &index,
                           ir_const(&lo->b, lo->slots[id].scalar->bits,
                                    lo->slots[id].scalar->is_signed, var->values[k]),
                           var->loc);
            }
        }
    }
    return first;
}

// ---- reads

static void note_access(struct lowering *lo, int slot, int dims, struct op **index,
                        struct location loc) {
    if (lo->access_count == lo->access_room) {
        const int room = lo->access_room ? lo->access_room * 2 : 64;
        lo->accesses =
            arena_grow(lo->cc, lo->accesses, (size_t)lo->access_count * sizeof *lo->accesses,
                       (size_t)room * sizeof *lo->accesses);
        lo->access_room = room;
    }
    struct read_access *a = &lo->accesses[lo->access_count++];
    *a = (struct read_access){.slot = slot, .dims = dims, .known = true, .loc = loc};
    for (int d = 0; d < dims; d++)
        if (!index_of(index[d], &a->index[d]))
            a->known = false;
}

// The address of an element, row-major, one dimension further. NULL: none so far.
static struct op *next_address(struct lowering *lo, struct op *address, int64_t size,
                               struct op *index, struct location loc) {
    struct builder *b = &lo->b;
    struct op *last = ir_cast(b, 32, true, loc, index);
    if (!address)
        return last;
    struct op *row = ir_binary(b, IR_MUL, 32, true, loc, address, ir_const(b, 32, true, size));
    return ir_binary(b, IR_ADD, 32, true, loc, row, last);
}

// Is the distance from writes to reads of this memory watched in the loop being read?
static bool is_watched(const struct lowering *lo, const struct memory *m) {
    for (int c = 0; lo->region && c < lo->region->claim_count; c++)
        if (lo->region->claims[c].is_asserted &&
            strcmp(lo->region->claims[c].var->name, m->name) == 0)
            return true;
    return false;
}

static struct op *load(struct lowering *lo, int slot, int dims, struct op **index,
                       struct location loc) {
    struct builder *b = &lo->b;
    const struct memory *m = &lo->p->memories[lo->slots[slot].memory];
    struct op *address = NULL;
    struct op *in[2 + MAX_DIMS] = {NULL}, *op = NULL;
    struct view_index view[MAX_DIMS] = {{0}};
    int banks = 0;
    if (m->kind == MEMORY_ROM) { // a constant element is a constant
        int64_t flat = 0, at;
        bool known = true;
        for (int d = 0; d < dims; d++) {
            known = known && ir_is_const(ir_resolve(index[d]), &at);
            flat = flat * m->size[d] + (known ? at : 0);
        }
        if (known)
            return ir_const(b, m->bits, m->is_signed,
                            flat >= 0 && flat < m->value_count ? m->values[flat] : 0);
    }
    // A bank that is known at run time only is picked from all that are read.
    struct view_index picked[MAX_DIMS];
    struct op *pick_in[1 + MAX_DIMS];
    int picks = 0, pick_in_count = 1;
    uint32_t taken = lo->lanes_in_use;
    for (int d = 0; d < dims; d++) {
        struct op *bank, *row = index[d];
        if (m->bank_size[d]) {
            split_index(lo, m, d, index[d], loc, &bank, &row);
            struct view_index *entry = &view[banks++];
            if (!index_of(bank, entry)) {
                in[1 + banks] = bank;
                const int lane = ir_find_lane(b, m->bank_size[d], taken);
                taken |= 1u << lane;
                picked[picks] = (struct view_index){
                    .lane = lane, .size = m->bank_size[d], .dynamic = pick_in_count};
                pick_in[pick_in_count++] = bank;
                picks++;
                index_of(ir_lane(b, lane), entry);
            }
            entry->lane = NO_LANE;
            entry->size = m->bank_size[d];
        }
        if (row)
            address = next_address(lo, address, m->rows[d], row, loc);
    }
    in[0] = address;
    const bool watched = is_watched(lo, m);
    if (watched)
        in[1] = lo->guard ? lo->guard : ir_const(b, 1, false, 1);
    const int in_count = watched ? 2 + banks : 1;
    // Two loads of one address with no store between them are one load.
    for (int i = lo->p->op_count - 1; !watched && lo->region && i >= lo->region->first_op; i--) {
        struct op *old = lo->p->ops[i];
        if (old->code == IR_STORE && old->imm == lo->slots[slot].memory)
            break;
        if (old->code == IR_LOAD && !old->alias && old->imm == lo->slots[slot].memory &&
            old->in[0] == ir_resolve(address) && old->view_count == banks &&
            (banks == 0 || memcmp(old->view, view, (size_t)banks * sizeof *view) == 0)) {
            op = old;
            lo->reused = arena_room(lo->cc, lo->reused, lo->reused_count, sizeof *lo->reused);
            lo->reused[lo->reused_count++] = op;
            break;
        }
    }
    if (!op)
        op = ir_op(b, IR_LOAD, m->bits, m->is_signed, loc, in_count, in, lo->slots[slot].memory,
                   view, banks);
    op->name = m->name;
    pick_in[0] = op;
    if (picks && ir_resolve(pick_in[0])->code == IR_LOAD)
        op = pick(lo, loc, pick_in_count, pick_in, picked, picks);
    return op;
}

struct value read_slot(struct lowering *lo, int slot, int dims, struct op **index,
                       struct location loc) {
    struct value result = {0};
    const struct slot *s = &lo->slots[slot];
    if (s->kind == SLOT_MEMORY) {
        if (dims != s->dims)
            fail(lo->cc, loc,
                 "'%s' is a memory and is used here as a whole; use its elements, in a loop",
                 s->name);
        result.op = load(lo, slot, dims, index, loc);
        return result;
    }
    struct value v = lo->env[slot];
    if (!v.op) {
        v.op = ir_const(&lo->b, s->scalar->bits, s->scalar->is_signed, 0);
        choose_lanes(lo, s->dims, s->size, 0, v.lane);
        if (!lo->region || s->dims == 0)
            lo->env[slot] = v;
    }
    if (dims == 0)
        return v;
    if (lo->unrolled_count && s->level < lo->unrolled_count)
        note_access(lo, slot, dims, index, loc);
    result.op = view_at(lo, v, dims, s->size, index, loc);
    return result;
}

// ---- writes

// Does each iteration of the unrolled loops name a bank that no other one names, within the array?
// A dimension counts through the banks like a number with a digit for each loop.
static bool have_own_banks(const struct lowering *lo, const struct view_index *view, int count) {
    uint32_t met = 0;
    for (int k = 0; k < count; k++) {
        const struct view_index *v = &view[k];
        int64_t low = v->base, high = v->base, reach = 0;
        uint32_t left = 0;
        for (int i = 0; i < v->terms; i++)
            left |= 1u << i;
        while (left) { // the digit of least weight
            int at = -1;
            for (int i = 0; i < v->terms; i++)
                if (left >> i & 1 && (at < 0 || llabs(v->term_coef[i]) < llabs(v->term_coef[at])))
                    at = i;
            const int64_t step = llabs(v->term_coef[at]);
            const int64_t way = v->term_coef[at] * (lo->p->lanes[v->term_lane[at]].count - 1);
            if (step <= reach || met >> v->term_lane[at] & 1)
                return false;
            reach += llabs(way);
            low += way < 0 ? way : 0;
            high += way > 0 ? way : 0;
            met |= 1u << v->term_lane[at];
            left &= ~(1u << at);
        }
        if (v->terms && (low < 0 || high >= v->size))
            return false;
    }
    return true;
}

static void store(struct lowering *lo, int slot, int dims, struct op **index, struct op *value,
                  struct location loc) {
    struct builder *b = &lo->b;
    const struct memory *m = &lo->p->memories[lo->slots[slot].memory];
    if (m->kind == MEMORY_ROM)
        fail(lo->cc, loc,
             "'%s' is a constant table and is written here; remove its const, or write to another "
             "array",
             m->name);
    struct op *in[3 + MAX_DIMS] = {NULL, value, lo->guard};
    struct view_index view[MAX_DIMS];
    struct op *address = NULL;
    int in_count = 3, banks = 0;
    uint32_t bound = 0;
    for (int d = 0; d < dims; d++) {
        struct op *bank, *row = index[d];
        if (m->bank_size[d]) {
            split_index(lo, m, d, index[d], loc, &bank, &row);
            struct view_index *entry = &view[banks++];
            add_index(lo, entry, NO_LANE, m->bank_size[d], bank, in, &in_count);
            for (int i = 0; i < entry->terms; i++)
                bound |= 1u << entry->term_lane[i];
        }
        if (row)
            address = next_address(lo, address, m->rows[d], row, loc);
    }
    in[0] = address;
    for (int i = in_count; i-- > 0;) { // computed banks stand behind the rest
        struct op *op = ir_resolve(in[i]);
        if (op && i >= 3 && op->space)
            give_up(lo, loc, arena_printf(lo->cc, "it computes the banks of '%s'", m->name),
                    "let the index be the loop's variable, or a sum of such times constants");
        else if (op && op->space & ~bound)
            give_up(lo, loc,
                    arena_printf(lo->cc, "its iterations write the same bank of '%s'", m->name),
                    "write once, at an index that is computed, or what the last iteration would");
    }
    if (!have_own_banks(lo, view, banks))
        give_up(lo, loc,
                arena_printf(lo->cc, "its iterations write the same bank of '%s'", m->name),
                "let each iteration have an index of its own, within the array");
    struct op *op = ir_op(b, IR_STORE, m->bits, m->is_signed, loc, in_count, in,
                          lo->slots[slot].memory, view, banks);
    op->name = m->name;
    add_effect(lo, op, loc);
}

void write_slot(struct lowering *lo, int slot, int dims, struct op **index, struct op *value,
                struct location loc) {
    struct builder *b = &lo->b;
    struct slot *s = &lo->slots[slot];
    value = ir_resolve(value);
    if (s->kind == SLOT_MEMORY) {
        store(lo, slot, dims, index, value, loc);
        return;
    }
    struct value old = lo->env[slot], next = {0};
    uint32_t taken = lo->lanes_in_use | value->space;
    struct op *hit = NULL;
    struct op *at[MAX_DIMS];
    uint32_t bound = 0;
    for (int d = 0; d < dims; d++)
        taken |= ir_resolve(index[d])->space;
    for (int d = 0; d < dims; d++) {
        struct view_index entry;
        int lane;
        if (index_of(index[d], &entry) && is_lane(&entry, &lane) && !(bound >> lane & 1) &&
            lo->p->lanes[lane].count == s->size[d]) {
            next.lane[d] = lane;
        } else {
            next.lane[d] = ir_find_lane(b, s->size[d], taken | bound);
            hit = ir_and(b, hit,
                         ir_binary(b, IR_EQ, 1, false, loc, ir_lane(b, next.lane[d]),
                                   ir_cast(b, 32, true, loc, index[d])));
        }
        bound |= 1u << next.lane[d];
        taken |= bound;
        at[d] = ir_lane(b, next.lane[d]);
    }
    next.op = value;
    if (hit) {
        struct op *before = old.op ? view_at(lo, old, dims, s->size, at, loc)
                                   : ir_const(b, value->bits, value->is_signed, 0);
        next.op = ir_select(b, loc, hit, value, before);
    }
    if (!next.op->name && next.op->code != IR_CONST)
        next.op->name = s->name;
    lo->env[slot] = next;
}
