// SPDX-License-Identifier: Apache-2.0
// See memory.h. A memory that is not split has one word for all its banks, and reads give the whole
// of it; the banks of one that is split are memories of their own.
#include "memory.h"

// ---- words

static bool is_tiled(const struct tile *tile, int memory) {
    return tile->lane != NO_LANE && tile->memory[memory];
}

void written_alone(const struct process *p, const struct tile *tile, int memory, bool *alone) {
    const bool tiled = is_tiled(tile, memory);
    if (tiled)
        alone[tile->dim[memory]] = true;
    for (int i = 0; i < p->op_count; i++) {
        const struct op *op = p->ops[i];
        if (op->alias || op->code != IR_STORE || op->imm != memory)
            continue;
        for (int k = 0; k < op->view_count; k++)
            alone[k] = alone[k] || op->view[k].dynamic || !op->view[k].terms ||
                       (tiled && op->in[2] && op->in[2]->space >> op->view[k].term_lane[0] & 1);
    }
}

bool has_own_data(const struct process *p, const struct tile *tile, int memory) {
    for (int i = 0; is_tiled(tile, memory) && i < p->op_count; i++) {
        const struct op *op = p->ops[i];
        if (!op->alias && op->code == IR_STORE && op->imm == memory &&
            (op->view[tile->dim[memory]].terms || (op->in[2] && op->in[2]->space)))
            return true;
    }
    return false;
}

int bank_dims(const struct memory *m, int *dim) {
    int count = 0;
    for (int d = 0; d < m->dims; d++)
        if (m->bank_size[d])
            dim[count++] = d;
    return count;
}

bool load_is_needed(const struct process *p, int op) {
    for (int r = 0; r < p->region_count; r++)
        if (!p->regions[r]->schedule || p->regions[r]->schedule->time[op].needed)
            return true;
    return false;
}

static bool all_constant(const struct op *op) {
    for (int i = 0; i < op->view_count; i++)
        if (op->view[i].dynamic || op->view[i].terms)
            return false;
    return true;
}

bool writes_all_alike(const struct process *p, const struct op *store) {
    const struct memory *m = &p->memories[store->imm];
    int dim[MAX_DIMS];
    bank_dims(m, dim);
    if ((store->in[0] && store->in[0]->space) || (store->in[2] && store->in[2]->space))
        return false;
    for (int k = 0; k < store->view_count; k++) {
        const struct view_index *v = &store->view[k];
        if (v->terms && (v->terms > 1 || v->base || v->term_coef[0] != 1 ||
                         p->lanes[v->term_lane[0]].count != m->bank_size[dim[k]]))
            return false;
    }
    return true;
}

bool memory_is_split(const struct process *p, const struct tile *tile, int memory) {
    if (is_tiled(tile, memory))
        return false;
    const int64_t banks = p->memories[memory].banks;
    for (int i = 0; i < p->op_count; i++) {
        const struct op *op = p->ops[i];
        if (!op->alias && op->code == IR_LOAD && op->imm == memory && load_is_needed(p, i) &&
            ((op->in[0] && op->in[0]->space) || (banks > 1 && all_constant(op))))
            return true;
    }
    bool alone[MAX_DIMS] = {false};
    written_alone(p, tile, memory, alone);
    for (int i = 0; i < p->op_count;
         i++) { // banks written one at a time here and all at once there
        const struct op *op = p->ops[i];
        if (!op->alias && op->code == IR_STORE && op->imm == memory && !writes_all_alike(p, op))
            return true;
        for (int k = 0; op->code == IR_STORE && op->imm == memory && k < op->view_count; k++)
            if (!op->alias && alone[k] && op->view[k].terms)
                return true;
    }
    for (int r = 0; r < p->region_count && banks > 1; r++) {
        int stores = 0;
        for (int i = 0; i < p->regions[r]->effect_count; i++)
            stores += p->regions[r]->effects[i]->code == IR_STORE &&
                      p->regions[r]->effects[i]->imm == memory;
        if (stores > 1)
            return true;
    }
    return false;
}

uint32_t view_lanes(const struct op *op) {
    uint32_t lanes = 0;
    for (int k = 0; k < op->view_count; k++)
        for (int n = 0; n < op->view[k].terms; n++)
            lanes |= 1u << op->view[k].term_lane[n];
    return lanes;
}

bool reads_one_bank(const struct op *load) {
    for (int i = 0; i < load->view_count; i++)
        if (load->view[i].dynamic)
            return false;
    return (view_lanes(load) & ~(load->in[0] ? load->in[0]->space : 0)) == 0;
}

