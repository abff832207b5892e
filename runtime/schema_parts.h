/* schema_parts.h: what the files of JSON schemas share; private to them. A place in a schema is a list of schemas that must all hold, so that
 * $ref beside other keywords, and allOf, need nothing of their own: each keyword looks through the list. One thread. */
#ifndef CLOISTER_SCHEMA_PARTS_H
#define CLOISTER_SCHEMA_PARTS_H

#include "runtime/grammar_parts.h"

enum {
    RT_SCHEMA_ALL_MAX = 16,       /* schemas that must hold at one place */
    RT_SCHEMA_DEPTH = 32,         /* objects, arrays and choices in each other, references not counted */
    RT_SCHEMA_WORK = 1 << 20,     /* values of enums looked at, all in all; a schema counts as 16 */
    RT_SCHEMA_REFS_MAX = 1 << 10, /* different references */
    RT_SCHEMA_MEMBERS_MAX = 1000,
    RT_SCHEMA_VALUE_DEPTH = 32, /* of a value of enum or const */
};

enum rt_schema_done { RT_SCHEMA_ANY_OF = 1, RT_SCHEMA_ONE_OF = 2 }; /* keywords that the place has dealt with */

struct rt_all {
    uint32_t count;
    int never;  /* one of them is `false` */
    int by_ref; /* its only one is a reference's target */
    const char *ref;
    struct {
        yyjson_val *schema;
        unsigned done;
    } at[RT_SCHEMA_ALL_MAX];
};

struct rt_schema {
    struct rt_build build;
    struct rt_json_rules json;
    yyjson_val *root;
    struct {
        yyjson_val *target;
        const char *ref;
        uint32_t rule;
    } refs[RT_SCHEMA_REFS_MAX];
    uint32_t ref_count, depth, work;
};

/* The place's name grows for as long as something below is read; rt_schema_leave takes what rt_schema_enter returned. */
size_t rt_schema_enter(struct rt_schema *schema, const char *keyword, const char *name);
void rt_schema_leave(struct rt_schema *schema, size_t place);

/* Counts work that hostile schemas multiply. */
void rt_schema_spend(struct rt_schema *schema, size_t parts);

/* schema_all.c: adds a schema and what it refers to. */
void rt_all_add(struct rt_schema *schema, struct rt_all *all, yyjson_val *value, unsigned done);
uint32_t rt_schema_assertions(yyjson_val *schema);                      /* keywords of it that say what is valid */
yyjson_val *rt_all_find(const struct rt_all *all, const char *keyword); /* the first there is */
/* The most that any says of a count like minLength, the least with `least`; `otherwise` where none says anything. */
uint32_t rt_all_count(struct rt_schema *schema, const struct rt_all *all, const char *keyword, int least, uint32_t otherwise);

enum { /* types, as bits; what is an integer is no RT_TYPE_NUMBER */
       RT_TYPE_NULL = 1,
       RT_TYPE_BOOLEAN = 2,
       RT_TYPE_INTEGER = 4,
       RT_TYPE_NUMBER = 8,
       RT_TYPE_STRING = 16,
       RT_TYPE_ARRAY = 32,
       RT_TYPE_OBJECT = 64,
       RT_TYPE_ALL = 127
};
unsigned rt_all_types(struct rt_schema *schema, const struct rt_all *all); /* that are allowed */
unsigned rt_all_types_meant(const struct rt_all *all);                     /* that keywords speak of; 0: none in particular */

/* schema.c: a value; schema_choice.c: by enum or const. */
uint32_t rt_schema_choice(struct rt_schema *schema, const struct rt_all *all);
uint32_t rt_schema_value(struct rt_schema *schema, const struct rt_all *all);
/* schema_object.c, schema_array.c, schema_scalar.c: of one type. */
uint32_t rt_schema_object(struct rt_schema *schema, const struct rt_all *all);
uint32_t rt_schema_array(struct rt_schema *schema, const struct rt_all *all);
uint32_t rt_schema_string(struct rt_schema *schema, const struct rt_all *all);
uint32_t rt_schema_number(struct rt_schema *schema, const struct rt_all *all, int integer);
const char *rt_schema_format(const char *name); /* as a pattern; NULL: none of those known (schema_format.c) */

#endif
