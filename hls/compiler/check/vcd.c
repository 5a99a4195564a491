// SPDX-License-Identifier: Apache-2.0
// A line of a VCD declares a signal or a scope, begins a moment, or changes a value.
#define _GNU_SOURCE
#include "vcd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATH_ROOM = 1024, MAX_NUMBER = 1 << 26 };

struct vcd {
    FILE *file;
    char *line;
    size_t room;
    uint64_t *values;
    int count;
    uint64_t time; // of the changes that come next
    bool is_over;
};

// Names of signals are numbers of base 94, in any digits.
static int number_of(const char *id) {
    int number = 0;
    for (; *id > ' '; id++)
        number = number > MAX_NUMBER ? number : number * 94 + (*id - '!' + 1);
    return number;
}

static bool make_room(struct vcd *vcd, int number) {
    if (number < vcd->count)
        return true;
    if (number > MAX_NUMBER)
        return false;
    const int count = number < 512 ? 1024 : number * 2;
    uint64_t *values = realloc(vcd->values, (size_t)count * sizeof *values);
    if (!values)
        return false;
    memset(values + vcd->count, 0, (size_t)(count - vcd->count) * sizeof *values);
    vcd->values = values;
    vcd->count = count;
    return true;
}

static bool read_line(struct vcd *vcd) {
    return getline(&vcd->line, &vcd->room, vcd->file) > 0;
}

static bool enter_scope(char *scope, const char *name) {
    const size_t used = strlen(scope);
    return snprintf(scope + used, PATH_ROOM - used, "%s%s", used ? "." : "", name) <
           (int)(PATH_ROOM - used);
}

static void leave_scope(char *scope) {
    char *dot = strrchr(scope, '.');
    *(dot ? dot : scope) = 0;
}

static bool read_header(struct vcd *vcd,
                        void (*declare)(void *, const char *, const char *, int, int),
                        void *context) {
    char scope[PATH_ROOM] = "", name[512], id[64], bits[16];
    while (read_line(vcd)) {
        const char *text = vcd->line + strspn(vcd->line, " \t");
        if (sscanf(text, "$scope %*s %511s", name) == 1) {
            if (!enter_scope(scope, name))
                return false;
        } else if (strncmp(text, "$upscope", 8) == 0) {
            leave_scope(scope);
        } else if (sscanf(text, "$var %*s %15s %63s %511s", bits, id, name) == 3) {
            const int number = number_of(id);
            if (!make_room(vcd, number))
                return false;
            declare(context, scope, name, (int)strtol(bits, NULL, 10), number);
        } else if (strncmp(text, "$enddefinitions", 15) == 0) {
            return true;
        }
    }
    return false;
}

struct vcd *vcd_open(const char *path,
                     void (*declare)(void *context, const char *scope, const char *name, int bits,
                                     int number),
                     void *context) {
    struct vcd *vcd = calloc(1, sizeof *vcd);
    if (!vcd)
        return NULL;
    vcd->file = fopen(path, "r");
    if (!vcd->file || !read_header(vcd, declare, context)) {
        vcd_close(vcd);
        return NULL;
    }
    while (read_line(vcd) && vcd->line[0] != '#')
        ;
    vcd->time = vcd->line ? strtoull(vcd->line + 1, NULL, 10) : 0;
    return vcd;
}

static void change(struct vcd *vcd) {
    const char *text = vcd->line;
    uint64_t value = 0;
    if (*text == 'b') {
        for (text++; *text == '0' || *text == '1' || *text == 'x' || *text == 'z'; text++)
            value = value << 1 | (*text == '1');
        text += *text == ' ';
    } else if (*text == '0' || *text == '1') {
        value = *text++ == '1';
    } else {
        return;
    }
    const int number = number_of(text);
    if (make_room(vcd, number))
        vcd->values[number] = value;
}

bool vcd_step(struct vcd *vcd, uint64_t *time) {
    if (vcd->is_over)
        return false;
    *time = vcd->time;
    while (read_line(vcd)) {
        if (vcd->line[0] == '#') {
            vcd->time = strtoull(vcd->line + 1, NULL, 10);
            return true;
        }
        change(vcd);
    }
    vcd->is_over = true;
    return true;
}

uint64_t vcd_value(const struct vcd *vcd, int number) {
    return number >= 0 && number < vcd->count ? vcd->values[number] : 0;
}

void vcd_close(struct vcd *vcd) {
    if (vcd->file)
        fclose(vcd->file);
    free(vcd->line);
    free(vcd->values);
    free(vcd);
}