int64_t split_copies(const struct process *p, const struct op *load) {
    int64_t copies = reads_one_bank(load) ? 1 : p->memories[load->imm].banks;
    for (int l = 0; load->in[0] && l < p->lane_count; l++)
        if (load->in[0]->space >> l & 1)
            copies *= p->lanes[l].count;
    return copies;
}

struct mr_memory_shape memory_shape(const struct process *p, const struct tile *tile, int memory) {
    const struct memory *m = &p->memories[memory];
    struct mr_memory_shape shape = {.words = (uint64_t)m->words,
                                    .chunks = 1,
                                    .chunk_bits = 1,
                                    .ports = m->shared_ports > 1 ? 2 : 1,
                                    .last = m->last_from ? (uint64_t)(m->words - m->last_from) : 0};
    bool alone[MAX_DIMS] = {false};
    int dim[MAX_DIMS];
    const int dims = bank_dims(m, dim);
    int64_t chunks = 1, bits = m->width;
    written_alone(p, tile, memory, alone);
    for (int k = 0; k < dims; k++) {
        if (alone[k])
            chunks *= m->bank_size[dim[k]];
        else
            bits *= m->bank_size[dim[k]];
    }
    shape.chunks = (uint64_t)chunks;
    shape.chunk_bits = (uint64_t)bits;
    return shape;
}

int64_t rest_chunks(const struct process *p, const struct tile *tile, int memory) {
    const struct memory *m = &p->memories[memory];
    bool alone[MAX_DIMS] = {false};
    int dim[MAX_DIMS];
    const int dims = bank_dims(m, dim);
    written_alone(p, tile, memory, alone);
    for (int k = 0; k < dims; k++) {
        if (!alone[k] || m->bank_size[dim[k]] == 1)
            continue;
        if (dim[k] == m->rest_dim) // the outermost
            return (int64_t)memory_shape(p, tile, memory).chunks / m->bank_size[dim[k]];
        break;
    }
    return 0;
}

struct mr_lane_memory lane_memory(const struct process *p, const struct tile *tile, int memory) {
    struct mr_lane_memory of = {.storage = memory_storage(p->target, &p->memories[memory]),
                                .lane = memory_shape(p, tile, memory)};
    const uint64_t lanes = (uint64_t)p->lanes[tile->lane].count,
                   bits = of.lane.chunks * of.lane.chunk_bits / lanes;
    of.lane.chunks = of.lane.chunks > lanes ? of.lane.chunks / lanes : 1;
    of.lane.chunk_bits = bits / of.lane.chunks;
    if (p->memories[memory].rest_from && rest_chunks(p, tile, memory)) {
        of.from = (uint64_t)p->memories[memory].rest_from;
        of.rest = storage_of(p->memories[memory].rest);
    }
    for (int i = 0; i < p->op_count; i++)
        of.copies += !p->ops[i]->alias && p->ops[i]->code == IR_LOAD && p->ops[i]->imm == memory;
    if (p->memories[memory].shared_ports)
        of.copies = 1;
    return of;
}

// ---- kinds

enum mr_storage storage_of(enum storage_impl asked) {
    return asked == STORAGE_BRAM   ? MR_STORAGE_BRAM
           : asked == STORAGE_URAM ? MR_STORAGE_URAM
                                   : MR_STORAGE_LUTRAM;
}

enum mr_storage memory_storage(const struct target *t, const struct memory *m) {
    const uint64_t bits = (uint64_t)(m->banks * m->width);
    if (m->storage != STORAGE_AUTO)
        return storage_of(m->storage);
    if (m->kind == MEMORY_ROM)
        return m->words <= 1 << t->table_bits ? MR_STORAGE_LUTRAM : MR_STORAGE_BRAM;
    if (!t->has_lutram)
        return (uint64_t)m->words * bits > (uint64_t)t->large_bits ? MR_STORAGE_URAM
                                                                   : MR_STORAGE_BRAM;
    const enum mr_storage chosen = mr_storage_choose((uint64_t)m->words, bits);
    return m->shared_ports && chosen == MR_STORAGE_LUTRAM ? MR_STORAGE_BRAM : chosen;
}

bool memory_has_lutram(const struct memory *m) {
    return m->storage == STORAGE_LUTRAM || (m->rest_from && m->rest == STORAGE_LUTRAM) ||
           m->last_from;
}

