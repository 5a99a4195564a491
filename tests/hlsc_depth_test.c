// SPDX-License-Identifier: Apache-2.0
// Depths of FIFOs where paths part and meet again, and deadlock: what hlsc derives, what it refuses
// and in which words, and that the RTL runs at full speed, and at all, with what was derived.
#define _POSIX_C_SOURCE 200809L
#define FOLDER "build/hlsc-depth"
#include "depth.h"
#include "hlsc_fixture.h"

#include <stdlib.h>
#include <string.h>
#define HEAD "#include \"hls.h\"\nHLS_STREAM_OF(int32_t)\n"
#define IN "hls_stream(int32_t) *in, "
#define OUT "hls_stream(int32_t) *out, "
#define LOOP(count) "for (uint32_t i = 0; i < " count "; i++) {\nHLS(pipeline II=1)\n"

// Gives each word to both.
#define SPLIT(name, count)                                                                         \
    "static void " name "(" IN "hls_stream(int32_t) *x, hls_stream(int32_t) *y, uint32_t n) {\n"   \
    "(void)n;\n" LOOP(count) "const int32_t v = hls_read(int32_t, in);\n"                          \
                             "hls_write(int32_t, x, v);\nhls_write(int32_t, y, v + 1);\n}\n}\n"
#define JOIN(name, count)                                                                          \
    "static void " name "(hls_stream(int32_t) *x, hls_stream(int32_t) *y, " OUT "uint32_t n) {\n"  \
    "(void)n;\n" LOOP(count) "const int32_t v = hls_read(int32_t, x), w = hls_read(int32_t, y);\n" \
                             "hls_write(int32_t, out, v ^ w);\n}\n}\n"
// Four multiplications, one behind the other.
#define SLOW(name)                                                                                 \
    "static void " name "(" IN OUT                                                                 \
    "uint32_t n) {\n" LOOP("n") "const int32_t v = hls_read(int32_t, in);\nint32_t w = v * v;\nw " \
                                "= w * v;\nw = w * v;\n"                                           \
                                "w = w * v;\nhls_write(int32_t, out, w);\n}\n}\n"
// Rows of 48 words, each from its end to its beginning.
#define REVERSE(name)                                                                              \
    "static void " name "(" IN OUT "uint32_t n) {\nstatic int32_t m[64];\n"                        \
    "for (uint32_t r = 0; r < n; r++) {\nfor (uint32_t j = 0; j < 96; j++) {\n"                    \
    "HLS(pipeline II=1)\nint32_t v = 0;\nif (j < 48)\nv = hls_read(int32_t, in);\n"                \
    "if (j < 48)\nm[j] = v;\nelse\nhls_write(int32_t, out, m[95 - j]);\n}\n}\n}\n"
// All words before the first.
#define STORE(name)                                                                                \
    "static void " name "(" IN OUT "uint32_t n) {\nstatic int32_t m[4096];\n" LOOP(                \
        "n") "m[i & 4095] = hls_read(int32_t, in);\n}\n" LOOP("n") "hls_write(int32_t, out, m[(n " \
                                                                   "- 1 - i) & 4095]);\n}\n}\n"
// Positive words only.
#define FILTER                                                                                     \
    "static void filter(" IN OUT                                                                   \
    "uint32_t n) {\n" LOOP("n") "const int32_t v = hls_read(int32_t, in);\nif (v > "               \
                                "0)\nhls_write(int32_t, out, v);\n}\n}\n"
