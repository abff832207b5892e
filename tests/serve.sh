#!/bin/bash
# serve.sh - a `cloister serve` that is asked by curl. Sourced after cli.sh.
#
#   serve_start BUNDLE [OPTION…]    starts it, and waits until it answers; its process is $SERVE, its socket $SOCKET, its log $LOG
#   serve_stop [SIGNAL]             ends it and waits; its exit code is $SERVE_CODE
#   get PATH [OPTION…]              curl's GET; post PATH BODY [OPTION…]: JSON
#   expect_status CODE COMMAND…     get or post, answered with this status; what came is in $OUT, its headers in $HEADERS
#   expect_error CODE PARAM TEXT COMMAND…
#                                   … with an error in OpenAI's form: this param ("null" for none), and TEXT in the message
#   chat TEXT [MEMBERS]             the body of a chat request with one message, and further members: ', "n": 2'

SERVE=0 SERVE_CODE=0
SOCKET=$SCRATCH/socket LOG=$SCRATCH/serve.log HEADERS=$SCRATCH/headers
trap 'serve_kill; rm -rf "$SCRATCH"' EXIT

serve_kill() {
    [ "$SERVE" -eq 0 ] || kill -9 "$SERVE" 2>/dev/null
}

serve_start() {
    local bundle=$1 tries
    shift
    "$CLOISTER" serve "$bundle" --trust "$TRUST" --socket "$SOCKET" "$@" >/dev/null 2>"$LOG" &
    SERVE=$!
    for ((tries = 0; tries < 600; tries++)); do
        curl -s --max-time 5 --unix-socket "$SOCKET" http://cloister/health >/dev/null 2>&1 && return
        kill -0 "$SERVE" 2>/dev/null || break
        sleep 0.1
    done
    echo "it does not start"
    cat "$LOG"
    return 1
}

serve_stop() {
    kill -"${1:-TERM}" "$SERVE"
    wait "$SERVE"
    # shellcheck disable=SC2034 # for the caller
    SERVE_CODE=$?
    SERVE=0
}

get() {
    local path=$1
    shift
    curl -sS --max-time 60 --unix-socket "$SOCKET" -D "$HEADERS" "$@" "http://cloister$path"
}

post() {
    local path=$1 body=$2
    shift 2
    get "$path" -H 'Content-Type: application/json' --data-binary "$body" "$@"
}

chat() {
    jq -cn --arg text "$1" '{model: "demo", messages: [{role: "user", content: $text}]}' | sed "s/}\$/${2:-}}/"
}

expect_status() {
    local want=$1 status
    shift
    checking_ || return
    "$@" >"$OUT" 2>"$ERR" <"$INPUT"
    status=$(awk 'toupper($1) ~ /^HTTP/ { status = $2 } END { print status }' "$HEADERS")
    [ "$status" = "$want" ] && return
    complain_ "status $status instead of $want: $*"
    head -c 1000 "$OUT" "$ERR" | sed 's/^/    /'
}

expect_error() {
    local status=$1 param=$2 text=$3
    shift 3
    expect_status "$status" "$@"
    expect_json ".error | [(keys | join(\" \")), .param, (.message | contains($(jq -n --arg text "$text" '$text')))]" \
        "[\"code message param type\",$([ "$param" = null ] && echo null || echo "\"$param\""),true]"
}
