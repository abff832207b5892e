/* test_bundle.c: bundles and trust stores on a disk: opened, loaded and compared, and each way to damage one. */
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/bundle.h"
#include "runtime/scope.h"
#include "runtime/topology.h"
#include "runtime/weights.h"
#include "runtime/workers.h"
#include "tests/check.h"
#include "tests/tiny_bundle.h"

struct fixture {
    struct tiny_key key;
    char *directory;
    struct rt_workers *workers;
    struct rt_placement *placement;
    struct rt_error error;
};

static void fixture_open(struct fixture *f)
{
    *f = (struct fixture){0};
    tiny_key_open(&f->key);
    f->directory = tiny_bundle(&f->key, NULL);
    CHECK(rt_placement_open(&f->placement, 0, &f->error) == 0);
    CHECK(rt_workers_open(&f->workers, f->placement, &f->error) == 0);
}

static void fixture_close(struct fixture *f)
{
    rt_workers_close(&f->workers);
    free(f->placement);
    tiny_remove(f->directory);
    tiny_key_close(&f->key);
}

static const char *path_of(const struct fixture *f, const char *name)
{
    static char path[512];
    snprintf(path, sizeof path, "%s/%s", f->directory, name);
    return path;
}

static const char *signature_name(const struct fixture *f)
{
    static char name[64];
    char id[CR_KEY_ID_HEX];
    cr_key_id_hex(id, f->key.pub.id);
    snprintf(name, sizeof name, "manifest.json.%s.minisig", id);
    return name;
}

/* Opening alone. */
static int try_open(struct fixture *f)
{
    struct rt_bundle *bundle;
    int status = rt_bundle_open(&bundle, f->directory, f->key.trust, &f->error);
    CHECK((status == 0) == (bundle != NULL));
    rt_bundle_close(&bundle);
    return status;
}

/* Opening and every byte. */
static int try_check(struct fixture *f)
{
    struct rt_bundle *bundle;
    if (rt_bundle_open(&bundle, f->directory, f->key.trust, &f->error))
        return -1;
    int status = rt_bundle_check(bundle, f->workers, NULL, &f->error);
    rt_bundle_close(&bundle);
    return status;
}

#define CHECK_REFUSED(status, part) \
    CHECK_THAT((status) == -1 && f.error.code == RT_EXIT_TRUST && strstr(f.error.text, part), "code %d, %s", (int)f.error.code, \
               f.error.text)

static void flip(const char *path, long offset)
{
    FILE *file = fopen(path, "r+b");
    CHECK(file && fseek(file, offset, SEEK_SET) == 0);
    int byte = fgetc(file);
    CHECK(byte != EOF && fseek(file, offset, SEEK_SET) == 0 && fputc(byte ^ 1, file) != EOF && fclose(file) == 0);
}

/* ---- a good bundle ---- */

struct seen {
    unsigned reports;
    uint64_t last, total;
};

static void see(void *user, uint64_t done, uint64_t total, double seconds)
{
    struct seen *seen = user;
    CHECK(done >= seen->last && done <= total && seconds >= 0);
    seen->reports++;
    seen->last = done;
    seen->total = total;
}

