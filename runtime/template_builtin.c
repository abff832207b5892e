/* template_builtin.c: the filters, tests, methods and functions that a template may name. A filter, test or method that is not in these
 * tables is refused when the template is opened. */
#include "runtime/template_value.h"

#define KIND(name) (1U << RT_VALUE_##name)
#define FILTER(name, run, parameters, least, undefined) {name, run, parameters, 0, least, undefined}
#define METHOD(name, run, parameters, kinds, least) {name, run, parameters, kinds, least, 0}
#define FUNCTION(name, run, parameters, least) {name, run, parameters, 0, least, 0}
#define TEST(name, run, parameters, least) {name, run, parameters, 0, least, 1}
#define TEST_OF(name, kinds) {name, NULL, NULL, kinds, 0, 1}

static const struct rt_builtin filters[] = {
    FILTER("abs", rt_call_abs, "", 0, 0),
    FILTER("attr", rt_call_attr, "name", 1, 0),
    FILTER("batch", rt_call_batch, "linecount fill_with", 1, 1),
    FILTER("capitalize", rt_call_capitalize, "", 0, 1),
    FILTER("center", rt_call_center, "width", 0, 1),
    FILTER("count", rt_call_length, "", 0, 1),
    FILTER("d", rt_call_default, "default_value boolean", 0, 1),
    FILTER("default", rt_call_default, "default_value boolean", 0, 1),
    FILTER("dictsort", rt_call_dictsort, "case_sensitive by reverse", 0, 0),
    FILTER("e", rt_call_escape, "", 0, 1),
    FILTER("escape", rt_call_escape, "", 0, 1),
    FILTER("first", rt_call_first, "", 0, 1),
    FILTER("float", rt_call_float, "default", 0, 0),
    FILTER("forceescape", rt_call_forceescape, "", 0, 1),
    FILTER("format", rt_call_format_filter, NULL, 0, 1),
    FILTER("indent", rt_call_indent, "width first blank", 0, 0),
    FILTER("int", rt_call_int, "default base", 0, 0),
    FILTER("items", rt_call_items_filter, "", 0, 1),
    FILTER("join", rt_call_join_filter, "d attribute", 0, 1),
    FILTER("last", rt_call_last, "", 0, 1),
    FILTER("length", rt_call_length, "", 0, 1),
    FILTER("list", rt_call_list, "", 0, 1),
    FILTER("lower", rt_call_lower, "", 0, 1),
    FILTER("map", rt_call_map, NULL, 0, 1),
    FILTER("max", rt_call_max, "case_sensitive attribute", 0, 1),
    FILTER("min", rt_call_min, "case_sensitive attribute", 0, 1),
    FILTER("reject", rt_call_reject, NULL, 0, 1),
    FILTER("rejectattr", rt_call_rejectattr, NULL, 0, 1),
    FILTER("replace", rt_call_replace_filter, "old new count", 2, 1),
    FILTER("reverse", rt_call_reverse, "", 0, 1),
    FILTER("round", rt_call_round, "precision method", 0, 0),
    FILTER("safe", rt_call_safe, "", 0, 1),
    FILTER("select", rt_call_select, NULL, 0, 1),
    FILTER("selectattr", rt_call_selectattr, NULL, 0, 1),
    FILTER("slice", rt_call_slice, "slices fill_with", 1, 1),
    FILTER("sort", rt_call_sort, "reverse case_sensitive attribute", 0, 1),
    FILTER("string", rt_call_string, "", 0, 1),
    FILTER("sum", rt_call_sum, "attribute start", 0, 1),
    FILTER("title", rt_call_title_filter, "", 0, 1),
    FILTER("tojson", rt_call_tojson, "ensure_ascii indent separators sort_keys", 0, 1),
    FILTER("trim", rt_call_strip, "chars", 0, 1),
    FILTER("truncate", rt_call_truncate, "length killwords end leeway", 0, 1),
    FILTER("unique", rt_call_unique, "case_sensitive attribute", 0, 1),
    FILTER("upper", rt_call_upper, "", 0, 1),
    FILTER("wordcount", rt_call_wordcount, "", 0, 1),
};