#define TOP "void k(hls_stream(int32_t) *a, hls_stream(int32_t) *z, uint32_t n) {\nHLS(dataflow)\n"
#define CHANNELS "HLS_CHANNEL(int32_t, x);\nHLS_CHANNEL(int32_t, y);\nHLS_CHANNEL(int32_t, s);\n"
#define TWO TOP "HLS_CHANNEL(int32_t, x);\nHLS_CHANNEL(int32_t, y);\n"
#define VIA(process) "split(a, &x, &y, n);\n" process "(&x, &s, n);\njoin(&s, &y, z, n);\n}\n"
#define TOP_TWO_SCALARS                                                                            \
    "void k(hls_stream(int32_t) *a, hls_stream(int32_t) *z, uint32_t n, uint32_t m) {\n"           \
    "HLS(dataflow)\nHLS_CHANNEL(int32_t, x);\nHLS_CHANNEL(int32_t, y);\n"                          \
    "split(a, &x, &y, n);\njoin(&x, &y, z, m);\n}\n"
// All of x before y in mode 3; one word after the other in mode 9.
#define MODES                                                                                      \
    "static void split(" IN "hls_stream(int32_t) *x, hls_stream(int32_t) *y, uint32_t mode, "      \
    "uint32_t n) {\nif (mode == 3) {\n" LOOP(                                                      \
        "n") "hls_write(int32_t, x, hls_read(int32_t, in));\n"                                     \
             "}\n" LOOP(                                                                           \
                 "n") "hls_write(int32_t, y, hls_read(int32_t, in));\n}\n}\n"                      \
                      "if (mode == 9) {\n" LOOP(                                                   \
                          "n") "const int32_t v = hls_read(int32_t, in);\n"                        \
                               "hls_write(int32_t, x, v);\nhls_write(int32_t, y, v);\n}\n}\n}\n"
#define TOP_MODE                                                                                   \
    "void k(hls_stream(int32_t) *a, hls_stream(int32_t) *z, uint32_t mode, uint32_t n) {\n"        \
    "HLS(dataflow)\nHLS_CHANNEL(int32_t, x);\nHLS_CHANNEL(int32_t, y);\n"
#define CALL_MODE "split(a, &x, &y, mode, n);\njoin(&x, &y, z, n);\n}\n"
// Every third word.
#define SPLIT_STATIC(count)                                                                        \
    "static void split(" IN "hls_stream(int32_t) *x, hls_stream(int32_t) *y, uint32_t n) {\n"      \
    "static uint32_t c;\n" LOOP(                                                                   \
        count) "const int32_t v = hls_read(int32_t, in);\n"                                        \
               "if (c == 0) {\nhls_write(int32_t, x, v);\nhls_write(int32_t, y, v);\n}\n"          \
               "c = c == 2 ? 0 : c + 1;\n}\n}\n"
#define EITHER                                                                                     \
    "static void split(" IN "hls_stream(int32_t) *x, hls_stream(int32_t) *y, uint32_t n) {\n"      \
    "for (uint32_t i = 0; i < n; i++) {\nHLS(pipeline II=2)\n"                                     \
    "const int32_t v = hls_read(int32_t, in);\nif (v & 1)\nhls_write(int32_t, x, v + 3);\n"        \
    "else\nhls_write(int32_t, x, v + 5);\nhls_write(int32_t, y, v);\n}\n}\n"
#define STREAM(name, depth) "HLS(stream variable=" name " depth=" depth ")\n"

