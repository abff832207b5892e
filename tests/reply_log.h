/* reply_log.h: replies taken apart and written down as one text, for test_reply and fuzz_reply: "R(reasoning)C(content)T0:name(arguments)",
 * neighbours of one kind joined. */
#ifndef CLOISTER_REPLY_LOG_H
#define CLOISTER_REPLY_LOG_H

#include "runtime/reply.h"

enum { REPLY_SPECIALS = 8 };

struct reply_way { /* a model's way of marking things */
    const char *chat_template, *specials[REPLY_SPECIALS];
};
extern const struct reply_way reply_ways[];
extern const size_t reply_way_count;
const struct reply_way *reply_way(const char *chat_template);

struct reply_log {
    char *text;
    size_t bytes, room;
    char kind; /* of the last piece; 0: none */
    size_t calls, content_bytes, reasoning_bytes;
    size_t broken; /* calls whose arguments are no JSON object */
};
RT_MUST_CHECK int reply_log_take(void *log, const struct rt_reply_piece *piece, struct rt_error *error); /* rt_reply_terms.take */
RT_MUST_CHECK int reply_log_end(struct reply_log *log, struct rt_error *error);
void reply_log_close(struct reply_log *log);

struct reply_bench { /* what a reply needs */
    const struct reply_way *way;
    struct rt_tokenizer *tokenizer;
    struct rt_reply_form *form;
    yyjson_doc *tools; /* NULL: none are offered */
};
RT_MUST_CHECK int reply_bench_open(struct reply_bench *bench, const struct reply_way *way, const char *tools, struct rt_error *error);
void reply_bench_close(struct reply_bench *bench);

/* Feeds the text, special tokens spelled out in it by their own door, the rest in stretches whose lengths, at least 1, next() gives. prefix: of a rule that
 * comes first; NULL: none. */
RT_MUST_CHECK int reply_bench_run(const struct reply_bench *bench, const struct rt_reply_rule *prefix, const char *text, size_t bytes,
                                  int opened, size_t (*next)(void *user), void *user, struct reply_log *log, struct rt_error *error);

#endif
