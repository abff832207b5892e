/* test_progress.c: what the progress bar writes to a pipe, with seconds and bytes made up. */
#include <unistd.h>

#include "runtime/progress.h"
#include "tests/check.h"

enum { MB = 1000000 };

struct step {
    uint64_t done, total;
    double seconds;
};

/* Everything written to stderr while the steps are reported. */
static void capture(char *out, size_t room, const struct step *steps, size_t count, int quiet)
{
    struct rt_progress_bar bar;
    FILE *file = tmpfile();
    int saved = dup(STDERR_FILENO);
    dup2(fileno(file), STDERR_FILENO);
    rt_progress_bar_open(&bar, "packing", quiet);
    for (size_t i = 0; i < count; i++)
        rt_progress_bar_report(&bar, steps[i].done, steps[i].total, steps[i].seconds);
    rt_progress_bar_close(&bar);
    dup2(saved, STDERR_FILENO);
    close(saved);
    ssize_t got = pread(fileno(file), out, room - 1, 0);
    out[got > 0 ? got : 0] = 0;
    fclose(file);
}

static void test_lines(void)
{
    static const struct step steps[] = {
        {5 * MB, 1000 * MB, 0.5},    {150 * MB, 1000 * MB, 0.9}, /* the first second is silent */
        {250 * MB, 1000 * MB, 2},    {290 * MB, 1000 * MB, 2.5}, /* still the same tenth */
        {995 * MB, 1000 * MB, 3600}, {1000 * MB, 1000 * MB, 3601},
    };
    char text[1024];
    capture(text, sizeof text, steps, sizeof steps / sizeof *steps, 0);
    CHECK_THAT(strcmp(text, "packing: 20 %, 0.25 of 1.00 GB, 125 MB/s, 0:06 left\n"
                            "packing: 90 %, 0.99 of 1.00 GB, 0 MB/s, 0:18 left\n"
                            "packing: 100 %, 1.00 of 1.00 GB, 0 MB/s, 0:00 left\n") == 0,
               "%s", text);
}

static void test_hours(void)
{
    static const struct step steps[] = {{1000 * (uint64_t)MB, 10000 * (uint64_t)MB, 1000}};
    char text[1024];
    capture(text, sizeof text, steps, 1, 0);
    CHECK_THAT(strcmp(text, "packing: 10 %, 1.00 of 10.00 GB, 1 MB/s, 2:30:00 left\n") == 0, "%s", text);
}

static void test_silence(void)
{
    static const struct step fast[] = {{1, 2, 0.1}, {2, 2, 0.2}}, nothing[] = {{0, 0, 5}}, slow[] = {{1, 2, 5}, {3, 2, 6}};
    char text[1024];
    capture(text, sizeof text, fast, 2, 0);
    CHECK_THAT(*text == 0, "%s", text);
    capture(text, sizeof text, nothing, 1, 0);
    CHECK_THAT(*text == 0, "%s", text);
    capture(text, sizeof text, slow, 2, 1);
    CHECK_THAT(*text == 0, "%s", text);
    capture(text, sizeof text, slow, 2, 0); /* more than all is shown as all */
    CHECK_THAT(strstr(text, "100 %, 0.00 of 0.00 kB"), "%s", text);
}

CHECK_MAIN(CHECK_TEST(test_lines), CHECK_TEST(test_hours), CHECK_TEST(test_silence))