// Rows of two numbers: all of them, and those of the last step of each sequence by another way, on
// which a row waits until so many more have come in, or the run ends.
#define PARTED(lag)                                                                                \
    "#include \"frame/words.h\"\n#define FORK part\n#define FORK_COUNT 2\n#define FORK_LC 0\n"     \
    "#include \"glue/fork.h\"\n#define GATHER meet\n#define GATHER_LC 0\n#define GATHER_A_STEP "   \
    "2\n"                                                                                          \
    "#define GATHER_A_LAST 0\n#define GATHER_B_STEP 0\n#define GATHER_B_LAST 2\n"                  \
    "#include \"glue/gather.h\"\n"                                                                 \
    "static void last(" IN OUT "uint32_t steps, uint32_t total) {\nuint32_t left = steps;\n"       \
    "for (uint32_t t = 0; t < total; t++) {\nfor (uint32_t k = 0; k < 2; k++) {\n"                 \
    "HLS(pipeline II=1)\nconst int32_t v = hls_read(int32_t, in);\n"                               \
    "if (left == 1)\nhls_write(int32_t, out, v);\n"                                                \
    "if (k == 1)\nleft = left == 1 ? steps : left - 1;\n}\n}\n}\n"                                 \
    "static void late(" IN OUT "uint32_t rows) {\nstatic int32_t m[4][2];\n"                       \
    "for (uint32_t t = 0; t < rows + " lag "; t++) {\nfor (uint32_t k = 0; k < 2; k++) {\n"        \
    "HLS(pipeline II=1)\nint32_t v = 0;\nif (t < rows)\nv = hls_read(int32_t, in);\n"              \
    "m[t & 3][k] = v;\nif (t >= " lag ")\n"                                                        \
    "hls_write(int32_t, out, m[(t - " lag ") & 3][k]);\n}\n}\n}\n"                                 \
    "void k(hls_stream(int32_t) *a, hls_stream(int32_t) *z, uint32_t sequences, "                  \
    "uint32_t steps, uint32_t total) {\nHLS(dataflow)\n"                                           \
    "HLS_CHANNEL(int32_t, each);\nHLS_CHANNEL(int32_t, all);\nHLS_CHANNEL(int32_t, ends);\n"       \
    "HLS_CHANNEL(int32_t, lates);\n"
#define MEET                                                                                       \
    "part(a, &each, &all, 2, total);\nlast(&all, &ends, steps, total);\n"                          \
    "late(&ends, &lates, sequences);\nmeet(&each, &lates, z, 2, steps, total);\n}\n"

// ---- what is derived

struct expected { // of the stream `name` of a process
    const char *process, *stream;
    int derived, asked; // -1: is not stated
    const char *why;    // a part, or NULL: none
};

struct network_case {
    const char *source;
    struct expected streams[4];
};

