/* fuzz_template.c: hostile templates with hostile conversations. The input is a template and, behind a zero byte each, the
 * messages. Whatever comes out must be 0-terminated, marked byte by byte, and gone in bounded time. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/scope.h"
#include "runtime/template.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MESSAGES = 4 };

static void render(const struct rt_template *opened, const struct rt_message *messages, size_t count)
{
    const struct rt_template_input input = {messages, count, (int)(count & 1), "<s>", "</s>"};
    struct rt_error error;
    RT_FREE char *out = NULL;
    RT_FREE uint8_t *foreign = NULL;
    size_t bytes;
    if (rt_template_render_marked(opened, &input, &out, &foreign, &bytes, &error))
        return;
    if (out[bytes] || (bytes && foreign[0] > 1) || (bytes && foreign[bytes - 1] > 1))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    RT_FREE char *text = calloc(1, size + 1);
    RT_CLEAN(rt_template_close) struct rt_template *opened = NULL;
    struct rt_message messages[MESSAGES];
    struct rt_error error;
    size_t count = 0;
    if (!text)
        return 0;
    if (size)
        memcpy(text, data, size);
    const size_t template_bytes = strlen(text);
    for (size_t at = template_bytes; at < size && count < MESSAGES; at += 1 + strlen(text + at + 1), count++)
        messages[count] = (struct rt_message){count % 2 ? "assistant" : "user", text + at + 1};
    if (!rt_template_open(&opened, text, template_bytes, &error))
        render(opened, messages, count);
    return 0;
}
