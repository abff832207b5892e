/* json_scan.h: finds where a JSON text ends, byte by byte, and as early as possible that it is none (RFC 8259; numbers are judged by whoever
 * reads them). Fixed memory. */
#ifndef CLOISTER_JSON_SCAN_H
#define CLOISTER_JSON_SCAN_H

#include <stdint.h>

enum { RT_JSON_DEPTH_MAX = 64 };

struct rt_json_scan { /* begins as {0} */
    int state;
    unsigned depth;
    unsigned hex;     /* digits of \uXXXX to come */
    uint64_t objects; /* bit d: at depth d an object is open, not an array */
    const char *word; /* rest of true, false or null */
};

enum rt_json_step { RT_JSON_MORE, RT_JSON_WHOLE, RT_JSON_BROKEN }; /* WHOLE: this was the last byte; the text is an object or an array */

enum rt_json_step rt_json_scan(struct rt_json_scan *scan, unsigned char byte);

#endif
