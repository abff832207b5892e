#!/bin/bash
# load.sh BUILD BUNDLE TRUST - the table of a server under load: 1, 4, 16 and 64 clients with mixed prompts, ours and, beside it in turns, another
# server of the same API. Figures are medians of the rounds, ratios those of neighbouring runs; nothing is asserted but that no request
# fails, that answers under load are those alone, and that memory does not grow. Needs jq.
#
#   PEER=COMMAND   starts the other server on 127.0.0.1:PEER_PORT, in the foreground; it runs as long as this does
#   SECONDS_EACH=30  ROUNDS=3  CLIENTS="1 4 16 64"  SLOTS=16  SERVE="more options of cloister serve"  PEER_PORT=18080  CHECK=40 (answers compared)
set -eu

BUILD=$1 BUNDLE=$2 TRUST=$3
SECONDS_EACH=${SECONDS_EACH:-30} ROUNDS=${ROUNDS:-3} CLIENTS=${CLIENTS:-1 4 16 64} SLOTS=${SLOTS:-16} PEER_PORT=${PEER_PORT:-18080} CHECK=${CHECK:-40}
LOAD=$BUILD/tests/make_load
DIR=$(mktemp -d)
ours='' peer=''
stop_all() {
    [ -z "$ours" ] || kill "$ours" 2> /dev/null || true
    [ -z "$peer" ] || kill -- "-$peer" 2> /dev/null || true
    wait
    rm -rf "$DIR"
}
trap stop_all EXIT

# shellcheck disable=SC2086 # options
"$BUILD/cloister" serve "$BUNDLE" --trust "$TRUST" --socket "$DIR/s" --slots "$SLOTS" --queue 256 ${SERVE:-} 2> "$DIR/log" &
ours=$!
if [ -n "${PEER:-}" ]; then
    set -m
    bash -c "exec $PEER" > "$DIR/peer" 2>&1 &
    peer=$!
    set +m
fi
wait_for() {
    for _ in $(seq 600); do
        "$@" > /dev/null 2>&1 && return
        sleep 0.2
    done
    echo "load.sh: a server does not start" >&2
    tail -n 5 "$DIR/log" "$DIR/peer" >&2
    exit 1
}
wait_for curl -sf --unix-socket "$DIR/s" http://x/health
[ -z "$peer" ] || wait_for curl -sf "http://127.0.0.1:$PEER_PORT/health"

memory() { awk '/^VmRSS/ { print $2 }' "/proc/$ours/status"; }

# The same requests alone and together.
"$LOAD" --socket "$DIR/s" --clients 1 --requests "$CHECK" --answers "$DIR/alone" > /dev/null
"$LOAD" --socket "$DIR/s" --clients 16 --requests "$CHECK" --answers "$DIR/together" > /dev/null
if cmp -s <(sort -n "$DIR/alone") <(sort -n "$DIR/together"); then
    echo "$CHECK answers with 15 neighbours equal those alone"
else
    echo "answers with neighbours differ from those alone" >&2
    exit 1
fi

MEDIAN='def median: sort | if length % 2 == 1 then .[length / 2 | floor] else (.[length / 2 - 1] + .[length / 2]) / 2 end;'
before=$(memory)
printf '%7s %-6s %9s %21s %21s %8s\n' clients '' 'tok/s' 'first p50/p99, ms' 'next p50/p99, ms' requests
for n in $CLIENTS; do
    rm -f "$DIR"/run.*
    for _ in $(seq "$ROUNDS"); do
        "$LOAD" --socket "$DIR/s" --clients "$n" --seconds "$SECONDS_EACH" >> "$DIR/run.ours"
        [ -z "$peer" ] || "$LOAD" --port "$PEER_PORT" --clients "$n" --seconds "$SECONDS_EACH" >> "$DIR/run.peer"
    done
    for who in ours ${peer:+peer}; do
        jq -rs "$MEDIAN"'def m(f): map(f) | median;
            [m(.tok_s), m(.first_ms.p50), m(.first_ms.p99), m(.next_ms.p50), m(.next_ms.p99), (map(.requests) | add)] | @tsv' "$DIR/run.$who" |
            while read -r speed f50 f99 n50 n99 requests; do
                printf '%7s %-6s %9.1f %10.1f %10.1f %10.2f %10.2f %8d\n' "$n" "$who" "$speed" "$f50" "$f99" "$n50" "$n99" "$requests"
            done
    done
    [ -z "$peer" ] || jq -rs --slurpfile peer "$DIR/run.peer" "$MEDIAN"'. as $o
        | "\([range(length) | $o[.].tok_s / $peer[.].tok_s] | median * 100 | round / 100)x the tokens, p99 between tokens "
        + "\([range(length) | $o[.].next_ms.p99 / $peer[.].next_ms.p99] | median * 100 | round / 100) of its"' "$DIR/run.ours"
done
after=$(memory)
echo "memory: $((before / 1024)) MiB before, $((after / 1024)) MiB after"
