// SPDX-License-Identifier: Apache-2.0
// Which process limits a run, and why (profile.h): the one that is busy nearly all the time; where
// none is, what keeps the busiest from it.
#include "profile.h"

#include <stdarg.h>
#include <stdio.h>

struct sentence {
    char *text;
    size_t size, used;
};

__attribute__((format(printf, 2, 3))) static void say(struct sentence *sentence, const char *format,
                                                      ...) {
    if (sentence->used >= sentence->size)
        return;
    va_list arguments;
    va_start(arguments, format);
    const int length = vsnprintf(sentence->text + sentence->used, sentence->size - sentence->used,
                                 format, arguments);
    va_end(arguments);
    sentence->used += length > 0 ? (size_t)length : 0;
}

static double share_of(const struct profile *profile, uint64_t cycles) {
    return (double)cycles / (double)profile->cycles;
}

static uint32_t busiest(const struct profile *profile) {
    uint32_t best = 0;
    for (uint32_t i = 1; i < profile->process_count; i++)
        if (profile->processes[i].end.busy > profile->processes[best].end.busy)
            best = i;
    return best;
}

// Equal layers are busy alike; the ends of the run differ.
bool profile_limits(const struct profile *profile, uint32_t process) {
    const uint64_t most = profile->processes[busiest(profile)].end.busy;
    return most && (double)profile->processes[process].end.busy >= 0.99 * (double)most;
}

static uint32_t name_limits(struct sentence *sentence, const struct profile *profile) {
    uint32_t count = 0, named = 0;
    for (uint32_t i = 0; i < profile->process_count; i++)
        count += profile_limits(profile, i);
    for (uint32_t i = 0; i < profile->process_count; i++)
        if (profile_limits(profile, i)) {
            say(sentence, "%s%s",
                !named               ? ""
                : named + 1 == count ? " and "
                                     : ", ",
                profile->processes[i].name);
            named++;
        }
    return count;
}

// Who waits most for those that limit the run: for input, and for room.
static void name_waiting(struct sentence *sentence, const struct profile *profile) {
    uint32_t starved = 0, blocked = 0;
    uint64_t most_starved = 0, most_blocked = 0;
    for (uint32_t i = 0; i < profile->process_count; i++) {
        const struct mr_sample *end = &profile->processes[i].end;
        if (profile_limits(profile, i))
            continue;
        if (end->starved > most_starved) {
            most_starved = end->starved;
            starved = i;
        }
        if (end->blocked > most_blocked) {
            most_blocked = end->blocked;
            blocked = i;
        }
    }
    if (most_blocked)
        say(sentence, "; %s waits %.1f %% of it for room in its output",
            profile->processes[blocked].name, 100 * share_of(profile, most_blocked));
    if (most_starved)
        say(sentence, "%s %s waits %.1f %% of it for input", most_blocked ? ", and" : ";",
            profile->processes[starved].name, 100 * share_of(profile, most_starved));
}

// Why the busiest process is not busy all the time.
static void explain_rest(struct sentence *sentence, const struct profile *profile,
                         const struct profile_process *process) {
    const double rest = 1 - share_of(profile, process->end.busy),
                 inside = share_of(profile, process->last_busy - process->first_busy + 1),
                 outside = process->dated ? 1 - inside : 0,
                 starved = share_of(profile, process->end.starved),
                 blocked = share_of(profile, process->end.blocked);
    const char *name = process->name;
    if (outside > rest / 2)
        say(sentence,
            "%.1f %% of it is before the first or after the last work of %s, while the pipeline "
            "fills and empties; more or longer sequences in one call use it better",
            100 * outside, name);
    else if (starved >= blocked && starved > rest / 2)
        say(sentence, "%s waits %.1f %% of it for input, which comes too slowly", name,
            100 * starved);
    else if (blocked > rest / 2)
        say(sentence, "%s waits %.1f %% of it for room in its output, which is taken too slowly",
            name, 100 * blocked);
    else
        say(sentence,
            "%s has nothing to do for %.1f %% of it, as before its first and after its last work, "
            "and waits %.1f %% for input and %.1f %% for room in its output",
            name, 100 * (rest - starved - blocked), 100 * starved, 100 * blocked);
}

void profile_verdict(const struct profile *profile, char *text, size_t size) {
    const struct profile_process *process = &profile->processes[busiest(profile)];
    const double busy = share_of(profile, process->end.busy);
    struct sentence sentence = {.text = text, .size = size};
    if (!process->end.busy) {
        say(&sentence, "No process was busy.");
        return;
    }
    const bool one = name_limits(&sentence, profile) == 1;
    if (busy >= 0.9) {
        say(&sentence, " %s busy %.1f %% of the run and %s its pace", one ? "is" : "are",
            100 * busy, one ? "sets" : "set");
        if (process->cycles_per_step > 0)
            say(&sentence, ", %.4g cycles a step", process->cycles_per_step);
        name_waiting(&sentence, profile);
    } else {
        say(&sentence, " %s the busiest, with %.1f %% of the run: ", one ? "is" : "are",
            100 * busy);
        explain_rest(&sentence, profile, process);
    }
    say(&sentence, ".");
}
