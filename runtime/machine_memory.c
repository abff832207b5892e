/* machine_memory.c: MemAvailable of /proc/meminfo, bounded by memory.max of a version 2 control group; /proc/zoneinfo for one node; and huge pages as /sys
 * has them. */
#include "runtime/machine_memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/scope.h"

enum { PAGE_BYTES = 4096 };

static uint64_t read_available(void)
{
    RT_CLOSE_FILE FILE *file = fopen("/proc/meminfo", "re");
    char line[256];
    while (file && fgets(line, sizeof line, file))
        if (!strncmp(line, "MemAvailable:", 13))
            return strtoull(line + 13, NULL, 10) << 10;
    return 0;
}

/* A number in a one-line file; 0 where it is missing or says "max". */
static uint64_t read_number(const char *path)
{
    RT_CLOSE_FILE FILE *file = fopen(path, "re");
    char line[64];
    return file && fgets(line, sizeof line, file) ? strtoull(line, NULL, 10) : 0;
}

/* What the group already uses is mostly page cache, which it gives up under pressure: only the limit counts. */
static uint64_t read_group_limit(void)
{
    RT_CLOSE_FILE FILE *file = fopen("/proc/self/cgroup", "re");
    char line[512], path[640];
    while (file && fgets(line, sizeof line, file)) {
        if (strncmp(line, "0::/", 4))
            continue;
        line[strcspn(line, "\n")] = 0;
        snprintf(path, sizeof path, "/sys/fs/cgroup%s/memory.max", line + 3);
        return read_number(path);
    }
    return 0;
}

uint64_t rt_memory_available(void)
{
    uint64_t machine = read_available(), group = read_group_limit();
    return group && (!machine || group < machine) ? group : machine;
}

/* ---- one node ---- */

struct zone { /* a part of a node, in pages */
    unsigned long long free, kept, files;
};

static void read_zone_line(struct zone *zone, const char *line)
{
    unsigned long long pages;
    if (sscanf(line, " pages free %llu", &pages) == 1)
        zone->free = pages;
    else if (sscanf(line, " high %llu", &pages) == 1)
        zone->kept = pages;
    else if (sscanf(line, " nr_zone_inactive_file %llu", &pages) == 1 || sscanf(line, " nr_zone_active_file %llu", &pages) == 1)
        zone->files += pages;
}

static uint64_t available_in(const struct zone *zone)
{
    return zone->free + zone->files > zone->kept ? zone->free + zone->files - zone->kept : 0;
}

uint64_t rt_memory_available_on(int node)
{
    RT_CLOSE_FILE FILE *file = fopen("/proc/zoneinfo", "re");
    struct zone zone = {0};
    uint64_t pages = 0;
    char line[256];
    int here = 0, number;
    while (file && fgets(line, sizeof line, file)) {
        if (sscanf(line, "Node %d, zone", &number) == 1) { /* the zone before this one is complete */
            pages += available_in(&zone);
            zone = (struct zone){0};
            here = number == node;
        } else if (here) {
            read_zone_line(&zone, line);
        }
    }
    return (pages + available_in(&zone)) * PAGE_BYTES;
}

uint64_t rt_memory_reserved(int node)
{
    char path[128];
    if (node < 0)
        return read_number("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages") << 21;
    snprintf(path, sizeof path, "/sys/devices/system/node/node%d/hugepages/hugepages-2048kB/free_hugepages", node);
    return read_number(path) << 21;
}

/* The mode in brackets: "always [madvise] never". */
static int has_mode(const char *path, const char *const *modes, size_t count)
{
    RT_CLOSE_FILE FILE *file = fopen(path, "re");
    char line[128];
    if (!file || !fgets(line, sizeof line, file))
        return 0;
    for (size_t i = 0; i < count; i++)
        if (strstr(line, modes[i]))
            return 1;
    return 0;
}

int rt_memory_transparent(void)
{
    static const char *const modes[] = {"[always]", "[madvise]"};
    return has_mode("/sys/kernel/mm/transparent_hugepage/enabled", modes, sizeof modes / sizeof *modes);
}

/* The switch for pages of 2 MiB alone is newer and, where it is not "inherit", is the one that counts. */
int rt_memory_transparent_files(void)
{
    static const char *const modes[] = {"[always]", "[within_size]", "[advise]", "[force]"}, *const inherit[] = {"[inherit]"};
    static const char own[] = "/sys/kernel/mm/transparent_hugepage/hugepages-2048kB/shmem_enabled";
    if (access(own, R_OK) == 0 && !has_mode(own, inherit, 1))
        return has_mode(own, modes, sizeof modes / sizeof *modes - 1);
    return has_mode("/sys/kernel/mm/transparent_hugepage/shmem_enabled", modes, sizeof modes / sizeof *modes);
}
