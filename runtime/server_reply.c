/* server_reply.c: replies with their headers, and the line that each request leaves in the log. */
#include "runtime/server_parts.h"

#include <stdio.h>
#include <string.h>

#include "runtime/clock.h"
#include "runtime/page.h"

static void add(struct MHD_Response *response, const char *name, const char *value)
{
    (void)MHD_add_response_header(response, name, value);
}

static const char *allowed(const struct rt_exchange *exchange)
{
    if (!exchange->endpoint)
        return "GET, HEAD, POST, OPTIONS";
    return strcmp(exchange->endpoint->method, "GET") ? "POST, OPTIONS" : "GET, HEAD, OPTIONS";
}

void rt_reply_headers(const struct rt_exchange *exchange, struct MHD_Response *response)
{
    char seconds[16];
    const struct rt_page_header *header = exchange->call.headers;
    for (; header && header->name; header++)
        add(response, header->name, header->value);
    if (!exchange->call.headers) {
        add(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
        add(response, "X-Content-Type-Options", "nosniff");
    }
    if (exchange->call.answer)
        add(response, "X-Request-Id", exchange->call.answer->id);
    if (exchange->status == MHD_HTTP_METHOD_NOT_ALLOWED || exchange->status == MHD_HTTP_NO_CONTENT)
        add(response, MHD_HTTP_HEADER_ALLOW, allowed(exchange));
    if (exchange->status == MHD_HTTP_UNAUTHORIZED)
        add(response, MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Bearer");
    if (exchange->client->server->stopping)
        add(response, MHD_HTTP_HEADER_CONNECTION, "close");
    if (!exchange->refusal.retry_after)
        return;
    snprintf(seconds, sizeof seconds, "%u", exchange->refusal.retry_after);
    add(response, MHD_HTTP_HEADER_RETRY_AFTER, seconds);
}

static enum MHD_Result queue(struct rt_exchange *exchange, struct MHD_Response *response, int status, const char *type)
{
    exchange->status = status;
    if (type)
        add(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    rt_reply_headers(exchange, response);
    const enum MHD_Result queued = MHD_queue_response(exchange->client->connection, (unsigned)status, response);
    MHD_destroy_response(response);
    return queued;
}

enum MHD_Result rt_reply_text(struct rt_exchange *exchange, int status, const char *type, char *text, size_t bytes)
{
    struct MHD_Response *response = MHD_create_response_from_buffer_with_free_callback(bytes, text, free);
    if (response)
        return queue(exchange, response, status, exchange->call.headers ? NULL : type ? type : "application/json");
    free(text);
    return MHD_NO;
}

enum MHD_Result rt_reply_nothing(struct rt_exchange *exchange)
{
    struct MHD_Response *response = MHD_create_response_empty(MHD_RF_NONE);
    return response ? queue(exchange, response, MHD_HTTP_NO_CONTENT, NULL) : MHD_NO;
}

enum MHD_Result rt_reply_refusal(struct rt_exchange *exchange)
{
    size_t bytes;
    char *text = rt_api_error_print(&exchange->refusal, &bytes);
    return text ? rt_reply_text(exchange, exchange->refusal.status, NULL, text, bytes) : MHD_NO;
}

/* ---- the log ---- */

static void log_answer(const struct rt_answer *answer)
{
    const struct rt_answer_usage usage = rt_answer_usage(answer);
    const struct rt_job *job = answer->choice_count ? answer->choices[0].job : NULL;
    fprintf(stderr, " id=%s in=%llu cached=%llu out=%llu", answer->id, (unsigned long long)usage.prompt_tokens,
            (unsigned long long)usage.cached_tokens, (unsigned long long)usage.answer_tokens);
    if (!job || rt_job_state(job) != RT_JOB_DONE)
        return;
    const struct rt_job_times times = rt_job_times(job);
    fprintf(stderr, " wait_s=%.3f first_s=%.3f", times.started - times.opened,
            (times.first_token > 0 ? times.first_token : times.done) - times.opened);
}

/* The message may quote the request, so it is told only where the server is at fault. */
static void log_refusal(const struct rt_api_error *refusal)
{
    if (refusal->code)
        fprintf(stderr, " error=%s", refusal->code);
    if (*refusal->param)
        fprintf(stderr, " param=%s", refusal->param);
    if (refusal->status >= 500)
        fprintf(stderr, " message=\"%s\"", refusal->message);
}

void rt_exchange_log(const struct rt_exchange *exchange)
{
    fprintf(stderr, "%s %s status=%d owner=%s", exchange->method, exchange->path, exchange->status, exchange->owner.name);
    if (exchange->call.answer)
        log_answer(exchange->call.answer);
    log_refusal(&exchange->refusal);
    fprintf(stderr, " total_s=%.3f\n", rt_seconds() - exchange->started);
}
