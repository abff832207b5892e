/* template_block.c: tokens → the statements with a body that are not loops: macro, call, filter, with, generation. */
#include "runtime/template_ast.h"

/* Parameters from behind "(" to behind ")": a name each, and a default if there is one. */
static int parse_parameters(struct rt_parser *parser, struct rt_node **first)
{
    int defaults = 0;
    for (struct rt_node **next = first; !rt_parse_sees(parser, RT_TOKEN_OPERATOR, ")"); next = &(*next)->next) {
        struct rt_text name;
        if (next != first && rt_parse_expect(parser, RT_TOKEN_OPERATOR, ","))
            return -1;
        if (next != first && rt_parse_sees(parser, RT_TOKEN_OPERATOR, ")"))
            break;
        if (rt_parse_name(parser, &name))
            return -1;
        if (rt_parse_sees(parser, RT_TOKEN_OPERATOR, "=")) {
            defaults = 1;
            if (rt_parse_next(parser) || rt_parse_expression(parser, next))
                return -1;
        } else if (defaults) {
            return rt_parse_unexpected(parser);
        } else if (rt_parse_constant(parser, rt_value_undefined(name), next)) {
            return -1;
        }
        (*next)->keyword = name;
    }
    return rt_parse_next(parser);
}

/* Loops do not reach into a macro, nor do the names that another one uses. */
static int parse_macro_body(struct rt_parser *parser, const char *const *ends, struct rt_node *node)
{
    const unsigned loops = parser->loops, uses = parser->uses;
    parser->loops = parser->uses = 0;
    if (rt_parse_expect(parser, RT_TOKEN_BLOCK_END, NULL) || rt_parse_body(parser, ends, &node->macro.body))
        return -1;
    node->macro.uses = parser->uses;
    parser->loops = loops;
    parser->uses |= uses;
    return rt_parse_close(parser);
}

int rt_parse_macro(struct rt_parser *parser, struct rt_node **out)
{
    static const char *const ends[] = {"endmacro", NULL};
    if (rt_parse_node(parser, RT_NODE_MACRO, out) || rt_parse_next(parser) || rt_parse_name(parser, &(*out)->macro.name) ||
        rt_parse_expect(parser, RT_TOKEN_OPERATOR, "(") || parse_parameters(parser, &(*out)->macro.parameters))
        return -1;
    return parse_macro_body(parser, ends, *out);
}

int rt_parse_call_block(struct rt_parser *parser, struct rt_node **out)
{
    static const char *const ends[] = {"endcall", NULL};
    if (rt_parse_node(parser, RT_NODE_CALL_BLOCK, out) || rt_parse_next(parser))
        return -1;
    (*out)->macro.name = rt_text_of("caller");
    if (rt_parse_sees(parser, RT_TOKEN_OPERATOR, "(") && (rt_parse_next(parser) || parse_parameters(parser, &(*out)->macro.parameters)))
        return -1;
    if (rt_parse_expression(parser, &(*out)->macro.call))
        return -1;
    if ((*out)->macro.call->kind != RT_NODE_CALL && (*out)->macro.call->kind != RT_NODE_METHOD)
        return rt_parse_unexpected(parser);
    return parse_macro_body(parser, ends, *out);
}

int rt_parse_filter_block(struct rt_parser *parser, struct rt_node **out)
{
    static const char *const ends[] = {"endfilter", NULL};
    if (rt_parse_node(parser, RT_NODE_FILTER_BLOCK, out) || rt_parse_node(parser, RT_NODE_BODY, &(*out)->set.value) ||
        rt_parse_next(parser) || rt_parse_filter(parser, (*out)->set.value, &(*out)->set.value) ||
        rt_parse_filters(parser, &(*out)->set.value) || rt_parse_expect(parser, RT_TOKEN_BLOCK_END, NULL) ||
        rt_parse_body(parser, ends, &(*out)->set.body))
        return -1;
    return rt_parse_close(parser);
}

int rt_parse_with(struct rt_parser *parser, struct rt_node **out)
{
    static const char *const ends[] = {"endwith", NULL};
    if (rt_parse_node(parser, RT_NODE_WITH, out) || rt_parse_next(parser))
        return -1;
    struct rt_node **target = &(*out)->set.target, **value = &(*out)->set.value;
    for (; !rt_parse_sees(parser, RT_TOKEN_BLOCK_END, NULL); target = &(*target)->next, value = &(*value)->next) {
        if (target != &(*out)->set.target && rt_parse_expect(parser, RT_TOKEN_OPERATOR, ","))
            return -1;
        if (rt_parse_node(parser, RT_NODE_NAME, target) || rt_parse_name(parser, &(*target)->name) ||
            rt_parse_expect(parser, RT_TOKEN_OPERATOR, "=") || rt_parse_expression(parser, value))
            return -1;
    }
    if (rt_parse_next(parser) || rt_parse_body(parser, ends, &(*out)->set.body))
        return -1;
    return rt_parse_close(parser);
}

/* transformers' own: marks what the assistant says, for training. */
int rt_parse_generation(struct rt_parser *parser, struct rt_node **out)
{
    static const char *const ends[] = {"endgeneration", NULL};
    const unsigned loops = parser->loops;
    if (rt_parse_node(parser, RT_NODE_SCOPE, out) || rt_parse_close(parser))
        return -1;
    parser->loops = 0; /* it is a macro inside */
    if (rt_parse_body(parser, ends, &(*out)->operand))
        return -1;
    parser->loops = loops;
    return rt_parse_close(parser);
}
