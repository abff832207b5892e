/* check.h: the unit tests' assertions. A test program is a list of functions run by CHECK_MAIN; each failing CHECK prints where and
 * what, counts, and the test goes on. The last line is "N passed, N failed, N skipped", counted in test functions. */
#ifndef CLOISTER_CHECK_H
#define CLOISTER_CHECK_H

#include <stdio.h>
#include <string.h>

static int check_failures_;     /* in the running test */
static const char *check_skip_; /* why the running test was skipped */

#define CHECK(condition) \
    do { \
        if (!(condition)) { \
            fprintf(stderr, "  %s:%d: %s\n", __FILE__, __LINE__, #condition); \
            check_failures_++; \
        } \
    } while (0)

/* With a message that shows the values. */
#define CHECK_THAT(condition, ...) \
    do { \
        if (!(condition)) { \
            fprintf(stderr, "  %s:%d: %s: ", __FILE__, __LINE__, #condition); \
            fprintf(stderr, __VA_ARGS__); \
            fputc('\n', stderr); \
            check_failures_++; \
        } \
    } while (0)

/* Ends the running test as skipped: only for what this machine lacks. */
#define CHECK_SKIP(why) \
    do { \
        check_skip_ = (why); \
        return; \
    } while (0)

struct check_test {
    const char *name;
    void (*run)(void);
};

static int check_run(const struct check_test *tests, size_t count)
{
    int passed = 0, failed = 0, skipped = 0;
    for (size_t i = 0; i < count; i++) {
        check_failures_ = 0;
        check_skip_ = NULL;
        tests[i].run();
        if (check_failures_) {
            failed++;
            printf("FAIL %s\n", tests[i].name);
        } else if (check_skip_) {
            skipped++;
            printf("SKIP %s: %s\n", tests[i].name, check_skip_);
        } else {
            passed++;
            printf("ok   %s\n", tests[i].name);
        }
        fflush(stdout);
    }
    printf("%d passed, %d failed, %d skipped\n", passed, failed, skipped);
    return failed != 0;
}

#define CHECK_TEST(function) {#function, function}
#define CHECK_MAIN(...) \
    int main(void) \
    { \
        static const struct check_test tests[] = {__VA_ARGS__}; \
        return check_run(tests, sizeof tests / sizeof *tests); \
    }

#endif
