#include "sweep/mpi/mpi_transport.h"

#include <assert.h>
#include <mpi.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <threads.h>

#include "sweep/mpi/mpi_faults.h"

/* Records cross as bytes: all ranks run one binary on one kind of machine. */

enum tag { TAG_CHUNK = 1, TAG_REPORT };

struct mpi_transport {
    struct ls_transport base; /* first: ops get a pointer to it */
    bool connected;           /* MPI is initialised */
    MPI_Comm comm;
#ifdef LS_MPI_FAULTS
    struct ls_mpi_faults faults;
#endif
    MPI_Request request;     /* rank 0: the report on its way in; workers: the report on its way out */
    struct ls_report report; /* its buffer */
};

static struct mpi_transport *of(struct ls_transport *transport)
{
    return (struct mpi_transport *)transport;
}

static int report_size(const struct ls_report *report)
{
    if (report->flags & LS_REPORT_PIECE)
        return (int)(offsetof(struct ls_report, piece.bytes) + report->piece.n_bytes);
    return (int)(offsetof(struct ls_report, records) + report->n * sizeof report->records[0]);
}

static int chunk_size(const struct ls_chunk *chunk)
{
    return (int)(offsetof(struct ls_chunk, cells) + chunk->n * sizeof chunk->cells[0]);
}

/* Look at what an operation returned: errors end the job before it returns, unless deaths are survived. Without rank
 * 0 nobody keeps the results, so its death ends the job, too. */
static void note(struct mpi_transport *mpi, int error)
{
#ifdef LS_MPI_FAULTS
    ls_mpi_faults_note(&mpi->faults, error);
    if (error != MPI_SUCCESS && mpi->base.rank > 0)
        (void)MPI_Abort(mpi->comm, EXIT_FAILURE);
#else
    (void)mpi;
    (void)error;
#endif
}

static void nap(struct ls_transport *transport, double seconds)
{
    (void)transport;
    const struct timespec duration = {.tv_nsec = (long)(seconds * 1e9)};
    (void)thrd_sleep(&duration, NULL);
}

/* Wait without the busy loop of MPI_Wait, which would take the core from a rank that computes. */
static void wait_politely(struct mpi_transport *mpi, MPI_Request *request)
{
    double nap_s = 10e-6;
    int done = 0;
    for (;;) {
        if (MPI_Test(request, &done, MPI_STATUS_IGNORE) != MPI_SUCCESS || done)
            return;
        nap(&mpi->base, nap_s);
        nap_s = nap_s < 1e-3 ? nap_s * 2 : 1e-3;
    }
}

/* A receive is always posted, and posted again at the call after the one that handed its report out. */
static const struct ls_report *poll_report(struct ls_transport *transport)
{
    struct mpi_transport *mpi = of(transport);
    if (mpi->request == MPI_REQUEST_NULL)
        (void)MPI_Irecv(&mpi->report, (int)sizeof mpi->report, MPI_BYTE, MPI_ANY_SOURCE, TAG_REPORT, mpi->comm,
                        &mpi->request);
    int done = 0;
    const int error = MPI_Test(&mpi->request, &done, MPI_STATUS_IGNORE);
    note(mpi, error);
    return done && error == MPI_SUCCESS ? &mpi->report : NULL;
}

static void send_chunk(struct ls_transport *transport, size_t rank, const struct ls_chunk *chunk)
{
    struct mpi_transport *mpi = of(transport);
    note(mpi, MPI_Send(chunk, chunk_size(chunk), MPI_BYTE, (int)rank, TAG_CHUNK, mpi->comm));
}

static void send_report(struct ls_transport *transport, const struct ls_report *report)
{
    struct mpi_transport *mpi = of(transport);
    wait_politely(mpi, &mpi->request);
    memcpy(&mpi->report, report, (size_t)report_size(report));
    note(mpi, MPI_Isend(&mpi->report, report_size(&mpi->report), MPI_BYTE, 0, TAG_REPORT, mpi->comm, &mpi->request));
}

static bool poll_chunk(struct ls_transport *transport, struct ls_chunk *chunk)
{
    struct mpi_transport *mpi = of(transport);
    int waits = 0;
    note(mpi, MPI_Iprobe(0, TAG_CHUNK, mpi->comm, &waits, MPI_STATUS_IGNORE));
    if (waits)
        note(mpi, MPI_Recv(chunk, (int)sizeof *chunk, MPI_BYTE, 0, TAG_CHUNK, mpi->comm, MPI_STATUS_IGNORE));
    return waits;
}

