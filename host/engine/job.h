// SPDX-License-Identifier: Apache-2.0
// Jobs of an engine (driver.h): deals x out to the lanes of blocks, and puts y together.
#ifndef MR_ENGINE_JOB_H
#define MR_ENGINE_JOB_H

#include "driver.h"

int mr_engine_run(void *engine, struct mr_job *job, struct mr_error *error);

#endif