/* Those of text, lists and mappings, then of Jinja's objects. */
static const struct rt_builtin methods[] = {
    METHOD("capitalize", rt_call_capitalize, "", KIND(TEXT), 0),
    METHOD("center", rt_call_center, "/width fillchar", KIND(TEXT), 1),
    METHOD("count", rt_call_text_count, "/sub start end", KIND(TEXT), 1),
    METHOD("endswith", rt_call_endswith, "/suffix start end", KIND(TEXT), 1),
    METHOD("find", rt_call_find, "/sub start end", KIND(TEXT), 1),
    METHOD("format", rt_call_format, NULL, KIND(TEXT), 0),
    METHOD("index", rt_call_text_index, "/sub start end", KIND(TEXT), 1),
    METHOD("isalnum", rt_call_isalnum, "", KIND(TEXT), 0),
    METHOD("isalpha", rt_call_isalpha, "", KIND(TEXT), 0),
    METHOD("isascii", rt_call_isascii, "", KIND(TEXT), 0),
    METHOD("isdecimal", rt_call_isdecimal, "", KIND(TEXT), 0),
    METHOD("isdigit", rt_call_isdigit, "", KIND(TEXT), 0),
    METHOD("islower", rt_call_islower, "", KIND(TEXT), 0),
    METHOD("isnumeric", rt_call_isnumeric, "", KIND(TEXT), 0),
    METHOD("isspace", rt_call_isspace, "", KIND(TEXT), 0),
    METHOD("istitle", rt_call_istitle, "", KIND(TEXT), 0),
    METHOD("isupper", rt_call_isupper, "", KIND(TEXT), 0),
    METHOD("join", rt_call_join, "/iterable", KIND(TEXT), 1),
    METHOD("ljust", rt_call_ljust, "/width fillchar", KIND(TEXT), 1),
    METHOD("lower", rt_call_lower, "", KIND(TEXT), 0),
    METHOD("lstrip", rt_call_lstrip, "/chars", KIND(TEXT), 0),
    METHOD("partition", rt_call_partition, "/sep", KIND(TEXT), 1),
    METHOD("removeprefix", rt_call_removeprefix, "/prefix", KIND(TEXT), 1),
    METHOD("removesuffix", rt_call_removesuffix, "/suffix", KIND(TEXT), 1),
    METHOD("replace", rt_call_replace, "/old new count", KIND(TEXT), 2),
    METHOD("rfind", rt_call_rfind, "/sub start end", KIND(TEXT), 1),
    METHOD("rindex", rt_call_text_rindex, "/sub start end", KIND(TEXT), 1),
    METHOD("rjust", rt_call_rjust, "/width fillchar", KIND(TEXT), 1),
    METHOD("rpartition", rt_call_rpartition, "/sep", KIND(TEXT), 1),
    METHOD("rsplit", rt_call_rsplit, "sep maxsplit", KIND(TEXT), 0),
    METHOD("rstrip", rt_call_rstrip, "/chars", KIND(TEXT), 0),
    METHOD("split", rt_call_split, "sep maxsplit", KIND(TEXT), 0),
    METHOD("splitlines", rt_call_splitlines, "keepends", KIND(TEXT), 0),
    METHOD("startswith", rt_call_startswith, "/prefix start end", KIND(TEXT), 1),
    METHOD("strip", rt_call_strip, "/chars", KIND(TEXT), 0),
    METHOD("swapcase", rt_call_swapcase, "", KIND(TEXT), 0),
    METHOD("title", rt_call_title, "", KIND(TEXT), 0),
    METHOD("upper", rt_call_upper, "", KIND(TEXT), 0),
    METHOD("zfill", rt_call_zfill, "/width", KIND(TEXT), 1),
    METHOD("count", rt_call_list_count, "/value", KIND(LIST), 1),
    METHOD("index", rt_call_list_index, "/value", KIND(LIST), 1),
    METHOD("get", rt_call_get, "/key default", KIND(MAP), 1),
    METHOD("items", rt_call_items, "", KIND(MAP), 0),
    METHOD("keys", rt_call_keys, "", KIND(MAP), 0),
    METHOD("values", rt_call_values, "", KIND(MAP), 0),
    METHOD("copy", rt_call_copy, "", KIND(MAP) | KIND(LIST), 0),
    METHOD("append", rt_call_mutation, NULL, KIND(LIST), 0),
    METHOD("clear", rt_call_mutation, NULL, KIND(MAP) | KIND(LIST), 0),
    METHOD("extend", rt_call_mutation, NULL, KIND(LIST), 0),
    METHOD("insert", rt_call_mutation, NULL, KIND(LIST), 0),
    METHOD("pop", rt_call_mutation, NULL, KIND(MAP) | KIND(LIST), 0),
    METHOD("popitem", rt_call_mutation, NULL, KIND(MAP), 0),
    METHOD("remove", rt_call_mutation, NULL, KIND(LIST), 0),
    METHOD("reverse", rt_call_mutation, NULL, KIND(LIST), 0),
    METHOD("setdefault", rt_call_mutation, NULL, KIND(MAP), 0),
    METHOD("sort", rt_call_mutation, NULL, KIND(LIST), 0),
    METHOD("update", rt_call_mutation, NULL, KIND(MAP), 0),
};

static const struct rt_builtin cycle = METHOD("cycle", rt_call_cycle, NULL, 0, 0), next = METHOD("next", rt_call_cycler_next, "", 0, 0),
                               reset = METHOD("reset", rt_call_cycler_reset, "", 0, 0);

