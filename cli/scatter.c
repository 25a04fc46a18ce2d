#include "cli/scatter.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

enum { WIDTH = 64, HEIGHT = 18, MARGIN = 10 };

struct scale {
    double low, high; /* in log10 when `log` */
    bool log;
};

static double place_on(const struct scale *scale, double value)
{
    return ((scale->log ? log10(value) : value) - scale->low) / (scale->high - scale->low);
}

static double value_at(const struct scale *scale, double place)
{
    const double value = scale->low + place * (scale->high - scale->low);
    return scale->log ? pow(10, value) : value;
}

static struct scale scale_of(double low, double high)
{
    struct scale scale = {low, high, low > 0 && high / low > 30};
    if (scale.log) {
        scale.low = log10(low);
        scale.high = log10(high);
    }
    if (scale.low == scale.high) { /* one value stands in the middle */
        const double room = scale.low != 0 ? fabs(scale.low) / 2 : 1;
        scale.low -= room;
        scale.high += room;
    }
    return scale;
}

static void scales_of(const struct ls_scatter *scatter, struct scale *x, struct scale *y)
{
    double x_low = INFINITY, x_high = -INFINITY, y_low = INFINITY, y_high = -INFINITY;
    for (size_t i = 0; i < scatter->n; i++) {
        x_low = fmin(x_low, scatter->points[i].x);
        x_high = fmax(x_high, scatter->points[i].x);
        y_low = fmin(y_low, scatter->points[i].y);
        y_high = fmax(y_high, scatter->points[i].y);
    }
    *x = scale_of(x_low, x_high);
    *y = scale_of(y_low, y_high);
}

static size_t importance(const struct ls_scatter *scatter, char mark)
{
    const char *at = strchr(scatter->marks, mark);
    return mark != ' ' && at ? (size_t)(at - scatter->marks) + 1 : 0;
}

void ls_scatter_print(const struct ls_scatter *scatter, FILE *stream)
{
    if (scatter->n == 0)
        return;
    struct scale x, y;
    char field[HEIGHT][WIDTH + 1];
    scales_of(scatter, &x, &y);
    for (size_t row = 0; row < HEIGHT; row++) {
        memset(field[row], ' ', WIDTH);
        field[row][WIDTH] = '\0';
    }
    for (size_t i = 0; i < scatter->n; i++) {
        const struct ls_scatter_point *point = &scatter->points[i];
        const size_t column = (size_t)lrint(place_on(&x, point->x) * (WIDTH - 1));
        const size_t row = HEIGHT - 1 - (size_t)lrint(place_on(&y, point->y) * (HEIGHT - 1));
        if (importance(scatter, point->mark) > importance(scatter, field[row][column]))
            field[row][column] = point->mark;
    }

    (void)fprintf(stream, "%s%s\n", scatter->y_label, y.log ? ", log scale" : "");
    for (size_t row = 0; row < HEIGHT; row++) {
        char tick[32] = "";
        if (row == 0 || row == HEIGHT - 1 || row == HEIGHT / 2)
            (void)snprintf(tick, sizeof tick, "%.3g", value_at(&y, 1 - (double)row / (HEIGHT - 1)));
        size_t used = WIDTH;
        while (used > 0 && field[row][used - 1] == ' ')
            used--;
        (void)fprintf(stream, "%*s |%.*s\n", MARGIN - 2, tick, (int)used, field[row]);
    }
    (void)fprintf(stream, "%*s+", MARGIN - 1, "");
    for (size_t i = 0; i < WIDTH; i++)
        (void)fputc('-', stream);
    char left[32], middle[32], right[32];
    (void)snprintf(left, sizeof left, "%.3g", value_at(&x, 0));
    (void)snprintf(middle, sizeof middle, "%.3g", value_at(&x, 0.5));
    (void)snprintf(right, sizeof right, "%.3g", value_at(&x, 1));
    const int gap = WIDTH / 2 - (int)strlen(middle) / 2;
    (void)fprintf(stream, "\n%*s%-*s%-*s%*s\n", MARGIN, "", gap, left, (int)strlen(middle), middle,
                  WIDTH - gap - (int)strlen(middle), right);
    (void)fprintf(stream, "%*s%s%s\n", MARGIN, "", scatter->x_label, x.log ? ", log scale" : "");
}
