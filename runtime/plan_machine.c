/* plan_machine.c: asks hwloc about this machine, a saved topology or a synthetic one, and completes it with figures. */
#include "runtime/plan_machine.h"

#include <hwloc.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "runtime/bench_limits.h"
#include "runtime/input.h"
#include "runtime/isa.h"
#include "runtime/machine_memory.h"
#include "runtime/plan_constants.h"
#include "runtime/scope.h"
#include "runtime/topology.h"
#include "runtime/workers.h"

enum { XML_MAX_BYTES = 8 << 20 };

static void close_topology(hwloc_topology_t *topology)
{
    if (*topology)
        hwloc_topology_destroy(*topology);
}

/* ---- the topology ---- */

int rt_plan_topology_read(struct rt_plan_topology *out, const char *named, struct rt_error *error)
{
    struct stat status;
    *out = (struct rt_plan_topology){.named = named};
    if (!named || (strcmp(named, "-") != 0 && stat(named, &status)))
        return 0;
    if (rt_input_read(named, &out->xml, &out->xml_bytes, error))
        return -1;
    if (out->xml_bytes <= XML_MAX_BYTES)
        return 0;
    free(RT_MOVE(out->xml));
    return rt_fail(error, RT_EXIT_FAILED, "%s: larger than %d bytes, which no machine's topology is", named, XML_MAX_BYTES);
}

/* hwloc makes every object of a synthetic topology before anyone can look at their number: so it is counted here. */
static int check_synthetic(const char *text, struct rt_error *error)
{
    double threads = 1;
    for (const char *colon = text; (colon = strchr(colon, ':'));) {
        double count = strtod(++colon, NULL);
        threads *= count >= 1 ? count : INFINITY;
    }
    if (threads <= 4 * RT_PLAN_WORKERS_MAX)
        return 0;
    return rt_fail(error, RT_EXIT_USAGE, "--topology \"%.200s\": neither a file, nor a machine of at most %d hardware threads", text,
                   4 * RT_PLAN_WORKERS_MAX);
}

static int set_synthetic(hwloc_topology_t topology, const char *text, struct rt_error *error)
{
    if (check_synthetic(text, error))
        return -1;
    if (hwloc_topology_set_synthetic(topology, text))
        return rt_fail(error, RT_EXIT_USAGE,
                       "--topology \"%.200s\": neither a file, nor a machine as hwloc writes it, such as \"pack:2 numa:1 core:56 pu:2\"",
                       text);
    return 0;
}

static int is_device(const char *object)
{
    static const char *const types[] = {"Bridge", "PCIDev", "OSDev", "Misc"};
    const char *const key = "<object type=\"";
    if (strncmp(object, key, strlen(key)) != 0)
        return 0;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (strncmp(object + strlen(key), types[i], strlen(types[i])) == 0)
            return 1;
    return 0;
}

/* hwloc takes for granted that every object but devices has its sets, and would read through a null pointer. */
static int objects_have_sets(const char *xml)
{
    static const char *const needed[] = {" cpuset=\"0x", " nodeset=\"0x", " complete_cpuset=\"0x", " complete_nodeset=\"0x"};
    for (const char *at = xml; (at = strstr(at, "<object")); at++) {
        const char *end = strchr(at, '>');
        for (size_t i = 0; i < sizeof needed / sizeof *needed && !is_device(at); i++) {
            const char *set = strstr(at, needed[i]);
            if (!end || !set || set > end)
                return 0;
        }
    }
    return 1;
}

static int set_xml(hwloc_topology_t topology, const struct rt_plan_topology *from, struct rt_error *error)
{
    if (!objects_have_sets(from->xml) || hwloc_topology_set_xmlbuffer(topology, from->xml, (int)from->xml_bytes + 1))
        return rt_fail(error, RT_EXIT_FAILED, "%s: not a topology that hwloc can read; save one with `lstopo FILE.xml`", from->named);
    return 0;
}

static int load_topology(hwloc_topology_t topology, const struct rt_plan_topology *from, struct rt_error *error)
{
    if (from->named && (from->xml ? set_xml(topology, from, error) : set_synthetic(topology, from->named, error)))
        return -1;
    if (hwloc_topology_load(topology))
        return rt_fail(error, RT_EXIT_FAILED, "%s: hwloc cannot make a machine of this topology",
                       from->named ? from->named : "this machine");
    return 0;
}

/* ---- nodes ---- */

static uint64_t memory_of(hwloc_topology_t topology, int node)
{
    hwloc_obj_t object = node < 0 ? NULL : hwloc_get_numanode_obj_by_os_index(topology, (unsigned)node);
    return object && object->attr ? object->attr->numanode.local_memory : 0;
}

/* Places come node by node. */
static int list_nodes(struct rt_plan_machine *out, const struct rt_placement *placement, hwloc_topology_t topology, struct rt_error *error)
{
    out->workers = placement->count;
    out->packages = placement->packages ? placement->packages : 1;
    for (unsigned i = 0; i < placement->count; i++) {
        struct rt_plan_node *node = out->node_count ? &out->nodes[out->node_count - 1] : NULL;
        if (!node || node->index != placement->places[i].node) {
            if (out->node_count == RT_PLAN_NODES_MAX)
                return rt_fail(error, RT_EXIT_UNSUPPORTED, "the machine has more than %d NUMA nodes", RT_PLAN_NODES_MAX);
            node = &out->nodes[out->node_count++];
            *node = (struct rt_plan_node){.index = placement->places[i].node, .first = i};
            node->memory = memory_of(topology, node->index);
        }
        node->workers++;
    }
    return 0;
}

/* ---- memory ---- */

