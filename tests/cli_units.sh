#!/bin/bash
# cli_units.sh - the systemd units: systemd-analyze finds nothing wrong with them and little that they leave open, `make install` puts them where
# systemd looks, and what cloister calls while it loads is what its filter allows.
. "$(dirname "$0")/cli.sh"

UNITS=$TOP/packaging/systemd
stage=$SCRATCH/stage
mkdir "$stage"

# The units as systemd sees them: an instance, with the program where it is built, since it need not be installed here.
cp "$UNITS/cloister@.socket" "$stage"
sed "s|^\(ExecStart=\)/usr/bin/cloister|\1$CLOISTER|" "$UNITS/cloister@.service" >"$stage/cloister@.service"
cp "$stage/cloister@.service" "$stage/cloister@demo.service"

case_is "systemd understands every line"
needs systemd-analyze
expect_exit 0 systemd-analyze verify --man=no --recursive-errors=no "$stage/cloister@demo.service" "$stage/cloister@.socket"
expect_silence grep -F "$stage" "$ERR"

case_is "a line that it does not understand would be noticed"
needs systemd-analyze
mkdir "$SCRATCH/wrong"
sed 's/^UMask=/UMusk=/' "$stage/cloister@demo.service" >"$SCRATCH/wrong/cloister@demo.service"
systemd-analyze verify --man=no --recursive-errors=no "$SCRATCH/wrong/cloister@demo.service" >"$OUT" 2>&1
expect_stdout_has "UMusk"

case_is "its exposure is 1.0 at most"
needs systemd-analyze
expect_exit 0 systemd-analyze security --offline=true --threshold=10 "$stage/cloister@demo.service"

case_is "a unit that leaves more open would be noticed"
needs systemd-analyze
printf '[Service]\nExecStart=%s\n' "$CLOISTER" >"$SCRATCH/wrong/open.service"
expect_exit 1 systemd-analyze security --offline=true --threshold=10 "$SCRATCH/wrong/open.service"

# ---- the filter ----

# What the unit's lines of SystemCallFilter= come to, a call a line: sets are expanded, later lines add to or, behind ~, take from those before.
allowed_calls() {
    { systemd-analyze syscall-filter; grep '^SystemCallFilter=' "$1"; } | sed 's/\x1b\[[0-9;]*m//g' | awk '
        function expand(word, sign,   i, n, parts) {
            if (word !~ /^@/) { if (sign) allowed[word] = 1; else delete allowed[word]; return }
            n = split(members[word], parts, " ")
            for (i = 1; i <= n; i++) expand(parts[i], sign)
        }
        /^@/ { set = $1; next }
        /^ +[@a-z]/ { members[set] = members[set] " " $1; next }
        /^SystemCallFilter=/ {
            sub(/^SystemCallFilter=/, "")
            sign = !sub(/^~/, "")
            for (i = 1; i <= NF; i++) expand($i, sign)
        }
        END { for (call in allowed) print call }' | sort
}

# The calls in strace's outputs, but for the one that starts the program.
made_calls() {
    sed -n 's/^\([a-z0-9_]*\)(.*/\1/p' "$@" | sort -u | grep -vx execve
}

case_is "the filter allows what loading and answering call, and not what nobody should"
needs systemd-analyze strace
! sanitized || skip "a sanitizer calls more"
bundle=$(demo_bundle w4) || exit 1
expect_exit 0 strace -ff -o "$SCRATCH/trace" "$CLOISTER" run "$bundle" --trust "$TRUST" -p x -n 2
allowed_calls "$UNITS/cloister@.service" >"$SCRATCH/allowed"
made_calls "$SCRATCH"/trace.* >"$SCRATCH/made"
expect [ "$(wc -l <"$SCRATCH/made")" -ge 30 ]
# Without capabilities, as the unit starts it, it calls no capset; cachestat, which systemd and strace may be too old to know, it can do without.
expect_silence comm -13 "$SCRATCH/allowed" <(grep -vxE 'capset|cachestat|syscall_0x1c3' "$SCRATCH/made")
for call in memfd_create seccomp landlock_restrict_self accept4 epoll_wait sendmsg; do
    expect grep -qx "$call" "$SCRATCH/allowed"
done
for call in ptrace mount capset setuid add_key io_uring_setup bpf process_vm_readv shmget chown init_module; do
    expect_silence grep -x "$call" "$SCRATCH/allowed"
done

# ---- where they go ----

case_is "make install puts them where systemd looks"
needs make
expect_exit 0 make -C "$TOP" -n install DESTDIR=/d PREFIX=/usr
expect grep -qE 'install .*/d/usr/lib/systemd/system .*cloister@\.service' "$OUT"
expect grep -qE 'install .*cloister@\.socket' "$OUT"
expect grep -qE 'install .*/d/usr/lib/sysusers\.d/cloister\.conf' "$OUT"

case_is "the group of the socket is one that sysusers makes"
group=$(sed -n 's/^SocketGroup=//p' "$UNITS/cloister@.socket")
expect grep -qE "^g $group " "$UNITS/cloister.sysusers"

finish