static void weights_are_loaded_as_they_are(void)
{
    struct fixture f;
    struct rt_bundle *bundle;
    struct seen seen = {0};
    const struct rt_progress progress = {see, &seen};
    size_t bytes, text_bytes;
    char *text;
    fixture_open(&f);
    uint8_t *expected = tiny_stream(&bytes);
    struct rt_weights *weights;
    CHECK_THAT(rt_bundle_open(&bundle, f.directory, f.key.trust, &f.error) == 0, "%s", f.error.text);
    CHECK(rt_bundle_manifest(bundle)->stream_bytes == bytes);
    CHECK_THAT(rt_weights_open(&weights, rt_bundle_manifest(bundle), f.workers, &f.error) == 0, "%s", f.error.text);
    CHECK_THAT(rt_bundle_load(bundle, weights, f.workers, &progress, &f.error) == 0, "%s", f.error.text);
    CHECK(memcmp(rt_weights_direct(weights, 0, bytes), expected, bytes) == 0);
    rt_weights_close(&weights);
    CHECK(seen.reports > 0 && seen.last == bytes && seen.total == bytes);
    CHECK(rt_bundle_read(bundle, RT_ROLE_TOKENIZER, &text, &text_bytes, &f.error) == 0);
    CHECK(text_bytes == 5000 && text[25] == 'z' && text[5000] == '\0');
    free(text);
    CHECK(rt_bundle_read(bundle, RT_ROLE_TEMPLATE, &text, &text_bytes, &f.error) == 0 && text == NULL && text_bytes == 0);
    CHECK(rt_bundle_check(bundle, f.workers, &progress, &f.error) == 0 && seen.total == bytes + 5000);
    struct rt_manifest *taken = rt_bundle_take_manifest(bundle);
    rt_bundle_close(&bundle);
    CHECK(taken && taken->file_count == 3);
    rt_manifest_close(&taken);
    free(expected);
    fixture_close(&f);
}

static void two_signers_may_vouch(void)
{
    struct fixture f;
    struct tiny_key other;
    char *manifest = tiny_manifest();
    fixture_open(&f);
    tiny_key_open(&other);
    tiny_sign(&other, f.directory, manifest);
    CHECK_THAT(try_check(&f) == 0, "%s", f.error.text);
    CHECK(cr_trust_add(f.key.trust, &other.pub) == CR_OK);
    CHECK(try_check(&f) == 0);
    tiny_sign(&other, f.directory, "another manifest");
    CHECK_REFUSED(try_open(&f), "does not hold");
    free(manifest);
    tiny_key_close(&other);
    fixture_close(&f);
}

/* ---- damage ---- */

static void a_flipped_bit_is_found_where_it_is(void)
{
    static const struct {
        const char *name, *message;
        long offset;
    } flips[] = {
        {"tokenizer.json", "tokenizer.json: the 1 MiB from byte 0 on", 4999},
        {"weights-00001-of-00002.bin", "00001-of-00002.bin: the 1 MiB from byte 0 on", 0},
        {"weights-00001-of-00002.bin", "00001-of-00002.bin: the 1 MiB from byte 1048576 on", CR_CHUNK_BYTES},
        {"weights-00001-of-00002.bin", "00001-of-00002.bin: the 1 MiB from byte 1048576 on", 2 * CR_CHUNK_BYTES - 1},
        {"weights-00002-of-00002.bin", "00002-of-00002.bin: the 1 MiB from byte 1048576 on", CR_CHUNK_BYTES + 77},
        {"chunks.b2", "chunks.b2: not what was signed", 31},
        {"manifest.json", ".minisig: the signature of a trusted key does not hold", 100},
    };
    struct fixture f;
    fixture_open(&f);
    for (size_t i = 0; i < sizeof flips / sizeof *flips; i++) {
        const char *path = path_of(&f, flips[i].name);
        flip(path, flips[i].offset);
        CHECK_REFUSED(try_check(&f), flips[i].message);
        flip(path, flips[i].offset);
    }
    flip(path_of(&f, "weights-00001-of-00002.bin"), CR_CHUNK_BYTES + 5);
    flip(path_of(&f, "weights-00001-of-00002.bin"), 5);
    for (int i = 0; i < 20; i++) /* the lower one, whoever is faster */
        CHECK_REFUSED(try_check(&f), "the 1 MiB from byte 0 on");
    fixture_close(&f);
}

