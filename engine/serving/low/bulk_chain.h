#ifndef LS_ENGINE_SERVING_LOW_BULK_CHAIN_H
#define LS_ENGINE_SERVING_LOW_BULK_CHAIN_H

/* A Markov chain over a backlog in whole units, and what arrives at it: nothing but arithmetic. */

enum {
    LS_MAX_BACKLOG = 64, /* states */
    LS_MAX_PARCEL = 32,  /* units that arrive together */
    LS_N_SIZES = 8
};

/* Equally likely sizes with mean 1, in order: those of a lognormal, with a squared coefficient of variation of 7 at
 * most. */
struct ls_sizes {
    double value[LS_N_SIZES];
};

void ls_sizes_spread(struct ls_sizes *sizes, double variance);

/* Chances of 0, 1, … units in what arrives together, their sum 1. */
struct ls_parcel {
    int n; /* chances from here on are 0 */
    double chance[LS_MAX_PARCEL + 1];
};

/* Of those sizes, with a mean in units; no larger than LS_MAX_PARCEL. */
void ls_parcel_spread(struct ls_parcel *parcel, double mean, const struct ls_sizes *sizes);

/* Of units that arrive in some time: the chance of so many, and with it the mean number of parcels. */
struct ls_arrived {
    double chance[LS_MAX_BACKLOG], parcels[LS_MAX_BACKLOG];
};

/* Parcels whose number has a mean and a dispersion, variance over mean: Poisson at 1, negative binomial above, binomial
 * below. By Panjer's recursion (ASTIN Bulletin 12, 1981). The last of n states is for all that is more. */
void ls_arrived_spread(struct ls_arrived *arrived, int n, const struct ls_parcel *parcel, double mean,
                       double dispersion);

/* A chain whose state falls by `bulk` at most in a step. */
struct ls_bulk_chain {
    int n, bulk;
    double next[LS_MAX_BACKLOG][LS_MAX_BACKLOG]; /* chances; overwritten by ls_bulk_chain_solve */
    double out[LS_MAX_BACKLOG];                  /* chance to leave a state for a lower one, those above left out */
    double share[LS_MAX_BACKLOG];                /* of the steps */
};

/* Shares of the steps in each state, by elimination without subtractions (Grassmann, Taksar and Heyman, Operations
 * Research 33, 1985). */
void ls_bulk_chain_solve(struct ls_bulk_chain *chain);

/* How much more of a reward is to come from each state on than from the average, over all time, of a solved chain: the
 * solution of Poisson's equation h = y + P h, where the rewards y have mean 0. Overwrites `reward`. */
void ls_bulk_chain_bias(const struct ls_bulk_chain *chain, double *reward, double *bias);

#endif
