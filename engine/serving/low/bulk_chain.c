#include "engine/serving/low/bulk_chain.h"

#include <math.h>
#include <stdbool.h>

static int min_int(int a, int b)
{
    return a < b ? a : b;
}

/* Middles of eight equal shares of the normal distribution. */
static const double quantiles[LS_N_SIZES] = {-1.5341, -0.8871, -0.4888, -0.1573, 0.1573, 0.4888, 0.8871, 1.5341};

void ls_sizes_spread(struct ls_sizes *sizes, double variance)
{
    double least = 0, most = 4;
    for (int i = 0; i < 20; i++) { /* a few quantiles vary less than the distribution that they are of: more of it */
        const double sigma = (least + most) / 2;
        double sum = 0, square = 0;
        for (int k = 0; k < LS_N_SIZES; k++) {
            sizes->value[k] = exp(sigma * quantiles[k]);
            sum += sizes->value[k];
            square += sizes->value[k] * sizes->value[k];
        }
        for (int k = 0; k < LS_N_SIZES; k++)
            sizes->value[k] *= LS_N_SIZES / sum;
        *(square * LS_N_SIZES / (sum * sum) - 1 < variance ? &least : &most) = sigma;
    }
}

/* Each size is shared between the two whole numbers beside it, which keeps the mean. Where a unit is less than the
 * mean, none is nothing: smaller sizes are 1, and larger ones less by as much. */
void ls_parcel_spread(struct ls_parcel *parcel, double mean, const struct ls_sizes *sizes)
{
    const double least = mean > 1 ? 1 : 0;
    double small = 0, large = 0;
    *parcel = (struct ls_parcel){0};
    for (int i = 0; i < LS_N_SIZES; i++)
        *(mean * sizes->value[i] < least ? &small : &large) += mean * sizes->value[i] < least ? 1 : sizes->value[i];
    const double scale = (LS_N_SIZES * mean - small * least) / large;
    for (int i = 0; i < LS_N_SIZES; i++) {
        const double given = mean * sizes->value[i] < least ? least : scale * sizes->value[i];
        const double units = fmin(fmax(least, given), LS_MAX_PARCEL - 1e-9);
        const int below = (int)units;
        parcel->chance[below] += (1 - (units - below)) / LS_N_SIZES;
        parcel->chance[below + 1] += (units - below) / LS_N_SIZES;
        parcel->n = below + 2;
    }
}

/* p(k) = (a + b / k) p(k − 1) of the number of parcels; for parcels of more than one unit, i p(i) of the units and the
 * mean number with them follow from the smaller ones in the same way. */
void ls_arrived_spread(struct ls_arrived *arrived, int n, const struct ls_parcel *parcel, double mean,
                       double dispersion)
{
    const bool poisson = fabs(dispersion - 1) < 1e-6;
    const double a = poisson ? 0 : 1 - 1 / dispersion, b = poisson ? mean : a * (mean / (dispersion - 1) - 1);
    const double empty = parcel->chance[0], scale = 1 / (1 - a * empty);
    double *const chance = arrived->chance, *const parcels = arrived->parcels;
    chance[0] = poisson ? exp(-mean * (1 - empty)) : pow((1 - a) * scale, (a + b) / a);
    parcels[0] = (a + b) * empty * chance[0] * scale;
    double left = 1 - chance[0];
    for (int i = 1; i < n; i++) {
        double sum = 0, moment = 0, number = 0;
        for (int j = 1; j <= min_int(i, parcel->n - 1); j++) {
            const double part = parcel->chance[j] * chance[i - j];
            sum += part;
            moment += j * part;
            number += parcel->chance[j] * parcels[i - j];
        }
        chance[i] = fmin(left, fmax(0.0, (a * sum + b * moment / i) * scale));
        parcels[i] = fmax(0.0, (a * number + (a + b) * (sum + empty * chance[i])) * scale);
        left -= chance[i];
    }
    chance[n - 1] += left;
}

/* States are taken out from the last one on, and put back. What a state that is taken out led to stays in its row; the
 * chance of others to go there, over that to come back, in its column. */
void ls_bulk_chain_solve(struct ls_bulk_chain *chain)
{
    const int n = chain->n;
    double(*const next)[LS_MAX_BACKLOG] = chain->next;
    for (int s = n - 1; s > 0; s--) {
        const int from = s > chain->bulk ? s - chain->bulk : 0;
        double out = 1e-300;
        for (int j = from; j < s; j++)
            out += next[s][j];
        chain->out[s] = out;
        for (int i = 0; i < s; i++) {
            const double way = next[i][s] /= out;
            for (int j = from; j < s; j++)
                next[i][j] += way * next[s][j];
        }
    }
    double sum = chain->share[0] = 1;
    for (int s = 1; s < n; s++) {
        chain->share[s] = 0;
        for (int i = 0; i < s; i++)
            chain->share[s] += chain->share[i] * next[i][s];
        sum += chain->share[s];
    }
    for (int s = 0; s < n; s++)
        chain->share[s] /= sum;
}

/* The same steps: rewards of states that are taken out go to those that lead there. */
void ls_bulk_chain_bias(const struct ls_bulk_chain *chain, double *reward, double *bias)
{
    const int n = chain->n;
    double mean = bias[0] = 0;
    for (int s = n - 1; s > 0; s--)
        for (int i = 0; i < s; i++)
            reward[i] += chain->next[i][s] * reward[s];
    for (int s = 1; s < n; s++) {
        const int from = s > chain->bulk ? s - chain->bulk : 0;
        double sum = reward[s];
        for (int j = from; j < s; j++)
            sum += chain->next[s][j] * bias[j];
        bias[s] = sum / chain->out[s];
        mean += chain->share[s] * bias[s];
    }
    for (int s = 0; s < n; s++)
        bias[s] -= mean;
}
