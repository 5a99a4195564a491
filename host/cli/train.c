// SPDX-License-Identifier: Apache-2.0
// `millrace train`: trains a network, and writes it as a model and as an ONNX file.
#define _POSIX_C_SOURCE 200809L
#include "train.h"

#include "json_append.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    X,
    Y,
    VALIDATE,
    VALIDATE_X,
    VALIDATE_Y,
    LOSS,
    OPTIMISER,
    RATE,
    SCHEDULE,
    MOMENTUM,
    CLIP,
    L2,
    DROPOUT,
    EPOCHS,
    BATCH,
    PATIENCE,
    ARITHMETIC,
    DEVICE,
    BITSTREAMS,
    BUILD,
    TARGET,
    FALLBACK,
    THREADS,
    SEED,
    CHECKPOINT,
    RESUME,
    PLAN,
    MULTIPLIERS,
    PLATFORM,
    EXPORT,
    OUTPUT
};

static const struct cli_option options[] = {
    {X, 0, "x", "X", "sequences (.npy or .csv): [N, T, F], or one a row, [N, T * F]"},
    {Y, 0, "y", "Y",
     "what they should give: a row for each sequence, or for each step where the\n"
     "network has an output per step; of ce the number of the class, from 0"},
    {VALIDATE, 0, "validate", "SHARE", "of the sequences, to validate with: 0.2; drawn"},
    {VALIDATE_X, 0, "validate-x", "X", "sequences to validate with, of another file,"},
    {VALIDATE_Y, 0, "validate-y", "Y", "and what they should give"},
    {LOSS, 0, "loss", "LOSS",
     "mse: mean squared error; bce: binary cross-entropy, of a sigmoid or linear\n"
     "head; ce: cross-entropy of classes, of softmax or linear (default mse)"},
    {OPTIMISER, 0, "optimiser", "O", "adam, or sgd (default adam)"},
    {RATE, 0, "rate", "R", "of learning (default 0.001)"},
    {SCHEDULE, 0, "schedule", "S",
     "of the rate: constant; step=N,F: times F after each N epochs; cosine or\n"
     "cosine=F: down to F of it, or 0, in the last epoch (default constant)"},
    {MOMENTUM, 0, "momentum", "M", "of sgd (default 0)"},
    {CLIP, 0, "clip", "NORM", "of the gradient of all weights at most"},
    {L2, 0, "l2", "L", "so much of each weight is added to its gradient (default 0)"},
    {DROPOUT, 0, "dropout", "P", "share of what a layer gives the next one that is 0 (default 0)"},
    {EPOCHS, 0, "epochs", "N", "(default 10)"},
    {BATCH, 0, "batch", "B", "sequences of a mini-batch (default 64)"},
    {PATIENCE, 0, "patience", "N", "ends after N epochs without a better validation loss"},
    {ARITHMETIC, 0, "arithmetic", "A", "float32, or int: whole numbers (default float32)"},
    {DEVICE, 0, "device", "URI",
     "cpu:; of int sim:, hls: and xrt:N too: a training engine, simulated, as C, or\n"
     "on a card (default cpu:)"},
    {BITSTREAMS, 0, "bitstreams", "DIR", "of xrt:, where images are"},
    {BUILD, 0, "build", NULL, "of xrt:, the image of an emulated card, where there is none"},
    {TARGET, 0, "target", "NAME", "the card of that image, and of --plan (default u55c)"},
    {FALLBACK, 0, "fallback", "URI", "a device that goes on where the other one fails: cpu:"},
    {THREADS, 0, "threads", "N", "of this processor (default: as many as it has)"},
    {SEED, 0, "seed", "S", "of first weights, order and dropout (default 0)"},
    {CHECKPOINT, 0, "checkpoint", "DIR",
     "a folder: it gets last.checkpoint after each epoch, best.checkpoint after\n"
     "one that validates best, and the curves, curves.csv and curves.html"},
    {RESUME, 0, "resume", NULL, "goes on from last.checkpoint, to the same bits"},
    {PLAN, 0, "plan", "STEPS",
     "trains nothing: tells what a training engine takes for a mini-batch of\n"
     "sequences of so many steps"},
    {MULTIPLIERS, 0, "multipliers", "N", "in an engine's lanes, at most (default 2048)"},
    {PLATFORM, 0, "platform", "NAME",
     "with --plan: builds that engine for a card: hw_emu: the image of an emulated one;\n"
     "hw: a folder with what Vitis needs; in -o, or in the folder of --bitstreams"},
    {EXPORT, 0, "export", "OUT.onnx", "writes what was trained as an ONNX file"},
    {OUTPUT, 'o', "output", "OUT.millrace", "and as a model, calibrated with X"},
    {0},
};

