/* doctor_process.c: /proc/PID and its task/, fd/, maps and limits; see proc(5). Everything there can be gone from one look to the next. */
#include "runtime/doctor_process.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/scope.h"

enum { STATUS_BYTES = 8192, PATH_BYTES = 64, KINDS = 8 };

struct process {
    uint64_t pid;
    struct rt_findings *findings;
};

static const char only_root[] = "only root may look; ask as root";

static void path_of(char out[PATH_BYTES], const struct process *p, const char *name)
{
    snprintf(out, PATH_BYTES, "/proc/%llu/%s", (unsigned long long)p->pid, name);
}

static void close_directory(DIR **directory)
{
    if (*directory)
        closedir(*directory);
}

/* The next entry whose name is a number; NULL at the end. */
static const char *next_number(DIR *directory)
{
    const struct dirent *entry;
    while ((entry = readdir(directory)))
        if (isdigit((unsigned char)*entry->d_name))
            return entry->d_name;
    return NULL;
}

/* ---- threads ---- */

/* What follows "\nName:\t", in a base; UINT64_MAX where it is not there. */
static uint64_t field_of(const char *status, const char *name, int base)
{
    char wanted[32];
    snprintf(wanted, sizeof wanted, "\n%s:\t", name);
    const char *at = strstr(status, wanted);
    return at ? strtoull(at + strlen(wanted), NULL, base) : UINT64_MAX;
}

struct threads {
    unsigned count, privileged, unfiltered; /* of them may gain privileges; are not under a filter */
    uint64_t fewest_filters, capabilities, bounding;
};

static void look_at_thread(struct threads *threads, const char *status)
{
    enum { FILTERED = 2 };
    const uint64_t filters = field_of(status, "Seccomp_filters", 10);
    threads->count++;
    threads->privileged += field_of(status, "NoNewPrivs", 10) != 1;
    threads->unfiltered += field_of(status, "Seccomp", 10) != FILTERED;
    threads->fewest_filters = filters < threads->fewest_filters ? filters : threads->fewest_filters;
    threads->capabilities |= field_of(status, "CapEff", 16) | field_of(status, "CapPrm", 16) | field_of(status, "CapInh", 16);
    threads->bounding |= field_of(status, "CapBnd", 16);
}

static int read_threads(struct threads *threads, const struct process *p)
{
    char path[PATH_BYTES], status[STATUS_BYTES];
    path_of(path, p, "task");
    RT_CLEAN(close_directory) DIR *tasks = opendir(path);
    *threads = (struct threads){.fewest_filters = UINT64_MAX};
    for (const char *name; tasks && (name = next_number(tasks));) {
        snprintf(path, sizeof path, "/proc/%llu/task/%.16s/status", (unsigned long long)p->pid, name);
        if (!rt_doctor_read(path, status, sizeof status))
            look_at_thread(threads, status);
    }
    return threads->count ? 0 : -1;
}

static void find_threads(const struct process *p, const struct threads *threads)
{
    enum { SEALED_FILTERS = 2 }; /* the one of the start, and the seal */
    const int sealed = !threads->unfiltered && threads->fewest_filters >= SEALED_FILTERS;
    rt_finding_add(p->findings, "privileges", threads->privileged ? RT_VERDICT_BAD : RT_VERDICT_OK, NULL,
                   "%u of %u threads may gain new ones", threads->privileged, threads->count);
    if (threads->fewest_filters == UINT64_MAX && !threads->unfiltered)
        rt_finding_add(p->findings, "system calls", RT_VERDICT_UNKNOWN, "Linux 5.9 or newer counts filters",
                       "all %u threads are filtered; the kernel does not say by how many filters", threads->count);
    else
        rt_finding_add(p->findings, "system calls", sealed ? RT_VERDICT_OK : RT_VERDICT_BAD,
                       "before loading is done there is one filter, then two",
                       "%u of %u threads are unfiltered; at least %llu filters on each", threads->unfiltered, threads->count,
                       threads->unfiltered ? 0 : (unsigned long long)threads->fewest_filters);
    rt_finding_add(p->findings, "capabilities", threads->capabilities ? RT_VERDICT_BAD : RT_VERDICT_OK, NULL,
                   "effective, permitted or inheritable: %#llx; bounding: %#llx", (unsigned long long)threads->capabilities,
                   (unsigned long long)threads->bounding);
}

/* ---- dumps ---- */

/* The kernel gives /proc/PID of a process that cannot be dumped to root. */
static void find_dumpable(const struct process *p)
{
    char path[PATH_BYTES], status[STATUS_BYTES];
    struct stat owner;
    path_of(path, p, "status");
    const int unread = rt_doctor_read(path, status, sizeof status);
    path_of(path, p, "environ");
    if (unread || stat(path, &owner) || field_of(status, "Uid", 10) == 0)
        rt_finding_add(p->findings, "dumps", RT_VERDICT_UNKNOWN, "it runs as root: look at another that does not",
                       "whether others of its user may trace it cannot be seen from outside");
    else
        rt_finding_add(p->findings, "dumps", owner.st_uid == 0 ? RT_VERDICT_OK : RT_VERDICT_BAD, NULL, "others of its user %s trace it",
                       owner.st_uid == 0 ? "cannot" : "can");
}

