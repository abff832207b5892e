/* test_seal_trials.c: the trials tell a seal from none: sealed, all are denied; unsealed, the same calls are not. */
#include <errno.h>

#include "runtime/seal.h"
#include "runtime/seal_test.h"
#include "tests/check.h"

static struct rt_error error;
static struct rt_seal_report report;

static const struct rt_trial *trial_of(const char *name)
{
    for (unsigned i = 0; i < report.count; i++)
        if (!strcmp(report.trials[i].name, name))
            return &report.trials[i];
    CHECK_THAT(0, "no trial is called %s", name);
    return &report.trials[0];
}

static void under_the_seal_everything_is_denied(void)
{
    if (RT_SANITIZED)
        CHECK_SKIP("a build with a sanitizer runs unsealed");
    CHECK_THAT(!rt_seal_test(&report, rt_seal, &error), "%s", error.text);
    CHECK(report.count >= 60 && report.allowed == 0);
    for (unsigned i = 0; i < report.count; i++)
        CHECK_THAT(report.trials[i].outcome == RT_TRIAL_DENIED, "%s: %s", report.trials[i].name, rt_trial_text(&report.trials[i]).text);
}

static int no_seal(struct rt_error *unused)
{
    (void)unused;
    return 0;
}

/* What no kernel refuses to an unprivileged process that is left alone. */
static const char *const usual[] = {"socket AF_UNIX",
                                    "socketpair",
                                    "connect",
                                    "bind",
                                    "listen",
                                    "recvmsg",
                                    "open",
                                    "openat",
                                    "unlink",
                                    "rename",
                                    "execve",
                                    "fork",
                                    "clone",
                                    "mmap PROT_EXEC",
                                    "mprotect PROT_EXEC",
                                    "memfd_create",
                                    "ptrace",
                                    "process_vm_readv",
                                    "kill another process",
                                    "prctl PR_SET_DUMPABLE",
                                    "prctl PR_SET_SECCOMP",
                                    "setuid",
                                    "sched_setaffinity",
                                    "ioctl TIOCSTI"};

static void without_a_seal_the_same_calls_are_made(void)
{
    CHECK_THAT(!rt_seal_test(&report, no_seal, &error), "%s", error.text);
    CHECK_THAT(report.allowed >= 40, "%u of %u", report.allowed, report.count);
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++) {
        const struct rt_trial *trial = trial_of(usual[i]);
        CHECK_THAT(trial->outcome == RT_TRIAL_ALLOWED && !strncmp(rt_trial_text(trial).text, "NOT DENIED (", 12), "%s: %s", trial->name,
                   rt_trial_text(trial).text);
    }
}

static int failing_seal(struct rt_error *unused)
{
    (void)unused;
    return -1;
}

static void a_seal_that_fails_is_an_error(void)
{
    CHECK(rt_seal_test(&report, failing_seal, &error) < 0 && error.code == RT_EXIT_UNSUPPORTED);
}

static void names_are_unique_and_outcomes_readable(void)
{
    CHECK(!rt_seal_test(&report, no_seal, &error));
    for (unsigned i = 0; i < report.count; i++)
        for (unsigned j = 0; j < i; j++)
            CHECK_THAT(strcmp(report.trials[i].name, report.trials[j].name), "%s", report.trials[i].name);
    const struct rt_trial denied = {"x", RT_TRIAL_DENIED, EPERM}, killed = {"x", RT_TRIAL_DENIED, -31}, made = {"x", RT_TRIAL_ALLOWED, 0};
    CHECK(!strcmp(rt_trial_text(&denied).text, "denied (Operation not permitted)"));
    CHECK(!strcmp(rt_trial_text(&killed).text, "denied (Bad system call)"));
    CHECK(!strcmp(rt_trial_text(&made).text, "NOT DENIED (it succeeded)"));
}

CHECK_MAIN(CHECK_TEST(under_the_seal_everything_is_denied), CHECK_TEST(without_a_seal_the_same_calls_are_made),
           CHECK_TEST(a_seal_that_fails_is_an_error), CHECK_TEST(names_are_unique_and_outcomes_readable))
