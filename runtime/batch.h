/* batch.h: answers the requests of a file, many at once, until none is left. The main thread; the scheduler has its own. */
#ifndef CLOISTER_BATCH_H
#define CLOISTER_BATCH_H

#include "runtime/batch_file.h"
#include "runtime/site.h"

struct rt_batch;

struct rt_batch_result {
    uint64_t answered, refused; /* refused: requests whose answer says what is wrong with them */
    uint64_t prompt_tokens, answer_tokens;
    double seconds;
};

/* Before the seal: what computes, a thread, waits. */
RT_MUST_CHECK int rt_batch_open(struct rt_batch **out, struct rt_error *error);
void rt_batch_close(struct rt_batch **batch);
/* After the check of the files; wanted: answers to come. quiet: no progress on stderr. */
RT_MUST_CHECK int rt_batch_run(struct rt_batch *batch, struct rt_site *site, struct rt_batch_files *files, uint32_t slots, uint64_t wanted,
                               int quiet, struct rt_batch_result *result, struct rt_error *error);

#endif