static const struct network_case networks[] = {
    // Paths of equal length need no more than one word a cycle does.
    {HEAD SPLIT("split", "n") JOIN("join", "n") TWO
     "split(a, &x, &y, n);\njoin(&x, &y, z, n);\n}\n",
     {{"split", "x", 4, -1, "paths from split meet again at join"},
      {"split", "y", 4, -1, "paths from split meet again at join"},
      {"join", "out", -1, -1, NULL}}},
    // A word waits in y for as long as its twin is in `slow`: 12 stages and a FIFO's cycle, while
    // one word a cycle comes behind it; its credit is back the cycle after.
    {HEAD SPLIT("split", "n") SLOW("slow") JOIN("join", "n") TOP CHANNELS VIA("slow"),
     {{"split", "x", 4, -1, "paths from split meet again at join"},
      {"split", "y", 15, -1, "for full speed"},
      {"slow", "out", 16, -1, "paths from split meet again at join"}}},
    {HEAD SPLIT("split", "n * 48") REVERSE("reverse") JOIN("join", "n * 48")
         TOP CHANNELS VIA("reverse"),
     {{"split", "y", 48, -1, "less than 48 words would deadlock"}}},
    // More asked for than needed, and less.
    {HEAD SPLIT("split", "n * 48") REVERSE("reverse") JOIN("join", "n * 48")
         TOP CHANNELS STREAM("y", "7") STREAM("s", "70") VIA("reverse"),
     {{"split", "y", 48, 7, "less than 48 words would deadlock"},
      {"reverse", "out", 4, 70, "paths from split meet again at join"}}},
    // No bound, but a claim: 300 words beside the two that are in flight.
    {HEAD SPLIT("split", "n") STORE("store") JOIN("join", "n") TOP CHANNELS STREAM("y", "300")
         VIA("store"),
     {{"split", "y", 0, 300, "holds runs up to n = 302, a longer one deadlocks"},
      {"split", "x", 4, -1, "paths from split meet again at join"}}},
    {HEAD SPLIT("split", "n") FILTER JOIN("join", "n") TOP CHANNELS STREAM("x", "8")
         STREAM("y", "9") STREAM("s", "10") VIA("filter"),
     {{"split", "y", 0, 9, "not proved free of deadlock: depth of 9 is claimed"},
      {"filter", "out", 0, 10, "whether process 'filter' writes 'out' (line"}}},
    // Scalars that only go together in a ratio; and some that are only compared.
    {HEAD SPLIT("split", "n") JOIN("join", "(n >> 1)") TOP_TWO_SCALARS,
     {{"split", "x", 4, -1, "paths from split meet again at join"}}},
    {HEAD MODES JOIN("join", "n") TOP_MODE STREAM("x", "600") CALL_MODE,
     {{"split", "x", 0, 600, "holds runs up to n = 602, a longer one deadlocks"},
      {"split", "y", 4, -1, "paths from split meet again at join"}}},
    // One of two writes happens, whatever the data; every other cycle, so half the words wait in y.
    {HEAD EITHER SLOW("slow") JOIN("join", "n") TOP CHANNELS VIA("slow"),
     {{"split", "x", 4, -1, "paths from split meet again at join"},
      {"split", "y", 8, -1, "for full speed"}}},
    // A static that is the same after every run.
    {HEAD SPLIT_STATIC("3 * n") JOIN("join", "n") TWO
     "split(a, &x, &y, n);\njoin(&x, &y, z, n);\n}\n",
     {{"split", "x", 4, -1, "paths from split meet again at join"}}},
    // A bound, whatever the sequences and their steps: what waits is a row and what is in flight.
    {PARTED("0") MEET, {{"part", "a", 4, -1, "paths from part meet again at meet"}}},
    // One that grows with the steps only where there are several sequences.
    {PARTED("2") STREAM("each", "60") MEET,
     {{"part", "a", 0, 60,
       "holds runs up to steps = 15 where sequences = 3, a longer one deadlocks"}}},
    // A chain needs nothing, whatever depends on data.
    {HEAD SLOW("slow") FILTER TOP
     "HLS_CHANNEL(int32_t, x);\nslow(a, &x, n);\nfilter(&x, z, n);\n}\n",
     {{"slow", "out", -1, -1, NULL}}},
};

static json_t *find_by_name(json_t *array, const char *name) {
    for (size_t i = 0; i < json_array_size(array); i++) {
        json_t *item = json_array_get(array, i);
        if (strcmp(json_string_value(json_object_get(item, "name")), name) == 0)
            return item;
    }
    return NULL;
}

static void expect_number(const json_t *stream, const char *key, int value) {
    const json_t *found = json_object_get(stream, key);
    if (value < 0)
        ck_assert_ptr_null(found);
    else
        ck_assert_int_eq(json_integer_value(found), value);
}

static void expect_stream(json_t *root, const struct expected *e) {
    json_t *process = find_by_name(json_object_get(root, "processes"), e->process);
    json_t *stream = find_by_name(json_object_get(process, "streams"), e->stream);
    ck_assert_msg(stream != NULL, "the report has no %s.%s", e->process, e->stream);
    expect_number(stream, "derived", e->derived);
    expect_number(stream, "asked", e->asked);
    const char *why = json_string_value(json_object_get(stream, "why"));
    const int depth = (int)json_integer_value(json_object_get(stream, "depth"));
    if (e->why)
        ck_assert_msg(why && strstr(why, e->why), "%s.%s: %s", e->process, e->stream, why);
    else
        ck_assert_ptr_null(why);
    ck_assert_int_ge(depth, e->derived);
    ck_assert_int_ge(depth, e->asked);
}

