// SPDX-License-Identifier: Apache-2.0
// Tests of hlsc's front end: the tree of every construct, C's promotions, where pragmas go, each
// rejection with its message and line, the preprocessor, and damaged input.
#define _POSIX_C_SOURCE 200809L
#include "ast_dump.h"
#include "compiler.h"
#include <check.h>
#include <stdlib.h>
#include <string.h>

// What <stdint.h> gives, so that most tests need no preprocessor.
#define PRELUDE                                                                                    \
    "# 1 \"types.h\"\n"                                                                            \
    "typedef signed char int8_t; typedef short int int16_t; typedef int int32_t;\n"                \
    "typedef long int int64_t; typedef unsigned char uint8_t;\n"                                   \
    "typedef unsigned short int uint16_t; typedef unsigned int uint32_t;\n"                        \
    "typedef unsigned long int uint64_t;\n"                                                        \
    "typedef struct { int16_t v[4]; uint8_t last; } word_t;\n"                                     \
    "# 1 \"kernel.c\"\n"

// The dump of the program, or its error message. The caller frees it.
static char *front(const char *text) {
    struct compiler cc = {0};
    char *volatile dump = NULL;
    char *buffer = NULL;
    size_t size = 0;
    if (setjmp(cc.on_error) == 0) {
        struct program *program = parse_program(&cc, "kernel.c", text);
        FILE *out = open_memstream(&buffer, &size);
        ck_assert_ptr_nonnull(out);
        ast_dump(out, program);
        fclose(out);
        dump = buffer;
    } else {
        dump = strdup(cc.error);
    }
    compiler_free(&cc);
    ck_assert_ptr_nonnull(dump);
    return dump;
}

// White space of the dump becomes single blanks, so that expectations stay on one line.
static void squeeze(char *text) {
    char *out = text;
    for (char *in = text; *in; in++) {
        bool blank = *in == ' ' || *in == '\n';
        if (blank && (out == text || out[-1] == ' '))
            continue;
        *out++ = blank ? ' ' : *in;
    }
    *out = 0;
}

static void expect_dump(const char *source, const char *part) {
    char *text = malloc(strlen(PRELUDE) + strlen(source) + 1);
    ck_assert_ptr_nonnull(text);
    strcpy(text, PRELUDE);
    strcat(text, source);
    char *dump = front(text);
    squeeze(dump);
    ck_assert_msg(strstr(dump, part) != NULL, "source:\n%s\nexpected: %s\ngot: %s", source, part,
                  dump);
    free(dump);
    free(text);
}

// ---- trees

struct pair {
    const char *source, *expected;
};

