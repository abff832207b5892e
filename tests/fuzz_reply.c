/* fuzz_reply.c: hostile replies. The input is two bytes (which model's way, and whether tools are offered and reasoning is open) and the reply.
 * Cut anywhere it must say the same; arguments of calls must be JSON objects; where nothing but content comes out, none of it is lost. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/scope.h"
#include "tests/reply_log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { WAYS_MAX = 64, TOOLS = 1, OPENED = 2 };

static const char tools[] =
    "[{\"function\":{\"name\":\"f\",\"parameters\":{\"properties\":{\"a\":{\"type\":\"string\"},\"b\":{\"type\":\"integer\"},"
    "\"c\":{\"anyOf\":[{\"type\":\"boolean\"},{\"type\":\"null\"}]},\"d\":{\"type\":[\"object\",\"array\"]}}}}}]";

static size_t whole(void *user)
{
    (void)user;
    return (size_t)-1;
}

static size_t single(void *user)
{
    (void)user;
    return 1;
}

/* Lengths from the reply itself. */
static size_t some(void *user)
{
    const uint8_t **at = user;
    return 1 + *(*at)++ % 7;
}

static const struct reply_bench *bench_of(unsigned way, int has_tools)
{
    static struct reply_bench benches[2][WAYS_MAX];
    struct reply_bench *bench = &benches[has_tools][way];
    struct rt_error error;
    if (!bench->form && reply_bench_open(bench, &reply_ways[way], has_tools ? tools : NULL, &error))
        abort();
    return bench;
}

static void run(const struct reply_bench *bench, const char *text, size_t bytes, int opened, size_t (*next)(void *user), void *user,
                struct reply_log *log)
{
    struct rt_error error;
    if (reply_bench_run(bench, NULL, text, bytes, opened, next, user, log, &error) || log->broken)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    RT_CLEAN(reply_log_close) struct reply_log one = {0}, other = {0}, third = {0};
    if (size < 2)
        return 0;
    const struct reply_bench *bench = bench_of(data[0] % (unsigned)reply_way_count, data[1] & TOOLS);
    const int opened = (data[1] & OPENED) != 0;
    const char *text = (const char *)data + 2;
    const uint8_t *lengths = data; /* there are no more stretches than bytes */
    run(bench, text, size - 2, opened, whole, NULL, &one);
    run(bench, text, size - 2, opened, single, NULL, &other);
    run(bench, text, size - 2, opened, some, &lengths, &third);
    if (one.bytes != other.bytes || memcmp(one.text, other.text, one.bytes) || one.bytes != third.bytes ||
        memcmp(one.text, third.text, one.bytes))
        abort();
    size_t bytes = 0;
    for (size_t i = 2; i < size; i++)
        bytes += data[i] != 0xFF;
    if (!one.calls && !one.reasoning_bytes && !opened && !bench->way->specials[0] && !rt_reply_form_reasoning(bench->form) &&
        one.content_bytes != bytes)
        abort();
    return 0;
}
