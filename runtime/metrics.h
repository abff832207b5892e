/* metrics.h: what is counted of requests and connections, and all figures as Prometheus reads them
 * (https://prometheus.io/docs/instrumenting/exposition_formats/). The server's thread; the scheduler counts for itself. */
#ifndef CLOISTER_METRICS_H
#define CLOISTER_METRICS_H

#include "runtime/scheduler.h"

enum { RT_METRICS_ENDPOINTS = 16, RT_METRICS_STATUSES = 16 };

struct rt_metrics {
    const char *endpoints[RT_METRICS_ENDPOINTS]; /* names, to the first NULL; requests to none of them count under the last place */
    uint64_t requests[RT_METRICS_ENDPOINTS + 1][RT_METRICS_STATUSES];
    struct rt_histogram seconds; /* from a request's first line to its last byte */
    uint64_t connections_opened, connections_cut;
    uint32_t connections, requests_open;
    int memory; /* an open /proc/self/statm; -1: none */
    double started;
};

/* Before the seal. */
void rt_metrics_open(struct rt_metrics *metrics);
void rt_metrics_close(struct rt_metrics *metrics);
void rt_metrics_count(struct rt_metrics *metrics, unsigned endpoint, int status, double seconds);
/* The text; free it. NULL without memory. */
char *rt_metrics_print(const struct rt_metrics *metrics, const struct rt_scheduler *scheduler, size_t *bytes);

#endif
