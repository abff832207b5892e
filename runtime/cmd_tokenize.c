/* cmd_tokenize.c: `cloister tokenize`: a text's token ids and back, for whoever counts tokens or compares with
 * another implementation. Loads no weights: the signature and the two tokenizer files are all that is read of the
 * bundle. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/bundle.h"
#include "runtime/commands.h"
#include "runtime/console.h"
#include "runtime/input.h"
#include "runtime/options.h"
#include "runtime/report.h"
#include "runtime/scope.h"
#include "runtime/seal.h"
#include "runtime/tokenizer.h"

struct tokenize_options {
    const char *operands[2]; /* bundle, text */
    const char *prompt, *file, *decode, *trust;
    int plain, json;
};

/* --- what to tokenize --- */

static int read_text(const struct tokenize_options *options, char **text, size_t *bytes, struct rt_error *error)
{
    const char *given = options->prompt ? options->prompt : options->operands[1];
    if (options->file || !given)
        return rt_input_read(options->file ? options->file : "-", text, bytes, error);
    *bytes = strlen(given);
    *text = strdup(given);
    return *text ? 0 : rt_fail(error, RT_EXIT_RESOURCES, "no memory for the text");
}

/* --- printing --- */

/* One token a line, so that a newline or an escape sequence in a token must not show as one. */
static void print_token_text(const char *text, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c == '\n' || c == '\t' || c == '\r')
            printf("\\%c", c == '\n' ? 'n' : c == '\t' ? 't' : 'r');
        else if (c < 0x20 || c == 0x7f || (c == 0xc2 && i + 1 < bytes && (unsigned char)text[i + 1] < 0xa0)) /* C0, DEL, C1 */
            printf("\\x%02x", c == 0xc2 ? (unsigned char)text[++i] : c);
        else
            putchar(c);
    }
}

static void print_tokens(const struct rt_tokenizer *tokenizer, const struct rt_tokens *ids)
{
    for (size_t i = 0; i < ids->count; i++) {
        size_t bytes;
        const char *text = rt_tokenizer_text(tokenizer, ids->ids[i], &bytes);
        printf("%" PRIu32 "\t", ids->ids[i]);
        print_token_text(text ? text : "", bytes);
        putchar('\n');
    }
}

static int print_ids_json(const struct rt_tokens *ids, struct rt_error *error)
{
    yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
    yyjson_mut_val *root = yyjson_mut_obj(doc), *list = yyjson_mut_obj_add_arr(doc, root, "ids");
    yyjson_mut_doc_set_root(doc, root);
    for (size_t i = 0; i < ids->count; i++)
        yyjson_mut_arr_add_uint(doc, list, ids->ids[i]);
    return rt_report_json(doc, error);
}

static int print_text_json(const char *text, size_t bytes, struct rt_error *error)
{
    yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
    yyjson_mut_val *root = yyjson_mut_obj(doc);
    yyjson_mut_doc_set_root(doc, root);
    yyjson_mut_obj_add_strn(doc, root, "text", text, bytes);
    return rt_report_json(doc, error);
}

/* --- the command --- */

static int open_tokenizer(struct rt_tokenizer **out, const struct tokenize_options *options, struct rt_error *error)
{
    RT_CLEAN(cr_trust_close) struct cr_trust *trust = NULL;
    RT_CLEAN(rt_bundle_close) struct rt_bundle *bundle = NULL;
    RT_FREE char *json = NULL, *config = NULL;
    size_t bytes = 0, config_bytes = 0;
    if (rt_trust_open(&trust, options->trust, error) || rt_bundle_open(&bundle, options->operands[0], trust, error) ||
        rt_bundle_read(bundle, RT_ROLE_TOKENIZER, &json, &bytes, error) ||
        rt_bundle_read(bundle, RT_ROLE_TOKENIZER_CONFIG, &config, &config_bytes, error))
        return -1;
    if (!json)
        return rt_fail(error, RT_EXIT_UNSUPPORTED, "%s: the bundle has no tokenizer", options->operands[0]);
    rt_bundle_close(&bundle);
    if (rt_seal(error)) /* nothing is opened any more: the text has been read */
        return -1;
    if (rt_tokenizer_open(out, json, bytes, config, config_bytes, error))
        return rt_wrap(error, "%s", options->operands[0]);
    return 0;
}

static int decode(const struct rt_tokenizer *tokenizer, const struct tokenize_options *options, struct rt_error *error)
{
    RT_CLEAN(rt_tokens_close) struct rt_tokens ids = {0};
    RT_FREE char *text = NULL;
    size_t bytes;
    if (rt_input_ids("--decode", options->decode, &ids, error) ||
        rt_tokenizer_decode(tokenizer, ids.ids, ids.count, !options->plain, &text, &bytes, error))
        return -1;
    if (options->json)
        return print_text_json(text, bytes, error);
    rt_console_put(text, bytes);
    putchar('\n');
    return 0;
}

static int encode(const struct rt_tokenizer *tokenizer, const struct tokenize_options *options, const char *text, size_t bytes,
                  struct rt_error *error)
{
    RT_CLEAN(rt_tokens_close) struct rt_tokens ids = {0};
    unsigned flags = options->plain ? 0 : RT_ENCODE_SPECIAL | RT_ENCODE_TEMPLATE;
    if (rt_tokenizer_encode(tokenizer, text, bytes, flags, &ids, error))
        return -1;
    if (options->json)
        return print_ids_json(&ids, error);
    print_tokens(tokenizer, &ids);
    return 0;
}

static int check_options(const struct tokenize_options *options, size_t operands, struct rt_error *error)
{
    if (!operands)
        return rt_fail(error, RT_EXIT_USAGE, "tokenize: give the directory of a bundle; `tokenize --help` shows how");
    if ((operands > 1) + !!options->prompt + !!options->file + !!options->decode > 1)
        return rt_fail(error, RT_EXIT_USAGE, "tokenize: TEXT, -p, -f and --decode exclude each other");
    return 0;
}

int cmd_tokenize(const struct rt_call *call, struct rt_error *error)
{
    struct tokenize_options options = {.trust = RT_TRUST_DIRECTORY};
    const struct rt_option table[] = {
        {"-p", RT_OPTION_TEXT, &options.prompt, "TEXT", "tokenize this text; the same as TEXT without -p", 0},
        {"-f", RT_OPTION_TEXT, &options.file, "FILE", "tokenize the text in FILE; \"-\", or no text at all, is standard input", 0},
        {"--decode", RT_OPTION_TEXT, &options.decode, "1,2,3", "print the text of these token ids", 0},
        {"--plain", RT_OPTION_FLAG, &options.plain, NULL,
         "special tokens in the text are plain text, none are added; --decode leaves them out", 0},
        {"--trust", RT_OPTION_TEXT, &options.trust, "DIR", "directory of trusted public keys", 0},
        {"--json", RT_OPTION_FLAG, &options.json, NULL, "print {\"ids\":[…]} or {\"text\":…}", 0},
    };
    size_t count = 2;
    int parsed = rt_options_parse(call, table, sizeof table / sizeof *table, options.operands, &count, error);
    if (parsed)
        return parsed < 0 ? -1 : 0;
    if (check_options(&options, count, error))
        return -1;
    RT_CLEAN(rt_tokenizer_close) struct rt_tokenizer *tokenizer = NULL;
    RT_FREE char *text = NULL;
    size_t bytes = 0;
    if ((!options.decode && read_text(&options, &text, &bytes, error)) || open_tokenizer(&tokenizer, &options, error))
        return -1;
    return options.decode ? decode(tokenizer, &options, error) : encode(tokenizer, &options, text, bytes, error);
}
