// SPDX-License-Identifier: Apache-2.0
// The curves of a training, as a table and as a page that shows them without anything else: SVG.
#include "train.h"

#include "file.h"
#include "plot.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

const char *cli_train_metric(enum mr_train_loss loss) {
    return loss == MR_TRAIN_MSE ? "RMSE" : "accuracy";
}

static void add_number(struct mr_text *text, double number) {
    if (isfinite(number))
        mr_text_add(text, ",%.9g", number);
    else
        mr_text_add(text, ",");
}

static void add_table(struct mr_text *text, const struct mr_training *training) {
    struct mr_train_epoch e;

    mr_text_add(text, "epoch,step,rate,loss,metric,validation_loss,validation_metric,seconds\n");
    for (uint32_t i = 0; mr_train_history(training, i, &e) == 0; i++) {
        mr_text_add(text, "%u,%llu,%.9g,%.9g", e.epoch, (unsigned long long)e.step, e.rate, e.loss);
        add_number(text, e.metric);
        add_number(text, e.validation_loss);
        add_number(text, e.validation_metric);
        mr_text_add(text, ",%.3f\n", e.seconds);
    }
}

// ---- the page

enum { CURVES = 4 }; // loss of training and of validation, and the metric of both

// (CURVES, epochs); NULL when memory is short.
static double *curves_of(const struct mr_training *training) {
    const size_t epochs = mr_train_epochs(training);
    double *curves = calloc(CURVES * epochs + 1, sizeof *curves);
    struct mr_train_epoch e;

    for (uint32_t i = 0; curves && mr_train_history(training, i, &e) == 0; i++) {
        curves[i] = e.loss;
        curves[epochs + i] = e.validation_loss;
        curves[2 * epochs + i] = e.metric;
        curves[3 * epochs + i] = e.validation_metric;
    }
    return curves;
}

static void add_page(struct mr_text *text, const struct mr_training *training,
                     enum mr_train_loss loss, const char *title) {
    const size_t epochs = mr_train_epochs(training);
    double *curves = curves_of(training);

    text->failed = text->failed || !curves;
    mr_text_add(text, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>");
    mr_html_add(text, title);
    mr_text_add(text,
                "</title>\n<style>\n"
                "body { font: 15px sans-serif; max-width: 720px; margin: 2em auto; }\n%s"
                "polyline.training { stroke: #1f6fb4; } circle.training { fill: #1f6fb4; }\n"
                "polyline.validation { stroke: #d1641a; } "
                "circle.validation { fill: #d1641a; }\n"
                "</style></head><body>\n<h1>",
                mr_plot_style);
    mr_html_add(text, title);
    mr_text_add(text, "</h1>\n<p><b style=\"color: #1f6fb4\">training</b> &middot; "
                      "<b style=\"color: #d1641a\">validation</b></p>\n");
    for (size_t i = 0; curves && i < CURVES; i += 2) {
        const struct mr_plot_line lines[] = {
            {"training", curves + i * epochs, epochs},
            {"validation", curves + (i + 1) * epochs, epochs},
        };
        mr_plot_add(text, &(struct mr_plot){.name = i == 0 ? "loss" : cli_train_metric(loss),
                                            .lines = lines,
                                            .count = 2});
    }
    mr_text_add(text, "</body></html>\n");
    free(curves);
}

static int write_text(const struct mr_text *text, const char *folder, const char *name, char *error,
                      size_t error_size) {
    char path[4096];

    if (text->failed)
        return mr_fail(error, error_size, "not enough memory for the curves");
    if (snprintf(path, sizeof path, "%s/%s", folder, name) >= (int)sizeof path)
        return mr_fail(error, error_size, "%.200s: the name of the folder is too long", folder);
    return mr_file_write(path, &(struct mr_piece){text->data, text->size}, 1, error, error_size);
}

int cli_train_write_curves(const struct mr_training *training, enum mr_train_loss loss,
                           const char *title, const char *folder, char *error, size_t error_size) {
    struct mr_text table = {0}, page = {0};

    add_table(&table, training);
    add_page(&page, training, loss, title);
    int result = write_text(&table, folder, "curves.csv", error, error_size);
    if (result == 0)
        result = write_text(&page, folder, "curves.html", error, error_size);
    free(table.data);
    free(page.data);
    return result;
}
