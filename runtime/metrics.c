/* metrics.c: see metrics.h; and GET /metrics. */
#include "runtime/metrics.h"

#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/api_call.h"
#include "runtime/clock.h"
#include "runtime/version.h"

/* Those that the server gives; what else there might be counts as the last. */
static const int statuses[] = {200, 204, 400, 401, 404, 405, 408, 413, 415, 429, 499, 500, 501, 503};

void rt_metrics_open(struct rt_metrics *metrics)
{
    metrics->memory = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    metrics->started = rt_seconds();
}

void rt_metrics_close(struct rt_metrics *metrics)
{
    if (metrics->memory >= 0)
        close(metrics->memory);
    metrics->memory = -1;
}

static void count_seconds(struct rt_histogram *histogram, double seconds)
{
    unsigned bucket = 0;
    while (bucket + 1 < RT_LATENCY_BUCKETS && seconds > rt_latency_bound(bucket))
        bucket++;
    histogram->counts[bucket]++;
    histogram->count++;
    histogram->sum += seconds;
}

void rt_metrics_count(struct rt_metrics *metrics, unsigned endpoint, int status, double seconds)
{
    const size_t count = sizeof statuses / sizeof *statuses;
    size_t i = 0;
    while (i + 1 < count && statuses[i] != status)
        i++;
    metrics->requests[endpoint < RT_METRICS_ENDPOINTS ? endpoint : RT_METRICS_ENDPOINTS][i]++;
    count_seconds(&metrics->seconds, seconds);
}

/* ---- the text ---- */

static void print_head(FILE *out, const char *name, const char *type, const char *help)
{
    fprintf(out, "# HELP cloister_%s %s\n# TYPE cloister_%s %s\n", name, help, name, type);
}

static void print_counter(FILE *out, const char *name, const char *help, uint64_t value)
{
    print_head(out, name, "counter", help);
    fprintf(out, "cloister_%s %llu\n", name, (unsigned long long)value);
}

static void print_gauge(FILE *out, const char *name, const char *help, double value)
{
    print_head(out, name, "gauge", help);
    fprintf(out, "cloister_%s %.15g\n", name, value);
}

static void print_histogram(FILE *out, const char *name, const char *help, const struct rt_histogram *histogram)
{
    uint64_t below = 0;
    print_head(out, name, "histogram", help);
    for (unsigned i = 0; i + 1 < RT_LATENCY_BUCKETS; i++) {
        below += histogram->counts[i];
        fprintf(out, "cloister_%s_bucket{le=\"%g\"} %llu\n", name, rt_latency_bound(i), (unsigned long long)below);
    }
    below += histogram->counts[RT_LATENCY_BUCKETS - 1];
    fprintf(out, "cloister_%s_bucket{le=\"+Inf\"} %llu\ncloister_%s_sum %.9g\ncloister_%s_count %llu\n", name, (unsigned long long)below,
            name, histogram->sum, name, (unsigned long long)below);
}

static void print_requests(FILE *out, const struct rt_metrics *metrics)
{
    print_head(out, "http_requests_total", "counter", "Requests that were answered.");
    for (size_t e = 0; e <= RT_METRICS_ENDPOINTS; e++)
        for (size_t s = 0; s < sizeof statuses / sizeof *statuses; s++)
            if (metrics->requests[e][s])
                fprintf(out, "cloister_http_requests_total{path=\"%s\",status=\"%d\"} %llu\n",
                        e < RT_METRICS_ENDPOINTS && metrics->endpoints[e] ? metrics->endpoints[e] : "other", statuses[s],
                        (unsigned long long)metrics->requests[e][s]);
    print_histogram(out, "http_request_seconds", "Time from a request's first line to its last byte.", &metrics->seconds);
    print_gauge(out, "http_requests_open", "Requests that are being answered.", metrics->requests_open);
    print_gauge(out, "http_connections", "Connections that are open.", metrics->connections);
    print_counter(out, "http_connections_opened_total", "Connections that were accepted.", metrics->connections_opened);
    print_counter(out, "http_connections_cut_total", "Connections that were cut: too slow, or idle where others waited.",
                  metrics->connections_cut);
}

