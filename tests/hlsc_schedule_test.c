// SPDX-License-Identifier: Apache-2.0
// hlsc's schedule and report: loops have the expected intervals and depths, FIFOs hold what is in
// flight, and the host's reader takes the report.
#define _POSIX_C_SOURCE 200809L
#define FOLDER "build/hlsc-schedule"
#include "hlsc_report.h"

#include <string.h>

// A dimension of one element has no lane: what is left is in tiles as without it.
START_TEST(test_one_row_of_lanes) {
    compile_text("#include \"hls.h\"\nHLS_STREAM_OF(int16_t)\nHLS_STREAM_OF(int32_t)\n"
                 "void k(hls_stream(int16_t) *in, hls_stream(int32_t) *out, uint32_t n) {\n"
                 "static int16_t w[16][1][24];\nHLS(array_partition variable=w complete dim=2)\n"
                 "HLS(array_partition variable=w complete dim=3)\n"
                 "static int32_t acc[1][24], kept[1][24];\n"
                 "HLS(array_partition variable=acc complete dim=0)\n"
                 "HLS(array_partition variable=kept complete dim=0)\n"
                 "for (uint32_t j = 0; j < 24; j++) for (uint32_t i = 0; i < 16; i++) {\n"
                 "HLS(pipeline II=1)\nw[i][0][j] = hls_read(int16_t, in);\n}\n"
                 "for (uint32_t i = 0; i < n; i++) {\nHLS(pipeline II=1)\n"
                 "const int16_t x = hls_read(int16_t, in);\n"
                 "for (int g = 0; g < 1; g++) {\nHLS(unroll)\n"
                 "for (int j = 0; j < 24; j++) {\nHLS(unroll)\n"
                 "kept[g][j] = (i & 15) == 0 ? acc[g][j] : j < 23 ? kept[g][j + 1] : 0;\n"
                 "acc[g][j] = ((i & 15) == 0 ? 0 : acc[g][j]) + w[i & 15][g][j] * x;\n}\n}\n"
                 "hls_write(int32_t, out, kept[0][0]);\n}\n"
                 "for (int i = 0; i < 3; i++) {\nHLS(pipeline II=1)\n"
                 "hls_write(int32_t, out, hls_read(int16_t, in));\n}\n}\n");
    json_t *root = read_json();
    const json_t *process = json_array_get(json_object_get(root, "processes"), 0);
    ck_assert_int_eq(json_integer_value(json_object_get(process, "lanes_per_tile")), 8);
    ck_assert_int_eq(json_integer_value(json_object_get(process, "multipliers")), 24);
    json_decref(root);
}
END_TEST

// Memory `name` of the process `process` of report.json.
static const json_t *memory_of(const json_t *root, const char *process, const char *name,
                               const char *impl) {
    const json_t *list = json_object_get(root, "processes"), *one, *memory;
    size_t i, k;
    json_array_foreach(list, i, one) {
        if (strcmp(json_string_value(json_object_get(one, "name")), process) != 0)
            continue;
        json_array_foreach(json_object_get(one, "memories"), k, memory) {
            if (strcmp(json_string_value(json_object_get(memory, "name")), name) == 0 &&
                strcmp(json_string_value(json_object_get(memory, "impl")), impl) == 0)
                return memory;
        }
    }
    ck_abort_msg("no %s memory %s of process %s", impl, name, process);
    return NULL;
}

static int64_t field(const json_t *object, const char *name) {
    const json_t *value = json_object_get(object, name);
    ck_assert_msg(json_is_integer(value), "no number '%s'", name);
    return json_integer_value(value);
}

