/* plan_machine.h: a server as `cloister plan` sees it: workers and memory by NUMA node, and how fast it reads, multiplies and loads, each
 * figure with where it comes from. Knows no model. One thread. */
#ifndef CLOISTER_PLAN_MACHINE_H
#define CLOISTER_PLAN_MACHINE_H

#include <stddef.h>
#include <stdint.h>

#include "runtime/error.h"

enum { RT_PLAN_NODES_MAX = 64, RT_PLAN_WORKERS_MAX = 4096 };

struct rt_plan_figure {
    double value;
    char source[112]; /* "measured", "given", or what was assumed */
};

struct rt_plan_node { /* one that has workers */
    int index;        /* the system's number; -1 where the machine does not tell */
    unsigned first, workers;
    uint64_t memory; /* bytes; 0 if unknown */
};

struct rt_plan_machine {
    char name[128];
    unsigned packages, workers, node_count;
    struct rt_plan_node nodes[RT_PLAN_NODES_MAX];
    char memory_source[112];
    struct rt_plan_figure read;   /* bytes a second that all workers together read from memory */
    struct rt_plan_figure int8;   /* int8 operations a second, a multiplication and an addition being two */
    struct rt_plan_figure floats; /* float operations a second, likewise */
    struct rt_plan_figure disk;   /* bytes a second */
};

struct rt_plan_topology { /* the machine that is meant */
    const char *named;    /* hwloc's XML file, "-" for one on standard input, or a synthetic string; NULL: this machine */
    char *xml;            /* a file's text, 0-terminated behind xml_bytes; NULL otherwise */
    size_t xml_bytes;
};
/* Reads a file and interprets nothing: hwloc trusts what it parses, so that the caller seals the process between this and
 * rt_plan_machine_open. A name that is no file is a synthetic string. Free xml with free(). */
RT_MUST_CHECK int rt_plan_topology_read(struct rt_plan_topology *out, const char *named, struct rt_error *error);

struct rt_plan_machine_options { /* 0: not given */
    unsigned threads;
    const char *isa; /* that this machine is measured with, as in rt_site_options */
    double memory_gb, read_gb_s, int8_gops, float_gflops, disk_gb_s;
};

/* Fills in nodes and workers (rt_placement_plan), then the figures: what was given, else on this machine a short measurement, else an
 * assumption that its source spells out. RT_EXIT_FAILED for a topology that hwloc cannot read. */
RT_MUST_CHECK int rt_plan_machine_open(struct rt_plan_machine *out, const struct rt_plan_topology *topology,
                                       const struct rt_plan_machine_options *options, struct rt_error *error);

/* Bytes of memory over all nodes; 0 if that of some node is unknown. */
uint64_t rt_plan_machine_memory(const struct rt_plan_machine *machine);

#endif