static void find_core_limit(const struct process *p)
{
    char path[PATH_BYTES], limits[STATUS_BYTES], soft[24] = "", hard[24] = "";
    path_of(path, p, "limits");
    const char *line = rt_doctor_read(path, limits, sizeof limits) ? NULL : strstr(limits, "Max core file size");
    if (!line || sscanf(line, "Max core file size %23s %23s", soft, hard) != 2)
        rt_finding_add(p->findings, "core files", RT_VERDICT_UNKNOWN, only_root, "its limits cannot be read");
    else
        rt_finding_add(p->findings, "core files", strcmp(soft, "0") || strcmp(hard, "0") ? RT_VERDICT_BAD : RT_VERDICT_OK, NULL,
                       "at most %s bytes, to be raised to %s", soft, hard);
}

/* ---- descriptors ---- */

struct kinds {
    struct {
        char name[32];
        unsigned count;
    } of[KINDS];
    unsigned count, files, all; /* files: regular ones with a name, and directories */
};

/* "socket:[123]" is a socket, "anon_inode:[eventfd]" itself, "/memfd:x (deleted)" memory, "/dev/null" a device, /proc/N/statm the process's own
 * size, which it shows in its metrics; the rest are files. */
static const char *kind_of(const char *target)
{
    static const struct {
        const char *begin, *kind;
    } known[] = {{"socket:", "socket"},
                 {"pipe:", "pipe"},
                 {"anon_inode:[eventfd]", "eventfd"},
                 {"anon_inode:[eventpoll]", "epoll"},
                 {"anon_inode:", "other"},
                 {"/memfd:", "memory"},
                 {"/dev/", "device"},
                 {"/", "file"}};
    const char *name = strrchr(target, '/');
    if (name && !strcmp(name, "/statm") && !strncmp(target, "/proc/", 6))
        return "size";
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (!strncmp(target, known[i].begin, strlen(known[i].begin)))
            return known[i].kind;
    return "other";
}

static void count_kind(struct kinds *kinds, const char *kind)
{
    unsigned i = 0;
    while (i < kinds->count && strcmp(kinds->of[i].name, kind))
        i++;
    if (i == KINDS)
        return;
    snprintf(kinds->of[i].name, sizeof kinds->of[i].name, "%s", kind);
    kinds->of[i].count++;
    kinds->count += i == kinds->count;
    kinds->all++;
    kinds->files += !strcmp(kind, "file");
}

/* Of descriptors above standard error, which whoever started it has chosen. */
static int read_kinds(struct kinds *kinds, const struct process *p)
{
    char path[PATH_BYTES], target[256];
    path_of(path, p, "fd");
    RT_CLEAN(close_directory) DIR *descriptors = opendir(path);
    *kinds = (struct kinds){.count = 0};
    if (!descriptors)
        return -1;
    for (const char *name; (name = next_number(descriptors));) {
        const ssize_t got = readlinkat(dirfd(descriptors), name, target, sizeof target - 1);
        if (got < 0 && errno != ENOENT)
            return -1;
        target[got < 0 ? 0 : got] = 0;
        if (got > 0 && strtoul(name, NULL, 10) > STDERR_FILENO)
            count_kind(kinds, kind_of(target));
    }
    return 0;
}

static void find_descriptors(const struct process *p)
{
    struct kinds kinds;
    char list[128] = "";
    if (read_kinds(&kinds, p)) {
        rt_finding_add(p->findings, "descriptors", RT_VERDICT_UNKNOWN, only_root, "they cannot be listed");
        return;
    }
    for (unsigned i = 0, at = 0; i < kinds.count && at < sizeof list; i++)
        at += (unsigned)snprintf(list + at, sizeof list - at, "%s%u %s", at ? ", " : "", kinds.of[i].count, kinds.of[i].name);
    rt_finding_add(p->findings, "descriptors", kinds.files ? RT_VERDICT_BAD : RT_VERDICT_OK, "a sealed process holds no file", "%u: %s",
                   kinds.all, kinds.all ? list : "none above standard error");
}

/* ---- memory ---- */

static void find_maps(const struct process *p)
{
    char path[PATH_BYTES], line[512], mode[8];
    unsigned both = 0, executable = 0;
    path_of(path, p, "maps");
    RT_CLOSE_FILE FILE *maps = fopen(path, "re");
    int count = 0;
    while (maps && fgets(line, sizeof line, maps))
        if (sscanf(line, "%*s %7s", mode) == 1 && strlen(mode) == 4) {
            count++;
            executable += mode[2] == 'x';
            both += mode[2] == 'x' && mode[1] == 'w';
        }
    if (!count)
        rt_finding_add(p->findings, "memory", RT_VERDICT_UNKNOWN, only_root, "its mappings cannot be read");
    else
        rt_finding_add(p->findings, "memory", both ? RT_VERDICT_BAD : RT_VERDICT_OK, NULL,
                       "%u of %u executable mappings are writable as well", both, executable);
}

int rt_doctor_process(struct rt_findings *findings, uint64_t pid, struct rt_error *error)
{
    const struct process process = {pid, findings};
    struct threads threads;
    if (!pid || read_threads(&threads, &process))
        return rt_fail(error, RT_EXIT_USAGE, "--seal: there is no process %llu to look at, or /proc does not show it",
                       (unsigned long long)pid);
    find_threads(&process, &threads);
    find_dumpable(&process);
    find_core_limit(&process);
    find_descriptors(&process);
    find_maps(&process);
    return 0;
}
