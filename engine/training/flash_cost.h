#ifndef LS_ENGINE_TRAINING_FLASH_COST_H
#define LS_ENGINE_TRAINING_FLASH_COST_H

#include "engine/model/operator.h"
#include "engine/scenario.h"

/* Seconds of fused attention on chunks (LS_OP_ATTENTION_PREFILL), forward, or `backward`: two and a half times the
 * products. The form is that of the serving kernels (engine/cost/attention_cost.h), with the share of the peak that the
 * kernels reach on long sequences: version 3 as the serving kernels forward, and 561 / 648 of that backward (Shah et
 * al. 2024, arXiv 2407.08608, Figures 5 and 6); version 2 and cuDNN as the hardware's `training` rows say; version 1
 * lower by what Dao 2023 (arXiv 2307.08691, Sections 1 and 4) reports for an A100: middles of 30 to 50 % and 25 to 35 %
 * against 73 and 63 %. Backward passes are slower on short sequences as if each query saw 280 keys more, which is what
 * the three kinds of Figure 6 have in common (255, 280 and 300). */
double ls_flash_seconds(const struct ls_hardware *hardware, const struct ls_training *training, const struct ls_op *op,
                        bool backward);

#endif