// Two reads are no copies where both ports read; lanes fill the words of blocks.
START_TEST(test_ports) {
    static const struct {
        const char *process, *name, *impl;
        int words, bits, copies, blocks;
    } memories[] = {
        {"turns", "m", "bram", 300, 16, 1, 1},
        {"banked", "a", "bram", 24, 64, 1, 4},
        {"banked", "b", "uram", 40, 48, 1, 1},
        {"banked", "c", "bram", 32, 16, 2, 2}, // the banks are memories of their own
        {"addressed", "m", "uram", 2048, 16, 1, 1},
        {"addressed", "own", "bram", 64, 16, 2, 2},
        {"product2", "w", "uram", 40, 144, 2, 2}, // nine lanes, of the first seven
        {"product2", "w", "bram", 40, 144, 2, 11},
        {"product3", "w", "bram", 30, 352, 1, 20},
        {"product3", "w", "uram", 30, 352, 1, 1},
        {"product4", "w", "uram", 18, 144, 3, 3 * 2},
        {"product5", "w", "bram", 24, 384, 1, 24},
    };
    struct compile_options options = kernel_options();
    char error[2048];
    options.source = "tests/kernels/ports.c";
    options.top = "ports";
    make_folders();
    ck_assert_msg(compile(&options, error, sizeof error) == 0, "%s", error);
    json_t *root = read_json();
    for (size_t i = 0; i < sizeof memories / sizeof *memories; i++) {
        const json_t *m = memory_of(root, memories[i].process, memories[i].name, memories[i].impl);
        ck_assert_int_eq(field(m, "ports"), 2);
        ck_assert_int_eq(field(m, "words"), memories[i].words);
        ck_assert_int_eq(field(m, "bits"), memories[i].bits);
        ck_assert_int_eq(field(m, "copies"), memories[i].copies);
        ck_assert_int_eq(field(m, "blocks"), memories[i].blocks);
    }
    json_decref(root);
}
END_TEST

static const char *const examples[] = {
    "arg_max",       "bitonic_sort", "fir",        "histogram", "matmul", "matvec", "prefix_sum",
    "moving_median", "router",       "run_length", "softmax",   "top_k",  "unsharp"};

START_TEST(test_example_paths) {
    static const char *const includes[] = {"hls/include", "hls/examples"};
    char error[2048] = "", source[128];
    snprintf(source, sizeof source, "hls/examples/%s.c", examples[_i]);
    make_folders();
    const struct compile_options options = {
        .source = source,
        .top = examples[_i],
        .out_dir = FOLDER "/out",
        .front = {.include_dirs = includes, .include_count = 2}};
    ck_assert_msg(compile(&options, error, sizeof error) == 0, "%s", error);
    json_t *root = read_json();
    check_paths(root);
    json_decref(root);
}
END_TEST

struct depth_case {
    const char *body; // writes y
    uint32_t depth;   // 0: any
};

static const struct depth_case depths[] = {
    {"y = x.v[0];", 1},
    {"y = x.v[0] + x.v[1];", 1},
    {"y = (int64_t)x.v[0] * x.v[1];", 4},
    {"y = (int64_t)x.v[0] * x.v[1] + x.v[2];", 4},
    {"for (int c = 0; c < 2; c++) {\nHLS(unroll)\ny += (int64_t)x.v[c] * x.w[c];\n}", 5},
    {"for (int c = 0; c < 4; c++) {\nHLS(unroll)\ny += (int64_t)x.v[c] * x.w[c];\n}", 7},
    {"for (int c = 0; c < 8; c++) {\nHLS(unroll)\ny += (int64_t)x.v[c] * x.w[c];\n}", 8},
    {"for (int c = 0; c < 8; c++) {\nHLS(unroll)\ny += x.v[c];\n}", 4},
    // Behind what takes its time, a tree starts in the next cycle.
    {"for (int c = 0; c < 8; c++) {\nHLS(unroll)\ny += x.v[c] + x.w[c] - x.w[7 - c];\n}", 5},
    // Thousands of operations: iterations that depend on one another are expanded. And a width of
    // C's undefined behaviour, which must not stop the compiler.
    {"for (int c = 0; c < 2000; c++) {\nHLS(unroll)\nif (x.v[c & 7] == c)\ny = x.w[c & 7] + ((i & "
     "3) >> 2);\n}",
     0},
    {"const int q = i < 1 ? 65 : 65;\ny = (int64_t)((uint64_t)x.v[0] << q) >> q;", 0},
};

