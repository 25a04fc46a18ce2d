#include "sweep/search.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sweep/search_ops.h"

void ls_search_want_cell(struct ls_search *search, uint64_t cell)
{
    if (search->state[cell] != LS_SEARCH_ABSENT)
        return;
    search->state[cell] = LS_SEARCH_WANTED;
    search->n_outstanding++;
    search->want(cell, search->context);
}

double *ls_search_values(const struct ls_search *search, uint64_t cell)
{
    return &search->values[cell * search->n_by];
}

bool ls_search_mean(const struct ls_search *search, uint64_t cell, uint64_t n, double *mean)
{
    bool whole = true;
    for (size_t k = 0; k < search->n_by; k++) {
        double sum = 0;
        for (uint64_t i = 0; i < n; i++)
            sum += ls_search_values(search, cell + i)[k];
        mean[k] = sum / (double)n;
        whole = whole && !isnan(mean[k]);
    }
    return whole;
}

static const struct ls_search_ops *const methods[LS_N_SEARCH_METHODS] = {
    [LS_SEARCH_SCREEN] = &ls_search_screen,
    [LS_SEARCH_HALVING] = &ls_search_halving,
    [LS_SEARCH_UNTIL] = &ls_search_until,
};

const char *const ls_search_names[LS_N_SEARCH_METHODS + 1] = {"screen", "halving", "until", NULL};

size_t ls_search_objectives(const struct ls_search_options *options, size_t columns[LS_MAX_OBJECTIVES],
                            struct ls_err *err)
{
    char words[LS_NAME_LEN];
    size_t n = 0;
    (void)snprintf(words, sizeof words, "%s", options->by);
    for (char *at = words, *word; *(word = at + strspn(at, " "));) {
        at = word + strcspn(word, " ");
        if (*at)
            *at++ = '\0';
        if (n == LS_MAX_OBJECTIVES || !ls_metric_column(word, &columns[n]) ||
            ls_metric_of_column(columns[n])->better == LS_BETTER_NONE) {
            (void)ls_fail(err, LS_INPUT,
                          n == LS_MAX_OBJECTIVES ? "by: %s is one metric too many; at most 4 make a front"
                                                 : "by: %s is no metric that is better high or low",
                          word);
            return 0;
        }
        n++;
    }
    if (n == 0)
        (void)ls_fail(err, LS_INPUT, "by: at least one metric is needed");
    return n;
}

static enum ls_status init(struct ls_search *search, struct ls_err *err)
{
    const struct ls_study *study = search->study;
    search->n_by = ls_search_objectives(&study->search, search->columns, err);
    if (search->n_by == 0)
        return LS_INPUT;
    search->n_replicas = study->axes[study->n_axes - 1].n;
    search->state = calloc((size_t)study->n_cells, 1);
    search->in = malloc((size_t)study->n_cells);
    search->values = malloc((size_t)study->n_cells * search->n_by * sizeof *search->values);
    if (!search->state || !search->in || !search->values)
        return ls_fail(err, LS_NOMEM, "out of memory for a search over %llu cells", (unsigned long long)study->n_cells);
    memset(search->in, 1, (size_t)study->n_cells);
    for (uint64_t i = 0; i < study->n_cells * search->n_by; i++)
        search->values[i] = (double)NAN;
    return search->ops->check ? search->ops->check(search, err) : LS_OK;
}

enum ls_status ls_search_new(const struct ls_study *study, ls_search_want *want, void *context,
                             struct ls_search **search, struct ls_err *err)
{
    assert(study->search.method != LS_NULL_CHOICE);
    struct ls_search *new = calloc(1, sizeof *new);
    if (!new)
        return ls_fail(err, LS_NOMEM, "out of memory");
    new->study = study;
    new->ops = methods[study->search.method];
    new->want = want;
    new->context = context;
    const enum ls_status status = init(new, err);
    if (status) {
        ls_search_free(new);
        return status;
    }
    *search = new;
    return LS_OK;
}

void ls_search_free(struct ls_search *search)
{
    if (!search)
        return;
    free(search->values);
    free(search->in);
    free(search->state);
    free(search);
}

/* Go on while what is wanted was all done in an earlier run. */
static void advance(struct ls_search *search)
{
    for (uint64_t round = search->round; search->ops->advance && search->n_outstanding == 0; round = search->round) {
        search->ops->advance(search);
        if (search->round == round)
            return;
    }
}

void ls_search_note(struct ls_search *search, const struct ls_record *record)
{
    double columns[LS_N_COLUMNS];
    memcpy(columns, &record->metrics, sizeof columns);
    for (size_t k = 0; k < search->n_by && record->status == LS_CELL_DONE; k++) {
        const bool high = ls_metric_of_column(search->columns[k])->better == LS_BETTER_HIGH;
        ls_search_values(search, record->cell)[k] = high ? -columns[search->columns[k]] : columns[search->columns[k]];
    }
    const bool wanted = search->state[record->cell] == LS_SEARCH_WANTED;
    search->state[record->cell] =
        record->metrics.scalar[LS_METRIC_SATURATED] > 0 ? LS_SEARCH_SATURATED : LS_SEARCH_DONE;
    if (!wanted)
        return;
    search->n_outstanding--;
    if (search->ops->noted)
        search->ops->noted(search, record->cell);
    if (search->n_outstanding == 0)
        advance(search);
}

void ls_search_begin(struct ls_search *search)
{
    search->ops->begin(search);
    advance(search);
}

void ls_search_skipped(const struct ls_search *search, ls_search_visit *visit, void *context)
{
    for (uint64_t cell = 0; cell < search->study->n_cells; cell++)
        if (search->state[cell] == LS_SEARCH_ABSENT)
            visit(cell, search->ops->reason, context);
}
