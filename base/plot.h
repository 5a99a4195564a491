// SPDX-License-Identifier: Apache-2.0
// Curves over epochs as SVG, to stand in a page of HTML.
#ifndef MR_PLOT_H
#define MR_PLOT_H

#include "text.h"

struct mr_plot_line {
    const char *style; // the class of its line and its points, for the page's own style sheet
    const double *y;   // [count], of the epochs from 1; what is not finite is left out
    size_t count;
};

struct mr_plot {
    const char *name; // without characters that HTML has a use for
    const struct mr_plot_line *lines;
    size_t count;
    // The axis: low below high; else that which the lines take.
    double low, high;
};

void mr_plot_add(struct mr_text *text, const struct mr_plot *plot);
// The least and the most of the lines are taken into *low and *high.
void mr_plot_range(const struct mr_plot *plot, double *low, double *high);
// What of the style sheet is the same of all plots.
extern const char mr_plot_style[];

// `from` as text of a page.
void mr_html_add(struct mr_text *text, const char *from);

#endif
