// SPDX-License-Identifier: Apache-2.0
// hlsc_fuzz: random programs through hlsc, gcc and Verilator, several of them as one design, and
// what fails made small. Run from the repository's root.
#define _GNU_SOURCE
#include "generate.h"
#include "run.h"

#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char usage[] =
    "Usage: hlsc_fuzz [--seed S] [--count N] [--jobs J] [--with A,B] [--without A,B]\n"
    "       hlsc_fuzz --program SEED [--print]\n"
    "\n"
    "  --seed S       of the programs (default: from the clock; printed)\n"
    "  --count N      programs (default 100)\n"
    "  --jobs J       designs that are built at the same time (default 2)\n"
    "  --batch K      programs in a design (default 14)\n"
    "  --with A,B --without A,B\n"
    "                 features of the programs; those off by default are marked below with -\n"
    "  --vectors N --runs N  of hlsc check (default 12 and 3)\n"
    "  --no-rtl       C, operations and schedule alone: a tenth of the time\n"
    "  --damaged      hlsc alone, on programs of which words or lines are damaged\n"
    "  --reduce S     seconds for making a failing program small (default 120; 0: not)\n"
    "  --program X    one program by its own seed; --print: shows it and stops\n"
    "HLSC names the compiler under test (build/hlsc). Work files: build/hlsc_fuzz.\n"
    "Exit code: 0, 1 when a program failed, more than 20 % were refused or too few have tiles, 2 "
    "wrong\n"
    "usage.\n";

static const char *const feature_names[] = {
#define FEATURE(name, text) text,
    FEATURES
#undef FEATURE
};

// Not yet in the language.
static const uint32_t off = 1u << FEATURE_LATE;

struct plan {
    struct settings with;
    uint64_t seed, program;
    int count, jobs, batch, seconds;
    bool one, print, damaged;
};

struct counts {
    int programs, refused, failed;
    int taken;               // damaged ones
    int for_tiles, in_tiles; // programs that are made for tiles, and those that have them
};

static uint64_t seed_of(uint64_t seed, int number) {
    struct generator g = {.random = seed ^ (uint64_t)number * 0xd1342543de82ef95u};
    return draw(&g);
}

static void switch_features(uint32_t *features, const char *list, bool on) {
    while (*list) {
        const size_t length = strcspn(list, ",");
        int found = -1;
        for (int i = 0; i < FEATURE_COUNT; i++)
            if (strlen(feature_names[i]) == length && strncmp(feature_names[i], list, length) == 0)
                found = i;
        if (found < 0 && strncmp(list, "all", length) != 0) {
            fprintf(stderr, "hlsc_fuzz: there is no feature '%.*s'; see hlsc_fuzz --help\n",
                    (int)length, list);
            exit(2);
        }
        const uint32_t bits = found < 0 ? (1u << FEATURE_COUNT) - 1 : 1u << found;
        *features = on ? *features | bits : *features & ~bits;
        list += length + (list[length] != 0);
    }
}

// ---- failures

static void report(const struct settings *with, int seconds, struct program *program, uint64_t seed,
                   enum verdict verdict, const char *reason) {
    char name[64], path[PATH_MAX], copy[PATH_MAX + 32], again[2048];
    snprintf(name, sizeof name, "reduce-%016llx", (unsigned long long)seed);
    const int trials = seconds ? reduce(with, program, verdict, reason, name, seconds) : 0;
    write_programs(with, &program, 1, name, path, sizeof path);
    snprintf(again, sizeof again, "%s", reason);
    if (is_of_check(verdict) && trials)
        check_programs(with, &program, 1, name, again, sizeof again);
    else if (trials)
        compile_programs(with, &program, 1, name, again, sizeof again);
    snprintf(copy, sizeof copy, "%s/fail-%016llx.c", with->work, (unsigned long long)seed);
    rename(path, copy);
    remove_work(with, name);
    printf("FAIL: program 0x%016llx: %s: %s\n", (unsigned long long)seed, verdict_names[verdict],
           reason);
    printf("    reduced in %d trials to %s: %s\n", trials, copy, again);
    printf("    again: %s %s%s --top fuzz -I hls/include%s", with->hlsc,
           is_of_check(verdict) ? "check " : "", copy,
           is_of_check(verdict) ? "" : " -o build/hlsc_fuzz/gen");
    if (is_of_check(verdict))
        printf(" --seed %d --vectors %d --runs %d%s", with->seed, with->vectors, with->runs,
               with->without_rtl ? " --no-rtl" : "");
    printf("\n");
    fflush(stdout);
}

// ---- batches

struct batch {
    const struct plan *plan;
    char name[64];
    struct program *program[MAX_BATCH];
    uint64_t seed[MAX_BATCH];
    int count;
};

