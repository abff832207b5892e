/* server_head.c: the heads of requests: which endpoint, whose request, of which type and size. */
#include "runtime/server_parts.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

const struct rt_endpoint rt_endpoints[] = {
    {"/v1/chat/completions", "POST", rt_api_chat, 0},
    {"/v1/completions", "POST", rt_api_completions, 0},
    {"/v1/embeddings", "POST", rt_api_embeddings, 0},
    {"/v1/models", "GET", rt_api_models, 0},
    {"/v1/models/", "GET", rt_api_models, 0},
    {"/v1/receipts/", "GET", rt_api_receipt, 0},
    {"/tokenize", "POST", rt_api_tokenize, 0},
    {"/detokenize", "POST", rt_api_detokenize, 0},
    {"/health", "GET", rt_api_health, 1},
    {"/metrics", "GET", rt_api_metrics, 0},
    {"/", "GET", rt_api_page, 1},
};
const size_t rt_endpoint_count = sizeof rt_endpoints / sizeof *rt_endpoints;

const struct rt_endpoint *rt_endpoint_find(const char *url, const char **rest)
{
    for (size_t i = 0; i < rt_endpoint_count; i++) {
        const char *path = rt_endpoints[i].path;
        const size_t bytes = strlen(path);
        const int is_prefix = bytes > 1 && path[bytes - 1] == '/';
        if (is_prefix ? strncmp(url, path, bytes) || !url[bytes] : strcmp(url, path))
            continue;
        *rest = url + bytes;
        return &rt_endpoints[i];
    }
    return NULL;
}

const char *rt_exchange_header(const struct rt_exchange *exchange, const char *name)
{
    return MHD_lookup_connection_value(exchange->client->connection, MHD_HEADER_KIND, name);
}

static int check_key(struct rt_exchange *exchange)
{
    const struct rt_server *server = exchange->client->server;
    const char *given = rt_exchange_header(exchange, MHD_HTTP_HEADER_AUTHORIZATION), *name = NULL;
    if (!server->keys || exchange->endpoint->open)
        return 0;
    if (given && !strncasecmp(given, "Bearer ", 7))
        name = rt_api_keys_find(server->keys, given + 7, strlen(given + 7), &exchange->owner.id);
    if (!name)
        return rt_api_fail(&exchange->refusal, 401, "invalid_api_key", NULL, "%s; send \"Authorization: Bearer KEY\"",
                           given ? "this API key is not known" : "an API key is needed");
    snprintf(exchange->owner.name, sizeof exchange->owner.name, "key:%s", name);
    return 0;
}

/* A form on somebody's web page can send other types, but not this one. */
static int check_type(struct rt_exchange *exchange)
{
    static const char json[] = "application/json";
    const char *type = rt_exchange_header(exchange, MHD_HTTP_HEADER_CONTENT_TYPE), *rest = type ? type + sizeof json - 1 : NULL;
    if (type && !strncasecmp(type, json, sizeof json - 1) && (!*rest || *rest == ';' || *rest == ' '))
        return 0;
    return rt_api_fail(&exchange->refusal, 415, NULL, NULL, "the body's type is not JSON; send \"Content-Type: application/json\"");
}

int rt_exchange_refuse_large(struct rt_exchange *exchange)
{
    return rt_api_fail(&exchange->refusal, 413, "request_too_large", NULL, "the body has more than %zu bytes; send less",
                       exchange->client->server->options->max_body);
}

unsigned long long rt_exchange_declared(const struct rt_exchange *exchange)
{
    const char *length = rt_exchange_header(exchange, MHD_HTTP_HEADER_CONTENT_LENGTH);
    return length ? strtoull(length, NULL, 10) : 0; /* libmicrohttpd has checked it */
}

int rt_exchange_check(struct rt_exchange *exchange, const char *url, const char *method)
{
    struct rt_api_error *refusal = &exchange->refusal;
    const char *wanted = strcmp(method, "HEAD") ? method : "GET";
    exchange->endpoint = rt_endpoint_find(url, &exchange->call.rest);
    if (!exchange->endpoint)
        return rt_api_fail(refusal, 404, "unknown_url", NULL, "%s %s: there is no such endpoint", exchange->method, exchange->path);
    if (strcmp(exchange->endpoint->method, wanted))
        return rt_api_fail(refusal, 405, "method_not_allowed", NULL, "%s is for %s, not %s", exchange->path, exchange->endpoint->method,
                           exchange->method);
    if (check_key(exchange))
        return -1;
    if (!strcmp(wanted, "POST") && check_type(exchange))
        return -1;
    return rt_exchange_declared(exchange) > exchange->client->server->options->max_body ? rt_exchange_refuse_large(exchange) : 0;
}
