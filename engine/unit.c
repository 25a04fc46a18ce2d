#include "engine/unit.h"

#include <assert.h>
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A unit is 10^decimal · 2^binary base units, so that both conversions are exact or rounded once. */
struct unit {
    const char *name;
    enum ls_dimension dimension;
    int decimal;
    int binary;
    int shown; /* may be chosen for output */
};

static const struct unit units[] = {
    {"%", LS_DIM_NONE, -2, 0, 0},
    {"s", LS_DIM_SECONDS, 0, 0, 1},
    {"ms", LS_DIM_SECONDS, -3, 0, 1},
    {"us", LS_DIM_SECONDS, -6, 0, 1},
    {"\xc2\xb5s", LS_DIM_SECONDS, -6, 0, 0}, /* micro sign */
    {"\xce\xbcs", LS_DIM_SECONDS, -6, 0, 0}, /* Greek mu */
    {"ns", LS_DIM_SECONDS, -9, 0, 1},
    {"B", LS_DIM_BYTES, 0, 0, 1},
    {"kB", LS_DIM_BYTES, 3, 0, 1},
    {"MB", LS_DIM_BYTES, 6, 0, 1},
    {"GB", LS_DIM_BYTES, 9, 0, 1},
    {"TB", LS_DIM_BYTES, 12, 0, 1},
    {"PB", LS_DIM_BYTES, 15, 0, 1},
    {"KiB", LS_DIM_BYTES, 0, 10, 1},
    {"MiB", LS_DIM_BYTES, 0, 20, 1},
    {"GiB", LS_DIM_BYTES, 0, 30, 1},
    {"TiB", LS_DIM_BYTES, 0, 40, 1},
    {"B/s", LS_DIM_BANDWIDTH, 0, 0, 1},
    {"kB/s", LS_DIM_BANDWIDTH, 3, 0, 1},
    {"MB/s", LS_DIM_BANDWIDTH, 6, 0, 1},
    {"GB/s", LS_DIM_BANDWIDTH, 9, 0, 1},
    {"TB/s", LS_DIM_BANDWIDTH, 12, 0, 1},
    {"b/s", LS_DIM_BANDWIDTH, 0, -3, 0},
    {"kb/s", LS_DIM_BANDWIDTH, 3, -3, 0},
    {"Mb/s", LS_DIM_BANDWIDTH, 6, -3, 0},
    {"Gb/s", LS_DIM_BANDWIDTH, 9, -3, 0},
    {"Tb/s", LS_DIM_BANDWIDTH, 12, -3, 0},
    {"FLOP/s", LS_DIM_FLOP_RATE, 0, 0, 1},
    {"MFLOP/s", LS_DIM_FLOP_RATE, 6, 0, 1},
    {"GFLOP/s", LS_DIM_FLOP_RATE, 9, 0, 1},
    {"TFLOP/s", LS_DIM_FLOP_RATE, 12, 0, 1},
    {"PFLOP/s", LS_DIM_FLOP_RATE, 15, 0, 1},
    {"W", LS_DIM_WATT, 0, 0, 1},
    {"kW", LS_DIM_WATT, 3, 0, 1},
};
#define N_UNITS (sizeof units / sizeof units[0])

static const struct {
    const char *base;
    const char *advice;
} dimensions[LS_N_DIMENSIONS] = {
    [LS_DIM_NONE] = {"1", "a number"},
    [LS_DIM_SECONDS] = {"s", "a time, such as 1.5 s or 20 ms"},
    [LS_DIM_BYTES] = {"byte", "bytes, such as 80 GB or 1.5 GiB"},
    [LS_DIM_BANDWIDTH] = {"byte/s", "a bandwidth, such as 3.35 TB/s or 400 Gb/s"},
    [LS_DIM_FLOP_RATE] = {"FLOP/s", "a rate of operations, such as 989.5 TFLOP/s"},
    [LS_DIM_WATT] = {"W", "a power, such as 700 W"},
};

const char *ls_dimension_unit(enum ls_dimension dimension)
{
    assert(dimension < LS_N_DIMENSIONS);
    return dimensions[dimension].base;
}

const char *ls_dimension_advice(enum ls_dimension dimension, int bare)
{
    assert(dimension < LS_N_DIMENSIONS);
    return bare && dimension == LS_DIM_SECONDS ? "seconds, such as 0.02 or 20 ms" : dimensions[dimension].advice;
}

static size_t digits(const char *text)
{
    size_t n = 0;
    while (isdigit((unsigned char)text[n]))
        n++;
    return n;
}

/* Length of a decimal number's mantissa at the start of `text`, 0 when there is none; *exponent is its power of ten and
 * *length what both take. An `e` that no digits follow belongs to the unit. */
