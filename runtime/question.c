/* question.c: see question.h. */
#include "runtime/question.h"

#include <string.h>

#include "runtime/input.h"
#include "runtime/prompt.h"

int rt_question_read(const struct rt_question *question, char **text, struct rt_error *error)
{
    size_t bytes;
    if (question->text) {
        *text = strdup(question->text);
        return *text ? 0 : rt_fail(error, RT_EXIT_RESOURCES, "no memory for the prompt");
    }
    if (rt_input_read(question->file, text, &bytes, error))
        return -1;
    if (strlen(*text) != bytes)
        return rt_fail(error, RT_EXIT_FAILED, "%s: the prompt holds a zero byte; give text", question->file);
    return 0;
}

int rt_question_possible(const struct rt_site *site, const char *bundle, int raw, struct rt_error *error)
{
    if (!site->tokenizer)
        return rt_fail(error, RT_EXIT_UNSUPPORTED, "%s: the bundle has no tokenizer", bundle);
    if (raw || site->chat_template)
        return 0;
    return rt_fail(error, site->template_error.code, "%s: %s; use --raw to give the text as it is", bundle, site->template_error.text);
}

int rt_question_encode(const struct rt_site *site, const char *text, int raw, struct rt_tokens *out, struct rt_error *error)
{
    if (raw)
        return rt_tokenizer_encode(site->tokenizer, text, strlen(text), RT_ENCODE_SPECIAL | RT_ENCODE_TEMPLATE, out, error);
    const struct rt_message message = {"user", text};
    return rt_prompt_render_messages(site->chat_template, site->tokenizer, &message, 1, out, error);
}