// The program that a message speaks of, or else the first that fails alone.
static int find_culprit(struct batch *b, struct settings *with, const char *message,
                        enum verdict *verdict, char *reason, size_t size) {
    int hint = 0;
    for (int i = 0; i < b->count; i++) {
        char prefix[16];
        snprintf(prefix, sizeof prefix, "p%d_", b->program[i]->number);
        if (strstr(message, prefix))
            hint = i;
    }
    for (int i = 0; i < b->count; i++) {
        const int place = i == 0 ? hint : i <= hint ? i - 1 : i;
        with->check_seconds = 20; // one takes far less than all
        // Alone it gets other numbers than among others, so the likely one is tried with several.
        for (with->seed = 1; with->seed <= (i == 0 ? 6 : 1); with->seed++) {
            *verdict = check_programs(with, &b->program[place], 1, b->name, reason, size);
            if (*verdict != PASSED)
                return place;
        }
    }
    return -1;
}

// Fewer programs that only fail together; their file is kept.
static void report_together(const struct batch *b, const struct settings *with,
                            enum verdict verdict) {
    struct program *left[MAX_BATCH];
    char reason[2048], from[PATH_MAX], to[PATH_MAX];
    int count = b->count;
    memcpy(left, b->program, sizeof left);
    for (int i = count - 1; i >= 0; i--) {
        struct program *without = left[i];
        memmove(left + i, left + i + 1, (size_t)(count - 1 - i) * sizeof *left);
        if (check_programs(with, left, count - 1, b->name, reason, sizeof reason) == verdict) {
            count--;
        } else {
            memmove(left + i + 1, left + i, (size_t)(count - 1 - i) * sizeof *left);
            left[i] = without;
        }
    }
    check_programs(with, left, count, b->name, reason, sizeof reason);
    snprintf(from, sizeof from, "%s/%s/fuzz.c", with->work, b->name);
    snprintf(to, sizeof to, "%s/together-%016llx.c", with->work, (unsigned long long)b->seed[0]);
    rename(from, to);
    printf("FAIL: %d programs together, none of them alone: %s: %s\n    the file: %s\n", count,
           verdict_names[verdict], reason, to);
    fflush(stdout);
}

static void drop(struct batch *b, int at) {
    program_free(b->program[at]);
    free(b->program[at]);
    b->count--;
    for (int i = at; i < b->count; i++) {
        b->program[i] = b->program[i + 1];
        b->seed[i] = b->seed[i + 1];
    }
}

static void check_batch(struct batch *b, struct counts *counts) {
    char reason[2048], alone[2048];
    while (b->count > 0) {
        struct settings with = b->plan->with;
        enum verdict verdict;
        const enum verdict together =
            check_programs(&with, b->program, b->count, b->name, reason, sizeof reason);
        if (together == PASSED)
            return;
        const int at = find_culprit(b, &with, reason, &verdict, alone, sizeof alone);
        counts->failed++;
        if (at < 0) {
            with.seed = b->plan->with.seed;
            report_together(b, &with, together);
            return;
        }
        report(&with, b->plan->seconds, b->program[at], b->seed[at], verdict, alone);
        drop(b, at);
    }
}

static void finish_batch(struct batch *b, struct counts *counts) {
    const int failed = counts->failed;
    check_batch(b, counts);
    if (counts->failed == failed)
        remove_work(&b->plan->with, b->name);
    while (b->count > 0)
        drop(b, b->count - 1);
}

// Whether hlsc takes it is no matter, but it says why not.
static void try_damaged(const struct plan *plan, struct program *program, uint64_t seed,
                        const char *name, struct counts *counts) {
    char reason[2048], from[PATH_MAX], to[PATH_MAX];
    const enum verdict verdict =
        compile_damaged(&plan->with, program, seed, name, reason, sizeof reason);
    counts->programs++;
    if (verdict == PASSED || verdict == REFUSED || verdict == INVALID) {
        counts->taken += verdict == PASSED;
        return;
    }
    counts->failed++;
    snprintf(from, sizeof from, "%s/%s/fuzz.c", plan->with.work, name);
    snprintf(to, sizeof to, "%s/damaged-%016llx.c", plan->with.work, (unsigned long long)seed);
    rename(from, to);
    printf("FAIL: damaged program 0x%016llx: %s: %s\n    the file: %s\n", (unsigned long long)seed,
           verdict_names[verdict], reason, to);
    fflush(stdout);
}