static const struct pair trees[] = {
    {"int f(int a, int b) { return a + b * 2; }", "(return (+:i32 a (*:i32 b 2:i32)))"},
    {"int f(int a) { return (a - 1) << 2 >> 1 & 7 ^ 3 | 8; }",
     "(|:i32 (^:i32 (&:i32 (>>:i32 (<<:i32 (-:i32 a 1:i32) 2:i32) 1:i32) 7:i32) 3:i32) 8:i32)"},
    {"_Bool f(int a, int b) { return a < b && b != 3 || !a; }",
     "(return (||:b (&&:b (<:b a b) (!=:b b 3:i32)) (!:b (!=:b a 0:i32))))"},
    {"int f(int a, int b) { return a == b; }", "(return (cast:i32 (==:b a b)))"},
    {"int f(int a, int b) { return (a < b) + 1; }", "(+:i32 (cast:i32 (<:b a b)) 1:i32)"},
    {"int f(int a) { return a ? -a : ~a; }",
     "(return (?:i32 (!=:b a 0:i32) (neg:i32 a) (~:i32 a)))"},
    {"_Bool f(int a, int b) { return a ? a < b : 1; }",
     "(return (?:b (!=:b a 0:i32) (<:b a b) 1:b))"},
    {"int f(int a) { return a / 8 + a % 4u; }", "(/:i32 a 8:i32)"},
    {"int f(int a) { return +a; }", "(return a)"},
    {"int8_t f(int a) { return (int8_t)a; }", "(return (cast:i8 a))"},
    {"int8_t f(int a) { return a; }", "(return (cast:i8 a))"},
    {"int f(void) { return 3 * 5 - 100 / 7 % 5; }", "(return 11:i32)"},
    {"int f(void) { return -1 >> 1; }", "(return -1:i32)"},
    {"unsigned f(void) { return -1; }", "(return 4294967295:u32)"},
    {"int f(void) { return 1u > -1; }", "(return 0:i32)"},
    {"int f(void) { return 0 ? 1 : 2 < 3; }", "(return 1:i32)"},
    {"long f(void) { return 2147483648; }", "(return 2147483648:i64)"},
    {"long f(void) { return 0x80000000; }", "(return 2147483648:i64)"},
    {"int f(int x) { return x > 0x80000000; }", "(>:b (cast:u32 x) 2147483648:u32)"},
    {"int f(void) { return 'a' + '\\n' + '\\x10' + 010; }", "(return 131:i32)"},
    {"long f(void) { return sizeof(int64_t[3]) + sizeof(word_t); }", "(return 34:i64)"},
    {"long f(int16_t x) { return sizeof x + sizeof(x + 1); }", "(return 6:i64)"},
    {"enum mode { A, B = 5, C }; int f(enum mode m) { return m == C; }",
     "(function f:i32 (m:i32) (block (return (cast:i32 (==:b m 6:i32)))))"},
    {"static const int N = 4; static int a[N + 1][2]; int f(int i) { return a[i][1]; }",
     "(global static a:[5][2]i32)"},
    {"static const int16_t t[2][3] = {{1, -2}, {3, 4, 5}};",
     "(global static const t:[2][3]i16 = {1 -2 0 3 4 5})"},
    {"static const uint8_t t[] = {1, 2, 300,};", "(global static const t:[3]u8 = {1 2 44})"},
    {"static word_t w = {{1, 2}, 9};", "(global static w:word_t = {1 2 0 0 9})"},
    {"static const int t[2][2] = {1, 2, 3, 4};", "t:[2][2]i32 = {1 2 3 4}"},
    {"void f(void) { word_t w = {0}; w.v[2] = 1; w.last += 2; }",
     "(decl w:word_t = {0}) (= (at:i16 (.v w) 2:i32) 1:i16) "
     "(= (.last w) (cast:u8 (+:i32 (cast:i32 (.last w)) 2:i32)))"},
    {"void f(int a) { int x = 3, y = a, z; z = x + y; (void)z; }",
     "(decl x:i32 = {3}) (decl y:i32 = a) (decl z:i32) (= z (+:i32 x y))"},
    {"void f(void) { static int n; n++; --n; n <<= 2; }",
     "(decl static n:i32) (= n (+:i32 n 1:i32)) (= n (-:i32 n 1:i32)) (= n (<<:i32 n 2:i32))"},
    {"void f(int16_t x[8]) { x[3] -= 1; }",
     "(= (at:i16 x 3:i32) (cast:i16 (-:i32 (cast:i32 (at:i16 x 3:i32)) 1:i32)))"},
    {"void f(int16_t *p, word_t *w) { *p = w->v[1]; w->last = 1; }",
     "(= (deref:i16 p) (at:i16 (.v (deref:word_t w)) 1:i32)) (= (.last (deref:word_t w)) 1:u8)"},
    {"static void g(int *p, int a[2]) { *p = a[0]; } void f(void) { int x; int b[2]; g(&x, b); }",
     "(do (call (g:void (addr:*i32 x) b)))"},
    {"static int g(int8_t v) { return v; } int f(int x) { return g(x); }",
     "(return (call (g:i32 (cast:i8 x))))"},
    {"int g(int); int f(int x) { return g(x); } int g(int y) { return y; }",
     "(function g:i32 (y:i32)"},
    {"void f(__hls_stream(word_t) *in, __hls_stream(word_t) *out) { word_t w = __hls_read(in);"
     " __hls_write(out, w); __hls_read(in); }",
     "(in:*stream<word_t>) (out:*stream<word_t>) (block (decl w:word_t = (read:word_t in)) "
     "(write out w) (do (read:word_t in)))"},
    {"static void p(__hls_stream(int) *s) { __hls_write(s, 1); }"
     "void f(void) { __hls_stream(int) c; p(&c); }",
     "(decl c:stream<i32>) (do (call (p:void (addr:*stream<i32> c))))"},
    {"void f(int a) { if (a) a = 1; else if (a > 2) { a = 2; } else ; }",
     "(if (!=:b a 0:i32) (= a 1:i32) (if (>:b a 2:i32) (block (= a 2:i32))))"},
    {"void f(int n) { for (int i = 0; i < n; i++) { if (n) break; } }",
     "(for i:i32 0 < n +1 (block (if (!=:b n 0:i32) (break))))"},
    {"void f(void) { rows: for (uint8_t i = 2; i <= 2 * 100; i += 3) ; }",
     "(for rows: i:u8 2 <= 200:i32 +3 (block))"},
    {"void f(uint32_t n) { for (int i = 0; i < n - 1; ++i) {} }",
     "(for i:i32 0 < (-:u32 n 1:u32) +1 (block))"},
    {"int f(int a) { int r = 0; switch (a) { case 1: case 2: r = 1; break; case 3: { r = 2; break; "
     "}"
     " case 4: return 9; default: r = 4; } return r; }",
     "(switch a (case 1 2 (block (= r 1:i32))) (case 3 (block (block (= r 2:i32)))) "
     "(case 4 (block (return 9:i32))) (default (block (= r 4:i32))))"},
    {"typedef int (row_count); ", "in parentheses"},
    {"struct s { int8_t a; int b[2][2]; }; struct s f(struct s x) { struct s y = x; return y; }",
     "(struct s a:i8 b:[2][2]i32)"},
    {"_Static_assert(sizeof(int) == 4, \"int\"); static inline __attribute__((unused)) int f(void) "
     "{ return 1; }",
     "(function f:i32"},
    {"extern int puts(const char *text); int f(int x) { return x; }", "(function f:i32 (x:i32)"},
    {"int f(int a) { int x = a; { int x = 2; (void)x; } return x; }", "(block (decl x:i32 = {2}))"},
    {"int f(const int16_t a[4]) { const int n = 3; return a[n]; }",
     "(const a:[4]i16) (block (decl const n:i32 = {3}) (return (cast:i32 (at:i16 a 3:i32))))"},
};