struct train {
    struct cli *cli;
    const char *network, *output, *export;
    uint32_t plan;        // steps of what is planned only; or 0
    const char *platform; // that it is built for; or NULL
    struct mr_train_options wanted;
    struct timespec shown; // when progress was
    struct mr_train_epoch best;
};

// ---- the command line

static bool real(struct cli *cli, const char *name, const char *text, double *value) {
    char *end;

    *value = strtod(text, &end);
    if (end != text && !*end && isfinite(*value) && *value >= 0)
        return true;
    cli_usage(cli, "--%s %s: a number that is not negative is expected", name, text);
    return false;
}

static bool word(struct cli *cli, const char *name, const char *text, const char *const *words,
                 int count, int *value) {
    for (*value = 0; *value < count; ++*value)
        if (strcmp(words[*value], text) == 0)
            return true;
    cli_usage(cli, "--%s %s: %s, %s%s%s is expected", name, text, words[0], words[1],
              count > 2 ? " or " : "", count > 2 ? words[2] : "");
    return false;
}

static bool whole(struct cli *cli, const char *name, const char *text, uint64_t most,
                  uint32_t *value) {
    uint64_t number;

    if (!cli_number(cli, name, text, most, &number))
        return false;
    *value = (uint32_t)number;
    return true;
}

static bool seed_of(struct cli *cli, const char *text, uint64_t *seed) {
    char *end;

    errno = 0;
    *seed = strtoull(text, &end, 10);
    if (*text >= '0' && *text <= '9' && !*end && !errno)
        return true;
    cli_usage(cli, "--seed %s: a whole number that is not negative is expected", text);
    return false;
}

// A share from 0 to 1, which ends the text.
static bool share(const char *text, double *value) {
    char *end;

    *value = strtod(text, &end);
    return end != text && !*end && *value >= 0 && *value <= 1;
}

static bool schedule_of(struct cli *cli, const char *text, struct mr_train_options *wanted) {
    static const char cosine[] = "cosine=", step[] = "step=";
    char *end = NULL;

    wanted->rate_factor = 0;
    if (strcmp(text, "constant") == 0) {
        wanted->schedule = MR_TRAIN_CONSTANT;
        return true;
    }
    wanted->schedule = MR_TRAIN_COSINE;
    if (strcmp(text, "cosine") == 0 || (strncmp(text, cosine, sizeof cosine - 1) == 0 &&
                                        share(text + sizeof cosine - 1, &wanted->rate_factor)))
        return true;
    wanted->schedule = MR_TRAIN_STEPS;
    if (strncmp(text, step, sizeof step - 1) == 0) {
        const unsigned long epochs = strtoul(text + sizeof step - 1, &end, 10);
        wanted->rate_epochs = epochs <= 1000000 ? (uint32_t)epochs : 0;
    }
    if (end && *end == ',' && wanted->rate_epochs > 0 && share(end + 1, &wanted->rate_factor) &&
        wanted->rate_factor > 0)
        return true;
    cli_usage(cli, "--schedule %s: constant, step=N,F, cosine or cosine=F is expected, F at most 1",
              text);
    return false;
}