static const struct rt_builtin functions[] = {
    FUNCTION("cycler", rt_call_cycler, NULL, 0),
    FUNCTION("dict", rt_call_dict, NULL, 0),
    FUNCTION("joiner", rt_call_joiner, "sep", 0),
    FUNCTION("namespace", rt_call_namespace, NULL, 0),
    FUNCTION("raise_exception", rt_call_raise_exception, "message", 1),
    FUNCTION("range", rt_call_range, "/start stop step", 1),
    FUNCTION("strftime_now", rt_call_strftime_now, "format", 1),
};

static const struct rt_builtin tests[] = {
    TEST_OF("boolean", KIND(BOOL)),
    TEST("callable", rt_test_callable, "", 0),
    TEST_OF("defined", ~KIND(UNDEFINED)),
    TEST("divisibleby", rt_test_divisible, "num", 1),
    TEST("eq", rt_test_equal, "/b", 1),
    TEST("equalto", rt_test_equal, "/b", 1),
    TEST("==", rt_test_equal, "/b", 1),
    TEST("escaped", rt_test_escaped, "", 0),
    TEST("even", rt_test_even, "", 0),
    TEST("false", rt_test_false, "", 0),
    TEST("filter", rt_test_filter, "", 0),
    TEST_OF("float", KIND(FLOAT)),
    TEST("ge", rt_test_greater_equal, "/b", 1),
    TEST(">=", rt_test_greater_equal, "/b", 1),
    TEST("greaterthan", rt_test_greater, "/b", 1),
    TEST("gt", rt_test_greater, "/b", 1),
    TEST(">", rt_test_greater, "/b", 1),
    TEST("in", rt_test_in, "seq", 1),
    TEST_OF("integer", KIND(INTEGER)),
    TEST("iterable", rt_test_iterable, "", 0),
    TEST("le", rt_test_less_equal, "/b", 1),
    TEST("<=", rt_test_less_equal, "/b", 1),
    TEST("lessthan", rt_test_less, "/b", 1),
    TEST("lower", rt_test_lower, "", 0),
    TEST("lt", rt_test_less, "/b", 1),
    TEST("<", rt_test_less, "/b", 1),
    TEST("mapping", rt_test_mapping, "", 0),
    TEST("ne", rt_test_unequal, "/b", 1),
    TEST("!=", rt_test_unequal, "/b", 1),
    TEST_OF("none", KIND(NONE)),
    TEST_OF("number", KIND(INTEGER) | KIND(FLOAT) | KIND(BOOL)),
    TEST("odd", rt_test_odd, "", 0),
    TEST("sameas", rt_test_same, "other", 1),
    TEST("sequence", rt_test_sequence, "", 0),
    TEST_OF("string", KIND(TEXT)),
    TEST("test", rt_test_test, "", 0),
    TEST("true", rt_test_true, "", 0),
    TEST_OF("undefined", KIND(UNDEFINED)),
    TEST("upper", rt_test_upper, "", 0),
};

/* ---- names ---- */

static const struct rt_builtin *find(const struct rt_builtin *first, size_t count, struct rt_text name, unsigned kinds)
{
    for (size_t i = 0; i < count; i++)
        if (rt_text_is(name, first[i].name) && (!kinds || first[i].kinds & kinds))
            return &first[i];
    return NULL;
}

const struct rt_builtin *rt_builtin_find(enum rt_builtin_kind kind, struct rt_text name)
{
    switch (kind) {
    case RT_BUILTIN_FILTER: return find(filters, sizeof filters / sizeof *filters, name, 0);
    case RT_BUILTIN_TEST: return find(tests, sizeof tests / sizeof *tests, name, 0);
    case RT_BUILTIN_FUNCTION: return find(functions, sizeof functions / sizeof *functions, name, 0);
    default: break;
    }
    const struct rt_builtin *found = find(methods, sizeof methods / sizeof *methods, name, 0);
    return found                       ? found
           : rt_text_is(name, "cycle") ? &cycle
           : rt_text_is(name, "next")  ? &next
           : rt_text_is(name, "reset") ? &reset
                                       : NULL;
}

const struct rt_builtin *rt_method_find(const struct rt_value *self, struct rt_text name)
{
    if (self->kind == RT_VALUE_MAP && self->map->kind == RT_MAP_LOOP)
        return rt_text_is(name, "cycle") ? &cycle : NULL;
    if (self->kind == RT_VALUE_MAP && self->map->kind == RT_MAP_CYCLER)
        return rt_text_is(name, "next") ? &next : rt_text_is(name, "reset") ? &reset : NULL;
    if ((self->kind == RT_VALUE_MAP && self->map->kind != RT_MAP_DICT) || (self->kind == RT_VALUE_LIST && self->list.form >= RT_LIST_VIEW))
        return NULL;
    const struct rt_builtin *found = find(methods, sizeof methods / sizeof *methods, name, 1U << self->kind);
    const int is_fixed = self->kind == RT_VALUE_LIST && self->list.form != RT_LIST_PLAIN;
    return found && is_fixed && (found->run == rt_call_mutation || found->run == rt_call_copy) ? NULL : found;
}