START_TEST(tree_of_each_construct) {
    expect_dump(trees[_i].source, trees[_i].expected);
}
END_TEST

START_TEST(usual_conversions) {
    static const struct {
        const char *name;
        int bits;
        bool is_signed;
    } types[] = {{"_Bool", 1, false},     {"int8_t", 8, true},     {"uint8_t", 8, false},
                 {"int16_t", 16, true},   {"uint16_t", 16, false}, {"int32_t", 32, true},
                 {"uint32_t", 32, false}, {"int64_t", 64, true},   {"uint64_t", 64, false}};
    const char *const expected[9][9] = {
        {"i32", "i32", "i32", "i32", "i32", "i32", "u32", "i64", "u64"},
        {"i32", "i32", "i32", "i32", "i32", "i32", "u32", "i64", "u64"},
        {"i32", "i32", "i32", "i32", "i32", "i32", "u32", "i64", "u64"},
        {"i32", "i32", "i32", "i32", "i32", "i32", "u32", "i64", "u64"},
        {"i32", "i32", "i32", "i32", "i32", "i32", "u32", "i64", "u64"},
        {"i32", "i32", "i32", "i32", "i32", "i32", "u32", "i64", "u64"},
        {"u32", "u32", "u32", "u32", "u32", "u32", "u32", "i64", "u64"},
        {"i64", "i64", "i64", "i64", "i64", "i64", "i64", "i64", "u64"},
        {"u64", "u64", "u64", "u64", "u64", "u64", "u64", "u64", "u64"}};
    for (int a = 0; a < 9; a++)
        for (int b = 0; b < 9; b++) {
            char source[200], part[40];
            snprintf(source, sizeof source,
                     "void f(%s a, %s b) { _Bool r = (a + b) == (a * b); (void)r; }", types[a].name,
                     types[b].name);
            snprintf(part, sizeof part, "(+:%s ", expected[a][b]);
            expect_dump(source, part);
            snprintf(source, sizeof source, "int f(%s a, %s b) { return (a << (b & 3)) != 0; }",
                     types[a].name, types[b].name);
            snprintf(part, sizeof part, "(<<:%s ", types[a].bits < 32 ? "i32" : expected[a][0]);
            expect_dump(source, part);
        }
}
END_TEST

// ---- pragmas

