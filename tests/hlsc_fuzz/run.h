// SPDX-License-Identifier: Apache-2.0
// Runs programs through hlsc, gcc and Verilator, and says what became of them.
#ifndef HLSC_FUZZ_RUN_H
#define HLSC_FUZZ_RUN_H

#include "tree.h"

enum verdict {
    PASSED,
    REFUSED,   // hlsc says in a sentence what it does not take
    INVALID,   // gcc does not take it: the generator is at fault
    CRASHED,   // hlsc died
    HANGING,   // hlsc or a run does not end
    WORDLESS,  // refused without file, line and sentence
    UNSTABLE,  // two compilations differ
    UNBUILT,   // lint warnings, or C++ that does not compile
    DIFFERENT, // C and RTL give different results, or the RTL stops
    VERDICTS
};
extern const char *const verdict_names[VERDICTS];

bool is_of_check(enum verdict verdict); // may need more than compiling

struct settings {
    const char *hlsc, *data, *work; // programs and folders, absolute
    uint32_t features;
    int vectors, runs, seed, compile_seconds, check_seconds;
    bool without_rtl;
};

enum { MAX_BATCH = 32 };

// Only hlsc, once: fast. `reason` gets its sentence.
enum verdict compile_programs(const struct settings *with, struct program **programs, int count,
                              const char *name, char *reason, size_t reason_size);
enum verdict compile_text(const struct settings *with, const char *text, const char *name,
                          char *reason, size_t reason_size);
enum verdict compile_damaged(const struct settings *with, struct program *program, uint64_t seed,
                             const char *name, char *reason, size_t reason_size);
// Everything.
enum verdict check_programs(const struct settings *with, struct program **programs, int count,
                            const char *name, char *reason, size_t reason_size);
// Has what compile_programs made lanes in tiles?
bool has_tiles(const struct settings *with, const char *name);
void write_programs(const struct settings *with, struct program **programs, int count,
                    const char *name, char *path, size_t path_size);
void remove_work(const struct settings *with, const char *name);

// Makes a failing program smaller while verdict and kind of reason stay, for some seconds. Returns
// the trials.
int reduce(const struct settings *with, struct program *program, enum verdict verdict,
           const char *reason, const char *name, int seconds);

#endif