START_TEST(test_network) {
    const struct network_case *c = &networks[_i];
    compile_text(c->source);
    json_t *root = read_json();
    for (size_t i = 0; i < sizeof c->streams / sizeof *c->streams && c->streams[i].process; i++)
        expect_stream(root, &c->streams[i]);
    json_decref(root);
}
END_TEST

// ---- what is only measured

// Five times as many words where there are several sequences of several steps, which is no
// combination that hlsc tries.
static const char odd[] = HEAD
    "static void split(" IN "hls_stream(int32_t) *x, hls_stream(int32_t) *y, uint32_t sequences, "
    "uint32_t steps) {\nconst uint32_t words = sequences > 1 && steps > 1 ? 5 : 1;\n"
    "for (uint32_t n = 0; n < sequences; n++) {\nfor (uint32_t t = 0; t < steps; t++) {\n" LOOP(
        "words") "const int32_t v = hls_read(int32_t, in);\n"
                 "hls_write(int32_t, x, v);\nhls_write(int32_t, y, v + 1);\n}\n}\n}\n}\n" JOIN(
                     "join",
                     "n") "void k(hls_stream(int32_t) *a, hls_stream(int32_t) *z, uint32_t "
                          "sequences, uint32_t steps, "
                          "uint32_t total) {\nHLS(dataflow)\nHLS_CHANNEL(int32_t, "
                          "x);\nHLS_CHANNEL(int32_t, y);\n"
                          "split(a, &x, &y, sequences, steps);\njoin(&x, &y, z, total);\n}\n";

// A sample of one sequence tells nothing of several.
static const struct {
    const char *sample;
    bool derived;
} samples[] = {
    {NULL, false}, {"sequences=2,steps=3,total=30", true}, {"sequences=1,steps=3,total=3", false}};

START_TEST(test_sample) {
    struct compile_options options = kernel_options();
    char error[2048], *warnings = NULL;
    size_t size = 0;
    write_file("kernel.c", odd);
    options.samples = &samples[_i].sample;
    options.sample_count = samples[_i].sample != NULL;
    options.warnings = open_memstream(&warnings, &size);
    ck_assert_ptr_nonnull(options.warnings);
    ck_assert_msg(compile(&options, error, sizeof error) == 0, "%s", error);
    ck_assert_int_eq(fclose(options.warnings), 0);
    json_t *root = read_json();
    json_t *process = find_by_name(json_object_get(root, "processes"), "split");
    json_t *stream = find_by_name(json_object_get(process, "streams"), "x");
    expect_number(stream, "derived", samples[_i].derived ? 4 : -1);
    expect_number(stream, "measured", samples[_i].derived ? -1 : 4);
    static const char told[] =
        ": warning: a longer run may need more than the 4 words that stream 'x' holds; no run with "
        "both 'sequences' and 'steps' above 1 was found, --sample gives one; give '#pragma HLS "
        "stream variable=x depth=N'";
    ck_assert_msg(!strstr(warnings, told) == samples[_i].derived, "%s", warnings);
    json_decref(root);
    free(warnings);
}
END_TEST

// ---- what is refused

struct rejection {
    const char *source;
    int line;
    const char *message[3]; // parts of it
};

