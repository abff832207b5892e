/* batch_file.h: the two files of a batch, in OpenAI's form (https://platform.openai.com/docs/guides/batch): a request a line, and an answer a line,
 * in the same order, but for those that an earlier run has left. What the second holds already is not asked again, so a batch that was cut off goes on where it was. Opened
 * before the seal, read and written behind it. One thread.
 *
 *   {"custom_id":"a","method":"POST","url":"/v1/chat/completions","body":{…}}
 *   {"id":"batch_req_…","custom_id":"a","response":{"status_code":200,"request_id":"…","body":{…}},"error":null} */
#ifndef CLOISTER_BATCH_FILE_H
#define CLOISTER_BATCH_FILE_H

#include <stdint.h>
#include <yyjson.h>

#include "runtime/error.h"

enum { RT_BATCH_LINE_MAX = 8 << 20 };

struct rt_batch_files; /* rt_batch_files_close closes */

/* The answers' file is made where it is missing, and locked: a second program that writes to it is refused. A last line without its end, which a
 * power cut may leave, is cut off. */
RT_MUST_CHECK int rt_batch_files_open(struct rt_batch_files **out, const char *requests, const char *answers, struct rt_error *error);
void rt_batch_files_close(struct rt_batch_files **files);

struct rt_batch_part { /* of the requests: the `nth` of `of` pieces that follow each other, counted from 1 */
    uint64_t nth, of;
};
struct rt_batch_counts {
    uint64_t lines, there, asked; /* requests of the part; those that have an answer already; the rest */
};
/* Reads both files once, so that a request which is none is known before anything is computed: RT_EXIT_USAGE names its line. */
RT_MUST_CHECK int rt_batch_files_check(struct rt_batch_files *files, struct rt_batch_part part, struct rt_batch_counts *counts,
                                       struct rt_error *error);

struct rt_batch_request { /* lives until the next call */
    const char *id, *url;
    yyjson_val *body;
};
/* The next one of the part without an answer: 1, or 0 at the end. After the check. */
RT_MUST_CHECK int rt_batch_next(struct rt_batch_files *files, struct rt_batch_request *out, struct rt_error *error);
/* Adds an answer; body is JSON. */
RT_MUST_CHECK int rt_batch_add(struct rt_batch_files *files, const char *id, int status, const char *request_id, const char *body,
                               size_t bytes, struct rt_error *error);

#endif