START_TEST(test_depth) {
    char text[1024];
    snprintf(text, sizeof text,
             "#include \"hls.h\"\ntypedef struct { int16_t v[8], w[8]; } "
             "word_t;\nHLS_STREAM_OF(word_t)\n"
             "HLS_STREAM_OF(int64_t)\nvoid k(hls_stream(word_t) *in, hls_stream(int64_t) *out, "
             "uint32_t n) {\n"
             "loop: for (uint32_t i = 0; i < n; i++) {\nHLS(pipeline II=1)\nconst word_t x = "
             "hls_read(word_t, in);\n"
             "int64_t y = 0;\n%s\nhls_write(int64_t, out, y);\n}\n}\n",
             depths[_i].body);
    compile_text(text);
    struct mr_report *report = read_report();
    const struct mr_report_process *process = mr_report_process(report, "k");
    ck_assert_ptr_nonnull(process);
    ck_assert_uint_eq(process->loop_count, 1);
    ck_assert_str_eq(process->loops[0].name, "loop");
    ck_assert_uint_eq(process->loops[0].ii, 1);
    ck_assert_msg(!depths[_i].depth || process->loops[0].depth == depths[_i].depth,
                  "%s: depth %u, expected %u", depths[_i].body, process->loops[0].depth,
                  depths[_i].depth);
    const struct mr_report_stream *out = mr_report_stream(process, "out");
    ck_assert_ptr_nonnull(out);
    ck_assert_uint_gt(out->depth, out->write_stage); // else a full pipeline would wait for room
    mr_report_free(report);
}
END_TEST

// Loops of y from x, and the interval that their recurrences permit.
struct interval_case {
    const char *state, *body;
    uint32_t ii;
};

static const struct interval_case intervals[] = {
    // Elements that a chain reads and writes one after another, like scalars would be.
    {"static int32_t s[4];\nHLS(array_partition variable=s complete)",
     "for (int c = 0; c < 4; c++) {\nHLS(unroll)\ns[c] = x + (s[c] - (s[c] >> 4));\nx = s[c];\n}",
     1},
    {"static int32_t s[3][2];\nHLS(array_partition variable=s complete dim=0)",
     "for (int c = 0; c < 3; c++) {\nHLS(unroll)\nfor (int d = 0; d < 2; d++) {\nHLS(unroll)\n"
     "s[c][d] = x + (s[c][d] - (s[c][d] >> 4));\n}\nx = s[c][0] ^ s[c][1];\n}",
     1},
    // A read at a run-time index waits for all of them.
    {"int32_t s[4];\nHLS(array_partition variable=s complete)\nfor (int c = 0; c < 4; c++) "
     "{\nHLS(unroll)\ns[c] = c;\n}",
     "for (int c = 0; c < 4; c++) {\nHLS(unroll)\ns[c] = x + (s[c] - (s[c] >> 4));\nx = s[c];\n}\n"
     "x += s[i & 3];",
     1},
    // Indices and conditions of lanes alone are known, however they are computed.
    {"static uint16_t s[8];\nstatic const uint8_t from[8] = {3, 7, 1, 6, 0, 4, 2, 5};\n"
     "HLS(array_partition variable=s complete)",
     "uint16_t t[8];\nfor (int c = 0; c < 8; c++) {\nHLS(unroll)\n"
     "const uint16_t a = s[(c * 5 + 3) & 7] + ((c ^ c >> 1) & 1 ? x & 7 : 7 - (x & 7));\n"
     "const uint16_t b = s[from[c ^ 1]] + ((c ^ c >> 2) & 1 ? x & 7 : 7 - (x & 7));\n"
     "t[c] = ((uint16_t)(a - b) & 0x200 ? a : b) & 0x3ff;\n}\n"
     "for (int c = 0; c < 8; c++) {\nHLS(unroll)\ns[c] = t[c];\n}\nx = s[2];",
     1},
    // Many operators on few bits are one level.
    {"static bool a, b, c;\nstatic int32_t s;",
     "const bool next = (a && !b && c) != (x < 0 || (x >> 9 & 1) == 1);\n"
     "if (next && (a || !c)) {\ns = s < 0 ? s + x : s - x;\n}\n"
     "a = b && !c && s >= 0;\nb = c != next;\nc = (s & 4) == 0 ? next : a;\nx = s;",
     1},
    // What the iteration before hands on enters a chain of sums, of bits or of choices last.
    {"static int32_t s;", "s = s + x + (x >> 1) - (x >> 2) + (x & 9) - 5;\nx = s;", 1},
    {"static uint8_t s;", "s = (uint8_t)(s - x - (x >> 3) + (x >> 5) - 1);\nx = s;", 1},
    {"static int64_t s;", "s += (int64_t)x * 3 + (x >> 1) - ((int64_t)x << 2);\nx = (int)s;", 1},
    {"static uint32_t s;",
     "s = (s << 1 | s >> 31) ^ (uint32_t)x ^ (uint32_t)x << 3 ^ (uint32_t)x >> 5 ^ (x & 77) ^ i ^\n"
     "(i << 7) ^ (i >> 3) ^ (i << 1);\nx = (int)s;",
     1},
    {"static int32_t s;",
     "s = x & 1 ? i : x & 2 ? x : x & 4 ? -x : x & 8 ? 9 : x & 16 ? x >> 3 : x & 32 ? 7 : x & 64 ? "
     "s + x : s;\nx = s;",
     1},
    {"static int32_t s;",
     "if (x & 1) {\nif (x & 2) {\nif (x & 4) {\ns = x;\n} else {\ns = s + x;\n}\n} else if (x & 8) "
     "{\ns = -x;\n}\n} else if (x & 16) {\ns = 5;\n}\nx = s;",
     1},
    // Several values that are handed on: each waits for as few operators as can be.
    {"static uint32_t a = 1, b = 2, c = 3, d = 4;",
     "const uint32_t t = d + ((a >> 6 | a << 26) ^ (a >> 11 | a << 21)) + ((a & b) ^ (~a & c)) + "
     "(uint32_t)x + 77;\nd = c;\nc = b;\nb = a;\na = t + (b & c);\nx = (int)a;",
     2},
    // The product of a recurrence keeps its cycles.
    {"static int32_t s[2] = {1, 3};\nHLS(array_partition variable=s complete)",
     "for (int c = 0; c < 2; c++) {\nHLS(unroll)\ns[c] = (int16_t)x * (int16_t)s[c];\nx = s[c];\n}",
     4},
};

