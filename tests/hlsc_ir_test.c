// SPDX-License-Identifier: Apache-2.0
// hlsc's intermediate form: what is folded and shared, how wide values become, and which unrolled
// loops are sums, lanes or expanded.
#define _POSIX_C_SOURCE 200809L
#include "ir.h"
#include <check.h>
#include <string.h>

// What the header gives hlsc, so that no preprocessor is needed; lines of the body count from 1.
#define PRELUDE                                                                                    \
    "# 1 \"types.h\"\n"                                                                            \
    "typedef signed char int8_t; typedef short int int16_t; typedef int int32_t;\n"                \
    "typedef long int int64_t; typedef unsigned char uint8_t;\n"                                   \
    "typedef unsigned short int uint16_t; typedef unsigned int uint32_t;\n"                        \
    "typedef unsigned long int uint64_t;\n"                                                        \
    "typedef struct { int16_t v[12]; uint8_t small; } word_t;\n"                                   \
    "static int64_t clamp(int64_t x, int bits) {\n"                                                \
    "const int64_t high = ((int64_t)1 << (bits - 1)) - 1; const int64_t low = -high - 1;\n"        \
    "return x > high ? high : x < low ? low : x; }\n"                                              \
    "static const int16_t table[4] = {-3, 100, 5, 6};\n"                                           \
    "void k(__hls_stream(word_t) *in, __hls_stream(int64_t) *out, uint32_t n) {\n"                 \
    "for (uint32_t i = 0; i < 20; i++) {\n"                                                        \
    "#pragma HLS pipeline II=1\n"                                                                  \
    "const word_t x = __hls_read(in);\n"                                                           \
    "# 1 \"kernel.c\"\n"
#define END                                                                                        \
    "\n"                                                                                           \
    "}\n"                                                                                          \
    "}\n"

struct found {
    int adds, muls, muladds, sums, extremes, dots, loads, selects;
    int width; // of what is written
    wide low, high;
    char error[512];
};

static void count(const struct process *p, struct found *f) {
    bool used[4096] = {false};
    ck_assert_int_lt(p->op_count, 4096);
    for (int i = p->op_count - 1; i >= 0; i--) { // users stand behind what they use
        const struct op *op = p->ops[i];
        if (op->alias)
            continue;
        used[i] = used[i] || op->code == IR_WRITE;
        for (int k = 0; used[i] && k < op->in_count; k++)
            if (op->in[k])
                used[op->in[k]->id] = true;
        if (!used[i])
            continue;
        f->adds += op->code == IR_ADD;
        f->muls += op->code == IR_MUL;
        f->muladds += op->code == IR_MULADD;
        f->sums += op->code == IR_SUM;
        f->extremes += op->code == IR_MIN || op->code == IR_MAX;
        f->dots += op->code == IR_DOT;
        f->loads += op->code == IR_LOAD;
        f->selects += op->code == IR_SELECT;
        if (op->code == IR_WRITE) {
            f->width = op->in[1]->width;
            f->low = op->in[1]->low;
            f->high = op->in[1]->high;
        }
    }
}

static struct found passes(const char *body) {
    struct found f = {0};
    char text[8192];
    ck_assert_int_lt(snprintf(text, sizeof text, "%s%s%s", PRELUDE, body, END), (int)sizeof text);
    struct compiler cc = {0};
    if (setjmp(cc.on_error) == 0) {
        struct network *net = lower(&cc, parse_program(&cc, "kernel.c", text), "k", target_at(0));
        ck_assert_int_eq(net->process_count, 1);
        struct process *p = net->processes[0];
        find_ranges(&cc, p);
        bypass_casts(p);
        fuse_multiplications(&cc, p);
        find_widths(&cc, p);
        count(p, &f);
    } else {
        memcpy(f.error, cc.error, sizeof f.error - 1);
    }
    compiler_free(&cc);
    ck_assert_msg(!f.error[0], "%s", f.error);
    return f;
}

struct width_case {
    const char *value;
    int width;
};

static const struct width_case widths[] = {
    {"x.v[0]", 16},
    {"x.v[0] + x.v[1]", 17},
    {"x.v[0] - x.v[1] + x.v[2]", 18},
    {"(int64_t)x.v[0] * x.v[1]", 32},
    {"x.small", 9},
    {"x.small + x.small", 10},
    {"x.small & 15", 5},
    {"x.v[0] >> 8", 8},
    {"clamp(x.v[0] * 1000, 20)", 20},
    {"x.small < 3 ? 100 : -5", 8},
    {"i", 6},
    {"(int8_t)x.v[0]", 8},
    {"x.v[0] ^ 1", 16},
    {"table[i & 3]", 8},
    {"5 * 7 - 36", 2},
    {"x.v[0] * 0 + 63", 7},
};

START_TEST(test_width) {
    char body[256];
    snprintf(body, sizeof body, "__hls_write(out, %s);", widths[_i].value);
    const struct found f = passes(body);
    ck_assert_msg(f.width == widths[_i].width, "%s: %d bits, expected %d", widths[_i].value,
                  f.width, widths[_i].width);
}
END_TEST

