/* said.c: see said.h. */
#include "runtime/said.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static int no_memory(struct rt_error *error)
{
    return rt_fail(error, RT_EXIT_RESOURCES, "no memory for an answer");
}

static int choose_id(struct rt_said_call *call, struct rt_error *error)
{
    uint64_t random;
    if (getrandom(&random, sizeof random, 0) != sizeof random)
        return rt_fail(error, RT_EXIT_FAILED, "the system has no randomness for an id");
    snprintf(call->id, sizeof call->id, "call_%016llx", (unsigned long long)random);
    return 0;
}

/* A call comes whole. */
static int take_call(struct rt_said *said, const struct rt_reply_piece *piece, struct rt_error *error)
{
    struct rt_said_call *grown = realloc(said->calls, (said->call_count + 1) * sizeof *grown);
    if (!grown)
        return no_memory(error);
    said->calls = grown;
    struct rt_said_call *call = &said->calls[said->call_count++];
    *call = (struct rt_said_call){0};
    snprintf(call->name, sizeof call->name, "%s", piece->name);
    if (rt_bytes_add(&call->arguments, piece->text, piece->bytes))
        return no_memory(error);
    return choose_id(call, error);
}

static int take(void *user, const struct rt_reply_piece *piece, struct rt_error *error)
{
    struct rt_said *said = user;
    if (piece->kind == RT_REPLY_CALL)
        return take_call(said, piece, error);
    return rt_bytes_add(piece->kind == RT_REPLY_REASONING ? &said->reasoning : &said->content, piece->text, piece->bytes) ? no_memory(error)
                                                                                                                          : 0;
}

int rt_said_open(struct rt_said *said, const struct rt_site *site, const struct rt_said_terms *terms, struct rt_error *error)
{
    const struct rt_reply_terms reply = {
        .form = site->reply_form, .tools = terms->tools, .opened = terms->opened, .take = take, .user = said};
    if (rt_reply_open(&said->reply, &reply, error))
        return -1;
    return terms->rule ? rt_reply_feed_prefix(said->reply, terms->rule, error) : 0;
}

void rt_said_close(struct rt_said *said)
{
    rt_reply_close(&said->reply);
    rt_bytes_close(&said->content);
    rt_bytes_close(&said->reasoning);
    for (size_t i = 0; i < said->call_count; i++)
        rt_bytes_close(&said->calls[i].arguments);
    free(said->calls);
    *said = (struct rt_said){0};
}

static int feed_text(struct rt_said *said, const char *text, size_t end, struct rt_error *error)
{
    const size_t from = said->text;
    said->text = end;
    return rt_reply_feed(said->reply, text + from, end - from, error);
}

/* A token without text may be one that marks something. */
static int feed_special(struct rt_said *said, const struct rt_tokenizer *tokenizer, uint32_t id, struct rt_error *error)
{
    size_t bytes = 0;
    const char *text = rt_tokenizer_special(tokenizer, id) ? rt_tokenizer_text(tokenizer, id, &bytes) : NULL;
    return text ? rt_reply_special(said->reply, text, bytes, error) : 0;
}

int rt_said_hear(struct rt_said *said, const struct rt_site *site, const struct rt_job *job, int done, struct rt_error *error)
{
    const uint32_t count = rt_job_tokens(job);
    size_t shown;
    const char *text = rt_job_text(job, &shown);
    for (; said->tokens < count; said->tokens++) {
        const struct rt_completion_token token = rt_job_token(job, said->tokens);
        const size_t end = token.text_end < shown ? token.text_end : shown;
        if (end > said->text ? feed_text(said, text, end, error) : feed_special(said, site->tokenizer, token.id, error))
            return -1;
        if (token.text_end > shown && !done)
            return 0; /* the rest of its text is held back */
    }
    if (!done || said->ended)
        return 0;
    said->ended = 1;
    return feed_text(said, text, shown, error) || rt_reply_end(said->reply, error) ? -1 : 0;
}
