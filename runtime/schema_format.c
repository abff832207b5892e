/* schema_format.c: the formats of strings that are held to, as patterns. Others are comments, as the specification has it. Any thread. */
#include <string.h>

#include "runtime/schema_parts.h"

#define LEAP "([0-9][0-9]([02468][48]|[13579][26]|[2468]0)|([02468][48]|[13579][26]|[2468]0)00)"
#define DATE \
    "([0-9]{3}[1-9]|[0-9]{2}[1-9]0|[0-9][1-9]00|[1-9]000)-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|" \
    "02-(0[1-9]|1[0-9]|2[0-8]))|" LEAP "-02-29"
#define TIME "([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,6})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])"
#define BYTE "(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
#define LABEL "[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
#define WORDS "[A-Za-z0-9]+(-[A-Za-z0-9]+)*"
#define HEX "[0-9A-Fa-f]"

static const struct {
    const char *name, *pattern;
} formats[] = {
    {"date", "^(" DATE ")$"},
    {"time", "^" TIME "$"},
    {"date-time", "^(" DATE ")T" TIME "$"},
    {"duration",
     "^P([0-9]{1,9}W|[0-9]{1,9}D|[0-9]{1,9}Y([0-9]{1,9}M([0-9]{1,9}D)?)?|T([0-9]{1,9}H([0-9]{1,9}M([0-9]{1,9}S)?)?|[0-9]{1,9}S))$"},
    {"uuid", "^" HEX "{8}-" HEX "{4}-" HEX "{4}-" HEX "{4}-" HEX "{12}$"},
    {"email", "^[A-Za-z0-9_+-]+(\\.[A-Za-z0-9_+-]+)*@" WORDS "(\\." WORDS ")+$"},
    {"hostname", "^" LABEL "(\\." LABEL "){0,3}$"},
    {"ipv4", "^" BYTE "(\\." BYTE "){3}$"},
    {"ipv6", "^" HEX "{1,4}(:" HEX "{1,4}){7}$"},
};

const char *rt_schema_format(const char *name)
{
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (!strcmp(formats[i].name, name))
            return formats[i].pattern;
    return NULL;
}
