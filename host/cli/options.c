// SPDX-License-Identifier: Apache-2.0
// Command lines (cli.h): options by their tables, what else stands there, and the help.
#define _POSIX_C_SOURCE 200809L
#include "cli.h"

#include "text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    HELP = CLI_STOP + 1,
    JSON,
    TARGET,
    LANES,
    LATENCY,
    STEP_LATENCY,
    THROUGHPUT,
    AREA,
    STEP_CYCLES,
    WITHIN,
    SLOTS,
    BUDGET,
    DSPS,
    BITSTREAMS,
    THREADS,
    CELL
};
enum { MAX_OPTIONS = 40, TEXT_COLUMN = 20 };

static const struct cli_option common[] = {
    {JSON, 0, "json", NULL, "print one JSON object and nothing else"},
    {HELP, 'h', "help", NULL, "print this text"},
    {0},
};

static const struct cli_option of_plans[] = {
    {TARGET, 0, "target", "NAME",
     "the device whose size limits the network (default u55c);\n"
     "a board with a folded kernel, as icebreaker, is for plan and for images of it"},
    {LANES, 0, "lanes", "N[/P][h][,...]",
     "columns per cycle, for all layers or one number for each; /P: in P passes,\nwith 1/P of the "
     "lanes; h: those of h before those of x"},
    {LATENCY, 0, "latency", NULL, "the shortest time for a sequence that fits"},
    {STEP_LATENCY, 0, "step-latency", NULL, "the shortest time for a step that comes alone"},
    {THROUGHPUT, 0, "throughput", NULL,
     "the most steps per second, of as many sequences at a time as that takes"},
    {AREA, 0, "area", NULL,
     "the smallest network\n(default: the fastest at which the multipliers are kept busy)"},
    {STEP_CYCLES, 0, "step-cycles", "N",
     "the smallest network with at most N cycles per step; with --throughput,\nof as many "
     "sequences at a time as that takes"},
    {WITHIN, 0, "within", "US[/STEPS]",
     "the smallest network that takes a sequence of so many steps (default 1)\n"
     "in so many microseconds"},
    {SLOTS, 0, "slots", "N",
     "sequences that have their turns in the network: 1, 2, 4, 8 or 16 (default 1)"},
    {BUDGET, 0, "budget", "PERCENT",
     "of the target's DSPs and memories that may be used (default 85)"},
    {DSPS, 0, "dsps", "N", "DSPs that may be used"},
    {0},
};

static const struct cli_option of_cards[] = {
    {BITSTREAMS, 0, "bitstreams", "DIR",
     "the folder with the images of cards (default: $MILLRACE_BITSTREAMS, else\n"
     "the one of this installation)"},
    {0},
};

static const struct cli_option of_runs[] = {
    {THREADS, 0, "threads", "N",
     "that a run on cpu: may have, 1 to 64 (default 1); they change no bit"},
    {0},
};

static const struct cli_option of_models[] = {
    {CELL, 0, "cell", "FILE.c",
     "a cell of your own that the network has (docs/own-cell.md); it is compiled\n"
     "and run. May be given several times"},
    {0},
};

// All options of a command, one after the other; NULL after the last.
static const struct cli_option *option_at(const struct cli_command *command, size_t index) {
    const struct cli_option *const lists[] = {command->options,
                                              command->models ? of_models : NULL,
                                              command->threads ? of_runs : NULL,
                                              command->cards ? of_cards : NULL,
                                              command->plans ? of_plans : NULL,
                                              common};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        for (const struct cli_option *option = lists[i]; option && option->name; option++)
            if (index-- == 0)
                return option;
    return NULL;
}

static void print_option(const struct cli_option *option) {
    int column = option->letter ? printf("  -%c, ", option->letter) : printf("  ");
    column += printf("--%s%s%s", option->name, option->argument ? " " : "",
                     option->argument ? option->argument : "");
    for (const char *line = option->text; line;) {
        const size_t length = strcspn(line, "\n");
        if (column >= TEXT_COLUMN) {
            putchar('\n');
            column = 0;
        }
        printf("%*s%.*s\n", TEXT_COLUMN - column, "", (int)length, line);
        column = 0;
        line = line[length] ? line + length + 1 : NULL;
    }
}