START_TEST(test_interval) {
    const struct interval_case *test = &intervals[_i];
    char text[2048];
    snprintf(text, sizeof text,
             "#include \"hls.h\"\nHLS_STREAM_OF(int32_t)\n"
             "void k(hls_stream(int32_t) *in, hls_stream(int32_t) *out, uint32_t n) {\n%s\n"
             "loop: for (uint32_t i = 0; i < n; i++) {\nHLS(pipeline)\n"
             "int32_t x = hls_read(int32_t, in);\n%s\nhls_write(int32_t, out, x);\n}\n}\n",
             test->state, test->body);
    compile_text(text);
    struct mr_report *report = read_report();
    const struct mr_report_process *process = mr_report_process(report, "k");
    uint32_t ii = 0;
    for (size_t i = 0; i < process->loop_count; i++)
        if (strcmp(process->loops[i].name, "loop") == 0)
            ii = process->loops[i].ii;
    ck_assert_msg(ii == test->ii, "%s: II %u, expected %u", test->body, ii, test->ii);
    mr_report_free(report);
}
END_TEST

struct distance_case {
    const char *loops; // around one iteration that reads and writes a word
    const char *iteration;
    int distance; // from its write to the read; -1: none is told
};

// m has 64 words and n is any number.
static const struct distance_case distances[] = {
    {"for (uint32_t j = 0; j < 8; j++)", "m[j] = m[j] * 5 + x;", 8},
    // A round may be as short as one iteration, or as its bound can be.
    {"for (uint32_t j = 0; j < (n & 63); j++)", "m[j] = m[j] * 5 + x;", 1},
    {"for (uint32_t j = 0; j <= (n & 31); j++)", "m[j] = m[j] * 5 + x;", 1},
    {"for (uint32_t j = 0; j < n; j++)", "m[j] = m[j] * 5 + x;", 1},
    {"for (uint32_t j = 0; j < ((n & 63) | 8); j++)", "m[j] = m[j] * 5 + x;", 8},
    {"for (uint32_t j = 0; j < ((n & 63) < 7 ? 7 : (n & 63)); j++)", "m[j] = m[j] * 5 + x;", 7},
    {"for (uint32_t j = 0; j <= (n & 31) + 4; j++)", "m[j] = m[j] * 5 + x;", 5},
    {"for (uint32_t j = 2; j < (n & 31) + 10; j += 3)", "m[j] = m[j] * 5 + x;", 3},
    {"for (uint32_t j = 0; j < 8; j++) for (uint32_t c = 0; c < (n & 63) + 3; c++)",
     "m[c] = m[c] * 5 + x;", 3},
    {"for (uint32_t j = 0; j < (n & 3); j++) for (uint32_t c = 0; c < 9; c++)",
     "m[c] = m[c] * 5 + x;", 9},
    // Loops of constant bounds are one round; the loop around them has the next one.
    {"for (uint32_t j = 0; j < 4; j++) for (uint32_t c = 0; c < 8; c++)",
     "m[j * 8 + c] = m[j * 8 + c] * 5 + x;", 32},
    {"for (uint32_t j = 0; j < 2; j++) for (int d = 3; d > 0; d--) for (int c = 0; c < 8; c += 4)",
     "m[j * 16 + d * 4 + c / 4] = m[(1 - j) * 16 + d * 4 + c / 4] * 5 + x;", 6},
    {"for (uint32_t j = 0; j < 2; j++) for (uint32_t c = 0; c < 7; c++)",
     "m[j * 32 + c] = m[(1 - j) * 32 + 6 - c] * 5 + x;", 1},
    {"for (uint32_t j = 0; j < 4; j++) for (uint32_t c = 0; c < 3; c++)",
     "m[j + c] = m[j + c] * 5 + x;", 2},
    {"for (uint32_t j = 0; j < (n & 7); j++) for (uint32_t c = 0; c < 3; c++)",
     "m[j * 3 + c] = m[j * 3 + c] * 5 + x;", 1},
    {"for (uint32_t j = 0; j < 4; j++) for (uint32_t c = 0; c < 8; c++)",
     "m[j * 8 + c] = m[j * 8 + c] * 5 + x; if (x == 3) break;", 1},
    // One round long.
    {"", "m[i] = m[i] * 5 + x;", -1},
    // What is written last is read first.
    {"for (uint32_t j = 0; j < (n & 31); j++)", "m[j] = m[j + 1] * 5 + x;", 1},
    {"for (uint32_t j = 0; j < (n & 31) + 9; j++)", "if (j < 4) m[j] = m[j + 5] * 5 + x;", -1},
    {"for (uint32_t j = 0; j < (n & 31) + 9; j++)",
     "if (j >= 2 && j < 4) m[j] = x * x; else if (j < 2) m[j + 9] = m[j + 2] * x;", 7},
    // Any round may break off.
    {"for (uint32_t j = 0; j < 8; j++)", "m[j] = m[j] * 5 + x; if (x == 3) break;", 1},
    // An address that is not known, and one that leaves the memory and comes back.
    {"for (uint32_t j = 0; j < 8; j++)", "m[i & 63] = m[i & 63] * 5 + x;", 1},
    {"for (uint32_t j = 0; j < (n | 1) * 64; j += 16)",
     "if ((j & 255) < 64) m[j & 255] = m[j & 255] * 5 + x;", 1},
    // Scalars that are handed on from round to round, known from the start or one of some values.
    {"for (uint32_t j = 0; j < 8; j++)",
     "m[p * 8 + j] = m[p * 8 + j] * 5 + x; if (j == 7) p = p == 3 ? 0 : p + 1;", 32},
    {"for (uint32_t j = 0; j < 8; j++)",
     "m[q * 8 + j] = m[p * 8 + j] * 5 + x; if (j == 7) { q = p; p = p == 4 ? 0 : p + 1; }", 32},
    {"for (uint32_t j = 0; j < 8; j++)",
     "m[p * 8 + j] = m[q * 8 + j] * 5 + x; if (j == 7) { q = p; p = p == 4 ? 0 : p + 1; }", 8},
    {"for (uint32_t j = 0; j < 8; j++)",
     "m[p * 8 + j] = m[p * 8 + j] * 5 + x; if (j == 7) { if (p != q) p++; else { p = 0; "
     "q = x > 0 ? 2 : x > -5 ? 6 : q < 3 ? 3 : q; } }",
     8},
    {"for (uint32_t j = 0; j < 8; j++)",
     "m[p * 8 + j] = m[p * 8 + j] * 5 + x; if (j == 7) { if (p != q + 2) p++; else { p = 0; "
     "q = x > 0 ? 2 : x > -5 ? 4 : q < 3 ? 3 : q; } }",
     24},
    {"for (uint32_t j = 0; j < 8; j++)",
     "m[p * 8 + j] = m[p * 8 + j] * 5 + x; if (j == 7) { if (p < q + 2) p++; else { p = 0; "
     "q = x & 3; } }",
     24},
    {"for (uint32_t j = 0; j < 8; j++)",
     "m[p * 8 + j] = m[p * 8 + j] * 5 + x; if (j == 7) { if (p < q + 2) p++; else { p = x & 3; "
     "q = 5; } }",
     8},
    {"for (uint32_t j = 0; j < 8; j++)",
     "m[(p & 7) * 8 + j] = m[(p & 7) * 8 + j] * 5 + x; p = (uint8_t)x;", 1},
    {"for (uint32_t j = 0; j < 8; j++)",
     "m[(p & 7) * 8 + j] = m[(p & 7) * 8 + j] * 5 + x; if (j == 7) p = (uint8_t)x;", 1},
    {"for (uint32_t j = 0; j < 8; j++)",
     "m[p * 8 + j] = m[p * 8 + j] * 5 + x; if (j == 7) p = p == 3 ? 0 : p + 1; if (x == 3) break;",
     1},
    // A value that is thrown away here and wanted there.
    {"for (uint32_t j = 0; j < 4; j++)", "y = j == 0 ? m[j] : 7; m[j + 1] = x * x * x;", -1},
    {"for (uint32_t j = 0; j < 4; j++)", "y = j == 0 ? m[j] : 7; s = m[j]; m[j + 1] = x * x * x;",
     1},
};

