/* doctor_kernel.c: what the kernel can take away from us: version, seccomp, Landlock. */
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/utsname.h>

#include "runtime/doctor.h"
#include "runtime/seal.h"

enum { OLDEST_MAJOR = 5, OLDEST_MINOR = 13 };

static void find_version(struct rt_findings *findings)
{
    struct utsname name;
    char *end;
    if (uname(&name)) {
        rt_finding_add(findings, "kernel", RT_VERDICT_UNKNOWN, NULL, "it does not say its version");
        return;
    }
    const unsigned long major = strtoul(name.release, &end, 10), minor = *end == '.' ? strtoul(end + 1, NULL, 10) : 0;
    const int is_old = major < OLDEST_MAJOR || (major == OLDEST_MAJOR && minor < OLDEST_MINOR);
    rt_finding_add(findings, "kernel", is_old ? RT_VERDICT_WARN : RT_VERDICT_OK, "Linux 5.13 or newer is what this program is tested on",
                   "%s %s", name.sysname, name.release);
}

static void find_seccomp(struct rt_findings *findings)
{
    enum { FILTERED = 2 };
    if (prctl(PR_GET_SECCOMP, 0, 0, 0, 0) == FILTERED)
        rt_finding_add(findings, "seccomp", RT_VERDICT_OK, NULL, "this process runs under its filter against networks");
    else
        rt_finding_add(findings, "seccomp", RT_VERDICT_BAD, "a kernel with CONFIG_SECCOMP_FILTER is needed", "no filter is in force");
}

static void find_landlock(struct rt_findings *findings)
{
    const int abi = rt_landlock_abi();
    if (abi)
        rt_finding_add(findings, "Landlock", RT_VERDICT_OK, NULL, "version %d", abi);
    else
        rt_finding_add(findings, "Landlock", RT_VERDICT_WARN,
                       "add \"landlock\" to the kernel's lsm= list; without it seccomp alone keeps files out of reach",
                       "not in this kernel");
}

static void find_seal(struct rt_findings *findings)
{
    if (RT_SANITIZED)
        rt_finding_add(findings, "seal", RT_VERDICT_WARN, "do not use this build outside tests", "off: built with a sanitizer");
    else
        rt_finding_add(findings, "seal", RT_VERDICT_OK, NULL, "on: after loading no file, socket, program or executable memory");
}

void rt_doctor_kernel(struct rt_findings *findings)
{
    find_version(findings);
    find_seccomp(findings);
    find_landlock(findings);
    find_seal(findings);
}
