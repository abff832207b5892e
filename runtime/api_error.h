/* api_error.h: what is wrong with a request, said as the OpenAI API says it
 * (https://platform.openai.com/docs/guides/error-codes): a status and {"error":{"message","type","param","code"}}. Any thread. */
#ifndef CLOISTER_API_ERROR_H
#define CLOISTER_API_ERROR_H

#include <stddef.h>

#include "runtime/error.h"

struct rt_api_error {
    int status;           /* of HTTP */
    unsigned retry_after; /* seconds; 0: nothing is said */
    const char *code;     /* a literal, or NULL */
    char param[128];      /* the field at fault, "messages[0].content"; "" for none */
    char message[1024];
};

/* Fills *error and returns -1. code and param may be NULL. Control characters and halves of
 * characters in them become '?'. */
int rt_api_fail(struct rt_api_error *error, int status, const char *code, const char *param, const char *format, ...) RT_PRINTF(5, 6);
/* The same from what failed below: what the user asked for wrongly is 400, the rest is the server's fault. */
int rt_api_fail_below(struct rt_api_error *error, const char *param, const struct rt_error *below);

/* The object as JSON; free it. NULL without memory. */
char *rt_api_error_print(const struct rt_api_error *error, size_t *bytes);

#endif