static size_t scan_number(const char *text, int *exponent, size_t *length)
{
    size_t n = (text[0] == '+' || text[0] == '-') ? 1 : 0;
    const size_t whole = digits(text + n);
    n += whole;
    size_t fraction = 0;
    if (text[n] == '.') {
        fraction = digits(text + n + 1);
        n += 1 + fraction;
    }
    if (whole + fraction == 0)
        return 0;
    *exponent = 0;
    *length = n;
    if (text[n] == 'e' || text[n] == 'E') {
        const size_t sign = (text[n + 1] == '+' || text[n + 1] == '-') ? 1 : 0;
        const size_t n_digits = digits(text + n + 1 + sign);
        if (n_digits > 0 && n_digits < 6) {
            *exponent = (int)strtol(text + n + 1, NULL, 10);
            *length = n + 1 + sign + n_digits;
        }
    }
    return n;
}

/* The mantissa times 10^exponent, rounded once: strtod reads the shifted number. */
static double shifted(const char *mantissa, size_t n, int exponent)
{
    char buffer[128];
    if (n >= sizeof buffer - 16)
        return (double)NAN;
    (void)snprintf(buffer, sizeof buffer, "%.*se%d", (int)n, mantissa, exponent);
    return strtod(buffer, NULL);
}

static const struct unit *find_unit(const char *name, size_t n)
{
    for (size_t i = 0; i < N_UNITS; i++)
        if (strlen(units[i].name) == n && memcmp(units[i].name, name, n) == 0)
            return &units[i];
    return NULL;
}

enum ls_number_fault ls_number_parse(const char *text, enum ls_dimension dimension, int bare, double *number,
                                     enum ls_dimension *found)
{
    int exponent;
    size_t length;
    const size_t n = scan_number(text, &exponent, &length);
    if (n == 0)
        return LS_NUMBER_SYNTAX;
    const char *name = text + length;
    name += strspn(name, " ");
    const struct unit *unit = NULL;
    if (*name) {
        unit = find_unit(name, strlen(name));
        if (!unit)
            return dimension == LS_DIM_NONE && name == text + length ? LS_NUMBER_SYNTAX : LS_NUMBER_UNIT;
        if (unit->dimension != dimension) {
            *found = unit->dimension;
            return LS_NUMBER_OTHER_UNIT;
        }
    } else if (!bare && dimension != LS_DIM_NONE) {
        return LS_NUMBER_BARE;
    }
    const double value = ldexp(shifted(text, n, exponent + (unit ? unit->decimal : 0)), unit ? unit->binary : 0);
    if (!isfinite(value))
        return LS_NUMBER_SYNTAX;
    *number = value;
    return LS_NUMBER_OK;
}

/* `number` with `precision` significant digits, in plain notation unless that takes many zeros. */
static void write_digits(double number, int precision, char *buffer, size_t size)
{
    char scientific[40];
    (void)snprintf(scientific, sizeof scientific, "%.*e", precision - 1, number);
    const char *e = strchr(scientific, 'e');
    const int exponent = (int)strtol(e + 1, NULL, 10);
    if (exponent >= -5 && exponent < 16)
        (void)snprintf(buffer, size, "%.*f", precision - 1 > exponent ? precision - 1 - exponent : 0, number);
    else
        (void)snprintf(buffer, size, "%.*se%d", (int)(e - scientific), scientific, exponent);
}

/* Shortest text of `number` in `unit` (null: none) that reads back to the same bits; false when there is none. */
static int write_in_unit(double number, const struct unit *unit, char *buffer, size_t size)
{
    const double scaled = unit ? ldexp(number, -unit->binary) / pow(10, unit->decimal) : number;
    for (int precision = 1; precision <= 17; precision++) {
        char text[40];
        write_digits(scaled, precision, text, sizeof text);
        (void)snprintf(buffer, size, "%s%s%s", text, unit ? " " : "", unit ? unit->name : "");
        double back;
        enum ls_dimension found;
        if (ls_number_parse(buffer, unit ? unit->dimension : LS_DIM_NONE, 0, &back, &found) == LS_NUMBER_OK &&
            back == number)
            return 1;
    }
    return 0;
}

/* People prefer 500 GB/s to 0.5 TB/s and 3.35 TB/s to 3350 GB/s, which are equally long. */
static int reads_well(double number, const struct unit *unit)
{
    const double scaled = fabs(ldexp(number, -unit->binary) / pow(10, unit->decimal));
    return scaled >= 1 && scaled < 1000;
}

const char *ls_number_format(double number, enum ls_dimension dimension, int bare, char *buffer, size_t size)
{
    assert(size >= 40 && isfinite(number));
    if (bare || dimension == LS_DIM_NONE) {
        const int exact = write_in_unit(number, NULL, buffer, size);
        assert(exact);
        (void)exact;
        return buffer;
    }
    size_t best = SIZE_MAX;
    for (size_t i = 0; i < N_UNITS; i++) {
        char text[40];
        if (units[i].dimension != dimension || !units[i].shown || !write_in_unit(number, &units[i], text, sizeof text))
            continue;
        const size_t length = strlen(text) + !reads_well(number, &units[i]);
        if (length < best) {
            best = length;
            memcpy(buffer, text, strlen(text) + 1);
        }
    }
    assert(best != SIZE_MAX);
    return buffer;
}
