// SPDX-License-Identifier: Apache-2.0
// The page of what turbofan/study.sh trained (turbofan_train.h): the tables and the figures of
// SambaNova's report, rebuilt. It needs nothing else to be shown.
#include "array_file.h"
#include "engines.h"
#include "file.h"
#include "plot.h"
#include "turbofan_train.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NETWORKS = 2, ARITHMETICS = 2, ENGINES = 2, TASKS = 2, PATH_ROOM = 4096 };
// Columns of curves.csv.
enum { LOSS = 3, METRIC, VALIDATION_LOSS, VALIDATION_METRIC, SECONDS, COLUMNS };

static const char *const arithmetics[ARITHMETICS] = {"float32", "int"};
static const char *const multipliers[ENGINES] = {"2048", "8192"};
static const struct network {
    const char *file, *name, *report;
} networks[NETWORKS] = {
    {"lstm2x25", "S3: LSTM 2 x 25", "RDU: 4.6 times an A100"},
    {"lstm4x64", "S4: LSTM 4 x 64", "RDU: 4 times as fast as an A100 trains S3"},
};
static const struct task {
    const char *ending, *what;
} tasks[TASKS] = {{"", "life"}, {"_fails", "fails"}};

struct engine {
    double multipliers, cycles, rate; // rate: sequences a second
};

// A training: its curves, and what it knows of engines to test.
struct training {
    size_t epochs;
    double *columns[COLUMNS]; // [epochs] each
    struct turbofan_score score;
};

struct study {
    size_t sequences; // to train with
    struct engine engines[NETWORKS][ENGINES];
    struct training trainings[NETWORKS][TASKS][ARITHMETICS];
};

static int say(const char *sentence) {
    fprintf(stderr, "turbofan_demo: %s\n", sentence);
    return 1;
}

// ---- reading

static int read_array(const char *path, struct mr_array *array) {
    char note[600], text[5000];

    return mr_array_read(path, array, note, sizeof note, text, sizeof text) ? say(text) : 0;
}

static int read_training(const char *folder, const char *network, const struct task *task,
                         const char *arithmetic, struct training *training) {
    char path[PATH_ROOM], text[PATH_ROOM + 200];
    struct mr_array table;

    snprintf(path, sizeof path, "%s/%s%s_%s/curves.csv", folder, network, task->ending, arithmetic);
    if (read_array(path, &table))
        return 1;
    const bool fits = table.rank == 2 && table.shape[1] == COLUMNS;
    training->epochs = fits ? table.shape[0] : 0;
    int code = 0;
    for (size_t c = 0; c < COLUMNS && fits; c++) {
        training->columns[c] = calloc(training->epochs, sizeof *training->columns[c]);
        if (!training->columns[c])
            code = say("not enough memory");
        for (size_t i = 0; !code && i < training->epochs; i++)
            training->columns[c][i] = (double)table.data[i * COLUMNS + c];
    }
    mr_array_free(&table);
    if (!fits) {
        snprintf(text, sizeof text, "%s has other columns than a training writes", path);
        return say(text);
    }
    snprintf(path, sizeof path, "%s/%s%s_%s.millrace", folder, network, task->ending, arithmetic);
    return code ? code : turbofan_train_score(path, folder, task->what, &training->score);
}

static int read_engine(const char *folder, const char *network, const char *of,
                       struct engine *engine) {
    char path[PATH_ROOM], text[PATH_ROOM + 200];

    snprintf(path, sizeof path, "%s/%s_%s.json", folder, network, of);
    json_t *plan = json_load_file(path, 0, NULL);
    const int code = json_unpack(plan, "{s:F, s:F, s:F}", "multipliers", &engine->multipliers,
                                 "cycles", &engine->cycles, "sequences_per_second", &engine->rate);
    json_decref(plan);
    snprintf(text, sizeof text, "%s is no plan of a training engine", path);
    return code ? say(text) : 0;
}

static int read_study(const char *folder, struct study *study) {
    char path[PATH_ROOM];
    struct mr_array life;
    int code = 0;

    snprintf(path, sizeof path, "%s/train_life.npy", folder);
    if (read_array(path, &life))
        return 1;
    study->sequences = life.count;
    mr_array_free(&life);
    for (int n = 0; n < NETWORKS; n++) {
        for (int e = 0; !code && e < ENGINES; e++)
            code = read_engine(folder, networks[n].file, multipliers[e], &study->engines[n][e]);
        for (int t = 0; t < TASKS; t++)
            for (int a = 0; !code && a < ARITHMETICS; a++)
                code = read_training(folder, networks[n].file, &tasks[t], arithmetics[a],
                                     &study->trainings[n][t][a]);
    }
    return code;
}

