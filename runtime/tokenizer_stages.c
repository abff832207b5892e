/* tokenizer_stages.c: Hugging Face's decoders as a chain of stages that never see the whole. Between stages flow
 * pieces of text, always whole characters, and cuts where a token ends; a stage keeps back only what a later token
 * may still change. Joined, the output is what decoding everything at once gives. Nothing is allocated after
 * opening. One thread at a time. */
#include "runtime/tokenizer_stages.h"

#include <stdlib.h>
#include <string.h>

enum {
    BYTE_RUN_MAX = 4096, /* byte tokens in a row whose validity is judged together, as HF does; longer runs are judged in parts */
    OUT_BYTES_MAX = 1 << 24,
};

static void pass_text(struct rt_stages *stages, size_t next, const char *text, size_t bytes);
static void pass_cut(struct rt_stages *stages, size_t next);

/* Rooms are computed in rt_stages_open so that everything fits. */
static void hold(struct rt_hold *hold, const char *text, size_t bytes)
{
    if (bytes > hold->room - hold->len)
        bytes = hold->room - hold->len;
    memcpy(hold->at + hold->len, text, bytes);
    hold->len += bytes;
}

static void drop_front(struct rt_hold *hold, size_t bytes)
{
    hold->len -= bytes;
    memmove(hold->at, hold->at + bytes, hold->len);
}

/* --- no decoder --- */

static void separate_text(struct rt_stages *stages, size_t i, const char *text, size_t bytes)
{
    if (stages->at[i].tokens)
        pass_text(stages, i + 1, " ", 1);
    pass_text(stages, i + 1, text, bytes);
}

static void count_cut(struct rt_stages *stages, size_t i)
{
    stages->at[i].tokens++;
    pass_cut(stages, i + 1);
}

/* --- Fuse --- */

static void fuse_text(struct rt_stages *stages, size_t i, const char *text, size_t bytes)
{
    pass_text(stages, i + 1, text, bytes);
}

static void fuse_cut(struct rt_stages *stages, size_t i)
{
    (void)stages, (void)i;
}

static void fuse_end(struct rt_stages *stages, size_t i)
{
    pass_cut(stages, i + 1);
}

/* --- ByteLevel: characters of the alphabet back to bytes, the bytes of all tokens to one text --- */

static void hold_token(struct rt_stages *stages, size_t i, const char *text, size_t bytes)
{
    hold(&stages->at[i].token, text, bytes);
}

static void add_byte(struct rt_stages *stages, size_t i, char byte)
{
    struct rt_hold *run = &stages->at[i].run;
    size_t length;
    hold(run, &byte, 1);
    while (run->len) {
        enum rt_utf8 kind = rt_utf8_check(run->at, run->len, &length);
        if (kind == RT_UTF8_SHORT)
            return;
        pass_text(stages, i + 1, kind == RT_UTF8_WHOLE ? run->at : RT_REPLACEMENT, kind == RT_UTF8_WHOLE ? length : 3);
        drop_front(run, length);
    }
}

static int in_alphabet(const struct rt_hold *token)
{
    uint32_t character;
    for (size_t at = 0; at < token->len;) {
        at += rt_utf8_read(token->at + at, token->len - at, &character);
        if (rt_char_to_byte(character) < 0)
            return 0;
    }
    return 1;
}

static void byte_level_cut(struct rt_stages *stages, size_t i)
{
    struct rt_hold *token = &stages->at[i].token;
    int mapped = in_alphabet(token);
    for (size_t at = 0; at < token->len;) {
        uint32_t character = (unsigned char)token->at[at];
        size_t length = mapped ? rt_utf8_read(token->at + at, token->len - at, &character) : 1;
        add_byte(stages, i, (char)(mapped ? rt_char_to_byte(character) : (int)character));
        at += length;
    }
    token->len = 0;
}

static void byte_level_end(struct rt_stages *stages, size_t i)
{
    if (stages->at[i].run.len)
        pass_text(stages, i + 1, RT_REPLACEMENT, 3);
    pass_cut(stages, i + 1);
}

/* --- ByteFallback: <0xE2> and the like; a run of them is a text if it is valid, else each is one U+FFFD --- */

