// SPDX-License-Identifier: Apache-2.0
// Pairs of QuantizeLinear and DequantizeLinear around a value of a random ONNX file. Included by
// onnx_random.h.
#ifndef ONNX_RANDOM_QUANTISED_H
#define ONNX_RANDOM_QUANTISED_H

// Of the value a range around 0, or one that begins with it, as behind a ReLU.
static inline void random_pair(struct random_file *f, char *name) {
    static const struct {
        int type;
        uint16_t zero;
        const char *about;
    } kinds[] = {
        {3, 0, " int8"}, {2, 128, " uint8"}, {2, 0, " uint8 from 0"}, {4, 32768, " uint16"}};
    const int kind = random_between(&f->own, 0, 3);
    const float scale = 0.01f * (float)random_between(&f->own, 1, 9);
    char scale_name[16], zero_name[16];

    new_value(f, scale_name);
    new_value(f, zero_name);
    put_tensor(f, scale_name, 1, 0, NULL, &scale, sizeof scale);
    put_tensor(f, zero_name, kinds[kind].type, 0, NULL, &kinds[kind].zero,
               kinds[kind].type == 4 ? 2 : 1);
    for (int i = 0; i < 2; i++) {
        const char *const inputs[] = {name, scale_name, zero_name};
        begin_node(f, i ? "DequantizeLinear" : "QuantizeLinear", inputs, 3);
        new_value(f, name);
        end_node(f, name);
    }
    say(f, kinds[kind].about, -1);
}

#endif
