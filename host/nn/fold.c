// SPDX-License-Identifier: Apache-2.0
// Writes programs of the folded kernel (fold.h): the bits are those of hls/kernels/folded/format.h.
#include "fold.h"

#include "failure.h"
#include "op.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ELEMENTS_MAX = FOLDED_SUMS, COLUMNS_MAX = 511, BIAS_PARTS = 3, SHIFT_MAX = 30 };

void mr_fold_refuse(struct mr_fold *fold, const char *format, ...) {
    char text[600];
    va_list arguments;

    if (fold->code)
        return;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    fold->code = mr_failure(fold->error, MR_ERROR_PLAN,
                            "the folded kernel cannot run this network: %s", text);
}

int mr_fold_take(struct mr_fold *fold, int count) {
    const int first = fold->numbers;

    if (fold->code)
        return 0;
    if (count > FOLDED_NUMBERS - first) {
        mr_fold_refuse(fold,
                       "its rows and states are more than the %d numbers that the kernel holds",
                       FOLDED_NUMBERS);
        return 0;
    }
    fold->numbers += count;
    return first;
}

// A memory word, zero: NULL where there is none.
static uint16_t *add_word(struct mr_fold *fold) {
    if (fold->code)
        return NULL;
    if (fold->words == FOLDED_WORDS) {
        mr_fold_refuse(fold,
                       "its weights are more than the %d memory words of %d weights that the "
                       "kernel holds",
                       FOLDED_WORDS, fold->rows);
        return NULL;
    }
    if (fold->words == fold->room) {
        const size_t room = fold->room ? 2 * fold->room : 1024;
        uint16_t *grown = realloc(fold->parts, room * (size_t)fold->rows * sizeof *grown);
        if (!grown) {
            fold->code = mr_failure(fold->error, MR_ERROR_MEMORY,
                                    "not enough memory for the program of the folded kernel");
            return NULL;
        }
        fold->parts = grown;
        fold->room = room;
    }
    uint16_t *word = fold->parts + fold->words++ * (size_t)fold->rows;
    memset(word, 0, (size_t)fold->rows * sizeof *word);
    return word;
}

static void add_instruction(struct mr_fold *fold, unsigned p0, unsigned p1, unsigned p2,
                            unsigned p3) {
    const size_t at = fold->words;
    uint16_t *word = add_word(fold);

    if (!word)
        return;
    word[0] = (uint16_t)p0;
    word[1] = (uint16_t)p1;
    word[2] = (uint16_t)p2;
    word[3] = (uint16_t)p3;
    fold->last = at;
}

// ---- matrices

#define INTO_SUMS (FOLDED_INTO_SUM << FOLDED_INTO_AT)

static void add_bias(struct mr_fold *fold, int64_t bias, int32_t shift) {
    uint16_t *word = add_word(fold);

    if (shift > SHIFT_MAX) { // of a row of zeros, as mr_fold_matrix sees to
        bias >>= shift - SHIFT_MAX;
        shift = SHIFT_MAX;
    }

    if (!word)
        return;
    for (int part = 0; part < BIAS_PARTS; part++)
        word[part] = (uint16_t)((uint64_t)bias >> (16 * part) & 0xffff);
    word[BIAS_PARTS] = (uint16_t)(shift + 1);
}

static int weight_of(const struct mr_op *op, const struct mr_fold_row *row, int column) {
    const bool of_h = column >= op->inputs;

    if (row->row < 0 || !(of_h ? row->of_h : row->of_x))
        return 0;
    return op->rows.weight[(size_t)row->row * (size_t)mr_op_columns(op) + (size_t)column];
}

// Weights of a column, or of two where they have 8 bits.
static void add_column(struct mr_fold *fold, const struct mr_op *op, const struct mr_fold_row *rows,
                       int column, bool pairs) {
    const bool has_second = pairs && column + 1 < mr_op_columns(op);
    uint16_t *word = add_word(fold);

    for (int r = 0; word && r < fold->rows; r++) {
        const int first = weight_of(op, &rows[r], column);
        const int second = has_second ? weight_of(op, &rows[r], column + 1) : 0;
        word[r] = (uint16_t)(pairs ? (first & 0xff) | (second & 0xff) << 8 : first & 0xffff);
    }
}

static bool is_zero(const struct mr_op *op, const struct mr_fold_row *row) {
    for (int column = 0; column < mr_op_columns(op); column++)
        if (weight_of(op, row, column) != 0)
            return false;
    return true;
}

static void add_group(struct mr_fold *fold, const struct mr_op *op,
                      const struct mr_fold_row *rows) {
    const bool pairs = op->precision.weight_bits == 8;

    for (int column = 0; column < mr_op_columns(op); column += pairs ? 2 : 1)
        add_column(fold, op, rows, column, pairs);
    for (int r = 0; r < fold->rows; r++)
        if (rows[r].row >= 0 && op->rows.shift[rows[r].sum] > SHIFT_MAX && !is_zero(op, &rows[r]))
            mr_fold_refuse(fold, "row %d of the %s is shifted by %d bits, and there by at most %d",
                           rows[r].row, op->name, (int)op->rows.shift[rows[r].sum], SHIFT_MAX);
    for (int r = 0; r < fold->rows; r++)
        add_bias(fold, rows[r].row < 0 ? 0 : op->rows.bias[rows[r].sum],
                 rows[r].row < 0 ? 0 : op->rows.shift[rows[r].sum]);
}