START_TEST(test_distance) {
    const struct distance_case *c = &distances[_i];
    char text[2048];
    snprintf(text, sizeof text,
             "#include \"hls.h\"\nHLS_STREAM_OF(int32_t)\nvoid k(hls_stream(int32_t) *in, "
             "hls_stream(int32_t) *out, uint32_t n) {\nstatic int32_t m[64];\nint32_t s = 0;\n"
             "uint8_t p = 0, q = 0;\n(void)p;\n(void)q;\n"
             "for (uint32_t i = 0; i < n; i++)\n%s{\nHLS(pipeline)\n"
             "const int32_t x = hls_read(int32_t, in);\nint32_t y = s;\n%s\n"
             "hls_write(int32_t, out, y);\n}\n}\n",
             c->loops, c->iteration);
    compile_text(text);
    json_t *root = read_json();
    json_t *process = json_array_get(json_object_get(root, "processes"), 0);
    json_t *found = json_object_get(process, "dependences"), *one;
    size_t i;
    int least = -1;
    json_array_foreach(found, i, one) {
        const int distance = (int)json_integer_value(json_object_get(one, "distance"));
        least = least < 0 || distance < least ? distance : least;
    }
    ck_assert_msg(least == c->distance, "%s %s: %d iterations, expected %d", c->loops, c->iteration,
                  least, c->distance);
    json_decref(root);
}
END_TEST

