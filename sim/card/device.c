// SPDX-License-Identifier: Apache-2.0
// The process that is an emulated card: `millrace_card KERNEL.so`, started by XRT's hardware
// emulation from inside an xclbin (simulate.sh), in a folder of its own. It connects to the socket
// of the host program, whose name XRT leaves in the environment, and is the card until the host
// closes it or goes away.
//
// Environment, for tests: MILLRACE_CARD_SEED (of the AXI behaviour), MILLRACE_CARD_STALL (chance of
// a channel to hold back, in 1/256), MILLRACE_CARD_LATENCY (least and most, "60-140"),
// MILLRACE_CARD_BAD_READ and _BAD_WRITE (the burst that answers SLVERR), MILLRACE_CARD_SILENT
// (bytes of traffic after which it never answers), MILLRACE_CARD_TRACE (waveform to write).
#define _GNU_SOURCE
#include "protocol.h"
#include <dlfcn.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum {
    CONNECT_SECONDS = 60, // so long the host may take to listen
    SLICE = 256           // cycles between two looks at the socket
};

static int fail(const char *what, const char *why) {
    fprintf(stderr, "millrace card: %s: %s\n", what, why);
    return -1;
}

static uint64_t number_of(const char *name, uint64_t otherwise) {
    const char *text = getenv(name);
    return text && *text ? strtoull(text, NULL, 0) : otherwise;
}

// XRT binds a path that it cuts at 106 bytes.
static int connect_to(const char *user, const char *prefix, const char *id, int seconds) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char path[4096];
    snprintf(path, sizeof path, "/tmp/%s/%s%s", user, prefix, id);
    memcpy(address.sun_path, path, strnlen(path, 106));
    const pid_t parent = getppid();
    for (int tries = 0; tries <= 100 * seconds && getppid() == parent; tries++) {
        const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0)
            return -1;
        if (!connect(fd, (struct sockaddr *)&address, sizeof address))
            return fd;
        close(fd);
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    }
    return -1;
}

static void read_options(struct mr_card_options *options) {
    const char *latency = getenv("MILLRACE_CARD_LATENCY");
    uint32_t least = 60, most = 140; // "60-140", or one number for both
    if (latency && *latency) {
        char *end;
        least = most = (uint32_t)strtoul(latency, &end, 10);
        if (*end == '-')
            most = (uint32_t)strtoul(end + 1, NULL, 10);
    }
    options->seed = number_of("MILLRACE_CARD_SEED", 1);
    options->stall_chance = (uint32_t)number_of("MILLRACE_CARD_STALL", 32);
    options->latency_least = least;
    options->latency_most = most < least ? least : most;
    options->bad_read = number_of("MILLRACE_CARD_BAD_READ", 0);
    options->bad_write = number_of("MILLRACE_CARD_BAD_WRITE", 0);
    options->trace = getenv("MILLRACE_CARD_TRACE");
}

static int open_kernel(struct mr_card *card, const char *path, void **handle) {
    struct mr_card_options options = {.memory = card->memory};
    char error[900];
    *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!*handle)
        return fail(path, dlerror());
    const struct mr_card_kernel *(*describe)(void);
    *(void **)&describe = dlsym(*handle, "mr_card_describe");
    if (!describe)
        return fail(path, "is no kernel of a card");
    card->kernel = describe();
    if (card->kernel->abi != MR_CARD_ABI)
        return fail(path, "was built for another version of the card; build the image again");
    read_options(&options);
    card->instance = card->kernel->open(&options, error, sizeof error);
    return card->instance ? 0 : fail(path, error);
}

// Time passes while the kernel may be at work; else the card waits for the host.
static void serve(struct mr_card *card, int fd) {
    while (!card->closed) {
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        const int ready = poll(&wait, 1, card->awake ? 0 : -1);
        if (ready < 0 && errno != EINTR)
            return;
        if (ready > 0 && mr_card_serve(card, fd))
            return;
        if (card->awake)
            mr_card_advance(card, SLICE);
    }
}

// The host must close first: it takes a lost connection for a failure.
static void linger(int fd) {
    char byte;
    while (recv(fd, &byte, 1, 0) > 0)
        ;
}

// A host of ours hands over a descriptor; XRT by itself leaves the name of its sockets.
static int connect_host(struct mr_card *card) {
    const char *given = getenv(MR_CARD_FD_VARIABLE), *user = getenv("USER"),
               *id = getenv("EMULATION_SOCKETID");
    if (given)
        return (int)strtol(given, NULL, 10);
    if (!user || !id)
        return fail("USER, EMULATION_SOCKETID", "are not set; this is started by XRT");
    const int fd = connect_to(user, "", id, CONNECT_SECONDS);
    if (fd < 0)
        return fail(id, "the host program does not listen on the emulation socket");
    card->event_fd = connect_to(user, "D2X_unix_sock_", id, 1);
    return fd;
}

int main(int argc, char **argv) {
    if (argc != 4) {
        fprintf(stderr, "usage: millrace_card KERNEL.so MEMORY_BASE MEMORY_BYTES\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    struct mr_card card = {
        .memory = {.base = strtoull(argv[2], NULL, 0), .size = strtoull(argv[3], NULL, 0)},
        .register_base = MR_CARD_REGISTER_BASE,
        .event_fd = -1,
        .transfer_limit = number_of("MILLRACE_CARD_SILENT", 0)};
    // Untouched pages take no memory.
    card.memory.data = mmap(NULL, card.memory.size, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (card.memory.data == MAP_FAILED)
        return fail("the card's memory", strerror(errno)) ? 1 : 0;
    void *handle = NULL;
    if (open_kernel(&card, argv[1], &handle))
        return 1;
    const int fd = connect_host(&card);
    if (fd < 0)
        return 1;
    serve(&card, fd);
    if (card.closed)
        linger(fd);
    card.kernel->close(card.instance);
    return 0;
}
