// SPDX-License-Identifier: Apache-2.0
// What the parts of the printer share.
#ifndef HLSC_FUZZ_PRINT_H
#define HLSC_FUZZ_PRINT_H

#include "tree.h"

struct printer {
    FILE *file;
    const struct program *program;
    int depth;
};

#define PUT(...) fprintf(to->file, __VA_ARGS__)

extern const char *const type_names[B_NUMBERS];
void type_name(const struct printer *to, enum base base, const struct record *record);
void payload(const struct printer *to, const struct var *var);
void var_name(const struct printer *to, const struct var *var);
void values(const struct printer *to, const struct var *var);
void declared(const struct printer *to, const struct var *var);
void block(struct printer *to, const struct list *list);
bool is_read(const struct node *e); // of a stream, or NULL

#endif
