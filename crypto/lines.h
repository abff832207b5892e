/* lines.h: the strict text form of minisign's files, for crypto/ alone: lines that end in '\n' (never "\r\n"), canonical base64,
 * comments that are one line of clean UTF-8. Pure functions; any thread. */
#ifndef CLOISTER_LINES_H
#define CLOISTER_LINES_H

#include <stddef.h>
#include <stdint.h>

struct cr_span { /* text inside somebody else's buffer, not 0-terminated */
    const char *at;
    size_t bytes;
};

#define CR_UNTRUSTED_PREFIX "untrusted comment: "
#define CR_TRUSTED_PREFIX "trusted comment: "

/* Moves the text before the first '\n' from *rest to *line; the '\n' goes. CR_E_FORMAT where there is none. */
int cr_line_take(struct cr_span *line, struct cr_span *rest);
/* Takes `prefix` off the front of *line. CR_E_FORMAT, *line unchanged, where it does not begin so. */
int cr_prefix_take(struct cr_span *line, const char *prefix);
int cr_span_is(const struct cr_span *line, const char *text); /* 1 or 0 */
/* Decodes exactly `bytes` bytes from a whole line of padded base64. CR_E_FORMAT for anything else: one encoding per value. */
int cr_base64_line(uint8_t *out, size_t bytes, const struct cr_span *line);
/* At most CR_COMMENT_MAX_BYTES of UTF-8 without control characters (a tab is allowed): CR_OK or CR_E_FORMAT. */
int cr_comment_check(const struct cr_span *comment);

#endif
