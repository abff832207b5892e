/* generation_defaults.c: reads generation.json. */
#include "runtime/generation_defaults.h"

#include <yyjson.h>

#include "runtime/scope.h"

static void close_doc(yyjson_doc **doc)
{
    yyjson_doc_free(*doc);
}

/* A number of the object in [lowest, highest]; *out stays as it is where there is none. */
static int read_number(double *out, yyjson_val *object, const char *key, double lowest, double highest, struct rt_error *error)
{
    yyjson_val *value = yyjson_obj_get(object, key);
    if (!value)
        return 0;
    double number = yyjson_get_num(value);
    if (!yyjson_is_num(value) || !(number >= lowest && number <= highest))
        return rt_fail(error, RT_EXIT_TRUST, "generation.json: \"%s\" is not a number from %g to %g; pack the bundle again", key, lowest,
                       highest);
    *out = number;
    return 0;
}

static int read_float(float *out, yyjson_val *object, const char *key, double lowest, double highest, struct rt_error *error)
{
    double number = (double)*out;
    if (read_number(&number, object, key, lowest, highest, error))
        return -1;
    *out = (float)number;
    return 0;
}

static int read_stops(struct rt_generation *generation, yyjson_val *ids, struct rt_error *error)
{
    if (ids && (!yyjson_is_arr(ids) || yyjson_arr_size(ids) > RT_STOPS_MAX))
        return rt_fail(error, RT_EXIT_TRUST, "generation.json: \"eos_ids\" is not a list of at most %d ids; pack the bundle again",
                       RT_STOPS_MAX);
    yyjson_val *id;
    size_t i, count;
    yyjson_arr_foreach(ids, i, count, id)
    {
        if (!yyjson_is_uint(id) || yyjson_get_uint(id) > UINT32_MAX)
            return rt_fail(error, RT_EXIT_TRUST, "generation.json: \"eos_ids\" holds what is no token id; pack the bundle again");
        generation->stop_ids[i] = (uint32_t)yyjson_get_uint(id);
        generation->stop_count = (uint32_t)i + 1;
    }
    return 0;
}

int rt_generation_read(struct rt_generation *generation, const char *json, size_t bytes, struct rt_error *error)
{
    RT_CLEAN(close_doc) yyjson_doc *doc = yyjson_read(json, bytes, 0);
    yyjson_val *root = yyjson_doc_get_root(doc);
    struct rt_sampling *sampling = &generation->sampling;
    double top_k = sampling->top_k;
    if (!yyjson_is_obj(root))
        return rt_fail(error, RT_EXIT_TRUST, "generation.json: not a JSON object; pack the bundle again");
    if (read_stops(generation, yyjson_obj_get(root, "eos_ids"), error) ||
        read_float(&sampling->temperature, root, "temperature", 0, 100, error) ||
        read_number(&top_k, root, "top_k", 0, UINT32_MAX, error) || read_float(&sampling->top_p, root, "top_p", 0, 1, error) ||
        read_float(&sampling->min_p, root, "min_p", 0, 1, error) ||
        read_float(&sampling->repeat_penalty, root, "repetition_penalty", 0.01, 100, error))
        return -1;
    sampling->top_k = (uint32_t)top_k;
    return 0;
}
