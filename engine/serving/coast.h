#ifndef LS_ENGINE_SERVING_COAST_H
#define LS_ENGINE_SERVING_COAST_H

#include "engine/serving/pipeline.h"

/* The fast road: while a pipeline of one stage and one scheduler decodes, nobody waits, nothing is due and blocks last,
 * a pass changes sums and nothing else. Such passes are played in one tight loop, with the results that composing and
 * completing them one by one would have.
 *
 * Play the pass in flight and those that follow it as long as they end before `until`; what is in flight afterwards is
 * for the ordinary road. Does nothing where the pipeline is not in such a state. */
void ls_pipeline_coast(struct ls_pipeline *pipeline, int64_t until_ps);

#endif
