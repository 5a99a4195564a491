// SPDX-License-Identifier: Apache-2.0
// `millrace run --generate`: tokens that the device feeds back, behind the sequences of X.
#include "file.h"
#include "run.h"
#include "stats.h"
#include "text.h"

#include <stdlib.h>

struct generation {
    struct cli *cli;
    struct run *run;
    const struct mr_model *model;
    struct mr_model_info info;
    uint32_t encoder;       // features of its encoder, which then reads X; 0: it has none
    struct cli_input input; // of one sequence without steps where there is no X
    struct mr_session *session;
    struct mr_array tokens;        // [sequences, most], -1 behind the last one of each
    uint64_t *counts;              // [sequences]
    struct mr_stats stats, before; // of the tokens, and of what stands before them in X
};

// Runs the steps of X before the first token, and takes that from them where it is not given.
static int begin(struct generation *g, size_t sequence, int32_t *first) {
    const struct cli_input *input = &g->input;
    const size_t steps = g->run->first >= 0 || !input->steps ? input->steps : input->steps - 1;
    const uint32_t features = g->encoder ? g->encoder : g->info.inputs;
    const float *x = input->x ? input->x + sequence * input->steps * features : NULL;
    struct mr_stats stats;
    if (!g->run->restore)
        mr_session_reset(g->session);
    *first = g->run->first;
    if (*first < 0) {
        const double token = (double)x[steps * features];
        if (!(token >= 0 && token < MR_MAX_ENTRIES && token == (double)(int32_t)token))
            return cli_fail(g->cli,
                            "%s: the last number of sequence %zu (from 0) is %g, and is no token",
                            input->name, sequence, token);
        *first = (int32_t)token;
    }
    if (steps == 0)
        return CLI_OK;
    float *y = g->encoder ? NULL : malloc(mr_model_numbers(g->model, steps) * sizeof *y);
    if (!y && !g->encoder)
        return cli_fail(g->cli, "not enough memory for %zu steps", steps);
    const int code = g->encoder
                         ? mr_session_encode(g->session, x, steps, &stats)
                         : mr_session_run(g->session, x, 1, steps, MR_RUN_CONTINUE, y, &stats);
    free(y);
    if (code)
        return cli_fail_run(g->cli, code, g->session, input);
    mr_stats_add(&stats, &g->before);
    return CLI_OK;
}

static int generate(struct generation *g, size_t sequence) {
    const uint64_t most = g->run->generate;
    float *row = g->tokens.data + sequence * most;
    struct mr_stats stats;
    int32_t first;
    int code = begin(g, sequence, &first);
    if (code)
        return code;
    int32_t *tokens = malloc(most * sizeof *tokens);
    if (!tokens)
        return cli_fail(g->cli, "not enough memory for %llu tokens", (unsigned long long)most);
    if (mr_session_generate(g->session, first, g->run->stop, most, tokens, &g->counts[sequence],
                            &stats))
        code = cli_fail(g->cli, "%s", mr_session_error(g->session));
    else
        mr_stats_add(&stats, &g->stats);
    for (uint64_t i = 0; i < most && !code; i++)
        row[i] = i < g->counts[sequence] ? (float)tokens[i] : -1;
    free(tokens);
    return code;
}

static uint64_t count_all(const struct generation *g) {
    uint64_t count = 0;
    for (size_t n = 0; n < g->input.sequences; n++)
        count += g->counts[n];
    return count;
}

static int print_json(const struct generation *g, double a_second) {
    const struct mr_stats *stats = &g->stats;
    const bool counted = stats->cycles > 0;
    json_t *object = json_object(), *counts = json_array();
    for (size_t n = 0; n < g->input.sequences; n++)
        json_array_append_new(counts, json_integer((json_int_t)g->counts[n]));
    json_object_set_new(object, "device", json_string(mr_session_device(g->session)));
    json_object_set_new(object, "output", json_string(g->run->output));
    json_object_set_new(object, "sequences", json_integer((json_int_t)g->input.sequences));
    json_object_set_new(object, "tokens", counts);
    json_object_set_new(object, "cycles",
                        counted ? json_integer((json_int_t)stats->cycles) : json_null());
    if (counted) {
        json_object_set_new(object, "cycles_before", json_integer((json_int_t)g->before.cycles));
        json_object_set_new(
            object, "planned_token_cycles",
            json_integer((json_int_t)cli_planned(g->cli, g->model, 1, 1, "token_cycles")));
        json_object_set_new(object, "tokens_per_second", json_real(a_second));
        json_object_set_new(object, "clock_mhz", json_real(stats->clock_mhz));
    }
    json_object_set_new(object, counted ? "microseconds" : "measured_microseconds",
                        json_real(stats->microseconds));
    return cli_print_json(g->cli, cli_add_saturation(object, g->session, g->model));
}

