// SPDX-License-Identifier: Apache-2.0
// Prints activation_tables.h: straight-line segments of sigmoid, tanh, softsign, 1 - e^-x,
// log(1 + e^-x), of what smooth ReLUs are less than a ReLU, and 2^-x for the kernels, first guesses
// of reciprocals, and segments of reciprocal square roots. Run it without arguments: make_tables >
// hls/kernels/activation_tables.h
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum {
    SEGMENTS = 1024,          // one table entry each
    SEGMENT_ARGUMENTS = 1024, // arguments per segment: 2^20 in all
    SEARCH = 3,               // how far from the rounded chord a base or slope is looked for
    PER_LINE = 8,
};

struct activation {
    const char *name;
    double scale; // arguments per 1.0
    int lowest;   // smallest value that may come out, Q15
    double (*exact)(double);
    bool widens; // segments from 0 on, as mr_wider has them (activation.h)
};

static double sigmoid(double x) {
    return 1.0 / (1.0 + exp(-x));
}

static double softsign(double x) {
    return x / (1.0 + fabs(x));
}

static double less_exp(double x) {
    return -expm1(-x);
}

static double log_exp(double x) {
    return log1p(exp(-x));
}

// ReLU less the function, of x and -x alike: of x sigmoid(x), x Phi(x), of the form of the latter
// that has a tanh, and of x min(max(x / 6 + 1/2, 0), 1).
static double swish_dip(double x) {
    return x / (1.0 + exp(x));
}

static double gelu_dip(double x) {
    return 0.5 * x * erfc(x * 0.70710678118654752440);
}

static double gelu_tanh_dip(double x) {
    return x / (1.0 + exp(1.59576912160573071176 * (x + 0.044715 * x * x * x)));
}

static double hard_swish_dip(double x) {
    return x < 3.0 ? x * (3.0 - x) / 6.0 : 0.0;
}

// Of x tanh(log(1 + e^x)), of x, and of -x.
static double mish_dip(double x) {
    const double e = exp(-x);

    return 2.0 * x * e * e / ((e + 1.0) * (e + 1.0) + e * e);
}

static double mish_below(double x) {
    const double e = exp(-x);

    return x * (e * e + 2.0 * e) / (e * e + 2.0 * e + 2.0);
}

// Where a segment that widens begins, and arguments from one of its 1,024 places to the next. False
// behind the last one.
static bool wide_segment(int segment, double *begin, double *step) {
    int first = 512;

    *begin = segment * 512.0;
    *step = 0.5;
    for (int r = 1; r < 8 && segment >= first; r++) {
        *begin = exp2(16 + 2 * r) + (segment - first) * exp2(9 + 3 * r);
        *step = exp2(3 * r - 1);
        first += 3 * (128 >> r);
    }
    return segment < first;
}

// The value the tables have to meet at an argument, in units of Q15, cut to what Q15 can hold.
static double wanted(const struct activation *a, double argument) {
    double v = a->exact(argument / a->scale) * 32768.0;

    return fmin(fmax(v, a->lowest), 32767.0);
}

// The largest distance between a segment's line and the curve, before the rounding to Q15.
// Infinite when a value leaves the permitted range or is off by more than 1 after the rounding.
static double line_error(const struct activation *a, const double *curve, int32_t base,
                         int32_t slope) {
    double worst = 0.0;

    for (int frac = 0; frac < SEGMENT_ARGUMENTS; frac++) {
        int32_t q27 = base * 1024 + slope * frac;
        int32_t value = (q27 + 2048) >> 12;

        if (value < a->lowest || value > 32767 || fabs(value - curve[frac]) > 1.0)
            return INFINITY;
        worst = fmax(worst, fabs(q27 / 4096.0 - curve[frac]));
    }
    return worst;
}

