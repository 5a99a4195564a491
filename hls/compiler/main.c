// SPDX-License-Identifier: Apache-2.0
// The command hlsc.
#include "check.h"
#include "compile.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "Usage: hlsc FILE.c --top NAME [-o DIR] [-I DIR] [-D NAME[=VALUE]] [--report]\n"
    "       hlsc check FILE.c --top NAME [--vectors N] [--seed S] [--set NAME=VALUE] [-I DIR] [-D "
    "...]\n"
    "\n"
    "hlsc makes SystemVerilog of streaming kernels in C (docs/hlsc.md states the language).\n"
    "\n"
    "  --top NAME       the top function\n"
    "  -o DIR           folder for NAME.sv, NAME_ports.h, NAME_model.c, report.json, report.txt "
    "(default .)\n"
    "  -I DIR, -D X     as for a C compiler\n"
    "  --report         also print the report\n"
    "  --dump-ast       print the typed syntax tree and stop\n"
    "  --dump-ir        print the operations and stop\n"
    "  --help, --version\n"
    "\n"
    "hlsc check runs the kernel as C compiled by gcc and as RTL in Verilator on the same random "
    "input, with\n"
    "random idles and back-pressure, and compares all outputs:\n"
    "  --vectors N      elements offered on each input stream at first (default 1000)\n"
    "  --seed S         of the random numbers (default: from the clock; printed)\n"
    "  --runs N         runs, one after another on the same state (default 3)\n"
    "  --set NAME=V     fixes a scalar argument; others are random from 0 to N\n"
    "  --trace FILE.fst waveform of the RTL\n"
    "\n"
    "Exit code: 0 done, 1 the input is at fault or a check failed, 2 wrong usage.\n";

enum { MAX_LIST = 64 };

int main(int argc, char **argv) {
    enum { TOP = 256, REPORT, DUMP_AST, DUMP_IR, HELP, VERSION, VECTORS, SEED, RUNS, SET, TRACE };
    static const struct option options[] = {{"top", required_argument, NULL, TOP},
                                            {"report", no_argument, NULL, REPORT},
                                            {"dump-ast", no_argument, NULL, DUMP_AST},
                                            {"dump-ir", no_argument, NULL, DUMP_IR},
                                            {"help", no_argument, NULL, HELP},
                                            {"version", no_argument, NULL, VERSION},
                                            {"vectors", required_argument, NULL, VECTORS},
                                            {"seed", required_argument, NULL, SEED},
                                            {"runs", required_argument, NULL, RUNS},
                                            {"set", required_argument, NULL, SET},
                                            {"trace", required_argument, NULL, TRACE},
                                            {NULL, 0, NULL, 0}};
    const char *include[MAX_LIST], *define[MAX_LIST], *set[MAX_LIST];
    struct compile_options compile_with = {.out_dir = "."};
    struct check_options check_with = {.vectors = 1000, .runs = 3};
    int includes = 0, defines = 0, sets = 0;
    bool checking = argc > 1 && strcmp(argv[1], "check") == 0;
    if (checking) {
        argv[1] = argv[0];
        argv++;
        argc--;
    }
    for (int c; (c = getopt_long(argc, argv, "o:I:D:", options, NULL)) != -1;) {
        switch (c) {
        case 'o':
            compile_with.out_dir = optarg;
            break;
        case 'I':
        case 'D':
        case SET: {
            int *count = c == 'I' ? &includes : c == 'D' ? &defines : &sets;
            if (*count == MAX_LIST) {
                fprintf(stderr, "hlsc: more than %d times -%c\n", MAX_LIST, c == SET ? 's' : c);
                return 2;
            }
            (c == 'I' ? include : c == 'D' ? define : set)[(*count)++] = optarg;
            break;
        }
        case TOP:
            compile_with.top = optarg;
            break;
        case REPORT:
            compile_with.print_report = true;
            break;
        case DUMP_AST:
            compile_with.dump_ast = true;
            break;
        case DUMP_IR:
            compile_with.dump_ir = true;
            break;
        case VECTORS:
            check_with.vectors = strtoull(optarg, NULL, 0);
            break;
        case SEED:
            check_with.seed = strtoull(optarg, NULL, 0);
            check_with.has_seed = true;
            break;
        case RUNS:
            check_with.runs = strtoull(optarg, NULL, 0);
            break;
        case TRACE:
            check_with.trace = optarg;
            break;
        case HELP:
            fputs(usage, stdout);
            return 0;
        case VERSION:
            puts("hlsc (Millrace) 0.1");
            return 0;
        default:
            fputs("hlsc: see hlsc --help\n", stderr);
            return 2;
        }
    }
    if (optind + 1 != argc || !compile_with.top) {
        fprintf(stderr, "hlsc: %s; see hlsc --help\n",
                optind >= argc      ? "no input file"
                : optind + 1 < argc ? "more than one input file"
                                    : "--top is missing");
        return 2;
    }
    compile_with.source = argv[optind];
    compile_with.front = (struct front_options){include, includes, define, defines, NULL};
    char error[2048];
    if (checking) {
        check_with.set = set;
        check_with.set_count = sets;
        const int status = check(&compile_with, &check_with, error, sizeof error);
        if (status != 0)
            fprintf(stderr, "%s\n", error);
        return status != 0;
    }
    if (compile(&compile_with, error, sizeof error) != 0) {
        fprintf(stderr, "%s\n", error);
        return 1;
    }
    return 0;
}
