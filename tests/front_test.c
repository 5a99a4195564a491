// SPDX-License-Identifier: Apache-2.0
// Tests of hlsc's front end: the tree of every construct, C's promotions, where pragmas go, the
// preprocessor, and damaged input.
#define _POSIX_C_SOURCE 200809L
#include "front_fixture.h"
#include "random.h"

// ---- trees

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
     "(function f:i32 (m:u32) (block (return (cast:i32 (==:b m 6:u32)))))"},
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
    // Loops that stay canonical.
    {"void f(int n) { for (int i = 0; n > i; i = i + 2) {} }", "(for i:i32 0 < n +2 (block))"},
    {"void f(void) { for (int i = 1; i != 7; i += 3) {} }", "(for i:i32 1 < 7:i32 +3 (block))"},
    // Whether the limit is too great is known later.
    {"void f(uint8_t n) { for (int8_t i = -3; i <= n; i++) {} }",
     "(for i:i8 -3 <= (cast:i32 n) +1 (block))"},
    {"void f(int a[8]) { for (int i = 7; i >= 0; i--) {\n#pragma HLS unroll\n a[i] = i; } }",
     "(for i_index:i32 0 < 8:i32 +1 unroll (block (decl i:i32 = (-:i32 7:i32 i_index)) "
     "(block (= (at:i32 a i) i))))"},
    {"void f(void) { for (uint8_t i = 9; i > 0; i -= 3) {} }",
     "(for i_index:i32 0 < 3:i32 +1 (block (decl i:u8 = (cast:u8 (-:i32 9:i32 (*:i32 i_index "
     "3:i32)))) (block)))"},
    {"void f(void) { for (uint32_t i = 8; i != 0; i -= 2) {} }", "(for i_index:i32 0 < 4:i32 +1 "},
    {"void f(void) { for (int i = 3; i; --i) {} }", "(for i_index:i32 0 < 3:i32 +1 "},
    {"void f(void) { for (int i = 3; i > 7; i--) {} }", "(for i_index:i32 0 < 0:i32 +1 "},
    {"void f(void) { for (int i = -5; i >= -9; i -= 3) {} }", "(for i_index:i32 0 < 2:i32 +1 "},
    {"void f(void) { for (uint8_t i = 1; i < 255; i += 2) {} }", "(for i:u8 1 < 255:i32 +2 "},
    // Loops that do not.
    {"void f(int n) { while (n > 3) n--; }", "(while (>:b n 3:i32) (block (= n (-:i32 n 1:i32))))"},
    {"void f(int n) { again: do { n--; } while (n); }",
     "(do-while again: (!=:b n 0:i32) (block (= n (-:i32 n 1:i32))))"},
    {"void f(int n) { while (1) { n++; if (n > 4) break; } }",
     "(while always (block (= n (+:i32 n 1:i32)) (if (>:b n 4:i32) (break))))"},
    {"int f(int n) { for (;;) { n++; if (n > 4) return n; } }", "(while always (block "},
    {"void f(int n) { while (0) n--; do n++; while (0); }",
     "(block (block (= n (+:i32 n 1:i32))))"},
    {"void f(int n) { do { if (n) break; n++; } while (0); }", "(do-while 0:b (block (if"},
    {"void f(int n) { for (int i = n; i < 9; i++) n--; }",
     "(block (decl i:i32 = n) (while (<:b i 9:i32) (block (= n (-:i32 n 1:i32))) (= i (+:i32 i "
     "1:i32))))"},
    {"void f(int n) { int i, k; for (i = 0, k = 9; i < k; i++, k--) ; }",
     "(block (= i 0:i32) (= k 9:i32) (while (<:b i k) (block) (block (= i (+:i32 i 1:i32)) (= k "
     "(-:i32 k 1:i32)))))"},
    {"void f(int n) { for (int i = 0; i < n; i++) { if (n == 3) i = 5; } }",
     "(block (decl i:i32 = {0}) (while (<:b i n) (block (if"},
    {"void f(int n) { for (int i = 0; i < 9; i += n) { } }", "(while (<:b i 9:i32) (block) (= i"},
    {"void f(int n) { for (int i = 9; i > n; i--) { } }",
     "(for i_index:i64 0 < (?:i64 (>:b 9:i32 n) (-:i64 9:i64 (cast:i64 n)) 0:i64) +1 (block (decl "
     "i:i32 = (cast:i32 (-:i64 9:i64 i_index))) (block)))"},
    // The variable is calculated where loops that hold nothing else end.
    {"void f(uint8_t n) { for (uint8_t i = n; i >= 2; i -= 2) { for (int k = 0; k < 3; k++) { } } "
     "}",
     "(for i_index:i32 0 <= (?:i32"},
    {"void f(uint8_t n) { for (uint8_t i = n; i >= 2; i -= 2) { for (int k = 0; k < 3; k++) { } } "
     "}",
     "+2 (block (for k:i32 0 < 3:i32 +1 (block (decl i:u8"},
    {"void f(uint32_t n, uint32_t m) { for (uint32_t i = n; i <= m; i += 3) { } }",
     "(for i_index:u32 0 < (?:u32 (<=:b n m) (+:u32 (-:u32 m n) 1:u32) 0:u32) +3 (block (decl "
     "i:u32 "
     "= (+:u32 n i_index))"},
    {"void f(int n) { for (uint32_t i = (uint32_t)n; i > 0; i -= 2) { } }", "(while (>:b i"},
    {"void f(int n) { for (; n < 9; n++) { } }", "(block (while (<:b n 9:i32) (block) (= n"},
    {"void f(int n) { for (int i = 0; 0; i++) n = i; n = 2; }",
     "(block (block (decl i:i32 = {0})) (= n 2:i32))"},
    {"void f(int n) { for (int i = 0; i < 9; i++) { if (i == n) continue; n++; } }",
     "(for i:i32 0 < 9:i32 +1 (block (if (==:b i n) (continue)) (= n"},
    {"void f(int n) { while (n) { switch (n) { case 1: n = 2; continue; case 2: n--; } } }",
     "(while (!=:b n 0:i32) (block (switch n (case 1 (block (= n 2:i32) (continue))) (case 2"},
    {"void f(__hls_stream(int) *s) { while (__hls_more(s)) __hls_read(s); }",
     "(while (more:b s) (block (do (read:i32 s))))"},
    {"void f(__hls_stream(int) *s) { for (int n = 0; __hls_more(s); n++) __hls_read(s); }",
     "(block (decl n:i32 = {0}) (while (more:b s) (block (do (read:i32 s))) (= n"},
    {"void f(int n) { __hls_stream(int) c; __hls_write(&c, n); n = __hls_read(&c); }",
     "(decl c:stream<i32>) (write (addr:*stream<i32> c) n) (= n (read:i32 (addr:*stream<i32> c)))"},
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