static void print_scheduler(FILE *out, const struct rt_scheduler *scheduler)
{
    struct rt_scheduler_state state;
    rt_scheduler_state(scheduler, &state);
    print_gauge(out, "jobs_waiting", "Answers that wait for a place.", state.waiting);
    print_gauge(out, "jobs_prefilling", "Answers whose prompt is being read.", state.prefilling);
    print_gauge(out, "jobs_decoding", "Answers under way.", state.decoding);
    print_counter(out, "steps_total", "Steps of the engine.", state.steps);
    print_counter(out, "prompt_tokens_total", "Tokens of prompts.", state.prompt_tokens);
    print_counter(out, "cached_tokens_total", "Tokens of prompts that were in the cache already.", state.cached_tokens);
    print_counter(out, "answer_tokens_total", "Tokens of answers.", state.answer_tokens);
    print_counter(out, "drafted_tokens_total", "Tokens that were guessed from the text so far.", state.drafted_tokens);
    print_counter(out, "accepted_tokens_total", "Guesses that were right.", state.accepted_tokens);
    print_counter(out, "jobs_done_total", "Answers that came to their end.", state.done);
    print_counter(out, "jobs_failed_total", "Answers that failed.", state.failed);
    print_counter(out, "jobs_cancelled_total", "Answers that nobody waited for any more.", state.cancelled);
    print_counter(out, "jobs_refused_total", "Answers for which the queue was full.", state.refused);
    print_counter(out, "jobs_preempted_total", "Times that an answer had to leave its place for another's.", state.preempted);
    print_gauge(out, "cache_pages", "Pages of the cache of keys and values.", state.pages);
    print_gauge(out, "cache_pages_free", "Pages that hold nothing.", state.pages_free);
    print_gauge(out, "cache_pages_kept", "Pages that hold beginnings of prompts for later ones.", state.pages_idle);
    print_histogram(out, "first_token_seconds", "Time from a job's arrival to its first token.", &state.first_token);
    print_histogram(out, "next_token_seconds", "Time between two tokens of an answer.", &state.next_token);
}

static void print_process(FILE *out, const struct rt_metrics *metrics)
{
    char text[128];
    print_head(out, "build_info", "gauge", "The program's version.");
    fprintf(out, "cloister_build_info{version=\"%s\"} 1\n", CLOISTER_VERSION);
    print_gauge(out, "uptime_seconds", "Time since the start.", rt_seconds() - metrics->started);
    if (metrics->memory < 0 || lseek(metrics->memory, 0, SEEK_SET) < 0)
        return;
    const ssize_t got = read(metrics->memory, text, sizeof text - 1);
    text[got > 0 ? got : 0] = 0;
    char *at = text;
    const double page = 4096, size = page * (double)strtoull(at, &at, 10), resident = page * (double)strtoull(at, &at, 10);
    print_gauge(out, "memory_virtual_bytes", "Address space of the process.", size);
    print_gauge(out, "memory_resident_bytes", "Memory of the process.", resident);
}

char *rt_metrics_print(const struct rt_metrics *metrics, const struct rt_scheduler *scheduler, size_t *bytes)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, bytes);
    if (!out)
        return NULL;
    print_process(out, metrics);
    print_requests(out, metrics);
    print_scheduler(out, scheduler);
    const int failed = ferror(out);
    if (!fclose(out) && !failed)
        return text;
    free(text);
    return NULL;
}

int rt_api_metrics(struct rt_api_call *call, struct rt_api_error *error)
{
    call->type = "text/plain; version=0.0.4; charset=utf-8";
    call->text = rt_metrics_print(call->at->metrics, call->at->answerer.scheduler, &call->bytes);
    return call->text ? 0 : rt_api_fail(error, 503, NULL, NULL, "no memory for the figures");
}
