/* server_request.c: requests from their first line to their last byte. libmicrohttpd calls rt_exchange_answer when the head
 * is there, for each piece of the body, when all is there, and again whenever a suspended request goes on. */
#include "runtime/server_parts.h"

#include <stdio.h>
#include <string.h>

#include "runtime/api_receipts.h"
#include "runtime/clock.h"

enum {
    BODIES = 16,            /* so many of the largest size are received at the same time */
    READ_ANYWAY = 64 << 20, /* of a refused request the body is read up to here: who still sends when we hang up may miss the reply */
    BODY_START = 4096,
};

/* ---- the head ---- */

static void copy_shown(char *out, size_t room, const char *text)
{
    size_t i = 0;
    for (; i + 1 < room && text[i]; i++)
        out[i] = text[i] > ' ' && text[i] < 0x7f && text[i] != '"' ? text[i] : '?';
    out[i] = 0;
}

static struct rt_exchange *exchange_open(struct rt_client *client, const char *url, const char *method)
{
    struct rt_server *server = client->server;
    struct rt_exchange *exchange = calloc(1, sizeof *exchange);
    if (!exchange)
        return NULL;
    exchange->client = client;
    exchange->owner = client->owner;
    exchange->call.at = &server->at;
    exchange->call.owner = &exchange->owner;
    exchange->started = rt_seconds();
    copy_shown(exchange->method, sizeof exchange->method, method);
    copy_shown(exchange->path, sizeof exchange->path, url);
    exchange->after = server->exchanges;
    if (exchange->after)
        exchange->after->before = exchange;
    server->exchanges = exchange;
    server->metrics.requests_open++;
    client->exchange = exchange;
    rt_client_is_quiet(client); /* the body has its own time to arrive */
    return exchange;
}

/* What is refused for its head alone is answered at once where its body is long, else when it has been read. */
static enum MHD_Result begin(struct rt_exchange *exchange, const char *url, const char *method)
{
    if (!strcmp(method, "OPTIONS")) {
        exchange->endpoint = rt_endpoint_find(url, &exchange->call.rest);
        return MHD_YES;
    }
    if (rt_exchange_check(exchange, url, method) &&
        (rt_exchange_declared(exchange) > READ_ANYWAY || rt_exchange_header(exchange, MHD_HTTP_HEADER_EXPECT)))
        return rt_reply_refusal(exchange);
    return MHD_YES;
}

/* ---- the body ---- */

static void drop_body(struct rt_exchange *exchange)
{
    exchange->client->server->body_bytes -= exchange->body.room;
    free(exchange->body.at);
    exchange->body = (struct rt_bytes){0};
}

static int reserve(struct rt_exchange *exchange, size_t bytes)
{
    struct rt_server *server = exchange->client->server;
    struct rt_bytes *body = &exchange->body;
    size_t room = body->room ? body->room : BODY_START;
    while (room < bytes)
        room *= 2;
    if (room == body->room)
        return 0;
    const int full = server->body_bytes - body->room + room > 2 * BODIES * server->options->max_body + BODY_START;
    char *grown = full ? NULL : realloc(body->at, room);
    if (!grown) {
        rt_api_fail(&exchange->refusal, 503, "overloaded", NULL, "too many long requests at once; try again");
        exchange->refusal.retry_after = 1;
        return -1;
    }
    server->body_bytes += room - body->room;
    body->at = grown;
    body->room = room;
    return 0;
}

/* What is refused meanwhile is read on, and forgotten. */
static void take(struct rt_exchange *exchange, const char *upload, size_t bytes)
{
    struct rt_bytes *body = &exchange->body;
    if (!exchange->refusal.status && bytes > exchange->client->server->options->max_body - body->count)
        rt_exchange_refuse_large(exchange);
    if (exchange->refusal.status || reserve(exchange, body->count + bytes)) {
        drop_body(exchange);
        return;
    }
    memcpy(body->at + body->count, upload, bytes);
    body->count += bytes;
}

/* ---- the answer ---- */

static enum MHD_Result refuse_failed(struct rt_exchange *exchange, const struct rt_job *job)
{
    rt_api_fail_below(&exchange->refusal, NULL, rt_job_error(job));
    return rt_reply_refusal(exchange);
}

static enum MHD_Result reply_answer(struct rt_exchange *exchange)
{
    struct rt_answer *answer = exchange->call.answer;
    const struct rt_job *failed = rt_answer_failed(answer);
    size_t bytes;
    if (failed)
        return refuse_failed(exchange, failed);
    char *text = rt_answer_print(answer, &bytes);
    rt_api_receipts_keep(exchange->call.at->receipts, answer);
    return text ? rt_reply_text(exchange, MHD_HTTP_OK, NULL, text, bytes) : MHD_NO;
}

