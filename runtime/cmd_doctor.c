/* cmd_doctor.c: `cloister doctor`: findings, one per line, and what to do about them. */
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "runtime/commands.h"
#include "runtime/doctor.h"
#include "runtime/options.h"
#include "runtime/report.h"
#include "runtime/scope.h"

static const char *const verdicts[] = {"ok", "warn", "bad", "unknown"};

void rt_finding_add(struct rt_findings *findings, const char *name, enum rt_verdict verdict, const char *advice, const char *format, ...)
{
    if (findings->count == sizeof findings->items / sizeof *findings->items)
        return;
    struct rt_finding *finding = &findings->items[findings->count++];
    *finding = (struct rt_finding){.name = name, .verdict = verdict, .advice = advice};
    va_list args;
    va_start(args, format);
    vsnprintf(finding->what, sizeof finding->what, format, args);
    va_end(args);
}

int rt_doctor_read(const char *path, char *text, size_t room)
{
    RT_CLOSE_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
    const ssize_t got = fd < 0 ? -1 : read(fd, text, room - 1);
    if (got < 0)
        return -1;
    size_t count = (size_t)got;
    while (count && strchr(" \t\n", text[count - 1]))
        count--;
    text[count] = 0;
    return 0;
}

static void print_text(const struct rt_findings *findings)
{
    for (size_t i = 0; i < findings->count; i++) {
        const struct rt_finding *finding = &findings->items[i];
        printf("%-8s %-16s %s\n", verdicts[finding->verdict], finding->name, finding->what);
        if (finding->advice && finding->verdict != RT_VERDICT_OK)
            printf("%-8s %-16s %s\n", "", "", finding->advice);
    }
}

static int print_json(const struct rt_findings *findings, struct rt_error *error)
{
    yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
    yyjson_mut_val *root = yyjson_mut_obj(doc);
    yyjson_mut_doc_set_root(doc, root);
    yyjson_mut_val *list = yyjson_mut_obj_add_arr(doc, root, "findings");
    for (size_t i = 0; i < findings->count; i++) {
        const struct rt_finding *finding = &findings->items[i];
        yyjson_mut_val *object = yyjson_mut_arr_add_obj(doc, list);
        yyjson_mut_obj_add_str(doc, object, "name", finding->name);
        yyjson_mut_obj_add_str(doc, object, "verdict", verdicts[finding->verdict]);
        yyjson_mut_obj_add_str(doc, object, "what", finding->what);
        if (finding->advice && finding->verdict != RT_VERDICT_OK)
            yyjson_mut_obj_add_str(doc, object, "advice", finding->advice);
    }
    return rt_report_json(doc, error);
}

/* The first thing that makes running impossible becomes the command's error. */
static int conclude(const struct rt_findings *findings, struct rt_error *error)
{
    for (size_t i = 0; i < findings->count; i++) {
        const struct rt_finding *finding = &findings->items[i];
        if (finding->verdict == RT_VERDICT_BAD)
            return rt_fail(error, RT_EXIT_UNSUPPORTED, "nothing can run here: %s: %s%s%s", finding->name, finding->what,
                           finding->advice ? "; " : "", finding->advice ? finding->advice : "");
    }
    return 0;
}

int cmd_doctor(const struct rt_call *call, struct rt_error *error)
{
    int json = 0;
    const char *trust = RT_TRUST_DIRECTORY; /* taken, as by every command, and not needed */
    const struct rt_option table[] = {
        {"--trust", RT_OPTION_TEXT, &trust, "DIR", "not needed here", 0},
        {"--json", RT_OPTION_FLAG, &json, NULL, "print a JSON object", 0},
    };
    size_t count = 0;
    const int status = rt_options_parse(call, table, sizeof table / sizeof *table, NULL, &count, error);
    if (status)
        return status < 0 ? -1 : 0;
    struct rt_findings findings = {.count = 0};
    rt_doctor_cpu(&findings);
    rt_doctor_memory(&findings);
    rt_doctor_kernel(&findings);
    if (!json)
        print_text(&findings);
    else if (print_json(&findings, error))
        return -1;
    return conclude(&findings, error);
}
