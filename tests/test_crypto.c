/* test_crypto.c: keys, signatures and digests, against what minisign wrote. */
#include <stdlib.h>

#include "crypto/digest_lanes.h"
#include "crypto/sign.h"
#include "tests/check.h"
#include "tests/minisign_samples.h"

static const uint8_t message[] = "cloister\n";
enum { MESSAGE_BYTES = sizeof message - 1 };

static struct cr_trust *trust_of(const char *pub)
{
    struct cr_public_key key;
    struct cr_trust *trust;
    CHECK(cr_init() == CR_OK);
    CHECK(cr_public_key_parse(&key, pub, strlen(pub)) == CR_OK);
    CHECK(cr_trust_open(&trust) == CR_OK);
    CHECK(cr_trust_add(trust, &key) == CR_OK);
    return trust;
}

/* The status of one signature text over the message. */
static int judge(const struct cr_trust *trust, const char *text, size_t bytes)
{
    const struct cr_signature_text signature = {text, bytes};
    struct cr_manifest *manifest;
    size_t bad;
    int status = cr_manifest_verify(&manifest, trust, message, MESSAGE_BYTES, &signature, 1, &bad);
    CHECK((status == CR_OK) == (manifest != NULL));
    cr_manifest_close(&manifest);
    return status;
}

/* ---- public keys ---- */

static void public_key_is_read_as_minisign_writes_it(void)
{
    struct cr_public_key key, bare;
    char id[CR_KEY_ID_HEX];
    CHECK(cr_public_key_parse(&key, sample_pub, strlen(sample_pub)) == CR_OK);
    cr_key_id_hex(id, key.id);
    CHECK(strcmp(id, sample_id) == 0);
    const char *line = strchr(sample_pub, '\n') + 1;
    CHECK(cr_public_key_parse(&bare, line, strlen(line)) == CR_OK);
    CHECK(memcmp(&key, &bare, sizeof key) == 0);
    CHECK(cr_public_key_parse(&bare, line, strlen(line) - 1) == CR_OK);
}

static void public_key_refuses_all_else(void)
{
    static const char *const wrong[] = {
        "",
        "\n",
        "untrusted comment: x",
        "untrusted comment: x\n",
        "RWQdY444insjKE7IbPfJ/cjoCyeGsbaF5ssaM3qPNXpN82jVWc6s6LQ",
        "RWQdY444insjKE7IbPfJ/cjoCyeGsbaF5ssaM3qPNXpN82jVWc6s6LQx\r\n",
        "RWQdY444insjKE7IbPfJ/cjoCyeGsbaF5ssaM3qPNXpN82jVWc6s6LQx\n\n",
        "RWQdY444insjKE7IbPfJ/cjoCyeGsbaF5ssaM3qPNXpN82jVWc6s6LQx x",
        "RUQdY444insjKE7IbPfJ/cjoCyeGsbaF5ssaM3qPNXpN82jVWc6s6LQx",
        "comment: x\nRWQdY444insjKE7IbPfJ/cjoCyeGsbaF5ssaM3qPNXpN82jVWc6s6LQx\n",
    };
    struct cr_public_key key;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        CHECK_THAT(cr_public_key_parse(&key, wrong[i], strlen(wrong[i])) == CR_E_FORMAT, "case %zu", i);
    CHECK(cr_public_key_parse(&key, NULL, 0) == CR_E_FORMAT);
}

/* ---- signatures ---- */

static void minisign_signature_holds(void)
{
    struct cr_trust *trust = trust_of(sample_pub);
    const struct cr_signature_text text = {sample_minisig, strlen(sample_minisig)};
    struct cr_manifest *manifest;
    const struct cr_signer *signers;
    size_t bad, bytes;
    CHECK(cr_manifest_verify(&manifest, trust, message, MESSAGE_BYTES, &text, 1, &bad) == CR_OK);
    CHECK(cr_manifest_signers(manifest, &signers) == 1);
    CHECK(signers[0].trusted && strcmp(signers[0].comment, sample_comment) == 0);
    CHECK(memcmp(cr_manifest_bytes(manifest, &bytes), message, MESSAGE_BYTES) == 0 && bytes == MESSAGE_BYTES);
    cr_manifest_close(&manifest);
    cr_trust_close(&trust);
}