// Has the target what is asked of a memory?
static void check_kinds(struct compiler *cc, const struct target *t, const struct memory *m) {
    const char *wrong = NULL, *help = NULL;
    if (!t->has_lutram && memory_has_lutram(m) && m->kind == MEMORY_RAM) {
        wrong = "has no memories of LUTs";
        help = "bind it to bram or to register";
    } else if (m->shared_ports > 1 &&
               (!t->has_true_dual_port || (t->large_has_one_port && m->storage == STORAGE_URAM))) {
        wrong = "has no memories with two ports that read";
        help = "leave type=ram_t2p out";
    } else if (t->large_has_one_port && m->rest_from) {
        wrong = "has no large memories beside which others have the same ports";
        help = "bind all of it alike";
    }
    if (wrong)
        fail(cc, m->loc, "target %s %s, as '%s' asks for; %s", t->name, wrong, m->name, help);
}

void decide_memories(struct compiler *cc, struct process *p, const struct tile *tile) {
    static const enum storage_impl storages[] = {
        [MR_STORAGE_LUTRAM] = STORAGE_LUTRAM,
        [MR_STORAGE_BRAM] = STORAGE_BRAM,
        [MR_STORAGE_URAM] = STORAGE_URAM,
    };
    for (int i = 0; i < p->memory_count; i++) {
        struct memory *m = &p->memories[i];
        if (m->storage == STORAGE_AUTO)
            m->storage = storages[memory_storage(p->target, m)];
        check_kinds(cc, p->target, m);
        if (p->target->large_has_one_port && m->kind == MEMORY_RAM && m->storage == STORAGE_URAM)
            m->shared_ports = 1;
        if (m->latency < 0)
            m->latency =
                m->storage == STORAGE_LUTRAM && (!m->rest_from || m->rest == STORAGE_LUTRAM)
                    ? is_tiled(tile, i)
                    : 2;
        // LUTs of 64 words for each bit.
        const int64_t loads = m->width * ((m->words + 63) / 64);
        if (m->kind != MEMORY_ROM && m->storage == STORAGE_LUTRAM && !m->shared_ports &&
            loads * m->banks > LOADS_MAX && memory_is_split(p, tile, i))
            m->bank_loads = loads;
    }
}

bool has_branches(const struct process *p, const struct op *load) {
    return p->memories[load->imm].bank_loads && !reads_one_bank(load) &&
           !(load->in[0] && load->in[0]->space);
}

bool region_reads(const struct region *r, int memory) {
    for (int n = 0; n < r->schedule->op_count; n++)
        if (r->schedule->ops[n]->code == IR_LOAD && r->schedule->ops[n]->imm == memory)
            return true;
    return false;
}

bool memory_is_read(const struct process *p, int memory) {
    for (int r = 0; r < p->region_count; r++)
        if (region_reads(p->regions[r], memory))
            return true;
    return false;
}

void check_rests(struct compiler *cc, const struct process *p, const struct tile *tile) {
    for (int i = 0; i < p->memory_count; i++) {
        const struct memory *m = &p->memories[i];
        const bool in_tiles = is_tiled(tile, i);
        if (m->rest_from && (memory_is_split(p, tile, i) || !rest_chunks(p, tile, i) ||
                             (in_tiles && m->bank_size[m->rest_dim] != p->lanes[tile->lane].count)))
            fail(cc, m->loc,
                 "a part of '%s' shall lie in another kind of memory, from index %d of dimension "
                 "%d on, and its elements there are not written one at a time to one word; write "
                 "one of them at a time, or leave the pragma with from= out",
                 m->name, m->rest_from, m->rest_dim + 1);
    }
}

// ---- ports

// What the ports of the banks have to do in a region.
struct port_use {
    const struct memory *m;
    int count;            // of banks, 1 where all are one word
    unsigned char *taken; // [count] a bit for each port
    int *reads;           // [count] by the load in hand
};

// Counts which banks a load looks at, how often.
static void count_reads(const struct process *p, const struct op *load, struct port_use *use) {
    const uint32_t space = load->in[0] ? load->in[0]->space : 0;
    int64_t at[MAX_LANES] = {0}, addresses = 1;
    for (int l = 0; l < p->lane_count; l++)
        addresses *= space >> l & 1 ? p->lanes[l].count : 1;
    for (int b = 0; b < use->count; b++)
        use->reads[b] = use->count == 1 || !reads_one_bank(load) ? (int)addresses : 0;
    if (use->count == 1 || !reads_one_bank(load))
        return;
    for (int64_t n = 0; n < addresses; n++) {
        int64_t bank = 0;
        for (int k = 0; k < load->view_count; k++) {
            const struct view_index *v = &load->view[k];
            int64_t index = v->base;
            for (int i = 0; i < v->terms; i++)
                index += v->term_coef[i] * at[v->term_lane[i]];
            bank = bank * v->size + (index < 0 || index >= v->size ? 0 : index);
        }
        use->reads[bank]++;
        for (int l = p->lane_count - 1; l >= 0; l--) { // the next lanes
            if (!(space >> l & 1))
                continue;
            if (++at[l] < p->lanes[l].count)
                break;
            at[l] = 0;
        }
    }
}

