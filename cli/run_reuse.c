#include "cli/run_reuse.h"

#include <stdlib.h>

struct wanted {
    uint64_t fingerprint, cell;
};

struct reuse {
    struct wanted *wanted; /* [n] by fingerprint, then cell */
    size_t n;
    ls_journal_visit *visit;
    void *context;
};

static int compare(const void *a, const void *b)
{
    const struct wanted *x = a, *y = b;
    if (x->fingerprint != y->fingerprint)
        return x->fingerprint < y->fingerprint ? -1 : 1;
    return (x->cell > y->cell) - (x->cell < y->cell);
}

static void list_wanted(struct reuse *reuse, const struct ls_study *study, const struct ls_queue *queue)
{
    for (uint64_t cell = 0; cell < study->n_cells; cell++) {
        struct ls_scenario scenario;
        enum ls_reason reason;
        struct ls_err err;
        if (!ls_queue_is_absent(queue, cell) || ls_study_cell(study, cell, &scenario, &reason, &err) != LS_OK ||
            reason != LS_REASON_NONE)
            continue;
        reuse->wanted[reuse->n++] = (struct wanted){ls_scenario_fingerprint(&scenario), cell};
    }
    qsort(reuse->wanted, reuse->n, sizeof *reuse->wanted, compare);
}

/* The first one wanted with a fingerprint no less than this. */
static size_t find(const struct reuse *reuse, uint64_t fingerprint)
{
    size_t low = 0, high = reuse->n;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (reuse->wanted[middle].fingerprint < fingerprint)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void offer(const struct ls_record *old, void *context)
{
    struct reuse *reuse = context;
    if (old->status != LS_CELL_DONE && old->status != LS_CELL_INFEASIBLE)
        return;
    for (size_t i = find(reuse, old->fingerprint); i < reuse->n && reuse->wanted[i].fingerprint == old->fingerprint;
         i++) {
        struct ls_record record = *old;
        record.cell = reuse->wanted[i].cell;
        reuse->visit(&record, reuse->context);
    }
}

enum ls_status ls_run_reuse(struct ls_cube *cube, const struct ls_study *study, const struct ls_queue *queue,
                            ls_journal_visit *visit, void *context, struct ls_err *err)
{
    struct reuse reuse = {.visit = visit, .context = context};
    reuse.wanted = malloc((study->n_cells ? (size_t)study->n_cells : 1) * sizeof *reuse.wanted);
    if (!reuse.wanted)
        return ls_fail(err, LS_NOMEM, "out of memory to look for results that are there already");
    list_wanted(&reuse, study, queue);
    const enum ls_status status = ls_cube_records(cube, offer, &reuse, err);
    free(reuse.wanted);
    return status;
}
