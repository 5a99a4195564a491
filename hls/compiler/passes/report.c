// SPDX-License-Identifier: Apache-2.0
// What the compiler found out, for programs (JSON) and for people (text): per process its loops,
// streams, memories, multipliers and the dependences through its memories, stage by stage.
#include "report.h"

#include "control.h"
#include "emit.h"
#include "json_append.h"

#include <stdlib.h>
#include <string.h>

static const char *impl_name(const struct memory *m, enum storage_impl kind) {
    static const char *const names[] = {"auto", "lutram", "bram", "uram", "register"};
    return m->kind == MEMORY_ROM ? "rom" : names[kind];
}

// In which its words lie, the first one's first.
static int kinds_of(const struct memory *m, enum storage_impl kind[3]) {
    int count = 0;
    kind[count++] = m->storage;
    if (m->rest_from)
        kind[count++] = m->rest;
    if (m->last_from && !(m->rest_from && m->rest == STORAGE_LUTRAM))
        kind[count++] = STORAGE_LUTRAM;
    return count;
}

static const char *base_name(const char *path) {
    const char *slash = path ? strrchr(path, '/') : NULL;
    return slash ? slash + 1 : path ? path : "";
}

struct shape {
    int64_t bits, copies; // of a word, or of the words in a tile; how many memories there are
    struct mr_memory_use use;
};

// RAMB18, URAM or LUTs.
static uint64_t blocks_of(const struct mr_memory_use *use, enum storage_impl kind) {
    return kind == STORAGE_BRAM ? use->bram18 : kind == STORAGE_URAM ? use->uram : use->lut;
}

// One copy for each read, or one for all where these share its ports; in each tile, or for each
// bank where they are memories of their own. Tables are read through ports.
static struct shape shape_of(const struct process *p, const struct tile *tile, int memory) {
    const struct memory *m = &p->memories[memory];
    const bool rom = m->kind == MEMORY_ROM, split = memory_is_split(p, tile, memory);
    const enum mr_storage storage = memory_storage(p->target, m);
    struct shape s = {.bits = split ? m->width : m->banks * m->width};
    bool both_ports = false; // of a copy of a table
    for (int i = 0; i < p->op_count; i++) {
        const struct op *op = p->ops[i];
        if (op->alias || op->code != IR_LOAD || op->imm != memory || !load_is_needed(p, i))
            continue;
        int64_t ports = 1;
        for (int l = 0; rom && l < p->lane_count; l++)
            if (op->space >> l & 1)
                ports *= p->lanes[l].count;
        both_ports = both_ports || (rom && ports > 1);
        s.copies += rom     ? (ports + 1) / 2 // a table has two ports
                    : split ? split_copies(p, op)
                            : 1;
    }
    if (m->shared_ports)
        s.copies = split ? m->banks : 1;
    if (tile->lane != NO_LANE && tile->memory[memory]) {
        const int64_t count = p->lanes[tile->lane].count;
        struct mr_lane_memory of = lane_memory(p, tile, memory);
        of.copies = (uint64_t)s.copies;
        mr_tile_add((uint64_t)count, (uint64_t)tile->per_tile, &of, &s.use);
        s.bits = s.bits / count * tile->per_tile;
        s.copies *= (count + tile->per_tile - 1) / tile->per_tile;
    } else {
        struct mr_memory_shape shape = memory_shape(p, tile, memory);
        if (split || rom) {
            shape.chunks = 1;
            shape.chunk_bits = (uint64_t)m->width;
        }
        if (both_ports)
            shape.ports = 2;
        const uint64_t all = shape.chunks;
        if (m->rest_from) {
            shape.chunks = (uint64_t)(rest_chunks(p, tile, memory) * m->rest_from);
            mr_memory_add(storage, &shape, (uint64_t)s.copies, &s.use);
            shape.chunks = all - shape.chunks;
            shape.last = 0;
            mr_memory_add(storage_of(m->rest), &shape, (uint64_t)s.copies, &s.use);
        } else if (!rom || storage != MR_STORAGE_LUTRAM) { // a table of LUTs is logic
            mr_memory_add(storage, &shape, (uint64_t)s.copies, &s.use);
        }
    }
    return s;
}

