// SPDX-License-Identifier: Apache-2.0
// From a network to what a device opens: plan, C source, hlsc, shared objects. Every step goes
// through the build cache; none depends on the weights.
#ifndef MR_NETWORK_BUILD_H
#define MR_NETWORK_BUILD_H

#include "cache.h"
#include "design_hash.h"
#include "hls_build.h"
#include "hls_report.h"
#include "millrace.h"
#include "pipeline.h"

#include <limits.h>
#include <stdbool.h>

enum mr_flavour { MR_FLAVOUR_MODEL, MR_FLAVOUR_RTL };

struct mr_compiled {
    struct mr_plan plan; // of the caller's network
    struct mr_pipeline pipeline;
    struct mr_report *report; // NULL: not compiled
    struct mr_hls_places places;
    char gen_dir[PATH_MAX]; // what hlsc wrote
    double clock_mhz;
    struct mr_design_hash hash; // where it is named
    bool named;
};

// Whom the options tell of the build cache. NULL: nobody.
struct mr_notes mr_notes_of(const struct mr_options *options);

// The card of that name, NULL being the usual one. MR_ERROR_PLAN names those that there are.
int mr_card_target(const char *named, const struct mr_target **target, struct mr_error *error);

// Plans the network for the options (which may be NULL) and no more: what does not need the
// compiler. Of a time within which a sequence is to be done (within_ns) the plan is about right.
int mr_plan_network(const struct mr_network *network, const struct mr_options *options,
                    struct mr_compiled *compiled, struct mr_error *error);
// The same for a device without lanes: a layout that serves where the options name none, and no
// question whether a card would hold it.
int mr_plan_anyhow(const struct mr_network *network, const struct mr_options *options,
                   struct mr_compiled *compiled, struct mr_error *error);
// Gives what was planned its hash, by which an image of it is known. It needs neither the compiler
// nor the project's sources.
int mr_compiled_name(struct mr_compiled *compiled, struct mr_error *error);
// Compiles what was planned, unless that was done or the cache has it.
int mr_compiled_complete(struct mr_compiled *compiled, const struct mr_options *options,
                         struct mr_error *error);
// Both.
// 0, or a code with a sentence in error. The network must stay while `compiled` is used. Free with
// mr_compiled_free in either case.
int mr_compile_network(const struct mr_network *network, const struct mr_options *options,
                       struct mr_compiled *compiled, struct mr_error *error);
// The same of a plan that is there.
int mr_compile_plan(const struct mr_plan *plan, const struct mr_options *options,
                    struct mr_compiled *compiled, struct mr_error *error);
// Frees what it holds; all zero is legal.
void mr_compiled_free(struct mr_compiled *compiled);

// The shared object of a flavour, built unless the cache has it. trace: able to write waveforms.
int mr_compiled_build(const struct mr_compiled *compiled, enum mr_flavour flavour, bool trace,
                      const struct mr_options *options, char *so_path, size_t so_path_size,
                      struct mr_error *error);

#endif