static void free_study(struct study *study) {
    for (int n = 0; n < NETWORKS; n++)
        for (int t = 0; t < TASKS; t++)
            for (int a = 0; a < ARITHMETICS; a++)
                for (int c = 0; c < COLUMNS; c++)
                    free(study->trainings[n][t][a].columns[c]);
}

// ---- the page

static size_t best_of(const struct training *training) {
    size_t best = 0;

    for (size_t i = 1; i < training->epochs; i++)
        if (training->columns[VALIDATION_LOSS][i] < training->columns[VALIDATION_LOSS][best])
            best = i;
    return best;
}

// Sequences a second that this processor learned, of the shortest epoch, which others disturbed
// least.
static double rate_of(const struct study *study, const struct training *training) {
    double least = INFINITY;

    for (size_t i = 0; i < training->epochs; i++)
        least = fmin(least, training->columns[SECONDS][i]);
    return (double)study->sequences / least;
}

static void add_throughput(struct mr_text *text, const struct study *study) {
    mr_text_add(text,
                "<table><tr><th></th><th colspan=\"4\">training engine, planned at 300 MHz</th>"
                "<th colspan=\"2\">this processor</th><th>SambaNova's report</th></tr>\n"
                "<tr><th></th><th>multipliers</th><th>sequences a second</th><th>multipliers</th>"
                "<th>sequences a second</th><th>int</th><th>float32</th><th></th></tr>\n");
    for (int n = 0; n < NETWORKS; n++) {
        mr_text_add(text, "<tr><td>%s</td>", networks[n].name);
        for (int e = 0; e < ENGINES; e++)
            mr_text_add(text, "<td>%.0f</td><td title=\"%.0f cycles for 64 sequences\">%.0f</td>",
                        study->engines[n][e].multipliers, study->engines[n][e].cycles,
                        study->engines[n][e].rate);
        for (int a = ARITHMETICS; a-- > 0;)
            mr_text_add(text, "<td>%.0f</td>", rate_of(study, &study->trainings[n][0][a]));
        mr_text_add(text, "<td>%s</td></tr>\n", networks[n].report);
    }
    mr_text_add(text, "</table>\n");
}

static void add_knowledge(struct mr_text *text, const struct study *study) {
    mr_text_add(text, "<table><tr><th></th><th></th><th colspan=\"3\">flights left</th>"
                      "<th colspan=\"2\">fails within 30 flights</th></tr>\n"
                      "<tr><th></th><th></th><th>validation loss</th><th>RMSE in flights</th>"
                      "<th>RMSE of engines to test</th><th>validation accuracy</th>"
                      "<th>engines to test</th></tr>\n");
    for (int n = 0; n < NETWORKS; n++)
        for (int a = 0; a < ARITHMETICS; a++) {
            const struct training *life = &study->trainings[n][0][a];
            const struct training *fails = &study->trainings[n][1][a];
            const size_t best = best_of(life), other = best_of(fails);
            mr_text_add(text,
                        "<tr><td>%s</td><td>%s</td><td>%.5f</td><td>%.2f</td><td>%.2f</td>"
                        "<td>%.2f %%</td><td>%.0f of %zu</td></tr>\n",
                        networks[n].name, arithmetics[a], life->columns[VALIDATION_LOSS][best],
                        life->columns[VALIDATION_METRIC][best] * ENGINE_LIFE_CAP,
                        life->score.of_integers, 100 * fails->columns[VALIDATION_METRIC][other],
                        fails->score.of_integers, fails->score.engines);
        }
    mr_text_add(text, "</table>\n");
}

