#ifndef LS_SWEEP_MPI_MPI_TRANSPORT_H
#define LS_SWEEP_MPI_MPI_TRANSPORT_H

#include "engine/status.h"
#include "sweep/transport.h"

/* The transport over MPI, and the program's start-up and end. */

/* Connect the ranks that a launcher (mpirun, srun) started, or this process alone, which then does not touch MPI.
 * LS_INPUT when a launcher started several tasks that MPI cannot connect, each of which would run the whole sweep.
 * The caller ends it with ls_mpi_transport_close, on all ranks. */
LS_NODISCARD enum ls_status ls_mpi_transport_open(struct ls_transport **transport, struct ls_err *err);
void ls_mpi_transport_close(struct ls_transport *transport);

#endif
