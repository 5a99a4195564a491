// SPDX-License-Identifier: Apache-2.0
// The command hlsc.
#include "check.h"
#include "compile.h"
#include "millrace_error.h"
#include "paths.h"

#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "Usage: hlsc FILE.c --top NAME [-o DIR] [-I DIR] [-D NAME[=VALUE]] [--report]\n"
    "       hlsc check FILE.c --top NAME [--vectors N] [--runs N] [--seed S] [--set NAME=VALUE] "
    "[-I "
    "DIR] [-D ...]\n"
    "       hlsc cosim FILE.c --top NAME [--input STREAM=FILE] [--output STREAM=FILE] [--set "
    "NAME=VALUE] ...\n"
    "\n"
    "hlsc makes SystemVerilog of streaming kernels in C (docs/hlsc.md states the language).\n"
    "\n"
    "  --top NAME       the top function\n"
    "  -o DIR           folder for NAME.sv, NAME_ports.h, NAME_model.c, report.json, report.txt "
    "(default .)\n"
    "  -I DIR, -D X     as for a C compiler; hls.h is found without\n"
    "  --target NAME    the FPGA to schedule for: ultrascale (the default; 300 MHz) or up5k (iCE40 "
    "UltraPlus,\n"
    "                   24 MHz)\n"
    "  --report         also print the report\n"
    "  --sample N=V,... a run with these scalars (others are 0), of which report.json tells when "
    "each process\n"
    "                   reads and writes, and that leads to others for the depths of FIFOs; can "
    "be given again\n"
    "  --dump-ast       print the typed syntax tree and stop\n"
    "  --dump-ir        print the operations and stop\n"
    "  --help, --version\n"
    "\n"
    "hlsc check runs the kernel as C compiled by gcc, its operations, its schedule cycle by cycle, "
    "and its RTL in\n"
    "Verilator on the same random input, the RTL also with random idles and back-pressure, and "
    "names the first\n"
    "operation that differs:\n"
    "  --vectors N      elements offered on each input stream at first (default 1000)\n"
    "  --seed S         of the random numbers (default: from the clock; printed)\n"
    "  --runs N         runs, one after another on the same state (default 12)\n"
    "  --set NAME=V     fixes a scalar argument; others are at random, often 0, 1, 2 and beside "
    "what\n"
    "                   they are compared with\n"
    "  --limit N        seconds that the runs as C may take, and those of the interpreters "
    "(default 300)\n"
    "  --trace FILE.fst waveform of the RTL\n"
    "  --no-rtl         leaves the RTL out: needs no Verilator, and takes less time\n"
    "\n"
    "hlsc cosim does the same once, at full speed or with the chances given, and tells the cycles "
    "and what each\n"
    "process did; --vectors, --runs (default 1), --seed, --set, --limit and --trace are as for "
    "check, and:\n"
    "  --input S=FILE   elements of input S, one a line, numbers of a struct with commas between "
    "(others: random)\n"
    "  --output S=FILE  writes the elements that the RTL gives on output S\n"
    "  --idle N         an input idles in N of 256 cycles (default 0)\n"
    "  --stall N        an output is not taken in N of 256 cycles (default 0)\n"
    "\n"
    "Exit code: 0 done, 1 the input is at fault or a check failed, 2 wrong usage.\n";

enum { MAX_LIST = 64 };

enum {
    TOP = 256,
    REPORT,
    SAMPLE,
    TARGET,
    DUMP_AST,
    DUMP_IR,
    HELP,
    VERSION,
    VECTORS,
    SEED,
    RUNS,
    SET,
    TRACE,
    INPUT,
    OUTPUT,
    IDLE,
    STALL,
    LIMIT,
    NO_RTL
};

struct list {
    const char *items[MAX_LIST];
    int count;
};

struct command {
    enum { COMPILE, CHECK, COSIM } kind;
    struct compile_options compile;
    struct check_options check;
    struct list include, define, sample, set, input, output;
};

static int add(struct list *list, const char *item, const char *option) {
    if (list->count == MAX_LIST) {
        fprintf(stderr, "hlsc: more than %d times %s\n", MAX_LIST, option);
        return 2;
    }
    list->items[list->count++] = item;
    return 0;
}

static int take_number(uint64_t *number, const char *text, const char *option) {
    char *end;
    *number = strtoull(text, &end, 0);
    if (end != text && !*end && *text != '-')
        return 0;
    fprintf(stderr, "hlsc: %s %s: this is no number\n", option, text);
    return 2;
}

static int take_chance(unsigned *chance, const char *text, const char *option) {
    uint64_t number;
    if (take_number(&number, text, option) != 0)
        return 2;
    *chance = (unsigned)number;
    if (number <= 255)
        return 0;
    fprintf(stderr, "hlsc: %s %s: chances are in 1/256 per cycle, at most 255\n", option, text);
    return 2;
}

static int take_target(const struct target **target, const char *name) {
    *target = target_find(name);
    if (*target)
        return 0;
    fprintf(stderr, "hlsc: --target %s: there is no such target; known are", name);
    for (int i = 0; target_at(i); i++)
        fprintf(stderr, "%s %s", i ? "," : "", target_at(i)->name);
    fputs("\n", stderr);
    return 2;
}

