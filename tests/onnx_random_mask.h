// SPDX-License-Identifier: Apache-2.0
// Lengths of the sequences of a random ONNX file, found from x in one of the ways in which
// exporters write it, and sequences that are sorted by them. Included by onnx_random.h.
#ifndef ONNX_RANDOM_MASK_H
#define ONNX_RANDOM_MASK_H

static inline void mask_node(struct random_file *f, const char *type, const char *first,
                             const char *second, const char *attribute, int64_t number,
                             const char *output) {
    const char *const inputs[] = {first, second};

    begin_node(f, type, inputs, second ? 2 : 1);
    if (attribute)
        put_attribute(f, attribute, number);
    end_node(f, output);
}

// The answers for single numbers, "mask0" where they are none any more.
static inline void random_mask(struct random_file *f, uint64_t *draw) {
    const float than = (float)random_between(draw, -2, 2);
    const int64_t last = -1;

    put_tensor(f, "than", f->tokens ? 7 : 1, 0, NULL,
               f->tokens ? (const void *)(int64_t[]){0} : (const void *)&than,
               f->tokens ? sizeof(int64_t) : sizeof than);
    if (random_between(draw, 0, 2) == 0) {
        mask_node(f, "Greater", "x", "than", NULL, 0, "mask_each");
    } else {
        mask_node(f, "Equal", "x", "than", NULL, 0, "mask_same");
        mask_node(f, "Not", "mask_same", NULL, NULL, 0, "mask_each");
    }
    mask_node(f, "Cast", "mask_each", NULL, "to", 6, f->tokens ? "mask_any" : "mask_whole");
    if (f->tokens)
        return;
    if (random_between(draw, 0, 1)) {
        const char *const inputs[] = {"mask_whole"};
        begin_node(f, "ReduceMax", inputs, 1);
        put_attribute_list(f, "axes", 1, &last);
        put_attribute(f, "keepdims", 0);
        end_node(f, "mask_any");
        return;
    }
    put_tensor(f, "mask_axis", 7, 1, (int64_t[]){1}, &last, sizeof last);
    mask_node(f, "ReduceSum", "mask_whole", "mask_axis", "keepdims", 0, "mask_sum");
    mask_node(f, "Cast", "mask_sum", NULL, "to", 9, "mask_truth"); // bool
    mask_node(f, "Cast", "mask_truth", NULL, "to", 6, "mask_any");
}

// "lengths", and where the sequences are sorted by them their order back, "back". *x gets the name
// of the sequences.
static inline void random_lengths(struct random_file *f, uint64_t *draw, bool time_first, char *x) {
    const int64_t batch = time_first ? 1 : 0;

    random_mask(f, draw);
    mask_node(f, "ReduceSum", "mask_any", time_first ? "axis0" : "axis1", "keepdims", 0,
              "mask_sums");
    f->masked = true;
    say(f, ", masked", -1);
    if (random_between(draw, 0, 2)) {
        mask_node(f, "Cast", "mask_sums", NULL, "to", 6, "lengths");
        return;
    }
    const char *const top[] = {"mask_sums", "mask_count"};
    mask_node(f, "Shape", "mask_sums", NULL, NULL, 0, "mask_count");
    begin_node(f, "TopK", top, 2);
    put_attribute(f, "axis", -1);
    put_text(&f->node, 2, "mask_sorted");
    end_node(f, "order");
    mask_node(f, "Cast", "mask_sorted", NULL, "to", 6, "lengths");
    mask_node(f, "Gather", x, "order", "axis", batch, "x_sorted");
    mask_node(f, "Squeeze", "mask_count", "axis0", NULL, 0, "mask_n");
    const char *const range[] = {"zero", "mask_n", "one"};
    begin_node(f, "Range", range, 3);
    end_node(f, "mask_places");
    mask_node(f, "ConstantOfShape", "mask_count", NULL, NULL, 0, "mask_real");
    mask_node(f, "Cast", "mask_real", NULL, "to", 7, "mask_zeros");
    const char *const scatter[] = {"mask_zeros", "order", "mask_places"};
    begin_node(f, "ScatterElements", scatter, 3);
    put_attribute(f, "axis", 0);
    end_node(f, "back");
    strcpy(x, "x_sorted");
    f->sorted = true;
    say(f, " and sorted", -1);
}

#endif
