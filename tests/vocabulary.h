/* vocabulary.h: small byte-level tokenizers for tests of grammars. */
#ifndef CLOISTER_VOCABULARY_H
#define CLOISTER_VOCABULARY_H

#include "runtime/tokenizer.h"

struct vocabulary_piece {
    const char *bytes;
    size_t count;
};

/* Ids 0 … 255 are the bytes, then come the pieces (which differ, and are longer), then the special token <|end|>. */
RT_MUST_CHECK int vocabulary_open(struct rt_tokenizer **out, const struct vocabulary_piece *pieces, size_t count, struct rt_error *error);

#endif
