/* texts_pack.h: the files of a bundle beside the weights: tokenizer, its configuration, the chat template, generation.json. One thread. */
#ifndef CLOISTER_PACK_TEXTS_PACK_H
#define CLOISTER_PACK_TEXTS_PACK_H

#include <yyjson.h>

#include "runtime/error.h"
#include "runtime/manifest.h"

enum { PK_TEXTS_MAX = 4, PK_WARNINGS_MAX = 4 };

struct pk_text {
    const char *name; /* in the bundle */
    enum rt_role role;
    char *text;
    size_t bytes;
};

struct pk_texts { /* zeroed before use */
    struct pk_text list[PK_TEXTS_MAX];
    size_t count;
    char warnings[PK_WARNINGS_MAX][1100]; /* for the user: it packs, but … */
    size_t warning_count;
};

/* Reads them from the model directory and tries them out: a tokenizer that the runtime cannot open is refused (RT_EXIT_UNSUPPORTED), a chat
 * template that it cannot parse is a warning. config is config.json's root. */
RT_MUST_CHECK int pk_texts_open(struct pk_texts *out, int directory, yyjson_val *config, uint32_t vocab, struct rt_error *error);
void pk_texts_close(struct pk_texts *texts);

#endif
