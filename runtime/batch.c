/* batch.c: see batch.h. Requests are asked in the order of the file, and their answers are written in it: who is ready earlier waits for those before,
 * and only so many are under way. */
#include "runtime/batch.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "runtime/answer_json.h"
#include "runtime/api_call.h"
#include "runtime/clock.h"
#include "runtime/scope.h"

enum { AHEAD = 4, /* requests for each slot, so that none is ever free while the first is long */ CHUNK = 256, STACK_BYTES = 1 << 20 };

struct item { /* a request under way, or answered and not written yet */
    char *id;
    struct rt_api_call call;
    int status; /* 0: no answer yet */
    char request_id[64];
    char *text;
    size_t bytes;
};

struct rt_batch {
    pthread_t thread;
    sem_t go; /* posted when there is a scheduler, or never will be */
    int runs, wake;
    struct rt_scheduler *scheduler;
    struct rt_api_site at;
    struct rt_owner owner;
    struct item *items; /* a ring of [room] */
    uint32_t room, first, count;
    struct rt_batch_files *files;
    struct rt_batch_result *result;
    double start, shown;
};

/* ---- before the seal ---- */

static void *compute(void *user)
{
    struct rt_batch *batch = user;
    while (sem_wait(&batch->go))
        ;
    if (batch->scheduler)
        rt_scheduler_run(batch->scheduler);
    return NULL;
}

int rt_batch_open(struct rt_batch **out, struct rt_error *error)
{
    *out = NULL;
    RT_CLEAN(rt_batch_close) struct rt_batch *batch = calloc(1, sizeof *batch);
    pthread_attr_t attributes;
    if (!batch || pthread_attr_init(&attributes))
        return rt_fail(error, RT_EXIT_RESOURCES, "no memory for the batch");
    sem_init(&batch->go, 0, 0);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    batch->wake = eventfd(0, EFD_CLOEXEC);
    batch->runs = batch->wake >= 0 && !pthread_create(&batch->thread, &attributes, compute, batch);
    pthread_attr_destroy(&attributes);
    if (!batch->runs)
        return rt_fail(error, RT_EXIT_RESOURCES, "a thread does not start: %s", strerror(errno));
    *out = RT_MOVE(batch);
    return 0;
}

static void close_item(struct item *item)
{
    rt_answer_close(&item->call.answer);
    free(item->call.text);
    free((char *)item->call.body);
    free(item->id);
    free(item->text);
    *item = (struct item){0};
}

void rt_batch_close(struct rt_batch **out)
{
    struct rt_batch *batch = *out;
    *out = NULL;
    if (!batch)
        return;
    for (uint32_t i = 0; i < batch->room; i++)
        close_item(&batch->items[i]);
    if (batch->runs) {
        if (batch->scheduler)
            rt_scheduler_stop(batch->scheduler, 0);
        sem_post(&batch->go);
        pthread_join(batch->thread, NULL);
    }
    rt_scheduler_close(&batch->scheduler);
    if (batch->wake >= 0)
        close(batch->wake);
    sem_destroy(&batch->go);
    free(batch->items);
    free(batch);
}

/* ---- one request ---- */

/* What the request is to blame for is its answer; what the machine is to blame for ends the batch, which can go on later. */
static int refuse(struct rt_batch *batch, struct item *item, const struct rt_api_error *refusal, struct rt_error *error)
{
    if (refusal->status >= 500 || refusal->status == 429)
        return rt_fail(error, RT_EXIT_RESOURCES, "request %.200s: %s", item->id, refusal->message);
    item->text = rt_api_error_print(refusal, &item->bytes);
    item->status = refusal->status;
    batch->result->refused++;
    return item->text ? 0 : rt_fail(error, RT_EXIT_RESOURCES, "no memory for the batch");
}

static rt_api_function *function_of(const char *url)
{
    return !strcmp(url, "/v1/chat/completions") ? rt_api_chat : !strcmp(url, "/v1/completions") ? rt_api_completions : rt_api_embeddings;
}

static int begin(struct rt_batch *batch, struct item *item, const struct rt_batch_request *request, struct rt_error *error)
{
    struct rt_api_error refusal = {0};
    item->id = strdup(request->id);
    item->call = (struct rt_api_call){.at = &batch->at, .owner = &batch->owner};
    item->call.body = yyjson_val_write(request->body, 0, &item->call.body_bytes);
    if (!item->id || !item->call.body)
        return rt_fail(error, RT_EXIT_RESOURCES, "no memory for the batch");
    if (function_of(request->url)(&item->call, &refusal))
        return refuse(batch, item, &refusal, error);
    return 0;
}

