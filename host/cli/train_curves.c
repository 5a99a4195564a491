// SPDX-License-Identifier: Apache-2.0
// The curves of a training, as a table and as a page that shows them without anything else: SVG.
#include "train.h"

#include "file.h"
#include "text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { WIDTH = 640, HEIGHT = 300, LEFT = 64, RIGHT = 16, TOP = 34, BOTTOM = 40, TICKS = 4 };

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

enum curve { LOSS, METRIC };

static double value_of(const struct mr_train_epoch *e, enum curve curve, bool validation) {
    if (curve == LOSS)
        return validation ? e->validation_loss : e->loss;
    return validation ? e->validation_metric : e->metric;
}

struct axes {
    double low, high;
    uint32_t epochs;
};

static struct axes axes_of(const struct mr_training *training, enum curve curve) {
    struct axes axes = {INFINITY, -INFINITY, mr_train_epochs(training)};
    struct mr_train_epoch e;

    for (uint32_t i = 0; mr_train_history(training, i, &e) == 0; i++)
        for (int v = 0; v < 2; v++) {
            const double value = value_of(&e, curve, v);
            if (isfinite(value)) {
                axes.low = fmin(axes.low, value);
                axes.high = fmax(axes.high, value);
            }
        }
    if (!(axes.high > axes.low)) { // one value, or none
        axes.high = isfinite(axes.high) ? axes.high : 1;
        axes.low = axes.high - fmax(fabs(axes.high) / 10, 1e-9);
    }
    return axes;
}

static double place_x(const struct axes *axes, uint32_t epoch) {
    const double share = axes->epochs > 1 ? (epoch - 1) / (double)(axes->epochs - 1) : 0.5;

    return LEFT + share * (WIDTH - LEFT - RIGHT);
}

static double place_y(const struct axes *axes, double value) {
    return HEIGHT - BOTTOM -
           (value - axes->low) / (axes->high - axes->low) * (HEIGHT - TOP - BOTTOM);
}

static void add_line(struct mr_text *text, const struct mr_training *training,
                     const struct axes *axes, enum curve curve, bool validation) {
    struct mr_train_epoch e;
    bool any = false;

    for (uint32_t i = 0; mr_train_history(training, i, &e) == 0; i++) {
        const double value = value_of(&e, curve, validation);
        if (!isfinite(value))
            continue;
        mr_text_add(text, any ? " " : "<polyline class=\"%s\" points=\"",
                    validation ? "validation" : "training");
        mr_text_add(text, "%.1f,%.1f", place_x(axes, e.epoch), place_y(axes, value));
        any = true;
    }
    if (any)
        mr_text_add(text, "\"/>\n");
    for (uint32_t i = 0; mr_train_history(training, i, &e) == 0; i++) {
        const double value = value_of(&e, curve, validation);
        if (isfinite(value))
            mr_text_add(text,
                        "<circle class=\"%s\" cx=\"%.1f\" cy=\"%.1f\" r=\"2.5\"><title>epoch %u: "
                        "%.6g</title></circle>\n",
                        validation ? "validation" : "training", place_x(axes, e.epoch),
                        place_y(axes, value), e.epoch, value);
    }
}

static void add_picture(struct mr_text *text, const struct mr_training *training, const char *name,
                        enum curve curve) {
    const struct axes axes = axes_of(training, curve);
    const uint32_t apart = axes.epochs > 10 ? (axes.epochs + 9) / 10 : 1;

    mr_text_add(text,
                "<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"%s by epoch\">\n"
                "<text x=\"%d\" y=\"20\" class=\"name\">%s</text>\n",
                WIDTH, HEIGHT, name, LEFT, name);
    for (int i = 0; i <= TICKS; i++) {
        const double value = axes.low + (axes.high - axes.low) * i / TICKS;
        mr_text_add(text,
                    "<line class=\"grid\" x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\"/>"
                    "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%.4g</text>\n",
                    LEFT, WIDTH - RIGHT, place_y(&axes, value), place_y(&axes, value), LEFT - 6,
                    place_y(&axes, value) + 4, value);
    }
    for (uint32_t epoch = 1; epoch <= axes.epochs; epoch += apart)
        mr_text_add(text, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%u</text>\n",
                    place_x(&axes, epoch), HEIGHT - BOTTOM + 18, epoch);
    mr_text_add(text, "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">epoch</text>\n", WIDTH - RIGHT,
                HEIGHT - 6);
    add_line(text, training, &axes, curve, false);
    add_line(text, training, &axes, curve, true);
    mr_text_add(text, "</svg>\n");
}

static void add_escaped(struct mr_text *text, const char *from) {
    for (; *from; from++)
        if (*from == '<' || *from == '>' || *from == '&' || *from == '"')
            mr_text_add(text, "&#%d;", *from);
        else
            mr_text_add(text, "%c", *from);
}

static void add_page(struct mr_text *text, const struct mr_training *training,
                     enum mr_train_loss loss, const char *title) {
    mr_text_add(text, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>");
    add_escaped(text, title);
    mr_text_add(text, "</title>\n<style>\n"
                      "body { font: 15px sans-serif; max-width: 720px; margin: 2em auto; }\n"
                      "svg { width: 100%%; font-size: 12px; }\n"
                      ".name { font-size: 15px; font-weight: bold; }\n"
                      ".grid { stroke: #ddd; }\n"
                      "polyline { fill: none; stroke-width: 2; }\n"
                      "polyline.training { stroke: #1f6fb4; } circle.training { fill: #1f6fb4; }\n"
                      "polyline.validation { stroke: #d1641a; } "
                      "circle.validation { fill: #d1641a; }\n"
                      "</style></head><body>\n<h1>");
    add_escaped(text, title);
    mr_text_add(text, "</h1>\n<p><b style=\"color: #1f6fb4\">training</b> &middot; "
                      "<b style=\"color: #d1641a\">validation</b></p>\n");
    add_picture(text, training, "loss", LOSS);
    add_picture(text, training, cli_train_metric(loss), METRIC);
    mr_text_add(text, "</body></html>\n");
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