struct path { // the slowest way back from a write to the read that it depends on
    const struct op **op;
    int length;
};

// What `at` waited for longest among that which was not seen yet, or NULL. A register leads to what
// the iteration before put into it.
static const struct op *latest_input(const struct region *r, const struct op *at,
                                     const bool *seen) {
    const struct op_time *time = r->schedule->time;
    const struct op *latest = NULL;
    for (int c = 0; at->code == IR_PHI && c < r->carried_count; c++)
        if (r->carried[c].phi == at && !seen[r->carried[c].next->id])
            return r->carried[c].next;
    for (int i = 0; i < at->in_count; i++) {
        const struct op *in = at->in[i];
        if (!in || seen[in->id] || time[in->id].invariant || (at->code == IR_STORE && i == 0))
            continue;
        const double late = time[in->id].ready + time[in->id].arrival / 100;
        if (!latest || late > time[latest->id].ready + time[latest->id].arrival / 100)
            latest = in;
    }
    return latest;
}

// Depth first; each operation is seen once.
static struct path dependence_path(const struct process *p, const struct region *r,
                                   const struct found_dependence *d) {
    const size_t count = (size_t)p->op_count + 1;
    bool *seen = calloc(count, sizeof *seen);
    struct path path = {malloc(count * sizeof *path.op), 0};
    if (seen && path.op) {
        seen[d->from->id] = true;
        path.op[path.length++] = d->from;
    }
    while (path.length && path.op[path.length - 1] != d->to) {
        const struct op *next = latest_input(r, path.op[path.length - 1], seen);
        if (!next) {
            path.length--;
            continue;
        }
        seen[next->id] = true;
        path.op[path.length++] = next;
    }
    free(seen);
    return path;
}

static void path_line(const struct region *r, const struct op *op, char *text, size_t size) {
    const struct op_time *t = &r->schedule->time[op->id];
    char stages[32];
    snprintf(stages, sizeof stages, t->ready > t->start ? "%d to %d" : "%d", t->start, t->ready);
    snprintf(text, size, "stage %s: %s%s%s, %s:%d", stages, ir_opcode_name(op->code),
             op->name ? " " : "", op->name ? op->name : "", base_name(op->loc.file), op->loc.line);
}

enum { PATH_LINES = 128 }; // of a longer path the middle is left out

// Line n of the path from the read to the write; false: there is none.
static bool path_text(const struct region *r, const struct path *path, int n, char *text,
                      size_t size) {
    const int left_out = path->length > PATH_LINES ? path->length - PATH_LINES + 1 : 0;
    if (n >= path->length - left_out + (left_out > 0))
        return false;
    if (left_out && n == PATH_LINES / 2)
        snprintf(text, size, "%d operations between them", left_out);
    else
        path_line(
            r, path->op[path->length - 1 - n - (left_out && n > PATH_LINES / 2 ? left_out - 1 : 0)],
            text, size);
    return true;
}

static bool is_read_after_write(const struct found_dependence *d) {
    return d->from->code == IR_STORE && d->to->code == IR_LOAD && d->distance >= 0 &&
           (d->needed > 0 || d->claimed);
}

enum { TOLD_DEPENDENCES = 64 }; // of a loop; of more those that are nearest to what is possible

struct told {
    const struct region *r;
    const struct found_dependence *list[TOLD_DEPENDENCES];
    int count, left_out;
};

static int64_t slack(const struct region *r, const struct found_dependence *d) {
    return d->distance * r->schedule->ii - d->needed;
}

static void find_told(struct told *t, const struct region *r) {
    *t = (struct told){.r = r};
    for (int i = 0; i < r->schedule->dependence_count; i++) {
        const struct found_dependence *d = &r->schedule->dependences[i];
        if (!is_read_after_write(d))
            continue;
        if (t->count < TOLD_DEPENDENCES) {
            t->list[t->count++] = d;
            continue;
        }
        t->left_out++;
        int loosest = 0;
        for (int k = 1; k < t->count; k++)
            if (slack(r, t->list[k]) >= slack(r, t->list[loosest]))
                loosest = k;
        if (slack(r, d) < slack(r, t->list[loosest])) { // the order stays
            memmove(&t->list[loosest], &t->list[loosest + 1],
                    (size_t)(t->count - 1 - loosest) * sizeof *t->list);
            t->list[t->count - 1] = d;
        }
    }
}