// One option; false after a message.
static bool take(struct train *train, int option, const char *text) {
    static const char *const losses[] = {"mse", "bce", "ce"}, *const optimisers[] = {"adam", "sgd"};
    struct mr_train_options *wanted = &train->wanted;
    struct cli *cli = train->cli;
    int value = 0;

    switch (option) {
    case VALIDATE:
        return real(cli, "validate", text, &wanted->validate);
    case LOSS:
        if (!word(cli, "loss", text, losses, 3, &value))
            return false;
        wanted->loss = (enum mr_train_loss)value;
        return true;
    case OPTIMISER:
        if (!word(cli, "optimiser", text, optimisers, 2, &value))
            return false;
        wanted->optimiser = (enum mr_train_optimiser)value;
        return true;
    case RATE:
        return real(cli, "rate", text, &wanted->rate);
    case SCHEDULE:
        return schedule_of(cli, text, wanted);
    case MOMENTUM:
        return real(cli, "momentum", text, &wanted->momentum);
    case CLIP:
        return real(cli, "clip", text, &wanted->clip);
    case L2:
        return real(cli, "l2", text, &wanted->l2);
    case DROPOUT:
        return real(cli, "dropout", text, &wanted->dropout);
    case EPOCHS:
        return whole(cli, "--epochs", text, 1000000, &wanted->epochs);
    case BATCH:
        return whole(cli, "--batch", text, 1 << 20, &wanted->batch);
    case PATIENCE:
        return whole(cli, "--patience", text, 1000000, &wanted->patience);
    case THREADS:
        return whole(cli, "--threads", text, MR_THREADS_MAX, &wanted->threads);
    case PLAN:
        return whole(cli, "--plan", text, 1 << 20, &train->plan);
    case MULTIPLIERS:
        return whole(cli, "--multipliers", text, 1 << 20, &wanted->multipliers);
    case SEED:
        return seed_of(cli, text, &wanted->seed);
    default:
        return true;
    }
}

static int read_options(struct train *train, int argc, char **argv) {
    struct mr_train_options *wanted = &train->wanted;
    const char **const texts[] = {[X] = &wanted->x,
                                  [Y] = &wanted->y,
                                  [VALIDATE_X] = &wanted->validate_x,
                                  [VALIDATE_Y] = &wanted->validate_y,
                                  [ARITHMETIC] = &wanted->arithmetic,
                                  [DEVICE] = &wanted->device,
                                  [BITSTREAMS] = &wanted->bitstreams,
                                  [TARGET] = &wanted->target,
                                  [FALLBACK] = &wanted->fallback,
                                  [PLATFORM] = &train->platform,
                                  [CHECKPOINT] = &wanted->checkpoint,
                                  [EXPORT] = &train->export,
                                  [OUTPUT] = &train->output};

    for (int option; (option = cli_next(train->cli, argc, argv)) != CLI_END;) {
        if (option == CLI_STOP)
            return CLI_STOP;
        if (option == RESUME)
            wanted->resume = 1;
        else if (option == BUILD)
            wanted->build_image = 1;
        else if ((size_t)option < sizeof texts / sizeof *texts && texts[option])
            *texts[option] = optarg;
        else if (!take(train, option, optarg)) {
            train->cli->code = CLI_USAGE;
            return CLI_STOP;
        }
    }
    return CLI_OK;
}

// What the options are together.
static int check_options(struct train *train) {
    const struct mr_train_options *wanted = &train->wanted;
    struct cli *cli = train->cli;

    if (train->platform && !train->plan)
        return cli_usage(cli, "--platform needs --plan, the steps of a sequence");
    if (train->plan)
        return CLI_OK;
    if (!wanted->x || !wanted->y)
        return cli_usage(cli, "--x and --y are needed, the files of what is learnt");
    if (!wanted->validate_x != !wanted->validate_y)
        return cli_usage(cli, "--validate-x and --validate-y need each other");
    if (wanted->validate_x && wanted->validate > 0)
        return cli_usage(cli, "--validate and --validate-x exclude each other");
    if (wanted->resume && !wanted->checkpoint)
        return cli_usage(cli, "--resume needs --checkpoint");
    if (wanted->patience && !wanted->validate_x && wanted->validate == 0)
        return cli_usage(cli, "--patience needs --validate, or --validate-x");
    if (wanted->momentum > 0 && wanted->optimiser != MR_TRAIN_SGD)
        return cli_usage(cli, "--momentum needs --optimiser sgd");
    if (!train->output && !train->export && !wanted->checkpoint)
        return cli_usage(cli, "what is trained goes nowhere: -o, --export or --checkpoint is "
                              "needed");
    return CLI_OK;
}

