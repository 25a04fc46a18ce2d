#include "sweep/search.h"

#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sweep/interval.h"
#include "sweep/pareto.h"
#include "sweep/study.h"

/* Levels may lie this much further apart, as a power of the ratio, where only one has run than where both have. */
#define LEVEL_SAFETY 2

/* Replicas that an interval needs at least. */
enum { MIN_REPLICAS = 3, MAX_REPLICAS = 10000 };

enum cell_state { ABSENT, WANTED, DONE, SATURATED /* done, and beats nobody */ };

struct method {
    const char *name;
    enum ls_reason reason; /* of the cells left out */
    enum ls_status (*check)(struct ls_search *search, struct ls_err *err);
    void (*begin)(struct ls_search *search);
    /* Every wanted cell is done: want more, or nothing when the search is over. */
    void (*advance)(struct ls_search *search);
    /* A wanted cell is done while others are not; null: nothing to do then. */
    void (*noted)(struct ls_search *search, uint64_t cell);
};

struct ls_search {
    const struct ls_study *study;
    const struct method *method;
    ls_search_want *want;
    void *context;
    size_t n_by;
    size_t columns[LS_MAX_OBJECTIVES];
    unsigned char *state; /* [n_cells] enum cell_state */
    double *values;       /* [n_cells · n_by], lower is better; NaN: infeasible, failed or absent */
    uint64_t n_outstanding;
    uint64_t n_replicas;
    uint64_t round;                 /* screen: a count; halving: rung */
    size_t level;                   /* screen: whose results choose the points of the next */
    bool has_front;                 /* screen: and its front has been chosen */
    size_t n_levels;                /* of the lod axis, coarsest first */
    size_t levels[LS_LOD_HIGH + 1]; /* their places on the axis */
    uint64_t lod_stride;            /* of the lod axis, in cells */
    unsigned char *in;              /* [n_cells] of a point's first cell: still in the race; screen: its levels */
};

static void want_cell(struct ls_search *search, uint64_t cell)
{
    if (search->state[cell] != ABSENT)
        return;
    search->state[cell] = WANTED;
    search->n_outstanding++;
    search->want(cell, search->context);
}

static double *values_of(const struct ls_search *search, uint64_t cell)
{
    return &search->values[cell * search->n_by];
}

/* Mean of each objective over the first n replicas of the point that starts at `cell`; false when one has no value. */
static bool mean_of(const struct ls_search *search, uint64_t cell, uint64_t n, double *mean)
{
    bool whole = true;
    for (size_t k = 0; k < search->n_by; k++) {
        double sum = 0;
        for (uint64_t i = 0; i < n; i++)
            sum += values_of(search, cell + i)[k];
        mean[k] = sum / (double)n;
        whole = whole && !isnan(mean[k]);
    }
    return whole;
}

/* -- screen -- */

/* Place of a cell on the lod axis. */
static size_t level_of(const struct ls_search *search, uint64_t cell)
{
    return (size_t)(cell / search->lod_stride % search->study->axes[LS_AXIS_LOD].n);
}

/* The cell of the same point at another place of the lod axis. */
static uint64_t at_level(const struct ls_search *search, uint64_t cell, size_t level)
{
    return cell - level_of(search, cell) * search->lod_stride + level * search->lod_stride;
}

static enum ls_status check_screen(struct ls_search *search, struct ls_err *err)
{
    const struct ls_axis *axis = &search->study->axes[LS_AXIS_LOD];
    search->lod_stride = 1;
    search->n_levels = 0;
    for (size_t i = search->study->n_axes - 1; i > LS_AXIS_LOD; i--)
        search->lod_stride *= search->study->axes[i].n;
    for (int64_t lod = LS_LOD_LOW; lod <= LS_LOD_HIGH; lod++)
        for (size_t i = 0; i < axis->n; i++)
            if (axis->settings[i * axis->n_targets].value.i == lod)
                search->levels[search->n_levels++] = i;
    if (search->n_levels < 2)
        return ls_fail(err, LS_INPUT,
                       "method: screen needs several levels on the lod axis, such as lod: [low, medium]");
    for (size_t k = 0; k < search->n_by; k++)
        if (axis->settings[search->levels[0] * axis->n_targets].value.i == LS_LOD_LOW &&
            search->columns[k] >= LS_N_SCALAR_METRICS)
            return ls_fail(err, LS_INPUT, "by: the low level of detail gives means, no quantiles, to screen by");
    return LS_OK;
}

static void begin_screen(struct ls_search *search)
{
    for (uint64_t cell = 0; cell < search->study->n_cells; cell++)
        if (level_of(search, cell) == search->levels[0])
            want_cell(search, cell);
}

/* A point that cannot serve its load is judged, but no measure for others. */
static bool is_saturated(const struct ls_search *search, uint64_t cell)
{
    for (uint64_t i = 0; i < search->n_replicas; i++)
        if (search->state[cell + i] == SATURATED)
            return true;
    return false;
}

