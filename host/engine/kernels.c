// SPDX-License-Identifier: Apache-2.0
// Which kernels there are, and which this processor runs (kernels.h).
#define _GNU_SOURCE // syscall
#include "kernels.h"

#include "file.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#if defined __x86_64__
#    include <cpuid.h>
#    ifdef __linux__
#        include <sys/syscall.h>
#        include <unistd.h>
#    endif
#endif

static bool has_always(void) {
    return true;
}

#if defined __x86_64__
static bool has_avx2(void) {
    return __builtin_cpu_supports("avx2");
}

static bool has_avxvnni(void) {
    unsigned a = 0, b, c, d; // __builtin_cpu_supports of clang 14 does not know it

    return has_avx2() && __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a & 1U << 4);
}

static bool has_avx512(void) {
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512vnni");
}

// Linux lets a process use tiles that asks for them, once. It refuses where a thread's stack for
// signals is too small for them.
static bool may_use_tiles(void) {
#    ifdef __linux__
    enum { ARCH_REQ_XCOMP_PERM = 0x1023, XFEATURE_XTILEDATA = 18 };

    return syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) == 0;
#    else
    return false;
#    endif
}

static bool find_amx(void) {
    enum { AMX_TILE = 1 << 24, AMX_INT8 = 1 << 25, OSXSAVE = 1 << 27, XTILE = 3 << 17 };
    unsigned a, b, c, d;

    if (!has_avx512() || !__get_cpuid(1, &a, &b, &c, &d) || !(c & OSXSAVE) ||
        !__get_cpuid_count(7, 0, &a, &b, &c, &d) || !(d & AMX_TILE) || !(d & AMX_INT8))
        return false;
    __asm__("xgetbv" : "=a"(a), "=d"(d) : "c"(0)); // what the system keeps of a thread
    return (a & XTILE) == XTILE && may_use_tiles();
}

static bool has_amx(void) {
    enum { UNKNOWN, YES, NO };
    static atomic_int known; // threads that ask at once are told the same

    if (known == UNKNOWN)
        known = find_amx() ? YES : NO;
    return known == YES;
}
#endif

// The fastest first.
static const struct {
    const struct mr_kernels *kernels;
    bool (*has)(void);
} all[] = {
#if defined __x86_64__
    {&mr_kernels_amx, has_amx},         {&mr_kernels_avx512, has_avx512},
    {&mr_kernels_avxvnni, has_avxvnni}, {&mr_kernels_avx2, has_avx2},
#endif
    {&mr_kernels_plain, has_always},
};
enum { KERNELS = sizeof all / sizeof *all };

const struct mr_kernels *mr_kernels_at(size_t index) {
    for (size_t i = 0; i < KERNELS; i++)
        if (all[i].has() && index-- == 0)
            return all[i].kernels;
    return NULL;
}

const struct mr_kernels *mr_kernels_choose(char *error, size_t error_size) {
    const char *name = getenv("MILLRACE_CPU");

    if (!name || !*name)
        return mr_kernels_at(0);
    for (size_t i = 0; i < KERNELS; i++)
        if (strcmp(all[i].kernels->name, name) == 0) {
            if (all[i].has())
                return all[i].kernels;
            mr_fail(
                error, error_size,
                "MILLRACE_CPU is %s, which this processor or its system does not have; unset it",
                name);
            return NULL;
        }
    char known[100] = "";
    for (size_t i = 0, at = 0; i < KERNELS && at < sizeof known; i++)
        at += (size_t)snprintf(known + at, sizeof known - at, "%s%s",
                               i == 0            ? ""
                               : i + 1 < KERNELS ? ", "
                                                 : " and ",
                               all[i].kernels->name);
    mr_fail(error, error_size, "MILLRACE_CPU is '%.40s'; known are %s", name, known);
    return NULL;
}
