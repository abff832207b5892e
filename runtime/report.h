/* report.h: what `verify` and `inspect` both say: who signed, and how large something is. One thread. */
#ifndef CLOISTER_REPORT_H
#define CLOISTER_REPORT_H

#include <yyjson.h>

#include "crypto/crypto.h"
#include "runtime/error.h"

/* A line per signer on stdout. */
void rt_report_signers(const struct cr_manifest *verified);
/* The same as a JSON array of {"key_id","trusted","comment"}; its strings live as long as `verified` and `doc`. */
yyjson_mut_val *rt_report_signers_json(yyjson_mut_doc *doc, const struct cr_manifest *verified);
/* The digest of the manifest, in hexadecimal. */
void rt_report_manifest_digest(char out[2 * CR_DIGEST_BYTES + 1], const struct cr_manifest *verified);
/* "4.21 GB" */
struct rt_size_text {
    char text[32];
};
struct rt_size_text rt_size_text(uint64_t bytes);
/* Prints the document as one line on stdout and frees it. 0, or -1 with *error where there was no memory for it. */
int rt_report_json(yyjson_mut_doc *doc, struct rt_error *error);

#endif
