// SPDX-License-Identifier: Apache-2.0
// Nodes, and the types that C gives to expressions.
#include "tree.h"

#include <stdlib.h>
#include <string.h>

static void *need(void *memory) {
    if (!memory) {
        fputs("hlsc_fuzz: out of memory\n", stderr);
        exit(2);
    }
    return memory;
}

void *take(struct program *p, size_t size) {
    if (p->block_count == p->block_room) {
        p->block_room = p->block_room ? 2 * p->block_room : 256;
        p->blocks = need(realloc(p->blocks, p->block_room * sizeof *p->blocks));
    }
    return p->blocks[p->block_count++] = need(calloc(1, size));
}

void program_free(struct program *p) {
    for (size_t i = 0; i < p->block_count; i++)
        free(p->blocks[i]);
    free(p->blocks);
    memset(p, 0, sizeof *p);
}

struct node *new_node(struct program *p, enum kind kind) {
    struct node *node = take(p, sizeof *node);
    node->kind = kind;
    return node;
}

void append(struct program *p, struct list *list, struct node *node) {
    if (list->count == list->room) {
        struct node **old = list->items;
        list->room = list->room ? 2 * list->room : 4;
        list->items = take(p, (size_t)list->room * sizeof(struct node *));
        for (int i = 0; i < list->count; i++)
            list->items[i] = old[i];
    }
    list->items[list->count++] = node;
}

int bits_of(enum base base) {
    static const int bits[] = {1, 8, 8, 16, 16, 32, 32, 64, 64, 32, 0, 0};
    return bits[base];
}

bool is_signed(enum base base) {
    return base == B_I8 || base == B_I16 || base == B_I32 || base == B_I64;
}

enum base promote(enum base base) {
    return base == B_ENUM ? B_U32 : bits_of(base) < 32 ? B_I32 : base;
}

static enum base common(enum base a, enum base b) {
    a = promote(a);
    b = promote(b);
    return a > b ? a : b; // in the order of the enumeration
}

enum base type_of(const struct node *e) {
    switch (e->kind) {
    case E_CONST:
    case E_CAST:
        return e->base;
    case E_FIELD:
        return e->var->record->base[e->value];
    case E_CALL:
        return e->function->base;
    case E_UNARY:
        return e->op == O_LNOT ? B_I32 : promote(type_of(e->e[0]));
    case E_COND:
        return common(type_of(e->e[1]), type_of(e->e[2]));
    case E_BINARY:
        if (e->op >= O_EQ && e->op <= O_LOR)
            return B_I32;
        if (e->op == O_SHL || e->op == O_SHR)
            return promote(type_of(e->e[0]));
        return common(type_of(e->e[0]), type_of(e->e[1]));
    default:
        return e->var->base;
    }
}

bool is_expression(const struct node *node) {
    return node->kind >= E_CONST;
}

int arity(const struct node *e) {
    int n = 0;
    while (n < 3 && e->e[n])
        n++;
    return n;
}