static void every_bit_of_a_signature_matters(void)
{
    struct cr_trust *trust = trust_of(sample_pub);
    char text[1024];
    size_t bytes = strlen(sample_minisig);
    memcpy(text, sample_minisig, bytes + 1);
    for (size_t i = 0; i < 8 * bytes; i++) {
        text[i / 8] ^= (char)(1 << i % 8);
        CHECK_THAT(judge(trust, text, bytes) != CR_OK, "bit %zu", i);
        text[i / 8] ^= (char)(1 << i % 8);
    }
    for (size_t i = 0; i < bytes; i++)
        CHECK_THAT(judge(trust, text, i) != CR_OK, "cut at %zu", i);
    text[bytes] = '\n';
    CHECK(judge(trust, text, bytes + 1) == CR_E_FORMAT);
    cr_trust_close(&trust);
}

static void every_bit_of_the_message_matters(void)
{
    struct cr_trust *trust = trust_of(sample_pub);
    const struct cr_signature_text text = {sample_minisig, strlen(sample_minisig)};
    struct cr_manifest *manifest;
    uint8_t copy[MESSAGE_BYTES];
    memcpy(copy, message, MESSAGE_BYTES);
    for (size_t i = 0; i < 8 * sizeof copy; i++) {
        copy[i / 8] ^= (uint8_t)(1 << i % 8);
        CHECK(cr_manifest_verify(&manifest, trust, copy, sizeof copy, &text, 1, NULL) == CR_E_FORGED);
        copy[i / 8] ^= (uint8_t)(1 << i % 8);
    }
    CHECK(cr_manifest_verify(&manifest, trust, copy, sizeof copy - 1, &text, 1, NULL) == CR_E_FORGED);
    CHECK(cr_manifest_verify(&manifest, trust, copy, 0, &text, 1, NULL) == CR_E_FORMAT);
    cr_trust_close(&trust);
}

static void legacy_and_commented_signatures_are_named(void)
{
    static const char other[] = "untrusted comment: signature from another secret key\n";
    struct cr_trust *trust = trust_of(sample_pub);
    char text[1024];
    CHECK(judge(trust, sample_legacy_minisig, strlen(sample_legacy_minisig)) == CR_E_LEGACY);
    snprintf(text, sizeof text, "%s%s", other, strchr(sample_minisig, '\n') + 1);
    CHECK(judge(trust, text, strlen(text)) == CR_E_COMMENT);
    CHECK(judge(trust, text, 0) == CR_E_FORMAT);
    cr_trust_close(&trust);
}

/* Small-order points as a key "verify" anything where the verifier does not look. */
static void keys_of_small_order_are_worthless(void)
{
    struct cr_trust *trust;
    struct cr_public_key key = {.ed25519 = {1}};
    char text[1024];
    CHECK(cr_trust_open(&trust) == CR_OK);
    CHECK(cr_signature_key_id(key.id, sample_minisig, strlen(sample_minisig)) == CR_OK);
    CHECK(cr_trust_add(trust, &key) == CR_OK);
    snprintf(text, sizeof text, "%s", sample_minisig);
    CHECK(judge(trust, text, strlen(text)) == CR_E_FORGED);
    cr_trust_close(&trust);
}

/* ---- several signers ---- */

struct pair {
    struct cr_secret_key *secret;
    struct cr_public_key pub;
    char *signature;
};

static void pair_open(struct pair *pair, const uint8_t *bytes, size_t count)
{
    CHECK(cr_secret_key_generate(&pair->secret, &pair->pub) == CR_OK);
    CHECK(cr_sign(&pair->signature, pair->secret, bytes, count, "test") == CR_OK);
}

static void pair_close(struct pair *pair)
{
    cr_secret_key_close(&pair->secret);
    free(pair->signature);
}

