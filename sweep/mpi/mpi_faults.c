#include "sweep/mpi/mpi_faults.h"

#ifdef LS_MPI_FAULTS

#include <assert.h>

void ls_mpi_faults_init(struct ls_mpi_faults *faults, MPI_Comm comm)
{
    *faults = (struct ls_mpi_faults){.comm = comm};
    (void)MPI_Comm_set_errhandler(comm, MPI_ERRORS_RETURN);
}

void ls_mpi_faults_note(struct ls_mpi_faults *faults, int error)
{
    if (error != MPI_SUCCESS)
        faults->suspected = true;
}

/* The deaths known to this rank, as a group in an order that only grows. */
static MPI_Group failed_group(struct ls_mpi_faults *faults)
{
    MPI_Group failed;
    int n_acked;
    (void)MPIX_Comm_get_failed(faults->comm, &failed);
    (void)MPI_Group_size(failed, &faults->n_failed);
    /* Receives from any rank go on once the deaths are acknowledged. */
    (void)MPIX_Comm_ack_failed(faults->comm, faults->n_failed, &n_acked);
    return failed;
}

bool ls_mpi_faults_next(struct ls_mpi_faults *faults, size_t *rank)
{
    if (!faults->suspected)
        return false;
    MPI_Group failed = failed_group(faults), all;
    const bool found = faults->n_told < faults->n_failed;
    if (found) {
        int theirs = faults->n_told++, ours;
        (void)MPI_Comm_group(faults->comm, &all);
        (void)MPI_Group_translate_ranks(failed, 1, &theirs, all, &ours);
        (void)MPI_Group_free(&all);
        *rank = (size_t)ours;
    }
    (void)MPI_Group_free(&failed);
    faults->suspected = found;
    return found;
}

/* An agreement survives deaths, but knows only the bitwise and of flags: value v is the mask whose lowest v bits are
 * not set, and the and of such masks is that of the greatest. */
void ls_mpi_faults_agree(const struct ls_mpi_faults *faults, uint32_t value, int *flag, MPI_Request *request)
{
    assert(value < 31);
    *flag = (int)(0x7fffffffU >> value << value);
    (void)MPIX_Comm_iagree(faults->comm, flag, request);
}

uint32_t ls_mpi_faults_greatest(int flag)
{
    uint32_t value = 0;
    while (value < 31 && !((unsigned)flag >> value & 1U))
        value++;
    return value;
}

#else
extern int ls_mpi_faults_none; /* ISO C wants a declaration in every file */
#endif
