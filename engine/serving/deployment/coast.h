#ifndef LS_ENGINE_SERVING_DEPLOYMENT_COAST_H
#define LS_ENGINE_SERVING_DEPLOYMENT_COAST_H

#include "engine/serving/deployment/pipeline.h"

/* The fast road: while a pipeline of one scheduler decodes, nobody waits, nothing is due and blocks last, a pass
 * changes sums and nothing else. Such passes are played without being composed and completed, with the results that
 * this would have had; those of a pipeline of one stage in one tight loop. */

/* What the passes of a slot cost beside decode attention; it does not change while the same requests decode. */
struct ls_pace {
    bool known;                 /* holds for what is in the slot */
    struct ls_decode decode[2]; /* full, sliding */
    int64_t growth[2];          /* of the context from pass to pass: full, sliding */
    int64_t cpu_ps;             /* before a pass starts, without what grows with the context */
    int64_t n_left;             /* passes that can follow: then a request must be touched, or attention's slope ends */
    int64_t *rest_ps;           /* [n_stages] */
};

/* Paces of all slots, none of them known. LS_NOMEM. */
LS_NODISCARD enum ls_status ls_paces_init(struct ls_pipeline *pipeline, struct ls_arena *arena);

/* Play the passes in flight and those that follow them as long as they end before `until`; what is in flight afterwards
 * is for the ordinary road. Does nothing where the pipeline is not in such a state. */
void ls_pipeline_coast(struct ls_pipeline *pipeline, int64_t until_ps);

#endif
