// SPDX-License-Identifier: Apache-2.0
// Words and room of the FIFOs between processes, and what an iteration writes to them.
#include "schedule.h"

int most_words(const struct region *r, int stream, int *writes) {
    bool exclusive = true;
    *writes = 0;
    for (int i = 0; i < r->effect_count; i++) {
        const struct op *op = r->effects[i];
        if (op->code != IR_WRITE || op->imm != stream)
            continue;
        ++*writes;
        for (int k = 0; k < i; k++) {
            const struct op *other = r->effects[k];
            if (other->code == IR_WRITE && other->imm == stream)
                exclusive = exclusive && ir_exclusive(op->in[0], other->in[0]);
        }
    }
    return exclusive && *writes ? 1 : *writes;
}

bool told_at_issue(const struct process *p, const struct schedule *s, const struct op *guard) {
    const struct op_time *time = guard ? &s->time[guard->id] : NULL;
    return !guard || time->invariant ||
           (time->ready == 0 && !time->in_tile &&
            time->arrival + BY_CONTROL(p) <= p->target->budget);
}

int write_stage(const struct process *p, int stream) {
    int stage = 0;
    for (int r = 0; r < p->region_count; r++)
        if (p->regions[r]->schedule->write_stage[stream] >= 0)
            stage = p->regions[r]->schedule->write_stage[stream];
    return stage;
}

int base_depth(const struct process *p, int stream, int asked, int crossing) {
    int latest = 0;
    for (int r = 0; r < p->region_count; r++)
        if (p->regions[r]->schedule->write_stage[stream] > latest)
            latest = p->regions[r]->schedule->write_stage[stream];
    // One word a cycle needs what is in flight, and its credit's way back.
    return latest + 2 + 2 * crossing + (asked > 2 ? asked : 2);
}

int asked_depth(const struct network *net, const struct stream *s) {
    return s->channel >= 0 ? net->channels[s->channel].depth : s->depth;
}

int crossing_of(const struct network *net, const struct stream *s) {
    return s->channel >= 0 ? net->channels[s->channel].crossing : 0;
}

int output_depth(const struct network *net, const struct process *p, int stream) {
    const struct stream *s = &p->streams[stream];
    const int asked = base_depth(p, stream, asked_depth(net, s), crossing_of(net, s));
    return s->needed > asked ? s->needed : asked;
}