static enum MHD_Result go_on(struct rt_exchange *exchange)
{
    if (exchange->call.answer->cancelled)
        return MHD_NO;
    if (exchange->streaming)
        return MHD_YES;
    if (exchange->call.answer->terms.params.stream)
        return rt_reply_stream(exchange);
    if (rt_answer_finished(exchange->call.answer))
        return reply_answer(exchange);
    rt_exchange_suspend(exchange);
    return MHD_YES;
}

static void log_prompt(const struct rt_exchange *exchange)
{
    if (!exchange->client->server->options->log_prompts || !exchange->body.count)
        return;
    fprintf(stderr, "%s %s owner=%s body=", exchange->method, exchange->path, exchange->owner.name);
    for (size_t i = 0; i < exchange->body.count; i++) {
        const unsigned char c = (unsigned char)exchange->body.at[i];
        fputc(c < 0x20 || c == 0x7f ? ' ' : c, stderr);
    }
    fputc('\n', stderr);
}

static enum MHD_Result run(struct rt_exchange *exchange)
{
    struct rt_api_call *call = &exchange->call;
    const struct rt_server *server = exchange->client->server;
    rt_client_is_busy(exchange->client);
    if (!exchange->refusal.status && !strcmp(exchange->method, "OPTIONS"))
        return rt_reply_nothing(exchange);
    if (!exchange->refusal.status && server->stopping) {
        rt_api_fail(&exchange->refusal, 503, "stopping", NULL, "the server is stopping; ask again when it is back");
        exchange->refusal.retry_after = 5;
    }
    if (exchange->refusal.status)
        return rt_reply_refusal(exchange);
    log_prompt(exchange);
    call->body = exchange->body.at;
    call->body_bytes = exchange->body.count;
    const int failed = exchange->endpoint->function(call, &exchange->refusal);
    drop_body(exchange);
    if (failed)
        return rt_reply_refusal(exchange);
    if (call->answer)
        return go_on(exchange);
    char *text = call->text;
    call->text = NULL;
    return rt_reply_text(exchange, MHD_HTTP_OK, call->type, text, call->bytes);
}

enum MHD_Result rt_exchange_answer(void *unused, struct MHD_Connection *connection, const char *url, const char *method,
                                   const char *version, const char *upload, size_t *bytes, void **context)
{
    struct rt_exchange *exchange = *context;
    (void)unused, (void)version;
    if (!exchange) {
        const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
        exchange = info && info->socket_context ? exchange_open(info->socket_context, url, method) : NULL;
        *context = exchange;
        return exchange ? begin(exchange, url, method) : MHD_NO;
    }
    if (*bytes) {
        take(exchange, upload, *bytes);
        *bytes = 0;
        return MHD_YES;
    }
    return exchange->call.answer ? go_on(exchange) : run(exchange);
}

/* ---- waiting, and the end ---- */

void rt_exchange_suspend(struct rt_exchange *exchange)
{
    exchange->suspended = 1;
    MHD_suspend_connection(exchange->client->connection);
}

static int has_news(const struct rt_exchange *exchange)
{
    const struct rt_answer *answer = exchange->call.answer;
    return exchange->streaming && !answer->cancelled ? rt_answer_has_news(answer) : rt_answer_finished(answer);
}

/* What is not asked yet is asked now; what cannot be is given up, and the connection with it. */
static void ask(struct rt_exchange *exchange)
{
    if (exchange->call.answer && rt_answer_ask(exchange->call.answer, &exchange->refusal))
        rt_answer_cancel(exchange->call.answer);
}

void rt_exchanges_resume(struct rt_server *server, int all)
{
    for (struct rt_exchange *exchange = server->exchanges; exchange; exchange = exchange->after) {
        ask(exchange);
        if (exchange->suspended && (all || has_news(exchange))) {
            exchange->suspended = 0;
            MHD_resume_connection(exchange->client->connection);
        }
    }
}

void rt_exchange_completed(void *user, struct MHD_Connection *connection, void **context, enum MHD_RequestTerminationCode why)
{
    struct rt_server *server = user;
    struct rt_exchange *exchange = *context;
    (void)connection;
    if (!exchange)
        return;
    if (why != MHD_REQUEST_TERMINATED_COMPLETED_OK)
        exchange->status = 499; /* as others call it: the client was not there any more */
    rt_exchange_log(exchange);
    rt_metrics_count(&server->metrics, exchange->endpoint ? (unsigned)(exchange->endpoint - rt_endpoints) : RT_METRICS_ENDPOINTS,
                     exchange->status, rt_seconds() - exchange->started);
    *(exchange->before ? &exchange->before->after : &server->exchanges) = exchange->after;
    if (exchange->after)
        exchange->after->before = exchange->before;
    server->metrics.requests_open--;
    exchange->client->exchange = NULL;
    rt_client_is_quiet(exchange->client);
    drop_body(exchange);
    rt_answer_close(&exchange->call.answer);
    free(exchange->call.text);
    rt_bytes_close(&exchange->out);
    free(exchange);
    *context = NULL;
}
