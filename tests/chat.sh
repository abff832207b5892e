#!/bin/bash
# chat.sh - a `cloister run` that stays alive between questions, for tests that look at the running process. Sourced
# after cli.sh.
#
#   chat_start BUNDLE [OPTION…]   starts it with stdin from a FIFO; its process is $CHAT
#   chat_ask TEXT                 asks, and waits until the answer is there
#   chat_stop                     ends its stdin and waits; its exit code is $CHAT_CODE

CHAT=0 CHAT_CODE=0
CHAT_OUT=$SCRATCH/chat.out

chat_start() {
    local bundle=$1
    shift
    rm -f "$SCRATCH/chat.in"
    mkfifo "$SCRATCH/chat.in"
    "$CLOISTER" run "$bundle" --trust "$TRUST" "$@" <"$SCRATCH/chat.in" >"$CHAT_OUT" 2>"$SCRATCH/chat.err" &
    CHAT=$!
    exec 7>"$SCRATCH/chat.in"
}

# The answer is there when stdout has grown and has then been quiet for a second.
chat_ask() {
    local before now last=-1 quiet=0 tries
    before=$(stat -c %s "$CHAT_OUT")
    printf '%s\n' "$1" >&7
    for ((tries = 0; tries < 1200 && quiet < 10; tries++)); do
        sleep 0.1
        kill -0 "$CHAT" 2>/dev/null || break
        now=$(stat -c %s "$CHAT_OUT")
        if [ "$now" -gt "$before" ] && [ "$now" -eq "$last" ]; then
            quiet=$((quiet + 1))
        else
            quiet=0
        fi
        last=$now
    done
    [ "$quiet" -ge 10 ] && return
    echo "no answer to: $1"
    cat "$SCRATCH/chat.err"
    return 1
}

chat_stop() {
    exec 7>&-
    wait "$CHAT"
    # shellcheck disable=SC2034 # for the caller
    CHAT_CODE=$?
}
