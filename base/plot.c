// SPDX-License-Identifier: Apache-2.0
// Curves over epochs as SVG (plot.h).
#include "plot.h"

#include <math.h>

enum { WIDTH = 640, HEIGHT = 300, LEFT = 64, RIGHT = 16, TOP = 34, BOTTOM = 40, TICKS = 4 };

const char mr_plot_style[] = "svg { width: 100%; font-size: 12px; }\n"
                             "svg .name { font-size: 15px; font-weight: bold; }\n"
                             "svg .grid { stroke: #ddd; }\n"
                             "polyline { fill: none; stroke-width: 2; }\n";

struct axes {
    double low, high;
    size_t epochs;
};

void mr_plot_range(const struct mr_plot *plot, double *low, double *high) {
    for (size_t l = 0; l < plot->count; l++)
        for (size_t i = 0; i < plot->lines[l].count; i++)
            if (isfinite(plot->lines[l].y[i])) {
                *low = fmin(*low, plot->lines[l].y[i]);
                *high = fmax(*high, plot->lines[l].y[i]);
            }
}

static struct axes axes_of(const struct mr_plot *plot) {
    struct axes axes = {plot->low, plot->high, 0};

    for (size_t l = 0; l < plot->count; l++)
        if (plot->lines[l].count > axes.epochs)
            axes.epochs = plot->lines[l].count;
    if (axes.high > axes.low)
        return axes;
    axes.low = INFINITY;
    axes.high = -INFINITY;
    mr_plot_range(plot, &axes.low, &axes.high);
    if (!(axes.high > axes.low)) { // one value, or none
        axes.high = isfinite(axes.high) ? axes.high : 1;
        axes.low = axes.high - fmax(fabs(axes.high) / 10, 1e-9);
    }
    return axes;
}

static double place_x(const struct axes *axes, size_t epoch) {
    const double share = axes->epochs > 1 ? (double)(epoch - 1) / (double)(axes->epochs - 1) : 0.5;

    return LEFT + share * (WIDTH - LEFT - RIGHT);
}

static double place_y(const struct axes *axes, double value) {
    return HEIGHT - BOTTOM -
           (value - axes->low) / (axes->high - axes->low) * (HEIGHT - TOP - BOTTOM);
}

static void add_line(struct mr_text *text, const struct axes *axes,
                     const struct mr_plot_line *line) {
    bool any = false;

    for (size_t i = 0; i < line->count; i++) {
        if (!isfinite(line->y[i]))
            continue;
        mr_text_add(text, any ? " " : "<polyline class=\"%s\" points=\"", line->style);
        mr_text_add(text, "%.1f,%.1f", place_x(axes, i + 1), place_y(axes, line->y[i]));
        any = true;
    }
    if (any)
        mr_text_add(text, "\"/>\n");
    for (size_t i = 0; i < line->count; i++)
        if (isfinite(line->y[i]))
            mr_text_add(text,
                        "<circle class=\"%s\" cx=\"%.1f\" cy=\"%.1f\" r=\"2.5\"><title>epoch %zu: "
                        "%.6g</title></circle>\n",
                        line->style, place_x(axes, i + 1), place_y(axes, line->y[i]), i + 1,
                        line->y[i]);
}

void mr_plot_add(struct mr_text *text, const struct mr_plot *plot) {
    const struct axes axes = axes_of(plot);
    const size_t apart = axes.epochs > 10 ? (axes.epochs + 9) / 10 : 1;

    mr_text_add(text,
                "<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"%s by epoch\">\n"
                "<text x=\"%d\" y=\"20\" class=\"name\">%s</text>\n",
                WIDTH, HEIGHT, plot->name, LEFT, plot->name);
    for (int i = 0; i <= TICKS; i++) {
        const double value = axes.low + (axes.high - axes.low) * i / TICKS;
        mr_text_add(text,
                    "<line class=\"grid\" x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\"/>"
                    "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%.4g</text>\n",
                    LEFT, WIDTH - RIGHT, place_y(&axes, value), place_y(&axes, value), LEFT - 6,
                    place_y(&axes, value) + 4, value);
    }
    for (size_t epoch = 1; epoch <= axes.epochs; epoch += apart)
        mr_text_add(text, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%zu</text>\n",
                    place_x(&axes, epoch), HEIGHT - BOTTOM + 18, epoch);
    mr_text_add(text, "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">epoch</text>\n", WIDTH - RIGHT,
                HEIGHT - 6);
    for (size_t l = 0; l < plot->count; l++)
        add_line(text, &axes, &plot->lines[l]);
    mr_text_add(text, "</svg>\n");
}

void mr_html_add(struct mr_text *text, const char *from) {
    for (; *from; from++)
        if (*from == '<' || *from == '>' || *from == '&' || *from == '"')
            mr_text_add(text, "&#%d;", *from);
        else
            mr_text_add(text, "%c", *from);
}
