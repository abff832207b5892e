/* chat.c: the conversation. Each turn is rendered and encoded anew, as transformers would, and only what the cache does not hold yet is
 * computed: where the new tokens do not continue the cached ones, a fresh sequence takes over. The answer is the same either way. */
#include "runtime/chat.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/console.h"
#include "runtime/generate.h"
#include "runtime/prompt.h"
#include "runtime/scope.h"

enum { MESSAGES_MAX = 4096, LINE_MAX_BYTES = 1 << 20 };

struct chat {
    struct rt_site *site;
    const struct rt_chat_settings *settings;
    struct rt_sequence *sequence;
    struct rt_tokens known;                   /* what was fed and answered; the sequence's cache holds a beginning of it */
    struct rt_message messages[MESSAGES_MAX]; /* contents are this struct's */
    size_t message_count;
    int is_terminal;
};

static void forget_messages(struct chat *chat, size_t keep)
{
    while (chat->message_count > keep)
        free((char *)chat->messages[--chat->message_count].content);
}

static void close_chat(struct chat **address)
{
    struct chat *chat = *address;
    if (!chat)
        return;
    forget_messages(chat, 0);
    if (chat->sequence)
        rt_sequence_close(chat->site->engine, &chat->sequence);
    free(chat->known.ids);
    free(chat);
}

static int add_message(struct chat *chat, const char *role, const char *text, size_t bytes, struct rt_error *error)
{
    char *content = strndup(text, bytes);
    if (!content)
        return rt_fail(error, RT_EXIT_RESOURCES, "no memory for the conversation");
    chat->messages[chat->message_count++] = (struct rt_message){role, content};
    return 0;
}

/* ---- what the cache holds ---- */

/* How many of the new tokens the sequence holds already; it is a fresh one if that is none. The repeat penalty looks at every token of
 * the sequence, and the sampler sees those that are fed: nothing is reused then. */
static int reuse_sequence(struct chat *chat, const struct rt_tokens *tokens, uint32_t *held, struct rt_error *error)
{
    *held = chat->sequence ? rt_sequence_length(chat->sequence) : 0;
    const int continues = *held && chat->settings->sampling.repeat_penalty == 1 && *held <= chat->known.count && *held < tokens->count &&
                          !memcmp(chat->known.ids, tokens->ids, *held * sizeof *tokens->ids);
    if (continues)
        return 0;
    *held = 0;
    if (chat->sequence)
        rt_sequence_close(chat->site->engine, &chat->sequence);
    chat->sequence = rt_sequence_open(chat->site->engine);
    return chat->sequence ? 0 : rt_fail(error, RT_EXIT_RESOURCES, "no sequence is left for the conversation");
}

static int remember(struct chat *chat, const struct rt_tokens *prompt, const struct rt_tokens *answer, struct rt_error *error)
{
    const size_t count = prompt->count + answer->count;
    uint32_t *ids = realloc(chat->known.ids, (count + 1) * sizeof *ids);
    if (!ids)
        return rt_fail(error, RT_EXIT_RESOURCES, "no memory for the conversation");
    memcpy(ids, prompt->ids, prompt->count * sizeof *ids);
    if (answer->count)
        memcpy(ids + prompt->count, answer->ids, answer->count * sizeof *ids);
    chat->known = (struct rt_tokens){ids, count, count + 1};
    return 0;
}

/* ---- one turn ---- */

static void say_context_full(const struct chat *chat)
{
    fprintf(stderr, "(the context of %u tokens is full; /new starts a fresh conversation)\n", (unsigned)chat->site->context);
}