// Types and values that C gives to operators and constants.
static const struct pair integer_rules[] = {
    // Comparisons: both sides in the common type.
    {"_Bool f(int8_t a, uint8_t b) { return a < b; }", "(<:b (cast:i32 a) (cast:i32 b))"},
    {"_Bool f(int a, unsigned b) { return a < b; }", "(<:b (cast:u32 a) b)"},
    {"_Bool f(int64_t a, unsigned b) { return a >= b; }", "(>=:b a (cast:i64 b))"},
    {"_Bool f(uint64_t a, int8_t b) { return a == b; }", "(==:b a (cast:u64 b))"},
    {"_Bool f(uint16_t a, int16_t b) { return a > b; }", "(>:b (cast:i32 a) (cast:i32 b))"},
    {"enum e { X = -1, Y }; _Bool f(enum e a, unsigned b) { return a != b; }",
     "(!=:b (cast:u32 a) b)"},
    {"_Bool f(_Bool a, int b) { return a == b; }", "(==:b (cast:i32 a) b)"},
    {"_Bool f(void) { return -1 < 0u; }", "(return 0:b)"},
    {"_Bool f(void) { return -1L < 0u; }", "(return 1:b)"},
    {"_Bool f(void) { return (uint8_t)255 == -1; }", "(return 0:b)"},
    {"_Bool f(void) { return (int8_t)255 == -1; }", "(return 1:b)"},
    // Shifts: the type of the left side alone.
    {"int f(int8_t a, int64_t b) { return a << b; }", "(<<:i32 (cast:i32 a) b)"},
    {"int64_t f(unsigned a, int b) { return a >> b; }", "(cast:i64 (>>:u32 a b))"},
    {"int64_t f(int64_t a, uint8_t b) { return a >> b; }", "(>>:i64 a (cast:i32 b))"},
    {"int f(_Bool a) { return a << 3; }", "(<<:i32 (cast:i32 a) 3:i32)"},
    {"int f(void) { return -8 >> 1; }", "(return -4:i32)"},
    {"unsigned f(void) { return -8u >> 1; }", "(return 2147483644:u32)"},
    {"int64_t f(void) { return (uint8_t)200 << 1; }", "(return 400:i64)"},
    {"int f(void) { return 1 << 31; }", "(return -2147483648:i32)"},
    // Unary operators.
    {"unsigned f(unsigned a) { return -a; }", "(return (neg:u32 a))"},
    {"int64_t f(unsigned a) { return -a; }", "(return (cast:i64 (neg:u32 a)))"},
    {"int f(uint8_t a) { return -a; }", "(return (neg:i32 (cast:i32 a)))"},
    {"int f(uint16_t a) { return ~a; }", "(return (~:i32 (cast:i32 a)))"},
    {"int f(_Bool a) { return ~a + -a + +a; }", "(~:i32 (cast:i32 a)) (neg:i32 (cast:i32 a))"},
    {"int f(int8_t a) { return !a; }", "(return (cast:i32 (!:b (!=:b a 0:i8))))"},
    {"int64_t f(void) { return -1u; }", "(return 4294967295:i64)"},
    {"int64_t f(void) { return ~0u; }", "(return 4294967295:i64)"},
    {"int64_t f(void) { return -2147483648; }", "(return -2147483648:i64)"},
    // Assignments and conversions.
    {"void f(int8_t a, uint64_t b) { a = b; b = a; }", "(= a (cast:i8 b)) (= b (cast:u64 a))"},
    {"void f(_Bool a, int b) { a = b; b = a; }", "(= a (!=:b b 0:i32)) (= b (cast:i32 a))"},
    {"void f(uint8_t a) { a += 300; }", "(= a (cast:u8 (+:i32 (cast:i32 a) 300:i32)))"},
    {"void f(uint8_t a, int64_t b) { a <<= b; }", "(= a (cast:u8 (<<:i32 (cast:i32 a) b)))"},
    {"void f(int a, unsigned b) { a = a ? b : -1; }",
     "(= a (cast:i32 (?:u32 (!=:b a 0:i32) b 4294967295:u32)))"},
    {"static const _Bool t[3] = {2, 0, -1};", "t:[3]b = {1 0 1}"},
    {"static const int8_t t[3] = {127, 128, 255};", "t:[3]i8 = {127 -128 -1}"},
    {"int f(void) { return (_Bool)256 + (uint8_t)256 + (int16_t)65535; }", "(return 0:i32)"},
    {"uint64_t f(int a) { return (uint64_t)a * 2; }", "(*:u64 (cast:u64 a) 2:u64)"},
    {"int64_t f(int a) { return (int64_t)(a * a); }", "(cast:i64 (*:i32 a a))"},
    // The types of constants.
    {"int f(int a) { return (a + 2147483647 > 0) + (a + 0x7fffffff > 0); }",
     "(+:i32 a 2147483647:i32)"},
    {"int f(int a) { return a + 0xffffffff > 0; }", "(+:u32 (cast:u32 a) 4294967295:u32)"},
    {"int f(int a) { return a + 4294967295 > 0; }", "(+:i64 (cast:i64 a) 4294967295:i64)"},
    {"int f(int a) { return a + 1u > 0; }", "(+:u32 (cast:u32 a) 1:u32)"},
    {"int f(int a) { return a + 1L > 0; }", "(+:i64 (cast:i64 a) 1:i64)"},
    {"int f(int a) { return a + 1ull > 0; }", "(+:u64 (cast:u64 a) 1:u64)"},
    {"int f(int a) { return a + 1LU > 0; }", "(+:u64 (cast:u64 a) 1:u64)"},
    {"int f(int a) { return a + 0xffffffffffffffff > 0; }", "18446744073709551615:u64"},
    {"int f(int a) { return a + 0b101 + 017; }", "(+:i32 (+:i32 a 5:i32) 15:i32)"},
    {"int f(int a) { return a + 'A' + '\\'' + '\\0' + '\\xff'; }",
     "(+:i32 (+:i32 (+:i32 (+:i32 a 65:i32) 39:i32) 0:i32) -1:i32)"},
    {"int64_t f(_Bool a) { return sizeof a + sizeof 'a' + sizeof(a + a) + sizeof 1L; }",
     "(return 17:i64)"},
    {"int64_t f(int a) { return sizeof(a < 2); }", "sizeof of a truth value"},
    {"enum e { X = 3, Y, Z = Y * 2 }; int64_t f(int8_t a) { return a * Z + sizeof(enum e); }",
     "(+:u64 (cast:u64 (*:i32 (cast:i32 a) 8:i32)) 4:u64)"},
    {"int f(void) { return -7 / 2 * 10 + -7 % 2; }", "(return -31:i32)"},
    {"int f(void) { return 7u / -1 + 3; }", "(return 3:i32)"},
};

