#ifndef LS_CLI_RUN_SUMMARY_H
#define LS_CLI_RUN_SUMMARY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "sweep/record.h"
#include "sweep/study.h"

/* What a run did, told at its end. */

enum { LS_N_SLOWEST = 3 };

struct ls_run_summary {
    uint64_t n_by_status[LS_CELL_NOT_RUN + 1];
    uint64_t n_by_reason[LS_N_REASONS];
    uint64_t n_simulated; /* by this run; the rest came from the journal or another cube */
    double simulated_s;   /* by all ranks */
    struct {
        uint64_t cell;
        double wall_s;
    } slowest[LS_N_SLOWEST]; /* of this run, longest first; 0 s: none */
    struct {
        size_t column;
        bool known;
        uint64_t cell;
        double value;
    } best; /* by the metric that `best` ranks such a study by, among cells that keep up with their load */
};

void ls_run_summary_begin(struct ls_run_summary *summary, const struct ls_study *study);

/* Count a record; `taken_over`: an earlier run made it. */
void ls_run_summary_add(struct ls_run_summary *summary, const struct ls_record *record, bool taken_over);

/* `, 12 infeasible, 1 failed; best 2188 1/s of … at tp=1 …`, for the progress; empty when there is nothing of it.
 * Returns buffer. */
const char *ls_run_summary_so_far(const struct ls_run_summary *summary, const struct ls_study *study, char *buffer,
                                  size_t size);

void ls_run_summary_print(const struct ls_run_summary *summary, const struct ls_study *study, size_t n_ranks,
                          double elapsed_s, FILE *stream);

/* `tp=8 pp=1 dp=2 ep=1 lod=high model=mixtral-8x7b replica=0` into buffer; returns buffer. */
const char *ls_run_summary_cell(const struct ls_study *study, uint64_t cell, char *buffer, size_t size);

#endif
