/* fuzz_template.c: hostile templates with hostile conversations. The input is a template, a zero byte, and JSON: an object of messages,
 * tools, documents and variables, or nothing. Whatever comes out must be 0-terminated, marked byte by byte, and gone in bounded time. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/scope.h"
#include "runtime/template.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static yyjson_val *find(yyjson_val *root, const char *name, yyjson_type type)
{
    yyjson_val *found = yyjson_obj_get(root, name);
    return yyjson_get_type(found) == type ? found : NULL;
}

static void render(const struct rt_template *opened, yyjson_val *root, int64_t now)
{
    const struct rt_template_input input = {
        .messages = find(root, "messages", YYJSON_TYPE_ARR),
        .tools = find(root, "tools", YYJSON_TYPE_ARR),
        .documents = find(root, "documents", YYJSON_TYPE_ARR),
        .variables = find(root, "variables", YYJSON_TYPE_OBJ),
        .add_generation_prompt = (int)(now & 1),
        .bos_token = "<s>",
        .eos_token = "</s>",
        .now = now % 3 ? now : RT_NO_DATE,
    };
    struct rt_error error;
    RT_FREE char *out = NULL;
    RT_FREE uint8_t *foreign = NULL;
    size_t bytes;
    if (rt_template_render_marked(opened, &input, &out, &foreign, &bytes, &error))
        return;
    if (out[bytes])
        abort();
    for (size_t i = 0; i < bytes; i++)
        if (foreign[i] > 1)
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    RT_FREE char *text = calloc(1, size + 1);
    RT_CLEAN(rt_template_close) struct rt_template *opened = NULL;
    struct rt_error error;
    if (!text)
        return 0;
    if (size)
        memcpy(text, data, size);
    const size_t template_bytes = strlen(text);
    yyjson_doc *document = template_bytes < size ? yyjson_read(text + template_bytes + 1, size - template_bytes - 1, 0) : NULL;
    if (!rt_template_open(&opened, text, template_bytes, &error))
        render(opened, yyjson_doc_get_root(document), (int64_t)size * 1000003);
    yyjson_doc_free(document);
    return 0;
}
