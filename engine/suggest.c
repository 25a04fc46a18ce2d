#include "engine/suggest.h"

#include <string.h>

#define MAX_LEN 64

static size_t min3(size_t a, size_t b, size_t c)
{
    const size_t ab = a < b ? a : b;
    return ab < c ? ab : c;
}

static int lower(char c)
{
    return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c;
}

/* Levenshtein distance, letters of either case being equal; two rows suffice for the recurrence. */
static size_t distance(const char *a, size_t n_a, const char *b, size_t n_b)
{
    size_t row[MAX_LEN + 1];
    for (size_t j = 0; j <= n_b; j++)
        row[j] = j;
    for (size_t i = 1; i <= n_a; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= n_b; j++) {
            const size_t replaced = diagonal + (lower(a[i - 1]) != lower(b[j - 1]));
            diagonal = row[j];
            row[j] = min3(replaced, row[j] + 1, row[j - 1] + 1);
        }
    }
    return row[n_b];
}

const char *ls_suggest(const char *word, const char *const *names, size_t n)
{
    const size_t n_word = strlen(word);
    if (n_word == 0 || n_word > MAX_LEN)
        return NULL;
    const char *best = NULL;
    size_t best_distance = (n_word > 3 ? n_word / 3 : 1) + 1; /* more than a third of the letters is no slip */
    for (size_t i = 0; i < n; i++) {
        const size_t n_name = names[i] ? strlen(names[i]) : 0;
        if (n_name == 0 || n_name > MAX_LEN)
            continue;
        const size_t d = distance(word, n_word, names[i], n_name);
        const size_t longer = n_word > n_name ? n_word : n_name;
        if (d < best_distance && d < longer) {
            best = names[i];
            best_distance = d;
        }
    }
    return best;
}