static void one_forged_signature_spoils_a_good_one(void)
{
    struct pair good, forged, unknown;
    struct cr_trust *trust;
    struct cr_manifest *manifest;
    const struct cr_signer *signers;
    size_t bad = 99;
    CHECK(cr_init() == CR_OK);
    CHECK(cr_trust_open(&trust) == CR_OK);
    pair_open(&good, message, MESSAGE_BYTES);
    pair_open(&forged, message, MESSAGE_BYTES - 1);
    pair_open(&unknown, message, MESSAGE_BYTES - 1);
    CHECK(cr_trust_add(trust, &good.pub) == CR_OK && cr_trust_add(trust, &good.pub) == CR_OK);
    CHECK(cr_trust_size(trust) == 1);
    const struct cr_signature_text with_unknown[] = {{unknown.signature, strlen(unknown.signature)},
                                                     {good.signature, strlen(good.signature)}};
    CHECK(cr_manifest_verify(&manifest, trust, message, MESSAGE_BYTES, with_unknown, 2, &bad) == CR_OK);
    CHECK(cr_manifest_signers(manifest, &signers) == 2 && !signers[0].trusted && !signers[0].comment[0] && signers[1].trusted);
    cr_manifest_close(&manifest);
    CHECK(cr_manifest_verify(&manifest, trust, message, MESSAGE_BYTES, with_unknown, 1, &bad) == CR_E_UNTRUSTED && bad == 1);
    CHECK(cr_manifest_verify(&manifest, trust, message, MESSAGE_BYTES, with_unknown, 0, &bad) == CR_E_UNTRUSTED && bad == 0);
    CHECK(cr_trust_add(trust, &forged.pub) == CR_OK);
    const struct cr_signature_text with_forged[] = {{good.signature, strlen(good.signature)}, {forged.signature, strlen(forged.signature)}};
    CHECK(cr_manifest_verify(&manifest, trust, message, MESSAGE_BYTES, with_forged, 2, &bad) == CR_E_FORGED && bad == 1);
    const struct cr_signature_text twice[] = {with_forged[0], with_forged[0]};
    CHECK(cr_manifest_verify(&manifest, trust, message, MESSAGE_BYTES, twice, 2, &bad) == CR_E_FORMAT && bad == 1);
    CHECK(cr_manifest_verify(&manifest, trust, message, MESSAGE_BYTES, twice, CR_KEYS_MAX + 1, &bad) == CR_E_FULL);
    pair_close(&good);
    pair_close(&forged);
    pair_close(&unknown);
    cr_trust_close(&trust);
}

static void trust_has_room_for_so_many_keys(void)
{
    struct cr_trust *trust;
    struct cr_public_key key = {0};
    CHECK(cr_trust_open(&trust) == CR_OK);
    for (int i = 0; i < CR_KEYS_MAX; i++) {
        key.id[0] = (uint8_t)i;
        CHECK(cr_trust_add(trust, &key) == CR_OK);
    }
    key.ed25519[0] = 1;
    CHECK(cr_trust_add(trust, &key) == CR_E_FORGED);
    key.id[0] = CR_KEYS_MAX;
    CHECK(cr_trust_add(trust, &key) == CR_E_FULL);
    cr_trust_close(&trust);
    cr_trust_close(&trust);
    CHECK(trust == NULL);
}

/* ---- secret keys ---- */

static void minisign_secret_keys_open(void)
{
    struct cr_secret_key *secret;
    struct cr_public_key pub, expected;
    CHECK(cr_public_key_parse(&expected, sample_pub, strlen(sample_pub)) == CR_OK);
    CHECK(cr_secret_key_protected(sample_secret, strlen(sample_secret)) == 0);
    CHECK(cr_secret_key_parse(&secret, sample_secret, strlen(sample_secret), "password") == CR_E_PASSWORD);
    CHECK(cr_secret_key_parse(&secret, sample_secret, strlen(sample_secret), NULL) == CR_OK);
    cr_secret_key_public(&pub, secret);
    CHECK(memcmp(&pub, &expected, sizeof pub) == 0);
    cr_secret_key_close(&secret);

    CHECK(cr_secret_key_protected(sample_locked_secret, strlen(sample_locked_secret)) == 1);
    CHECK(cr_secret_key_parse(&secret, sample_locked_secret, strlen(sample_locked_secret), NULL) == CR_E_PASSWORD);
    CHECK(cr_secret_key_parse(&secret, sample_locked_secret, strlen(sample_locked_secret), "wrong") == CR_E_PASSWORD && !secret);
    CHECK(cr_secret_key_parse(&secret, sample_locked_secret, strlen(sample_locked_secret), "test") == CR_OK);
    cr_secret_key_public(&pub, secret);
    CHECK(memcmp(&pub, &expected, sizeof pub) == 0);
    cr_secret_key_close(&secret);
}

