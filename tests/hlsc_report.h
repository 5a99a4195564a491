// SPDX-License-Identifier: Apache-2.0
// For tests of hlsc's report: as the host reads it, and that nothing of a cycle is too long.
#ifndef HLSC_REPORT_H
#define HLSC_REPORT_H

#include "hls_report.h"
#include "hlsc_fixture.h"

// Nanoseconds of a cycle without routing, as rounded in the report.
static const double hlsc_period = 1000.0 / 300 * 0.73 + 0.005;

static inline struct mr_report *read_report(void) {
    char error[512];
    struct mr_report *report = mr_report_read(FOLDER "/out/report.json", error, sizeof error);
    ck_assert_msg(report != NULL, "%s", error);
    return report;
}

// Nothing of a cycle is longer than the period, control included.
static inline void check_paths(const json_t *root) {
    json_t *process, *loop, *ns;
    size_t i, k, n;
    json_array_foreach(json_object_get(root, "processes"), i, process) {
        const json_t *control = json_object_get(process, "control");
        const double slowest = json_real_value(json_object_get(control, "ns"));
        ck_assert_msg(slowest > 0.5 && slowest <= hlsc_period, "process %s: %s %.2f",
                      json_string_value(json_object_get(process, "name")),
                      json_string_value(json_object_get(control, "kind")), slowest);
        json_array_foreach(json_object_get(process, "loops"), k, loop)
            json_array_foreach(json_object_get(loop, "stage_ns"), n, ns)
                ck_assert_double_le(json_real_value(ns), hlsc_period);
    }
}

#endif
