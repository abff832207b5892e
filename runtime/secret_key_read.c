/* secret_key_read.c: see secret_key_read.h. */
#include "runtime/secret_key_read.h"

#include <fcntl.h>

#include "runtime/file_read.h"
#include "runtime/password.h"
#include "runtime/scope.h"

static int fail_key(int status, const char *path, struct rt_error *error)
{
    switch (status) {
    case CR_E_MEMORY: return rt_fail(error, RT_EXIT_RESOURCES, "%s: no memory to open it: a protected key takes 1 GiB for a moment", path);
    case CR_E_PASSWORD: return rt_fail(error, RT_EXIT_FAILED, "%s: the password does not open it", path);
    default: return rt_fail(error, RT_EXIT_FAILED, "%s: not a minisign secret key; make one with `cloister-pack keygen`", path);
    }
}

int rt_secret_key_read(struct cr_secret_key **out, const char *path, struct rt_error *error)
{
    RT_CLEAN(rt_password_wipe) struct rt_password password = {0};
    RT_CLEAN(cr_text_wipe) char *text = NULL;
    size_t bytes;
    if (rt_file_read(&text, &bytes, AT_FDCWD, path, CR_SECRET_KEY_MAX_BYTES, error))
        return -1;
    if (!text)
        return rt_fail(error, RT_EXIT_USAGE, "%s: no such file; give the file of the secret key", path);
    int protected = cr_secret_key_protected(text, bytes);
    if (protected < 0)
        return fail_key(protected, path, error);
    if (protected && rt_password_ask(&password, "Password of the secret key", error))
        return -1;
    int status = cr_secret_key_parse(out, text, bytes, protected ? password.text : NULL);
    return status ? fail_key(status, path, error) : 0;
}
