#ifndef LS_IO_LIBRARY_H
#define LS_IO_LIBRARY_H

#include <stddef.h>

#include "engine/hardware/hardware.h"
#include "engine/model/model.h"
#include "io/diag.h"

/* The library a user picks from: configs/models, hardware, workloads, studies. A name is looked for beside the study,
 * then in $LLMSWEEP_CONFIGS, then in the configs of the source tree or the installation; there as others spell it, too
 * (spelling.h). */

enum ls_shelf { LS_SHELF_MODELS, LS_SHELF_HARDWARE, LS_SHELF_WORKLOADS, LS_SHELF_STUDIES, LS_N_SHELVES };

/* Path of `name` (a library name, or a path relative to `folder`, extensions .yaml and .json tried) into path[size];
 * LS_INPUT with the nearest names when there is none. `folder` may be null. */
LS_NODISCARD enum ls_status ls_library_find(enum ls_shelf shelf, const char *folder, const char *name, char *path,
                                            size_t size, struct ls_err *err);

/* Names on a shelf, sorted; the caller frees with ls_library_free_names. */
LS_NODISCARD enum ls_status ls_library_names(enum ls_shelf shelf, char ***names, size_t *n, struct ls_err *err);
void ls_library_free_names(char **names, size_t n);

/* Load and complete a model (our YAML or a Hugging Face config.json) or a hardware file by name or path. */
LS_NODISCARD enum ls_status ls_library_model(const char *folder, const char *name, struct ls_model *model,
                                             struct ls_diags *diags);
LS_NODISCARD enum ls_status ls_library_hardware(const char *folder, const char *name, struct ls_hardware *hardware,
                                                struct ls_diags *diags);

#endif
