/* answer_vectors.c: see answer_vectors.h. */
#include "runtime/answer_vectors.h"

#include "runtime/scope.h"

static yyjson_mut_val *numbers(yyjson_mut_doc *doc, const float *vector, uint32_t width)
{
    yyjson_mut_val *list = yyjson_mut_arr(doc);
    for (uint32_t i = 0; i < width; i++)
        yyjson_mut_arr_add_real(doc, list, (double)vector[i]);
    return list;
}

/* The floats' bytes, little-endian, in RFC 4648's base64: what OpenAI's own client asks for. */
static yyjson_mut_val *base64(yyjson_mut_doc *doc, const float *vector, uint32_t width)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const uint8_t *bytes = (const uint8_t *)vector;
    const size_t count = width * sizeof *vector, room = (count + 2) / 3 * 4;
    RT_FREE char *text = malloc(room + 1);
    if (!text)
        return NULL;
    for (size_t i = 0, at = 0; i < count; i += 3) {
        const uint32_t three = (uint32_t)bytes[i] << 16 | (i + 1 < count ? (uint32_t)bytes[i + 1] << 8 : 0) |
                               (i + 2 < count ? bytes[i + 2] : 0u);
        for (int shift = 18; shift >= 0; shift -= 6)
            text[at++] = digits[three >> shift & 63];
    }
    for (size_t i = 0; i < room / 4 * 3 - count; i++)
        text[room - 1 - i] = '=';
    return yyjson_mut_strncpy(doc, text, room);
}

static void add_vector(yyjson_mut_doc *doc, yyjson_mut_val *list, const struct rt_answer *answer, size_t i)
{
    const uint32_t width = answer->by->site->manifest->model.hidden;
    const float *vector = rt_job_vector(answer->choices[i].job);
    yyjson_mut_val *object = yyjson_mut_arr_add_obj(doc, list);
    yyjson_mut_obj_add_str(doc, object, "object", "embedding");
    yyjson_mut_obj_add_uint(doc, object, "index", i);
    yyjson_mut_obj_add_val(doc, object, "embedding", answer->terms.base64 ? base64(doc, vector, width) : numbers(doc, vector, width));
}

char *rt_answer_print_vectors(const struct rt_answer *answer, size_t *bytes)
{
    yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
    yyjson_mut_val *root = yyjson_mut_obj(doc);
    yyjson_mut_doc_set_root(doc, root);
    yyjson_mut_obj_add_str(doc, root, "object", "list");
    yyjson_mut_val *data = yyjson_mut_obj_add_arr(doc, root, "data"), *usage;
    for (size_t i = 0; i < answer->choice_count; i++)
        add_vector(doc, data, answer, i);
    yyjson_mut_obj_add_str(doc, root, "model", answer->by->model);
    usage = yyjson_mut_obj_add_obj(doc, root, "usage");
    yyjson_mut_obj_add_uint(doc, usage, "prompt_tokens", answer->prompt_tokens);
    yyjson_mut_obj_add_uint(doc, usage, "total_tokens", answer->prompt_tokens);
    char *text = yyjson_mut_write(doc, YYJSON_WRITE_NEWLINE_AT_END, bytes);
    yyjson_mut_doc_free(doc);
    return text;
}
