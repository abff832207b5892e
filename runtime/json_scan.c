/* json_scan.c: a pushdown automaton whose stack is a word. */
#include "runtime/json_scan.h"

#include <string.h>

enum { TOP, VALUE, FIRST_VALUE, FIRST_KEY, KEY, COLON, AFTER, NUMBER, WORD, STRING, KEY_STRING, ESCAPE, KEY_ESCAPE };

static int in_object(const struct rt_json_scan *scan)
{
    return (int)(scan->objects >> (scan->depth - 1) & 1);
}

static enum rt_json_step to(struct rt_json_scan *scan, int state)
{
    scan->state = state;
    return RT_JSON_MORE;
}

static enum rt_json_step open_level(struct rt_json_scan *scan, int is_object)
{
    if (scan->depth == RT_JSON_DEPTH_MAX)
        return RT_JSON_BROKEN;
    const uint64_t bit = (uint64_t)1 << scan->depth++;
    scan->objects = is_object ? scan->objects | bit : scan->objects & ~bit;
    return to(scan, is_object ? FIRST_KEY : FIRST_VALUE);
}

static enum rt_json_step close_level(struct rt_json_scan *scan, unsigned char byte)
{
    if (in_object(scan) != (byte == '}'))
        return RT_JSON_BROKEN;
    return --scan->depth ? to(scan, AFTER) : RT_JSON_WHOLE;
}

static enum rt_json_step begin_word(struct rt_json_scan *scan, const char *word)
{
    scan->word = word + 1;
    return to(scan, WORD);
}

static enum rt_json_step begin_value(struct rt_json_scan *scan, unsigned char byte)
{
    switch (byte) {
    case '{': return open_level(scan, 1);
    case '[': return open_level(scan, 0);
    case '"': return to(scan, STRING);
    case 't': return begin_word(scan, "true");
    case 'f': return begin_word(scan, "false");
    case 'n': return begin_word(scan, "null");
    default: return byte == '-' || (byte >= '0' && byte <= '9') ? to(scan, NUMBER) : RT_JSON_BROKEN;
    }
}

static enum rt_json_step after_value(struct rt_json_scan *scan, unsigned char byte)
{
    if (byte == '}' || byte == ']')
        return close_level(scan, byte);
    return byte == ',' ? to(scan, in_object(scan) ? KEY : VALUE) : RT_JSON_BROKEN;
}

static enum rt_json_step in_string(struct rt_json_scan *scan, unsigned char byte)
{
    const int is_key = scan->state == KEY_STRING;
    if (scan->hex) {
        scan->hex--;
        return byte && strchr("0123456789abcdefABCDEF", byte) ? RT_JSON_MORE : RT_JSON_BROKEN;
    }
    if (byte == '"')
        return to(scan, is_key ? COLON : AFTER);
    if (byte == '\\')
        return to(scan, is_key ? KEY_ESCAPE : ESCAPE);
    return byte < 0x20 ? RT_JSON_BROKEN : RT_JSON_MORE;
}

static enum rt_json_step in_escape(struct rt_json_scan *scan, unsigned char byte)
{
    if (!byte || !strchr("\"\\/bfnrtu", byte))
        return RT_JSON_BROKEN;
    scan->hex = byte == 'u' ? 4 : 0;
    return to(scan, scan->state == KEY_ESCAPE ? KEY_STRING : STRING);
}

static enum rt_json_step in_word(struct rt_json_scan *scan, unsigned char byte)
{
    if (byte != (unsigned char)*scan->word++)
        return RT_JSON_BROKEN;
    return *scan->word ? RT_JSON_MORE : to(scan, AFTER);
}

static enum rt_json_step between(struct rt_json_scan *scan, unsigned char byte)
{
    if (byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r')
        return scan->state == NUMBER ? to(scan, AFTER) : RT_JSON_MORE;
    switch (scan->state) {
    case TOP: return byte == '{' || byte == '[' ? begin_value(scan, byte) : RT_JSON_BROKEN;
    case VALUE: return begin_value(scan, byte);
    case FIRST_VALUE: return byte == ']' ? close_level(scan, byte) : begin_value(scan, byte);
    case FIRST_KEY: return byte == '}' ? close_level(scan, byte) : byte == '"' ? to(scan, KEY_STRING) : RT_JSON_BROKEN;
    case KEY: return byte == '"' ? to(scan, KEY_STRING) : RT_JSON_BROKEN;
    case COLON: return byte == ':' ? to(scan, VALUE) : RT_JSON_BROKEN;
    case NUMBER: return byte && strchr("0123456789+-.eE", byte) ? RT_JSON_MORE : after_value(scan, byte);
    default: return after_value(scan, byte);
    }
}

enum rt_json_step rt_json_scan(struct rt_json_scan *scan, unsigned char byte)
{
    switch (scan->state) {
    case STRING:
    case KEY_STRING: return in_string(scan, byte);
    case ESCAPE:
    case KEY_ESCAPE: return in_escape(scan, byte);
    case WORD: return in_word(scan, byte);
    default: return between(scan, byte);
    }
}
