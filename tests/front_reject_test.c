// SPDX-License-Identifier: Apache-2.0
// What hlsc's front end refuses, some of it before a C compiler has seen it: each with its line.
#define _POSIX_C_SOURCE 200809L
#include "front_fixture.h"

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
    {2, "void f(int n) {\n while (1) n--; }", "this loop never ends"},
    {1, "void f(int n) { do { while (n) { n--; break; } } while (1); }", "this loop never ends"},
    {2, "void f(int n) {\n for (;; n++) { switch (n) { case 1: break; } } }",
     "this loop never ends"},
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
    {1, "void f(void) { for (uint8_t i = 0; i < 256; i++) ; }", "wraps around"},
    {1, "void f(void) { for (uint8_t i = 9; i >= 0; i--) ; }", "use a signed type"},
    {1, "void f(void) { for (uint8_t i = 9; i > 0; i -= 2) ; }", "use a signed type"},
    {1, "void f(uint32_t n) { for (int i = -1; i < n; i++) ; }", "compares them as unsigned"},
    {1,
     "struct s { int a[2]; }; int g(int a[2]) { return a[1]; } "
     "int f(struct s x, struct s y, int c) { return g((c ? x : y).a); }",
     "an array that ?: chooses"},
    {2, "void f(int n) {\n n = __builtin_bswap32(n); }",
     "call of __builtin_bswap32, which hlsc does"},
    {1, "static const int t = __builtin_clz(0);", "call of __builtin_clz"},
    {1, "void f(int n) { while (n) {\n#pragma HLS unroll\n n--; } }", "it is a while loop"},
    {1, "void f(int n) { do {\n#pragma HLS unroll\n n--; } while (n); }", "it is a do loop"},
    {1, "void f(int n, uint32_t m) { for (; n < 4; n++) {\n#pragma HLS unroll factor=2\n  } }",
     "head does not declare one variable"},
    {1,
     "void f(int n, uint32_t m) { for (int i = 0, k = 0; i < 4; i++) {\n#pragma HLS unroll "
     "factor=2\n k++; "
     "} }",
     "head does not declare one variable"},
    {1,
     "void f(int n, uint32_t m) { int a[2]; a[0] = n; for (int i = a[0]; i < 4; i++) {\n#pragma "
     "HLS "
     "unroll factor=2\n  } }",
     "start is not a constant"},
    {1,
     "void f(int n, uint32_t m) { for (int i = n; i < 4; i++) {\n#pragma HLS unroll factor=2\n "
     "n++; "
     "} }",
     "changes what its start or limit reads"},
    {1,
     "void f(int n, uint32_t m) { for (uint32_t i = m; i > 0; i -= 2) {\n#pragma HLS unroll "
     "factor=2\n  } }",
     "may pass zero"},
    {1,
     "void f(int n, uint32_t m) { for (uint32_t i = m; i >= 0; i--) {\n#pragma HLS unroll "
     "factor=2\n  } }",
     "may pass zero"},
    {1,
     "void f(int n, uint32_t m) { for (uint8_t i = (uint8_t)n; i < 254; i += 3) {\n#pragma HLS "
     "unroll factor=2\n  } }",
     "may wrap around"},
    {1,
     "void f(int n, uint32_t m) { for (int i = 0; ; i++) {\n#pragma HLS unroll factor=2\n if (n) "
     "break; } }",
     "not one comparison"},
    {1,
     "void f(int n, uint32_t m) { for (int i = 0; i < n && n; i++) {\n#pragma HLS unroll "
     "factor=2\n  } }",
     "not one comparison"},
    {1,
     "void f(int n, uint32_t m) { for (int i = 0; i < n - i; i++) {\n#pragma HLS unroll factor=2\n "
     " } }",
     "its limit depends on its variable"},
    {1,
     "void f(int n, uint32_t m) { for (int i = 0; i < 9; i *= 2) {\n#pragma HLS unroll factor=2\n  "
     "} }",
     "does not add a constant"},
    {1,
     "void f(int n, uint32_t m) { for (int i = 0; i < 9; i += n) {\n#pragma HLS unroll factor=2\n  "
     "} }",
     "does not add a constant"},
    {1,
     "void f(int n, uint32_t m) { for (int i = 0; i < 9; ) {\n#pragma HLS unroll factor=2\n i++; } "
     "}",
     "does not add a constant"},
    {1,
     "void f(int n, uint32_t m) { for (int i = 0; i != 9; i += 2) {\n#pragma HLS unroll factor=2\n "
     " } }",
     "may miss the limit"},
    {1,
     "void f(int n, uint32_t m) { for (int i = 0; i < 9; i--) {\n#pragma HLS unroll factor=2\n  } "
     "}",
     "leads away from its limit"},
    {1,
     "void f(int n, uint32_t m) { for (int i = 9; i > m; i--) {\n#pragma HLS unroll factor=2\n  } "
     "}",
     "counts down and compares numbers without sign"},
    {1,
     "void f(int n, uint32_t m) { for (int i = 9; i > 2u; i--) {\n#pragma HLS unroll factor=2\n  } "
     "}",
     "compares numbers without sign"},
    {1,
     "void f(int n, uint32_t m) { for (int i = 0; i < 9; i++) {\n#pragma HLS unroll factor=2\n i "
     "+= n; } }",
     "its body changes its variable"},
    {1,
     "void f(int n, uint32_t m) { for (int i = 0; i < n; i++) {\n#pragma HLS unroll factor=2\n "
     "n--; } }",
     "its body changes what its start or limit reads"},
    {2,
     "static int n; static void g(void) { n = 1; }\nvoid f(void) { for (int i = 0; i < n; i++) {\n"
     "#pragma HLS unroll factor=2\n g(); } }",
     "its body calls a function that may change what its start or limit reads"},
    {1,
     "void f(int *n, int *p) { for (int i = 0; i < *n; i++) {\n#pragma HLS unroll factor=2\n *p = "
     "i; } }",
     "its body changes what its start or limit reads"},
    {1,
     "void f(int n) { for (int i = 0; i < 8; i++) {\n#pragma HLS unroll factor=2\n if (n) break; } "
     "}",
     "remove the factor or the break"},
    {1, "void f(void) { continue; }", "continue outside of a loop"},
    {1, "void f(int a) { switch (a) { case 1: continue; } }", "continue outside of a loop"},
    {1, "void f(__hls_stream(int) *s) { while (__hls_read(s)) ; }",
     "leave the loop with if and break"},
    {1, "void f(__hls_stream(int) *s) { do ; while (__hls_more(s)); }", "runs once before it asks"},
    {1, "void f(__hls_stream(int) *s, int a) { while (__hls_more(s) && a) ; }",
     "the whole condition of the loop"},
    {1, "void f(__hls_stream(int) *s) { if (__hls_more(s)) ; }", "hls_more is used as a value"},
    {1, "void f(int *s) { while (__hls_more(s)) ; }", "hls_more on int32_t *"},
    {1, "void f(__hls_stream(int) *s) { for (int i = 0; i < 9; i += __hls_read(s)) ; }",
     "the step of a for reads a stream"},
    {1, "void f(int n) { while (n--) ; }", "-- inside an expression"},
    {1, "void f(int n) { while (n) { __hls_stream(int) s; } }", "channel s is declared in a loop"},
    {1, "void f(int n) { x: while (n) n--; y: do n--; while (n); z: n = 1; }", "label z"},
    {1, "void f(void) { break; }", "break outside of a loop and of switch"},
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
     "unknown option rewind of pragma HLS pipeline; known are II=, off"},
    {2, "void f(int a[3]) {\n#pragma HLS array_partition variable=b complete\n }",
     "variable b, which does not exist here; known are a"},
    {2, "void f(void) {\n#pragma HLS pipeline\n }", "outside of a loop body"},
    {2, "void f(void) {\n#pragma HLS loop_flatten\n }", "loop_flatten stands outside of a loop"},
    {2, "void f(int n) { while (n) {\n#pragma HLS pipeline II=2 off\n n--; } }", "keep one"},
    {2, "void f(int a[3]) {\n#pragma HLS array_reshape variable=a cyclic\n }",
     "array_reshape cyclic wants factor="},
    {2, "void f(int a[3]) { while (a[0]) {\n#pragma HLS dependence variable=a assert\n } }",
     "has no distance"},
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

int main(void) {
    Suite *suite = suite_create("front_reject");
    TCase *tests = tcase_create("rejections");
    tcase_add_loop_test(tests, rejected_with_message_and_line, 0,
                        (int)(sizeof rejections / sizeof *rejections));
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