// Finds the line of one segment. The chord touches the curve at both ends and errs to one side
// between them; moving it by half of that error leaves the same error on both sides. What the
// rounding of base and slope costs is then recovered by trying the neighbours.
static bool fit_segment(const struct activation *a, int segment, int32_t *base, int32_t *slope) {
    double curve[SEGMENT_ARGUMENTS + 1];
    double begin = segment * SEGMENT_ARGUMENTS - (1 << 19), step = 1;

    if (a->widens && !wide_segment(segment, &begin, &step)) {
        *base = *slope = 0;
        return true;
    }
    for (int i = 0; i <= SEGMENT_ARGUMENTS; i++)
        curve[i] = wanted(a, begin + i * step);

    double rise = curve[SEGMENT_ARGUMENTS] - curve[0];
    double above = 0.0, below = 0.0;
    for (int i = 0; i <= SEGMENT_ARGUMENTS; i++) {
        double off = curve[i] - (curve[0] + rise * i / SEGMENT_ARGUMENTS);
        above = fmax(above, off);
        below = fmin(below, off);
    }
    int32_t near_base = (int32_t)floor(4.0 * (curve[0] + (above + below) / 2.0) + 0.5);
    int32_t near_slope = (int32_t)floor(4.0 * rise + 0.5);
    double best = INFINITY;

    for (int32_t b = near_base - SEARCH; b <= near_base + SEARCH; b++) {
        for (int32_t s = near_slope - SEARCH; s <= near_slope + SEARCH; s++) {
            double error = line_error(a, curve, b, s);
            // A margin keeps the choice the same where libm differs in the last place.
            if (error < best - 1e-7) {
                best = error;
                *base = b;
                *slope = s;
            }
        }
    }
    return best < INFINITY;
}

static void write_table(FILE *out, const char *type, const char *name, const int32_t *values) {
    fprintf(out, "\nstatic const %s mr_%s[%d] = {\n", type, name, SEGMENTS);
    for (int i = 0; i < SEGMENTS; i++)
        fprintf(out, "%s%d,%s", i % PER_LINE == 0 ? "    " : " ", (int)values[i],
                i % PER_LINE == PER_LINE - 1 ? "\n" : "");
    fputs("};\n", out);
}

static bool write_tables(FILE *out, const struct activation *a) {
    char name[32];
    int32_t base[SEGMENTS], slope[SEGMENTS];

    for (int i = 0; i < SEGMENTS; i++) {
        if (!fit_segment(a, i, &base[i], &slope[i]))
            return false;
    }
    snprintf(name, sizeof name, "%s_base", a->name);
    write_table(out, "int32_t", name, base);
    snprintf(name, sizeof name, "%s_slope", a->name);
    write_table(out, "int16_t", name, slope);
    return true;
}

// The chords of 2^-x from 0 to 1, ends rounded, and what is not above 1/x from 1 to 2.
static void write_softmax_tables(FILE *out) {
    int32_t base[SEGMENTS], slope[SEGMENTS], reciprocal[SEGMENTS];

    for (int i = 0; i < SEGMENTS; i++) {
        base[i] = (int32_t)floor(exp2(26.0 - i / 1024.0) + 0.5);
        slope[i] = base[i] - (int32_t)floor(exp2(26.0 - (i + 1) / 1024.0) + 0.5);
        reciprocal[i] = 32768 * SEGMENTS / (SEGMENTS + i + 1);
    }
    write_table(out, "int32_t", "exp_base", base);
    write_table(out, "uint16_t", "exp_slope", slope);
    write_table(out, "int16_t", "reciprocal", reciprocal);
}

// The chords of 1/sqrt(x) from 1 to 4, ends rounded; the entries of x below 1 are 0.
static void write_root_tables(FILE *out) {
    int32_t base[SEGMENTS] = {0}, slope[SEGMENTS] = {0};

    for (int i = SEGMENTS / 4; i < SEGMENTS; i++) {
        base[i] = (int32_t)floor(ldexp(sqrt(256.0 / i), 24) + 0.5);
        slope[i] = base[i] - (int32_t)floor(ldexp(sqrt(256.0 / (i + 1)), 24) + 0.5);
    }
    write_table(out, "int32_t", "root_base", base);
    write_table(out, "uint16_t", "root_slope", slope);
}