void cli_print_help(const struct cli_command *command) {
    printf("Usage: millrace %s %s\n%s\n\n", command->name, command->usage, command->about);
    const struct cli_option *option;
    for (size_t i = 0; (option = option_at(command, i)); i++)
        print_option(option);
}

// ---- slips of the finger

// The option that was meant by the word of the command line, which may be "-name" or
// "--name=value".
static int unknown(struct cli *cli, const char *word) {
    const char *names[MAX_OPTIONS], *at = word + strspn(word, "-");
    const struct cli_option *option;
    char name[40];
    size_t count = 0;
    for (; count < MAX_OPTIONS && (option = option_at(cli->command, count)); count++)
        names[count] = option->name;
    snprintf(name, sizeof name, "%.*s", (int)strcspn(at, "="), at);
    const char *near = mr_nearest(name, names, count);
    return cli_usage(cli, "option %s is not known%s%s%s", word, near ? " (did you mean --" : "",
                     near ? near : "", near ? "?)" : "");
}

// ---- parsing

// One choice of lanes, not two.
static int set_choice(struct cli *cli, enum mr_lanes_choice choice) {
    if (cli->modes)
        return cli_usage(
            cli,
            "--lanes, --latency, --step-latency, --throughput, --area, --step-cycles and --within "
            "exclude each other (--throughput and --step-cycles do not)");
    cli->modes = true;
    cli->options.choice = choice;
    return CLI_OK;
}

static int set_lanes(struct cli *cli, const char *text) {
    uint32_t count = 0;
    for (const char *at = text;;) {
        char *end;
        errno = 0;
        const unsigned long value = *at >= '0' && *at <= '9' ? strtoul(at, &end, 10) : 0;
        unsigned long passes = 1;
        if (value > 0 && *end == '/')
            passes = end[1] >= '0' && end[1] <= '9' ? strtoul(end + 1, &end, 10) : 0;
        const bool h_first = value > 0 && *end == 'h';
        end += h_first;
        if (value == 0 || passes == 0 || errno || value > 1000000 || passes > 1000000 ||
            (*end != ',' && *end != '\0'))
            return cli_usage(
                cli,
                "--lanes %s: whole numbers from 1 with commas are expected, or N/P for "
                "P passes, and h behind a number for the columns of h first",
                text);
        if (count == MR_MAX_LAYERS)
            return cli_usage(cli, "--lanes %s: more than %d numbers", text, MR_MAX_LAYERS);
        cli->h_first[count] = h_first;
        cli->passes[count] = (uint32_t)passes;
        cli->lanes[count++] = (uint32_t)value;
        if (*end == '\0')
            break;
        at = end + 1;
    }
    cli->options.lanes = cli->lanes;
    cli->options.passes = cli->passes;
    cli->options.h_first = cli->h_first;
    cli->options.lane_count = count;
    return set_choice(cli, MR_LANES_GIVEN);
}

// What getopt says of the command line when it stops at it.
static int complain(struct cli *cli, int argc, char **argv) {
    const char *word = argv[optind - 1];
    if (optopt <= 0)
        return unknown(cli, word);
    if (optopt < CLI_FIRST && optopt > ' ') {
        // Of several letters behind one dash, optind stays until the last one.
        if (optind < argc && argv[optind][0] == '-' && strchr(argv[optind], optopt))
            word = argv[optind];
        if (word[0] == '-' && word[1] && word[2] && strchr(word, optopt))
            return unknown(cli, word);
        return cli_usage(cli, "option -%c is not known", optopt);
    }
    return cli_usage(cli, "option %s takes no value", word);
}

// A value that cannot be meant: none, or that of "-o=y.npy", which getopt takes for the file
// "=y.npy".
static int check_value(struct cli *cli, const struct cli_option *option, const char *word) {
    if (!option->argument || (*optarg && (*optarg != '=' || optarg != word + 2)))
        return CLI_OK;
    if (!*optarg)
        return cli_usage(cli, "option --%s needs a value, and it is empty", option->name);
    return cli_usage(cli, "option %s: write -%c %s or --%s%s", word, option->letter, optarg + 1,
                     option->name, optarg);
}

