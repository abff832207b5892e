/* grammar.h: texts that an answer may be: a JSON schema, or a grammar in GBNF (llama.cpp's notation,
 * https://github.com/ggml-org/llama.cpp/blob/master/grammars/README.md). Compiled once; a mask over the vocabulary says before each token
 * which may come next. Schemas and grammars are hostile: the work and memory of compiling and of each mask are bounded. */
#ifndef CLOISTER_GRAMMAR_H
#define CLOISTER_GRAMMAR_H

#include <stddef.h>
#include <stdint.h>
#include <yyjson.h>

#include "runtime/error.h"
#include "runtime/tokenizer.h"

struct rt_grammar; /* read-only once open; any thread */

enum rt_grammar_kind { RT_GRAMMAR_NONE, RT_GRAMMAR_SCHEMA, RT_GRAMMAR_GBNF, RT_GRAMMAR_JSON };
/* By kind, from a text that the grammar keeps, so that it can be written down and made again; RT_GRAMMAR_JSON has an empty one. */
RT_MUST_CHECK int rt_grammar_open(struct rt_grammar **out, enum rt_grammar_kind kind, const char *text, size_t bytes,
                                  struct rt_error *error);
enum rt_grammar_kind rt_grammar_kind(const struct rt_grammar *grammar);
const char *rt_grammar_text(const struct rt_grammar *grammar); /* 0-terminated */

/* RT_EXIT_USAGE names the rule, or the keyword and its place in the schema ("/properties/age/…"), that is wrong or not supported. */

/* An answer is what the rule `root` matches. */
RT_MUST_CHECK int rt_grammar_open_gbnf(struct rt_grammar **out, const char *text, size_t bytes, struct rt_error *error);

/* An answer is JSON that is valid by the schema; the document may go afterwards. Draft 2020-12 without not, if, patternProperties and the like:
 * what would change validity and is not supported, or not known, is refused; annotations and unknown formats are not. Not every valid text is
 * allowed: members come in the order of "properties"; where nothing is said of additionalProperties beside properties, or of items beside
 * prefixItems, there are none; oneOf is read as anyOf; without "type", the type is what the other keywords speak of. White space is that of
 * json.dumps and of indented JSON, up to 32 spaces behind a line's end; numbers have 15 digits either side of the point at most. */
RT_MUST_CHECK int rt_grammar_open_schema(struct rt_grammar **out, yyjson_val *schema, struct rt_error *error);

RT_MUST_CHECK int rt_grammar_open_json(struct rt_grammar **out, struct rt_error *error); /* any JSON object */
/* One more holder, for rt_grammar_close to let go of: the last one frees. Any thread. */
struct rt_grammar *rt_grammar_share(struct rt_grammar *grammar);
void rt_grammar_close(struct rt_grammar **grammar);

/* The vocabulary by the bytes that its tokens add to a text. Made once for a tokenizer; any thread. */
struct rt_token_bytes;
RT_MUST_CHECK int rt_token_bytes_open(struct rt_token_bytes **out, const struct rt_tokenizer *tokenizer, struct rt_error *error);
void rt_token_bytes_close(struct rt_token_bytes **bytes);

/* Where one answer is in its grammar. One thread. No allocation after open; 2 MB at most, and 24 masks. The answer is decoded by itself, so that
 * its first token's spaces are dropped where the tokenizer's decoder drops them. */
struct rt_constraint;
/* stops: token ids that end an answer; allowed exactly where the text may end. vocab: of the model, at least the tokenizer's. */
RT_MUST_CHECK int rt_constraint_open(struct rt_constraint **out, const struct rt_grammar *grammar, const struct rt_token_bytes *bytes,
                                     uint32_t vocab, const uint32_t *stops, uint32_t stop_count, struct rt_error *error);
void rt_constraint_close(struct rt_constraint **constraint);
/* allowed[(vocab + 31) / 32]: bit id is 1 where that token may come next. At least one is: a grammar that gets stuck allows the stops. */
void rt_constraint_mask(struct rt_constraint *constraint, uint32_t *allowed);
/* The token that came. 0, or -1 where it may not come; then nothing has changed. */
RT_MUST_CHECK int rt_constraint_accept(struct rt_constraint *constraint, uint32_t id);

#endif