#ifdef LS_MPI_FAULTS

static bool poll_death(struct ls_transport *transport, size_t *rank)
{
    return ls_mpi_faults_next(&of(transport)->faults, rank);
}

static uint32_t max(struct ls_transport *transport, uint32_t value)
{
    struct mpi_transport *mpi = of(transport);
    MPI_Request request;
    int flag;
    ls_mpi_faults_agree(&mpi->faults, value, &flag, &request);
    wait_politely(mpi, &request);
    return ls_mpi_faults_greatest(flag);
}

#else

static uint32_t max(struct ls_transport *transport, uint32_t value)
{
    struct mpi_transport *mpi = of(transport);
    uint32_t greatest = value;
    MPI_Request request;
    (void)MPI_Iallreduce(&value, &greatest, 1, MPI_UINT32_T, MPI_MAX, mpi->comm, &request);
    wait_politely(mpi, &request);
    return greatest;
}

#endif

static const struct ls_transport_ops mpi_ops = {
    .poll_report = poll_report,
    .send_chunk = send_chunk,
#ifdef LS_MPI_FAULTS
    .poll_death = poll_death,
#endif
    .send_report = send_report,
    .poll_chunk = poll_chunk,
    .max = max,
    .nap = nap,
};

static long number_of(const char *variable)
{
    const char *text = getenv(variable);
    return text ? strtol(text, NULL, 10) : 0;
}

/* How many tasks a launcher says that it started, 0 when there is none. */
static long tasks_launched(void)
{
    static const char *const names[] = {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (number_of(names[i]) > 0)
            return number_of(names[i]);
    return 0;
}

/* Whether the launcher left a way for the tasks to find each other. Without one some MPIs end the program in MPI_Init,
 * others let each task believe that it is alone. */
static bool can_connect(void)
{
    static const char *const names[] = {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK", "PMI_FD"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (getenv(names[i]))
            return true;
    return false;
}

static enum ls_status cannot_connect(long n_tasks, struct ls_err *err)
{
    return ls_fail(err, LS_INPUT,
                   "the launcher started %ld tasks that MPI cannot connect: use mpirun, or srun --mpi=pmix", n_tasks);
}

static enum ls_status connect_ranks(struct mpi_transport *mpi, long n_tasks, struct ls_err *err)
{
    if (!can_connect())
        return cannot_connect(n_tasks, err);
    int provided;
    if (MPI_Init_thread(NULL, NULL, MPI_THREAD_SINGLE, &provided) != MPI_SUCCESS)
        return ls_fail(err, LS_FAILED, "MPI_Init failed");
    mpi->connected = true;
    mpi->comm = MPI_COMM_WORLD;
#ifdef LS_MPI_FAULTS
    ls_mpi_faults_init(&mpi->faults, mpi->comm);
#endif
    int rank, size;
    (void)MPI_Comm_rank(mpi->comm, &rank);
    (void)MPI_Comm_size(mpi->comm, &size);
    mpi->base.rank = (size_t)rank;
    mpi->base.n_ranks = (size_t)size;
    if (size == 1)
        return cannot_connect(n_tasks, err);
    return LS_OK;
}

enum ls_status ls_mpi_transport_open(struct ls_transport **transport, struct ls_err *err)
{
    struct mpi_transport *mpi = calloc(1, sizeof *mpi);
    if (!mpi)
        return ls_fail(err, LS_NOMEM, "out of memory for the transport");
    mpi->base = ls_transport_inline();
    mpi->request = MPI_REQUEST_NULL;
    const long n_tasks = tasks_launched();
    const enum ls_status status = n_tasks > 1 ? connect_ranks(mpi, n_tasks, err) : LS_OK;
    if (mpi->base.n_ranks > 1)
        mpi->base.ops = &mpi_ops;
    if (status != LS_OK)
        ls_mpi_transport_close(&mpi->base);
    else
        *transport = &mpi->base;
    return status;
}

void ls_mpi_transport_close(struct ls_transport *transport)
{
    struct mpi_transport *mpi = of(transport);
    if (mpi->request != MPI_REQUEST_NULL) {
        if (mpi->base.rank == 0)
            (void)MPI_Cancel(&mpi->request);
        wait_politely(mpi, &mpi->request);
    }
    if (mpi->connected)
        (void)MPI_Finalize();
    free(mpi);
}