static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* -1: an ordinary token. */
static int byte_token(const struct rt_hold *token)
{
    if (token->len != 6 || memcmp(token->at, "<0x", 3) || token->at[5] != '>')
        return -1;
    int high = hex_digit(token->at[3]), low = hex_digit(token->at[4]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

/* How many bytes from the start are whole characters. */
static size_t valid_bytes(const struct rt_hold *run, enum rt_utf8 *next)
{
    size_t at = 0, length;
    *next = RT_UTF8_WHOLE;
    while (at < run->len && (*next = rt_utf8_check(run->at + at, run->len - at, &length)) == RT_UTF8_WHOLE)
        at += length;
    return at;
}

/* full: the run goes on, so that an unfinished character at its end may wait. */
static void flush_run(struct rt_stages *stages, size_t i, int full)
{
    struct rt_hold *run = &stages->at[i].run;
    enum rt_utf8 next;
    size_t valid = valid_bytes(run, &next);
    if (valid == run->len || (full && next == RT_UTF8_SHORT)) {
        pass_text(stages, i + 1, run->at, valid);
        pass_cut(stages, i + 1);
        drop_front(run, valid);
        return;
    }
    for (; run->len; run->len--) {
        pass_text(stages, i + 1, RT_REPLACEMENT, 3);
        pass_cut(stages, i + 1);
    }
}

static void byte_fallback_cut(struct rt_stages *stages, size_t i)
{
    struct rt_stage *stage = &stages->at[i];
    int byte = byte_token(&stage->token);
    if (byte >= 0) {
        if (stage->run.len == stage->run.room)
            flush_run(stages, i, 1);
        hold(&stage->run, &(char){(char)byte}, 1);
    } else {
        if (stage->run.len)
            flush_run(stages, i, 0);
        pass_text(stages, i + 1, stage->token.at, stage->token.len);
        pass_cut(stages, i + 1);
    }
    stage->token.len = 0;
}

static void byte_fallback_end(struct rt_stages *stages, size_t i)
{
    if (stages->at[i].run.len)
        flush_run(stages, i, 0);
}

/* --- Metaspace: its character becomes a space, or nothing in the first token --- */

static void metaspace_text(struct rt_stages *stages, size_t i, const char *text, size_t bytes)
{
    const struct rt_stage *stage = &stages->at[i];
    int drop = stage->part->drop_first && !stage->tokens;
    size_t needle = stage->part->text_bytes;
    for (const char *end = text + bytes; text < end;) {
        const char *found = memmem(text, (size_t)(end - text), stage->part->text, needle);
        pass_text(stages, i + 1, text, (size_t)((found ? found : end) - text));
        if (found && !drop)
            pass_text(stages, i + 1, " ", 1);
        text = found ? found + needle : end;
    }
}

/* --- Strip: up to `start` characters at a token's start and `stop` at its end --- */

static int is_part_text(const struct rt_decode_part *part, const char *text, size_t bytes)
{
    return bytes == part->text_bytes && !memcmp(text, part->text, bytes);
}

static void strip_character(struct rt_stages *stages, size_t i, const char *character, size_t bytes)
{
    struct rt_stage *stage = &stages->at[i];
    int same = is_part_text(stage->part, character, bytes);
    if (same && !stage->inside && stage->stripped < stage->part->start) {
        stage->stripped++;
        return;
    }
    stage->inside = 1;
    if (same && stage->held < stage->part->stop) {
        stage->held++;
        return;
    }
    for (; !same && stage->held; stage->held--)
        pass_text(stages, i + 1, stage->part->text, stage->part->text_bytes);
    pass_text(stages, i + 1, character, bytes);
}

static void strip_text(struct rt_stages *stages, size_t i, const char *text, size_t bytes)
{
    for (size_t at = 0, length; at < bytes; at += length) {
        uint32_t character;
        length = rt_utf8_read(text + at, bytes - at, &character);
        strip_character(stages, i, text + at, length);
    }
}

static void strip_cut(struct rt_stages *stages, size_t i)
{
    struct rt_stage *stage = &stages->at[i];
    stage->stripped = stage->held = 0;
    stage->inside = 0;
    pass_cut(stages, i + 1);
}

/* --- Replace: a string by another, within a token --- */

static void replace_text(struct rt_stages *stages, size_t i, const char *text, size_t bytes)
{
    struct rt_hold *begun = &stages->at[i].token;
    const struct rt_decode_part *part = stages->at[i].part;
    uint32_t character;
    for (size_t at = 0, length; at < bytes; at += length) {
        length = rt_utf8_read(text + at, bytes - at, &character);
        hold(begun, text + at, length);
        while (begun->len && (begun->len > part->text_bytes || memcmp(begun->at, part->text, begun->len))) {
            size_t first = rt_utf8_read(begun->at, begun->len, &character);
            pass_text(stages, i + 1, begun->at, first);
            drop_front(begun, first);
        }
        if (begun->len == part->text_bytes) {
            pass_text(stages, i + 1, part->content, part->content_bytes);
            begun->len = 0;
        }
    }
}

static void replace_cut(struct rt_stages *stages, size_t i)
{
    struct rt_hold *begun = &stages->at[i].token;
    pass_text(stages, i + 1, begun->at, begun->len);
    begun->len = 0;
    pass_cut(stages, i + 1);
}

/* --- the chain --- */

static const struct {
    void (*text)(struct rt_stages *stages, size_t i, const char *text, size_t bytes);
    void (*cut)(struct rt_stages *stages, size_t i);
    void (*end)(struct rt_stages *stages, size_t i); /* NULL: nothing is kept between tokens */
} kinds[] = {
    [RT_STAGE_SEPARATE] = {separate_text, count_cut, NULL},
    [RT_STAGE_BYTE_LEVEL] = {hold_token, byte_level_cut, byte_level_end},
    [RT_STAGE_BYTE_FALLBACK] = {hold_token, byte_fallback_cut, byte_fallback_end},
    [RT_STAGE_METASPACE] = {metaspace_text, count_cut, NULL},
    [RT_STAGE_FUSE] = {fuse_text, fuse_cut, fuse_end},
    [RT_STAGE_STRIP] = {strip_text, strip_cut, NULL},
    [RT_STAGE_REPLACE] = {replace_text, replace_cut, NULL},
};

static void pass_text(struct rt_stages *stages, size_t next, const char *text, size_t bytes)
{
    if (next == stages->count)
        hold(&stages->out, text, bytes);
    else
        kinds[stages->at[next].part->kind].text(stages, next, text, bytes);
}

static void pass_cut(struct rt_stages *stages, size_t next)
{
    if (next < stages->count)
        kinds[stages->at[next].part->kind].cut(stages, next);
}

void rt_stages_token(struct rt_stages *stages, const char *text, size_t bytes)
{
    pass_text(stages, 0, text, bytes);
    pass_cut(stages, 0);
}

void rt_stages_end(struct rt_stages *stages)
{
    for (size_t i = 0; i < stages->count; i++)
        if (kinds[stages->at[i].part->kind].end)
            kinds[stages->at[i].part->kind].end(stages, i);
}

static int open_hold(struct rt_hold *hold, size_t room, struct rt_error *error)
{
    hold->room = room;
    hold->at = malloc(room + 1);
    return hold->at ? 0 : rt_fail(error, RT_EXIT_RESOURCES, "no memory to decode tokens");
}

/* Sets the stage up for at most *most bytes at a time, and *most to what it may give on at a time. */
static int open_stage(struct rt_stage *stage, const struct rt_decode_part *part, size_t *most, struct rt_error *error)
{
    size_t token = 0, run = 0, in = *most;
    stage->part = part;
    switch (part->kind) {
    case RT_STAGE_SEPARATE: *most = in + 1; break;
    case RT_STAGE_BYTE_LEVEL: token = in, run = 4, *most = (in + run) * 3; break;
    case RT_STAGE_BYTE_FALLBACK: token = in, run = BYTE_RUN_MAX, *most = in + run * 3; break;
    case RT_STAGE_METASPACE:
    case RT_STAGE_FUSE: break;
    case RT_STAGE_STRIP: *most = in + part->stop * part->text_bytes; break;
    case RT_STAGE_REPLACE: token = part->text_bytes + 4, *most = (in + token) * (1 + part->content_bytes); break;
    }
    if (*most > OUT_BYTES_MAX)
        return rt_fail(error, RT_EXIT_UNSUPPORTED, "a decoder that makes more than %d bytes of one token", OUT_BYTES_MAX);
    return open_hold(&stage->token, token, error) || open_hold(&stage->run, run, error) ? -1 : 0;
}

int rt_stages_open(struct rt_stages *stages, const struct rt_decode_parts *parts, size_t longest, struct rt_error *error)
{
    size_t most = longest;
    for (size_t i = 0; i < parts->count; i++) {
        stages->count++;
        if (open_stage(&stages->at[i], &parts->at[i], &most, error))
            return -1;
    }
    return open_hold(&stages->out, most, error);
}

void rt_stages_free(struct rt_stages *stages)
{
    for (size_t i = 0; i < stages->count; i++) {
        free(stages->at[i].token.at);
        free(stages->at[i].run.at);
    }
    free(stages->out.at);
}