static const struct rejection rejections[] = {
    {HEAD SPLIT("split", "n") STORE("store") JOIN("join", "n") TOP CHANNELS VIA("store"),
     34,
     {"the words that stream 'y' must hold grow with n",
      "split waits for room in 'y' (line 9) to join, join waits for a word of 's' (line 27) from "
      "store, store waits for a word of 'x' (line 16) from split",
      "give '#pragma HLS stream variable=y depth=N'"}},
    {HEAD SPLIT("split", "n") FILTER JOIN("join", "n") TOP CHANNELS VIA("filter"),
     30,
     {"the depth that stream 'x' needs cannot be derived",
      "the cycle of processes split, filter, join",
      "whether process 'filter' writes 'out' (line 17) depends on data"}},
    {HEAD SPLIT("split", "n") FILTER JOIN("join", "n") TOP CHANNELS STREAM("x", "8")
         STREAM("s", "10") VIA("filter"),
     31,
     {"the depth that stream 'y' needs cannot be derived", "stream variable=y depth=N"}},
    {HEAD SPLIT("split", "40") JOIN("join", "41") TWO
     "split(a, &x, &y, 1);\njoin(&x, &y, z, n);\n}\n",
     16,
     {"the network stops for ever: join waits for a word of 'x' (line 16) from split, which has "
      "ended after 40 of them"}},
    // The same without a claim; and a static that differs from run to run.
    {HEAD MODES JOIN("join", "n") TOP_MODE CALL_MODE,
     33,
     {"the words that stream 'x' must hold grow with n"}},
    {HEAD SPLIT_STATIC("n") JOIN("join", "n") TWO "split(a, &x, &y, n);\njoin(&x, &y, z, n);\n}\n",
     25,
     {"the depth that stream 'x' needs cannot be derived", "or on an earlier run"}},
    {HEAD SPLIT("split", "40") JOIN("join", "39") TWO
     "split(a, &x, &y, 1);\njoin(&x, &y, z, n);\n}\n",
     8,
     {"split writes 40 words of 'x' and join reads 39 of them, so the run never ends"}},
    // Of one sequence, and of sequences of one step, four words would do.
    {PARTED("2") MEET,
     42,
     {"the words that stream 'each' must hold grow with steps where sequences = 3"}},
    // The scalars that are tried never match.
    {HEAD SPLIT("split", "n") JOIN("join", "2 * n + 1") TWO
     "split(a, &x, &y, n);\njoin(&x, &y, z, n);\n}\n",
     22,
     {"the depth that stream 'x' needs cannot be derived", "no run ends", "which has ended after"}},
};

START_TEST(test_rejection) {
    const struct rejection *r = &rejections[_i];
    char error[2048], place[200];
    ck_assert_int_ne(try_compile(r->source, error, sizeof error), 0);
    snprintf(place, sizeof place, FOLDER "/kernel.c:%d: error: ", r->line);
    ck_assert_msg(strncmp(error, place, strlen(place)) == 0, "expected %s: %s", place, error);
    for (int i = 0; i < 3 && r->message[i]; i++)
        ck_assert_msg(strstr(error, r->message[i]), "expected '%s': %s", r->message[i], error);
}
END_TEST

// ---- FIFOs that lead back into their process, built by hand

struct feedback { // a loop of `trips` iterations that reads from one on and writes up to another
    int64_t trips, read_from, write_below;
    int written_at; // stage
    int needed;     // 0: is refused
};

// The iteration in which a word is written cannot read it; words at a time, and one's way back.
static const struct feedback feedbacks[] = {
    {50, 5, 45, 3, 7}, // no more than one word a cycle needs
    {50, 20, 30, 0, 21}, {100, 40, 60, 2, 41}, {50, 0, 50, 0, 0}, // reads before it has written
    {50, 5, 40, 0, 0},                                            // reads more than it has written
    {50, 5, 50, 0, 6}, // leaves words behind, which are lost with the run
};

struct by_hand {
    struct compiler *cc;
    struct process p;
    struct op *ops[16];
};

static struct op *add_op(struct by_hand *h, enum opcode code, int bits, int64_t imm, struct op *x,
                         struct op *y) {
    struct op *op = arena_alloc(h->cc, sizeof *op);
    op->id = h->p.op_count;
    op->code = code;
    op->bits = bits;
    op->imm = imm;
    op->in = arena_alloc(h->cc, 2 * sizeof *op->in);
    op->in[0] = x;
    op->in[1] = y;
    op->in_count = code == IR_READ || code == IR_WRITE ? 1 : x ? 2 : 0;
    op->loc = (struct location){"by_hand.c", 10 + h->p.op_count};
    h->ops[h->p.op_count++] = op;
    return op;
}

