// SPDX-License-Identifier: Apache-2.0
// Reads dates as people write them and says them as ISO 8601 does: an encoder reads the letters,
// and a decoder answers letter by letter, each of which it takes as its next input by itself.
//
//     cc -std=c11 dates.c $(pkg-config --cflags --libs millrace) -o dates
//     ./dates dates.millrace sim: "3 march 2021" "sept 9th 1999"
//
// Arguments: model, device, dates. examples/dates has the program that trained such a network, and
// what came of it:
//     millrace import encoder.onnx --decoder decoder.onnx --calibrate dates.npy --first 11 -o
//     dates.millrace
#include "millrace.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

// In the order of the encoder's and the decoder's tokens (train.py).
static const char written[] = " 0123456789abcdefghijlmnoprstuvy", said[] = "0123456789-";
enum { FIRST = sizeof said - 1, STOP, LONGEST = 64, MOST = 16 };

static unsigned long long letters, cycles;
static double clock_mhz;

// What the model says to a date; NULL after a message.
static const char *read_date(struct mr_session *session, const char *date, char answer[MOST + 1]) {
    float x[LONGEST];
    int32_t tokens[MOST];
    uint64_t count = 0, steps = 0;
    struct mr_stats reading, saying;
    for (const char *c = date; *c && steps < LONGEST; c++) {
        const char *found = strchr(written, tolower((unsigned char)*c));
        if (found) // others, as a comma, are of no meaning
            x[steps++] = (float)(found - written);
    }
    if (mr_session_encode(session, x, steps, &reading) ||
        mr_session_generate(session, FIRST, STOP, MOST, tokens, &count, &saying))
        return fprintf(stderr, "%s\n", mr_session_error(session)), NULL;
    uint64_t length = 0;
    for (uint64_t i = 0; i < count && tokens[i] < FIRST; i++)
        answer[length++] = said[tokens[i]];
    answer[length] = '\0';
    letters += steps + count;
    cycles += reading.cycles + saying.cycles;
    clock_mhz = saying.clock_mhz;
    return answer;
}

int main(int argc, char **argv) {
    struct mr_error error;
    if (argc < 4)
        return fprintf(stderr, "Usage: %s MODEL.millrace DEVICE DATE...\n", argv[0]), 2;
    // The shortest way of a step, for an answer is one step after the other.
    const struct mr_options options = {MR_OPTIONS_INIT, .choice = MR_LANES_STEP};
    struct mr_model *model = mr_model_open(argv[1], &error);
    struct mr_session *session = model ? mr_session_open(model, argv[2], &options, &error) : NULL;
    int code = session ? 0 : 1;
    if (code)
        fprintf(stderr, "%s\n", error.text);
    for (int i = 3; i < argc && !code; i++) {
        char answer[MOST + 1];
        if (read_date(session, argv[i], answer))
            printf("%s: %s\n", argv[i], answer);
        else
            code = 1;
    }
    if (!code && cycles)
        fprintf(stderr, "%llu letters in %llu cycles: %.0f a second at %g MHz\n", letters, cycles,
                (double)letters * clock_mhz * 1e6 / (double)cycles, clock_mhz);
    mr_session_close(session);
    mr_model_close(model);
    return code;
}
