// SPDX-License-Identifier: Apache-2.0
// A broker's process as the library sees it (broker.h): its start, its memory, calls, its end.
#ifndef MR_BROKER_START_H
#define MR_BROKER_START_H

#include "broker.h"

#include <stdbool.h>
#include <sys/types.h>

struct mr_broker {
    int socket, memory_file;
    unsigned char *memory;
    uint64_t size; // of the memory
    pid_t process;
    unsigned limit_ms; // without a sign of life
    bool lost;
    char reason[500]; // of the loss, a sentence
};

// 0, or -1 with a sentence in error; then there is nothing to end.
int mr_broker_start(struct mr_broker *broker, unsigned limit_ms, struct mr_error *error);
// Makes the memory one of `size` bytes at least.
int mr_broker_reserve(struct mr_broker *broker, uint64_t size, struct mr_error *error);
// One request and its reply. A broker that is gone or gives no sign of life is lost for good.
int mr_broker_ask(struct mr_broker *broker, struct mr_broker_request *request,
                  struct mr_broker_reply *reply, struct mr_error *error);
// Ends it in order, and removes what it left if it could not.
void mr_broker_end(struct mr_broker *broker);
// Forgets it, in a child of the process that started it.
void mr_broker_forget(struct mr_broker *broker);

#endif