static int report(const struct generation *g) {
    const struct mr_stats *stats = &g->stats;
    const uint64_t count = count_all(g);
    const double a_second = stats->microseconds > 0 ? 1e6 * (double)count / stats->microseconds : 0;
    cli_warn_saturation(g->cli, g->session, g->model);
    if (g->cli->json)
        return print_json(g, a_second);
    FILE *to = cli_report(g->cli);
    fprintf(to, "%s: %llu token%s of %zu sequence%s on %s",
            g->run->output ? g->run->output : "standard output", (unsigned long long)count,
            mr_plural(count), g->input.sequences, mr_plural(g->input.sequences),
            mr_session_device(g->session));
    if (!stats->cycles) {
        fprintf(to, ", %.0f us on this processor\n", stats->microseconds);
        return CLI_OK;
    }
    fprintf(to, ", %llu cycles, %.2f us at %.0f MHz, %.0f tokens a second\n",
            (unsigned long long)stats->cycles, stats->microseconds, stats->clock_mhz, a_second);
    const uint64_t planned = cli_planned(g->cli, g->model, 1, 1, "token_cycles");
    if (planned)
        fprintf(to, "the planner said %llu cycles a token\n", (unsigned long long)planned);
    return CLI_OK;
}

static int generate_all(struct generation *g) {
    int code = cli_restore(g->cli, g->run, g->session, 1);
    if (!code && g->cli->options.progress)
        g->cli->options.progress(g->cli, "running");
    for (size_t n = 0; !code && n < g->input.sequences; n++)
        code = generate(g, n);
    if (!code)
        code = cli_write_output(g->cli, g->run->output, &g->tokens);
    if (!code)
        code = cli_save(g->cli, g->run, g->session, 1);
    return code ? code : report(g);
}

static int check_files(struct cli *cli, const struct run *run) {
    const bool in_place = run->save && run->restore && mr_file_is_same(run->save, run->restore);
    const struct cli_file files[] = {{"--output", run->output, true},
                                     {"MODEL", run->model, false},
                                     {"--input", run->input, false},
                                     {"--restore", in_place ? NULL : run->restore, false},
                                     {"--save", run->save, true},
                                     {"--trace", cli->options.trace, true},
                                     {0}};
    return cli_check_files(cli, files);
}

static int open_all(struct generation *g) {
    const struct run *run = g->run;
    struct mr_error error;
    char text[300];
    struct mr_model_info reads = g->info;
    int code = check_files(g->cli, run);
    if (g->encoder)
        reads.inputs = g->encoder;
    if (!code && g->encoder && run->first < 0)
        code = cli_usage(g->cli,
                         "--first is missing: %s has an encoder, which reads X, and a "
                         "decoder, which begins with a token",
                         g->info.name);
    if (!code && g->encoder && run->input && run->restore)
        code = cli_usage(g->cli,
                         "--restore: %s has an encoder, which reads X from its beginning; "
                         "leave out one of them",
                         g->info.name);
    g->input = (struct cli_input){.name = "no input", .sequences = 1};
    if (!code && run->input)
        code = cli_read_input(g->cli, run->input, g->model, &reads, &g->input);
    if (!code && run->restore && g->input.sequences != 1)
        code = cli_fail(g->cli,
                        "%s: --restore goes on with one sequence and %s has %zu; run them one by "
                        "one",
                        run->restore, g->input.name, g->input.sequences);
    const size_t shape[] = {g->input.sequences, (size_t)run->generate};
    if (!code && mr_array_create(&g->tokens, 2, shape, text, sizeof text))
        code = cli_fail(g->cli, "%s", text);
    if (!code && !(g->counts = calloc(g->input.sequences + 1, sizeof *g->counts)))
        code = cli_fail(g->cli, "not enough memory for the tokens");
    if (!code && !(g->session = mr_session_open(g->model, run->device, &g->cli->options, &error)))
        code = cli_fail(g->cli, "%s", error.text);
    if (!code)
        cli_tell_device(g->cli, run, g->session);
    return code;
}

int cli_generate(struct cli *cli, struct run *run) {
    struct mr_error error;
    struct mr_model *model = cli_open_model(cli, run->model, &error);
    if (!model)
        return cli_fail(cli, "%s", error.text);
    struct generation g = {.cli = cli, .run = run, .model = model};
    mr_model_info(model, &g.info);
    g.encoder = mr_model_encoder(model, NULL);
    int code = open_all(&g);
    if (!code)
        code = generate_all(&g);
    mr_session_close(g.session);
    free(g.counts);
    mr_array_free(&g.tokens);
    mr_array_free(&g.input.array);
    mr_model_close(model);
    return code;
}