// ---- nothing that is computed in a cycle is longer than the period

struct period_case {
    const char *body;
    int least_stages;                 // of some loop or straight code
    int from_scalars, from_registers; // least cycles that some loop waits for invariants to settle
};

static const struct period_case periods[] = {
    // A chain of scalars: in front of the loop, in it, in its limit, and deciding a read.
    {"uint32_t k = a;\nfor (int i = 0; i < 8; i++) {\nHLS(unroll)\nk = (k ^ b) + (k >> 3) + i;\n}\n"
     "for (uint32_t i = 0; i < n; i++) {\nHLS(pipeline II=1)\n"
     "hls_write(uint32_t, out, hls_read(uint32_t, in) + k);\n}\n",
     8, 0, 0},
    {"for (uint32_t i = 0; i < n; i++) {\nHLS(pipeline II=1)\nuint32_t k = a;\n"
     "for (int s = 0; s < 8; s++) {\nHLS(unroll)\nk = (k ^ b) + (k >> 3) + s;\n}\n"
     "hls_write(uint32_t, out, hls_read(uint32_t, in) + k);\n}\n",
     1, 7, 0},
    {"for (uint32_t i = 0; i < ((a + b) ^ n) + (a & 3); i++) {\nHLS(pipeline II=1)\n"
     "hls_write(uint32_t, out, hls_read(uint32_t, in));\n}\n",
     1, 1, 0},
    {"for (uint32_t i = 0; i < n; i++) {\nHLS(pipeline II=1)\n"
     "if (i < ((a + b) ^ n) + (a & 3))\nhls_write(uint32_t, out, hls_read(uint32_t, in));\n}\n",
     1, 0, 0},
    // One of registers: behind a loop, in the next one, in a jump.
    {"uint32_t s = 0, t = 1, q = 0;\nuint64_t rem = 0;\nfor (uint32_t i = 0; i < n; i++) {\n"
     "HLS(pipeline II=1)\nconst uint32_t x = hls_read(uint32_t, in);\ns += x;\nt += x >> 16;\n}\n"
     "for (int k = 31; k >= 0; k--) {\nHLS(unroll)\nrem = rem << 1 | (s >> k & 1);\nq <<= 1;\n"
     "if (rem >= t) {\nrem -= t;\nq |= 1;\n}\n}\nhls_write(uint32_t, out, q);\n",
     20, 0, 0},
    {"uint32_t s = 0;\nfor (uint32_t i = 0; i < n; i++) {\nHLS(pipeline II=1)\n"
     "s += hls_read(uint32_t, in);\n}\nfor (uint32_t i = 0; i < n; i++) {\nHLS(pipeline II=1)\n"
     "uint32_t k = s;\nfor (int r = 0; r < 5; r++) {\nHLS(unroll)\nk = (k ^ a) + (k >> 3) + r;\n}\n"
     "hls_write(uint32_t, out, k + i);\n}\n",
     1, 0, 4},
    {"uint32_t s = 0;\nfor (uint32_t r = 0; r < n; r++) {\n"
     "for (uint32_t i = 0; i < b; i++) {\nHLS(pipeline II=1)\ns += hls_read(uint32_t, in);\n}\n"
     "if (((s + a) ^ (s - r)) + (s >> 5) > a + r * 5)\n"
     "for (uint32_t i = 0; i < 3; i++) {\nHLS(pipeline II=1)\nhls_write(uint32_t, out, i);\n}\n}\n",
     2, 0, 0},
    // Shifts by all amounts that C has, and by those that it has not.
    {"for (uint32_t i = 0; i < n; i++) {\nHLS(pipeline II=1)\n"
     "const uint32_t x = hls_read(uint32_t, in);\n"
     "hls_write(uint32_t, out, (uint32_t)((int64_t)x << x >> (x >> 8)) ^ (x >> a) ^ (x << "
     "b));\n}\n",
     2, 0, 0},
};