static const struct pair pragma_cases[] = {
    {"void f(void) { for (int i = 0; i < 4; i++) {\n#pragma HLS pipeline II=2\n } }",
     "(for i:i32 0 < 4:i32 +1 pipeline=2 "},
    {"void f(void) { for (int i = 0; i < 4; i++) {\n#pragma HLS pipeline\n#pragma HLS unroll "
     "factor=2\n } }",
     "+1 pipeline=1 unroll=2 "},
    {"void f(void) { for (int i = 0; i < 4; i++) { for (int j = 0; j < 2; j++) {\n"
     "_Pragma(\"HLS unroll\") } } }",
     "(for i:i32 0 < 4:i32 +1 (block (for j:i32 0 < 2:i32 +1 unroll "},
    {"enum { D = 4 }; static const int E = 7; static int h[8];\n"
     "void f(void) { for (int i = 0; i < 4; i++) {\n"
     "#pragma HLS dependence variable=h type=inter direction=RAW distance=D*E true\n } }",
     "dependence=h/28 "},
    {"static int w[8][4];\nvoid f(void) {\n#pragma HLS array_partition variable=w complete dim=1\n"
     "#pragma HLS array_partition variable=w type=cyclic factor=2 dim=2\n }",
     "w:[8][4]i32 partition1=complete/0 partition2=cyclic/2"},
    {"static int w[8][4];\nvoid f(void) {\n#pragma HLS array_partition variable=w dim=0\n }",
     "partition1=complete/0 partition2=complete/0"},
    {"void f(void) { int w[8];\n#pragma HLS bind_storage variable=w type=ram_2p impl=uram "
     "latency=2\n }",
     "(decl w:[8]i32 storage=uram latency=2)"},
    {"void f(void) {\n#pragma HLS dataflow\n __hls_stream(int) c;\n#pragma HLS stream variable=c "
     "depth=16\n }",
     "(function f:void dataflow (block (decl c:stream<i32> depth=16)))"},
    {"void f(void) {\n#pragma HLS inline off\n }", "(function f:void inline=off"},
    {"void f(int n) {\n#pragma HLS interface mode=s_axilite port=n\n#pragma HLS interface "
     "ap_ctrl_chain port=return\n }",
     "(n:i32 interface=s_axilite)"},
    {"#pragma GCC diagnostic push\nint f(void) {\n#pragma omp simd\n return 1; }",
     "(return 1:i32)"},
};

START_TEST(pragma_attachment) {
    expect_dump(pragma_cases[_i].source, pragma_cases[_i].expected);
}
END_TEST

// ---- rejections

struct rejection {
    int line;
    const char *source, *message;
};