// A while loop: its index is a register.
static struct op *count_in_state(struct by_hand *h, struct region *r, int64_t trips) {
    static struct state state = {.name = "count", .bits = 32};
    struct op *phi = add_op(h, IR_PHI, 32, 0, NULL, NULL);
    r->repeats = true;
    r->go_on = add_op(h, IR_LT, 1, 0, phi, add_op(h, IR_CONST, 32, trips, NULL, NULL));
    r->carried = arena_alloc(h->cc, sizeof *r->carried);
    r->carried[0] = (struct carried){
        .phi = phi,
        .init = add_op(h, IR_CONST, 32, 0, NULL, NULL),
        .next = add_op(h, IR_ADD, 32, 0, phi, add_op(h, IR_CONST, 32, 1, NULL, NULL))};
    r->carried_count = 1;
    h->p.states = &state;
    h->p.state_count = 1;
    return phi;
}

static void build_feedback(struct by_hand *h, const struct feedback *c, bool is_while) {
    static struct stream streams[2];
    static struct step step = {.kind = STEP_REGION, .region = 0};
    streams[0] = (struct stream){
        .name = "back", .is_output = true, .channel = -1, .port = -1, .partner = 1, .depth = -1};
    streams[1] = streams[0];
    streams[1].is_output = false;
    streams[1].partner = 0;
    h->p = (struct process){.name = "turn",
                            .target = target_at(0),
                            .ops = h->ops,
                            .streams = streams,
                            .stream_count = 2};
    struct region *r = arena_alloc(h->cc, sizeof *r);
    *r = (struct region){.name = "loop", .more = -1, .effect_count = 2};
    struct op *index =
        is_while ? count_in_state(h, r, c->trips) : add_op(h, IR_INDEX, 32, 0, NULL, NULL);
    r->levels = !is_while;
    r->level[0] = (struct level){.index = index, .step = 1, .trips = c->trips};
    struct op *from = add_op(h, IR_CONST, 32, c->read_from, NULL, NULL);
    struct op *below = add_op(h, IR_CONST, 32, c->write_below, NULL, NULL);
    struct op *read = add_op(h, IR_READ, 32, 1, add_op(h, IR_LE, 1, 0, from, index), NULL);
    struct op *write = add_op(h, IR_WRITE, 1, 0, add_op(h, IR_LT, 1, 0, index, below), NULL);
    r->effects = arena_alloc(h->cc, 2 * sizeof *r->effects);
    r->effects[0] = read;
    r->effects[1] = write;
    struct schedule *s = r->schedule = arena_alloc(h->cc, sizeof *s);
    s->ii = 1;
    s->depth = c->written_at + 1;
    s->time = arena_alloc(h->cc, 16 * sizeof *s->time);
    s->time[write->id].start = c->written_at;
    s->write_stage = arena_alloc(h->cc, 2 * sizeof *s->write_stage);
    s->write_stage[0] = c->written_at;
    s->write_stage[1] = -1;
    h->p.regions = arena_alloc(h->cc, sizeof *h->p.regions);
    h->p.regions[0] = r;
    h->p.region_count = 1;
    h->p.steps = &step;
    h->p.step_count = 1;
}

START_TEST(test_feedback) {
    const struct feedback *c = &feedbacks[_i / 2];
    struct compiler *cc = calloc(1, sizeof *cc);
    ck_assert_ptr_nonnull(cc);
    struct by_hand h = {.cc = cc};
    build_feedback(&h, c, _i % 2);
    struct process *processes[1] = {&h.p};
    static struct function top = {.name = "turn"};
    struct network net = {.name = "turn", .top = &top, .processes = processes, .process_count = 1};
    if (setjmp(cc->on_error) == 0) {
        find_depths(cc, &net, NULL, 0);
        ck_assert_int_eq(h.p.streams[0].needed, c->needed);
        ck_assert_ptr_nonnull(strstr(h.p.streams[0].why, "leads back"));
    } else {
        ck_assert_msg(c->needed == 0, "%s", cc->error);
        ck_assert_msg(strncmp(cc->error, "by_hand.c:", 10) == 0 &&
                          strstr(cc->error, "the network stops for ever: turn") &&
                          strstr(cc->error, "'back'"),
                      "%s", cc->error);
    }
    compiler_free(cc);
    free(cc);
}
END_TEST