// Does an operation of the region take time in a stage?
static bool takes_time(const struct process *p, const struct region *r, const struct op *op) {
    const struct op_time *t = &r->schedule->time[op->id];
    return !t->invariant && op->code != IR_PHI && op_delay(p, op) != 0;
}

// The operation that is ready latest in its stage, of the first such stage; NULL: none takes time.
static const struct op *slowest(const struct process *p, const struct region *r) {
    const struct schedule *s = r->schedule;
    const struct op *worst = NULL;
    for (int n = 0; n < s->op_count; n++) {
        const struct op_time *t = &s->time[s->ops[n]->id], *w = worst ? &s->time[worst->id] : NULL;
        if (takes_time(p, r, s->ops[n]) &&
            (!w || t->arrival > w->arrival || (t->arrival == w->arrival && t->ready < w->ready)))
            worst = s->ops[n];
    }
    return worst;
}

// The invariant that takes longest; NULL: none takes time.
static const struct op *slowest_invariant(const struct process *p) {
    const struct op *worst = NULL;
    for (int i = 0; i < p->op_count; i++) {
        const struct invariant *v = &p->invariants[i];
        if ((v->is_made[false] || v->is_made[true]) && v->arrival > p->target->register_out &&
            (!worst || v->arrival > p->invariants[worst->id].arrival))
            worst = p->ops[i];
    }
    return worst;
}

static const struct step *step_of(const struct process *p, int region) {
    const struct step *step = p->steps;
    while (step->kind != STEP_REGION || step->region != region)
        step++;
    return step;
}

static void print_slowest(const struct process *p, const char *what, const struct op *op, double ns,
                          FILE *out) {
    fprintf(out, "%s: %.2f of %.2f ns, %s%s%s, %s:%d\n", what, ns, p->target->budget,
            ir_opcode_name(op->code), op->name ? " " : "", op->name ? op->name : "",
            base_name(op->loc.file), op->loc.line);
}

// How long a step waits for invariants to settle.
static void print_wait(const char *what, const struct step *step, FILE *out) {
    const int *cycles = step->settles;
    if (cycles[FROM_SCALARS] <= 0 && cycles[FROM_REGISTERS] <= 0)
        return;
    fprintf(out, "%s until its invariants have settled: ", what);
    if (cycles[FROM_SCALARS] > 0)
        fprintf(out, "cycle %d of the run", FIRST_PICK + cycles[FROM_SCALARS]);
    if (cycles[FROM_REGISTERS] > 0)
        fprintf(out, "%s%d cycle%s behind the last change of a register",
                cycles[FROM_SCALARS] > 0 ? " and " : "", cycles[FROM_REGISTERS],
                cycles[FROM_REGISTERS] == 1 ? "" : "s");
    fputc('\n', out);
}

static json_t *json_ns(double ns) {
    return json_real((double)(int)(ns * 100 + 0.5) / 100);
}

static json_t *loop_json(const struct process *p, int region) {
    const struct region *r = p->regions[region];
    const struct step *step = step_of(p, region);
    json_t *loop =
        json_pack("{s:s, s:s, s:i, s:i, s:i}", "name", r->name, "file", base_name(r->loc.file),
                  "line", r->loc.line, "ii", r->schedule->ii, "depth", r->schedule->depth);
    if (r->schedule->ii_reason)
        json_object_set_new(loop, "ii_reason", json_string(r->schedule->ii_reason));
    json_t *stages = json_array(); // ns after the clock's edge at which the last result is there
    double *late = calloc((size_t)r->schedule->depth + 1, sizeof *late);
    for (int n = 0; n < r->schedule->op_count && late; n++) {
        const struct op *op = r->schedule->ops[n];
        const struct op_time *t = &r->schedule->time[op->id];
        if (takes_time(p, r, op) && t->ready < r->schedule->depth && t->arrival > late[t->ready])
            late[t->ready] = t->arrival;
    }
    for (int stage = 0; stage < r->schedule->depth && late; stage++)
        mr_json_append(&stages, json_ns(late[stage]));
    free(late);
    mr_json_put(&loop, "stage_ns", stages);
    json_object_set_new(loop, "settle_scalars", json_integer(step->settles[FROM_SCALARS]));
    json_object_set_new(loop, "settle_registers", json_integer(step->settles[FROM_REGISTERS]));
    return loop;
}