// ---- what is told

static void show_progress(void *context, const struct mr_train_progress *p) {
    struct train *train = context;
    struct timespec now;

    if (!train->cli->show_progress)
        return;
    clock_gettime(CLOCK_MONOTONIC, &now);
    const double passed = (double)(now.tv_sec - train->shown.tv_sec) +
                          1e-9 * (double)(now.tv_nsec - train->shown.tv_nsec);
    if (passed < 0.1)
        return;
    train->shown = now;
    fprintf(stderr, "\r\033[Kmillrace: epoch %u of %u, mini-batch %llu of %llu, loss %.5g",
            p->epoch, p->epochs, (unsigned long long)p->batch, (unsigned long long)p->batches,
            p->loss);
    fflush(stderr);
    train->cli->progress_shown = true;
}

static void show_note(void *context, const char *text) {
    cli_note(((struct train *)context)->cli, "%s", text);
}

static json_t *number(double value) {
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *epoch_json(const struct mr_train_epoch *e) {
    return json_pack("{s:i, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:I, s:I, s:o}", "epoch",
                     (int)e->epoch, "step", (json_int_t)e->step, "rate", number(e->rate), "loss",
                     number(e->loss), "metric", number(e->metric), "validation_loss",
                     number(e->validation_loss), "validation_metric", number(e->validation_metric),
                     "seconds", number(e->seconds), "best", e->best, "cycles",
                     (json_int_t)e->cycles, "planned_cycles", (json_int_t)e->planned_cycles,
                     "utilisation", number(e->utilisation));
}

// With --json a line for each epoch.
static void tell_epoch(struct train *train, const struct mr_train_epoch *e) {
    cli_end_progress(train->cli);
    if (train->cli->json) {
        json_t *object = epoch_json(e);
        char *line = object ? json_dumps(object, JSON_COMPACT) : NULL;
        if (line)
            puts(line);
        fflush(stdout);
        free(line);
        json_decref(object);
        return;
    }
    FILE *to = cli_report(train->cli);
    const char *metric = cli_train_metric(train->wanted.loss);
    fprintf(to, "epoch %3u  loss %.5g  %s %.5g", e->epoch, e->loss, metric, e->metric);
    if (isfinite(e->validation_loss))
        fprintf(to, "  | validation: loss %.5g  %s %.5g%s", e->validation_loss, metric,
                e->validation_metric, e->best ? " *" : "");
    fprintf(to, "  (%.1f s", e->seconds);
    if (e->cycles)
        fprintf(to, ", %llu cycles, %llu planned, lanes busy %.1f %%",
                (unsigned long long)e->cycles, (unsigned long long)e->planned_cycles,
                100 * e->utilisation);
    fputs(")\n", to);
    fflush(to);
}

// ---- the training

static int write_curves(struct train *train, const struct mr_training *training) {
    char text[900];

    if (train->wanted.checkpoint &&
        cli_train_write_curves(training, train->wanted.loss, train->network,
                               train->wanted.checkpoint, text, sizeof text) != 0)
        return cli_fail(train->cli, "%s", text);
    return CLI_OK;
}

static int run_epochs(struct train *train, struct mr_training *training) {
    struct mr_train_epoch epoch;
    struct mr_error error;
    int more, code = CLI_OK;

    for (uint32_t i = 0; mr_train_history(training, i, &epoch) == 0; i++)
        if (epoch.best)
            train->best = epoch;
    if (mr_train_epochs(training) > 0)
        cli_note(train->cli, "goes on behind epoch %u", mr_train_epochs(training));
    while ((more = mr_train_next(training, &epoch, &error)) > 0) {
        if (epoch.best)
            train->best = epoch;
        tell_epoch(train, &epoch);
        if ((code = write_curves(train, training)) != CLI_OK)
            return code;
    }
    if (more < 0 && train->wanted.checkpoint && mr_train_epochs(training) > 0)
        return cli_fail(train->cli, "%s; %s/last.checkpoint, of epoch %u, is kept", error.text,
                        train->wanted.checkpoint, mr_train_epochs(training));
    return more < 0 ? cli_fail(train->cli, "%s", error.text) : write_curves(train, training);
}

static int tell_end(struct train *train, const struct mr_training *training) {
    const bool validates = isfinite(train->best.validation_loss);
    struct cli *cli = train->cli;

    if (cli->json) {
        json_t *object =
            json_pack("{s:i, s:o, s:s?, s:s?, s:s?}", "epochs", (int)mr_train_epochs(training),
                      "best", epoch_json(&train->best), "model", train->output, "onnx",
                      train->export, "checkpoint", train->wanted.checkpoint);
        char *line = object ? json_dumps(object, JSON_COMPACT) : NULL;
        json_decref(object);
        if (!line)
            return cli_fail(cli, "the JSON output cannot be made: memory is short, or a name is no "
                                 "UTF-8");
        const bool printed = puts(line) >= 0;
        free(line);
        return printed ? CLI_OK : CLI_FAILED;
    }
    FILE *to = cli_report(cli);
    if (validates)
        fprintf(to, "the best is epoch %u: validation loss %.5g, %s %.5g\n", train->best.epoch,
                train->best.validation_loss, cli_train_metric(train->wanted.loss),
                train->best.validation_metric);
    if (train->output)
        fprintf(to, "model: %s\n", train->output);
    if (train->export)
        fprintf(to, "ONNX: %s\n", train->export);
    if (train->wanted.checkpoint)
        fprintf(to, "curves: %s/curves.html, %s/curves.csv\n", train->wanted.checkpoint,
                train->wanted.checkpoint);
    return CLI_OK;
}

// "212 of 2016 RAMB36".
static void tell_share(const char *before, uint64_t needed, uint64_t there, const char *what) {
    printf("%s%llu of %llu %s%s", before, (unsigned long long)needed, (unsigned long long)there,
           what, needed > there ? " (too many)" : "");
}

static int plan_engine(struct train *train) {
    struct mr_train_engine e;
    struct mr_error error;

    if (mr_train_plan(train->network, &train->wanted, train->plan, &e, &error) != 0)
        return cli_fail(train->cli, "%s", error.text);
    const double ms = (double)e.cycles / (e.clock_mhz * 1e3), rate = e.batch / ms * 1e3;
    const double gigabytes = (double)e.passed_bytes / ms / 1e6; // in a second
    const uint64_t all = e.gradient_bits + e.stash_bits + e.parameter_bits;
    if (train->cli->json)
        return cli_print_json(
            train->cli,
            json_pack(
                "{s:i, s:i, s:i, s:i, s:i, s:I, s:I, s:f, s:f, s:f, s:f, s:s, s:{s:I, s:I, s:I}, "
                "s:{s:I, s:I, s:I}, s:I, s:I, s:I, s:I, s:i, s:f}",
                "multipliers", (int)e.multipliers, "columns", (int)e.columns, "together",
                (int)e.together, "batch", (int)e.batch, "steps", (int)e.steps, "cycles",
                (json_int_t)e.cycles, "predict_cycles", (json_int_t)e.predict_cycles, "utilisation",
                e.utilisation, "clock_mhz", e.clock_mhz, "milliseconds", ms, "sequences_per_second",
                rate, "target", e.target, "memories", "ramb36", (json_int_t)e.ramb36, "urams",
                (json_int_t)e.urams, "luts", (json_int_t)e.luts, "device", "ramb36",
                (json_int_t)e.device_ramb36, "urams", (json_int_t)e.device_urams, "luts",
                (json_int_t)e.device_luts, "gradient_bits", (json_int_t)e.gradient_bits,
                "stash_bits", (json_int_t)e.stash_bits, "parameter_bits",
                (json_int_t)e.parameter_bits, "outside_bytes", (json_int_t)e.outside_bytes,
                "outside_ports", (int)e.outside_ports, "outside_gigabytes_per_second", gigabytes));
    printf("a training engine of %u multipliers in its lanes, %u columns of %u sequences a "
           "cycle:\n%llu cycles for %u sequences of %u steps, %.4g ms at %g MHz, %.0f "
           "sequences a second, lanes busy %.1f %%\n",
           e.multipliers, e.columns, e.together, (unsigned long long)e.cycles, e.batch, e.steps, ms,
           e.clock_mhz, rate, 100 * e.utilisation);
    printf("%s", e.target);
    tell_share(": memories take ", e.ramb36, e.device_ramb36, "RAMB36");
    tell_share(", ", e.urams, e.device_urams, "UltraRAMs");
    tell_share(" and ", e.luts, e.device_luts, "LUTs that can be memory");
    printf("\nof %.1f Mb are gradients %.1f, of the steps for the way back %.1f, parameters with "
           "moments %.1f\n",
           (double)all / 1e6, (double)e.gradient_bits / 1e6, (double)e.stash_bits / 1e6,
           (double)e.parameter_bits / 1e6);
    if (e.outside_bytes)
        printf("in the card's memory %.0f MB: the parameters, and the steps for the way back but "
               "for the ones at work; %.3g GB/s by %u ports\n",
               (double)e.outside_bytes / 1e6, gigabytes, e.outside_ports);
    return CLI_OK;
}

static int build_engine(struct train *train) {
    char place[PATH_MAX];
    struct mr_error error;

    if (mr_train_image(train->network, train->platform, &train->wanted, train->plan, train->output,
                       place, sizeof place, &error) != 0)
        return cli_fail(train->cli, "%s", error.text);
    cli_end_progress(train->cli);
    if (train->cli->json)
        return cli_print_json(train->cli,
                              json_pack("{s:{s:{s:s}}}", "built", train->platform, "path", place));
    printf("%-5s %s\n", train->platform, place);
    return CLI_OK;
}

static int train_network(struct train *train) {
    struct mr_error error;
    struct mr_training *training = mr_train_open(train->network, &train->wanted, &error);
    if (!training)
        return cli_fail(train->cli, "%s", error.text);
    int code = run_epochs(train, training);
    if (!code && train->export && mr_train_export(training, train->export, &error))
        code = cli_fail(train->cli, "%s", error.text);
    if (!code && train->output && mr_train_save(training, train->output, &error))
        code = cli_fail(train->cli, "%s", error.text);
    if (!code)
        code = tell_end(train, training);
    mr_train_close(training);
    return code;
}

static int train_command(struct cli *cli, int argc, char **argv) {
    struct train train = {.cli = cli};
    train.wanted = (struct mr_train_options){MR_TRAIN_OPTIONS_INIT, .progress = show_progress,
                                             .note = show_note, .context = &train};
    if (read_options(&train, argc, argv) == CLI_STOP)
        return cli->code;
    if (check_options(&train))
        return CLI_USAGE;
    train.network = cli_argument(cli, argc, argv, "the network: an ONNX, .millrace or JSON file");
    if (!train.network)
        return CLI_USAGE;
    const struct cli_file files[] = {{"NET", train.network, false},
                                     {"--x", train.wanted.x, false},
                                     {"--y", train.wanted.y, false},
                                     {"--validate-x", train.wanted.validate_x, false},
                                     {"--validate-y", train.wanted.validate_y, false},
                                     {"--export", train.export, true},
                                     {"--output", train.platform ? NULL : train.output, true},
                                     {0}};
    const int code = cli_check_files(cli, files);
    if (code)
        return code;
    return train.platform ? build_engine(&train)
           : train.plan   ? plan_engine(&train)
                          : train_network(&train);
}

const struct cli_command cli_train = {
    .name = "train",
    .summary = "train a network, and write it as a model or an ONNX file",
    .usage = "NET.onnx|NET.millrace|NET.json --x X --y Y [-o OUT.millrace] [options]",
    .about =
        "Trains the network of an ONNX file, a model, or a description in JSON, which without "
        "weights\n"
        "gets first ones as PyTorch draws them: layers of LSTM, GRU and RNN, and one dense head.\n"
        "With --json it prints a line for each epoch, and one at the end.",
    .options = options,
    .run = train_command,
};
