/* bench_figures.h: medians of repeated measurements. Plain data; any thread. */
#ifndef CLOISTER_BENCH_FIGURES_H
#define CLOISTER_BENCH_FIGURES_H

#include <stdint.h>
#include <stdlib.h>

enum { RT_BENCH_REPETITIONS_MAX = 100 };

struct rt_series { /* a value for each repetition */
    double values[RT_BENCH_REPETITIONS_MAX];
    uint32_t count;
};

struct rt_figure {
    double median, min, max; /* 0 of no values */
};

static inline void rt_series_add(struct rt_series *series, double value)
{
    series->values[series->count++] = value;
}

static inline int rt_compare_doubles(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

static inline struct rt_figure rt_figure_of(const struct rt_series *series)
{
    struct rt_series sorted = *series;
    uint32_t n = sorted.count;
    if (!n)
        return (struct rt_figure){0};
    qsort(sorted.values, n, sizeof *sorted.values, rt_compare_doubles);
    return (struct rt_figure){
        .median = (sorted.values[(n - 1) / 2] + sorted.values[n / 2]) / 2,
        .min = sorted.values[0],
        .max = sorted.values[n - 1],
    };
}

#endif