static void secret_keys_survive_their_file(void)
{
    struct cr_secret_key *secret, *again;
    struct cr_public_key pub, same;
    char *text, *public_text;
    CHECK(cr_init() == CR_OK && cr_secret_key_generate(&secret, &pub) == CR_OK);
    CHECK(cr_secret_key_print(&text, secret, NULL) == CR_OK);
    CHECK(cr_secret_key_parse(&again, text, strlen(text), NULL) == CR_OK);
    cr_secret_key_public(&same, again);
    CHECK(memcmp(&pub, &same, sizeof pub) == 0);
    CHECK(cr_public_key_print(&public_text, &pub) == CR_OK);
    CHECK(cr_public_key_parse(&same, public_text, strlen(public_text)) == CR_OK);
    CHECK(memcmp(&pub, &same, sizeof pub) == 0);
    cr_secret_key_close(&again);
    cr_secret_key_close(&secret);
    cr_text_wipe(&text);
    cr_text_wipe(&public_text);
    CHECK(text == NULL);
}

static void damaged_secret_keys_do_not_open(void)
{
    struct cr_secret_key *secret;
    char text[512];
    size_t bytes = strlen(sample_secret), line = (size_t)(strchr(sample_secret, '\n') - sample_secret) + 1;
    memcpy(text, sample_secret, bytes + 1);
    for (size_t i = line; i < bytes; i++) {
        text[i] ^= 4;
        int status = cr_secret_key_parse(&secret, text, bytes, NULL);
        int unused = i - line >= 8 && i - line < 83; /* salt, limits and id: minisign's unprotected keys have no checksum */
        CHECK_THAT(status != CR_OK || unused, "byte %zu", i);
        cr_secret_key_close(&secret);
        text[i] ^= 4;
    }
    for (size_t i = 0; i < bytes; i++)
        CHECK(cr_secret_key_parse(&secret, text, i, NULL) != CR_OK && !secret);
    CHECK(cr_secret_key_parse(&secret, sample_greedy_secret, strlen(sample_greedy_secret), "test") == CR_E_FORMAT);
}

static void signing_is_deterministic_and_holds(void)
{
    struct cr_secret_key *secret;
    struct cr_trust *trust = trust_of(sample_pub);
    char *one, *two, *none, long_comment[CR_COMMENT_MAX_BYTES + 2];
    CHECK(cr_secret_key_parse(&secret, sample_secret, strlen(sample_secret), NULL) == CR_OK);
    CHECK(cr_sign(&one, secret, message, MESSAGE_BYTES, "tab\t, and höher") == CR_OK);
    CHECK(cr_sign(&two, secret, message, MESSAGE_BYTES, "tab\t, and höher") == CR_OK);
    CHECK(strcmp(one, two) == 0);
    CHECK(judge(trust, one, strlen(one)) == CR_OK);
    cr_text_wipe(&one);
    cr_text_wipe(&two);
    memset(long_comment, 'x', sizeof long_comment);
    long_comment[CR_COMMENT_MAX_BYTES] = '\0';
    CHECK(cr_sign(&one, secret, message, MESSAGE_BYTES, long_comment) == CR_OK);
    CHECK(judge(trust, one, strlen(one)) == CR_OK);
    cr_text_wipe(&one);
    static const char *const refused[] = {"two\nlines", "\x1b[31m",     "\x7f",     "\xff",
                                          "\xc0\xaf",   "\xed\xa0\x80", "\xc2\x85", "\xf4\x90\x80\x80"};
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        CHECK_THAT(cr_sign(&none, secret, message, MESSAGE_BYTES, refused[i]) == CR_E_FORMAT && !none, "case %zu", i);
    long_comment[CR_COMMENT_MAX_BYTES] = 'x';
    long_comment[CR_COMMENT_MAX_BYTES + 1] = '\0';
    CHECK(cr_sign(&none, secret, message, MESSAGE_BYTES, long_comment) == CR_E_FORMAT);
    cr_secret_key_close(&secret);
    cr_trust_close(&trust);
}

/* ---- digests ---- */

