/* tokenizer_stages.h: the decoder at work: tokens go in one by one, text comes out as soon as no later token can
 * change it. Private to the tokenizer. One thread at a time. */
#ifndef CLOISTER_TOKENIZER_STAGES_H
#define CLOISTER_TOKENIZER_STAGES_H

#include "runtime/tokenizer_parts.h"

struct rt_hold { /* bytes that wait; its room is set when the stage is opened */
    char *at;
    size_t len, room;
};

struct rt_stage {
    const struct rt_decode_part *part;
    struct rt_hold token; /* the token so far; Replace: the beginning of a match */
    struct rt_hold run;   /* ByteFallback: byte tokens in a row; ByteLevel: an unfinished character */
    size_t tokens;        /* that have ended */
    size_t stripped;      /* Strip: characters dropped at the token's start */
    size_t held;          /* Strip: characters at its end that may be dropped */
    int inside;           /* Strip: past the start */
};

struct rt_stages {
    struct rt_stage at[RT_PARTS_MAX];
    size_t count;
    struct rt_hold out; /* emptied by the caller before each token */
};

/* Allocates all that will ever be needed for tokens of up to `longest` bytes. */
RT_MUST_CHECK int rt_stages_open(struct rt_stages *stages, const struct rt_decode_parts *parts, size_t longest, struct rt_error *error);
void rt_stages_free(struct rt_stages *stages);
void rt_stages_token(struct rt_stages *stages, const char *text, size_t bytes);
void rt_stages_end(struct rt_stages *stages);

#endif