static void set_memory(struct rt_plan_machine *out, uint64_t total, const char *source)
{
    for (unsigned i = 0; i < out->node_count; i++)
        out->nodes[i].memory = total / out->node_count;
    snprintf(out->memory_source, sizeof out->memory_source, "%s", source);
}

/* What hwloc gives each node of a synthetic machine unless the text says otherwise: no real one has that. */
static int memory_unsaid(const struct rt_plan_machine *machine)
{
    return machine->nodes[0].memory == UINT64_C(1) << 30;
}

static void find_memory(struct rt_plan_machine *out, int is_this, double given_gb)
{
    const uint64_t available = is_this ? rt_memory_available() : 0;
    if (given_gb > 0)
        set_memory(out, (uint64_t)(given_gb * 1e9), "given");
    else if (!is_this && memory_unsaid(out))
        set_memory(out, 0, "not given: say --memory GB");
    else if (available && out->node_count == 1)
        set_memory(out, available, "free on this machine now");
    else
        snprintf(out->memory_source, sizeof out->memory_source, is_this ? "of this machine" : "of the topology");
}

uint64_t rt_plan_machine_memory(const struct rt_plan_machine *machine)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < machine->node_count; i++) {
        if (!machine->nodes[i].memory)
            return 0;
        sum += machine->nodes[i].memory;
    }
    return sum;
}

/* ---- figures ---- */

static struct rt_plan_figure given(double value)
{
    return (struct rt_plan_figure){value, "given"};
}

static void assume_speed(struct rt_plan_machine *out)
{
    out->read.value = out->packages * RT_PLAN_CHANNELS * RT_PLAN_CHANNEL_BYTES * RT_PLAN_CHANNEL_SHARE;
    snprintf(out->read.source, sizeof out->read.source,
             "assumed: %d channels of DDR5-5600 a socket, of whose %.0f GB/s %.0f %% are reached", RT_PLAN_CHANNELS,
             RT_PLAN_CHANNELS * RT_PLAN_CHANNEL_BYTES * 1e-9, 100 * RT_PLAN_CHANNEL_SHARE);
    out->int8.value = out->workers * RT_PLAN_CORE_INT8;
    snprintf(out->int8.source, sizeof out->int8.source, "assumed: %.0f a core, AVX-512 VNNI at 2.6 GHz, no AMX", RT_PLAN_CORE_INT8 * 1e-9);
}

/* What `cloister bench` calls the limits, measured the same way. */
static int measure_speed(struct rt_plan_machine *out, const struct rt_placement *placement, const char *cap, struct rt_error *error)
{
    RT_CLEAN(rt_workers_close) struct rt_workers *workers = NULL;
    RT_CLEAN(rt_limits_close) struct rt_limits *limits = NULL;
    enum kn_isa isa;
    if (rt_isa_choose(&isa, cap, error) || rt_workers_open(&workers, placement, error) || rt_limits_open(&limits, workers, isa, error))
        return -1;
    out->int8 = (struct rt_plan_figure){rt_limits_operations(limits), "measured now"};
    out->read = (struct rt_plan_figure){rt_limits_reading(limits), "measured now"};
    return 0;
}

static void find_speed(struct rt_plan_machine *out, const struct rt_plan_machine_options *options)
{
    if (options->read_gb_s > 0)
        out->read = given(options->read_gb_s * 1e9);
    if (options->int8_gops > 0)
        out->int8 = given(options->int8_gops * 1e9);
    /* A vector unit multiplies four int8 where it multiplies one float; AMX makes integers faster, and only those. */
    out->floats.value = fmin(out->int8.value / 4, out->workers * RT_PLAN_CORE_FLOATS);
    snprintf(out->floats.source, sizeof out->floats.source, "assumed: a quarter of int8, at most %.0f a core", RT_PLAN_CORE_FLOATS * 1e-9);
    if (options->float_gflops > 0)
        out->floats = given(options->float_gflops * 1e9);
    out->disk = (struct rt_plan_figure){RT_PLAN_DISK, "assumed: one NVMe drive"};
    if (options->disk_gb_s > 0)
        out->disk = given(options->disk_gb_s * 1e9);
}

/* ---- all of it ---- */

static int place_workers(struct rt_placement **out, hwloc_topology_t topology, int is_this, unsigned threads, struct rt_error *error)
{
    const int failed = is_this ? rt_placement_open(out, threads, error)
                               : rt_placement_plan(out, topology, hwloc_topology_get_allowed_cpuset(topology), threads, error);
    if (failed)
        return -1;
    if ((*out)->count > RT_PLAN_WORKERS_MAX)
        return rt_fail(error, RT_EXIT_UNSUPPORTED, "the machine has more than %d cores", RT_PLAN_WORKERS_MAX);
    return 0;
}

int rt_plan_machine_open(struct rt_plan_machine *out, const struct rt_plan_topology *from, const struct rt_plan_machine_options *options,
                         struct rt_error *error)
{
    const int is_this = !from->named, measured = is_this && !(options->read_gb_s > 0 && options->int8_gops > 0);
    RT_CLEAN(close_topology) hwloc_topology_t topology = NULL;
    RT_FREE struct rt_placement *placement = NULL;
    *out = (struct rt_plan_machine){0};
    snprintf(out->name, sizeof out->name, "%s", is_this ? "this machine" : from->named);
    if (hwloc_topology_init(&topology))
        return rt_fail(error, RT_EXIT_RESOURCES, "no memory for a topology");
    if (load_topology(topology, from, error) || place_workers(&placement, topology, is_this, options->threads, error) ||
        list_nodes(out, placement, topology, error))
        return -1;
    find_memory(out, is_this, options->memory_gb);
    assume_speed(out);
    if (measured && measure_speed(out, placement, options->isa, error))
        return -1;
    find_speed(out, options);
    return 0;
}
