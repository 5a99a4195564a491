// SPDX-License-Identifier: Apache-2.0
// Where paths through a network part and meet again: the cycles of its graph, directions aside.
#include "depth_parts.h"

struct search { // for biconnected components (Hopcroft and Tarjan)
    const struct link *links;
    const bool *on;
    int link_count;
    int *order, *low; // by process
    int *stack, top;
    int clock, components;
    int *component;
};

static void close_component(struct search *s, int first) {
    const int bottom = s->top;
    int at = bottom;
    while (s->stack[at - 1] != first)
        at--;
    for (int i = at - 1; i < bottom; i++) // a link alone is a bridge
        s->component[s->stack[i]] = at == bottom ? -1 : s->components;
    s->components += at != bottom;
    s->top = at - 1;
}

static void visit(struct search *s, int process, int through) {
    s->order[process] = s->low[process] = ++s->clock;
    for (int i = 0; i < s->link_count; i++) {
        const struct link *l = &s->links[i];
        if (!s->on[i] || i == through || (l->from != process && l->to != process))
            continue;
        const int other = l->from == process ? l->to : l->from;
        if (other == process) {
            s->component[i] = s->components++;
        } else if (!s->order[other]) {
            s->stack[s->top++] = i;
            visit(s, other, i);
            if (s->low[other] < s->low[process])
                s->low[process] = s->low[other];
            if (s->low[other] >= s->order[process])
                close_component(s, i);
        } else if (s->order[other] < s->order[process]) {
            s->stack[s->top++] = i;
            if (s->order[other] < s->low[process])
                s->low[process] = s->order[other];
        }
    }
}

int find_components(struct compiler *cc, int process_count, const struct link *links,
                    int link_count, const bool *on, int *component) {
    const size_t n = (size_t)process_count + 1;
    struct search s = {.links = links, .on = on, .link_count = link_count, .component = component};
    s.order = arena_alloc(cc, n * sizeof *s.order);
    s.low = arena_alloc(cc, n * sizeof *s.low);
    s.stack = arena_alloc(cc, ((size_t)link_count + 1) * sizeof *s.stack);
    for (int i = 0; i < link_count; i++)
        component[i] = -1;
    for (int i = 0; i < process_count; i++)
        if (!s.order[i])
            visit(&s, i, -1);
    return s.components;
}

static int count_ends(const struct link *links, int link_count, const int *component, int which,
                      int process, bool out) {
    int count = 0;
    for (int i = 0; i < link_count; i++)
        count += component[i] == which && (out ? links[i].from : links[i].to) == process;
    return count;
}

int find_meeting(const struct link *links, int link_count, const int *component, int link,
                 bool down) {
    const int which = component[link];
    int at = down ? links[link].to : links[link].from;
    for (int steps = 0; steps <= link_count; steps++) {
        if (count_ends(links, link_count, component, which, at, !down) > 1)
            break;
        for (int i = 0; i < link_count; i++) {
            if (component[i] != which || (down ? links[i].from : links[i].to) != at)
                continue;
            at = down ? links[i].to : links[i].from;
            break;
        }
    }
    return at;
}
