/* api_params.h: what a request says of how to answer: sampling, length, stops, how many choices, and how they are told. Shared by chat and
 * plain completions. Knows nothing of prompts. Any thread. */
#ifndef CLOISTER_API_PARAMS_H
#define CLOISTER_API_PARAMS_H

#include "runtime/api_json.h"
#include "runtime/completion.h"

enum { RT_API_CHOICES_MAX = 128, RT_API_VECTORS_MAX = 2048 }; /* at once */

struct rt_api_limits { /* of the site, and its publisher's parameters where the request says nothing */
    uint32_t vocab, context;
    struct rt_sampling sampling;
};

struct rt_api_params { /* rt_api_params_close frees; the stops point into the request's document */
    struct rt_sampling sampling;
    int seeded;             /* by the request */
    struct rt_bias *biases; /* those of the sampling */
    uint32_t max_new;       /* 0: as many as the context holds */
    uint32_t n;
    int stream, include_usage;
    int logprobs; /* -1: none; else so many of the likeliest beside each token's own */
    const char *stops[RT_STOP_TEXTS_MAX];
    size_t stop_count;
};

/* All but how many new tokens and logprobs, which chat and completions say in ways of their own. */
RT_MUST_CHECK int rt_api_params_read(struct rt_api_params *out, yyjson_val *request, const struct rt_api_limits *limits,
                                     struct rt_api_error *error);
void rt_api_params_close(struct rt_api_params *params);

#endif
