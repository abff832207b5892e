/* make_load.c: many clients at once on a server of the OpenAI API, ours or another: each sends a request, reads its stream to the end, and sends the
 * next, for some seconds. Request number r is the same whoever sends it and to whatever server: token ids, so that tokenizers do not matter, of
 * mixed lengths. One thread; prints a JSON line.
 *
 *   make_load --socket PATH|--port N --clients N --seconds S [--requests N] [--vocab N] [--answers FILE] [--model NAME]
 *
 * FILE gets a line for each answer that came whole: r, tokens, digest of its text. So the answers under load can be compared with those alone. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <yyjson.h>

#include "crypto/crypto.h"
#include "runtime/clock.h"
#include "runtime/options.h"
#include "runtime/scope.h"

enum { CLIENTS_MAX = 1024, LINE_BYTES = 1 << 16, FIRST_ID = 300 };

struct settings {
    const char *socket, *answers, *model;
    uint64_t port, clients, seconds, requests, vocab;
};

struct client {
    int fd;
    uint64_t request;
    double sent, last; /* last: when its last token came; 0: none has */
    char *out;
    size_t out_bytes, out_done;
    char line[LINE_BYTES]; /* of the answer, not whole yet */
    size_t line_bytes;
    uint64_t pieces, tokens; /* tokens: as the server counts them at the end; a piece may hold several */
    int whole;               /* [DONE] has come */
    struct cr_hash text;
};

struct samples {
    float *seconds;
    size_t count, room;
};

struct load {
    struct settings settings;
    struct client *clients;
    int epoll;
    FILE *answers;
    uint64_t next, done, failed, tokens;
    double start, end;
    struct samples first, gaps;
};

static void add(struct samples *samples, double seconds)
{
    if (samples->count == samples->room) {
        samples->room = samples->room ? 2 * samples->room : 1 << 16;
        samples->seconds = realloc(samples->seconds, samples->room * sizeof *samples->seconds);
        if (!samples->seconds)
            abort();
    }
    samples->seconds[samples->count++] = (float)seconds;
}

/* ---- requests ---- */

static uint32_t mix(uint64_t x)
{
    x = (x + 0x9e3779b97f4a7c15) * 0xbf58476d1ce4e5b9;
    x = (x ^ x >> 29) * 0x94d049bb133111eb;
    return (uint32_t)(x >> 32);
}

/* Most are short, some long: the lengths of questions, of letters, and of documents. */
static uint32_t prompt_length(uint64_t r)
{
    static const uint32_t lengths[] = {24, 40, 64, 120, 200, 350, 600, 1200};
    return lengths[mix(r) % 8] + mix(r + 1) % 16;
}

/* The whole HTTP request; free it. */
static char *print_request(const struct settings *settings, uint64_t r, size_t *bytes)
{
    char *body = NULL, *all = NULL;
    size_t body_bytes;
    const uint32_t count = prompt_length(r), ids = (uint32_t)settings->vocab - FIRST_ID;
    FILE *to = open_memstream(&body, &body_bytes);
    fprintf(to,
            "{\"model\":\"%s\",\"max_tokens\":%u,\"temperature\":0,\"stream\":true,\"ignore_eos\":true,\"cache_prompt\":false,\"stream_"
            "options\":{\"include_usage\":true},"
            "\"prompt\":[",
            settings->model, 32 + mix(r + 2) % 97);
    for (uint32_t i = 0; i < count; i++)
        fprintf(to, "%s%u", i ? "," : "", FIRST_ID + mix(r * 4099 + i) % ids);
    fputs("]}", to);
    fclose(to);
    to = open_memstream(&all, bytes);
    fprintf(to,
            "POST /v1/completions HTTP/1.1\r\nHost: load\r\nContent-Type: application/json\r\nContent-Length: %zu\r\nConnection: "
            "close\r\n\r\n%s",
            body_bytes, body);
    fclose(to);
    free(body);
    return all;
}

