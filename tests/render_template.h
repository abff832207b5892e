/* render_template.h: renders a template with the messages of a JSON text, for the tests of chat templates. */
#ifndef CLOISTER_RENDER_TEMPLATE_H
#define CLOISTER_RENDER_TEMPLATE_H

#include "tests/check.h"

#include <stdlib.h>
#include <yyjson.h>

#include "runtime/scope.h"
#include "runtime/template.h"

/* The rendered text, or NULL with *error filled. */
static inline char *render(const char *source, size_t bytes, const struct rt_template_input *input, struct rt_error *error)
{
    RT_CLEAN(rt_template_close) struct rt_template *opened = NULL;
    char *out = NULL;
    if (rt_template_open(&opened, source, bytes, error) || rt_template_render(opened, input, &out, &bytes, error))
        return NULL;
    CHECK(strlen(out) == bytes);
    return out;
}

/* With the messages of a JSON text. */
static inline char *render_json(const char *source, const char *messages, struct rt_error *error)
{
    yyjson_doc *document = yyjson_read(messages, strlen(messages), 0);
    const struct rt_template_input input = {yyjson_doc_get_root(document), .add_generation_prompt = 1, .bos_token = "<s>",
                                            .eos_token = "</s>", .now = RT_NO_DATE};
    char *out = render(source, strlen(source), &input, error);
    CHECK(document != NULL);
    yyjson_doc_free(document);
    return out;
}

static inline char *render_greeting(const char *source, struct rt_error *error)
{
    return render_json(source, "[{\"role\": \"user\", \"content\": \"Hi\"}]", error);
}

static inline void check_text(const char *source, const char *expected)
{
    struct rt_error error = {0};
    RT_FREE char *out = render_greeting(source, &error);
    CHECK_THAT(out && !strcmp(out, expected), "%.200s gives \"%.200s\" (%s)", source, out ? out : "nothing", error.text);
}

/* Refused when it is opened, or when it is rendered, with `why` in the message. */
static inline void check_refused(const char *source, enum rt_exit code, const char *why)
{
    struct rt_error error = {0};
    RT_FREE char *out = render_greeting(source, &error);
    CHECK_THAT(!out && error.code == code && strstr(error.text, why), "%.200s: %d %s", source, error.code, error.text);
}

#endif