// Both networks on one scale.
static void add_figure(struct mr_text *text, const struct study *study, int task, int training,
                       int validation, const char *name) {
    struct mr_plot_line lines[NETWORKS][2 * ARITHMETICS];
    struct mr_plot plots[NETWORKS];
    double low = INFINITY, high = -INFINITY;
    char names[NETWORKS][100];

    for (int n = 0; n < NETWORKS; n++) {
        for (int a = 0; a < ARITHMETICS; a++) {
            const struct training *of = &study->trainings[n][task][a];
            lines[n][2 * a] = (struct mr_plot_line){a ? "int training" : "float32 training",
                                                    of->columns[training], of->epochs};
            lines[n][2 * a + 1] = (struct mr_plot_line){a ? "int validation" : "float32 validation",
                                                        of->columns[validation], of->epochs};
        }
        snprintf(names[n], sizeof names[n], "%s, %s", networks[n].name, name);
        plots[n] = (struct mr_plot){.name = names[n], .lines = lines[n], .count = 2 * ARITHMETICS};
        mr_plot_range(&plots[n], &low, &high);
    }
    mr_text_add(text, "<div class=\"figure\">\n");
    for (int n = 0; n < NETWORKS; n++) {
        plots[n].low = low;
        plots[n].high = high;
        mr_plot_add(text, &plots[n]);
    }
    mr_text_add(text, "</div>\n");
}

static void add_page(struct mr_text *text, const struct study *study, const char *data) {
    mr_text_add(
        text,
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Training: "
        "turbofan engines</title>\n<style>\n"
        "body { font: 15px sans-serif; max-width: 1200px; margin: 2em auto; }\n%s"
        ".figure { display: grid; grid-template-columns: 1fr 1fr; gap: 1em; }\n"
        "polyline.float32 { stroke: #1f6fb4; } circle.float32 { fill: #1f6fb4; }\n"
        "polyline.int { stroke: #d1641a; } circle.int { fill: #d1641a; }\n"
        "polyline.training { stroke-dasharray: 5 4; }\n"
        "table { border-collapse: collapse; } td, th { padding: 4px 10px; border: 1px solid #ddd; "
        "text-align: right; } td:first-child { text-align: left; }\n"
        "</style></head><body>\n<h1>Training on turbofan engines</h1>\n<p>",
        mr_plot_style);
    mr_html_add(text, data);
    mr_text_add(text,
                ": %zu histories of 50 flights with 25 numbers each, in mini-batches of 64.</p>\n"
                "<h2>Throughput (table 2 of the report)</h2>\n",
                study->sequences);
    add_throughput(text, study);
    mr_text_add(text,
                "<p>The engine's cycles are planned, without some 300 that the stages of its loops "
                "take; no card has run it. The processor's numbers are measured, of the shortest "
                "epoch. The last "
                "column is what SambaNova's report says in words, \"Ultra-fast Recurrent Neural "
                "Networks\", 2022: it is theirs, and was not measured here.</p>\n"
                "<h2>What the networks know, of the epoch that validates best</h2>\n");
    add_knowledge(text, study);
    mr_text_add(text, "<h2>Curves (figures 1 and 2 of the report)</h2>\n"
                      "<p><b style=\"color: #1f6fb4\">float32</b> &middot; "
                      "<b style=\"color: #d1641a\">whole numbers</b> &middot; validation in full, "
                      "training dashed</p>\n<h3>Flights left: mean squared error</h3>\n");
    add_figure(text, study, 0, LOSS, VALIDATION_LOSS, "loss");
    mr_text_add(text, "<h3>Fails within 30 flights: accuracy</h3>\n");
    add_figure(text, study, 1, METRIC, VALIDATION_METRIC, "accuracy");
    mr_text_add(text, "</body></html>\n");
}

static void print(const struct study *study) {
    printf("\nsequences a second         engine of 2,048   of 8,192  multipliers |  this CPU: int  "
           "float32\n");
    for (int n = 0; n < NETWORKS; n++)
        printf("%-26s %15.0f %10.0f              | %14.0f %8.0f\n", networks[n].name,
               study->engines[n][0].rate, study->engines[n][1].rate,
               rate_of(study, &study->trainings[n][0][1]),
               rate_of(study, &study->trainings[n][0][0]));
}

int turbofan_train_page(const char *folder, const char *data) {
    struct study study = {0};
    struct mr_text text = {0};
    char path[PATH_ROOM], error[PATH_ROOM + 900];

    int code = read_study(folder, &study);
    if (!code) {
        add_page(&text, &study, *data ? data : "Engines that are made up");
        snprintf(path, sizeof path, "%s/turbofan.html", folder);
        if (text.failed)
            code = say("not enough memory for the page");
        else if (mr_file_write(path, &(struct mr_piece){text.data, text.size}, 1, error,
                               sizeof error))
            code = say(error);
    }
    if (!code) {
        print(&study);
        printf("\nthe page: %s\n", path);
    }
    free(text.data);
    free_study(&study);
    return code;
}