static json_t *process_json(const struct network *net, const struct process *p,
                            const struct tile *tile) {
    json_t *loops = json_array(), *streams = json_array(), *memories = json_array(),
           *deps = json_array();
    for (int i = 0; i < p->region_count; i++) {
        const struct region *r = p->regions[i];
        mr_json_append(&loops, loop_json(p, i));
        struct told told;
        find_told(&told, r);
        for (int k = 0; k < told.count; k++) {
            const struct found_dependence *d = told.list[k];
            struct path path = dependence_path(p, r, d);
            json_t *lines = json_array();
            char line[256];
            for (int n = 0; path_text(r, &path, n, line, sizeof line); n++)
                mr_json_append(&lines, json_string(line));
            free(path.op);
            mr_json_append(&deps, json_pack("{s:s, s:s, s:I, s:i, s:b, s:o}", "variable",
                                            p->memories[d->memory].name, "loop", r->name,
                                            "distance", (json_int_t)d->distance, "needed",
                                            d->needed, "claimed", d->claimed, "path", lines));
        }
    }
    for (int i = 0; i < p->stream_count; i++) {
        const struct stream *s = &p->streams[i];
        if (!s->is_output) {
            mr_json_append(&streams, json_pack("{s:s, s:s, s:i}", "name", s->name, "direction",
                                               "in", "bits", s->bits));
            continue;
        }
        json_t *stream =
            json_pack("{s:s, s:s, s:i, s:i, s:i}", "name", s->name, "direction", "out", "bits",
                      s->bits, "depth", output_depth(net, p, i), "write_stage", write_stage(p, i));
        if (s->port < 0 && asked_depth(net, s) >= 0)
            json_object_set_new(stream, "asked", json_integer(asked_depth(net, s)));
        if (crossing_of(net, s))
            json_object_set_new(stream, "crossing", json_integer(crossing_of(net, s)));
        if (s->why) {
            json_object_set_new(stream, s->measured ? "measured" : "derived",
                                json_integer(s->needed));
            json_object_set_new(stream, "why", json_string(s->why));
        }
        mr_json_append(&streams, stream);
    }
    for (int i = 0; i < p->memory_count; i++) {
        if (!memory_is_read(p, i))
            continue;
        const struct memory *m = &p->memories[i];
        const struct shape s = shape_of(p, tile, i);
        enum storage_impl kind[3];
        const int kinds = kinds_of(m, kind);
        for (int k = 0; k < kinds; k++)
            mr_json_append(&memories,
                           json_pack("{s:s, s:I, s:I, s:I, s:i, s:s, s:I}", "name", m->name,
                                     "words", (json_int_t)m->words, "bits", (json_int_t)s.bits,
                                     "copies", (json_int_t)s.copies, "ports",
                                     m->shared_ports > 1 ? 2 : 1, "impl", impl_name(m, kind[k]),
                                     "blocks", (json_int_t)blocks_of(&s.use, kind[k])));
    }
    json_t *probes = json_array();
    for (int i = 0; i < p->state_count; i++)
        if (p->states[i].is_probe)
            mr_json_append(&probes, json_pack("{s:s, s:i, s:b}", "name", p->states[i].name, "bits",
                                              p->states[i].bits, "signed", p->states[i].is_signed));
    const struct control_path control = slowest_control(net, p);
    json_t *process =
        json_pack("{s:s, s:i, s:i, s:i, s:{s:s, s:o, s:i}, s:o, s:o, s:o, s:o, s:o}", "name",
                  p->name, "first_issue", first_issue(p), "multipliers", p->multipliers,
                  "lanes_per_tile", tile->lane == NO_LANE ? 0 : tile->per_tile, "control", "kind",
                  control.kind, "ns", json_ns(control.ns), "line", control.loc.line, "loops", loops,
                  "streams", streams, "memories", memories, "probes", probes, "dependences", deps);
    if (p->function->tiles_crossing) {
        json_object_set_new(process, "tiles", json_integer(tile_count(p, tile)));
        json_object_set_new(process, "tiles_of_way", json_integer(tiles_of_way(p, tile)));
    }
    const struct op *still = slowest_invariant(p);
    if (still)
        json_object_set_new(process, "invariant_ns", json_ns(p->invariants[still->id].arrival));
    return process;
}

