// SPDX-License-Identifier: Apache-2.0
// What the compiler found out, for programs (JSON) and for people (text): per process its loops,
// streams, memories, multipliers and the dependences through its memories, stage by stage.
#include "control.h"
#include "depth.h"
#include "emit.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static const char *impl_name(const struct memory *m) {
    static const char *const names[] = {"auto", "lutram", "bram", "uram", "register"};
    return m->kind == MEMORY_ROM ? "rom" : names[m->storage];
}

static const char *base_name(const char *path) {
    const char *slash = path ? strrchr(path, '/') : NULL;
    return slash ? slash + 1 : path ? path : "";
}

// Copies of a memory's word and its width: one per tile, or one per load; tables are read through
// ports.
static void memory_shape(const struct process *p, const struct tile *tile, int memory,
                         int64_t *bits, int64_t *copies) {
    const struct memory *m = &p->memories[memory];
    const bool split = memory_is_split(p, tile, memory);
    *bits = split ? m->width : m->banks * m->width;
    *copies = 0;
    for (int r = 0; r < p->region_count; r++) {
        for (int i = 0; i < p->op_count; i++) {
            const struct op *op = p->ops[i];
            if (op->alias || op->code != IR_LOAD || op->imm != memory ||
                !p->regions[r]->schedule->time[i].needed)
                continue;
            int64_t ports = 1;
            for (int l = 0; m->kind == MEMORY_ROM && l < p->lane_count; l++)
                if (op->space >> l & 1)
                    ports *= p->lanes[l].count;
            *copies += m->kind == MEMORY_ROM ? (ports + 1) / 2 // a table has two ports
                       : split               ? split_copies(p, op)
                                             : 1;
        }
    }
    if (tile->lane != NO_LANE && tile->memory[memory]) {
        const int64_t count = p->lanes[tile->lane].count;
        *bits = *bits / count * tile->per_tile;
        *copies *= (count + tile->per_tile - 1) / tile->per_tile;
    }
}

struct search { // for the slowest way back from a write to the read that it depends on
    const struct region *r;
    const struct op *goal;
    bool *seen;
    const struct op **path;
    int length, room;
};

// Depth first, the latest input first, and through the registers that hand a value to the next
// iteration.
static bool search_back(struct search *s, const struct op *at) {
    if (s->seen[at->id] || s->length == s->room)
        return false;
    s->seen[at->id] = true;
    s->path[s->length++] = at;
    if (at == s->goal)
        return true;
    const struct op_time *time = s->r->schedule->time;
    if (at->code == IR_PHI) {
        for (int c = 0; c < s->r->carried_count; c++)
            if (s->r->carried[c].phi == at && search_back(s, s->r->carried[c].next))
                return true;
        s->length--;
        return false;
    }
    for (;;) {
        const struct op *latest = NULL;
        for (int i = 0; i < at->in_count; i++) {
            const struct op *in = at->in[i];
            if (!in || s->seen[in->id] || time[in->id].invariant ||
                (at->code == IR_STORE && i == 0))
                continue;
            const double late = time[in->id].ready + time[in->id].arrival / 100;
            if (!latest || late > time[latest->id].ready + time[latest->id].arrival / 100)
                latest = in;
        }
        if (!latest)
            break;
        if (search_back(s, latest))
            return true;
    }
    s->length--;
    return false;
}

static int dependence_path(const struct process *p, const struct region *r,
                           const struct found_dependence *d, const struct op **path, int room) {
    struct search s = {r, d->to, calloc((size_t)p->op_count + 1, sizeof(bool)), path, 0, room};
    if (s.seen)
        search_back(&s, d->from);
    free(s.seen);
    return s.length;
}

static void path_line(const struct region *r, const struct op *op, char *text, size_t size) {
    const struct op_time *t = &r->schedule->time[op->id];
    char stages[32];
    snprintf(stages, sizeof stages, t->ready > t->start ? "%d to %d" : "%d", t->start, t->ready);
    snprintf(text, size, "stage %s: %s%s%s, %s:%d", stages, ir_opcode_name(op->code),
             op->name ? " " : "", op->name ? op->name : "", base_name(op->loc.file), op->loc.line);
}

static bool is_read_after_write(const struct found_dependence *d) {
    return d->from->code == IR_STORE && d->to->code == IR_LOAD && d->distance >= 0 &&
           (d->needed > 0 || d->claimed);
}

