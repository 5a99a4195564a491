// SPDX-License-Identifier: Apache-2.0
// Writes text with a network that guesses the next character: it takes a character's token, gives
// scores, the logarithms of how likely each one is next, and chooses the likeliest. That one the
// device takes as its next input by itself, so a text of the likeliest characters is one call. With
// a temperature one is taken by chance, a step for each character of one sequence whose state stays
// on the device.
//
//     cc -std=c11 text.c $(pkg-config --cflags --libs millrace) -lm -o text
//     ./text text.millrace cpu: alphabet.txt "the work " 200 0.5 1
//
// Arguments: model, device, a file whose first line has the characters in the order of their
// tokens, the beginning, how many characters are added (100), temperature (0: the likeliest), seed.
// examples/text has the program that trained such a network on the licence of this project, and
// what came of it: licence.onnx, alphabet.txt.
#include "millrace.h"

#include <ctype.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_SYMBOLS = 256 };

struct writer {
    struct mr_session *session;
    char alphabet[MAX_SYMBOLS + 1];
    uint32_t symbols;
    float scores[MAX_SYMBOLS];
    double temperature;
    uint64_t seed;
    struct mr_stats stats; // of all characters that were read
    uint64_t steps;
};

// A character that the network does not know is a blank.
static int32_t token_of(const struct writer *w, char c) {
    const char *found = c ? strchr(w->alphabet, tolower((unsigned char)c)) : NULL;
    return found ? (int32_t)(found - w->alphabet) : 0;
}

static void count(struct writer *w, const struct mr_stats *stats, uint64_t steps) {
    w->stats.cycles += stats->cycles;
    w->stats.microseconds += stats->microseconds;
    w->steps += steps;
}

// One more character.
static int read_character(struct writer *w, int32_t token) {
    const float x = (float)token;
    const struct mr_input input = {"token", &x, 1};
    const struct mr_output scores = {"scores", w->scores, w->symbols};
    struct mr_stats stats;
    if (mr_session_run_named(w->session, &input, 1, &scores, 1, 1, 1, MR_RUN_CONTINUE, &stats))
        return fprintf(stderr, "%s\n", mr_session_error(w->session)), -1;
    count(w, &stats, 1);
    return 0;
}

// Evenly from 0 to 1 (xorshift).
static double draw(uint64_t *seed) {
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return (double)(*seed >> 11) / 9007199254740992.0;
}

static uint32_t choose(struct writer *w) {
    double weight[MAX_SYMBOLS], sum = 0;
    uint32_t best = 0;
    for (uint32_t i = 1; i < w->symbols; i++)
        best = w->scores[i] > w->scores[best] ? i : best;
    for (uint32_t i = 0; i < w->symbols; i++)
        sum += weight[i] = exp(((double)w->scores[i] - (double)w->scores[best]) / w->temperature);
    double left = draw(&w->seed) * sum;
    for (uint32_t i = 0; i < w->symbols; i++)
        if ((left -= weight[i]) < 0)
            return i;
    return best;
}

// So many of the likeliest, behind this one.
static int write_likeliest(struct writer *w, int32_t token, uint64_t most) {
    int32_t *tokens = calloc(most ? most : 1, sizeof *tokens);
    uint64_t given = 0;
    struct mr_stats stats;
    if (!tokens)
        return fprintf(stderr, "not enough memory for %llu characters\n", (unsigned long long)most),
               -1;
    const int code =
        most ? mr_session_generate(w->session, token, -1, most, tokens, &given, &stats) : 0;
    if (code)
        fprintf(stderr, "%s\n", mr_session_error(w->session));
    else if (given)
        count(w, &stats, given);
    for (uint64_t i = 0; i < given; i++)
        putchar(w->alphabet[tokens[i]]);
    free(tokens);
    return code ? -1 : 0;
}

static int write_by_chance(struct writer *w, int32_t token, uint64_t most) {
    for (uint64_t i = 0; i < most; i++) {
        if (read_character(w, token))
            return -1;
        token = (int32_t)choose(w);
        putchar(w->alphabet[token]);
        fflush(stdout);
    }
    return 0;
}

static int write_text(struct writer *w, const char *beginning, uint64_t most) {
    const char *c = *beginning ? beginning : " ";
    for (; c[1]; c++)
        if (read_character(w, token_of(w, *c)))
            return 1;
    fputs(beginning, stdout);
    const int32_t last = token_of(w, *c);
    if (w->temperature > 0 ? write_by_chance(w, last, most) : write_likeliest(w, last, most))
        return 1;
    putchar('\n');
    fprintf(stderr, "%llu characters on %s", (unsigned long long)w->steps,
            mr_session_device(w->session));
    if (w->stats.cycles)
        fprintf(stderr, ", %llu cycles, %.0f characters a second",
                (unsigned long long)w->stats.cycles,
                1e6 * (double)w->steps / w->stats.microseconds);
    fputc('\n', stderr);
    return 0;
}

// -1 after a message.
static int read_alphabet(struct writer *w, const char *path, const struct mr_model *model) {
    struct mr_output_info scores, next;
    FILE *file = fopen(path, "r");
    if (!file)
        return perror(path), -1;
    const bool read = fgets(w->alphabet, sizeof w->alphabet, file) != NULL;
    fclose(file);
    w->alphabet[strcspn(w->alphabet, "\n")] = '\0';
    w->symbols = read ? (uint32_t)strlen(w->alphabet) : 0;
    const bool two =
        mr_model_output(model, 0, &scores) == 0 && mr_model_output(model, 1, &next) == 0;
    if (!two || strcmp(scores.name, "scores") != 0 || strcmp(next.name, "next") != 0)
        return fputs("the model's outputs are not 'scores' and 'next', as train.py exports them\n",
                     stderr),
               -1;
    if (w->symbols == 0 || scores.width != w->symbols)
        return fprintf(stderr, "%s has %u characters, and the model chooses among %u\n", path,
                       w->symbols, scores.width),
               -1;
    return 0;
}

int main(int argc, char **argv) {
    struct writer w = {0};
    struct mr_error error;
    if (argc < 5 || argc > 8)
        return fprintf(stderr,
                       "Usage: %s MODEL.millrace DEVICE ALPHABET.txt BEGINNING [COUNT "
                       "[TEMPERATURE [SEED]]]\n",
                       argv[0]),
               2;
    const uint64_t most = argc > 5 ? strtoull(argv[5], NULL, 10) : 100;
    w.temperature = argc > 6 ? strtod(argv[6], NULL) : 0;
    w.seed = (argc > 7 ? strtoull(argv[7], NULL, 10) : 1) * 0x9e3779b97f4a7c15u + 1;
    const struct mr_options options = {MR_OPTIONS_INIT, .choice = MR_LANES_STEP};
    struct mr_model *model = mr_model_open(argv[1], &error);
    w.session = model ? mr_session_open(model, argv[2], &options, &error) : NULL;
    int code = 1;
    if (!w.session)
        fprintf(stderr, "%s\n", error.text);
    else if (!read_alphabet(&w, argv[3], model))
        code = write_text(&w, argv[4], most);
    mr_session_close(w.session);
    mr_model_close(model);
    return code;
}
