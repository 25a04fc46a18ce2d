#include "engine/hardware/cluster.h"

#include <math.h>
#include <string.h>

static void complete_link(struct ls_link *link, const struct ls_link *hardware)
{
    if (isnan(link->bandwidth_bytes_per_s))
        link->bandwidth_bytes_per_s = hardware->bandwidth_bytes_per_s;
    if (isnan(link->latency_s))
        link->latency_s = hardware->latency_s;
}

void ls_cluster_complete(struct ls_cluster *cluster)
{
    const struct ls_hardware *hardware = &cluster->hardware;
    if (cluster->gpus_per_node == LS_NULL_INT)
        cluster->gpus_per_node = hardware->gpus_per_node;
    if (cluster->nics_per_node == LS_NULL_INT)
        cluster->nics_per_node = hardware->nics_per_node;
    if (cluster->topology == LS_NULL_CHOICE)
        cluster->topology = hardware->topology;
    complete_link(&cluster->intra_node, &hardware->intra_node);
    complete_link(&cluster->inter_node, &hardware->inter_node);
    if (cluster->hardware.kernel_library == LS_NULL_CHOICE)
        cluster->hardware.kernel_library = LS_KERNELS_VLLM;
    if (cluster->hardware.decode_attention == LS_NULL_CHOICE)
        cluster->hardware.decode_attention = LS_DECODE_MEASURED;
    ls_kernels_complete(cluster->hardware.kernels);
}

/* Length of the word at `text`; words are separated by spaces. */
static size_t word_length(const char *text)
{
    return strcspn(text, " ");
}

static bool find_dim(const char *word, size_t length, enum ls_dim *dim)
{
    static const char *const names[LS_N_DIMS] = {[LS_TP] = "tp", [LS_EP] = "ep", [LS_PP] = "pp", [LS_DP] = "dp"};
    for (int i = 0; i < LS_N_DIMS; i++) {
        if (length == strlen(names[i]) && strncmp(word, names[i], length) == 0) {
            *dim = (enum ls_dim)i;
            return true;
        }
    }
    return false;
}

static enum ls_status bad_order(const char *order, struct ls_err *err)
{
    return ls_fail(err, LS_INPUT, "cluster.rank_order: [%.100s] is not tp, ep, pp and dp in some order", order);
}

enum ls_status ls_placement_init(struct ls_placement *placement, const struct ls_cluster *cluster,
                                 const struct ls_strategy *strategy, struct ls_err *err)
{
    struct ls_placement result = {
        .degree = {[LS_TP] = strategy->tp, [LS_EP] = strategy->ep, [LS_PP] = strategy->pp, [LS_DP] = strategy->dp},
        .gpus_per_node = cluster->gpus_per_node,
        .first = strategy->first_rank,
    };
    int64_t stride = 1;
    int n_words = 0;
    for (const char *word = cluster->rank_order; *word;) {
        const size_t length = word_length(word);
        enum ls_dim dim;
        if (!find_dim(word, length, &dim) || result.stride[dim] != 0)
            return bad_order(cluster->rank_order, err);
        result.stride[dim] = stride;
        stride *= result.degree[dim];
        n_words++;
        word += length;
        word += strspn(word, " ");
    }
    if (n_words != LS_N_DIMS)
        return bad_order(cluster->rank_order, err);
    *placement = result;
    return LS_OK;
}

int64_t ls_placement_rank(const struct ls_placement *placement, const int64_t coordinate[LS_N_DIMS])
{
    int64_t rank = placement->first;
    for (int i = 0; i < LS_N_DIMS; i++)
        rank += coordinate[i] * placement->stride[i];
    return rank;
}

int64_t ls_placement_node(const struct ls_placement *placement, int64_t rank)
{
    return rank / placement->gpus_per_node;
}

/* The dimensions of `dims` from the smallest stride to the largest; returns how many. Degrees of one move nothing, so
 * they are left out. */
static int sort_dims(const struct ls_placement *placement, unsigned dims, int sorted[LS_N_DIMS])
{
    int n = 0;
    for (int i = 0; i < LS_N_DIMS; i++) {
        if (!(dims & (1u << i)) || placement->degree[i] == 1)
            continue;
        int at = n++;
        for (; at > 0 && placement->stride[sorted[at - 1]] > placement->stride[i]; at--)
            sorted[at] = sorted[at - 1];
        sorted[at] = i;
    }
    return n;
}

/* Advance to the group's next member in order of rank; false after the last one. */
static bool next_member(const struct ls_placement *placement, const int *sorted, int n, int64_t coordinate[LS_N_DIMS])
{
    for (int i = 0; i < n; i++) {
        if (++coordinate[sorted[i]] < placement->degree[sorted[i]])
            return true;
        coordinate[sorted[i]] = 0;
    }
    return false;
}

struct ls_group ls_placement_group(const struct ls_placement *placement, unsigned dims, const int64_t origin[LS_N_DIMS])
{
    int sorted[LS_N_DIMS];
    const int n = sort_dims(placement, dims, sorted);
    int64_t coordinate[LS_N_DIMS];
    memcpy(coordinate, origin, sizeof coordinate);
    for (int i = 0; i < n; i++)
        coordinate[sorted[i]] = 0;

    /* Strides nest, so ranks come in rising order and the ranks of a node are neighbours. */
    struct ls_group group = {0};
    int64_t node = -1;
    int64_t on_node = 0;
    do {
        const int64_t here = ls_placement_node(placement, ls_placement_rank(placement, coordinate));
        if (here != node) {
            node = here;
            on_node = 0;
            group.nodes++;
        }
        on_node++;
        group.size++;
        if (on_node > group.ranks_per_node)
            group.ranks_per_node = on_node;
    } while (next_member(placement, sorted, n, coordinate));
    return group;
}

bool ls_placement_send_crosses(const struct ls_placement *placement, int64_t dp, int64_t stage)
{
    int64_t from[LS_N_DIMS] = {[LS_DP] = dp, [LS_PP] = stage}, to[LS_N_DIMS] = {[LS_DP] = dp, [LS_PP] = stage + 1};
    for (int64_t ep = 0; ep < placement->degree[LS_EP]; ep++) {
        for (int64_t tp = 0; tp < placement->degree[LS_TP]; tp++) {
            from[LS_EP] = to[LS_EP] = ep;
            from[LS_TP] = to[LS_TP] = tp;
            if (ls_placement_node(placement, ls_placement_rank(placement, from)) !=
                ls_placement_node(placement, ls_placement_rank(placement, to)))
                return true;
        }
    }
    return false;
}
