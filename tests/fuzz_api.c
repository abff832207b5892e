/* fuzz_api.c: any bytes as the body of a request, read as chat and plain completions are. What is refused says why; what is taken is in its
 * range, and a conversation has the form that templates rely on. */
#include <stdlib.h>
#include <string.h>

#include "runtime/api_grammar.h"
#include "runtime/api_messages.h"
#include "runtime/api_params.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct rt_api_limits limits = {.vocab = 1000, .context = 4096, .sampling = {.top_p = 1, .repeat_penalty = 1}};

static void check(int holds)
{
    if (!holds)
        abort();
}

/* Whatever a refusal quotes, it is JSON. */
static void check_refusal(const struct rt_api_error *error)
{
    size_t bytes;
    char *text = rt_api_error_print(error, &bytes);
    check(error->status >= 400 && error->status < 600 && *error->message && text);
    yyjson_doc *doc = yyjson_read(text, bytes, YYJSON_READ_NOFLAG);
    check(doc != NULL);
    yyjson_doc_free(doc);
    free(text);
}

static void check_params(const struct rt_api_params *params)
{
    const struct rt_sampling *sampling = &params->sampling;
    check(sampling->temperature >= 0 && sampling->temperature <= 100 && sampling->top_p >= 0 && sampling->top_p <= 1);
    check(sampling->min_p >= 0 && sampling->min_p <= 1 && sampling->repeat_penalty > 0 && params->n >= 1 &&
          params->n <= RT_API_CHOICES_MAX);
    check(params->stop_count <= RT_STOP_TEXTS_MAX && sampling->bias_count <= RT_BIASES_MAX);
    for (size_t i = 0; i < params->stop_count; i++)
        check(*params->stops[i] && strlen(params->stops[i]) <= RT_STOP_BYTES_MAX);
    for (size_t i = 0; i < sampling->bias_count; i++)
        check(params->biases[i].id < limits.vocab && params->biases[i].amount >= -100 && params->biases[i].amount <= 100);
}

static void read_params(yyjson_val *request)
{
    struct rt_api_params params;
    struct rt_api_error error;
    if (rt_api_params_read(&params, request, &limits, &error))
        check_refusal(&error);
    else
        check_params(&params);
    rt_api_params_close(&params);
}

static void read_messages(yyjson_val *request)
{
    yyjson_doc *doc;
    yyjson_val *messages, *message;
    struct rt_api_error error;
    size_t i, max;
    if (rt_api_messages_read(&doc, request, &error)) {
        check_refusal(&error);
        return;
    }
    messages = yyjson_obj_get(yyjson_doc_get_root(doc), "messages");
    check(yyjson_arr_size(messages) > 0 && yyjson_is_obj(yyjson_obj_get(yyjson_doc_get_root(doc), "variables")));
    yyjson_arr_foreach(messages, i, max, message)
    {
        check(yyjson_is_str(yyjson_obj_get(message, "role")) && yyjson_is_str(yyjson_obj_get(message, "content")));
    }
    yyjson_doc_free(doc);
}

static void read_grammar(yyjson_val *request)
{
    struct rt_grammar *grammar;
    struct rt_api_error error;
    if (rt_api_grammar_read(&grammar, request, &error))
        check_refusal(&error);
    rt_grammar_close(&grammar);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    yyjson_doc *doc;
    struct rt_api_error error;
    char *body = malloc(size ? size : 1); /* what reads beyond its end is found */
    if (size)
        memcpy(body, data, size);
    if (rt_api_parse(&doc, body, size, &error)) {
        check_refusal(&error);
    } else {
        yyjson_val *request = yyjson_doc_get_root(doc);
        read_params(request);
        read_messages(request);
        read_grammar(request);
        yyjson_doc_free(doc);
    }
    free(body);
    return 0;
}
