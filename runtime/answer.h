/* answer.h: a request's choices under way, each a job of the scheduler: how they begin, how far they are, and how they end. Knows neither HTTP nor
 * JSON (answer_json.h says it to people). The server's thread. */
#ifndef CLOISTER_ANSWER_H
#define CLOISTER_ANSWER_H

#include "runtime/api_params.h"
#include "runtime/grammar.h"
#include "runtime/receipt_of.h"
#include "runtime/said.h"
#include "runtime/scheduler.h"

enum { RT_ANSWER_ID_BYTES = 48 };

enum rt_answer_kind { RT_ANSWER_CHAT, RT_ANSWER_COMPLETION, RT_ANSWER_VECTORS };

struct rt_answerer { /* who answers; outlives every answer */
    struct rt_site *site;
    struct rt_scheduler *scheduler;
    const char *model;    /* the name that is shown */
    char fingerprint[32]; /* of the bundle and the numerics: the same one means the same bits */
    int plain;            /* no token is guessed (rt_job_terms.speculate) */
    uint32_t queue;       /* the scheduler's; 0: as long as anybody likes */
};

struct rt_choice {
    struct rt_job *job; /* NULL before it is asked for, and once nobody waits for it */
    uint32_t prompt;    /* of the answer's prompts, the one that it answers */
    struct rt_receipt receipt;
    struct rt_said said; /* of a chat */
    /* Streaming: what the reader has, and how far it is in its frame. */
    size_t sent_text, sent_reasoning, sent_calls; /* sent_text: of a chat its content */
    uint32_t sent_tokens;
    int opened, closed;
};

struct rt_answer_prompt {
    struct rt_tokens tokens;
    char *echo; /* shown before the answer; NULL: nothing is */
    size_t echo_bytes;
};

struct rt_answer_terms { /* what is asked; rt_answer_terms_close frees */
    enum rt_answer_kind kind;
    struct rt_api_params params;
    yyjson_doc *request;        /* what the params point into; becomes theirs */
    struct rt_grammar *grammar; /* NULL: any text */
    yyjson_doc *conversation;   /* of a chat: what its template was given */
    struct rt_said_terms speech;
    struct rt_reply_rule rule; /* what speech.rule points to */
    enum rt_pool pool;         /* of vectors */
    int base64;
    struct rt_answer_prompt *prompts;
    size_t prompt_count;
    uint64_t owner, domain; /* as job.h has them */
};

struct rt_answer {
    const struct rt_answerer *by;
    struct rt_answer_terms terms;
    char id[RT_ANSWER_ID_BYTES];
    int64_t created;
    struct rt_choice *choices; /* terms.params.n for each prompt */
    size_t choice_count;
    size_t asked;           /* of the choices, those that the scheduler has; the others follow as there is room */
    uint64_t prompt_tokens; /* of all prompts */
    int ended;              /* streaming: all is said */
    int cancelled;          /* the choices have no jobs any more */
};

void rt_answer_terms_close(struct rt_answer_terms *terms);

/* Asks: the terms become the answer's. On failure nothing of it runs: 400 for a prompt without room, 429 where there is no room for the first
 * choice. */
RT_MUST_CHECK int rt_answer_open(struct rt_answer **out, const struct rt_answerer *by, struct rt_answer_terms *terms,
                                 struct rt_api_error *error);
/* Hands over more of its choices, where any are left; half of the queue is others'. To be called when the scheduler has got on. */
RT_MUST_CHECK int rt_answer_ask(struct rt_answer *answer, struct rt_api_error *error);
void rt_answer_close(struct rt_answer **answer);
/* Nobody waits for it any more. */
void rt_answer_cancel(struct rt_answer *answer);

/* Every choice is done, or one of them failed. */
int rt_answer_finished(const struct rt_answer *answer);
/* The job that failed, or NULL. */
const struct rt_job *rt_answer_failed(const struct rt_answer *answer);
/* There is more than the reader of a stream has. */
int rt_answer_has_news(const struct rt_answer *answer);

struct rt_answer_usage {
    uint64_t prompt_tokens, cached_tokens, answer_tokens;
};
struct rt_answer_usage rt_answer_usage(const struct rt_answer *answer);

#endif
