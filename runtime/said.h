/* said.h: what one choice of a chat has said so far, taken apart (reply.h): content, reasoning and calls of tools. The server's thread. */
#ifndef CLOISTER_SAID_H
#define CLOISTER_SAID_H

#include "runtime/bytes.h"
#include "runtime/job.h"
#include "runtime/reply.h"

enum { RT_CALL_ID_BYTES = 32 };

struct rt_said_call {
    char id[RT_CALL_ID_BYTES], name[RT_REPLY_NAME_MAX + 1];
    struct rt_bytes arguments; /* a JSON object */
};

struct rt_said { /* {0} until it is opened; does not move while it is open */
    struct rt_reply *reply;
    struct rt_bytes content, reasoning;
    struct rt_said_call *calls;
    size_t call_count;
    uint32_t tokens; /* of the job, so many are taken in */
    size_t text;     /* and so many bytes of its text */
    int ended;
};

struct rt_said_terms {                /* how the choices of a chat may speak; what it points to is the answer's */
    yyjson_val *tools;                /* NULL: none are offered */
    int opened;                       /* the prompt has begun its reasoning */
    const struct rt_reply_rule *rule; /* what the prompt has begun to say for it, NULL: nothing */
};

RT_MUST_CHECK int rt_said_open(struct rt_said *said, const struct rt_site *site, const struct rt_said_terms *terms, struct rt_error *error);
void rt_said_close(struct rt_said *said);
/* Takes in what the job has shown since. done: it was RT_JOB_DONE before this call. */
RT_MUST_CHECK int rt_said_hear(struct rt_said *said, const struct rt_site *site, const struct rt_job *job, int done,
                               struct rt_error *error);

#endif