START_TEST(test_range) {
    struct found f = passes("__hls_write(out, clamp(x.v[0], 8));");
    ck_assert(f.low == -128 && f.high == 127);
    f = passes("__hls_write(out, x.small < 10 ? x.small : 10);");
    ck_assert(f.low == 0 && f.high == 10);
    f = passes("__hls_write(out, table[i & 1]);");
    ck_assert(f.low == -3 && f.high == 100);
}
END_TEST

// Products of 64 bits have no range that overflows the compiler's own numbers.
START_TEST(test_large) {
    const struct found f =
        passes("const uint64_t a = (uint64_t)x.v[0], b = (uint64_t)x.v[1];\n__hls_write(out, "
               "(int64_t)((a * b) << x.small % 64));");
    ck_assert_int_eq(f.width, 64);
}
END_TEST

START_TEST(test_folding) {
    struct found f = passes("__hls_write(out, x.v[0] * 1 + 0);");
    ck_assert_int_eq(f.adds + f.muls + f.muladds, 0);
    f = passes("__hls_write(out, (x.v[0] + x.v[1]) ^ (x.v[0] + x.v[1]) << 1);");
    ck_assert_int_eq(f.adds, 1); // shared
    f = passes("__hls_write(out, table[2] + 1);");
    ck_assert_int_eq(f.loads, 0);
    ck_assert(f.low == 6 && f.high == 6);
    f = passes("int32_t y = 3;\nif (x.small > 300)\ny = 4;\n__hls_write(out, y);");
    ck_assert(f.low == 3);
}
END_TEST

START_TEST(test_multiplications) {
    struct found f = passes("__hls_write(out, x.v[0] * x.v[1] + x.v[2]);");
    ck_assert_int_eq(f.muladds, 1);
    ck_assert_int_eq(f.muls, 0);
    f = passes("int64_t s = 0;\nfor (int c = 0; c < 12; c++) {\n#pragma HLS unroll\ns += x.v[c] * "
               "x.v[c];\n}\n__hls_write(out, s);");
    ck_assert_int_eq(f.dots, 1);
    ck_assert_int_eq(f.sums + f.muls, 0);
}
END_TEST

// Two sums of products behind each other are one cascade, where that is short.
START_TEST(test_cascades) {
    static const struct { int first, second, adds; } cases[] = {{2, 2, 0}, {2, 3, 1}, {4, 4, 1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char body[512];
        snprintf(body, sizeof body,
                 "int64_t s = 0;\nfor (int c = 0; c < %d; c++) {\n#pragma HLS unroll\n"
                 "s += x.v[c] * x.v[c];\n}\nfor (int c = 0; c < %d; c++) {\n#pragma HLS unroll\n"
                 "s += x.v[11 - c] * x.v[c];\n}\n__hls_write(out, s);",
                 cases[i].first, cases[i].second);
        const struct found f = passes(body);
        ck_assert_int_eq(f.dots, 2);
        ck_assert_int_eq(f.adds, cases[i].adds);
        ck_assert_int_eq(f.sums + f.muls + f.muladds, 0);
    }
}
END_TEST

START_TEST(test_unrolled) {
    struct found f = passes("int32_t s = 0;\nfor (int c = 0; c < 12; c++) {\n#pragma HLS unroll\ns "
                            "+= x.v[c];\n}\n__hls_write(out, s);");
    ck_assert_int_eq(f.sums, 1);
    ck_assert_int_eq(f.adds, 0);
    // What is compared may itself be an `and`.
    f = passes(
        "int16_t m = -9;\nfor (int c = 0; c < 12; c++) {\n#pragma HLS unroll\nconst int16_t y "
        "= (int16_t)(x.v[c] & 7);\nif (y > m)\nm = y;\n}\n__hls_write(out, m);");
    ck_assert_int_eq(f.extremes, 1);
    // The running sum is looked at, so every iteration stands for itself.
    f = passes("int32_t s = 0, m = 0;\nfor (int c = 0; c < 12; c++) {\n#pragma HLS unroll\ns += "
               "x.v[c];\nif (s > m)\nm = s;\n}\n"
               "__hls_write(out, m);");
    ck_assert_int_eq(f.sums, 0);
    ck_assert_int_eq(f.adds, 11);
    // Also where an array keeps it.
    f = passes("int32_t s = 0;\nint32_t t[12];\nfor (int c = 0; c < 12; c++) {\n#pragma HLS "
               "unroll\ns += x.v[c];\nt[c] = s;\n}\n"
               "__hls_write(out, t[11]);");
    ck_assert_int_eq(f.sums, 0);
    ck_assert_int_eq(f.adds, 11);
    // One operation for all lanes.
    f = passes("int32_t t[12];\nfor (int c = 0; c < 12; c++) {\n#pragma HLS unroll\nt[c] = x.v[c] "
               "+ 3;\n}\n"
               "__hls_write(out, t[3] ^ t[7]);");
    ck_assert_int_eq(f.adds, 1);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("hlsc_ir");
    TCase *tcase = tcase_create("passes");
    tcase_add_loop_test(tcase, test_width, 0, (int)(sizeof widths / sizeof *widths));
    tcase_add_test(tcase, test_range);
    tcase_add_test(tcase, test_large);
    tcase_add_test(tcase, test_folding);
    tcase_add_test(tcase, test_multiplications);
    tcase_add_test(tcase, test_cascades);
    tcase_add_test(tcase, test_unrolled);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
