/* cmd_keygen.c: `cloister-pack keygen`: makes a key pair in minisign's format. */
#include <sys/stat.h>
#include <unistd.h>

#include "packaging/pack/pack_commands.h"
#include "runtime/new_file.h"
#include "runtime/options.h"
#include "runtime/password.h"
#include "runtime/scope.h"

struct keygen_options {
    const char *pub, *secret;
    int unprotected;
};

static int refuse_existing(const char *path, struct rt_error *error)
{
    struct stat status;
    if (lstat(path, &status))
        return 0;
    return rt_fail(error, RT_EXIT_USAGE, "%s: exists, and is never overwritten; choose another name", path);
}

/* Both files, or none. */
static int write_pair(const struct keygen_options *options, const char *pub, const char *secret, struct rt_error *error)
{
    if (rt_new_file(options->secret, 0600, secret, RT_KEEP_EXISTING, error))
        return -1;
    if (rt_new_file(options->pub, 0644, pub, RT_KEEP_EXISTING, error)) {
        unlink(options->secret);
        return -1;
    }
    return 0;
}

static int make_pair(const struct keygen_options *options, const char *password, struct rt_error *error)
{
    RT_CLEAN(cr_secret_key_close) struct cr_secret_key *secret = NULL;
    RT_CLEAN(cr_text_wipe) char *secret_text = NULL, *pub_text = NULL;
    struct cr_public_key pub;
    char id[CR_KEY_ID_HEX];
    if (cr_secret_key_generate(&secret, &pub) || cr_public_key_print(&pub_text, &pub))
        return rt_fail(error, RT_EXIT_RESOURCES, "no memory for a key");
    if (cr_secret_key_print(&secret_text, secret, password))
        return rt_fail(error, RT_EXIT_RESOURCES, "no memory to protect the key with its password: that takes 1 GiB for a moment");
    if (write_pair(options, pub_text, secret_text, error))
        return -1;
    cr_key_id_hex(id, pub.id);
    printf("key %s: public key in %s, secret key in %s\n", id, options->pub, options->secret);
    return 0;
}

static int keygen(const struct keygen_options *options, struct rt_error *error)
{
    RT_CLEAN(rt_password_wipe) struct rt_password password = {0};
    if (refuse_existing(options->pub, error) || refuse_existing(options->secret, error))
        return -1;
    if (cr_init())
        return rt_fail(error, RT_EXIT_FAILED, "the system gives no random numbers, without which there are no keys");
    if (!options->unprotected && rt_password_choose(&password, error))
        return -1;
    return make_pair(options, options->unprotected ? NULL : password.text, error);
}

int pk_cmd_keygen(const struct rt_call *call, struct rt_error *error)
{
    struct keygen_options options = {0};
    const struct rt_option table[] = {
        {"-p", RT_OPTION_TEXT, &options.pub, "FILE", "where the public key goes", 0},
        {"-s", RT_OPTION_TEXT, &options.secret, "FILE", "where the secret key goes", 0},
        {"-W", RT_OPTION_FLAG, &options.unprotected, NULL, "do not protect the secret key with a password", 0},
    };
    size_t count = 0;
    int parsed = rt_options_parse(call, table, sizeof table / sizeof *table, NULL, &count, error);
    if (parsed)
        return parsed < 0 ? -1 : 0;
    if (!options.pub || !options.secret)
        return rt_fail(error, RT_EXIT_USAGE, "keygen: give -p and -s, the files of the new keys");
    return keygen(&options, error);
}