static const struct activation activations[] = {
    {"sigmoid", 32768.0, 0, sigmoid, false},
    {"tanh", 65536.0, -32767, tanh, false},
    {"softsign", 65536.0, 0, softsign, true},
    {"less_exp", 65536.0, 0, less_exp, true},
    {"log_exp", 65536.0, 0, log_exp, true},
    {"swish", 65536.0, 0, swish_dip, true},
    {"gelu", 65536.0, 0, gelu_dip, true},
    {"gelu_tanh", 65536.0, 0, gelu_tanh_dip, true},
    {"hard_swish", 65536.0, 0, hard_swish_dip, true},
    {"mish", 65536.0, 0, mish_dip, true},
    {"mish_below", 65536.0, 0, mish_below, true},
};

// Writes the whole header; false when no table within 1 unit exists or the write failed.
static bool write_header(FILE *out) {
    fputs("// SPDX-License-Identifier: Apache-2.0\n"
          "// Generated by make_tables.c; do not edit.\n"
          "// 1024 straight segments each of sigmoid (argument Q15, -16 to 16) and tanh (argument\n"
          "// Q16, -8 to 8). For a 20-bit signed argument:\n"
          "//   idx = (argument + 2^19) >> 10, frac = argument & 1023\n"
          "//   value = (base[idx] * 1024 + slope[idx] * frac + 2^11) >> 12\n"
          "// value is Q15: 0 to 32767 for sigmoid, -32767 to 32767 for tanh, and at most 1 unit\n"
          "// from the exact function for every argument. base is Q17, 18 bits signed; slope is\n"
          "// the Q17 rise over one segment. Each line is the chord of its segment moved by half\n"
          "// of its largest error, with the best of the neighbouring integers.\n"
          "//\n"
          "// 893 segments each of x / (1 + x), 1 - e^-x, log(1 + e^-x), and of what smooth ReLUs\n"
          "// (swish, gelu, gelu by tanh, hard swish, and mish of x and -x) are less than a ReLU,\n"
          "// from 0 on (argument Q16), which widen: activation.h has idx and frac.\n"
          "//\n"
          "// 1024 chords of 2^-x from 0 to 1. For x in Q24:\n"
          "//   idx = x >> 14, frac = x & 16383\n"
          "//   2^-x = (base[idx] * 16384 - slope[idx] * frac) / 2^40\n"
          "// base is Q26, 27 bits; slope is the Q26 fall over one segment.\n"
          "//\n"
          "// 1/x for x from 1 to 2, at the upper end of each of 1024 segments: Q15, cut.\n"
          "//\n"
          "// 768 chords of 1/sqrt(x) from 1 to 4. For x in Q24:\n"
          "//   idx = x >> 16 (256 to 1023), frac = x & 65535\n"
          "//   1/sqrt(x) = (base[idx] * 65536 - slope[idx] * frac) / 2^40\n"
          "// base is Q24, 25 bits; slope is the Q24 fall over one segment.\n"
          "#ifndef MR_ACTIVATION_TABLES_H\n"
          "#define MR_ACTIVATION_TABLES_H\n"
          "\n"
          "#include <stdint.h>\n"
          "\n"
          "// clang-format off\n",
          out);
    for (size_t i = 0; i < sizeof activations / sizeof *activations; i++)
        if (!write_tables(out, &activations[i]))
            return false;
    write_softmax_tables(out);
    write_root_tables(out);
    fputs("\n// clang-format on\n\n#endif\n", out);
    return fflush(out) == 0 && !ferror(out);
}

int main(void) {
    if (!write_header(stdout)) {
        fputs("make_tables: the header could not be written\n", stderr);
        return 1;
    }
    return 0;
}
