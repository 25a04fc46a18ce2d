#ifndef LS_ENGINE_SERVING_WORKLOAD_CLASSES_H
#define LS_ENGINE_SERVING_WORKLOAD_CLASSES_H

#include "engine/scenario.h"

/* The classes of requests that the profiles of a workload send, for the low level of detail: one for each turn of each
 * profile's clients; late turns of long sessions share one. A turn's prompt is the system prompt, what was said before,
 * and its own input; lengths are independent of each other, so their means and variances add up. */

struct ls_spread {
    double mean, variance;
};

struct ls_class {
    int32_t profile;
    double turn;                                /* its number, from 0; of several the mean */
    double share;                               /* of all requests */
    double next;                                /* chance that another turn follows */
    struct ls_spread head, said, input, output; /* tokens; the session's outputs are part of what was said */
    /* of the prompt, tokens to compute, and those found in the KV cache before them */
    double computed, computed_sq, found, found_computed; /* E[C], E[C²], E[F], E[F C] */
};

enum { LS_TURN_CLASSES = 16, LS_MAX_CLASSES = LS_MAX_PROFILES * LS_TURN_CLASSES };

struct ls_classes {
    int n;
    double firsts; /* of all requests, those that follow no other */
    struct ls_class rows[LS_MAX_CLASSES];
};

/* Of a workload of profiles, with nothing found in caches; of a trace none. */
void ls_classes_list(struct ls_classes *classes, const struct ls_scenario *scenario);

/* Tokens of a class's prompts. */
static inline struct ls_spread ls_class_prompt(const struct ls_class *class)
{
    return (struct ls_spread){class->head.mean + class->said.mean + class->input.mean,
                              class->head.variance + class->said.variance + class->input.variance};
}

/* Groups of requests behind one system prompt, which are alike. */
struct ls_prefix_group {
    double n;     /* of them */
    double share; /* of the profile's requests that each has */
    double tok;   /* of each one's prompt, on average */
};

enum { LS_MAX_PREFIX_GROUPS = 96 };

/* The groups of a profile with system prompts: the frequent ones one by one, the others by ranges of their numbers.
 * Returns how many rows. */
int ls_prefix_groups(const struct ls_scenario *scenario, int32_t profile,
                     struct ls_prefix_group groups[LS_MAX_PREFIX_GROUPS]);

#endif