START_TEST(types_and_values_of_c) {
    expect_dump(integer_rules[_i].source, integer_rules[_i].expected);
}
END_TEST

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
     "(for i_base:i32 0 < 4:i32 +2 pipeline=least (block (for i_lane:i32 0 < 2:i32 +1 unroll "},
    {"void f(int n) { while (n) {\n#pragma HLS pipeline off\n n--; } }",
     "(while (!=:b n 0:i32) pipeline=off "},
    {"void f(int n) { while (n) {\n#pragma HLS loop_tripcount min=1 max=2*4 avg=3\n"
     "#pragma HLS loop_flatten off\n n--; } }",
     "(while (!=:b n 0:i32) (block "},
    // Unrolled by a factor.
    {"void f(int a[9]) { x: for (int i = 1; i < 9; i += 2) {\n#pragma HLS unroll factor=2\n"
     "#pragma HLS pipeline II=3\n a[i] = 0; } }",
     "(for x: i_base:i32 1 < 9:i32 +4 pipeline=3 (block (for i_lane:i32 0 < 2:i32 +1 unroll (block "
     "(decl i:i32 = (+:i32 i_base (*:i32 i_lane 2:i32))) (block (= (at:i32 a i) 0:i32))))))"},
    {"void f(int a[9]) { for (int i = 0; i <= 8; i++) {\n#pragma HLS unroll factor=4\n a[i] = 0; } "
     "}",
     "(for i_base:i32 0 <= 8:i32 +4 (block (for i_lane:i32 0 < 4:i32 +1 unroll (if (<=:b (+:i32 "
     "i_base i_lane) 8:i32) (block (decl i:i32 = (+:i32 i_base i_lane)) (block (= (at:i32 a i)"},
    {"void f(uint8_t n) { for (uint8_t i = 0; i < n; i++) {\n#pragma HLS unroll factor=2\n } }",
     "(for i_base:i64 0 < (cast:i64 (cast:i32 n)) +2 (block (for i_lane:i32 0 < 2:i32 +1 unroll "
     "(if "},
    {"void f(void) { for (uint8_t i = 0; i < 255; i++) {\n#pragma HLS unroll factor=5\n } }",
     "(for i_base:i64 0 < 255:i64 +5 "},
    {"void f(void) { for (int i = 0; i < 4; i++) {\n#pragma HLS unroll factor=4\n } }",
     "(for i:i32 0 < 4:i32 +1 unroll (block))"},
    {"void f(int n) { for (int i = 0; i < n; i++) {\n#pragma HLS unroll factor=1\n } }",
     "(for i:i32 0 < n +1 (block))"},
    {"void f(int a[8]) { for (int i = 7; i >= 0; i--) {\n#pragma HLS unroll factor=4\n a[i] = 1; } "
     "}",
     "(for i_index_base:i32 0 < 8:i32 +4 (block (for i_index_lane:i32 0 < 4:i32 +1 unroll (block "
     "(decl i_index:i32 = (+:i32 i_index_base i_index_lane)) (block (decl i:i32 = (-:i32 7:i32 "
     "i_index)) (block "},
    {"void f(void) { for (int i = 0; i < 4; i++) { for (int j = 0; j < 2; j++) {\n"
     "_Pragma(\"HLS unroll\") } } }",
     "(for i:i32 0 < 4:i32 +1 (block (for j:i32 0 < 2:i32 +1 unroll "},
    {"enum { D = 4 }; static const int E = 7; static int h[8];\n"
     "void f(void) { for (int i = 0; i < 4; i++) {\n"
     "#pragma HLS dependence variable=h type=inter direction=RAW distance=D*E true\n } }",
     "dependence=h/28 "},
    {"static int h[8];\nvoid f(int n) { while (n) {\n"
     "#pragma HLS dependence variable=h inter RAW distance=2 assert\n n--; } }",
     "dependence=h/2/assert "},
    {"static int w[8][4][4][2];\nvoid f(void) {\n"
     "#pragma HLS array_reshape variable=w block factor=4 dim=1\n"
     "#pragma HLS array_partition variable=w cyclic factor=1 dim=2\n"
     "#pragma HLS array_partition variable=w cyclic factor=4 dim=3\n"
     "#pragma HLS array_reshape variable=w block factor=9 dim=4\n }",
     "w:[8][4][4][2]i32 partition1=block/4 partition3=complete/0 partition4=complete/0)"},
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
    {"void f(void) {\n#pragma HLS dataflow\n __hls_stream(int) c;\n#pragma HLS stream variable=c "
     "crossing=6 depth=2\n }",
     "(function f:void dataflow (block (decl c:stream<i32> depth=2 crossing=6)))"},
    {"void f(void) {\n#pragma HLS tiles crossing=3\n }", "(function f:void tiles_crossing=3"},
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

