/* template_format.h: one value as text of a given width, precision and type, which '%s' % x and '{}'.format(x) share. */
#ifndef CLOISTER_TEMPLATE_FORMAT_H
#define CLOISTER_TEMPLATE_FORMAT_H

#include "runtime/template_value.h"

struct rt_format { /* how to write it */
    struct rt_text fill;
    char align, sign, type; /* 0 where it is not said */
    int alternate, zero, comma;
    int width, precision; /* precision: -1 where it is not said */
};

/* `otherwise`: '<' or '>', where it stands if nothing is said. */
RT_MUST_CHECK int rt_format_text(struct rt_render *render, struct rt_builder *builder, struct rt_text text, const struct rt_format *how,
                                 char otherwise);
RT_MUST_CHECK int rt_format_integer(struct rt_render *render, struct rt_builder *builder, const struct rt_value *value,
                                    const struct rt_format *how);
RT_MUST_CHECK int rt_format_float(struct rt_render *render, struct rt_builder *builder, const struct rt_value *value,
                                  const struct rt_format *how);
RT_MUST_CHECK int rt_format_wrong(struct rt_render *render, const struct rt_value *value, char type); /* fails */
/* The digits at *at as a number; `otherwise` if there are none. */
RT_MUST_CHECK int rt_format_count(struct rt_render *render, struct rt_text text, size_t *at, int otherwise, int *out);

#endif
