// SPDX-License-Identifier: Apache-2.0
// Runs hlsc as a program with a time limit and reads its verdicts.
#define _GNU_SOURCE
#include "run.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

const char *const verdict_names[VERDICTS] = {"passed",   "refused", "invalid",
                                             "crashed",  "hanging", "wordless",
                                             "unstable", "unbuilt", "different"};

enum { TIMED_OUT = 1000 };

bool is_of_check(enum verdict verdict) {
    return verdict > WORDLESS || verdict == HANGING;
}

// Ends with the exit code, 256 + a signal, or TIMED_OUT after this time of the processor (or, as
// it may wait, ten times as long); its output is in the file `log`.
static int run_program(const char *const *argv, const char *log, int seconds) {
    const pid_t child = fork();
    if (child < 0)
        return 255;
    if (child == 0) {
        setpgid(0, 0);
        const int fd = open(log, O_CREAT | O_TRUNC | O_WRONLY, 0666),
                  none = open("/dev/null", O_RDONLY);
        if (fd < 0 || none < 0 || dup2(none, 0) < 0 || dup2(fd, 1) < 0 || dup2(fd, 2) < 0)
            _exit(255);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        const struct rlimit limit = {(rlim_t)seconds, (rlim_t)seconds + 1};
        setrlimit(RLIMIT_CPU, &limit);
        execv(argv[0], (char *const *)argv);
        _exit(255);
    }
    setpgid(child, child);
    const struct timespec pause = {0, 2000000};
    struct timespec start, now;
    clock_gettime(CLOCK_MONOTONIC, &start);
    for (;;) {
        int status;
        const pid_t ended = waitpid(child, &status, WNOHANG);
        if (ended == child)
            return !WIFSIGNALED(status)          ? WEXITSTATUS(status)
                   : WTERMSIG(status) == SIGXCPU ? TIMED_OUT
                                                 : 256 + WTERMSIG(status);
        clock_gettime(CLOCK_MONOTONIC, &now);
        if ((ended < 0 && errno != EINTR) || now.tv_sec - start.tv_sec > 10 * seconds) {
            kill(-child, SIGKILL);
            waitpid(child, &status, 0);
            return TIMED_OUT;
        }
        nanosleep(&pause, NULL);
    }
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *ftw) {
    (void)status, (void)type, (void)ftw;
    return remove(path);
}

