/* cmd_doctor.c: `cloister doctor`: findings, one per line, and what to do about them. */
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "runtime/commands.h"
#include "runtime/doctor.h"
#include "runtime/doctor_process.h"
#include "runtime/options.h"
#include "runtime/report.h"
#include "runtime/scope.h"
#include "runtime/seal.h"
#include "runtime/seal_test.h"

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

static const struct rt_finding *first_bad(const struct rt_findings *findings)
{
    for (size_t i = 0; i < findings->count; i++)
        if (findings->items[i].verdict == RT_VERDICT_BAD)
            return &findings->items[i];
    return NULL;
}

static int print(const struct rt_findings *findings, int json, struct rt_error *error)
{
    if (json)
        return print_json(findings, error);
    print_text(findings);
    return 0;
}

/* ---- the machine ---- */

/* The first thing that makes running impossible becomes the command's error. */
static int examine_machine(int json, struct rt_error *error)
{
    struct rt_findings findings = {.count = 0};
    rt_doctor_cpu(&findings);
    rt_doctor_memory(&findings);
    rt_doctor_kernel(&findings);
    const struct rt_finding *bad = first_bad(&findings);
    if (print(&findings, json, error))
        return -1;
    if (!bad)
        return 0;
    return rt_fail(error, RT_EXIT_UNSUPPORTED, "nothing can run here: %s: %s%s%s", bad->name, bad->what, bad->advice ? "; " : "",
                   bad->advice ? bad->advice : "");
}

/* ---- a process ---- */

static int examine_process(uint64_t pid, int json, struct rt_error *error)
{
    struct rt_findings findings = {.count = 0};
    if (rt_doctor_process(&findings, pid, error))
        return -1;
    const struct rt_finding *bad = first_bad(&findings);
    rt_finding_add(&findings, "verdict", bad ? RT_VERDICT_BAD : RT_VERDICT_OK, NULL, "%s",
                   bad ? "not sealed" : "sealed, as far as can be seen");
    if (print(&findings, json, error))
        return -1;
    return bad ? rt_fail(error, RT_EXIT_FAILED, "process %llu is not sealed: %s: %s", (unsigned long long)pid, bad->name, bad->what) : 0;
}

/* ---- the seal ---- */

static void print_trials(const struct rt_seal_report *report)
{
    for (unsigned i = 0; i < report->count; i++)
        printf("%-32s %s\n", report->trials[i].name, rt_trial_text(&report->trials[i]).text);
}

static int print_trials_json(const struct rt_seal_report *report, struct rt_error *error)
{
    static const char *const outcomes[] = {"denied", "absent", "allowed"};
    yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
    yyjson_mut_val *root = yyjson_mut_obj(doc);
    yyjson_mut_doc_set_root(doc, root);
    yyjson_mut_obj_add_uint(doc, root, "allowed", report->allowed);
    yyjson_mut_val *list = yyjson_mut_obj_add_arr(doc, root, "trials");
    for (unsigned i = 0; i < report->count; i++) {
        yyjson_mut_val *object = yyjson_mut_arr_add_obj(doc, list);
        yyjson_mut_obj_add_str(doc, object, "name", report->trials[i].name);
        yyjson_mut_obj_add_str(doc, object, "outcome", outcomes[report->trials[i].outcome]);
        yyjson_mut_obj_add_strcpy(doc, object, "what", rt_trial_text(&report->trials[i]).text);
    }
    return rt_report_json(doc, error);
}

static int test_seal(int json, struct rt_error *error)
{
    struct rt_seal_report report;
    if (rt_seal_test(&report, rt_seal_server, error))
        return -1;
    if (!json)
        print_trials(&report);
    else if (print_trials_json(&report, error))
        return -1;
    if (report.allowed)
        return rt_fail(error, RT_EXIT_FAILED, "the seal does not hold: %u of %u things are not denied", report.allowed, report.count);
    return 0;
}

int cmd_doctor(const struct rt_call *call, struct rt_error *error)
{
    int json = 0, self_test = 0;
    uint64_t pid = UINT64_MAX;
    const char *trust = RT_TRUST_DIRECTORY; /* taken, as by every command, and not needed */
    const struct rt_option table[] = {
        {"--seal", RT_OPTION_UNSIGNED, &pid, "PID", "say whether that process is sealed, by what the kernel tells of it", INT32_MAX},
        {"--self-test", RT_OPTION_FLAG, &self_test, NULL, "seal a process and have it try everything that must be impossible", 0},
        {"--trust", RT_OPTION_TEXT, &trust, "DIR", "not needed here", 0},
        {"--json", RT_OPTION_FLAG, &json, NULL, "print a JSON object", 0},
    };
    size_t count = 0;
    const int status = rt_options_parse(call, table, sizeof table / sizeof *table, NULL, &count, error);
    if (status)
        return status < 0 ? -1 : 0;
    if (self_test && pid != UINT64_MAX)
        return rt_fail(error, RT_EXIT_USAGE, "--seal and --self-test are two questions; ask one");
    if (self_test)
        return test_seal(json, error);
    return pid == UINT64_MAX ? examine_machine(json, error) : examine_process(pid, json, error);
}
