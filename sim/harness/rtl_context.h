// SPDX-License-Identifier: Apache-2.0
// The hooks of rtl_hooks.h, and the context of a Verilated kernel that they report to. Included by
// the one C++ file of each kind of simulator.
#ifndef MR_RTL_CONTEXT_H
#define MR_RTL_CONTEXT_H

#include "verilated.h"
#include <cstdarg>
#include <cstdio>
#include <cstring>

namespace {

// The context of one instance, found again by the hooks through the thread that evaluates it.
struct rtl_context final : VerilatedContext {
    bool failed = false;
    size_t length = 0;
    char text[800] = "";
    // Of a waveform (trace_file.h).
    FILE *trace_file = nullptr;
    FILE *trace_working[8] = {}; // the writer's own files, in memory
    bool trace_created = false;
    int trace_problem = 0; // an errno value
    char trace_path[4096] = "";
};

rtl_context *current() {
    return static_cast<rtl_context *>(Verilated::threadContextp());
}

void note_failure(const char *file, int line, const char *what) {
    rtl_context *context = current();
    if (!context->failed && !context->length)
        context->length = static_cast<size_t>(snprintf(context->text, sizeof context->text,
                                                       "%s:%d: %s", file ? file : "", line, what));
    context->failed = true;
}

} // namespace

// Errors are kept for the run's sentence; any other text of the RTL goes to standard error.
extern "C" int mr_rtl_print(const char *format, ...) {
    char line[800];
    va_list arguments;
    va_start(arguments, format);
    const int length = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    const char *found = strstr(line, "%Error");
    if (!found)
        found = strstr(line, "%Fatal");
    if (!found) {
        fputs(line, stderr);
        return length;
    }
    rtl_context *context = current();
    if (!context->failed && !context->length) {
        found += strcspn(found, ":");
        found += strspn(found, ": ");
        snprintf(context->text, sizeof context->text, "%s", found);
        context->length = strcspn(context->text, "\n");
        context->text[context->length] = '\0';
    }
    return length;
}

void vl_finish(const char *file, int line, const char *) VL_MT_UNSAFE {
    note_failure(file, line, "$finish was called");
}

void vl_stop(const char *file, int line, const char *) VL_MT_UNSAFE {
    note_failure(file, line, "$stop was called");
}

void vl_fatal(const char *file, int line, const char *, const char *message) VL_MT_UNSAFE {
    note_failure(file, line, message);
}

void vl_stop_maybe(const char *file, int line, const char *, bool) VL_MT_UNSAFE {
    note_failure(file, line, "$error was called");
}

void vl_warn(const char *file, int line, const char *, const char *message) VL_MT_UNSAFE {
    fprintf(stderr, "%s:%d: %s\n", file ? file : "", line, message);
}

#endif
