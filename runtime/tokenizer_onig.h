/* tokenizer_onig.h: regular expressions of tokenizer.json are in Oniguruma's spelling (Hugging Face matches with
 * it); this rewrites them for PCRE2, or refuses what the two read differently. Private to the tokenizer. Any
 * thread. */
#ifndef CLOISTER_TOKENIZER_ONIG_H
#define CLOISTER_TOKENIZER_ONIG_H

#include "runtime/tokenizer_parts.h"

/* Appends to *pcre. RT_EXIT_UNSUPPORTED names the construct. */
RT_MUST_CHECK int rt_onig_translate(const char *regex, size_t bytes, struct rt_text *pcre, struct rt_error *error);

#endif