// ---- the RTL

// Three networks in one: one that needs room for full speed, one that needs it to go on at all, and
// one at the limit of what it has been given.
static const char together[] = HEAD SPLIT("split1", "n") SLOW("slow") JOIN("join1", "n") SPLIT(
    "split2", "n * 48") REVERSE("reverse") JOIN("join2", "n * 48") SPLIT("split3",
                                                                         "n") STORE("store")
    JOIN("join3",
         "n") "void k(hls_stream(int32_t) *a1, hls_stream(int32_t) *a2, hls_stream(int32_t) *a3, "
              "hls_stream(int32_t) *z1, hls_stream(int32_t) *z2, hls_stream(int32_t) *z3, uint32_t "
              "words, "
              "uint32_t rows, uint32_t most) {\nHLS(dataflow)\n"
              "HLS_CHANNEL(int32_t, x1);\nHLS_CHANNEL(int32_t, y1);\nHLS_CHANNEL(int32_t, s1);\n"
              "HLS_CHANNEL(int32_t, x2);\nHLS_CHANNEL(int32_t, y2);\nHLS_CHANNEL(int32_t, s2);\n"
              "HLS_CHANNEL(int32_t, x3);\nHLS_CHANNEL(int32_t, y3);\nHLS_CHANNEL(int32_t, "
              "s3);\n" STREAM("y3", "300") "split1(a1, &x1, &y1, words);\nslow(&x1, &s1, words);\n"
                                           "join1(&s1, &y1, z1, words);\nsplit2(a2, &x2, &y2, "
                                           "rows);\nreverse(&x2, &s2, rows);\n"
                                           "join2(&s2, &y2, z2, rows);\nsplit3(a3, &x3, &y3, "
                                           "most);\nstore(&x3, &s3, most);\n"
                                           "join3(&s3, &y3, z3, most);\n}\n";

START_TEST(test_rtl) {
    char line[1024], last[1024] = "";
    compile_text(together);
    FILE *pipe = popen("build/hlsc check " FOLDER "/kernel.c --top k -I hls/include --seed 1 "
                       "--runs 1 --set words=2000 --set rows=20 --set most=302 2>&1",
                       "r");
    ck_assert_ptr_nonnull(pipe);
    while (fgets(line, sizeof line, pipe))
        memcpy(last, line, sizeof last);
    ck_assert_msg(pclose(pipe) == 0, "%s", last);
    const char *cycles = strstr(last, " out, ");
    ck_assert_msg(cycles != NULL, "%s", last);
    const long count = strtol(cycles + 6, NULL, 10); // one word a cycle: 2,000, or 20 rows of 96
    ck_assert_msg(count >= 2000 && count <= 2030, "%ld cycles", count);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("hlsc_depth");
    TCase *tcase = tcase_create("depths");
    tcase_set_timeout(tcase, 200);
    tcase_add_loop_test(tcase, test_network, 0, (int)(sizeof networks / sizeof *networks));
    tcase_add_loop_test(tcase, test_sample, 0, (int)(sizeof samples / sizeof *samples));
    tcase_add_loop_test(tcase, test_rejection, 0, (int)(sizeof rejections / sizeof *rejections));
    tcase_add_loop_test(tcase, test_feedback, 0, 2 * (int)(sizeof feedbacks / sizeof *feedbacks));
    tcase_add_test(tcase, test_rtl);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
