/* memory_report.c: /proc/self/smaps for the size of pages, move_pages (which moves nothing when it is given no nodes) for where they lie. */
#include "runtime/memory_report.h"

#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/scope.h"

enum { PAGES_MAX = 1024 }; /* looked at */

/* The mapping that a line of smaps begins ("7f00-7f20 rw-p …"); 0 for the other lines. */
static int read_range(const char *line, uintptr_t *begin, uintptr_t *end)
{
    char *at;
    *begin = strtoul(line, &at, 16);
    if (at == line || *at != '-')
        return 0;
    *end = strtoul(at + 1, &at, 16);
    return *at == ' ';
}

/* A mapping has one of them: anonymous, or of a file in memory. */
static uint64_t read_huge(const char *line)
{
    static const char *const names[] = {"AnonHugePages:", "ShmemPmdMapped:"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strncmp(line, names[i], strlen(names[i])))
            return strtoull(line + strlen(names[i]), NULL, 10) << 10;
    return 0;
}

static uint64_t read_transparent(const struct rt_memory *memory)
{
    RT_CLOSE_FILE FILE *file = fopen("/proc/self/smaps", "re");
    uintptr_t first = (uintptr_t)memory->at, last = first + memory->bytes, begin = 0, end = 0;
    uint64_t bytes = 0;
    char line[512];
    while (file && fgets(line, sizeof line, file))
        if (!read_range(line, &begin, &end) && begin < last && end > first)
            bytes += read_huge(line);
    return bytes < memory->bytes ? bytes : memory->bytes;
}

static void count_at_home(struct rt_memory_report *out, const struct rt_memory *memory)
{
    void *pages[PAGES_MAX];
    int nodes[PAGES_MAX];
    size_t step = memory->bytes / PAGES_MAX + 1, count = 0;
    for (size_t at = 0; at < memory->bytes && count < PAGES_MAX; at += step)
        pages[count++] = memory->at + at;
    if (syscall(SYS_move_pages, 0, count, pages, NULL, nodes, 0))
        return;
    for (size_t i = 0; i < count; i++) {
        out->looked_at += nodes[i] >= 0;
        out->at_home += nodes[i] == memory->node;
    }
}

void rt_memory_look(struct rt_memory_report *out, const struct rt_memory *memory)
{
    *out = (struct rt_memory_report){.bytes = memory->bytes, .node = memory->node, .pages = memory->pages, .binding = memory->binding};
    out->huge_bytes = memory->pages == RT_PAGES_RESERVED ? memory->bytes : read_transparent(memory);
    if (memory->node != RT_NODE_ANY)
        count_at_home(out, memory);
}

yyjson_mut_val *rt_memory_report_json(yyjson_mut_doc *doc, const struct rt_memory_report *report)
{
    static const char *const pages[] = {"small", "transparent", "reserved"};
    static const char *const bindings[] = {"first touch", "node", "preferred node", "in turn"};
    yyjson_mut_val *object = yyjson_mut_obj(doc);
    if (report->node == RT_NODE_ANY)
        yyjson_mut_obj_add_null(doc, object, "node");
    else
        yyjson_mut_obj_add_int(doc, object, "node", report->node);
    yyjson_mut_obj_add_uint(doc, object, "bytes", report->bytes);
    yyjson_mut_obj_add_uint(doc, object, "huge_bytes", report->huge_bytes);
    yyjson_mut_obj_add_str(doc, object, "pages", pages[report->pages]);
    yyjson_mut_obj_add_str(doc, object, "binding", bindings[report->binding]);
    if (report->looked_at)
        yyjson_mut_obj_add_real(doc, object, "at_home", (double)report->at_home / report->looked_at);
    else
        yyjson_mut_obj_add_null(doc, object, "at_home");
    return object;
}
