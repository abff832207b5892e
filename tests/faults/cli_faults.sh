#!/bin/bash
# cli_faults.sh - what clients, disks and memory can do to a server while two others ask it: these get every answer, with the bits that it has
# alone. By name only: tests/run.sh BUILD cli_faults. Random weights: it proves the plumbing. Takes some minutes.
. "$(dirname "$0")/../cli.sh"

ABUSE=$TESTS/faults/abuse.py
LOAD=$CLOISTER_BUILD/tests/make_load
SOCKET=$SCRATCH/socket
bundle=$SCRATCH/bundle
server=

{
    "$CLOISTER_BUILD/tests/make_synthetic" "$SCRATCH/model" --arch llama --vocab 2000 --hidden 256 --inner 512 --layers 3 --heads 4 --kv-heads 2 \
        --head-dim 64 --context 4096 --words &&
        "$TESTS/bundle.sh" packaging/demo/model w4 && # makes the key
        "$PACK" pack "$SCRATCH/model" -o "$bundle" --quant w8 --name load && "$PACK" sign "$bundle" -s "$SECRET" -t load
} > "$SCRATCH/making" 2>&1 || { cat "$SCRATCH/making"; exit 1; }

# Starts the server and waits until it answers.
start() {
    "$CLOISTER" serve "$bundle" --trust "$TRUST" --socket "$SOCKET" --slots 6 --connections 10100 --timeout 8 2> "${LOG:-$SCRATCH/log}" &
    server=$!
    for _ in $(seq 100); do
        curl -sf --unix-socket "$SOCKET" http://x/health > /dev/null && return
        sleep 0.1
    done
    return 1
}
stop() { kill "$server" && wait "$server"; }
trap '[ -z "$server" ] || kill -9 "$server" 2> /dev/null; rm -rf "$SCRATCH"' EXIT

load() { "$LOAD" --socket "$SOCKET" --vocab 2000 --clients 2 "$@"; }

# undisturbed COMMAND…: two clients ask while COMMAND runs, and get what they get alone. What COMMAND prints is in $SAID.
undisturbed() {
    load --requests 60 --answers "$SCRATCH/answers" > "$SCRATCH/figures" 2> "$SCRATCH/complaints" &
    local loading=$!
    SAID=$("$@" 2>&1)
    expect wait "$loading"
    expect cmp "$SCRATCH/alone" <(sort -n "$SCRATCH/answers")
    expect kill -0 "$server"
}
says() { expect [ "$SAID" = "$1" ]; }
abuse() { python3 "$ABUSE" "$SOCKET" "$@"; }

case_is 'the answers alone'
needs curl python3
expect start
expect load --requests 60 --answers "$SCRATCH/answers"
sort -n "$SCRATCH/answers" > "$SCRATCH/alone"
expect [ "$(wc -l < "$SCRATCH/alone")" = 60 ]
before=$(awk '/^VmRSS/ { print $2 }' "/proc/$server/status")

for kind in 'vanish 30|30 left amid a stream' 'slow_reader 8|8 read 4 bytes a second' 'slow_sender 8|8 sent 5 bytes a second' \
    'half 60|60 half requests' 'large|100 MiB are answered with 413' 'hostile|400 400 400 400 400 400 400 400 400' \
    'idle 10000|10000 idle; one more is answered with 200' 'crowd 100|100 at once are answered with [200]'; do
    case_is "${kind%|*}"
    # shellcheck disable=SC2086 # a kind and its number
    undisturbed abuse ${kind%|*}
    says "${kind#*|}"
done

case_is 'nothing is left of it'
sleep 1
expect [ "$(curl -s --unix-socket "$SOCKET" http://x/health | jq -c .answers)" = '{"waiting":0,"under_way":0}' ]
after=$(awk '/^VmRSS/ { print $2 }' "/proc/$server/status")
expect [ $((after - before)) -lt 65536 ]
expect stop

case_is 'killed, it comes back at the same path'
expect start
kill -9 "$server"
wait "$server" 2> /dev/null
expect start
expect load --requests 60 --answers "$SCRATCH/answers"
expect cmp "$SCRATCH/alone" <(sort -n "$SCRATCH/answers")
expect stop

case_is 'a log that cannot be written stops nobody'
LOG=/dev/full start
expect kill -0 "$server"
expect load --requests 60 --answers "$SCRATCH/answers"
expect cmp "$SCRATCH/alone" <(sort -n "$SCRATCH/answers")
expect stop

case_is 'a full disk ends a batch, which goes on when there is room'
mkdir "$SCRATCH/small"
if mount -t tmpfs -o size=16k none "$SCRATCH/small" 2> /dev/null; then
    for i in $(seq 60); do
        echo "{\"custom_id\":\"$i\",\"url\":\"/v1/completions\",\"body\":{\"prompt\":[300,$((300 + i))],\"max_tokens\":20,\"temperature\":0}}"
    done > "$SCRATCH/in"
    expect_exit 5 "$CLOISTER" batch "$bundle" "$SCRATCH/in" -o "$SCRATCH/small/out" --trust "$TRUST"
    expect_stderr_line 'what is in it is whole'
    expect mount -o remount,size=1m "$SCRATCH/small"
    expect_exit 0 "$CLOISTER" batch "$bundle" "$SCRATCH/in" -o "$SCRATCH/small/out" --trust "$TRUST"
    expect [ "$(jq -r .custom_id "$SCRATCH/small/out" | sort -u | wc -l)" = 60 ]
    umount "$SCRATCH/small"
else
    skip 'no file system can be mounted here'
fi

case_is 'the service manager hears that it is ready, alive and stopping, and nothing while it is stuck'
rm -f "$SOCKET"
SAID=$(python3 "$ABUSE" "$SOCKET" manager 1 "$CLOISTER" serve "$bundle" --trust "$TRUST" --socket "$SOCKET" 2> /dev/null)
says 'ready 1, alive often, stopped silent, stopping 1, exit 0'

case_is 'where no more memory is to be had it says so, and goes on'
expect start
pages=$(cut -d' ' -f1 "/proc/$server/statm")
expect prlimit --pid "$server" --as="$((pages * 4096 + (1 << 20))):"
SAID=$(abuse crowd 300 2>&1)
expect grep -qE 'answered with \[(0, )?(200, )?(429, )?503\]' <<< "$SAID"
expect prlimit --pid "$server" --as=unlimited:
expect load --requests 60 --answers "$SCRATCH/answers"
expect cmp "$SCRATCH/alone" <(sort -n "$SCRATCH/answers")
expect stop

case_is 'at its limit of memory it goes on'
group=/sys/fs/cgroup/cloister-faults.$$ limit=memory.max events=memory.events
[ ! -d /sys/fs/cgroup/memory ] || group=/sys/fs/cgroup/memory/cloister-faults.$$ limit=memory.limit_in_bytes events=memory.oom_control
if mkdir "$group" 2> /dev/null && [ -w "$group/$limit" ]; then
    expect start
    echo "$server" > "$group/cgroup.procs"
    echo $((24 << 20)) > "$group/$limit" # of what it takes from now on
    undisturbed abuse crowd 200
    expect [ "$(awk '$1 == "oom_kill" { print $2 }' "$group/$events")" = 0 ]
    expect stop
    sleep 0.5
    rmdir "$group"
else
    rmdir "$group" 2> /dev/null
    skip 'no cgroup with a limit of memory can be made here'
fi
server=

finish
