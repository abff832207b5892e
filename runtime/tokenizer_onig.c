/* tokenizer_onig.c: Oniguruma's regular expressions (doc/RE of that library) in PCRE2's words. What means the same
 * in both is copied; what differs is spelled out: \s, \w, \d by Unicode property, \h as a hexadecimal digit,
 * scripts without script extensions. Set operations in classes, options in mid-pattern, captures by number and the
 * like are refused: a wrong split would be silent, a refusal is not. Any thread. */
#include "runtime/tokenizer_onig.h"

#include <string.h>

#define WORD "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}"
#define LONE_WORD WORD "\\x{b2}\\x{b3}\\x{b9}\\x{bc}-\\x{be}" /* outside a class Oniguruma takes Latin-1 from another table */
#define HEX "0-9a-fA-F"

struct translation {
    const char *at, *start, *end;
    int in_class;
    struct rt_text *out;
    struct rt_error *error;
};

static int refuse(struct translation *t, const char *what)
{
    return rt_fail(t->error, RT_EXIT_UNSUPPORTED, "a regular expression with %s (at byte %zu)", what, (size_t)(t->at - t->start));
}

static int emit(struct translation *t, const char *text)
{
    return rt_text_append(t->out, text, strlen(text), t->error);
}

static int copy(struct translation *t, size_t bytes)
{
    if (rt_text_append(t->out, t->at, bytes, t->error))
        return -1;
    t->at += bytes;
    return 0;
}

static int at_text(const struct translation *t, const char *text)
{
    size_t bytes = strlen(text);
    return (size_t)(t->end - t->at) >= bytes && !memcmp(t->at, text, bytes);
}

/* Long names of properties. Others of three letters and more are scripts; one or two letters are general
 * categories. */
static const char *known_property(const char *name, size_t bytes)
{
    static const char *const names[][2] = {
        {"Letter", "L"},
        {"Mark", "M"},
        {"Number", "N"},
        {"Punctuation", "P"},
        {"Punct", "P"},
        {"Symbol", "S"},
        {"Separator", "Z"},
        {"Other", "C"},
        {"Alphabetic", "Alpha"},
        {"Alpha", "Alpha"},
        {"Digit", "Nd"},
        {"Uppercase", "Upper"},
        {"Upper", "Upper"},
        {"Lowercase", "Lower"},
        {"Lower", "Lower"},
        {"White_Space", "White_Space"},
        {"Space", "White_Space"},
        {"Emoji", "Emoji"},
        {"Ideographic", "Ideographic"},
        {"Any", "Any"},
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strlen(names[i][0]) == bytes && !memcmp(names[i][0], name, bytes))
            return names[i][1];
    return NULL;
}

/* \p{Name} and \P{Name}. */
static int property(struct translation *t)
{
    int negated = t->at[1] == 'P';
    t->at += 2;
    const char *close = t->at < t->end && *t->at == '{' ? memchr(t->at, '}', (size_t)(t->end - t->at)) : NULL;
    if (!close)
        return refuse(t, "\\p without {name}");
    const char *name = t->at + 1;
    if (*name == '^') {
        negated = !negated;
        name++;
    }
    size_t bytes = (size_t)(close - name);
    const char *known = known_property(name, bytes);
    if (emit(t, negated ? "\\P{" : "\\p{") || emit(t, known || bytes <= 2 ? "" : "sc:"))
        return -1;
    if (known ? emit(t, known) : rt_text_append(t->out, name, bytes, t->error))
        return -1;
    t->at = close + 1;
    return emit(t, "}");
}

/* \uHHHH */
static int code_unit(struct translation *t)
{
    char text[] = "\\x{0000}";
    if (t->end - t->at < 6)
        return refuse(t, "a short \\u");
    memcpy(text + 3, t->at + 2, 4);
    if (strspn(text + 3, "0123456789abcdefABCDEF") != 4)
        return refuse(t, "a \\u without four digits");
    t->at += 6;
    return emit(t, text);
}

struct shorthand {
    char letter;
    const char *outside, *inside; /* a class; NULL: refused there */
};

