/* report.c: signers, sizes and JSON, as commands print them. */
#include "runtime/report.h"

#include <stdio.h>
#include <stdlib.h>

void rt_report_signers(const struct cr_manifest *verified)
{
    const struct cr_signer *signers;
    size_t count = cr_manifest_signers(verified, &signers);
    for (size_t i = 0; i < count; i++) {
        char id[CR_KEY_ID_HEX];
        cr_key_id_hex(id, signers[i].id);
        if (signers[i].trusted)
            printf("signed by %s: %s\n", id, signers[i].comment);
        else
            printf("also signed by %s, a key that is not trusted here: ignored\n", id);
    }
}

yyjson_mut_val *rt_report_signers_json(yyjson_mut_doc *doc, const struct cr_manifest *verified)
{
    const struct cr_signer *signers;
    size_t count = cr_manifest_signers(verified, &signers);
    yyjson_mut_val *list = yyjson_mut_arr(doc);
    for (size_t i = 0; i < count; i++) {
        char id[CR_KEY_ID_HEX];
        yyjson_mut_val *signer = yyjson_mut_arr_add_obj(doc, list);
        cr_key_id_hex(id, signers[i].id);
        yyjson_mut_obj_add_strcpy(doc, signer, "key_id", id);
        yyjson_mut_obj_add_bool(doc, signer, "trusted", signers[i].trusted);
        yyjson_mut_obj_add_str(doc, signer, "comment", signers[i].comment);
    }
    return list;
}

void rt_report_manifest_digest(char out[2 * CR_DIGEST_BYTES + 1], const struct cr_manifest *verified)
{
    uint8_t digest[CR_DIGEST_BYTES];
    cr_manifest_digest(digest, verified);
    cr_digest_hex(out, digest);
}

struct rt_size_text rt_size_text(uint64_t bytes)
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB"};
    struct rt_size_text out;
    double value = (double)bytes;
    size_t i = 0;
    for (; i + 1 < sizeof units / sizeof *units && value >= 1000; i++)
        value /= 1000;
    snprintf(out.text, sizeof out.text, i ? "%.2f %s" : "%.0f %s", value, units[i]);
    return out;
}

int rt_report_json(yyjson_mut_doc *doc, struct rt_error *error)
{
    char *text = yyjson_mut_write(doc, YYJSON_WRITE_NOFLAG, NULL);
    yyjson_mut_doc_free(doc);
    if (!text)
        return rt_fail(error, RT_EXIT_RESOURCES, "no memory to print JSON");
    puts(text);
    free(text);
    return 0;
}
