/* api_params.c: see api_params.h. */
#include "runtime/api_params.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* ---- sampling ---- */

/* Off is 0, and -1 with vLLM. */
static int read_top_k(struct rt_sampling *sampling, yyjson_val *request, struct rt_api_error *error)
{
    uint64_t top_k = sampling->top_k;
    yyjson_val *value = rt_api_get(request, "top_k");
    if (yyjson_is_sint(value) && yyjson_get_sint(value) == -1)
        top_k = 0;
    else if (rt_api_unsigned(request, "top_k", 0, UINT32_MAX, &top_k, error))
        return -1;
    sampling->top_k = (uint32_t)top_k;
    return 0;
}

/* Where the request has none, one that nobody can guess: asking again gives another answer, and the receipt tells which seed it was. */
static int read_seed(struct rt_api_params *params, yyjson_val *request, struct rt_api_error *error)
{
    params->seeded = rt_api_get(request, "seed") != NULL;
    if (params->seeded)
        return rt_api_unsigned(request, "seed", 0, UINT64_MAX, &params->sampling.seed, error);
    uint32_t seed; /* short enough for a JSON number in any program */
    if (getrandom(&seed, sizeof seed, 0) != sizeof seed)
        return rt_api_fail(error, 500, NULL, NULL, "the system has no randomness for a seed");
    params->sampling.seed = seed;
    return 0;
}

static int read_sampling(struct rt_api_params *params, yyjson_val *request, struct rt_api_error *error)
{
    struct rt_sampling *sampling = &params->sampling;
    if (rt_api_float(request, "temperature", 0, 100, &sampling->temperature, error) ||
        rt_api_float(request, "top_p", 0, 1, &sampling->top_p, error) || rt_api_float(request, "min_p", 0, 1, &sampling->min_p, error) ||
        rt_api_float(request, "repetition_penalty", 0.01, 100, &sampling->repeat_penalty, error) ||
        rt_api_float(request, "frequency_penalty", -2, 2, &params->sampling.frequency_penalty, error) ||
        rt_api_float(request, "presence_penalty", -2, 2, &params->sampling.presence_penalty, error))
        return -1;
    return read_top_k(sampling, request, error) || read_seed(params, request, error) ? -1 : 0;
}

/* {"1234": -100}: ids are keys, since JSON has no other. */
static int read_bias(struct rt_bias *out, const char *key, yyjson_val *value, uint32_t vocab, struct rt_api_error *error)
{
    char *end;
    errno = 0;
    const unsigned long long id = strtoull(key, &end, 10);
    if (*key < '0' || *key > '9' || *end || errno || id >= vocab)
        return rt_api_fail(error, 400, "invalid_value", "logit_bias", "logit_bias: \"%.40s\" is not the id of a token; ids are below %u",
                           key, (unsigned)vocab);
    const double bias = yyjson_is_num(value) ? yyjson_get_num(value) : -1000;
    if (!(bias >= -100 && bias <= 100))
        return rt_api_fail(error, 400, "invalid_value", "logit_bias", "logit_bias: of token %llu: not a number from -100 to 100", id);
    *out = (struct rt_bias){(uint32_t)id, (float)bias};
    return 0;
}

static int read_biases(struct rt_api_params *params, yyjson_val *request, uint32_t vocab, struct rt_api_error *error)
{
    yyjson_val *object = rt_api_get(request, "logit_bias"), *key;
    if (!object)
        return 0;
    if (!yyjson_is_obj(object) || yyjson_obj_size(object) > RT_BIASES_MAX)
        return rt_api_fail(error, 400, "invalid_type", "logit_bias", "logit_bias is not an object of at most %d tokens", RT_BIASES_MAX);
    params->biases = calloc(yyjson_obj_size(object) + 1, sizeof *params->biases);
    if (!params->biases)
        return rt_api_fail(error, 503, NULL, NULL, "no memory for logit_bias");
    params->sampling.biases = params->biases;
    yyjson_obj_iter iter = yyjson_obj_iter_with(object);
    while ((key = yyjson_obj_iter_next(&iter)))
        if (read_bias(&params->biases[params->sampling.bias_count++], yyjson_get_str(key), yyjson_obj_iter_get_val(key), vocab, error))
            return -1;
    return 0;
}

/* ---- stops, choices, streaming ---- */

static int read_stop(struct rt_api_params *params, yyjson_val *value, struct rt_api_error *error)
{
    const char *text = yyjson_get_str(value);
    if (!text || !*text || yyjson_get_len(value) > RT_STOP_BYTES_MAX || strlen(text) != yyjson_get_len(value))
        return rt_api_fail(error, 400, "invalid_value", "stop", "stop: give strings of 1 to %d bytes, without a zero byte",
                           RT_STOP_BYTES_MAX);
    params->stops[params->stop_count++] = text;
    return 0;
}

static int read_stops(struct rt_api_params *params, yyjson_val *request, struct rt_api_error *error)
{
    yyjson_val *stop = rt_api_get(request, "stop"), *value;
    if (!stop)
        return 0;
    if (!yyjson_is_arr(stop))
        return read_stop(params, stop, error);
    if (yyjson_arr_size(stop) > RT_STOP_TEXTS_MAX)
        return rt_api_fail(error, 400, "invalid_value", "stop", "stop: more than %d", RT_STOP_TEXTS_MAX);
    yyjson_arr_iter iter = yyjson_arr_iter_with(stop);
    while ((value = yyjson_arr_iter_next(&iter)))
        if (read_stop(params, value, error))
            return -1;
    return 0;
}

static int read_stream(struct rt_api_params *params, yyjson_val *request, struct rt_api_error *error)
{
    yyjson_val *options = rt_api_get(request, "stream_options");
    if (rt_api_flag(request, "stream", &params->stream, error))
        return -1;
    if (!options)
        return 0;
    if (!yyjson_is_obj(options))
        return rt_api_fail(error, 400, "invalid_type", "stream_options", "stream_options is not an object");
    if (!params->stream)
        return rt_api_fail(error, 400, "invalid_value", "stream_options", "stream_options needs \"stream\": true");
    return rt_api_flag(options, "include_usage", &params->include_usage, error);
}

int rt_api_params_read(struct rt_api_params *out, yyjson_val *request, const struct rt_api_limits *limits, struct rt_api_error *error)
{
    uint64_t n = 1;
    const char *unused = NULL;
    *out = (struct rt_api_params){.sampling = limits->sampling, .logprobs = -1};
    if (read_sampling(out, request, error) || read_biases(out, request, limits->vocab, error) || read_stops(out, request, error) ||
        read_stream(out, request, error) || rt_api_unsigned(request, "n", 1, RT_API_CHOICES_MAX, &n, error) ||
        rt_api_text(request, "model", &unused, error) || rt_api_text(request, "user", &unused, error)) {
        rt_api_params_close(out);
        return -1;
    }
    out->n = (uint32_t)n;
    return 0;
}

void rt_api_params_close(struct rt_api_params *params)
{
    free(params->biases);
    *params = (struct rt_api_params){0};
}
