/* machine_memory.c: MemAvailable of /proc/meminfo, bounded by memory.max of a version 2 control group. */
#include "runtime/machine_memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/scope.h"

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