void mr_fold_matrix(struct mr_fold *fold, const struct mr_op *op, const struct mr_fold_row *rows,
                    int count, int x, int h, unsigned cut) {
    static const struct mr_fold_row none = {.row = -1};
    const int groups = mr_ceil_div(count, fold->rows), columns = mr_op_columns(op);
    const unsigned flags = (op->precision.weight_bits == 8 ? FOLDED_WEIGHT8 : 0) |
                           (op->precision.column_bits == 8 ? FOLDED_COLUMN8 : 0);

    if (columns > COLUMNS_MAX)
        mr_fold_refuse(fold, "the %s has %d columns of weights, and the kernel %d", op->name,
                       columns, COLUMNS_MAX);
    if (groups * fold->rows > FOLDED_SUMS)
        mr_fold_refuse(fold, "the %s has %d sums, and the kernel %d", op->name, groups * fold->rows,
                       FOLDED_SUMS);
    add_instruction(fold, FOLDED_MATRIX | flags | (unsigned)op->inputs << FOLDED_RUN_AT,
                    (unsigned)x, (unsigned)h | INTO_SUMS | cut << FOLDED_CUT_AT,
                    (unsigned)columns | (unsigned)groups << FOLDED_GROUPS_AT);
    for (int g = 0; g < groups && !fold->code; g++) {
        struct mr_fold_row group[FOLDED_ROWS_MOST];
        for (int r = 0; r < fold->rows; r++)
            group[r] = g * fold->rows + r < count ? rows[g * fold->rows + r] : none;
        add_group(fold, op, group);
    }
}

// ---- vectors

static unsigned flag(bool is, unsigned bit) {
    return is ? bit : 0;
}

// What is read and not needed is what is written, so that no read comes soon behind a write.
static void settle(struct mr_fold_vector *v) {
    const bool adds_sum = v->addend == FOLDED_ADD_SUM || v->addend == FOLDED_ADD_HIGH;
    const bool needs_sum = v->activates ? !v->of_number : adds_sum;
    const bool needs_number = v->activates ? v->of_number : !v->p_is_active && v->has_q;

    if (!needs_sum)
        v->sum = v->into == FOLDED_INTO_SUM ? v->to : (struct mr_fold_at){0};
    if (!needs_number)
        v->number = v->into == FOLDED_INTO_NUMBER ? v->to.first : 0;
    if (v->into == FOLDED_INTO_ACTIVE) {
        v->apart = v->to.apart;
        v->p = v->q = v->to.first;
    }
}

void mr_fold_vector(struct mr_fold *fold, struct mr_fold_vector v) {
    if (v.elements > ELEMENTS_MAX)
        mr_fold_refuse(fold, "it has vectors of %d numbers, and the kernel of %d", v.elements,
                       ELEMENTS_MAX);
    settle(&v);
    add_instruction(
        fold,
        FOLDED_VECTOR | flag(v.activates, FOLDED_ACTIVATE) | flag(v.of_number, FOLDED_OF_NUMBER) |
            v.tanh << FOLDED_TANH_AT | flag(v.relu, FOLDED_RELU) | v.addend << FOLDED_ADDEND_AT |
            v.shift << FOLDED_SHIFT_AT | flag(v.p_is_active, FOLDED_P_ACTIVE) |
            flag(!v.has_q, FOLDED_Q_ZERO),
        (unsigned)v.number | (unsigned)v.p << FOLDED_P_OFFSET_AT |
            (unsigned)v.q << FOLDED_Q_OFFSET_AT | flag(v.less, FOLDED_Q_LESS) |
            flag(v.sum.apart, FOLDED_SUM_STRIDE) | flag(v.apart, FOLDED_ACTIVE_STRIDE),
        (unsigned)v.to.first | v.into << FOLDED_INTO_AT | v.cut << FOLDED_CUT_AT |
            (unsigned)v.sum.first << FOLDED_SUM_OFFSET_AT | flag(v.to.apart, FOLDED_INTO_STRIDE),
        (unsigned)v.elements);
}

// ---- moves, programs

void mr_fold_move(struct mr_fold *fold, int first, int count, bool gives, bool wide) {
    add_instruction(fold, FOLDED_MOVE | flag(gives, FOLDED_GIVE) | flag(wide, FOLDED_WIDE),
                    (unsigned)first, 0, (unsigned)(wide ? 2 * count : count));
}

size_t mr_fold_begin(struct mr_fold *fold) {
    fold->last = SIZE_MAX;
    return fold->words;
}

void mr_fold_end(struct mr_fold *fold) {
    if (fold->last == SIZE_MAX)
        add_instruction(fold, FOLDED_NOTHING, 0, 0, 0);
    if (!fold->code)
        fold->parts[fold->last * (size_t)fold->rows] |= FOLDED_LAST;
}
