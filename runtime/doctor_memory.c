/* doctor_memory.c: how much memory there is, huge pages, and the limit on locked memory. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "runtime/doctor.h"
#include "runtime/machine_memory.h"
#include "runtime/report.h"

/* The kB behind "Name:" in /proc/meminfo, in bytes; -1 where it does not say. */
static int read_meminfo(const char *meminfo, const char *name, uint64_t *bytes)
{
    const char *line = strstr(meminfo, name);
    char *end;
    if (!line)
        return -1;
    const unsigned long long kilobytes = strtoull(line + strlen(name), &end, 10);
    *bytes = kilobytes * 1024;
    return end == line + strlen(name) || kilobytes > UINT64_MAX / 1024 ? -1 : 0;
}

static void find_amount(struct rt_findings *findings, const char *meminfo)
{
    uint64_t total, available;
    if (read_meminfo(meminfo, "MemTotal:", &total) || read_meminfo(meminfo, "MemAvailable:", &available))
        rt_finding_add(findings, "memory", RT_VERDICT_UNKNOWN, "mount /proc", "/proc/meminfo does not say");
    else
        rt_finding_add(findings, "memory", RT_VERDICT_OK, NULL, "%s, %s available", rt_size_text(total).text, rt_size_text(available).text);
}

/* The word in brackets: "always [madvise] never". */
static void find_transparent_pages(struct rt_findings *findings)
{
    static const char advice[] = "write \"madvise\" to /sys/kernel/mm/transparent_hugepage/enabled";
    char modes[128];
    if (rt_doctor_read("/sys/kernel/mm/transparent_hugepage/enabled", modes, sizeof modes))
        rt_finding_add(findings, "huge pages", RT_VERDICT_UNKNOWN, "mount /sys", "/sys does not say");
    else
        rt_finding_add(findings, "huge pages", strstr(modes, "[never]") ? RT_VERDICT_WARN : RT_VERDICT_OK, advice, "transparent: %s",
                       modes);
}

/* Weights that a service keeps over a restart lie in files in memory, which have a switch of their own. */
static void find_transparent_files(struct rt_findings *findings)
{
    static const char advice[] = "for weights that a service keeps over a restart, write \"advise\" to "
                                 "/sys/kernel/mm/transparent_hugepage/shmem_enabled; small pages make answers slower";
    if (rt_memory_transparent_files())
        rt_finding_add(findings, "kept weights", RT_VERDICT_OK, NULL, "files in memory get transparent huge pages");
    else
        rt_finding_add(findings, "kept weights", RT_VERDICT_WARN, advice, "files in memory get no transparent huge pages");
}

static void find_reserved_pages(struct rt_findings *findings)
{
    char count[32];
    if (rt_doctor_read("/proc/sys/vm/nr_hugepages", count, sizeof count))
        rt_finding_add(findings, "hugetlb", RT_VERDICT_UNKNOWN, "mount /proc", "/proc does not say");
    else
        rt_finding_add(findings, "hugetlb", RT_VERDICT_OK, NULL,
                       "%s pages reserved; taken for weights where they are enough, none are needed", count);
}

static void find_memlock(struct rt_findings *findings)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_MEMLOCK, &limit))
        rt_finding_add(findings, "locked memory", RT_VERDICT_UNKNOWN, NULL, "the kernel does not say");
    else if (limit.rlim_cur == RLIM_INFINITY)
        rt_finding_add(findings, "locked memory", RT_VERDICT_OK, NULL, "no limit");
    else
        rt_finding_add(findings, "locked memory", RT_VERDICT_OK, NULL, "at most %s; none is needed", rt_size_text(limit.rlim_cur).text);
}

void rt_doctor_memory(struct rt_findings *findings)
{
    char meminfo[4096];
    if (rt_doctor_read("/proc/meminfo", meminfo, sizeof meminfo))
        meminfo[0] = 0;
    find_amount(findings, meminfo);
    find_transparent_pages(findings);
    find_transparent_files(findings);
    find_reserved_pages(findings);
    find_memlock(findings);
}