// The operation that is ready latest in a stage; NULL: none takes time there.
static const struct op *latest_in(const struct process *p, const struct region *r, int stage) {
    const struct op *latest = NULL;
    for (int i = 0; i < p->op_count; i++) {
        const struct op_time *t = &r->schedule->time[i];
        if (p->ops[i]->alias || !t->needed || t->invariant || t->ready != stage ||
            p->ops[i]->code == IR_PHI || op_delay(p, p->ops[i]) == 0)
            continue;
        if (!latest || t->arrival > r->schedule->time[latest->id].arrival)
            latest = p->ops[i];
    }
    return latest;
}

static const struct op *slowest(const struct process *p, const struct region *r) {
    const struct op *worst = NULL;
    for (int stage = 0; stage < r->schedule->depth; stage++) {
        const struct op *op = latest_in(p, r, stage);
        if (op &&
            (!worst || r->schedule->time[op->id].arrival > r->schedule->time[worst->id].arrival))
            worst = op;
    }
    return worst;
}

// The invariant that takes longest; NULL: none takes time.
static const struct op *slowest_invariant(const struct process *p) {
    const struct op *worst = NULL;
    for (int i = 0; i < p->op_count; i++) {
        const struct invariant *v = &p->invariants[i];
        if ((v->is_made[false] || v->is_made[true]) && v->arrival > REGISTER_OUT &&
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

static void print_slowest(const char *what, const struct op *op, double ns, FILE *out) {
    fprintf(out, "%s: %.2f of %.2f ns, %s%s%s, %s:%d\n", what, ns, SCHEDULE_BUDGET,
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
    for (int stage = 0; stage < r->schedule->depth; stage++) {
        const struct op *op = latest_in(p, r, stage);
        const double ns = op ? r->schedule->time[op->id].arrival : 0;
        json_array_append_new(stages, json_ns(ns));
    }
    json_object_set_new(loop, "stage_ns", stages);
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
        json_array_append_new(loops, loop_json(p, i));
        for (int k = 0; k < r->schedule->dependence_count; k++) {
            const struct found_dependence *d = &r->schedule->dependences[k];
            if (!is_read_after_write(d))
                continue;
            const struct op *path[128];
            const int length = dependence_path(p, r, d, path, 128);
            json_t *lines = json_array();
            for (int n = length - 1; n >= 0; n--) {
                char line[256];
                path_line(r, path[n], line, sizeof line);
                json_array_append_new(lines, json_string(line));
            }
            json_array_append_new(deps, json_pack("{s:s, s:s, s:I, s:i, s:b, s:o}", "variable",
                                                  p->memories[d->memory].name, "loop", r->name,
                                                  "distance", (json_int_t)d->distance, "needed",
                                                  d->needed, "claimed", d->claimed, "path", lines));
        }
    }
    for (int i = 0; i < p->stream_count; i++) {
        const struct stream *s = &p->streams[i];
        if (!s->is_output) {
            json_array_append_new(streams, json_pack("{s:s, s:s, s:i}", "name", s->name,
                                                     "direction", "in", "bits", s->bits));
            continue;
        }
        int stage = 0;
        for (int r = 0; r < p->region_count; r++)
            if (p->regions[r]->schedule->write_stage[i] >= 0)
                stage = p->regions[r]->schedule->write_stage[i];
        json_t *stream =
            json_pack("{s:s, s:s, s:i, s:i, s:i}", "name", s->name, "direction", "out", "bits",
                      s->bits, "depth", output_depth(net, p, i), "write_stage", stage);
        if (s->port < 0 && asked_depth(net, s) >= 0)
            json_object_set_new(stream, "asked", json_integer(asked_depth(net, s)));
        if (crossing_of(net, s))
            json_object_set_new(stream, "crossing", json_integer(crossing_of(net, s)));
        if (s->why) {
            json_object_set_new(stream, "derived", json_integer(s->needed));
            json_object_set_new(stream, "why", json_string(s->why));
        }
        json_array_append_new(streams, stream);
    }
    for (int i = 0; i < p->memory_count; i++) {
        if (!memory_is_read(p, i))
            continue;
        int64_t bits, copies;
        memory_shape(p, tile, i, &bits, &copies);
        json_array_append_new(
            memories, json_pack("{s:s, s:I, s:I, s:I, s:s}", "name", p->memories[i].name, "words",
                                (json_int_t)p->memories[i].words, "bits", (json_int_t)bits,
                                "copies", (json_int_t)copies, "impl", impl_name(&p->memories[i])));
    }
    json_t *probes = json_array();
    for (int i = 0; i < p->state_count; i++)
        if (p->states[i].is_probe)
            json_array_append_new(probes,
                                  json_pack("{s:s, s:i, s:b}", "name", p->states[i].name, "bits",
                                            p->states[i].bits, "signed", p->states[i].is_signed));
    const struct control_path control = slowest_control(net, p);
    json_t *process =
        json_pack("{s:s, s:i, s:i, s:i, s:{s:s, s:o, s:i}, s:o, s:o, s:o, s:o, s:o}", "name",
                  p->name, "first_issue", first_issue(p), "multipliers", p->multipliers,
                  "lanes_per_tile", tile->lane == NO_LANE ? 0 : tile->per_tile, "control", "kind",
                  control.kind, "ns", json_ns(control.ns), "line", control.loc.line, "loops", loops,
                  "streams", streams, "memories", memories, "probes", probes, "dependences", deps);
    const struct op *still = slowest_invariant(p);
    if (still)
        json_object_set_new(process, "invariant_ns", json_ns(p->invariants[still->id].arrival));
    return process;
}

static json_t *warnings_json(const char *lines) {
    json_t *list = json_array();
    for (const char *end; (end = strchr(lines, '\n')); lines = end + 1)
        json_array_append_new(list, json_stringn(lines, (size_t)(end - lines)));
    return list;
}

void report_json(const struct network *net, struct tile *const *tiles, FILE *out) {
    json_t *processes = json_array();
    for (int i = 0; i < net->process_count; i++)
        json_array_append_new(processes, process_json(net, net->processes[i], tiles[i]));
    json_t *root = json_pack("{s:s, s:i, s:o}", "top", net->name, "clock_mhz", CLOCK_MHZ,
                             "processes", processes);
    if (net->warnings)
        json_object_set_new(root, "warnings", warnings_json(net->warnings));
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
        fprintf(out, ", derived %d", s->needed);
    fprintf(out, "%s%s\n", s->why ? ": " : "", s->why ? s->why : "");
}

void report_text(const struct network *net, struct tile *const *tiles, FILE *out) {
    fprintf(out, "%s: %d process%s, scheduled for %d MHz\n", net->name, net->process_count,
            net->process_count == 1 ? "" : "es", CLOCK_MHZ);
    if (net->warnings)
        fputs(net->warnings, out);
    for (int i = 0; i < net->process_count; i++) {
        const struct process *p = net->processes[i];
        fprintf(out, "\nprocess %s: %d multiplier%s\n", p->name, p->multipliers,
                p->multipliers == 1 ? "" : "s");
        const struct control_path control = slowest_control(net, p);
        fprintf(out, "  slowest control: %.2f of %.2f ns, %s, %s:%d\n", control.ns, SCHEDULE_BUDGET,
                control.kind, base_name(control.loc.file), control.loc.line);
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
                print_slowest(what, late, region->schedule->time[late->id].arrival, out);
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
            print_slowest("  slowest invariant", still, p->invariants[still->id].arrival, out);
        if (p->notes)
            fputs(p->notes, out);
        for (int k = 0; k < p->stream_count; k++)
            if (p->streams[k].is_output)
                print_output(net, p, k, out);
        for (int k = 0; k < p->memory_count; k++) {
            int64_t bits, copies;
            if (!memory_is_read(p, k))
                continue;
            memory_shape(p, tiles[i], k, &bits, &copies);
            fprintf(out, "  memory %-18s %lld words of %lld bits x %lld, %s\n", p->memories[k].name,
                    (long long)p->memories[k].words, (long long)bits, (long long)copies,
                    impl_name(&p->memories[k]));
        }
        for (int k = 0; k < p->state_count; k++)
            if (p->states[k].is_probe)
                fprintf(out, "  probe %-19s %d bits\n", p->states[k].name, p->states[k].bits);
        for (int r = 0; r < p->region_count; r++) {
            const struct region *region = p->regions[r];
            for (int k = 0; k < region->schedule->dependence_count; k++) {
                const struct found_dependence *d = &region->schedule->dependences[k];
                if (!is_read_after_write(d))
                    continue;
                const struct op *path[128];
                const int length = dependence_path(p, region, d, path, 128);
                fprintf(out,
                        "  dependence of %s in loop %s: %lld iteration%s from write to read, %d "
                        "cycle%s needed%s\n",
                        p->memories[d->memory].name, region->name, (long long)d->distance,
                        d->distance == 1 ? "" : "s", d->needed, d->needed == 1 ? "" : "s",
                        d->asserted ? " (claimed, asserted in the RTL)"
                        : region->schedule->time[d->to->id].follows
                            ? ", for its reads follow the writes"
                            : "");
                for (int n = length - 1; n >= 0; n--) {
                    char line[256];
                    path_line(region, path[n], line, sizeof line);
                    fprintf(out, "    %s\n", line);
                }
            }
        }
    }
}