static const struct rejection rejections[] = {
    {1, "int f(int x) { return f(x); }", "recursion: f calls f"},
    {2, "int g(int); int f(int x) { return g(x); }\nint g(int x) { return f(x); }", "recursion"},
    {1, "void f(int (*g)(int)) { }", "function pointers"},
    {2, "static int g(void) { return 1; }\nint f(void) { return g; }", "function pointers"},
    {2, "void f(void) {\n goto end; }", "goto: jumps are not supported"},
    {2, "void f(int n) {\n while (n) n--; }", "use for with a constant bound"},
    {2, "void f(int n) {\n do n--; while (n); }", "use for with a constant bound"},
    {2, "void f(void) {\n int x = malloc(4); }", "malloc: hardware has no heap"},
    {2, "int puts(const char *s);\nint f(const char *s) { return puts(s); }", "without a body"},
    {1, "int f(int x) { return missing(x); }", "call of missing, a function without a body"},
    {2, "int f(int *p) {\n return *(p + 1); }", "pointer arithmetic"},
    {1, "int f(int *p) { return p[1]; }", "declare the parameter as an array"},
    {1, "int f(int a[4]) { return *(a + 1); }", "pointer arithmetic"},
    {2, "void f(void) { int x;\n int *p = &x; }", "only parameters may be pointers"},
    {1, "void f(int n) { int a[n]; }", "variable-length arrays"},
    {1, "float f(void) { return 1; }", "no floating point"},
    {2, "void f(void) {\n double d; }", "no floating point"},
    {1, "int f(void) { return 1.5; }", "1.5 is a floating-point number"},
    {1, "union u { int a; };", "unions are not supported"},
    {1, "struct s { int a : 3; };", "bit-field"},
    {1, "struct s { int *a; };", "only parameters may be pointers"},
    {1, "struct s { word_t w; };", "a struct holds numbers"},
    {1, "static const char t[] = \"abc\";", "string literal"},
    {1, "int f(int a) { return a / 3; }", "constant power of two"},
    {1, "int f(int a, int b) { return a % b; }", "constant power of two"},
    {1, "int f(int a) { return a / -4; }", "constant power of two"},
    {1, "int f(void) { return 1 / 0; }", "division by zero"},
    {1, "void f(int a, int b) { a = b = 1; }", "assignment is used as a value"},
    {1, "void f(int a) { if (a = 1) a = 2; }", "assignment is used as a value"},
    {1, "void f(int a, int b) { a = 1, b = 2; }", "comma operator"},
    {1, "int f(int a) { return (a, 1); }", "comma operator"},
    {1, "int f(int a) { return a++; }", "++ inside an expression"},
    {1, "int f(int a) { return -- a; }", "-- inside an expression"},
    {1, "int f(__hls_stream(int) *s, int a) { return a && __hls_read(s); }", "inside &&"},
    {1, "int f(__hls_stream(int) *s, int a) { return a || __hls_read(s); }", "inside ||"},
    {1, "int f(__hls_stream(int) *s, int a) { return a ? __hls_read(s) : 0; }", "inside ?:"},
    {1, "int f(__hls_stream(int) *s, int a[4]) { return a[__hls_read(s)]; }", "array index"},
    {1, "void f(__hls_stream(int) *s) { if (__hls_read(s)) ; }", "condition of an if"},
    {1, "int f(__hls_stream(int) *s) { return __hls_read(s) + __hls_read(s); }",
     "their order open"},
    {1, "void f(volatile int *p) { }", "volatile"},
    {2, "void f(void) {\n for (;;) ; }", "not canonical"},
    {1, "void f(void) { int i; for (i = 0; i < 3; i++) ; }", "not declared in its head"},
    {1, "void f(int n) { for (int i = n; i < 3; i++) ; }", "start is not a constant"},
    {1, "void f(void) { for (int i = 9; i > 0; i--) ; }", "neither < nor <="},
    {1, "void f(void) { for (int i = 0; i != 3; i++) ; }", "neither < nor <="},
    {1, "void f(int n) { for (int i = 0; i < n && n; i++) ; }", "more than one comparison"},
    {1, "void f(int n) { for (int i = 0; i < 9; i += n) ; }", "step is not a constant"},
    {1, "void f(void) { for (int i = 0; i < 9; i *= 2) ; }", "not canonical"},
    {1, "void f(void) { for (int i = 0, j = 0; i < 9; i++) ; }", "more than one variable"},
    {1, "void f(void) { for (uint8_t i = 0; i < 256; i++) ; }", "wraps around"},
    {1, "void f(uint32_t n) { for (int i = -1; i < n; i++) ; }", "compares them as unsigned"},
    {1, "void f(uint32_t n) { for (uint8_t i = 0; i < n; i++) ; }", "as wide as the limit"},
    {2, "void f(void) { for (int i = 0; i < 3; i++) {\n i = 2; } }", "loop variable i is changed"},
    {2, "void f(int n) { for (int i = 0; i < n; i++) {\n n--; } }", "part of the limit"},
    {3,
     "static int n; static void g(void) { n = 1; }\nvoid f(void) { for (int i = 0; i < n; i++) {\n"
     " g(); } }",
     "reads state that g may change"},
    {1, "void f(void) { for (int i = 0; i < 3; i++) continue; }", "continue is not supported"},
    {1, "void f(void) { break; }", "break outside of for and switch"},
    {2, "void f(int a) { switch (a) { case 1: a = 2;\n case 2: a = 3; } }", "falls through"},
    {1, "void f(int a) { switch (a) { case 1: if (a) break; a = 3; } }",
     "last statement of the case"},
    {1, "void f(int a) { switch (a) { case 1: break; case 1: break; } }", "appears twice"},
    {1, "void f(int a, int b) { switch (a) { case b: break; } }", "not a constant"},
    {1, "void f(void) { x: return; }", "only loops have labels"},
    {1, "static const int t[2] = {[0] = 1};", "designated initialiser"},
    {1, "static word_t w = {.last = 1};", "designated initialiser"},
    {1, "static const int t[2] = {1, 2, 3};", "too many initialisers"},
    {1, "void f(int x) { int a[2] = {x, 1}; }", "is not a constant here"},
    {1, "void f(word_t w) { w = (word_t){0}; }", "compound literal"},
    {1, "void f(const int a[4]) { a[0] = 1; }", "a is const"},
    {1, "static const int N = 3; void f(void) { N = 4; }", "a constant is assigned"},
    {1, "void f(int a[3]) { int b[3]; b = a; }", "copy its elements in a loop"},
    {1, "int f(int a[3]) { return a[3]; }", "index 3 is outside"},
    {1, "void f(int a[]) { }", "write its first dimension"},
    {1, "static int a[2][2][2][2][2];", "dimensions"},
    {1, "int f(int a) { return a << 32; }", "shift by 0 to 31"},
    {1, "int f(int a) { return b; }", "b is not declared"},
    {1, "int f(word_t w) { return w.none; }", "no field none"},
    {1, "int f(int a) { a + 1; return a; }", "no effect"},
    {1, "int f(int a) { if (a) return 1; }", "may end without a value"},
    {1, "int a; int a;", "a is declared a second time"},
    {1, "static int g(int a[4]) { return a[0]; } int f(int b[5]) { return g(b); }",
     "of that very type"},
    {1, "int f(__hls_stream(int) *s) { return *s; }", "use hls_read and hls_write"},
    {1, "__hls_stream(int) s;", "stream s must be one local channel"},
    {1, "_Static_assert(1 == 2, \"why\");", "static assertion failed: why"},
    {1, "int f(int a, ...) { return a; }", "variable number of arguments"},
    {1, "int f(void) { return 0 + \"a\"; }", "string literal"},
    {1, "int f(void) { return 99999999999999999999; }", "does not fit in 64 bits"},
    {1, "int f(void) { return 1; ", "is expected"},
    {1, "int f(void) { return @; }", "not part of C"},
    {2, "void f(void) {\n#pragma HLS allocation\n }",
     "unknown pragma HLS allocation; known are pipeline"},
    {3, "void f(void) { for (int i = 0; i < 3; i++) {\n\n#pragma HLS pipeline rewind\n } }",
     "unknown option rewind of pragma HLS pipeline; known are II="},
    {2, "void f(int a[3]) {\n#pragma HLS array_partition variable=b complete\n }",
     "variable b, which does not exist here; known are a"},
    {2, "void f(void) {\n#pragma HLS pipeline\n }", "outside of a loop body"},
    {2,
     "void f(int a[3]) { for (int i = 0; i < 3; i++) {\n#pragma HLS dependence variable=a false\n "
     "} }",
     "cannot be verified"},
    {2, "void f(void) { for (int i = 0; i < 3; i++) {\n#pragma HLS pipeline II=0\n } }",
     "it must be 1 to"},
    {2, "void f(void) { for (int i = 0; i < 3; i++) {\n#pragma HLS dataflow\n } }",
     "belongs to a function"},
    {2, "void f(int a[3]) {\n#pragma HLS array_partition variable=a complete dim=2\n }",
     "it must be 0 to 1"},
    {1, "\n#pragma HLS inline\n", "outside of functions"},
};