static const struct shorthand *find_shorthand(char letter)
{
    static const struct shorthand all[] = {
        {'s', "\\p{White_Space}", "\\p{White_Space}"},
        {'S', "\\P{White_Space}", "\\P{White_Space}"},
        {'d', "\\p{Nd}", "\\p{Nd}"},
        {'D', "\\P{Nd}", "\\P{Nd}"},
        {'w', "[" LONE_WORD "]", WORD},
        {'W', "[^" LONE_WORD "]", NULL},
        {'h', "[" HEX "]", HEX},
        {'H', "[^" HEX "]", NULL},
        {'v', "\\x0b", "\\x0b"},
        {'b', "(?:(?<=[" LONE_WORD "])(?![" LONE_WORD "])|(?<![" LONE_WORD "])(?=[" LONE_WORD "]))", "\\x08"},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (all[i].letter == letter)
            return &all[i];
    return NULL;
}

static int escape(struct translation *t)
{
    if (t->end - t->at < 2)
        return refuse(t, "a backslash at its end");
    char c = t->at[1];
    if (c == 'p' || c == 'P')
        return property(t);
    if (c == 'u')
        return code_unit(t);
    const struct shorthand *shorthand = find_shorthand(c);
    if (shorthand) {
        const char *text = t->in_class ? shorthand->inside : shorthand->outside;
        t->at += 2;
        return text ? emit(t, text) : refuse(t, "\\W or \\H in a class");
    }
    int letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (letter && !strchr(t->in_class ? "ntrfae" : "ntrfaezAZ", c))
        return refuse(t, "an escape that is not known");
    return copy(t, 2);
}

/* [:alpha:] and the like, by the properties that Oniguruma gives them. */
static int posix_class(struct translation *t)
{
    static const char *const names[][2] = {{"[:alpha:]", "\\p{Alphabetic}"}, {"[:digit:]", "\\p{Nd}"},    {"[:space:]", "\\p{White_Space}"},
                                           {"[:upper:]", "\\p{Upper}"},      {"[:lower:]", "\\p{Lower}"}, {"[:word:]", WORD}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (at_text(t, names[i][0])) {
            t->at += strlen(names[i][0]);
            return emit(t, names[i][1]);
        }
    }
    return refuse(t, "a bracket in a class");
}

static int open_class(struct translation *t)
{
    t->in_class = 1;
    if (copy(t, at_text(t, "[^") ? 2 : 1))
        return -1;
    return at_text(t, "]") ? refuse(t, "an empty class") : 0;
}

static int inside_class(struct translation *t)
{
    if (*t->at == '[')
        return posix_class(t);
    if (at_text(t, "&&"))
        return refuse(t, "an intersection of classes");
    t->in_class = *t->at != ']';
    return copy(t, 1);
}

/* Groups that both read alike; (?i) only where it governs everything. */
static int open_group(struct translation *t)
{
    static const char *const kinds[] = {"(?:", "(?=", "(?!", "(?>", "(?<=", "(?<!", "(?i:", "(?-i:"};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (at_text(t, kinds[i]))
            return copy(t, strlen(kinds[i]));
    if (t->at == t->start && at_text(t, "(?i)"))
        return copy(t, 4);
    if (at_text(t, "(?") || at_text(t, "(*"))
        return refuse(t, "a group of a kind that is not known");
    return copy(t, 1);
}

static int outside_class(struct translation *t)
{
    switch (*t->at) {
    case '[': return open_class(t);
    case '(': return open_group(t);
    case '{': return at_text(t, "{,") ? refuse(t, "{,n}") : copy(t, 1);
    case '}': return at_text(t, "}+") || at_text(t, "}?") ? refuse(t, "{…}+ or {…}?") : copy(t, 1);
    default: return copy(t, 1);
    }
}

int rt_onig_translate(const char *regex, size_t bytes, struct rt_text *pcre, struct rt_error *error)
{
    struct translation t = {.at = regex, .start = regex, .end = regex + bytes, .out = pcre, .error = error};
    while (t.at < t.end)
        if (*t.at == '\\' ? escape(&t) : t.in_class ? inside_class(&t) : outside_class(&t))
            return -1;
    return t.in_class ? refuse(&t, "a class without end") : 0;
}
