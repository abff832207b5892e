/* prompt.c: renders a conversation and encodes it so that nobody can write a control token into a message.
 *
 * Only the bytes that the template itself wrote may hold special tokens. A text without any other occurrence is encoded in one piece,
 * as Hugging Face encodes it. Where a message does hold one, the text is cut at the template's own special tokens, which is where the
 * tokenizer cuts it as well, and what lies between them is encoded as plain text. */
#include "runtime/prompt.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/scope.h"

/* ---- the special tokens, by first byte, longer ones first ---- */

struct special {
    const char *text;
    size_t bytes;
};

struct specials {
    struct special *items;
    size_t first[257]; /* items[first[c]] … items[first[c + 1] - 1] begin with byte c */
};

static int compare_specials(const void *a, const void *b)
{
    const struct special *one = a, *other = b;
    const unsigned char c = (unsigned char)one->text[0], d = (unsigned char)other->text[0];
    if (c != d)
        return c < d ? -1 : 1;
    return (one->bytes < other->bytes) - (one->bytes > other->bytes);
}

static size_t collect(const struct rt_tokenizer *tokenizer, struct special *items)
{
    size_t count = 0;
    for (size_t id = 0; id < rt_tokenizer_size(tokenizer); id++) {
        size_t bytes = 0;
        const char *text = rt_tokenizer_special(tokenizer, (uint32_t)id) ? rt_tokenizer_text(tokenizer, (uint32_t)id, &bytes) : NULL;
        if (!text || !bytes)
            continue;
        if (items)
            items[count] = (struct special){text, bytes};
        count++;
    }
    return count;
}

static int find_specials(const struct rt_tokenizer *tokenizer, struct specials *out, struct rt_error *error)
{
    const size_t count = collect(tokenizer, NULL);
    out->items = calloc(count + 1, sizeof *out->items);
    if (!out->items)
        return rt_fail(error, RT_EXIT_RESOURCES, "no memory for the prompt");
    collect(tokenizer, out->items);
    qsort(out->items, count, sizeof *out->items, compare_specials);
    for (size_t i = 0; i < count; i++)
        out->first[(unsigned char)out->items[i].text[0] + 1]++;
    for (size_t c = 0; c < 256; c++)
        out->first[c + 1] += out->first[c];
    return 0;
}

static void close_specials(struct specials *specials)
{
    free(specials->items);
}

/* ---- the text ---- */

struct rendered {
    const char *text;
    const uint8_t *foreign;
    size_t bytes;
};

/* Bytes of the longest special token at `at`, of those without a foreign byte if `own`; 0 for none. */
static size_t special_at(const struct specials *specials, const struct rendered *rendered, size_t at, int own)
{
    const unsigned char c = (unsigned char)rendered->text[at];
    for (size_t i = specials->first[c]; i < specials->first[c + 1]; i++) {
        const struct special *special = &specials->items[i];
        if (special->bytes <= rendered->bytes - at && !memcmp(special->text, rendered->text + at, special->bytes) &&
            !(own && memchr(rendered->foreign + at, 1, special->bytes)))
            return special->bytes;
    }
    return 0;
}

/* Counts the template's own special tokens up to the first foreign one; returns whether there is such a one. */
static int find_foreign_special(const struct specials *specials, const struct rendered *rendered, size_t *own)
{
    *own = 0;
    for (size_t at = 0; at < rendered->bytes;) {
        const size_t bytes = special_at(specials, rendered, at, 0);
        if (bytes && memchr(rendered->foreign + at, 1, bytes))
            return 1;
        *own += bytes != 0;
        at += bytes ? bytes : 1;
    }
    return 0;
}

static size_t count_special_ids(const struct rt_tokenizer *tokenizer, const struct rt_tokens *tokens, size_t from)
{
    size_t count = 0;
    for (size_t i = from; i < tokens->count; i++)
        count += rt_tokenizer_special(tokenizer, tokens->ids[i]) != 0;
    return count;
}

static int encode_between(const struct rt_tokenizer *tokenizer, const struct specials *specials, const struct rendered *rendered,
                          struct rt_tokens *out, struct rt_error *error)
{
    size_t plain = 0;
    for (size_t at = 0; at <= rendered->bytes;) {
        const size_t bytes = at < rendered->bytes ? special_at(specials, rendered, at, 1) : 0;
        if (!bytes && at < rendered->bytes) {
            at++;
            continue;
        }
        if (at > plain && rt_tokenizer_encode(tokenizer, rendered->text + plain, at - plain, 0, out, error))
            return -1;
        if (!bytes)
            break;
        if (rt_tokenizer_encode(tokenizer, rendered->text + at, bytes, RT_ENCODE_SPECIAL, out, error))
            return -1;
        plain = at += bytes;
    }
    return 0;
}

int rt_prompt_encode(const struct rt_tokenizer *tokenizer, const char *text, const uint8_t *foreign, size_t bytes, struct rt_tokens *out,
                     struct rt_error *error)
{
    const struct rendered rendered = {text, foreign, bytes};
    RT_CLEAN(close_specials) struct specials specials = {0};
    if (find_specials(tokenizer, &specials, error))
        return -1;
    const size_t before = out->count;
    size_t own;
    if (find_foreign_special(&specials, &rendered, &own))
        return encode_between(tokenizer, &specials, &rendered, out, error);
    if (rt_tokenizer_encode(tokenizer, text, bytes, RT_ENCODE_SPECIAL, out, error))
        return -1;
    if (count_special_ids(tokenizer, out, before) <= own)
        return 0;
    out->count = before; /* normalisation made one more out of a message */
    return encode_between(tokenizer, &specials, &rendered, out, error);
}

/* The text of a token for the template; "" where the tokenizer has none. Free it. */
static char *token_text(const struct rt_tokenizer *tokenizer, int id)
{
    size_t bytes = 0;
    const char *text = id < 0 ? NULL : rt_tokenizer_text(tokenizer, (uint32_t)id, &bytes);
    return strndup(text ? text : "", bytes);
}

int rt_prompt_render(const struct rt_template *chat_template, const struct rt_tokenizer *tokenizer, const struct rt_template_input *input,
                     struct rt_tokens *out, struct rt_error *error)
{
    RT_FREE char *bos = token_text(tokenizer, rt_tokenizer_bos(tokenizer));
    RT_FREE char *eos = token_text(tokenizer, rt_tokenizer_eos(tokenizer));
    RT_FREE char *text = NULL;
    RT_FREE uint8_t *foreign = NULL;
    struct rt_template_input complete = *input;
    size_t bytes;
    if (!bos || !eos)
        return rt_fail(error, RT_EXIT_RESOURCES, "no memory for the prompt");
    complete.bos_token = bos;
    complete.eos_token = eos;
    if (rt_template_render_marked(chat_template, &complete, &text, &foreign, &bytes, error))
        return -1;
    return rt_prompt_encode(tokenizer, text, foreign, bytes, out, error);
}

int rt_prompt_render_messages(const struct rt_template *chat_template, const struct rt_tokenizer *tokenizer,
                              const struct rt_message *messages, size_t count, struct rt_tokens *out, struct rt_error *error)
{
    yyjson_doc *document = rt_template_messages(messages, count);
    if (!document)
        return rt_fail(error, RT_EXIT_RESOURCES, "no memory for the prompt");
    const struct rt_template_input input = {.messages = yyjson_doc_get_root(document), .add_generation_prompt = 1, .now = RT_NO_DATE};
    const int status = rt_prompt_render(chat_template, tokenizer, &input, out, error);
    yyjson_doc_free(document);
    return status;
}