START_TEST(rejected_with_message_and_line) {
    const struct rejection *r = &rejections[_i];
    char where[40];
    int line = strncmp(r->source, "\n", 1) == 0 ? r->line + 1 : r->line;
    snprintf(where, sizeof where, "kernel.c:%d: error: ", line);
    expect_dump(r->source, where);
    expect_dump(r->source, r->message);
}
END_TEST

START_TEST(deep_nesting_is_refused) {
    size_t length = 200000;
    char *text = malloc(length + 1);
    ck_assert_ptr_nonnull(text);
    static const char *const units[] = {"(", "a+", "{", "-", "a[", "if(a)", "a?", "struct{", "*"};
    for (size_t u = 0; u < sizeof units / sizeof *units; u++) {
        strcpy(text, "int f(int a) { return ");
        if (units[u][0] == '{' || units[u][0] == 'i')
            strcpy(text, "int f(int a) { ");
        size_t used = strlen(text), step = strlen(units[u]);
        for (; used + step < length; used += step)
            memcpy(text + used, units[u], step + 1);
        char *message = front(text);
        ck_assert_ptr_nonnull(strstr(message, "error: "));
        free(message);
    }
    free(text);
}
END_TEST

// ---- with a preprocessor

static const char *const kernel =
    "#include <hls.h>\n"
    "#include <stdlib.h>\n#include <string.h>\n#include <stdio.h>\n#include <math.h>\n"
    "#define PRAGMA(x) _Pragma(#x)\n"
    "#define UNROLL(n) PRAGMA(HLS unroll factor=n)\n"
    "#define LANES 4\n"
    "typedef struct { int16_t v[LANES]; bool last; } word_t;\n"
    "HLS_STREAM_OF(word_t)\n"
    "static const int16_t gain[LANES] = {1, 2, 3, 4};\n"
    "static void stage(hls_stream(word_t) *in, hls_stream(word_t) *out, uint32_t n) {\n"
    "    int64_t sum[LANES] = {0};\n"
    "steps:\n"
    "    for (uint32_t t = 0; t < n; t++) {\n"
    "        UNROLL(LANES)\n"
    "        word_t w = hls_read(word_t, in);\n"
    "        for (int i = 0; i < LANES; i++) {\n"
    "#pragma HLS unroll\n"
    "            sum[i] = hls_wrap(sum[i] + (int64_t)w.v[i] * gain[i], 48);\n"
    "            w.v[i] = (int16_t)hls_saturate(hls_round_shift(sum[i], 3), 16);\n"
    "        }\n"
    "        w.last = t == n - 1;\n"
    "        hls_write(word_t, out, w);\n"
    "    }\n"
    "}\n"
    "void top(hls_stream(word_t) *in, hls_stream(word_t) *out, uint32_t n) {\n"
    "#pragma HLS dataflow\n"
    "    HLS_CHANNEL(word_t, link);\n"
    "    stage(in, &link, n);\n"
    "    stage(&link, out, n);\n"
    "}\n";