static int connect_to(const struct settings *settings)
{
    struct sockaddr_un local = {.sun_family = AF_UNIX};
    struct sockaddr_in port = {.sin_family = AF_INET, .sin_port = htons((uint16_t)settings->port)};
    port.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int fd = socket(settings->socket ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (settings->socket)
        snprintf(local.sun_path, sizeof local.sun_path, "%s", settings->socket);
    const struct sockaddr *to = settings->socket ? (const void *)&local : (const void *)&port;
    if (fd < 0 || connect(fd, to, settings->socket ? sizeof local : sizeof port)) {
        perror("connect");
        exit(1);
    }
    fcntl(fd, F_SETFL, O_NONBLOCK);
    return fd;
}

static int goes_on(const struct load *load)
{
    return (!load->settings.requests || load->next < load->settings.requests) && (!load->settings.seconds || rt_seconds() < load->end);
}

static void send_next(struct load *load, struct client *c)
{
    c->fd = -1;
    if (!goes_on(load))
        return;
    c->request = load->next++;
    c->line_bytes = c->pieces = c->tokens = 0;
    c->whole = 0;
    cr_hash_start(&c->text);
    free(c->out);
    c->out = print_request(&load->settings, c->request, &c->out_bytes);
    c->out_done = 0;
    c->fd = connect_to(&load->settings);
    c->sent = rt_seconds();
    c->last = 0;
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT, .data.ptr = c};
    epoll_ctl(load->epoll, EPOLL_CTL_ADD, c->fd, &event);
}

/* ---- answers ---- */

static void take_chunk(struct load *load, struct client *c, const char *json, size_t bytes)
{
    yyjson_doc *doc = yyjson_read(json, bytes, 0);
    yyjson_val *choice = yyjson_arr_get_first(yyjson_obj_get(yyjson_doc_get_root(doc), "choices"));
    yyjson_val *text = yyjson_obj_get(choice, "text");
    if (yyjson_get_len(text) > 0) {
        const double now = rt_seconds();
        if (c->last > 0)
            add(&load->gaps, now - c->last);
        else
            add(&load->first, now - c->sent);
        c->last = now;
        c->pieces++;
        cr_hash_feed(&c->text, yyjson_get_str(text), yyjson_get_len(text));
    }
    yyjson_val *tokens = yyjson_obj_get(yyjson_obj_get(yyjson_doc_get_root(doc), "usage"), "completion_tokens");
    if (tokens)
        c->tokens = yyjson_get_uint(tokens);
    yyjson_doc_free(doc);
}

static void take_line(struct load *load, struct client *c)
{
    static const char mark[] = "data: ";
    while (c->line_bytes && (c->line[c->line_bytes - 1] == '\r' || c->line[c->line_bytes - 1] == '\n'))
        c->line_bytes--;
    if (c->line_bytes > sizeof mark && !memcmp(c->line, mark, sizeof mark - 1)) {
        if (!strncmp(c->line + sizeof mark - 1, "[DONE]", 6))
            c->whole = 1;
        else
            take_chunk(load, c, c->line + sizeof mark - 1, c->line_bytes - sizeof mark + 1);
    }
    c->line_bytes = 0;
}

static void finish(struct load *load, struct client *c)
{
    close(c->fd);
    if (c->whole) { /* it may have no text */
        load->done++;
        load->tokens += c->tokens;
        uint8_t digest[CR_DIGEST_BYTES];
        char hex[2 * CR_DIGEST_BYTES + 1];
        cr_hash_end(&c->text, digest);
        cr_digest_hex(hex, digest);
        if (load->answers)
            fprintf(load->answers, "%llu %llu %s\n", (unsigned long long)c->request, (unsigned long long)c->tokens, hex);
    } else {
        load->failed++;
        fprintf(stderr, "request %llu: %llu pieces, not whole: %.*s\n", (unsigned long long)c->request, (unsigned long long)c->pieces,
                (int)(c->line_bytes < 200 ? c->line_bytes : 200), c->line);
    }
    send_next(load, c);
}