// A report is the same wherever its source lies: a line without the folder in front of its file.
static const char *without_folder(const char *line) {
    const char *from = line;
    for (const char *c = line; *c && *c != ':' && *c != '\n'; c++)
        from = *c == '/' ? c + 1 : from;
    return from;
}

static json_t *warnings_json(const char *lines) {
    json_t *list = json_array();
    for (const char *end; (end = strchr(lines, '\n')); lines = end + 1) {
        const char *from = without_folder(lines);
        json_t *line = json_stringn(from, (size_t)(end - from));
        mr_json_append(&list, line ? line : json_string("a warning that is no UTF-8"));
    }
    return list;
}

void report_json(const struct network *net, struct tile *const *tiles, const struct rows *rows,
                 FILE *out) {
    json_t *processes = json_array();
    for (int i = 0; i < net->process_count; i++) {
        json_t *process = process_json(net, net->processes[i], tiles[i]);
        if (rows->sample_count)
            add_rows(&process, net->processes[i], rows, &rows->processes[i]);
        mr_json_append(&processes, process);
    }
    json_t *root = json_pack("{s:s, s:s, s:i, s:o, s:i, s:i, s:o, s:o}", "top", net->name, "target",
                             net->target->name, "clock_mhz", net->target->clock_mhz, "budget_ns",
                             json_ns(net->target->budget), "most_loads", LOADS_MAX, "most_tiles",
                             TILES_MAX, "processes", processes, "channels", channels_json(net));
    if (net->external_count)
        mr_json_put(&root, "external_memories", externals_json(net));
    if (rows->sample_count)
        mr_json_put(&root, "samples", samples_json(net, rows));
    if (net->warnings)
        mr_json_put(&root, "warnings", warnings_json(net->warnings));
    json_dumpf(root, out, JSON_INDENT(1) | JSON_REAL_PRECISION(4));
    fputc('\n', out);
    json_decref(root);
}

static void print_output(const struct network *net, const struct process *p, int stream,
                         FILE *out) {
    const struct stream *s = &p->streams[stream];
    fprintf(out, "  stream %-18s %d bits, FIFO of %d", s->name, s->bits,
            output_depth(net, p, stream));
    if (s->port < 0 && asked_depth(net, s) >= 0)
        fprintf(out, ", asked %d", asked_depth(net, s));
    if (crossing_of(net, s))
        fprintf(out, ", crosses by %d registers", crossing_of(net, s));
    if (s->needed)
        fprintf(out, ", %s %d", s->measured ? "measured" : "derived", s->needed);
    fprintf(out, "%s%s\n", s->why ? ": " : "", s->why ? s->why : "");
}