static void write_file(const char *path, const char *text) {
    FILE *out = fopen(path, "w");
    ck_assert_msg(out != NULL, "cannot write %s; run from the repository root with build/ there",
                  path);
    fputs(text, out);
    fclose(out);
}

static char *preprocessed(const char *path, bool guard) {
    static const char *const dirs[] = {"hls/include"};
    struct front_options options = {.include_dirs = dirs, .include_count = 1};
    struct compiler cc = {0};
    char *volatile result = NULL;
    if (setjmp(cc.on_error) == 0) {
        if (guard)
            guard_plain_c(&cc, path, &options);
        result = strdup(preprocess(&cc, path, &options));
    } else {
        result = strdup(cc.error);
    }
    compiler_free(&cc);
    ck_assert_ptr_nonnull(result);
    return result;
}

START_TEST(whole_kernel_with_system_headers) {
    write_file("build/front_test_kernel.c", kernel);
    char *text = preprocessed("build/front_test_kernel.c", true);
    char *dump = front(text);
    squeeze(dump);
    static const char *const parts[] = {
        "(struct word_t v:[4]i16 last:b)",
        "(global static const gain:[4]i16 = {1 2 3 4})",
        "(function hls_wrap:i64 (x:i64) (bits:i32) (block (return (>>:i64 (cast:i64 (<<:u64 "
        "(cast:u64 "
        "x) (-:i32 64:i32 bits))) (-:i32 64:i32 bits)))))",
        "(function hls_saturate:i64",
        "(decl const high:i64 = (-:i64 (<<:i64 1:i64 (-:i32 bits 1:i32)) 1:i64))",
        "(function hls_round_shift:i64",
        "(for steps: t:u32 0 < n +1 unroll=4 (block (decl w:word_t = (read:word_t in))",
        "(= (.last w) (==:b t (-:u32 n 1:u32)))",
        "(write out w)",
        "(function top:void dataflow (in:*stream<word_t>)",
        "(decl link:stream<word_t>) (do (call (stage:void in (addr:*stream<word_t> link) n)))"};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        ck_assert_msg(strstr(dump, parts[i]) != NULL, "expected: %s\ngot: %s", parts[i], dump);
    free(dump);
    free(text);
}
END_TEST

START_TEST(locations_survive_the_preprocessor) {
    write_file("build/front_test_line.c",
               "#include <stdint.h>\n\nint f(int a) {\n    return a / 3;\n}\n");
    char *text = preprocessed("build/front_test_line.c", false);
    char *message = front(text);
    ck_assert_ptr_nonnull(strstr(message, "build/front_test_line.c:4: error: division"));
    free(message);
    free(text);
}
END_TEST