// An option; 0, or 2 with a message.
static int take_option(struct command *c, int option) {
    switch (option) {
    case 'o':
        c->compile.out_dir = optarg;
        return 0;
    case 'I':
        return add(&c->include, optarg, "-I");
    case 'D':
        return add(&c->define, optarg, "-D");
    case SET:
        return add(&c->set, optarg, "--set");
    case SAMPLE:
        return add(&c->sample, optarg, "--sample");
    case INPUT:
        return add(&c->input, optarg, "--input");
    case OUTPUT:
        return add(&c->output, optarg, "--output");
    case TOP:
        c->compile.top = optarg;
        return 0;
    case TARGET:
        return take_target(&c->compile.target, optarg);
    case REPORT:
        c->compile.print_report = true;
        return 0;
    case DUMP_AST:
        c->compile.dump_ast = true;
        return 0;
    case DUMP_IR:
        c->compile.dump_ir = true;
        return 0;
    case VECTORS:
        return take_number(&c->check.vectors, optarg, "--vectors");
    case SEED:
        c->check.has_seed = true;
        return take_number(&c->check.seed, optarg, "--seed");
    case RUNS:
        return take_number(&c->check.runs, optarg, "--runs");
    case TRACE:
        c->check.trace = optarg;
        return 0;
    case IDLE:
        return take_chance(&c->check.idle, optarg, "--idle");
    case STALL:
        return take_chance(&c->check.stall, optarg, "--stall");
    case NO_RTL:
        c->check.without_rtl = true;
        return 0;
    case LIMIT:
        return take_number(&c->check.limit, optarg, "--limit");
    default:
        fputs("hlsc: see hlsc --help\n", stderr);
        return 2;
    }
}

static int judge(const struct command *c, int left) {
    const bool for_cosim = c->input.count || c->output.count || c->check.idle || c->check.stall;
    const char *reason = left < 1                        ? "no input file"
                         : left > 1                      ? "more than one input file"
                         : !c->compile.top               ? "--top is missing"
                         : for_cosim && c->kind != COSIM ? "--input, --output, --idle and "
                                                           "--stall are for hlsc cosim"
                         : c->kind != COMPILE && (c->compile.dump_ast || c->compile.dump_ir)
                             ? "--dump-ast and --dump-ir go without check and cosim"
                         : c->check.without_rtl && (c->kind != CHECK || c->check.trace)
                             ? "--no-rtl is for hlsc check without --trace"
                             : NULL;
    if (reason)
        fprintf(stderr, "hlsc: %s; see hlsc --help\n", reason);
    return reason ? 2 : 0;
}

// Where hls.h is, behind the folders that were given: a kernel needs no -I for it.
static void add_own_headers(struct list *include, char *folder, size_t size) {
    char error[1024];
    if (include->count == MAX_LIST || mr_data_dir(folder, size, error, sizeof error) != 0)
        return;
    const size_t used = strlen(folder);
    if ((size_t)snprintf(folder + used, size - used, "/hls/include") < size - used)
        include->items[include->count++] = folder;
}

static int run(struct command *c) {
    char error[8192] = "", headers[PATH_MAX];
    int status;
    add_own_headers(&c->include, headers, sizeof headers);
    c->compile.front = (struct front_options){c->include.items, c->include.count, c->define.items,
                                              c->define.count, NULL};
    c->compile.samples = c->sample.items;
    c->compile.sample_count = c->sample.count;
    c->check.set = c->set.items;
    c->check.set_count = c->set.count;
    c->check.inputs = c->input.items;
    c->check.input_count = c->input.count;
    c->check.outputs = c->output.items;
    c->check.output_count = c->output.count;
    c->check.is_cosim = c->kind == COSIM;
    if (c->kind == COMPILE)
        status = compile(&c->compile, error, sizeof error);
    else
        status = check(&c->compile, &c->check, error, sizeof error);
    if (status != 0)
        fprintf(stderr, "%s\n", error);
    return status != 0;
}

int main(int argc, char **argv) {
    static const struct option options[] = {{"top", required_argument, NULL, TOP},
                                            {"report", no_argument, NULL, REPORT},
                                            {"sample", required_argument, NULL, SAMPLE},
                                            {"target", required_argument, NULL, TARGET},
                                            {"dump-ast", no_argument, NULL, DUMP_AST},
                                            {"dump-ir", no_argument, NULL, DUMP_IR},
                                            {"help", no_argument, NULL, HELP},
                                            {"version", no_argument, NULL, VERSION},
                                            {"vectors", required_argument, NULL, VECTORS},
                                            {"seed", required_argument, NULL, SEED},
                                            {"runs", required_argument, NULL, RUNS},
                                            {"set", required_argument, NULL, SET},
                                            {"trace", required_argument, NULL, TRACE},
                                            {"input", required_argument, NULL, INPUT},
                                            {"output", required_argument, NULL, OUTPUT},
                                            {"idle", required_argument, NULL, IDLE},
                                            {"stall", required_argument, NULL, STALL},
                                            {"limit", required_argument, NULL, LIMIT},
                                            {"no-rtl", no_argument, NULL, NO_RTL},
                                            {NULL, 0, NULL, 0}};
    static const char *const names[] = {"", "check", "cosim"};
    struct command c = {.compile = {.out_dir = ".", .warnings = stderr},
                        .check = {.vectors = 1000, .runs = 12}};
    for (int kind = CHECK; kind <= COSIM && c.kind == COMPILE; kind++) {
        if (argc < 2 || strcmp(argv[1], names[kind]) != 0)
            continue;
        c.kind = kind;
        c.check.runs = kind == COSIM ? 1 : 12;
        argv[1] = argv[0];
        argv++;
        argc--;
    }
    for (int option; (option = getopt_long(argc, argv, "o:I:D:", options, NULL)) != -1;) {
        if (option == HELP) {
            fputs(usage, stdout);
            return 0;
        }
        if (option == VERSION) {
            puts("hlsc (Millrace) " MR_VERSION);
            return 0;
        }
        const int status = take_option(&c, option);
        if (status != 0)
            return status;
    }
    const int status = judge(&c, argc - optind);
    if (status != 0)
        return status;
    c.compile.source = argv[optind];
    return run(&c);
}