// Every `jobs`-th program from `first` on.
static struct counts run_worker(const struct plan *plan, int first) {
    struct counts counts = {0};
    struct batch b = {.plan = plan};
    snprintf(b.name, sizeof b.name, "batch%d-%d", (int)getpid(), first);
    const int stride = plan->one ? 1 : plan->jobs;
    for (int i = first; i < plan->count; i += stride) {
        char reason[2048];
        const uint64_t seed = plan->one ? plan->program : seed_of(plan->seed, i);
        struct program *p = generate(seed, plan->with.features, i);
        if (plan->damaged) {
            try_damaged(plan, p, seed, b.name, &counts);
            program_free(p);
            free(p);
            continue;
        }
        const enum verdict verdict =
            compile_programs(&plan->with, &p, 1, b.name, reason, sizeof reason);
        counts.programs++;
        if (verdict == PASSED) {
            counts.for_tiles += p->is_for_tiles;
            counts.in_tiles += p->is_for_tiles && has_tiles(&plan->with, b.name);
            b.program[b.count] = p;
            b.seed[b.count++] = seed;
            if (count_ports(b.program, b.count) > 60) { // hlsc check takes 64
                b.count--;
                finish_batch(&b, &counts);
                b.program[0] = p;
                b.seed[0] = seed;
                b.count = 1;
            }
            if (b.count == plan->batch)
                finish_batch(&b, &counts);
            continue;
        }
        if (verdict == REFUSED) {
            counts.refused++;
            printf("refused: 0x%016llx: %s\n", (unsigned long long)seed, reason);
        } else {
            counts.failed++;
            report(&plan->with, plan->seconds, p, seed, verdict, reason);
        }
        program_free(p);
        free(p);
    }
    finish_batch(&b, &counts);
    return counts;
}

static struct counts run_all(const struct plan *plan) {
    struct counts sum = {0};
    const int jobs = plan->one ? 1 : plan->jobs;
    int ends[2];
    if (pipe(ends) != 0)
        exit(2);
    fflush(stdout);
    for (int i = 0; i < jobs; i++) {
        if (fork() != 0)
            continue;
        const struct counts counts = run_worker(plan, i);
        fflush(stdout);
        _exit(write(ends[1], &counts, sizeof counts) != sizeof counts);
    }
    close(ends[1]);
    int heard = 0;
    for (struct counts counts; read(ends[0], &counts, sizeof counts) == sizeof counts; heard++) {
        sum.programs += counts.programs;
        sum.refused += counts.refused;
        sum.failed += counts.failed;
        sum.taken += counts.taken;
        sum.for_tiles += counts.for_tiles;
        sum.in_tiles += counts.in_tiles;
    }
    while (wait(NULL) > 0)
        ;
    sum.failed += heard != jobs; // one died
    return sum;
}

// ---- the command

static void find_places(struct settings *with) {
    static char root[PATH_MAX], hlsc[PATH_MAX], work[PATH_MAX + 32], objects[PATH_MAX + 64];
    const char *own = getenv("HLSC");
    if (!realpath(".", root) || !realpath(own && *own ? own : "build/hlsc", hlsc)) {
        fprintf(stderr,
                "hlsc_fuzz: there is no %s; run `make` and start this in the repository's "
                "root\n",
                own && *own ? own : "build/hlsc");
        exit(2);
    }
    snprintf(work, sizeof work, "%s/build/hlsc_fuzz", root);
    snprintf(objects, sizeof objects, "%s/objects", work);
    mkdir("build", 0777);
    mkdir(work, 0777);
    setenv("CCACHE_DIR", objects, 0);            // the caches of designs are removed
    setenv("MILLRACE_OPTIMISE", "0", 1);         // compiling takes longer than running
    setenv("MILLRACE_DATA", root, 0);            // for an hlsc from elsewhere
    setenv("ASAN_OPTIONS", "detect_leaks=0", 0); // of an hlsc under the sanitizers
    setenv("UBSAN_OPTIONS", "halt_on_error=1", 0);
    with->hlsc = hlsc;
    with->data = root;
    with->work = work;
}

// A compiler for hlsc that preprocesses and finds nothing wrong, so that hlsc meets all damage.
static void blindfold(const struct settings *with) {
    static char path[PATH_MAX + 64];
    snprintf(path, sizeof path, "%s/cc", with->work);
    FILE *file = fopen(path, "w");
    if (!file ||
        fputs("#!/bin/sh\ncase \"$*\" in *-fsyntax-only*) exit 0 ;; esac\nexec gcc \"$@\"\n",
              file) < 0 ||
        fclose(file) != 0 || chmod(path, 0777) != 0) {
        fprintf(stderr, "hlsc_fuzz: %s: cannot be written\n", path);
        exit(2);
    }
    setenv("HLSC_CC", path, 0);
}

static int show_help(void) {
    fputs(usage, stdout);
    printf("Features:");
    for (int i = 0; i < FEATURE_COUNT; i++)
        printf(" %s%s", feature_names[i], off >> i & 1 ? "-" : "");
    printf("\n");
    return 0;
}