// The lane whose two indices are the two addresses of a load; NO_LANE: there is none.
static int port_lane(const struct process *p, const struct op *load) {
    const uint32_t space = (load->in[0] ? load->in[0]->space : 0) & ~view_lanes(load);
    for (int l = 0; l < p->lane_count; l++)
        if (space == 1u << l && p->lanes[l].count == 2)
            return l;
    return NO_LANE;
}

static void give_port(struct compiler *cc, const struct process *p, struct op_time *t,
                      const struct op *load, struct port_use *use) {
    int most = 0;
    unsigned char taken = 0;
    count_reads(p, load, use);
    for (int b = 0; b < use->count; b++) {
        most = use->reads[b] > most ? use->reads[b] : most;
        taken |= use->reads[b] ? use->taken[b] : 0;
    }
    t->port = taken & 1;
    t->port_lane = most > 1 ? port_lane(p, load) : NO_LANE;
    const char *bank = use->count > 1 ? " in one bank" : "";
    if (use->m->shared_ports == 1 && (most > 1 || taken))
        fail(cc, load->loc,
             "an iteration reads '%s' more than once%s, and this memory of target %s has one "
             "address; read one word, or bind it to bram",
             use->m->name, bank, p->target->name);
    if (most > 2 || (most == 2 && (taken || t->port_lane == NO_LANE)) || taken == 3)
        fail(
            cc, load->loc,
            "an iteration reads '%s' more than twice%s, and a true dual-port memory has two ports; "
            "leave type=ram_t2p out to have a copy for each read, or read fewer words",
            use->m->name, bank);
    for (int b = 0; b < use->count; b++)
        if (use->reads[b])
            use->taken[b] |= (unsigned char)(most > 1 ? 3 : 1 << t->port);
}

static void refuse_write(struct compiler *cc, const struct process *p, const struct region *r,
                         const struct memory *m, const struct op *load, int memory) {
    const char *where =
        r->levels || r->repeats ? arena_printf(cc, "loop '%s'", r->name) : "straight code";
    const char *why =
        m->shared_ports > 1
            ? "type=ram_t2p says that both of its ports read"
            : arena_printf(cc, "this memory of target %s has one address", p->target->name);
    for (int i = 0; i < r->effect_count; i++)
        if (r->effects[i]->code == IR_STORE && r->effects[i]->imm == memory)
            fail(cc, r->effects[i]->loc,
                 "'%s' is written here and read in line %d of the same %s, and %s; write it in a "
                 "loop of its own, or %s",
                 m->name, load->loc.line, where, why,
                 m->shared_ports > 1 ? "leave type=ram_t2p out" : "bind it to bram");
}

static void assign_in_region(struct compiler *cc, const struct process *p, struct region *r,
                             int memory, struct port_use *use) {
    for (int b = 0; b < use->count; b++)
        use->taken[b] = 0;
    for (int n = 0; n < r->schedule->op_count; n++) {
        const struct op *op = r->schedule->ops[n];
        if (op->code != IR_LOAD || op->imm != memory)
            continue;
        refuse_write(cc, p, r, use->m, op, memory);
        give_port(cc, p, &r->schedule->time[op->id], op, use);
    }
}

void assign_ports(struct compiler *cc, struct process *p, const struct tile *tile) {
    for (int i = 0; i < p->memory_count; i++) {
        const struct memory *m = &p->memories[i];
        if (!m->shared_ports)
            continue;
        struct port_use use = {.m = m, .count = memory_is_split(p, tile, i) ? (int)m->banks : 1};
        use.taken = arena_alloc(cc, (size_t)use.count * sizeof *use.taken);
        use.reads = arena_alloc(cc, (size_t)use.count * sizeof *use.reads);
        for (int r = 0; r < p->region_count; r++)
            assign_in_region(cc, p, p->regions[r], i, &use);
    }
}
