// SPDX-License-Identifier: Apache-2.0
// What the search for FIFO depths has found, in words for messages and the report.
#include "depth_parts.h"

struct location access_at(const struct analysis *a, int process, int watched) {
    const struct process *p = a->net->processes[process];
    for (int r = 0; r < p->region_count; r++) {
        for (int i = 0; i < p->regions[r]->effect_count; i++) {
            const struct op *op = p->regions[r]->effects[i];
            if ((op->code == IR_READ || op->code == IR_WRITE) &&
                op->imm == a->watch[process].stream[watched])
                return op->loc;
        }
    }
    return p->function->loc;
}

struct location wait_at(const struct analysis *a, int process, struct wait w) {
    const struct link *l = &a->links[w.link];
    return access_at(a, process, w.room ? l->from_watch : l->to_watch);
}

// "process x waits for a word of 'c' (line 12) from y"
const char *wait_text(const struct analysis *a, int process, struct wait w) {
    const struct link *l = &a->links[w.link];
    const int line = wait_at(a, process, w).line;
    return w.room ? arena_printf(a->cc, "%s waits for room in '%s' (line %d) to %s",
                                 process_name(a, process), a->found[w.link].name, line,
                                 process_name(a, l->to))
                  : arena_printf(a->cc, "%s waits for a word of '%s' (line %d) from %s",
                                 process_name(a, process), a->found[w.link].name, line,
                                 process_name(a, l->from));
}

const char *cycle_text(const struct analysis *a, const struct flow *f, const int *cycle,
                       int count) {
    const char *text = "";
    for (int i = 0; i < count; i++)
        text = arena_printf(a->cc, "%s%s%s", text, i ? ", " : "",
                            wait_text(a, cycle[i], flow_wait(f, cycle[i])));
    return text;
}

// "split, scale, join": the processes of a cycle through this link's component.
const char *members_text(const struct analysis *a, int link) {
    const char *text = "";
    for (int p = 0; p < a->net->process_count; p++) {
        bool member = false;
        for (int i = 0; i < a->link_count; i++)
            member = member || (a->component[i] == a->component[link] &&
                                (a->links[i].from == p || a->links[i].to == p));
        if (member)
            text = arena_printf(a->cc, "%s%s%s", text, *text ? ", " : "", process_name(a, p));
    }
    return text;
}

const char *meeting_text(const struct analysis *a, int link) {
    if (a->links[link].from == a->links[link].to)
        return "it leads back into its process";
    return arena_printf(
        a->cc, "paths from %s meet again at %s",
        process_name(a, find_meeting(a->links, a->link_count, a->component, link, false)),
        process_name(a, find_meeting(a->links, a->link_count, a->component, link, true)));
}

// Why a process's order is not known, or NULL.
const char *unknown_text(const struct analysis *a, int process, int watched) {
    const struct trace *t = &a->traces[process];
    const struct op *op = t->unknown[watched];
    if (t->lost)
        return arena_printf(
            a->cc, "what process '%s' does from line %d on depends on data or on an earlier run",
            process_name(a, process), t->lost_at.line);
    if (!op)
        return NULL;
    return arena_printf(
        a->cc, "whether process '%s' %s '%s' (line %d) depends on data or on an earlier run",
        process_name(a, process), op->code == IR_READ ? "reads" : "writes",
        a->net->processes[process]->streams[op->imm].name, op->loc.line);
}

const char *run_text(const struct analysis *a) {
    const char *text = "";
    for (int i = 0; i < a->net->top->param_count; i++)
        if (a->deciders.port[i])
            text = arena_printf(a->cc, "%s%s%s = %lld", text, *text ? ", " : "",
                                a->net->top->params[i]->name, (long long)a->port[i]);
    return text;
}

const char *pragma_text(const struct analysis *a, int link) {
    return arena_printf(a->cc, "'#pragma HLS stream variable=%s depth=N'", a->found[link].name);
}
