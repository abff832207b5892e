/* vocabulary.c: writes a tokenizer.json and opens it. */
#include "tests/vocabulary.h"

#include <yyjson.h>

#include "runtime/scope.h"
#include "runtime/tokenizer_parts.h"

static int add(yyjson_mut_doc *doc, yyjson_mut_val *vocab, const char *bytes, size_t count, uint64_t id, struct rt_error *error)
{
    struct rt_text text = {0};
    if (rt_text_append_byte_level(&text, bytes, count, error))
        return -1;
    yyjson_mut_obj_add(vocab, yyjson_mut_strncpy(doc, text.at, text.len), yyjson_mut_uint(doc, id));
    free(text.at);
    return 0;
}

static int add_all(yyjson_mut_doc *doc, yyjson_mut_val *vocab, const struct vocabulary_piece *pieces, size_t count, struct rt_error *error)
{
    int failed = 0;
    for (unsigned byte = 0; byte < 256 && !failed; byte++)
        failed = add(doc, vocab, &(char){(char)byte}, 1, byte, error);
    for (size_t i = 0; i < count && !failed; i++)
        failed = add(doc, vocab, pieces[i].bytes, pieces[i].count, 256 + i, error);
    return failed;
}

int vocabulary_open(struct rt_tokenizer **out, const struct vocabulary_piece *pieces, size_t count, struct rt_error *error)
{
    static const char frame[] =
        "{\"added_tokens\":[{\"id\":0,\"content\":\"<|end|>\",\"special\":true}],\"model\":{\"type\":\"BPE\",\"vocab\":{},"
        "\"merges\":[]},\"decoder\":{\"type\":\"ByteLevel\"}}";
    yyjson_doc *parsed = yyjson_read(frame, sizeof frame - 1, 0);
    yyjson_mut_doc *doc = yyjson_doc_mut_copy(parsed, NULL);
    yyjson_mut_val *root = yyjson_mut_doc_get_root(doc), *added = yyjson_mut_arr_get_first(yyjson_mut_obj_get(root, "added_tokens"));
    yyjson_mut_set_uint(yyjson_mut_obj_get(added, "id"), 256 + count);
    size_t bytes = 0;
    int failed = add_all(doc, yyjson_mut_obj_get(yyjson_mut_obj_get(root, "model"), "vocab"), pieces, count, error);
    RT_FREE char *text = yyjson_mut_write(doc, 0, &bytes);
    if (!failed)
        failed = text ? rt_tokenizer_open(out, text, bytes, NULL, 0, error) : rt_fail(error, RT_EXIT_RESOURCES, "no memory");
    yyjson_mut_doc_free(doc);
    yyjson_doc_free(parsed);
    return failed;
}
