// SPDX-License-Identifier: Apache-2.0
// Private copies of kernels: the shared object is copied to a memory file and loaded from there,
// because the dynamic linker would otherwise give every opener the same one.
#define _GNU_SOURCE
#include "loader.h"
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

// Copies all of `from` into `to`; 0 or an errno value.
static int copy_file(int from, int to) {
    static const size_t piece = 1 << 16;
    char *buffer = malloc(piece);
    if (!buffer)
        return ENOMEM;
    int result = 0;
    for (;;) {
        const ssize_t got = read(from, buffer, piece);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            result = errno;
        if (got <= 0)
            break;
        for (ssize_t done = 0; done < got;) {
            const ssize_t put = write(to, buffer + done, (size_t)(got - done));
            if (put < 0 && errno == EINTR)
                continue;
            if (put < 0) {
                result = errno;
                break;
            }
            done += put;
        }
        if (result)
            break;
    }
    free(buffer);
    return result;
}

static int private_copy(const char *so_path, char *error, size_t error_size) {
    const int from = open(so_path, O_RDONLY | O_CLOEXEC);
    struct stat status;
    if (from < 0 || fstat(from, &status)) {
        snprintf(error, error_size, "%s: cannot be opened (%s); build the kernel first", so_path,
                 strerror(errno));
        if (from >= 0)
            close(from);
        return -1;
    }
    if (!S_ISREG(status.st_mode)) {
        snprintf(error, error_size, "%s: is not a file; name the kernel's shared object", so_path);
        close(from);
        return -1;
    }
    const int to = memfd_create("millrace-kernel", MFD_CLOEXEC);
    if (to < 0) {
        snprintf(error, error_size, "%s: no memory file for a private copy (%s)", so_path,
                 strerror(errno));
        close(from);
        return -1;
    }
    const int failed = copy_file(from, to);
    close(from);
    if (failed) {
        snprintf(error, error_size, "%s: cannot be copied to memory (%s)", so_path,
                 strerror(failed));
        close(to);
        return -1;
    }
    return to;
}

// A name of the copy for dlopen that no loaded library has: some stay loaded after dlclose (those
// with destructors of threads), and the name of such a one would give it again.
static int name_copy(struct mr_loaded *loaded, char *name, size_t size) {
    for (;;) {
        snprintf(name, size, "/proc/self/fd/%d", loaded->fd);
        void *kept = dlopen(name, RTLD_NOLOAD | RTLD_LAZY);
        if (!kept)
            return 0;
        dlclose(kept);
        const int next = fcntl(loaded->fd, F_DUPFD_CLOEXEC, loaded->fd + 1);
        if (next < 0)
            return -1;
        close(loaded->fd);
        loaded->fd = next;
    }
}

// The checks that let others index ports and call functions without asking again.
static int check_kernel(const struct mr_kernel *kernel, const char *so_path, char *error,
                        size_t error_size) {
    if (!kernel || kernel->abi != MR_KERNEL_ABI) {
        snprintf(error, error_size,
                 "%s: has kernel interface version %u and this program has %u; build it again",
                 so_path, kernel ? kernel->abi : 0, MR_KERNEL_ABI);
        return -1;
    }
    if (!kernel->top || !kernel->flavour || !kernel->open || !kernel->run || !kernel->close ||
        (kernel->port_count && !kernel->ports) || (kernel->process_count && !kernel->processes) ||
        (kernel->probe_count && !kernel->probes)) {
        snprintf(error, error_size, "%s: describes its kernel incompletely; build it again",
                 so_path);
        return -1;
    }
    return 0;
}

struct mr_loaded *mr_kernel_load(const char *so_path, char *error, size_t error_size) {
    struct mr_loaded *loaded = calloc(1, sizeof *loaded);
    if (!loaded) {
        snprintf(error, error_size, "%s: not enough memory to load it", so_path);
        return NULL;
    }
    loaded->fd = private_copy(so_path, error, error_size);
    if (loaded->fd < 0) {
        free(loaded);
        return NULL;
    }
    char name[40];
    if (name_copy(loaded, name, sizeof name) ||
        !(loaded->handle = dlopen(name, RTLD_NOW | RTLD_LOCAL))) {
        const char *reason = dlerror();
        snprintf(error, error_size, "%s: cannot be loaded (%s)", so_path,
                 reason ? reason : "no reason given");
        mr_kernel_unload(loaded);
        return NULL;
    }
    const struct mr_kernel *(*describe)(void);
    // ISO C has no conversion from void * to a function; POSIX promises this one.
    *(void **)&describe = dlsym(loaded->handle, "mr_kernel_describe");
    if (!describe) {
        snprintf(error, error_size, "%s: is no kernel (it does not export mr_kernel_describe)",
                 so_path);
        mr_kernel_unload(loaded);
        return NULL;
    }
    loaded->kernel = describe();
    if (check_kernel(loaded->kernel, so_path, error, error_size)) {
        mr_kernel_unload(loaded);
        return NULL;
    }
    return loaded;
}

void mr_kernel_unload(struct mr_loaded *loaded) {
    if (!loaded)
        return;
    if (loaded->handle)
        dlclose(loaded->handle);
    close(loaded->fd);
    free(loaded);
}
