#ifndef LS_ENGINE_SIM_WATCH_H
#define LS_ENGINE_SIM_WATCH_H

#include <stdbool.h>
#include <stddef.h>

/* Somebody who waits for a simulation, and is asked now and then whether it is to go on. */

enum { LS_WATCH_PERIOD = 128 }; /* steps between two questions: less than some milliseconds */

struct ls_watch {
    bool (*keep_going)(void *context); /* null: always */
    void *context;
    unsigned n_steps;
    bool stopped; /* from the first no on */
};

/* Count a step; whether the simulation is to end without a result. */
static inline bool ls_watch_stopped(struct ls_watch *watch)
{
    if (++watch->n_steps % LS_WATCH_PERIOD == 0 && watch->keep_going && !watch->stopped)
        watch->stopped = !watch->keep_going(watch->context);
    return watch->stopped;
}

#endif
