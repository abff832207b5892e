/* constraint_parts.h: what the files of a constraint share; private to them. A place in a grammar is a set of configurations, each a node and the
 * stack of calls above it; stacks share their beginnings. Sets get numbers when they are first met, and remember where each class of bytes leads,
 * so that what comes up again costs a look into a table. Everything has its room when opened; when it is full, all but the present place is
 * forgotten. One thread. */
#ifndef CLOISTER_CONSTRAINT_PARTS_H
#define CLOISTER_CONSTRAINT_PARTS_H

#include "runtime/grammar_parts.h"
#include "runtime/token_bytes.h"

enum {
    RT_SET_MAX = 1024,    /* configurations in a set; what is more ambiguous than that is followed in part */
    RT_VISITS_MAX = 4096, /* steps without a byte, from one set to the next */
    RT_CONFIGS_MAX = 1 << 15,
    RT_FRAMES_MAX = 1 << 14,
    RT_PLACES_MAX = 4096,
    RT_ROWS_MAX = 1 << 18, /* transitions */
    RT_MASKS = 24,
};

enum { RT_PLACE_UNKNOWN, RT_PLACE_DEAD, RT_PLACE_FIRST }; /* 0 and 1 are no places */

#define RT_FRAME_CALL UINT32_MAX
#define RT_FRAME_ANY (UINT32_MAX - 1) /* rt_places_alike */
struct rt_frame {
    uint32_t node;   /* where it goes on, or the REPEAT */
    uint32_t count;  /* of finished repetitions; RT_FRAME_CALL: none */
    uint32_t parent; /* 0: the bottom */
    uint32_t depth;
};

struct rt_config {
    uint32_t node, frame;
};

struct rt_place {
    uint32_t first, count; /* in configs */
    uint32_t hash;
    int ends; /* the text may end here */
};

struct rt_visit {
    uint32_t node, frame, count, stamp;
};

struct rt_places {
    const struct rt_grammar *grammar;
    struct rt_frame *frames;   /* [RT_FRAMES_MAX]; parents before children */
    uint16_t *frame_slots;     /* [2 * RT_FRAMES_MAX] */
    uint16_t *moved;           /* [RT_FRAMES_MAX]: while forgetting */
    struct rt_config *configs; /* [RT_CONFIGS_MAX] */
    struct rt_place *places;   /* [place_max]; a place's number is its index */
    uint16_t *place_slots;     /* [2 * RT_PLACES_MAX] */
    uint16_t *rows;            /* [place_max][class_count]: the place after a byte */
    struct rt_visit *visits;   /* [2 * RT_VISITS_MAX] */
    struct rt_visit *pending;  /* [2 * RT_VISITS_MAX]; a stack */
    struct rt_config *set;     /* [RT_SET_MAX]: the set in the making */
    uint32_t frame_count, config_count, place_count, place_max, set_count, pending_count, visit_count, stamp;
    int ends;
};

RT_MUST_CHECK int rt_places_open(struct rt_places *places, const struct rt_grammar *grammar, struct rt_error *error);
void rt_places_free(struct rt_places *places);
/* The place at the start of the grammar; with new places only. */
uint32_t rt_places_start(struct rt_places *places);
/* RT_PLACE_DEAD: the byte may not come; RT_PLACE_UNKNOWN: no room. */
uint32_t rt_places_step(struct rt_places *places, uint32_t place, uint8_t byte);
/* A number that places have in common from which the same texts of up to so many (at least RT_EMPTY_TIMES) bytes may come; no place to step from. */
uint32_t rt_places_alike(struct rt_places *places, uint32_t place, uint32_t bytes);
/* Forgets all places but one, and returns its new number. */
uint32_t rt_places_forget(struct rt_places *places, uint32_t place);

/* The set that one configuration leads to by a byte, and that one beginning leads to without one: in places->set until the next call. There must
 * be room (rt_places_room). */
void rt_places_advance(struct rt_places *places, struct rt_config config, uint8_t byte);
void rt_places_enter(struct rt_places *places, uint32_t node, uint32_t frame);
int rt_places_room(const struct rt_places *places);

struct rt_mask {
    uint32_t place; /* of rt_places_alike; 0: none */
    uint64_t used;
};

struct rt_constraint {
    const struct rt_token_bytes *bytes;
    struct rt_places places;
    uint32_t place;
    uint32_t vocab, words, stop_count;
    uint32_t *stops;
    int first; /* no token has come */
    int ended;
    uint64_t clock;
    struct rt_mask masks[RT_MASKS];
    uint32_t *mask_words; /* [RT_MASKS][words] */
};

/* In a text's first token the decoder drops spaces: whether byte number `count` is one of them. */
int rt_constraint_drops(const struct rt_constraint *constraint, const uint8_t *bytes, uint32_t count);
/* Where byte number `count` of a token leads from the place that the bytes before it led to. */
uint32_t rt_constraint_step(struct rt_constraint *constraint, uint32_t place, const uint8_t *bytes, uint32_t count);
/* The mask of the present place (constraint_mask.c), valid until the next call. */
const uint32_t *rt_constraint_allowed(struct rt_constraint *constraint);
/* After rt_places_forget. */
void rt_constraint_forget(struct rt_constraint *constraint);

#endif