START_TEST(test_period) {
    const struct period_case *c = &periods[_i];
    char text[2048];
    snprintf(text, sizeof text,
             "#include \"hls.h\"\nHLS_STREAM_OF(uint32_t)\nvoid k(hls_stream(uint32_t) *in, "
             "hls_stream(uint32_t) *out, uint32_t n, uint32_t a, uint32_t b) {\n%s}\n",
             c->body);
    compile_text(text);
    json_t *root = read_json(), *loop, *ns;
    json_t *process = json_array_get(json_object_get(root, "processes"), 0);
    int stages = 0, scalars = 0, registers = 0;
    size_t i, k;
    json_array_foreach(json_object_get(process, "loops"), i, loop) {
        const int depth = (int)json_integer_value(json_object_get(loop, "depth"));
        const int start = (int)json_integer_value(json_object_get(loop, "settle_scalars"));
        const int change = (int)json_integer_value(json_object_get(loop, "settle_registers"));
        stages = depth > stages ? depth : stages;
        scalars = start > scalars ? start : scalars;
        registers = change > registers ? change : registers;
        json_array_foreach(json_object_get(loop, "stage_ns"), k, ns)
            ck_assert_double_le(json_real_value(ns), hlsc_period);
    }
    ck_assert_double_le(json_real_value(json_object_get(process, "invariant_ns")), hlsc_period);
    ck_assert_int_ge(stages, c->least_stages);
    ck_assert_int_ge(scalars, c->from_scalars);
    ck_assert_int_ge(registers, c->from_registers);
    json_decref(root);
}
END_TEST

