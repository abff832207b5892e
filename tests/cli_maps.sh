#!/bin/bash
# cli_maps.sh - a running `cloister` seen from outside: once loaded it has no file of the bundle open or mapped, no
# memory that is writable and executable, and a seal on every thread.
. "$(dirname "$0")/cli.sh"
. "$TESTS/chat.sh"

# Files below the directory $2 that process $1 has open or mapped.
files_held() {
    { readlink "/proc/$1/fd"/* 2>/dev/null; awk '{ print $6 }' "/proc/$1/maps"; } | grep -F "$2/"
}

writable_and_executable() {
    grep -E '^[^ ]+ .wx' "/proc/$1/maps"
}

# Every thread's /proc status has the line $2, and there are threads.
every_thread_has() {
    local status count=0
    for status in "/proc/$1/task"/*/status; do
        grep -qE "$2" "$status" || return 1
        count=$((count + 1))
    done
    [ "$count" -gt 1 ]
}

# cloister lets nobody but root look into it.
needs_maps() {
    head -c 1 "/proc/$CHAT/maps" >/dev/null 2>&1 || skip "only root may read /proc/PID/maps of cloister"
}

bundle=$(demo_bundle w4) || exit 1
chat_start "$bundle"

case_is "chat answers through a pipe"
expect chat_ask "What is the capital of Malta?"

case_is "no file of the bundle is open or mapped"
needs_maps
expect grep -q . "/proc/$CHAT/maps"
expect_silence files_held "$CHAT" "$bundle"
expect_silence files_held "$CHAT" "$TRUST"

case_is "no memory is writable and executable"
needs_maps
! sanitized || skip "sanitizer build is not sealed"
expect_silence writable_and_executable "$CHAT"

case_is "every thread is under the filter and has no new privileges"
! sanitized || skip "sanitizer build is not sealed"
expect every_thread_has "$CHAT" '^Seccomp:[[:space:]]+2$'
expect every_thread_has "$CHAT" '^NoNewPrivs:[[:space:]]+1$'

case_is "it ends with its input"
chat_stop
expect [ "$CHAT_CODE" -eq 0 ]

case_is "an open file of the bundle would be noticed"
exec 8<"$bundle/manifest.json"
sleep 60 &
expect_output files_held $! "$bundle"
kill $!
exec 8<&-

finish
