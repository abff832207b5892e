/* token_text.c: see token_text.h. */
#include "runtime/token_text.h"

#include <string.h>

#include "runtime/scope.h"

/* A text's first token may lose a space that it has elsewhere: so the token is read behind itself. */
char *rt_token_text(const struct rt_tokenizer *tokenizer, uint32_t id, size_t *bytes)
{
    const uint32_t twice[] = {id, id};
    RT_FREE char *once = NULL;
    char *both = NULL;
    size_t once_bytes, both_bytes;
    struct rt_error ignored;
    if (rt_tokenizer_decode(tokenizer, twice, 1, 1, &once, &once_bytes, &ignored) ||
        rt_tokenizer_decode(tokenizer, twice, 2, 1, &both, &both_bytes, &ignored))
        return NULL;
    *bytes = both_bytes;
    if (both_bytes < once_bytes || memcmp(both, once, once_bytes))
        return both;
    *bytes -= once_bytes;
    memmove(both, both + once_bytes, *bytes + 1);
    return both;
}
