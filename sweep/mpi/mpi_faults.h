#ifndef LS_SWEEP_MPI_MPI_FAULTS_H
#define LS_SWEEP_MPI_MPI_FAULTS_H

#include <mpi.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Living on when a rank dies, where MPI can: User-Level Failure Mitigation, in Open MPI 5 and others (Bland et al.,
 * International Journal of High Performance Computing Applications 27, 2013). It takes `mpirun --with-ft ulfm`. Without
 * it the death of a rank ends the job, and LS_MPI_FAULTS is not defined. */

#if defined(OMPI_MAJOR_VERSION) && OMPI_MAJOR_VERSION >= 5
#include <mpi-ext.h>
#endif
#ifdef MPIX_ERR_PROC_FAILED
#define LS_MPI_FAULTS 1

struct ls_mpi_faults {
    MPI_Comm comm;
    bool suspected; /* an operation failed since the deaths were last looked for */
    int n_failed, n_told;
};

/* From now on operations of `comm` return their errors. */
void ls_mpi_faults_init(struct ls_mpi_faults *faults, MPI_Comm comm);

/* Look at what an operation returned. */
void ls_mpi_faults_note(struct ls_mpi_faults *faults, int error);

/* A rank that died and was not told of before. */
bool ls_mpi_faults_next(struct ls_mpi_faults *faults, size_t *rank);

/* Begin to find the greatest of the living ranks' values, each below 31: *flag is to stay until the request is done,
 * and then holds what ls_mpi_faults_greatest reads. */
void ls_mpi_faults_agree(const struct ls_mpi_faults *faults, uint32_t value, int *flag, MPI_Request *request);
uint32_t ls_mpi_faults_greatest(int flag);

#endif
#endif
