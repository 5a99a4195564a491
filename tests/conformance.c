// SPDX-License-Identifier: Apache-2.0
// `make conformance`: every ONNX file of ../shared/cases/import by the commands that a user gives,
// import with its input as calibration data and run on cpu:, against what the framework gave. A
// table tells what runs right, what runs wrong, and what is refused with which sentence. Fails on a
// wrong number, and where fewer than LEAST files run right. Skipped where the files are not there.
#define _POSIX_C_SOURCE 200809L
#include "array_file.h"
#include "millrace.h"

#include <dirent.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define CASES "../shared/cases/import"
#define WORK "build/conformance"
#define LOG WORK "/log"

// Files that have a reference and run right, at least: raised with what is imported, never lowered.
enum { LEAST = 86 };

enum verdict { RIGHT, RUNS, REFUSED, WRONG, VERDICTS };

static const char *const verdicts[VERDICTS] = {"right", "runs", "refused", "WRONG"};

static char path[512], said[700];

static const char *at(const char *name, const char *file) {
    snprintf(path, sizeof path, CASES "/%s/%s", name, file);
    return path;
}

static int exists(const char *file) {
    struct stat status;

    return stat(file, &status) == 0;
}

// What the command says on standard error, which is its last line.
static void read_log(void) {
    FILE *log = fopen(LOG, "r");
    char line[700];

    said[0] = '\0';
    while (log && fgets(line, sizeof line, log)) {
        if (strncmp(line, "millrace: ", 10) == 0)
            snprintf(said, sizeof said, "%s", line + 10);
    }
    if (log)
        fclose(log);
    said[strcspn(said, "\n")] = '\0';
}

// Output goes to the log; a case's name is that of its folder.
static int command(const char *format, const char *name) {
    char arguments[600], line[800];

    snprintf(arguments, sizeof arguments, format, name, name);
    snprintf(line, sizeof line, "build/millrace %s >" LOG " 2>&1", arguments);
    const int result = system(line);
    read_log();
    return result;
}

static int import(const char *name) {
    return command("import '" CASES "/%s/net.onnx' --calibrate '" CASES "/%s/x.npy' -o " WORK
                   "/net.millrace",
                   name);
}

static int run(const char *name) {
    return command("run " WORK "/net.millrace '" CASES "/%s/x.npy' --device cpu: -o " WORK "/y.npy",
                   name);
}

// What run wrote of the first output: with several its name is in the file's.
static int read_output(const struct mr_model *model, struct mr_array *y) {
    struct mr_model_info info;
    struct mr_output_info output;
    char file[300], error[700];

    mr_model_info(model, &info);
    mr_model_output(model, 0, &output);
    snprintf(file, sizeof file, info.output_count > 1 ? WORK "/y.%s.npy" : WORK "/y.npy",
             output.name);
    return mr_array_read(file, y, NULL, 0, error, sizeof error);
}

// The place of number i of y, [N, T, width], in the expected numbers: [T, N, width] where their
// shape says so.
static size_t place(const struct mr_array *y, const struct mr_array *expected, size_t i) {
    if (y->rank != 3 || expected->rank != 3 || y->shape[0] == expected->shape[0] ||
        y->shape[0] != expected->shape[1])
        return i;
    const size_t width = y->shape[2], row = i / width;
    return (row % y->shape[1] * y->shape[0] + row / y->shape[1]) * width + i % width;
}

// Each number of a row is as near as the import said, or nearer than a float is exact.
static enum verdict compare(const struct mr_model *model, const struct mr_array *y,
                            const struct mr_array *expected) {
    struct mr_output_info output;
    double farthest = 0;

    mr_model_output(model, 0, &output);
    if (y->count != expected->count) {
        snprintf(said, sizeof said, "%zu numbers instead of %zu", y->count, expected->count);
        return WRONG;
    }
    for (size_t i = 0; i < y->count; i++) {
        struct mr_accuracy_info stated;
        const double want = expected->data[place(y, expected, i)], error = y->data[i] - want;
        mr_model_accuracy(model, (uint32_t)(i % output.width), &stated);
        if (!(fabs(error) <= 1.01 * stated.max_error + 1e-5 * fabs(want) + 1e-30)) {
            snprintf(said, sizeof said, "number %zu is %g instead of %g, beyond the stated %g", i,
                     y->data[i], want, stated.max_error);
            return WRONG;
        }
        farthest = fmax(farthest, fabs(error));
    }
    struct mr_accuracy_info all;
    mr_model_accuracy(model, MR_ALL, &all);
    snprintf(said, sizeof said, "within %.2g, %.0f dB", farthest, all.snr_db);
    return all.snr_db > 20 ? RIGHT : WRONG;
}

static enum verdict judge(const char *name) {
    struct mr_array y = {0}, expected = {0};
    char error[700];

    if (import(name) != 0 || run(name) != 0)
        return said[0] ? REFUSED : WRONG;
    struct mr_model *model = mr_model_open(WORK "/net.millrace", NULL);
    enum verdict verdict = WRONG;
    if (!model || read_output(model, &y) != 0)
        snprintf(said, sizeof said, "wrote no output that can be read");
    else if (!exists(at(name, "expect.npy")))
        verdict = RUNS;
    else if (mr_array_read(path, &expected, NULL, 0, error, sizeof error) != 0)
        snprintf(said, sizeof said, "%s", error);
    else
        verdict = compare(model, &y, &expected);
    if (verdict == RUNS)
        snprintf(said, sizeof said, "no reference");
    mr_array_free(&y);
    mr_array_free(&expected);
    mr_model_close(model);
    return verdict;
}

// The file's own path says nothing here.
static const char *sentence(void) {
    const char *found = strstr(said, "net.onnx: ");

    return found ? found + strlen("net.onnx: ") : said;
}

int main(int argc, char **argv) {
    int count[VERDICTS] = {0}, references = 0;
    struct dirent **names = NULL;
    int found = scandir(CASES, &names, NULL, alphasort);

    if (found < 0) {
        puts("conformance: skipped, for there is no " CASES);
        return 0;
    }
    mkdir("build", 0777);
    mkdir(WORK, 0777);
    for (int i = 0; i < found; i++) {
        const char *name = names[i]->d_name;
        bool wanted = argc < 2;
        for (int k = 1; k < argc; k++)
            wanted = wanted || strcmp(argv[k], name) == 0;
        if (wanted && name[0] != '.' && exists(at(name, "net.onnx"))) {
            references += exists(at(name, "expect.npy"));
            const enum verdict verdict = judge(name);
            count[verdict]++;
            printf("%-34s %-8s %s\n", name, verdicts[verdict], sentence());
            fflush(stdout);
        }
        free(names[i]);
    }
    free(names);
    printf("%d right of %d with a reference, %d run without one, %d refused, %d wrong\n",
           count[RIGHT], references, count[RUNS], count[REFUSED], count[WRONG]);
    if (argc < 2 && count[RIGHT] < LEAST)
        printf("fewer than the %d that are known to run right\n", LEAST);
    return count[WRONG] > 0 || (argc < 2 && count[RIGHT] < LEAST);
}