static int print_one(const struct plan *plan) {
    struct program *p = generate(plan->program, plan->with.features, 0);
    print_programs(stdout, &p, 1, "fuzz");
    program_free(p);
    free(p);
    return 0;
}

int main(int argc, char **argv) {
    enum {
        SEED = 256,
        COUNT,
        JOBS,
        BATCH,
        WITH,
        WITHOUT,
        VECTORS,
        RUNS,
        REDUCE,
        PROGRAM,
        PRINT,
        NO_RTL,
        DAMAGED,
        HELP
    };
    static const struct option options[] = {{"seed", required_argument, NULL, SEED},
                                            {"count", required_argument, NULL, COUNT},
                                            {"jobs", required_argument, NULL, JOBS},
                                            {"batch", required_argument, NULL, BATCH},
                                            {"with", required_argument, NULL, WITH},
                                            {"without", required_argument, NULL, WITHOUT},
                                            {"vectors", required_argument, NULL, VECTORS},
                                            {"runs", required_argument, NULL, RUNS},
                                            {"reduce", required_argument, NULL, REDUCE},
                                            {"program", required_argument, NULL, PROGRAM},
                                            {"print", no_argument, NULL, PRINT},
                                            {"no-rtl", no_argument, NULL, NO_RTL},
                                            {"damaged", no_argument, NULL, DAMAGED},
                                            {"help", no_argument, NULL, HELP},
                                            {NULL, 0, NULL, 0}};
    struct plan plan = {.count = 100, .jobs = 2, .batch = 14, .seconds = 120};
    plan.with.features = ((1u << FEATURE_COUNT) - 1) & ~off;
    plan.with.vectors = 12;
    plan.with.runs = 3;
    plan.with.seed = 1;
    plan.with.compile_seconds = 20;
    plan.with.check_seconds = 60;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    plan.seed = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (c) {
        case SEED:
            plan.seed = strtoull(optarg, NULL, 0);
            break;
        case COUNT:
            plan.count = atoi(optarg);
            break;
        case JOBS:
            plan.jobs = atoi(optarg);
            break;
        case BATCH:
            plan.batch = atoi(optarg);
            break;
        case WITH:
        case WITHOUT:
            switch_features(&plan.with.features, optarg, c == WITH);
            break;
        case VECTORS:
            plan.with.vectors = atoi(optarg);
            break;
        case RUNS:
            plan.with.runs = atoi(optarg);
            break;
        case REDUCE:
            plan.seconds = atoi(optarg);
            break;
        case PROGRAM:
            plan.program = strtoull(optarg, NULL, 0);
            plan.one = true;
            plan.with.check_seconds = 20;
            plan.count = 1;
            break;
        case DAMAGED:
            plan.damaged = true;
            break;
        case NO_RTL:
            plan.with.without_rtl = true;
            break;
        case PRINT:
            plan.print = true;
            break;
        case HELP:
            return show_help();
        default:
            return 2;
        }
    }
    if (optind != argc || plan.count < 1 || plan.jobs < 1 || plan.jobs > 64 || plan.batch < 1 ||
        plan.batch > MAX_BATCH || plan.with.vectors < 1 || plan.with.runs < 1) {
        fputs("hlsc_fuzz: see hlsc_fuzz --help\n", stderr);
        return 2;
    }
    if (plan.print)
        return print_one(&plan);
    find_places(&plan.with);
    if (plan.damaged)
        blindfold(&plan.with);
    if (!plan.one)
        printf("hlsc_fuzz: seed %llu, %d programs\n", (unsigned long long)plan.seed, plan.count);
    const struct counts counts = run_all(&plan);
    if (plan.damaged) {
        printf("taken: %d of %d\n%d passed, %d failed\n", counts.taken, counts.programs,
               counts.programs - counts.failed, counts.failed);
        return counts.failed > 0;
    }
    const bool too_many = counts.programs >= 50 && counts.refused * 5 > counts.programs;
    if (too_many)
        printf("FAIL: more than 20 %% of the programs were refused\n");
    // Of programs that stay whole tiles learn nothing.
    const bool too_few = counts.for_tiles >= 12 && counts.in_tiles * 3 < counts.for_tiles;
    if (too_few)
        printf("FAIL: less than a third of the programs that are made for tiles have them\n");
    const int failed = counts.failed + too_many + too_few;
    printf("refused: %d of %d\nin tiles: %d of %d\n%d passed, %d failed\n", counts.refused,
           counts.programs, counts.in_tiles, counts.for_tiles,
           counts.programs - counts.refused - counts.failed, failed);
    return failed > 0;
}
