/* unpinned_workers.c: see unpinned_workers.h. */
#include "tests/unpinned_workers.h"

#include <stdlib.h>

#include "runtime/topology.h"

struct rt_workers *unpinned_workers(unsigned threads, unsigned nodes)
{
    struct rt_error error = {.text = "no memory"};
    struct rt_workers *workers = NULL;
    struct rt_placement *placement = calloc(1, sizeof *placement + threads * sizeof *placement->places);
    if (placement) {
        placement->count = threads;
        for (unsigned i = 0; i < threads; i++)
            placement->places[i] = (struct rt_worker_place){.cpu = -1, .node = (int)(i * nodes / threads)};
    }
    if (!placement || rt_workers_open(&workers, placement, &error))
        fprintf(stderr, "  %u workers: %s\n", threads, error.text);
    free(placement);
    return workers;
}
