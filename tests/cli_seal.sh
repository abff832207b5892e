#!/bin/bash
# cli_seal.sh - `doctor --self-test` and `doctor --seal`: the seal denies what it must, by its own word and by strace's, and a process that is not
# sealed is told from one that is.
. "$(dirname "$0")/cli.sh"
. "$TESTS/chat.sh"

sealed_build_only() {
    ! sanitized || skip "sanitizer build is not sealed"
}

# The calls in strace's outputs that a seal denied. A file for each process: in one for all, lines are broken up.
denied_calls() {
    sed -n 's/^\([a-z0-9_]*\)(.* = -1 EPERM .*/\1/p' "$@" | sort -u
}

case_is "under the seal everything is denied"
sealed_build_only
expect_exit 0 "$CLOISTER" doctor --self-test
expect_no_stderr
expect [ "$(wc -l <"$OUT")" -ge 60 ]
expect_silence grep -v ' denied (' "$OUT"

case_is "and as JSON"
sealed_build_only
expect_exit 0 "$CLOISTER" doctor --self-test --json
expect_json .allowed 0
expect_json '[.trials[] | select(.outcome != "denied")] | length' 0
expect_json '.trials | length >= 60' true

case_is "a build without a seal says what is not denied"
sanitized || skip "this build is sealed"
expect_exit 1 "$CLOISTER" doctor --self-test
expect_stdout_has "NOT DENIED"

case_is "strace sees the calls that were denied"
needs strace
sealed_build_only
expect_exit 0 strace -ff -o "$SCRATCH/trace" "$CLOISTER" doctor --self-test
denied_calls "$SCRATCH"/trace.* >"$SCRATCH/denied"
for call in socket connect bind listen open openat execve fork clone mmap mprotect memfd_create ptrace process_vm_readv kill prctl \
    io_uring_setup bpf setuid mount unshare keyctl userfaultfd perf_event_open; do
    expect grep -qx "$call" "$SCRATCH/denied"
done
expect [ "$(cat "$SCRATCH"/trace.* | grep -c '^+++ killed by SIGSYS')" -eq 2 ]

case_is "a call that is not denied would be noticed"
needs strace
expect_silence denied_calls <(echo 'read(3, "", 1) = 0')
expect_output denied_calls <(echo 'open("x") = -1 EPERM (Operation not permitted)')

bundle=$(demo_bundle w4) || exit 1
chat_start "$bundle"

# Once it answers it is sealed.
case_is "a running cloister is sealed, as the kernel tells"
sealed_build_only
expect chat_ask "x"
expect_exit 0 "$CLOISTER" doctor --seal "$CHAT"
expect_no_stderr
expect grep -qE '^ok +verdict +sealed' "$OUT"
expect grep -qE '^ok +privileges +0 of [0-9]+ threads may gain new ones' "$OUT"
expect grep -qE '^ok +system calls +0 of [0-9]+ threads are unfiltered; at least [2-9] filters' "$OUT"
expect grep -qE '^ok +capabilities +effective, permitted or inheritable: 0;' "$OUT"
expect grep -qE '^ok +core files +at most 0 bytes, to be raised to 0' "$OUT"

case_is "root sees its descriptors and its memory, too"
sealed_build_only
[ "$(id -u)" -eq 0 ] || skip "only root may look"
expect grep -qE '^ok +descriptors' "$OUT"
expect grep -qE '^ok +memory +0 of [0-9]+ executable' "$OUT"

case_is "and as JSON"
sealed_build_only
expect_exit 0 "$CLOISTER" doctor --seal "$CHAT" --json
expect_json '.findings[] | select(.name == "verdict").verdict' '"ok"'
expect_json '[.findings[] | select(.verdict == "bad")] | length' 0

chat_stop

# Waits until the process $1 is no copy of this shell any more.
has_started() {
    local tries
    for ((tries = 0; tries < 100; tries++)); do
        [ "$(cat "/proc/$1/comm")" = sleep ] && return
        sleep 0.05
    done
    return 1
}

case_is "another process is not"
sleep 60 &
other=$!
expect has_started "$other"
expect_exit 1 "$CLOISTER" doctor --seal "$other"
expect_stderr_line "process $other is not sealed"
expect grep -qE '^bad +privileges' "$OUT"
expect grep -qE '^bad +verdict' "$OUT"
kill "$other"

case_is "an open file is no descriptor that a sealed process has"
[ "$(id -u)" -eq 0 ] || skip "only root may look"
sleep 60 8<"$bundle/manifest.json" &
other=$!
expect has_started "$other"
expect_exit 1 "$CLOISTER" doctor --seal "$other"
expect grep -qE '^bad +descriptors.* 1 file' "$OUT"
kill "$other"

case_is "what is no process is refused"
for pid in 0 2147483647; do
    expect_exit 2 "$CLOISTER" doctor --seal "$pid"
    expect_stderr_line "there is no process"
done
expect_exit 2 "$CLOISTER" doctor --seal x
expect_exit 2 "$CLOISTER" doctor --seal 1 --self-test

finish