// ---- damaged input

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
        "(for steps: t_base:i64 0 < (cast:i64 n) +4 (block (for t_lane:i32 0 < 4:i32 +1 unroll (if "
        "(<:b (+:i64 t_base (cast:i64 t_lane)) (cast:i64 n)) (block (decl t:u32 = (cast:u32 (+:i64 "
        "t_base (cast:i64 t_lane)))) (block (decl w:word_t = (read:word_t in))",
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
    return (uint32_t)(random_bits(&random_state) % n);
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
    static const char *const words[] = {"for",
                                        "int",
                                        "static",
                                        "const",
                                        "struct",
                                        "return",
                                        "4294967296",
                                        "#pragma HLS ",
                                        "switch",
                                        "case",
                                        "sizeof",
                                        "typedef",
                                        "w",
                                        "while(",
                                        "do",
                                        "continue;",
                                        "break;",
                                        "__hls_more(in)",
                                        "unroll factor=3"};
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
    tcase_add_loop_test(tests, types_and_values_of_c, 0,
                        (int)(sizeof integer_rules / sizeof *integer_rules));
    tcase_add_test(tests, usual_conversions);
    tcase_add_loop_test(tests, pragma_attachment, 0,
                        (int)(sizeof pragma_cases / sizeof *pragma_cases));
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