void report_text(const struct network *net, struct tile *const *tiles, FILE *out) {
    fprintf(out, "%s: %d process%s, scheduled for %d MHz\n", net->name, net->process_count,
            net->process_count == 1 ? "" : "es", net->target->clock_mhz);
    const char *line = net->warnings ? net->warnings : "";
    for (const char *end; (end = strchr(line, '\n')); line = end + 1)
        fprintf(out, "%.*s", (int)(end + 1 - without_folder(line)), without_folder(line));
    for (int i = 0; i < net->external_count; i++)
        fprintf(out, "external memory %-11s words of %d bits, which come as they are planned\n",
                net->externals[i].name, net->externals[i].bits);
    for (int i = 0; i < net->process_count; i++) {
        const struct process *p = net->processes[i];
        fprintf(out, "\nprocess %s: %d multiplier%s\n", p->name, p->multipliers,
                p->multipliers == 1 ? "" : "s");
        const struct control_path control = slowest_control(net, p);
        fprintf(out, "  slowest control: %.2f of %.2f ns, %s, %s:%d\n", control.ns,
                p->target->budget, control.kind, base_name(control.loc.file), control.loc.line);
        if (tiles[i]->lane != NO_LANE)
            fprintf(out, "  lanes in tiles of %d out of %lld\n", tiles[i]->per_tile,
                    (long long)p->lanes[tiles[i]->lane].count);
        for (int r = 0; r < p->region_count; r++) {
            const struct region *region = p->regions[r];
            fprintf(out, "  loop %-20s %s:%d  II %d, %d stages", region->name,
                    base_name(region->loc.file), region->loc.line, region->schedule->ii,
                    region->schedule->depth);
            for (int k = 0; k < region->levels; k++) {
                if (region->level[k].trips >= 0)
                    fprintf(out, "%s%lld", k ? " x " : ", trips ",
                            (long long)region->level[k].trips);
                else
                    fprintf(out, "%s?", k ? " x " : ", trips ");
            }
            fputc('\n', out);
            const struct op *late = slowest(p, region);
            if (late) {
                char what[64];
                snprintf(what, sizeof what, "    slowest is stage %d",
                         region->schedule->time[late->id].ready);
                print_slowest(p, what, late, region->schedule->time[late->id].arrival, out);
            }
            print_wait("    waits", step_of(p, r), out);
            if (region->schedule->ii_reason)
                fprintf(out, "    II is not %d: %s\n", region->schedule->ii - 1,
                        region->schedule->ii_reason);
        }
        for (int k = 0; k < p->step_count; k++) {
            char what[512];
            if (p->steps[k].kind != STEP_JUMP)
                continue;
            snprintf(what, sizeof what, "  the jump of %s:%d waits",
                     base_name(p->steps[k].loc.file), p->steps[k].loc.line);
            print_wait(what, &p->steps[k], out);
        }
        const struct op *still = slowest_invariant(p);
        if (still)
            print_slowest(p, "  slowest invariant", still, p->invariants[still->id].arrival, out);
        if (p->notes)
            fputs(p->notes, out);
        for (int k = 0; k < p->stream_count; k++)
            if (p->streams[k].is_output)
                print_output(net, p, k, out);
        for (int k = 0; k < p->memory_count; k++) {
            if (!memory_is_read(p, k))
                continue;
            const struct memory *m = &p->memories[k];
            const struct shape s = shape_of(p, tiles[i], k);
            fprintf(out, "  memory %-18s %lld words of %lld bits x %lld, %s", m->name,
                    (long long)m->words, (long long)s.bits, (long long)s.copies,
                    impl_name(m, m->storage));
            if (m->rest_from)
                fprintf(out, ", from %d of dimension %d on %s", m->rest_from, m->rest_dim + 1,
                        impl_name(m, m->rest));
            if (m->last_from)
                fprintf(out, ", words from %lld on on lutram", (long long)m->last_from);
            fputs(m->shared_ports > 1 ? ", both ports read\n"
                  : m->shared_ports   ? ", one address\n"
                                      : "\n",
                  out);
        }
        for (int k = 0; k < p->state_count; k++)
            if (p->states[k].is_probe)
                fprintf(out, "  probe %-19s %d bits\n", p->states[k].name, p->states[k].bits);
        for (int r = 0; r < p->region_count; r++) {
            const struct region *region = p->regions[r];
            struct told told;
            find_told(&told, region);
            for (int k = 0; k < told.count; k++) {
                const struct found_dependence *d = told.list[k];
                fprintf(out,
                        "  dependence of %s in loop %s: %lld iteration%s from write to read, %d "
                        "cycle%s needed%s\n",
                        p->memories[d->memory].name, region->name, (long long)d->distance,
                        d->distance == 1 ? "" : "s", d->needed, d->needed == 1 ? "" : "s",
                        d->asserted ? " (claimed, asserted in the RTL)"
                        : region->schedule->time[d->to->id].follows
                            ? ", for its reads follow the writes"
                            : "");
                struct path path = dependence_path(p, region, d);
                char line[256];
                for (int n = 0; path_text(region, &path, n, line, sizeof line); n++)
                    fprintf(out, "    %s\n", line);
                free(path.op);
            }
            if (told.left_out)
                fprintf(out, "  and %d more dependences in loop %s, which leave more time\n",
                        told.left_out, region->name);
        }
    }
}
