/* cmd_topo.c: `cloister topo`: which worker would be pinned where, and what memory its node has. Starts no worker. */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/commands.h"
#include "runtime/machine_memory.h"
#include "runtime/options.h"
#include "runtime/report.h"
#include "runtime/scope.h"
#include "runtime/topology.h"

struct cpu_list { /* "0-3,8" */
    char text[256];
    unsigned count;
};

/* The hardware threads this process may run on; an empty list where the system does not tell. */
static struct cpu_list allowed_cpus(void)
{
    struct cpu_list list = {.text = ""};
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set))
        return list;
    list.count = (unsigned)CPU_COUNT(&set);
    size_t used = 0;
    for (int first = 0; first < CPU_SETSIZE && used < sizeof list.text; first++) {
        int last = first;
        if (!CPU_ISSET(first, &set))
            continue;
        while (last + 1 < CPU_SETSIZE && CPU_ISSET(last + 1, &set))
            last++;
        const char *comma = used ? "," : "";
        used += (size_t)snprintf(list.text + used, sizeof list.text - used, last > first ? "%s%d-%d" : "%s%d", comma, first, last);
        first = last;
    }
    return list;
}

/* ---- nodes that would have workers ---- */

struct node {
    int number; /* -1: the machine does not tell */
    unsigned workers;
    uint64_t available, reserved; /* bytes; reserved: huge pages that the administrator has set aside */
};

/* The node of places[*next] and those that follow on it; moves *next behind them. */
static struct node next_node(const struct rt_placement *placement, unsigned *next)
{
    struct node node = {.number = placement->places[*next].node};
    for (; *next < placement->count && placement->places[*next].node == node.number; ++*next)
        node.workers++;
    node.available = node.number < 0 ? rt_memory_available() : rt_memory_available_on(node.number);
    node.reserved = rt_memory_reserved(node.number);
    return node;
}

/* ---- for people ---- */

static void print_number(int number)
{
    if (number < 0)
        printf("%9s", "?");
    else
        printf("%9d", number);
}

static void print_table(const struct rt_placement *placement, const struct cpu_list *allowed)
{
    printf("%u online CPUs, %u packages, %u NUMA nodes\n", placement->cpus_online, placement->packages, placement->nodes);
    printf("allowed: CPUs %s, %u physical cores\n", allowed->count ? allowed->text : "unknown", placement->cores_allowed);
    printf("%u workers, one per physical core; %u allowed CPUs have none\n\n", placement->count,
           allowed->count > placement->count ? allowed->count - placement->count : 0);
    printf("%9s%9s%9s%9s%9s\n", "worker", "CPU", "core", "package", "node");
    for (unsigned i = 0; i < placement->count; i++) {
        const struct rt_worker_place *place = &placement->places[i];
        const int columns[] = {(int)i, place->cpu, place->core, place->package, place->node};
        for (size_t c = 0; c < sizeof columns / sizeof *columns; c++)
            print_number(columns[c]);
        putchar('\n');
    }
}

static void print_nodes(const struct rt_placement *placement)
{
    printf("\n%9s%9s  %-14s%s\n", "node", "workers", "available", "reserved huge pages");
    for (unsigned i = 0; i < placement->count;) {
        const struct node node = next_node(placement, &i);
        print_number(node.number);
        printf("%9u  %-14s%s\n", node.workers, rt_size_text(node.available).text, rt_size_text(node.reserved).text);
    }
    printf("transparent huge pages: %s\n", rt_memory_transparent() ? "granted where they are asked for" : "never");
}

/* ---- for programs ---- */

static void add_place(yyjson_mut_doc *doc, yyjson_mut_val *list, const struct rt_worker_place *place)
{
    const struct {
        const char *name;
        int number;
    } members[] = {{"cpu", place->cpu}, {"core", place->core}, {"package", place->package}, {"node", place->node}};
    yyjson_mut_val *object = yyjson_mut_arr_add_obj(doc, list);
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        if (members[i].number < 0)
            yyjson_mut_obj_add_null(doc, object, members[i].name);
        else
            yyjson_mut_obj_add_int(doc, object, members[i].name, members[i].number);
    }
}

static void add_node(yyjson_mut_doc *doc, yyjson_mut_val *list, const struct node *node)
{
    yyjson_mut_val *object = yyjson_mut_arr_add_obj(doc, list);
    if (node->number < 0)
        yyjson_mut_obj_add_null(doc, object, "node");
    else
        yyjson_mut_obj_add_int(doc, object, "node", node->number);
    yyjson_mut_obj_add_uint(doc, object, "workers", node->workers);
    yyjson_mut_obj_add_uint(doc, object, "available_bytes", node->available);
    yyjson_mut_obj_add_uint(doc, object, "reserved_bytes", node->reserved);
}

static int print_json(const struct rt_placement *placement, const struct cpu_list *allowed, struct rt_error *error)
{
    yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
    yyjson_mut_val *root = yyjson_mut_obj(doc);
    yyjson_mut_doc_set_root(doc, root);
    yyjson_mut_obj_add_uint(doc, root, "cpus_online", placement->cpus_online);
    yyjson_mut_obj_add_uint(doc, root, "packages", placement->packages);
    yyjson_mut_obj_add_uint(doc, root, "nodes", placement->nodes);
    yyjson_mut_obj_add_str(doc, root, "cpus_allowed", allowed->text);
    yyjson_mut_obj_add_uint(doc, root, "cores_allowed", placement->cores_allowed);
    yyjson_mut_val *workers = yyjson_mut_obj_add_arr(doc, root, "workers");
    for (unsigned i = 0; i < placement->count; i++)
        add_place(doc, workers, &placement->places[i]);
    yyjson_mut_val *memory = yyjson_mut_obj_add_arr(doc, root, "memory");
    for (unsigned i = 0; i < placement->count;) {
        const struct node node = next_node(placement, &i);
        add_node(doc, memory, &node);
    }
    yyjson_mut_obj_add_bool(doc, root, "transparent_huge_pages", rt_memory_transparent());
    return rt_report_json(doc, error);
}

int cmd_topo(const struct rt_call *call, struct rt_error *error)
{
    uint64_t threads = 0;
    int json = 0;
    const char *trust = RT_TRUST_DIRECTORY; /* taken, as by every command, and not needed */
    const struct rt_option table[] = {
        {"-t", RT_OPTION_UNSIGNED, &threads, "N", "plan for N physical cores (default: all allowed)", 4096},
        {"--trust", RT_OPTION_TEXT, &trust, "DIR", "not needed here", 0},
        {"--json", RT_OPTION_FLAG, &json, NULL, "print a JSON object", 0},
    };
    size_t count = 0;
    const int status = rt_options_parse(call, table, sizeof table / sizeof *table, NULL, &count, error);
    if (status)
        return status < 0 ? -1 : 0;
    const struct cpu_list allowed = allowed_cpus();
    RT_FREE struct rt_placement *placement = NULL;
    if (rt_placement_open(&placement, (unsigned)threads, error))
        return -1;
    if (json)
        return print_json(placement, &allowed, error);
    print_table(placement, &allowed);
    print_nodes(placement);
    return 0;
}