static void the_list_must_match_both_ways(void)
{
    struct fixture f;
    fixture_open(&f);
    tiny_write(f.directory, "readme.txt", "x", 1);
    CHECK_REFUSED(try_open(&f), "readme.txt: not part of the signed bundle");
    unlink(path_of(&f, "readme.txt"));
    tiny_write(f.directory, "manifest.json.minisig", "x", 1);
    CHECK_REFUSED(try_open(&f), "manifest.json.minisig: not part of the signed bundle");
    unlink(path_of(&f, "manifest.json.minisig"));
    CHECK(mkdir(path_of(&f, "zzz"), 0700) == 0);
    CHECK_REFUSED(try_open(&f), "zzz: not part of the signed bundle");
    rmdir(path_of(&f, "zzz"));
    CHECK(try_open(&f) == 0);
    CHECK(truncate(path_of(&f, "weights-00002-of-00002.bin"), 5) == 0);
    CHECK_REFUSED(try_open(&f), "weights-00002-of-00002.bin: 5 bytes where");
    unlink(path_of(&f, "weights-00002-of-00002.bin"));
    CHECK_REFUSED(try_open(&f), "weights-00002-of-00002.bin: missing");
    CHECK(symlink("weights-00001-of-00002.bin", path_of(&f, "weights-00002-of-00002.bin")) == 0);
    CHECK_REFUSED(try_open(&f), "weights-00002-of-00002.bin: a symbolic link");
    unlink(path_of(&f, "weights-00002-of-00002.bin"));
    CHECK(mkfifo(path_of(&f, "weights-00002-of-00002.bin"), 0600) == 0);
    CHECK_REFUSED(try_open(&f), "weights-00002-of-00002.bin: not a regular file");
    fixture_close(&f);
}

static void what_is_read_unverified_is_no_link_either(void)
{
    static const char *const names[] = {"manifest.json", NULL};
    struct fixture f;
    fixture_open(&f);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char from[512], to[512];
        snprintf(from, sizeof from, "%s", path_of(&f, names[i] ? names[i] : signature_name(&f)));
        snprintf(to, sizeof to, "%s.moved", f.directory);
        CHECK(rename(from, to) == 0 && symlink(to, from) == 0);
        CHECK_REFUSED(try_open(&f), "a symbolic link");
        CHECK(unlink(from) == 0 && mkfifo(from, 0600) == 0);
        CHECK_REFUSED(try_open(&f), "not a regular file");
        CHECK(unlink(from) == 0 && rename(to, from) == 0);
    }
    CHECK(try_open(&f) == 0);
    fixture_close(&f);
}

/* minisign shows a key id without its leading zeros, and people name files by what they see. */
static void a_name_may_drop_leading_zeros(void)
{
    struct fixture f = {0};
    char shorter[512], longer[512];
    do {
        tiny_key_close(&f.key);
        tiny_key_open(&f.key);
    } while (f.key.pub.id[CR_KEY_ID_BYTES - 1] >> 4); /* one key in sixteen: its first digit is 0 */
    f.directory = tiny_bundle(&f.key, NULL);
    snprintf(shorter, sizeof shorter, "%s/manifest.json.%s", f.directory, signature_name(&f) + strlen("manifest.json.0"));
    snprintf(longer, sizeof longer, "%s/manifest.json.0%s", f.directory, signature_name(&f) + strlen("manifest.json."));
    CHECK(rename(path_of(&f, signature_name(&f)), shorter) == 0);
    CHECK_THAT(try_open(&f) == 0, "%s", f.error.text);
    CHECK(rename(shorter, longer) == 0);
    CHECK_REFUSED(try_open(&f), "not signed");
    tiny_remove(f.directory);
    tiny_key_close(&f.key);
}

static void signatures_are_needed_and_named_for_their_key(void)
{
    struct fixture f;
    struct tiny_key other;
    char renamed[512];
    fixture_open(&f);
    tiny_key_open(&other);
    snprintf(renamed, sizeof renamed, "%s/manifest.json.0123456789ABCDEF.minisig", f.directory);
    CHECK(rename(path_of(&f, signature_name(&f)), renamed) == 0);
    CHECK_REFUSED(try_open(&f), "under another name");
    CHECK(unlink(renamed) == 0);
    CHECK_REFUSED(try_open(&f), "not signed");
    char *manifest = tiny_manifest();
    tiny_sign(&other, f.directory, manifest);
    CHECK_REFUSED(try_open(&f), "signed by no trusted key");
    CHECK(unlink(path_of(&f, "manifest.json")) == 0);
    CHECK_REFUSED(try_open(&f), "no manifest.json");
    free(manifest);
    tiny_key_close(&other);
    fixture_close(&f);
}

