/* memory_report.h: what the kernel really gave for a piece of memory, as /proc tells it. Before the seal; one thread. */
#ifndef CLOISTER_MEMORY_REPORT_H
#define CLOISTER_MEMORY_REPORT_H

#include <yyjson.h>

#include "runtime/memory_map.h"

struct rt_memory_report {
    uint64_t bytes, huge_bytes; /* as asked for; of them on pages of 2 MiB */
    int node;                   /* RT_NODE_ANY: none in particular */
    enum rt_pages pages;
    enum rt_binding binding;
    unsigned looked_at, at_home; /* pages picked evenly, and how many of them lie on the node */
};

/* Of memory that has been written to. */
void rt_memory_look(struct rt_memory_report *out, const struct rt_memory *memory);
/* {"node","bytes","huge_bytes","pages","binding","at_home"}; node and at_home are null where there is none. */
yyjson_mut_val *rt_memory_report_json(yyjson_mut_doc *doc, const struct rt_memory_report *report);

#endif