static void digests_are_blake2b_256(void)
{
    static const char abc[] = "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319"; /* printf abc | b2sum -l 256 */
    uint8_t whole[CR_DIGEST_BYTES], parts[CR_DIGEST_BYTES], parsed[CR_DIGEST_BYTES];
    char hex[2 * CR_DIGEST_BYTES + 1];
    struct cr_hash hash;
    cr_digest(whole, "abc", 3);
    cr_digest_hex(hex, whole);
    CHECK(strcmp(hex, abc) == 0);
    cr_hash_start(&hash);
    cr_hash_feed(&hash, "a", 1);
    cr_hash_feed(&hash, "", 0);
    cr_hash_feed(&hash, "bc", 2);
    cr_hash_end(&hash, parts);
    CHECK(cr_digest_equal(whole, parts) == 1);
    CHECK(cr_digest_parse(parsed, abc) == CR_OK && cr_digest_equal(whole, parsed) == 1);
    parsed[31] ^= 1;
    CHECK(cr_digest_equal(whole, parsed) == 0);
    hex[0] = 'B';
    CHECK(cr_digest_parse(parsed, hex) == CR_E_FORMAT);
    CHECK(cr_digest_parse(parsed, abc + 1) == CR_E_FORMAT);
    CHECK(cr_digest_parse(parsed, "") == CR_E_FORMAT);
}

static void digests_side_by_side_are_the_same(void)
{
    static const size_t counts[] = {0, 1, 7, 64, 127, 128, 129, 255, 256, 257, 1000, 4096, CR_CHUNK_BYTES - 1, CR_CHUNK_BYTES};
    uint8_t *bytes = malloc(CR_LANES * (size_t)CR_CHUNK_BYTES + 3), one[CR_DIGEST_BYTES], all[CR_LANES][CR_DIGEST_BYTES];
    const uint8_t *inputs[CR_LANES];
    const struct {
        void (*digest)(uint8_t out[CR_LANES][CR_DIGEST_BYTES], const uint8_t *const inputs[CR_LANES], size_t count);
        int here;
    } ways[] = {
        {cr_digest_lanes, 1},
        {cr_digest_lanes_avx2, __builtin_cpu_supports("avx2") != 0},
        {cr_digest_lanes_avx512, __builtin_cpu_supports("avx512vl") != 0},
    };
    CHECK(cr_init() == CR_OK);
    for (size_t i = 0; i < CR_LANES * (size_t)CR_CHUNK_BYTES + 3; i++)
        bytes[i] = (uint8_t)(i * 131 + (i >> 8) * 7 + (i >> 16));
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
        for (size_t lane = 0; lane < CR_LANES; lane++)
            inputs[lane] = bytes + lane * (CR_CHUNK_BYTES + 1); /* at any address */
        for (size_t way = 0; way < sizeof ways / sizeof *ways; way++) {
            if (ways[way].here)
                ways[way].digest(all, inputs, counts[c]);
            for (size_t lane = 0; ways[way].here && lane < CR_LANES; lane++) {
                cr_digest(one, inputs[lane], counts[c]);
                CHECK_THAT(!memcmp(one, all[lane], sizeof one), "way %zu, %zu bytes, lane %zu", way, counts[c], lane);
            }
        }
    }
    free(bytes);
}

CHECK_MAIN(CHECK_TEST(public_key_is_read_as_minisign_writes_it), CHECK_TEST(public_key_refuses_all_else),
           CHECK_TEST(minisign_signature_holds), CHECK_TEST(every_bit_of_a_signature_matters), CHECK_TEST(every_bit_of_the_message_matters),
           CHECK_TEST(legacy_and_commented_signatures_are_named), CHECK_TEST(keys_of_small_order_are_worthless),
           CHECK_TEST(one_forged_signature_spoils_a_good_one), CHECK_TEST(trust_has_room_for_so_many_keys),
           CHECK_TEST(minisign_secret_keys_open), CHECK_TEST(secret_keys_survive_their_file), CHECK_TEST(damaged_secret_keys_do_not_open),
           CHECK_TEST(signing_is_deterministic_and_holds), CHECK_TEST(digests_are_blake2b_256),
           CHECK_TEST(digests_side_by_side_are_the_same))