static int answer(struct chat *chat, const struct rt_tokens *prompt, struct rt_result *result, struct rt_error *error)
{
    const uint32_t room = chat->site->context - (uint32_t)prompt->count, wanted = chat->settings->max_new;
    uint32_t held;
    if (reuse_sequence(chat, prompt, &held, error))
        return -1;
    const struct rt_request request = {
        .prompt = prompt->ids + held,
        .prompt_count = (uint32_t)prompt->count - held,
        .max_new = wanted < room ? wanted : room,
        .sampling = chat->settings->sampling,
        .stops = chat->settings->stops.items,
        .stop_count = chat->settings->stops.count,
        .emit = rt_console_emit,
        .cancelled = rt_console_cancelled,
    };
    rt_console_interrupted();
    if (rt_generate(chat->site, chat->sequence, &request, result, error))
        return -1;
    rt_console_interrupted(); /* it was meant for this answer */
    putchar('\n');
    if (fflush(stdout))
        return rt_fail(error, RT_EXIT_FAILED, "standard output: %s", strerror(errno));
    rt_console_timing(result);
    if (result->finish == RT_FINISH_LENGTH && request.max_new == room)
        say_context_full(chat);
    return 0;
}

static int take_turn(struct chat *chat, const char *line, size_t bytes, struct rt_error *error)
{
    RT_CLEAN(rt_tokens_close) struct rt_tokens prompt = {0};
    RT_CLEAN(rt_result_close) struct rt_result result = {0};
    if (add_message(chat, "user", line, bytes, error) ||
        rt_prompt_render_messages(chat->site->chat_template, chat->site->tokenizer, chat->messages, chat->message_count, &prompt, error))
        return -1;
    if (prompt.count >= chat->site->context || chat->message_count + 2 > MESSAGES_MAX) {
        forget_messages(chat, chat->message_count - 1);
        say_context_full(chat);
        return 0;
    }
    if (answer(chat, &prompt, &result, error) || remember(chat, &prompt, &result.tokens, error))
        return -1;
    return add_message(chat, "assistant", result.text, result.text_bytes, error);
}

/* ---- the prompt ---- */

enum reading { READ_LINE, READ_INTERRUPTED, READ_END };

static enum reading read_line(const struct chat *chat, char **line, size_t *room, size_t *bytes)
{
    if (chat->is_terminal) {
        fputs("> ", stdout);
        fflush(stdout);
    }
    const int was_interrupted = chat->is_terminal && rt_console_wait();
    const ssize_t count = was_interrupted ? -1 : getline(line, room, stdin);
    if (count < 0) {
        if (chat->is_terminal)
            putchar('\n');
        return was_interrupted ? READ_INTERRUPTED : READ_END;
    }
    *bytes = (size_t)count;
    while (*bytes && ((*line)[*bytes - 1] == '\n' || (*line)[*bytes - 1] == '\r'))
        --*bytes;
    (*line)[*bytes] = 0;
    return READ_LINE;
}

static void start_anew(struct chat *chat)
{
    forget_messages(chat, 0);
    if (chat->is_terminal)
        fputs("(a fresh conversation)\n", stderr);
}

static int converse(struct chat *chat, struct rt_error *error)
{
    RT_FREE char *line = NULL;
    size_t room = 0, bytes = 0;
    for (int interrupts = 0;;) {
        const enum reading reading = read_line(chat, &line, &room, &bytes);
        if (reading == READ_END || (reading == READ_INTERRUPTED && ++interrupts == 2))
            return 0;
        if (reading == READ_INTERRUPTED) {
            fputs("(Ctrl-C again or Ctrl-D ends the program)\n", stderr);
            continue;
        }
        interrupts = 0;
        if (!strcmp(line, "/quit"))
            return 0;
        if (!strcmp(line, "/new"))
            start_anew(chat);
        else if (bytes > LINE_MAX_BYTES)
            fputs("(a line longer than 1 MiB is not taken)\n", stderr);
        else if (bytes && take_turn(chat, line, bytes, error))
            return -1;
    }
}

int rt_chat(struct rt_site *site, const struct rt_chat_settings *settings, struct rt_error *error)
{
    RT_CLEAN(close_chat) struct chat *chat = calloc(1, sizeof *chat);
    if (!chat)
        return rt_fail(error, RT_EXIT_RESOURCES, "no memory for the conversation");
    chat->site = site;
    chat->settings = settings;
    chat->is_terminal = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
    if (rt_console_catch_interrupts(error))
        return -1;
    if (chat->is_terminal)
        fputs("(/new starts a fresh conversation, /quit or Ctrl-D ends, Ctrl-C stops an answer)\n", stderr);
    return converse(chat, error);
}
