// SPDX-License-Identifier: Apache-2.0
// What a random ONNX file computes with the rows of both directions of a layer before they are one,
// while they are stacked along an axis. Included by onnx_random.h.
#ifndef ONNX_RANDOM_STACK_H
#define ONNX_RANDOM_STACK_H

// A function of all numbers, or a product or sum with one or each direction's own number.
static inline void random_each(struct random_file *f, char *name, int axis, int rank) {
    static const char *const types[] = {"Tanh", "Relu", "Mul", "Add", "Neg"};
    const int type = random_between(&f->own, 0, 4), own = random_between(&f->own, 0, 1);
    int64_t dims[4] = {1, 1, 1, 1};
    const float list[2] = {random_number(&f->own, 2), random_number(&f->own, 2)};
    char constant[16];

    const bool second = type == 2 || type == 3;
    new_value(f, constant);
    dims[axis] = own ? 2 : 1;
    if (second)
        put_tensor(f, constant, 1, rank, dims, list, (own ? 2 : 1) * sizeof *list);
    const char *const inputs[] = {name, constant};
    begin_node(f, types[type], inputs, second ? 2 : 1);
    new_value(f, name);
    end_node(f, name);
    say(f, " ", -1);
    say(f, types[type], -1);
}

// Of some stacks the sum or mean along the axis. False: of others they are to be joined.
static inline bool random_reduce(struct random_file *f, char *name, int axis) {
    const int64_t along = axis;

    if (!f->reduced)
        return false;
    const bool sum = random_between(&f->own, 0, 1);
    char axes[16];
    new_value(f, axes);
    put_tensor(f, axes, 7, 1, (int64_t[]){1}, &along, sizeof along);
    const char *const inputs[] = {name, axes};
    begin_node(f, sum ? "ReduceSum" : "ReduceMean", inputs, sum ? 2 : 1);
    if (!sum)
        put_attribute_list(f, "axes", 1, &along);
    put_attribute(f, "keepdims", 0);
    new_value(f, name);
    end_node(f, name);
    say(f, sum ? " summed" : " averaged", -1);
    return true;
}

// The rows of both directions of y [.., 2, .., units] or of a state. axis: of the directions
static inline bool random_stack(struct random_file *f, char *name, int axis, int rank) {
    while (random_between(&f->own, 0, 3) == 0)
        random_each(f, name, axis, rank);
    return random_reduce(f, name, axis);
}

#endif
