/* tokenizer_bytes.c: what one token adds to a text, byte for byte: the decoder's stages (tokenizer_stages.c) without their judgement on whole
 * characters, for whoever must know before the text is there. Any thread; no allocation. */
#include <string.h>

#include "runtime/tokenizer_parts.h"

enum { PIECE_BYTES = 1024 };

struct piece {
    char at[PIECE_BYTES];
    size_t len;
    int failed; /* it does not fit */
};

static void add(struct piece *piece, const char *bytes, size_t count)
{
    piece->failed |= count > sizeof piece->at - piece->len;
    if (!piece->failed && count)
        memcpy(piece->at + piece->len, bytes, count);
    piece->len += piece->failed ? 0 : count;
}

static void replace(struct piece *piece, const char *needle, size_t needle_bytes, const char *by, size_t by_bytes)
{
    const struct piece old = *piece;
    piece->len = 0;
    for (size_t at = 0; at < old.len;) {
        const int found = needle_bytes && old.len - at >= needle_bytes && !memcmp(old.at + at, needle, needle_bytes);
        add(piece, found ? by : old.at + at, found ? by_bytes : 1);
        at += found ? needle_bytes : 1;
    }
}

static void byte_level(struct piece *piece)
{
    struct piece mapped = {.len = 0};
    uint32_t character;
    for (size_t at = 0; at < piece->len;) {
        at += rt_utf8_read(piece->at + at, piece->len - at, &character);
        const int byte = rt_char_to_byte(character);
        if (byte < 0)
            return; /* a token that is not of the alphabet stands for itself */
        add(&mapped, &(char){(char)byte}, 1);
    }
    *piece = mapped;
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void byte_fallback(struct piece *piece)
{
    if (piece->len != 6 || memcmp(piece->at, "<0x", 3) || piece->at[5] != '>')
        return;
    const int high = hex_digit(piece->at[3]), low = hex_digit(piece->at[4]);
    if (high < 0 || low < 0)
        return;
    piece->at[0] = (char)(high * 16 + low);
    piece->len = 1;
}

static void strip(struct piece *piece, const struct rt_decode_part *part)
{
    const size_t bytes = part->text_bytes;
    size_t start = 0;
    for (size_t i = 0; i < part->start && piece->len - start >= bytes && !memcmp(piece->at + start, part->text, bytes); i++)
        start += bytes;
    memmove(piece->at, piece->at + start, piece->len - start);
    piece->len -= start;
    for (size_t i = 0; i < part->stop && piece->len >= bytes && !memcmp(piece->at + piece->len - bytes, part->text, bytes); i++)
        piece->len -= bytes;
}

static int joins(const struct rt_decode_part *part)
{
    return part->kind == RT_STAGE_FUSE || part->kind == RT_STAGE_BYTE_LEVEL;
}

static void decode(const struct rt_decode_parts *parts, struct piece *piece)
{
    int joined = 0;
    for (size_t i = 0; i < parts->count; i++) {
        const struct rt_decode_part *part = &parts->at[i];
        const struct piece before = part->kind == RT_STAGE_SEPARATE ? *piece : (struct piece){.len = 0};
        switch (part->kind) {
        case RT_STAGE_SEPARATE:
            piece->len = 0;
            add(piece, " ", 1);
            add(piece, before.at, before.len);
            break;
        case RT_STAGE_BYTE_LEVEL: byte_level(piece); break;
        case RT_STAGE_BYTE_FALLBACK: byte_fallback(piece); break;
        case RT_STAGE_METASPACE: replace(piece, part->text, part->text_bytes, " ", 1); break;
        case RT_STAGE_REPLACE: replace(piece, part->text, part->text_bytes, part->content, part->content_bytes); break;
        case RT_STAGE_STRIP:
            if (!joined)
                strip(piece, part);
            break;
        case RT_STAGE_FUSE: break;
        }
        joined |= joins(part);
    }
}

int rt_tokenizer_bytes(const struct rt_tokenizer *tokenizer, uint32_t id, char *out, size_t room, size_t *bytes)
{
    const struct rt_token *token = id < tokenizer->vocab.size ? &tokenizer->vocab.tokens[id] : NULL;
    struct piece piece;
    if (!token || !token->text || token->special)
        return -1;
    const struct rt_added_token *added = token->added ? &tokenizer->added.tokens[token->added - 1] : NULL;
    if (added && added->hidden)
        return -1;
    piece.len = 0;
    piece.failed = 0;
    if (added && added->normal)
        add(&piece, added->normal, added->normal_bytes);
    else
        add(&piece, token->text, token->bytes);
    decode(&tokenizer->decode, &piece);
    if (piece.failed || piece.len > room)
        return -1;
    *bytes = piece.len;
    if (piece.len)
        memcpy(out, piece.at, piece.len);
    return 0;
}

size_t rt_tokenizer_dropped_spaces(const struct rt_tokenizer *tokenizer)
{
    const struct rt_decode_parts *parts = &tokenizer->decode;
    size_t dropped = 0;
    int joined = 0;
    for (size_t i = 0; i < parts->count; i++) {
        const struct rt_decode_part *part = &parts->at[i];
        if (part->kind == RT_STAGE_METASPACE && part->drop_first)
            return SIZE_MAX;
        if (part->kind == RT_STAGE_SEPARATE)
            dropped++;
        if (part->kind == RT_STAGE_STRIP && joined && part->text_bytes == 1 && *part->text == ' ')
            dropped += part->start;
        joined |= joins(part);
    }
    return dropped;
}