// True for "-input", which getopt takes for "-i nput".
static bool is_long_name(const struct cli_command *command, const char *word) {
    const struct cli_option *option;
    if (word[0] != '-' || word[1] == '-' || !word[1] || !word[2])
        return false;
    for (size_t i = 0; (option = option_at(command, i)); i++)
        if (strlen(option->name) == strcspn(word + 1, "=") &&
            strncmp(option->name, word + 1, strlen(option->name)) == 0)
            return true;
    return false;
}

// What getopt takes: long options with ids from CLI_FIRST on, and letters.
static void make_tables(const struct cli_command *command, struct option *table, char *letters) {
    const struct cli_option *option;
    // What follows a program is the program's; what lacks its value is told by a colon.
    letters += sprintf(letters, command->program ? "+:" : ":");
    for (size_t i = 0; i < MAX_OPTIONS && (option = option_at(command, i)); i++) {
        table[i] = (struct option){option->name, option->argument ? required_argument : no_argument,
                                   NULL, CLI_FIRST + (int)i};
        if (option->letter)
            letters += sprintf(letters, "%c%s", option->letter, option->argument ? ":" : "");
    }
}

// The option that getopt has found; NULL: it complains.
static const struct cli_option *find_option(const struct cli_command *command, int found) {
    const struct cli_option *option = NULL;
    for (size_t i = 0; found != '?' && found != ':' && (option = option_at(command, i)); i++)
        if (found == CLI_FIRST + (int)i || found == option->letter)
            break;
    return option;
}

// A whole number from 1 to `most`.
static int set_number(struct cli *cli, const char *name, unsigned long most, uint32_t *number) {
    char *end;
    errno = 0;
    const unsigned long value = *optarg >= '0' && *optarg <= '9' ? strtoul(optarg, &end, 10) : 0;
    if (value == 0 || errno || *end || value > most)
        return cli_usage(cli, "--%s %s: a whole number from 1 to %lu is expected", name, optarg,
                         most);
    *number = (uint32_t)value;
    return CLI_OK;
}

// Microseconds, and behind a stroke steps.
// The smallest that takes so many cycles a step: with one slot, or behind or in front of
// --throughput with any number.
static int set_throughput(struct cli *cli) {
    if (!cli->modes || !cli->options.step_cycles || cli->options.choice != MR_LANES_AREA)
        return set_choice(cli, MR_LANES_THROUGHPUT);
    cli->options.choice = MR_LANES_THROUGHPUT;
    return CLI_OK;
}

static int set_step_cycles(struct cli *cli) {
    const bool joins = cli->options.choice == MR_LANES_THROUGHPUT && !cli->options.step_cycles;
    const int code = set_number(cli, "step-cycles", UINT32_MAX, &cli->options.step_cycles);
    return code || joins ? code : set_choice(cli, MR_LANES_AREA);
}

static int set_within(struct cli *cli) {
    char *end = optarg;
    errno = 0;
    const double us = *optarg >= '0' && *optarg <= '9' ? strtod(optarg, &end) : 0;
    unsigned long steps = 1;
    if (*end == '/')
        steps = end[1] >= '0' && end[1] <= '9' ? strtoul(end + 1, &end, 10) : 0;
    if (!(us >= 0.001 && us <= 4e6) || steps == 0 || steps > UINT32_MAX || errno || *end)
        return cli_usage(
            cli,
            "--within %s: microseconds from 0.001 to 4000000 are expected, or US/STEPS "
            "for a sequence of so many steps",
            optarg);
    cli->options.within_ns = (uint32_t)(us * 1000 + 0.5);
    cli->options.within_steps = (uint32_t)steps;
    return set_choice(cli, MR_LANES_AREA);
}