/* Whether the point is among those of the round's level: coarser levels chose it. */
static bool is_member(const struct ls_search *search, uint64_t cell)
{
    return cell % search->n_replicas == 0 && level_of(search, cell) == search->levels[search->level] &&
           search->in[at_level(search, cell, 0)] > search->level;
}

static bool is_chosen(const struct ls_search *search, uint64_t cell)
{
    return search->in[at_level(search, cell, 0)] > search->level + 1;
}

/* Run the point at the next level. */
static void choose(struct ls_search *search, uint64_t cell)
{
    const uint64_t next = at_level(search, cell, search->levels[search->level + 1]);
    search->in[at_level(search, cell, 0)] = (unsigned char)(search->level + 2);
    for (uint64_t i = 0; i < search->n_replicas; i++)
        want_cell(search, next + i);
}

/* The first points of the next level: the front of this one, and those without a value here, for the finer levels say
 * why. */
static void choose_front(struct ls_search *search)
{
    struct ls_pareto front;
    double mean[LS_MAX_OBJECTIVES];
    ls_pareto_init(&front, search->n_by);
    for (uint64_t cell = 0; cell < search->study->n_cells; cell += search->n_replicas)
        if (is_member(search, cell) && !is_saturated(search, cell) && mean_of(search, cell, search->n_replicas, mean))
            ls_pareto_add(&front, mean);
    for (uint64_t cell = 0; cell < search->study->n_cells; cell += search->n_replicas)
        if (is_member(search, cell) &&
            (!mean_of(search, cell, search->n_replicas, mean) || !ls_pareto_beats(&front, mean)))
            choose(search, cell);
    ls_pareto_release(&front);
}

/* What ran at both levels: how far they lie apart in each objective, as |ln| of the ratio, and the front of the next.
 */
static void learn(const struct ls_search *search, double *apart, struct ls_pareto *front)
{
    double here[LS_MAX_OBJECTIVES], there[LS_MAX_OBJECTIVES];
    for (uint64_t cell = 0; cell < search->study->n_cells; cell += search->n_replicas) {
        if (!is_member(search, cell) || !is_chosen(search, cell))
            continue;
        const uint64_t next = at_level(search, cell, search->levels[search->level + 1]);
        if (!mean_of(search, next, search->n_replicas, there))
            continue;
        if (!is_saturated(search, next))
            ls_pareto_add(front, there);
        if (!mean_of(search, cell, search->n_replicas, here))
            continue;
        for (size_t k = 0; k < search->n_by; k++)
            if (here[k] != there[k])
                apart[k] = fmax(apart[k], here[k] * there[k] > 0 ? fabs(log(here[k] / there[k])) : (double)INFINITY);
    }
}

/* Choose those whose best case the next level's front does not beat; false when there is none. */
static bool choose_promising(struct ls_search *search)
{
    struct ls_pareto front;
    double apart[LS_MAX_OBJECTIVES] = {0}, best[LS_MAX_OBJECTIVES];
    bool any = false;
    ls_pareto_init(&front, search->n_by);
    learn(search, apart, &front);
    for (size_t k = 0; k < search->n_by; k++)
        apart[k] = fmax(LEVEL_SAFETY * apart[k], log1p(search->study->search.margin));
    for (uint64_t cell = 0; cell < search->study->n_cells; cell += search->n_replicas) {
        if (!is_member(search, cell) || is_chosen(search, cell))
            continue;
        (void)mean_of(search, cell, search->n_replicas, best); /* all of those without a value are chosen */
        for (size_t k = 0; k < search->n_by; k++)
            best[k] *= exp(best[k] > 0 ? -apart[k] : apart[k]);
        if (ls_pareto_beats(&front, best))
            continue;
        choose(search, cell);
        any = true;
    }
    ls_pareto_release(&front);
    return any;
}

static void advance_screen(struct ls_search *search)
{
    if (search->level + 1 == search->n_levels)
        return;
    if (!search->has_front) {
        choose_front(search);
        search->has_front = true;
    } else if (!choose_promising(search)) {
        search->level++;
        search->has_front = false;
    }
    search->round++;
}

/* -- halving -- */

static uint64_t rung_replicas(const struct ls_search *search, uint64_t rung)
{
    const uint64_t n = rung < 63 ? UINT64_C(1) << rung : search->n_replicas;
    return n < search->n_replicas ? n : search->n_replicas;
}

static enum ls_status check_halving(struct ls_search *search, struct ls_err *err)
{
    if (search->n_replicas < 2)
        return ls_fail(err, LS_INPUT, "method: halving needs replicas, such as sweep.replicas: 8");
    return LS_OK;
}

static void begin_halving(struct ls_search *search)
{
    for (uint64_t cell = 0; cell < search->study->n_cells; cell += search->n_replicas)
        want_cell(search, cell);
}

struct ranked {
    double mean;
    uint64_t cell;
};

static int compare_ranked(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    if (x->mean != y->mean)
        return x->mean < y->mean ? -1 : 1;
    return x->cell < y->cell ? -1 : x->cell > y->cell;
}

