#ifndef LS_SWEEP_SEARCH_H
#define LS_SWEEP_SEARCH_H

#include <stddef.h>
#include <stdint.h>

#include "engine/param.h"
#include "engine/reason.h"
#include "engine/status.h"
#include "sweep/record.h"

/* Searches decide, from the cells that have finished, which cells to run next and which not at all. What they decide
 * depends on results alone, never on the order in which they come, so a search is as deterministic and resumable as a
 * full sweep.
 *
 * screen:  every point at the coarsest level of detail of the lod axis; then, level by level, those of the level before
 * that can be on the Pareto front of the metrics `by`: first its front; then, as long as there are any, the points
 * whose best case is not beaten by what ran. The best case is the coarser value, better by the square of the largest
 * ratio found between the two levels so far, and by `margin` at least. halving: every point with one replica; then,
 * while replicas last, the best `keep` of the points with twice as many. until:   replicas of each point until the 95 %
 * confidence interval of the metric's mean is ± half_width of it. */

struct ls_study;

enum ls_search_method { LS_SEARCH_SCREEN, LS_SEARCH_HALVING, LS_SEARCH_UNTIL, LS_N_SEARCH_METHODS };

extern const char *const ls_search_names[LS_N_SEARCH_METHODS + 1];

enum { LS_MAX_OBJECTIVES = 4 };

/* As a study has it; part of the resolved study. */
struct ls_search_options {
    int32_t method;       /* enum ls_search_method, LS_NULL_CHOICE: every cell is run */
    char by[LS_NAME_LEN]; /* metrics, separated by spaces */
    double margin;        /* screen: what a level may be off by at least */
    double keep;          /* halving */
    double half_width;    /* until */
};

/* Read options->by: columns of engine/metrics.h. Returns how many, 0 with a message in err when one is no metric or has
 * no better direction. */
size_t ls_search_objectives(const struct ls_search_options *options, size_t columns[LS_MAX_OBJECTIVES],
                            struct ls_err *err);

struct ls_search;

/* Called for each cell that is to run. */
typedef void ls_search_want(uint64_t cell, void *context);

/* A search over a study that has one. LS_NOMEM; LS_INPUT when the study's axes do not suit the method. The caller frees
 * it with ls_search_free. */
LS_NODISCARD enum ls_status ls_search_new(const struct ls_study *study, ls_search_want *want, void *context,
                                          struct ls_search **search, struct ls_err *err);
void ls_search_free(struct ls_search *search);

/* A cell has finished, now or (before ls_search_begin) in an earlier run. */
void ls_search_note(struct ls_search *search, const struct ls_record *record);

/* Want the first cells. */
void ls_search_begin(struct ls_search *search);

/* Cells that the search left out once all that it wanted are done: called with each cell and why. */
typedef void ls_search_visit(uint64_t cell, enum ls_reason reason, void *context);
void ls_search_skipped(const struct ls_search *search, ls_search_visit *visit, void *context);

#endif