struct product_case {
    const char *product; // of x and y
    int multipliers;
};

static const struct product_case products[] = {
    {"(int64_t)(int16_t)x * (int32_t)(y & 0xffffff)", 1},
    {"(int64_t)((int32_t)x >> 14) * ((int32_t)y >> 5)", 1}, // 18 by 27 bits
    {"(int64_t)((int32_t)x >> 13) * ((int32_t)y >> 5)", 2},
    {"(int64_t)((int32_t)x >> 14) * ((int32_t)y >> 4)", 2},
    {"(int64_t)(int32_t)x * (int32_t)y", 4},
    {"(uint16_t)(x * y)", 1},
    {"x * y", 3}, // what lies above the 32 bits is not computed
    {"x * 0x9e3779b1u", 3},
    {"(int64_t)(int32_t)x * 1000003", 2},
    {"x * 9u", 0}, // x + 8 x
    {"x * 0x30000001u", 0},
};

START_TEST(test_product) {
    char text[1024];
    snprintf(
        text, sizeof text,
        "#include \"hls.h\"\ntypedef struct { uint32_t x, y; } word_t;\nHLS_STREAM_OF(word_t)\n"
        "HLS_STREAM_OF(int64_t)\nvoid k(hls_stream(word_t) *in, hls_stream(int64_t) *out, "
        "uint32_t n) {\nfor (uint32_t i = 0; i < n; i++) {\nHLS(pipeline II=1)\n"
        "const word_t w = hls_read(word_t, in);\nconst uint32_t x = w.x, y = w.y;\n"
        "hls_write(int64_t, out, (int64_t)(%s));\n(void)x;\n(void)y;\n}\n}\n",
        products[_i].product);
    compile_text(text);
    json_t *root = read_json();
    json_t *process = json_array_get(json_object_get(root, "processes"), 0);
    const int multipliers = (int)json_integer_value(json_object_get(process, "multipliers"));
    ck_assert_msg(multipliers == products[_i].multipliers, "%s: %d multipliers, expected %d",
                  products[_i].product, multipliers, products[_i].multipliers);
    json_decref(root);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("hlsc_schedule");
    TCase *tcase = tcase_create("schedule");
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, test_ports);
    tcase_add_test(tcase, test_one_row_of_lanes);
    tcase_add_loop_test(tcase, test_example_paths, 0, (int)(sizeof examples / sizeof *examples));
    tcase_add_loop_test(tcase, test_depth, 0, (int)(sizeof depths / sizeof *depths));
    tcase_add_loop_test(tcase, test_interval, 0, (int)(sizeof intervals / sizeof *intervals));
    tcase_add_loop_test(tcase, test_distance, 0, (int)(sizeof distances / sizeof *distances));
    tcase_add_loop_test(tcase, test_period, 0, (int)(sizeof periods / sizeof *periods));
    tcase_add_loop_test(tcase, test_product, 0, (int)(sizeof products / sizeof *products));
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