static void advance_halving(struct ls_search *search)
{
    const uint64_t n = rung_replicas(search, search->round);
    if (n == search->n_replicas)
        return;
    const uint64_t n_points = search->study->n_cells / search->n_replicas;
    struct ranked *points = malloc((size_t)n_points * sizeof *points);
    size_t n_in = 0;
    if (!points)
        return; /* fewer replicas than asked for; the cube shows how many */
    for (uint64_t cell = 0; cell < search->study->n_cells; cell += search->n_replicas) {
        double mean[LS_MAX_OBJECTIVES];
        if (search->in[cell] && mean_of(search, cell, n, mean))
            points[n_in++] = (struct ranked){mean[0], cell};
        search->in[cell] = 0;
    }
    qsort(points, n_in, sizeof *points, compare_ranked);
    const size_t n_kept = (size_t)ceil((double)n_in * search->study->search.keep);
    const uint64_t up_to = rung_replicas(search, ++search->round);
    for (size_t i = 0; i < n_kept; i++) {
        search->in[points[i].cell] = 1;
        for (uint64_t replica = n; replica < up_to; replica++)
            want_cell(search, points[i].cell + replica);
    }
    free(points);
}

/* -- until -- */

static enum ls_status check_until(struct ls_search *search, struct ls_err *err)
{
    (void)search;
    (void)err;
    return LS_OK;
}

static uint64_t first_rung(const struct ls_search *search)
{
    return search->n_replicas < MIN_REPLICAS ? search->n_replicas : MIN_REPLICAS;
}

/* Half of the 95 % confidence interval of the mean over the mean. */
static double relative_half_width(const struct ls_search *search, uint64_t cell, uint64_t n)
{
    double values[MAX_REPLICAS];
    for (uint64_t i = 0; i < n; i++)
        values[i] = values_of(search, cell + i)[0];
    const struct ls_interval interval = ls_interval_of(values, (size_t)n);
    /* infeasible, or all the same: more replicas would be as well */
    return interval.half_width > 0 ? interval.half_width / fabs(interval.mean) : 0;
}

/* Rungs of half as many replicas again, from the fewest: want what the first rung lacks whose interval is not known to
 * be too wide. Decided anew from the results each time, so an earlier run's results lead to the same end. */
static void extend_point(struct ls_search *search, uint64_t cell)
{
    for (uint64_t n = first_rung(search);;
         n = n + (n + 1) / 2 < search->n_replicas ? n + (n + 1) / 2 : search->n_replicas) {
        bool whole = true;
        for (uint64_t i = 0; i < n; i++) {
            want_cell(search, cell + i);
            whole = whole && search->state[cell + i] != WANTED;
        }
        if (!whole || n == search->n_replicas ||
            relative_half_width(search, cell, n) <= search->study->search.half_width)
            return;
    }
}

static void noted_until(struct ls_search *search, uint64_t cell)
{
    extend_point(search, cell - cell % search->n_replicas);
}

static void begin_until(struct ls_search *search)
{
    for (uint64_t cell = 0; cell < search->study->n_cells; cell += search->n_replicas)
        extend_point(search, cell);
}

static void advance_until(struct ls_search *search)
{
    (void)search; /* each point goes on by itself */
}

/* -- common -- */

static const struct method methods[LS_N_SEARCH_METHODS] = {
    [LS_SEARCH_SCREEN] = {"screen", LS_REASON_SCREENED, check_screen, begin_screen, advance_screen, NULL},
    [LS_SEARCH_HALVING] = {"halving", LS_REASON_SCREENED, check_halving, begin_halving, advance_halving, NULL},
    [LS_SEARCH_UNTIL] = {"until", LS_REASON_CONVERGED, check_until, begin_until, advance_until, noted_until},
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
    return search->method->check(search, err);
}

enum ls_status ls_search_new(const struct ls_study *study, ls_search_want *want, void *context,
                             struct ls_search **search, struct ls_err *err)
{
    assert(study->search.method != LS_NULL_CHOICE);
    struct ls_search *new = calloc(1, sizeof *new);
    if (!new)
        return ls_fail(err, LS_NOMEM, "out of memory");
    new->study = study;
    new->method = &methods[study->search.method];
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
    for (uint64_t round = search->round; search->n_outstanding == 0; round = search->round) {
        search->method->advance(search);
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
        values_of(search, record->cell)[k] = high ? -columns[search->columns[k]] : columns[search->columns[k]];
    }
    const bool wanted = search->state[record->cell] == WANTED;
    search->state[record->cell] = record->metrics.scalar[LS_METRIC_SATURATED] > 0 ? SATURATED : DONE;
    if (!wanted)
        return;
    search->n_outstanding--;
    if (search->method->noted)
        search->method->noted(search, record->cell);
    if (search->n_outstanding == 0)
        advance(search);
}

void ls_search_begin(struct ls_search *search)
{
    search->method->begin(search);
    advance(search);
}

void ls_search_skipped(const struct ls_search *search, ls_search_visit *visit, void *context)
{
    for (uint64_t cell = 0; cell < search->study->n_cells; cell++)
        if (search->state[cell] == ABSENT)
            visit(cell, search->method->reason, context);
}