static void read_some(struct load *load, struct client *c)
{
    char buffer[1 << 16];
    const ssize_t count = recv(c->fd, buffer, sizeof buffer, 0);
    if (count < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    for (ssize_t i = 0; i < count; i++) {
        if (c->line_bytes + 1 < sizeof c->line)
            c->line[c->line_bytes++] = buffer[i];
        if (buffer[i] == '\n')
            take_line(load, c);
    }
    if (count <= 0)
        finish(load, c);
}

static void write_some(struct load *load, struct client *c)
{
    const ssize_t count = send(c->fd, c->out + c->out_done, c->out_bytes - c->out_done, MSG_NOSIGNAL);
    if (count > 0)
        c->out_done += (size_t)count;
    if (c->out_done == c->out_bytes) {
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
        epoll_ctl(load->epoll, EPOLL_CTL_MOD, c->fd, &event);
    }
}

/* Answers under way at the end are not waited for where time is the limit. */
static void run(struct load *load)
{
    struct epoll_event events[64];
    load->start = rt_seconds();
    load->end = load->start + (double)load->settings.seconds;
    for (uint64_t i = 0; i < load->settings.clients; i++)
        send_next(load, &load->clients[i]);
    while (load->settings.seconds ? rt_seconds() < load->end : load->done + load->failed < load->settings.requests) {
        const int count = epoll_wait(load->epoll, events, 64, 100);
        for (int i = 0; i < count; i++) {
            struct client *c = events[i].data.ptr;
            if (events[i].events & EPOLLOUT)
                write_some(load, c);
            if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))
                read_some(load, c);
        }
    }
}

/* ---- figures ---- */

static int by_size(const void *a, const void *b)
{
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static double quantile(struct samples *samples, double q)
{
    if (!samples->count)
        return 0;
    return (double)samples->seconds[(size_t)(q * (double)(samples->count - 1))];
}

static void print(struct load *load)
{
    uint64_t under_way = 0;
    const double seconds = rt_seconds() - load->start;
    for (uint64_t i = 0; i < load->settings.clients; i++)
        under_way += load->clients[i].fd >= 0 ? load->clients[i].pieces : 0;
    qsort(load->first.seconds, load->first.count, sizeof(float), by_size);
    qsort(load->gaps.seconds, load->gaps.count, sizeof(float), by_size);
    printf("{\"clients\":%llu,\"seconds\":%.1f,\"requests\":%llu,\"failed\":%llu,\"tok_s\":%.2f,\"first_ms\":{\"p50\":%.1f,\"p99\":%.1f},"
           "\"next_ms\":{\"p50\":%.2f,\"p99\":%.2f}}\n",
           (unsigned long long)load->settings.clients, seconds, (unsigned long long)load->done, (unsigned long long)load->failed,
           (double)(load->tokens + under_way) / seconds, 1e3 * quantile(&load->first, 0.5), 1e3 * quantile(&load->first, 0.99),
           1e3 * quantile(&load->gaps, 0.5), 1e3 * quantile(&load->gaps, 0.99));
}

int main(int argc, char **argv)
{
    struct load load = {.settings = {.model = "m", .clients = 1, .vocab = 32000}};
    struct settings *s = &load.settings;
    struct rt_error error;
    const struct rt_option table[] = {
        {"--socket", RT_OPTION_TEXT, &s->socket, "PATH", "the server's", 0},
        {"--port", RT_OPTION_UNSIGNED, &s->port, "N", "or its TCP port here", 65535},
        {"--clients", RT_OPTION_UNSIGNED, &s->clients, "N", "at once", CLIENTS_MAX},
        {"--seconds", RT_OPTION_UNSIGNED, &s->seconds, "S", "then stop; 0: after --requests", 86400},
        {"--requests", RT_OPTION_UNSIGNED, &s->requests, "N", "at most", UINT32_MAX},
        {"--vocab", RT_OPTION_UNSIGNED, &s->vocab, "N", "token ids are below", UINT32_MAX},
        {"--answers", RT_OPTION_TEXT, &s->answers, "FILE", "a line for each answer", 0},
        {"--model", RT_OPTION_TEXT, &s->model, "NAME", "that is asked for", 0},
    };
    const struct rt_command command = {"", NULL, "", "many clients at once"};
    const struct rt_call call = {"make_load", &command, argc, argv, NULL};
    size_t none = 0;
    const char *nothing[1];
    const int status = rt_options_parse(&call, table, sizeof table / sizeof *table, nothing, &none, &error);
    if (status)
        return status < 0 ? rt_error_print(&error, "make_load", 0) : 0;
    load.clients = calloc(s->clients, sizeof *load.clients);
    load.epoll = epoll_create1(EPOLL_CLOEXEC);
    load.answers = s->answers ? fopen(s->answers, "w") : NULL;
    if (!load.clients || load.epoll < 0 || (s->answers && !load.answers) || cr_init() || (!s->socket && !s->port) ||
        (!s->seconds && !s->requests))
        return 2;
    run(&load);
    print(&load);
    return load.failed != 0;
}