static int end(struct rt_batch *batch, struct item *item, struct rt_error *error)
{
    const struct rt_job *failed = rt_answer_failed(item->call.answer);
    struct rt_api_error refusal = {0};
    if (failed) {
        rt_api_fail_below(&refusal, NULL, rt_job_error(failed));
        return refuse(batch, item, &refusal, error);
    }
    item->text = rt_answer_print(item->call.answer, &item->bytes);
    if (!item->text)
        return rt_fail(error, RT_EXIT_RESOURCES, "no memory for the batch");
    const struct rt_answer_usage usage = rt_answer_usage(item->call.answer);
    batch->result->prompt_tokens += usage.prompt_tokens;
    batch->result->answer_tokens += usage.answer_tokens;
    batch->result->answered++;
    snprintf(item->request_id, sizeof item->request_id, "%s", item->call.answer->id);
    item->status = 200;
    rt_answer_close(&item->call.answer);
    return 0;
}

/* ---- all of them ---- */

static void show(struct rt_batch *batch, uint64_t wanted, int quiet)
{
    const struct rt_batch_result *r = batch->result;
    const double now = rt_seconds(), passed = now - batch->start, done = (double)(r->answered + r->refused);
    if (quiet || now - batch->shown < 1 || !isatty(STDERR_FILENO))
        return;
    batch->shown = now;
    fprintf(stderr, "\r%.0f of %llu answered, %.0f tok/s, %.0f s left  ", done, (unsigned long long)wanted,
            (double)r->answer_tokens / passed, done > 0 ? passed / done * ((double)wanted - done) : 0);
}

static struct item *item_at(struct rt_batch *batch, uint32_t i)
{
    return &batch->items[(batch->first + i) % batch->room];
}

/* Asks as many as there is room for. 0 when there are no more. */
static int fill(struct rt_batch *batch, struct rt_error *error)
{
    while (batch->count < batch->room) {
        struct rt_batch_request request;
        const int more = rt_batch_next(batch->files, &request, error);
        if (more <= 0)
            return more;
        if (begin(batch, item_at(batch, batch->count++), &request, error))
            return -1;
    }
    return 1;
}

static int collect(struct rt_batch *batch, struct rt_error *error)
{
    for (uint32_t i = 0; i < batch->count; i++) {
        struct item *item = item_at(batch, i);
        struct rt_api_error refusal;
        if (item->status)
            continue;
        if (rt_answer_ask(item->call.answer, &refusal)) {
            if (refuse(batch, item, &refusal, error))
                return -1;
        } else if (rt_answer_finished(item->call.answer) && end(batch, item, error)) {
            return -1;
        }
    }
    return 0;
}

static int write_first(struct rt_batch *batch, struct rt_error *error)
{
    while (batch->count && item_at(batch, 0)->status) {
        struct item *item = item_at(batch, 0);
        const char *request_id = *item->request_id ? item->request_id : item->id;
        if (rt_batch_add(batch->files, item->id, item->status, request_id, item->text, item->bytes, error))
            return -1;
        close_item(item);
        batch->first = (batch->first + 1) % batch->room;
        batch->count--;
    }
    return 0;
}

static int run(struct rt_batch *batch, uint64_t wanted, int quiet, struct rt_error *error)
{
    uint64_t news;
    for (int more = 1; more || batch->count;) {
        if (more && (more = fill(batch, error)) < 0)
            return -1;
        if (collect(batch, error) || write_first(batch, error))
            return -1;
        show(batch, wanted, quiet);
        const int must_wait = batch->count && (!more || batch->count == batch->room);
        if (must_wait && read(batch->wake, &news, sizeof news) < 0 && errno != EINTR)
            return rt_fail(error, RT_EXIT_FAILED, "waiting for answers: %s", strerror(errno));
    }
    return 0;
}

int rt_batch_run(struct rt_batch *batch, struct rt_site *site, struct rt_batch_files *files, uint32_t slots, uint64_t wanted, int quiet,
                 struct rt_batch_result *result, struct rt_error *error)
{
    const struct rt_scheduler_options options = {
        .slots = slots, .queue = AHEAD * slots * RT_API_CHOICES_MAX, .chunk = CHUNK, .wake = batch->wake, .keep_prefix = 1};
    *result = (struct rt_batch_result){0};
    batch->files = files;
    batch->result = result;
    batch->start = rt_seconds();
    batch->items = calloc((size_t)AHEAD * slots, sizeof *batch->items);
    if (!batch->items || rt_scheduler_open(&batch->scheduler, site, &options, error))
        return batch->items ? -1 : rt_fail(error, RT_EXIT_RESOURCES, "no memory for the batch");
    batch->room = AHEAD * slots;
    rt_api_site_describe(&batch->at, site, site->manifest->name);
    batch->at.answerer.scheduler = batch->scheduler;
    sem_post(&batch->go);
    const int failed = run(batch, wanted, quiet, error);
    result->seconds = rt_seconds() - batch->start;
    if (!quiet && batch->shown > 0)
        fputs("\r\033[K", stderr);
    return failed;
}