// Takes an option that several commands have; false for one of the command's own.
static bool take_shared(struct cli *cli, int id) {
    switch (id) {
    case JSON:
        cli->json = true;
        return true;
    case TARGET:
        cli->options.target = optarg;
        return true;
    case LANES:
        cli->code = set_lanes(cli, optarg);
        return true;
    case BITSTREAMS:
        cli->options.bitstreams = optarg;
        return true;
    case THREADS:
        cli->code = set_number(cli, "threads", MR_THREADS_MAX, &cli->options.threads);
        return true;
    case CELL:
        if (cli->cell_count == MR_MAX_LAYERS)
            cli->code = cli_usage(cli, "--cell is given more than %d times", MR_MAX_LAYERS);
        else
            cli->cells[cli->cell_count++] = optarg;
        return true;
    case LATENCY:
        cli->code = set_choice(cli, MR_LANES_LATENCY);
        return true;
    case STEP_LATENCY:
        cli->code = set_choice(cli, MR_LANES_STEP);
        return true;
    case THROUGHPUT:
        cli->code = set_throughput(cli);
        return true;
    case AREA:
        cli->code = set_choice(cli, MR_LANES_AREA);
        return true;
    case STEP_CYCLES:
        cli->code = set_step_cycles(cli);
        return true;
    case WITHIN:
        cli->code = set_within(cli);
        return true;
    case SLOTS:
        cli->code = set_number(cli, "slots", 16, &cli->options.slots);
        return true;
    case BUDGET:
        cli->code = set_number(cli, "budget", 100, &cli->options.budget);
        return true;
    case DSPS:
        cli->code = set_number(cli, "dsps", UINT32_MAX, &cli->options.dsps);
        return true;
    default:
        return false;
    }
}

int cli_next(struct cli *cli, int argc, char **argv) {
    struct option table[MAX_OPTIONS + 1] = {0};
    char letters[2 * MAX_OPTIONS + 3];
    make_tables(cli->command, table, letters);
    for (cli->code = CLI_OK; cli->code == CLI_OK;) {
        const int found = getopt_long(argc, argv, letters, table, NULL);
        if (found == -1)
            return CLI_END;
        const struct cli_option *option = find_option(cli->command, found);
        const char *word = argv[optind - 1];
        if (!option)
            cli->code = found == ':' ? cli_usage(cli, "option %s needs a value", word)
                                     : complain(cli, argc, argv);
        else if (is_long_name(cli->command, word))
            cli->code = unknown(cli, word);
        else
            cli->code = check_value(cli, option, word);
        if (cli->code)
            break;
        if (option->id == HELP) {
            cli_print_help(cli->command);
            break;
        }
        if (!take_shared(cli, option->id))
            return option->id;
    }
    return CLI_STOP;
}

const char *cli_argument(struct cli *cli, int argc, char **argv, const char *what) {
    if (optind >= argc) {
        cli_usage(cli, "%s is missing", what);
        return NULL;
    }
    if (optind + 1 < argc) {
        cli_usage(cli, "one argument too many: %s (files but the first are named by options)",
                  argv[optind + 1]);
        return NULL;
    }
    return argv[optind];
}

int cli_model_and_input(struct cli *cli, int argc, char **argv, const char **model,
                        const char **input) {
    if (optind >= argc)
        return cli_usage(cli, "the model file is missing");
    *model = argv[optind];
    const int room = *input ? 1 : 2;
    if (optind + room < argc)
        return cli_usage(
            cli, "one argument too many: %s (files but model and input are named by options)",
            argv[optind + room]);
    if (optind + 1 < argc)
        *input = argv[optind + 1];
    return *input ? CLI_OK : cli_usage(cli, "--input is missing");
}

bool cli_number(struct cli *cli, const char *name, const char *text, uint64_t max,
                uint64_t *number) {
    char *end = NULL;
    errno = 0;
    const unsigned long long value = *text >= '0' && *text <= '9' ? strtoull(text, &end, 10) : 0;
    if (value == 0 || errno || *end || value > max) {
        cli_usage(cli, "%s %s: a whole number from 1 to %llu is expected", name, text,
                  (unsigned long long)max);
        return false;
    }
    *number = value;
    return true;
}
