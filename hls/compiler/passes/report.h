// SPDX-License-Identifier: Apache-2.0
// What the compiler found out, for programs (JSON) and for people (text).
#ifndef HLSC_REPORT_H
#define HLSC_REPORT_H

#include "rows.h"

#include <jansson.h>

struct tile;

// report.json and report.txt.
void report_json(const struct network *net, struct tile *const *tiles, const struct rows *rows,
                 FILE *out);
void report_text(const struct network *net, struct tile *const *tiles, FILE *out);

// ---- report_rows.c
json_t *channels_json(const struct network *net);
json_t *externals_json(const struct network *net);
json_t *samples_json(const struct network *net, const struct rows *rows);
// What a process does in the sample runs, or why that is not told.
void add_rows(json_t **process, const struct process *p, const struct rows *all,
              const struct process_rows *rows);

#endif
