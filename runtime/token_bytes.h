/* token_bytes.h: the vocabulary as two tries over the bytes of its tokens; private to constraints. Read-only once open; any thread. */
#ifndef CLOISTER_TOKEN_BYTES_H
#define CLOISTER_TOKEN_BYTES_H

#include "runtime/grammar.h"

enum {
    RT_PIECE_MAX = 255, /* bytes of a token; longer ones are in no trie */
    RT_RUN_MAX = 32,    /* up to so many characters there is a mask for each length */
};

struct rt_trie_node { /* in preorder */
    uint32_t end;     /* the first node that is not below this one */
    uint32_t first;   /* ids[first … first + count): tokens that end here */
    uint16_t count;
    uint8_t byte;
    uint8_t depth; /* from 1 on */
};

struct rt_trie {
    struct rt_trie_node *nodes;
    uint32_t *ids;
    uint32_t node_count, id_count;
};

struct rt_long_token {
    uint32_t id, characters;
};

struct rt_token_bytes {
    uint32_t size;        /* ids are below it */
    uint32_t words;       /* of a mask */
    uint32_t longest;     /* bytes of a token, and at least RT_EMPTY_TIMES */
    struct rt_trie plain; /* tokens that are plain characters (grammar_parts.h), the last of which may be unfinished */
    struct rt_trie rest;
    uint32_t *runs; /* [RT_RUN_MAX + 1][words]: plain tokens of at most so many characters */
    struct rt_long_token *longer;
    uint32_t longer_count;
    size_t dropped_spaces; /* of rt_tokenizer_dropped_spaces */
    uint8_t *pool;
    uint32_t *starts; /* [size + 1]: where in the pool an id's bytes are; none: in no trie */
};

#endif
