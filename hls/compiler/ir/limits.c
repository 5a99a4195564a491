// SPDX-License-Identifier: Apache-2.0
// Limits of loops whose variable may be too narrow for them.
#include "ir.h"

void check_limits(struct compiler *cc, const struct process *p) {
    for (int i = 0; i < p->bounded_count; i++) {
        const struct bounded *b = &p->bounded[i];
        const struct limit_check *check = b->check;
        const wide high =
            ir_greatest_where(ir_resolve(b->limit), b->guard ? ir_resolve(b->guard) : NULL);
        const struct type *type = check->var->type;
        int64_t mask = 1;
        while (mask * 2 + 1 <= check->most)
            mask = mask * 2 + 1;
        if (high > check->most)
            fail(cc, check->loc,
                 "the limit may be %llu, and %s (%sint%d_t) wraps around before it reaches more "
                 "than "
                 "%lld; declare the variable as wide as the limit, or bound the limit (n & %lld)",
                 (unsigned long long)high, check->var->name, type->is_signed ? "" : "u", type->bits,
                 (long long)check->most, (long long)mask);
    }
}