static void chunk_lists_that_contradict_the_manifest_are_refused(void)
{
    struct fixture f;
    fixture_open(&f);
    tiny_remove(f.directory);
    char *manifest = tiny_manifest(), *digest = strstr(manifest, "\"chunks_blake2b\":\"") + strlen("\"chunks_blake2b\":\"");
    *digest = *digest == '0' ? '1' : '0';
    f.directory = tiny_bundle(&f.key, manifest);
    CHECK_REFUSED(try_check(&f), "not the chunks of tokenizer.json");
    free(manifest);
    fixture_close(&f);
}

/* ---- trust stores ---- */

static int try_trust(const char *directory, size_t *keys, struct rt_error *error)
{
    struct cr_trust *trust;
    int status = rt_trust_open(&trust, directory, error);
    CHECK((status == 0) == (trust != NULL));
    *keys = trust ? cr_trust_size(trust) : 0;
    cr_trust_close(&trust);
    return status;
}

static void trust_stores_hold_keys_or_are_refused(void)
{
    struct fixture f;
    size_t keys;
    char *text;
    fixture_open(&f);
    CHECK_REFUSED(try_trust("/nonexistent", &keys, &f.error), "/nonexistent");
    CHECK_REFUSED(try_trust(f.directory, &keys, &f.error), "no public key");
    CHECK(cr_public_key_print(&text, &f.key.pub) == CR_OK);
    tiny_write(f.directory, "publisher.pub", text, strlen(text));
    CHECK_THAT(try_trust(f.directory, &keys, &f.error) == 0 && keys == 1, "%s", f.error.text);
    CHECK(symlink("publisher.pub", path_of(&f, "link.pub")) == 0);
    CHECK(try_trust(f.directory, &keys, &f.error) == 0 && keys == 1);
    struct cr_public_key same_id = f.key.pub;
    char *other;
    same_id.ed25519[0] ^= 1;
    CHECK(cr_public_key_print(&other, &same_id) == CR_OK);
    tiny_write(f.directory, "zz.pub", other, strlen(other));
    CHECK_REFUSED(try_trust(f.directory, &keys, &f.error), "zz.pub: another key here has the same id");
    tiny_write(f.directory, "zz.pub", "hello", 5);
    CHECK_REFUSED(try_trust(f.directory, &keys, &f.error), "zz.pub: not a minisign public key");
    unlink(path_of(&f, "zz.pub"));
    CHECK(mkdir(path_of(&f, "zz.pub"), 0700) == 0);
    CHECK_REFUSED(try_trust(f.directory, &keys, &f.error), "zz.pub: not a regular file");
    rmdir(path_of(&f, "zz.pub"));
    CHECK(symlink("nowhere", path_of(&f, "zz.pub")) == 0);
    CHECK_REFUSED(try_trust(f.directory, &keys, &f.error), "zz.pub: missing");
    cr_text_wipe(&text);
    cr_text_wipe(&other);
    fixture_close(&f);
}

CHECK_MAIN(CHECK_TEST(weights_are_loaded_as_they_are), CHECK_TEST(two_signers_may_vouch), CHECK_TEST(a_flipped_bit_is_found_where_it_is),
           CHECK_TEST(the_list_must_match_both_ways), CHECK_TEST(what_is_read_unverified_is_no_link_either),
           CHECK_TEST(a_name_may_drop_leading_zeros), CHECK_TEST(signatures_are_needed_and_named_for_their_key),
           CHECK_TEST(chunk_lists_that_contradict_the_manifest_are_refused), CHECK_TEST(trust_stores_hold_keys_or_are_refused))
