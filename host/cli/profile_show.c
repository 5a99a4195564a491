// SPDX-License-Identifier: Apache-2.0
// The table of `millrace profile` (profile.h).
#include "profile.h"
#include "text.h"

#include <stdio.h>
#include <string.h>

enum { COLUMNS = 64, NUMBER = 32 };

// 1234567 as 1,234,567.
static const char *grouped(uint64_t value, char text[NUMBER]) {
    char digits[NUMBER];
    const int count = snprintf(digits, sizeof digits, "%llu", (unsigned long long)value);
    int used = 0;
    for (int i = 0; i < count; i++) {
        if (i && (count - i) % 3 == 0)
            text[used++] = ',';
        text[used++] = digits[i];
    }
    text[used] = '\0';
    return text;
}

static int name_width(const struct profile *profile) {
    size_t width = strlen("over time");
    for (uint32_t i = 0; i < profile->process_count; i++)
        if (strlen(profile->processes[i].name) > width)
            width = strlen(profile->processes[i].name);
    return (int)width;
}

static int number_width(const struct profile *profile) {
    char text[NUMBER];
    const size_t width = strlen(grouped(profile->cycles, text));
    return width < 5 ? 5 : (int)width;
}

static void print_totals(FILE *to, const struct profile *profile) {
    const int name = name_width(profile), number = number_width(profile);
    char text[NUMBER];
    fprintf(to, "%-*s  %*s  %*s  %*s  %*s  %*s\n", name, "process", number + 8, "busy", number + 8,
            "starved", number + 8, "blocked", number + 1, "first", number + 1, "last");
    for (uint32_t i = 0; i < profile->process_count; i++) {
        const struct profile_process *process = &profile->processes[i];
        const uint64_t counts[] = {process->end.busy, process->end.starved, process->end.blocked};
        fprintf(to, "%-*s", name, process->name);
        for (size_t c = 0; c < 3; c++)
            fprintf(to, "  %*s %5.1f %%", number, grouped(counts[c], text),
                    100 * (double)counts[c] / (double)profile->cycles);
        const uint64_t ends[] = {process->first_busy, process->last_busy};
        for (size_t e = 0; e < 2; e++) {
            char marked[NUMBER + 1] = "-";
            if (process->dated)
                snprintf(marked, sizeof marked, "%s%s", process->about ? "~" : "",
                         grouped(ends[e], text));
            fprintf(to, "  %*s", number + 1, marked);
        }
        fputc('\n', to);
    }
}

// One column: the tenths that it was busy, or what it was instead.
static char letter_of(const struct profile_share *share) {
    const int tenths = (int)(share->busy * 10 + 0.5);
    if (tenths)
        return "0123456789#"[tenths];
    if (share->starved >= share->blocked && share->starved >= share->idle)
        return 's';
    return share->blocked >= share->idle ? 'b' : '.';
}

static void print_bars(FILE *to, const struct profile *profile) {
    const int name = name_width(profile);
    const double column = (double)profile->cycles / COLUMNS;
    char end[NUMBER];
    snprintf(end, sizeof end, "%.2f us", profile_microseconds(profile, (double)profile->cycles));
    fprintf(to, "%-*s  0%*s\n", name, "over time", COLUMNS - 1, end);
    for (uint32_t i = 0; i < profile->process_count; i++) {
        fprintf(to, "%-*s  ", name, profile->processes[i].name);
        for (int c = 0; c < COLUMNS; c++) {
            const struct profile_share share =
                profile_between(profile, i, column * c, column * (c + 1));
            fputc(letter_of(&share), to);
        }
        fputc('\n', to);
    }
    fprintf(to,
            "%-*s  # busy, 1 to 9 so many tenths of it, s starved, b blocked, . nothing to do\n",
            name, "");
}

static bool is_dated(const struct profile *profile) {
    for (uint32_t i = 0; i < profile->process_count; i++)
        if (profile->processes[i].dated)
            return true;
    return false;
}

// What a card's counters cannot tell.
static void print_readings(FILE *to, const struct profile *profile) {
    if (is_dated(profile))
        return;
    char text[NUMBER];
    if (profile->sample_count < 2)
        fputs("Totals only: the run was over before the card's counters were read on the way.\n",
              to);
    else
        fprintf(to, "The card's counters were read %u times, some %s cycles apart.\n",
                profile->sample_count, grouped(profile->cycles / profile->sample_count, text));
}

void profile_print(FILE *to, const struct profile *profile) {
    char text[600], cycles[NUMBER];
    fprintf(to, "%s: %zu sequence%s of %zu step%s on %s, %s cycles, %.2f us at %.0f MHz\n\n",
            profile->model, profile->sequences, mr_plural(profile->sequences), profile->steps,
            mr_plural(profile->steps), profile->device, grouped(profile->cycles, cycles),
            profile_microseconds(profile, (double)profile->cycles), profile->stats.clock_mhz);
    print_totals(to, profile);
    fputc('\n', to);
    if (profile->sample_count > 1)
        print_bars(to, profile);
    print_readings(to, profile);
    fputc('\n', to);
    profile_verdict(profile, text, sizeof text);
    fprintf(to, "%s\n", text);
}
