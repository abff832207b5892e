/* reply_rule.c: what a call that must come has to look like: a beginning to put into the model's mouth, and a schema for the rest. */
#include <stdlib.h>
#include <string.h>

#include "runtime/reply_parts.h"
#include "runtime/scope.h"

static void close_doc(yyjson_mut_doc **doc)
{
    yyjson_mut_doc_free(*doc);
}

/* As the model would write it: special tokens are spelled out. */
static void write_mark(FILE *out, const struct rt_reply_form *form, enum rt_mark mark)
{
    const struct rt_mark_text *text = &form->marks[mark];
    for (size_t i = 0; i < text->bytes; i++)
        if ((unsigned char)text->text[i] != RT_SPECIAL_BYTE)
            putc(text->text[i], out);
}

/* Whether the name stands before arguments in JSON. */
static int writes_name_apart(const struct rt_reply_form *form)
{
    return form->flags & RT_REPLY_CHANNELS || (form->marks[RT_MARK_NAME_END].text && !form->marks[RT_MARK_KEY].text);
}

/* Where calls in JSON stand directly in the section, since the form's own calls are XML. */
static int is_section_enough(const struct rt_reply_form *form)
{
    return form->marks[RT_MARK_SECTION].text && form->marks[RT_MARK_KEY].text;
}

/* name: of the tool whose arguments the JSON will be; NULL: it is a whole call, or a list of them. */
static void write_prefix(FILE *out, const struct rt_reply_form *form, const char *name, int opened)
{
    if (form->flags & RT_REPLY_CHANNELS) {
        fprintf(out, "<|channel|>commentary to=functions%s%s <|constrain|>json<|message|>", name ? "." : "", name ? name : "");
        return;
    }
    if (opened) {
        putc('\n', out);
        write_mark(out, form, RT_MARK_THINK_END);
        fputs("\n\n", out);
    }
    write_mark(out, form, RT_MARK_SECTION);
    if (!is_section_enough(form) && !(form->flags & RT_REPLY_BARE))
        write_mark(out, form, RT_MARK_CALL);
    if (name) {
        const int is_numbered = form->flags & RT_REPLY_NUMBERED;
        fprintf(out, "%s%s%s", is_numbered ? "functions." : "", name, is_numbered ? ":0" : "");
        write_mark(out, form, RT_MARK_NAME_END);
    }
    if (form->flags & RT_REPLY_LINES)
        putc('\n', out);
}

static void write_suffix(FILE *out, const struct rt_reply_form *form)
{
    if (form->flags & RT_REPLY_LINES)
        putc('\n', out);
    if (!is_section_enough(form))
        write_mark(out, form, RT_MARK_CALL_END);
    write_mark(out, form, RT_MARK_SECTION_END);
}

static int write_ends(struct rt_reply_rule *rule, const struct rt_reply_form *form, const char *name, int opened)
{
    size_t bytes;
    FILE *prefix = open_memstream(&rule->prefix, &bytes), *suffix = open_memstream(&rule->suffix, &bytes);
    if (prefix)
        write_prefix(prefix, form, name, opened);
    if (suffix)
        write_suffix(suffix, form);
    const int prefix_failed = !prefix || fclose(prefix), suffix_failed = !suffix || fclose(suffix);
    return prefix_failed || suffix_failed ? -1 : 0;
}

static int check_tools(yyjson_val *tools, struct rt_error *error)
{
    yyjson_val *tool;
    size_t i, count;
    if (!yyjson_arr_size(tools))
        return rt_fail(error, RT_EXIT_USAGE, "\"tool_choice\" asks for a call, but no tools are given; add \"tools\"");
    yyjson_arr_foreach(tools, i, count, tool)
    {
        yyjson_val *name = yyjson_obj_get(yyjson_obj_get(tool, "function"), "name");
        if (!yyjson_is_str(name) || !rt_reply_is_name(yyjson_get_str(name), yyjson_get_len(name)))
            return rt_fail(error, RT_EXIT_USAGE, "\"tools/%zu/function/name\": not a name of 1 to %d letters, digits and \"_-.:\"", i,
                           RT_REPLY_NAME_MAX);
    }
    return 0;
}

static int find_only(yyjson_val *tools, const char *only, yyjson_val **one, struct rt_error *error)
{
    *one = only ? rt_reply_tool(tools, only) : yyjson_arr_size(tools) == 1 ? yyjson_obj_get(yyjson_arr_get_first(tools), "function") : NULL;
    return only && !*one ? rt_fail(error, RT_EXIT_USAGE, "\"tool_choice\": no tool \"%s\" in \"tools\"", only) : 0;
}

int rt_reply_rule_open(struct rt_reply_rule *out, const struct rt_reply_form *form, yyjson_val *tools, const char *only, int parallel,
                       int opened, struct rt_error *error)
{
    RT_CLEAN(rt_reply_rule_close) struct rt_reply_rule rule = {0};
    RT_CLEAN(close_doc) yyjson_mut_doc *doc = NULL;
    yyjson_val *one;
    *out = rule;
    if (!form->calls)
        return rt_fail(error, RT_EXIT_UNSUPPORTED, "the bundle's chat template has no tool calls that are known; ask without \"tools\"");
    if (check_tools(tools, error) || find_only(tools, only, &one, error))
        return -1;
    if (!(doc = yyjson_mut_doc_new(NULL)))
        return rt_reply_no_memory(error);
    const struct rt_schema_making making = {form, doc, error};
    const int is_apart = one && writes_name_apart(form);
    yyjson_mut_val *root = is_apart                       ? rt_schema_of_arguments(&making, one)
                           : form->flags & RT_REPLY_LISTS ? rt_schema_of_list(&making, tools, one, parallel)
                                                          : rt_schema_of_call(&making, tools, one);
    if (!root)
        return -1;
    rule.schema = yyjson_mut_val_write(root, 0, NULL);
    if (!rule.schema || write_ends(&rule, form, is_apart ? yyjson_get_str(yyjson_obj_get(one, "name")) : NULL, opened))
        return rt_reply_no_memory(error);
    *out = rule;
    rule = (struct rt_reply_rule){0};
    return 0;
}

void rt_reply_rule_close(struct rt_reply_rule *rule)
{
    free(rule->prefix);
    free(rule->schema);
    free(rule->suffix);
    *rule = (struct rt_reply_rule){0};
}