void remove_work(const struct settings *with, const char *name) {
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", with->work, name);
    nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static FILE *open_work(const struct settings *with, const char *name, char *path,
                       size_t path_size) {
    snprintf(path, path_size, "%s/%s", with->work, name);
    mkdir(path, 0777);
    snprintf(path, path_size, "%s/%s/fuzz.c", with->work, name);
    FILE *file = fopen(path, "w");
    if (!file) {
        fprintf(stderr, "hlsc_fuzz: %s: cannot be written: %s\n", path, strerror(errno));
        exit(2);
    }
    return file;
}

void write_programs(const struct settings *with, struct program **programs, int count,
                    const char *name, char *path, size_t path_size) {
    FILE *file = open_work(with, name, path, path_size);
    print_programs(file, programs, count, "fuzz");
    if (fclose(file) != 0)
        exit(2);
}

// The first line of a log that says what is wrong, without the folder; or the last one.
static void find_reason(const char *log, char *reason, size_t size) {
    char line[4096];
    FILE *file = fopen(log, "r");
    reason[0] = 0;
    while (file && fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = 0;
        const char *from = strstr(line, "fuzz.c:");
        if (*line)
            snprintf(reason, size, "%s", from ? from : line);
        if (strstr(line, "error: ") || strncmp(line, "check: ", 7) == 0)
            break;
    }
    if (file)
        fclose(file);
}

// One sentence with a line of the file: "fuzz.c:12: error: ...".
static bool is_sentence(const char *reason) {
    int line = 0, length = 0;
    return sscanf(reason, "fuzz.c:%d: error: %n", &line, &length) == 1 && length > 0 && line > 0 &&
           strlen(reason + length) > 10;
}

static bool is_of_gcc(const char *reason) {
    int line, column, length = 0;
    return sscanf(reason, "fuzz.c:%d:%d: %n", &line, &column, &length) == 2 && length > 0;
}

static int run_hlsc(const struct settings *with, const char *name, const char *out, char *reason,
                    size_t size) {
    char source[PATH_MAX], include[PATH_MAX], gen[PATH_MAX], log[PATH_MAX];
    snprintf(source, sizeof source, "%s/%s/fuzz.c", with->work, name);
    snprintf(include, sizeof include, "%s/hls/include", with->data);
    snprintf(gen, sizeof gen, "%s/%s/%s", with->work, name, out);
    snprintf(log, sizeof log, "%s/%s/hlsc.log", with->work, name);
    const char *const argv[] = {with->hlsc, source, "--top", "fuzz", "-I",
                                include,    "-o",   gen,     NULL};
    const int code = run_program(argv, log, with->compile_seconds);
    find_reason(log, reason, size);
    if (code > 256)
        snprintf(reason, size, code == TIMED_OUT ? "hlsc takes more than %d seconds" : "signal %d",
                 code == TIMED_OUT ? with->compile_seconds : code - 256);
    return code;
}

static enum verdict judge(int code, const char *reason) {
    return code == 0             ? PASSED
           : code == TIMED_OUT   ? HANGING
           : code != 1           ? CRASHED
           : is_of_gcc(reason)   ? INVALID
           : is_sentence(reason) ? REFUSED
                                 : WORDLESS;
}

enum verdict compile_programs(const struct settings *with, struct program **programs, int count,
                              const char *name, char *reason, size_t reason_size) {
    char path[PATH_MAX];
    write_programs(with, programs, count, name, path, sizeof path);
    return judge(run_hlsc(with, name, "gen", reason, reason_size), reason);
}

enum verdict compile_text(const struct settings *with, const char *text, const char *name,
                          char *reason, size_t reason_size) {
    char path[PATH_MAX];
    FILE *file = open_work(with, name, path, sizeof path);
    fputs(text, file);
    if (fclose(file) != 0)
        exit(2);
    return judge(run_hlsc(with, name, "gen", reason, reason_size), reason);
}

bool has_tiles(const struct settings *with, const char *name) {
    char path[PATH_MAX], line[512];
    bool found = false;
    snprintf(path, sizeof path, "%s/%s/gen/report.txt", with->work, name);
    FILE *file = fopen(path, "r");
    while (file && !found && fgets(line, sizeof line, file))
        found = strstr(line, "  lanes in tiles of ");
    if (file)
        fclose(file);
    return found;
}

static bool same_bytes(const struct settings *with, const char *name) {
    static const char *const files[] = {"fuzz.sv", "fuzz_ports.h", "fuzz_model.c", "report.json",
                                        "report.txt"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char path[2][PATH_MAX];
        FILE *file[2];
        int a, b;
        for (int k = 0; k < 2; k++) {
            snprintf(path[k], sizeof path[k], "%s/%s/%s/%s", with->work, name, k ? "again" : "gen",
                     files[i]);
            file[k] = fopen(path[k], "r");
        }
        bool same = file[0] && file[1];
        do {
            a = same ? getc(file[0]) : EOF;
            b = same ? getc(file[1]) : EOF;
            same = same && a == b;
        } while (same && a != EOF);
        for (int k = 0; k < 2; k++)
            if (file[k])
                fclose(file[k]);
        if (!same)
            return false;
    }
    return true;
}

static enum verdict judge_check(int code, const char *reason) {
    if (code == TIMED_OUT)
        return HANGING;
    if (code != 0 && code != 1)
        return CRASHED;
    if (code == 0)
        return PASSED;
    return strncmp(reason, "building", 8) == 0 ? UNBUILT : DIFFERENT;
}

enum verdict check_programs(const struct settings *with, struct program **programs, int count,
                            const char *name, char *reason, size_t reason_size) {
    char source[PATH_MAX], include[PATH_MAX], log[PATH_MAX], cache[PATH_MAX], vectors[16], runs[16],
        seed[16];
    enum verdict verdict = compile_programs(with, programs, count, name, reason, reason_size);
    if (verdict != PASSED)
        return verdict;
    verdict = judge(run_hlsc(with, name, "again", reason, reason_size), reason);
    if (verdict != PASSED || !same_bytes(with, name)) {
        snprintf(reason, reason_size, "two compilations give different bytes");
        return UNSTABLE;
    }
    snprintf(source, sizeof source, "%s/%s/fuzz.c", with->work, name);
    snprintf(include, sizeof include, "%s/hls/include", with->data);
    snprintf(log, sizeof log, "%s/%s/check.log", with->work, name);
    snprintf(cache, sizeof cache, "%s/%s/cache", with->work, name);
    snprintf(vectors, sizeof vectors, "%d", with->vectors);
    snprintf(runs, sizeof runs, "%d", with->runs);
    snprintf(seed, sizeof seed, "%d", with->seed);
    setenv("MILLRACE_CACHE", cache, 1);
    const char *const argv[] = {with->hlsc, "check",
                                source,     "--top",
                                "fuzz",     "-I",
                                include,    "--seed",
                                seed,       "--vectors",
                                vectors,    "--runs",
                                runs,       with->without_rtl ? "--no-rtl" : NULL,
                                NULL};
    const int code = run_program(argv, log, with->check_seconds);
    find_reason(log, reason, reason_size);
    if (code == TIMED_OUT)
        snprintf(reason, reason_size, "hlsc check takes more than %d seconds", with->check_seconds);
    nftw(cache, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    return judge_check(code, reason);
}