START_TEST(messages_of_the_c_compiler) {
    write_file("build/front_test_bad.c", "int f(void) {\n    return missing;\n}\n");
    char *message = preprocessed("build/front_test_bad.c", true);
    ck_assert_msg(strstr(message, "build/front_test_bad.c:2: error: ") == message, "%s", message);
    free(message);
    write_file("build/front_test_bad.c", "\n#include \"not_there.h\"\n");
    message = preprocessed("build/front_test_bad.c", false);
    ck_assert_msg(strstr(message, "build/front_test_bad.c:2: error: not_there.h") == message, "%s",
                  message);
    free(message);
    message = preprocessed("build/front_test_absent.c", false);
    ck_assert_msg(strstr(message, "build/front_test_absent.c: error: cannot be read") == message,
                  "%s", message);
    free(message);
    static const char *const dirs[] = {"hls/include"};
    struct front_options options = {
        .include_dirs = dirs, .include_count = 1, .cc = "no-such-compiler"};
    struct compiler cc = {0};
    if (setjmp(cc.on_error) == 0) {
        guard_plain_c(&cc, "build/front_test_bad.c", &options);
        ck_abort_msg("a missing compiler went unnoticed");
    }
    ck_assert_ptr_nonnull(strstr(cc.error, "no-such-compiler"));
    compiler_free(&cc);
}
END_TEST

// ---- damaged input

static uint64_t random_state;

static uint32_t random_below(uint32_t n) {
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((random_state >> 33) % n);
}

START_TEST(damaged_text_never_crashes) {
    const char *given = getenv("FRONT_TEST_SEED");
    uint64_t seed = given ? strtoull(given, NULL, 10) : 20240607;
    random_state = seed;
    printf("front_test: mutation seed %llu\n", (unsigned long long)seed);
    size_t tree_count = sizeof trees / sizeof *trees;
    size_t pragma_count = sizeof pragma_cases / sizeof *pragma_cases;
    int accepted = 0;
    static const char alphabet[] = "(){}[];,*&+-<>=!?:.\"'#\n 019xaULn";
    static const char *const words[] = {
        "for",          "int",    "static", "const",  "struct",  "return", "4294967296",
        "#pragma HLS ", "switch", "case",   "sizeof", "typedef", "w"};
    write_file("build/front_test_kernel.c", kernel);
    char *whole = preprocessed("build/front_test_kernel.c", false);
    const char *tail = strstr(whole, "hls.h");
    for (int round = 0; round < 2000; round++) {
        uint32_t pick = random_below((uint32_t)(tree_count + pragma_count + 20));
        const char *source = pick < tree_count ? trees[pick].source
                             : pick < tree_count + pragma_count
                                 ? pragma_cases[pick - tree_count].source
                                 : tail;
        size_t length = strlen(PRELUDE) + strlen(source);
        size_t capacity = length + 200;
        char *text = malloc(capacity);
        ck_assert_ptr_nonnull(text);
        strcpy(text, PRELUDE);
        strcat(text, source);
        for (uint32_t edits = 1 + random_below(4); edits > 0; edits--) {
            size_t at = random_below((uint32_t)length);
            const char *word = words[random_below(sizeof words / sizeof *words)];
            size_t n = strlen(word);
            switch (random_below(5)) {
            case 0:
                text[at] = alphabet[random_below(sizeof alphabet - 1)];
                break;
            case 1:
                text[at] = (char)(1 + random_below(255));
                break;
            case 2:
                memmove(text + at, text + at + 1, length - at);
                length--;
                break;
            case 3:
                memmove(text + at + n, text + at, length - at + 1);
                memcpy(text + at, word, n);
                length += n;
                break;
            default:
                if (random_below(8) == 0) {
                    text[at] = 0;
                    length = at ? at : 1;
                    text[at ? at : 1] = 0;
                }
            }
            if (length == 0)
                break;
        }
        char *result = front(text);
        accepted += strstr(result, "error: ") == NULL;
        free(result);
        free(text);
    }
    free(whole);
    printf("front_test: %d of 2000 damaged texts were still accepted\n", accepted);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("front");
    TCase *tests = tcase_create("front");
    tcase_set_timeout(tests, 120);
    tcase_add_loop_test(tests, tree_of_each_construct, 0, (int)(sizeof trees / sizeof *trees));
    tcase_add_test(tests, usual_conversions);
    tcase_add_loop_test(tests, pragma_attachment, 0,
                        (int)(sizeof pragma_cases / sizeof *pragma_cases));
    tcase_add_loop_test(tests, rejected_with_message_and_line, 0,
                        (int)(sizeof rejections / sizeof *rejections));
    tcase_add_test(tests, deep_nesting_is_refused);
    tcase_add_test(tests, whole_kernel_with_system_headers);
    tcase_add_test(tests, locations_survive_the_preprocessor);
    tcase_add_test(tests, messages_of_the_c_compiler);
    tcase_add_test(tests, damaged_text_never_crashes);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
