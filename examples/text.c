// SPDX-License-Identifier: Apache-2.0
// Writes text with a network that guesses the next character: each character is a step of one
// sequence, whose state stays on the device, and what the network gives says how likely each one
// is next. The likeliest is taken, or with a temperature one by chance.
//
//     cc -std=c11 text.c $(pkg-config --cflags --libs millrace) -lm -o text
//     ./text text.millrace cpu: alphabet.txt "the work " 200 0.5 1
//
// Arguments: model, device, a file whose first line has the characters in the order of the
// network's inputs and outputs, the beginning, how many characters are added (100), temperature (0:
// the likeliest), seed. examples/text has the program that trained such a network on the licence of
// this project, and what came of it: licence.onnx, alphabet.txt.
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
    float x[MAX_SYMBOLS], likely[MAX_SYMBOLS];
    double temperature;
    uint64_t seed, steps, cycles;
};

// One more character, which is a blank where the network does not know it.
static int read_character(struct writer *w, char c) {
    const char *found = c ? strchr(w->alphabet, tolower((unsigned char)c)) : NULL;
    const uint32_t symbol = found ? (uint32_t)(found - w->alphabet) : 0;
    struct mr_stats stats;
    w->x[symbol] = 1;
    const int code = mr_session_step(w->session, w->x, w->likely, &stats);
    w->x[symbol] = 0;
    if (code)
        return fprintf(stderr, "%s\n", mr_session_error(w->session)), -1;
    w->steps++;
    w->cycles += stats.cycles;
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
    for (uint32_t i = 0; i < w->symbols; i++) {
        best = w->likely[i] > w->likely[best] ? i : best;
        weight[i] = w->temperature > 0 && w->likely[i] > 0
                        ? pow((double)w->likely[i], 1 / w->temperature)
                        : 0;
        sum += weight[i];
    }
    double left = draw(&w->seed) * sum;
    for (uint32_t i = 0; sum > 0 && i < w->symbols; i++)
        if ((left -= weight[i]) < 0)
            return i;
    return best;
}

static int write_text(struct writer *w, const char *beginning, unsigned long count) {
    for (const char *c = *beginning ? beginning : " "; *c; c++)
        if (read_character(w, *c))
            return 1;
    fputs(beginning, stdout);
    for (unsigned long i = 0; i < count; i++) {
        const char c = w->alphabet[choose(w)];
        putchar(c);
        fflush(stdout);
        if (read_character(w, c))
            return 1;
    }
    putchar('\n');
    fprintf(stderr, "%llu characters on %s, %llu cycles\n", (unsigned long long)w->steps,
            mr_session_device(w->session), (unsigned long long)w->cycles);
    return 0;
}

// -1 after a message.
static int read_alphabet(struct writer *w, const char *path, const struct mr_model *model) {
    struct mr_model_info info;
    FILE *file = fopen(path, "r");
    if (!file)
        return perror(path), -1;
    const bool read = fgets(w->alphabet, sizeof w->alphabet, file) != NULL;
    fclose(file);
    w->alphabet[strcspn(w->alphabet, "\n")] = '\0';
    w->symbols = read ? (uint32_t)strlen(w->alphabet) : 0;
    mr_model_info(model, &info);
    if (w->symbols == 0 || info.inputs != w->symbols || info.outputs != w->symbols)
        return fprintf(stderr, "%s has %u characters, and the model takes %u and gives %u\n", path,
                       w->symbols, info.inputs, info.outputs),
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
    const unsigned long count = argc > 5 ? strtoul(argv[5], NULL, 10) : 100;
    w.temperature = argc > 6 ? strtod(argv[6], NULL) : 0;
    w.seed = (argc > 7 ? strtoull(argv[7], NULL, 10) : 1) * 0x9e3779b97f4a7c15u + 1;
    const struct mr_options options = {MR_OPTIONS_INIT, .choice = MR_LANES_STEP};
    struct mr_model *model = mr_model_open(argv[1], &error);
    w.session = model ? mr_session_open(model, argv[2], &options, &error) : NULL;
    int code = 1;
    if (!w.session)
        fprintf(stderr, "%s\n", error.text);
    else if (!read_alphabet(&w, argv[3], model))
        code = write_text(&w, argv[4], count);
    mr_session_close(w.session);
    mr_model_close(model);
    return code;
}
