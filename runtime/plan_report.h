/* plan_report.h: what `cloister plan` says, for people and for programs. Knows every result and computes none. One thread. */
#ifndef CLOISTER_PLAN_REPORT_H
#define CLOISTER_PLAN_REPORT_H

#include "runtime/plan_speed.h"

enum { RT_PLAN_FORMATS = 3 };

struct rt_plan_row { /* one format */
    enum kn_format format;
    const char *name; /* "w8" */
    struct rt_plan_memory memory;
    struct rt_plan_speed speed;
};

struct rt_plan { /* the whole answer */
    const struct rt_plan_model *model;
    const struct rt_plan_machine *machine;
    const struct rt_plan_use *use;
    size_t count;
    struct rt_plan_row rows[RT_PLAN_FORMATS];
};

/* The row to recommend: of the quantised ones that fit, that with the most bits; then bf16; -1 if none fits or memory is unknown. */
int rt_plan_best(const struct rt_plan *plan);

void rt_plan_print(const struct rt_plan *plan);
RT_MUST_CHECK int rt_plan_print_json(const struct rt_plan *plan, struct rt_error *error);

#endif
