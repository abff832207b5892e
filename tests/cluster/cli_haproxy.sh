#!/bin/bash
# packaging/cluster/haproxy.cfg with Debian's haproxy before two servers that answer as ours would (mock_server.py). Unix sockets only; of the
# configuration the addresses, the user and the log are changed, and nothing else.
. "$(dirname "$0")/../cli.sh"

CONFIG=$TOP/packaging/cluster/haproxy.cfg
FRONT=$SCRATCH/front.sock
declare -A processes=()

start_server() {
    python3 "$TESTS/cluster/mock_server.py" "$SCRATCH/$1.sock" "$1" &
    processes[$1]=$!
    for _ in {1..100}; do
        [ -S "$SCRATCH/$1.sock" ] && return
        sleep 0.1
    done
}

stop() {
    kill "${processes[$1]}" 2> /dev/null
    wait "${processes[$1]}" 2> /dev/null
    unset "processes[$1]"
}

clean_up() {
    local name
    for name in "${!processes[@]}"; do stop "$name"; done
    rm -rf "$SCRATCH"
}
trap clean_up EXIT

start_haproxy() {
    sed -E -e '/^    (log|user|group) /d' -e "s|^    bind .*|    bind unix@$FRONT|" -e "s|unix@/run/cloister/|unix@$SCRATCH/|" "$CONFIG" > "$SCRATCH/haproxy.cfg"
    haproxy -db -f "$SCRATCH/haproxy.cfg" > "$SCRATCH/haproxy.log" 2>&1 &
    processes[haproxy]=$!
}

# get PATH and ask JSON [curl's options]: the answer, and its status behind it.
get() {
    curl -sS -m 20 --unix-socket "$FRONT" -w ' %{http_code}\n' "http://cloister$1"
}
ask() {
    local body=$1
    shift
    curl -sS -m 20 --unix-socket "$FRONT" -w ' %{http_code}\n' -H 'Content-Type: application/json' "$@" --data-binary "$body" http://cloister/v1/chat/completions
}
server_of() {
    ask "$@" | sed -nE 's/.*"server": "([a-z]+)".* 200$/\1/p'
}

# Up to 10 seconds until /health says this.
await_health() {
    for _ in {1..100}; do
        [ "$(get /health 2> /dev/null)" = "$1" ] && return
        sleep 0.1
    done
    get /health
    return 1
}
OK='{"status":"ok"} 200'
NONE='{"status":"no server"} 503'

case_is "the configuration is one"
needs haproxy curl python3 || finish
expect_exit 0 haproxy -c -f "$CONFIG"

case_is "it comes up, and its health is that of the servers"
start_server a
start_server b
start_haproxy
expect await_health "$OK"

case_is "a user stays with one server, and users are spread"
for key in user prompt_cache_key; do
    declare -A servers=()
    for who in {1..24}; do servers[$(server_of "{\"$key\":\"user $who\"}")]=1; done
    expect [ "$(printf '%s\n' "${!servers[@]}" | sort | xargs)" = "a b" ]
    unset servers
    for who in 1 2 3; do
        expect [ "$(for _ in {1..8}; do server_of "{\"$key\":\"user $who\"}"; done | sort -u | wc -l)" -eq 1 ]
    done
done

case_is "so do credentials, where no user is named"
expect [ "$(for _ in {1..8}; do server_of '{}' -H 'Authorization: Bearer one'; done | sort -u | wc -l)" -eq 1 ]
expect [ "$(for i in {1..24}; do server_of '{}' -H "Authorization: Bearer $i"; done | sort -u | xargs)" = "a b" ]

case_is "who says nothing gets any server"
expect [ "$(for _ in {1..24}; do server_of '{}'; done | sort -u | xargs)" = "a b" ]

case_is "one user's many requests at once go on to the next server"
for i in {1..8}; do
    server_of '{"user":"busy","say":"slow"}' > "$SCRATCH/many.$i" &
    asking[i]=$!
done
wait "${asking[@]}"
expect [ "$(sort -u "$SCRATCH"/many.* | xargs)" = "a b" ]
expect [ "$(cat "$SCRATCH"/many.* | wc -l)" -eq 8 ]

home=$(server_of '{"user":"someone"}')
other=$([ "$home" = a ] && echo b || echo a)

case_is "what one server refuses, the other is asked"
echo busy > "$SCRATCH/$home.sock.mode"
expect [ "$(for _ in {1..5}; do server_of '{"user":"someone"}'; done | sort -u)" = "$other" ]
rm "$SCRATCH/$home.sock.mode"
expect [ "$(server_of '{"user":"someone"}')" = "$home" ]

case_is "429 is the client's where this haproxy cannot ask again, else as 503"
echo full > "$SCRATCH/$home.sock.mode"
answer=$(ask '{"user":"someone"}')
rm "$SCRATCH/$home.sock.mode"
if haproxy -v | grep -qE 'version (2\.|3\.0)'; then
    expect [ "$answer" = "{\"server\": \"$home\"} 429" ]
else
    expect [ "${answer##* }" = 200 ]
fi

case_is "a request of 200 KiB is asked again, too"
python3 -c 'print("{\"user\":\"someone\",\"say\":\"" + "a" * 200000 + "\"}", end="")' > "$SCRATCH/large"
echo busy > "$SCRATCH/$home.sock.mode"
expect [ "$(server_of "@$SCRATCH/large")" = "$other" ]
rm "$SCRATCH/$home.sock.mode"

case_is "one of 4 MiB arrives whole"
python3 -c 'print("{\"say\":\"" + "a" * 4194304 + "\"}", end="")' > "$SCRATCH/larger"
expect [ "$(ask "@$SCRATCH/larger" | sed 's/.*"bytes": \([0-9]*\).*/\1/')" = "$(stat -c %s "$SCRATCH/larger")" ]

case_is "events come as they are said"
ask '{"user":"someone","say":"stream"}' -N | while IFS= read -r line; do [ -z "$line" ] || echo "$line $(date +%s%N)"; done > "$SCRATCH/events"
expect [ "$(grep -c '^data: ' "$SCRATCH/events")" -eq 3 ]
first=$(awk '/^data: one/ {print $NF}' "$SCRATCH/events") last=$(awk '/DONE/ {print $NF}' "$SCRATCH/events")
expect [ $((last - first)) -gt 700000000 ]

case_is "only /v1/ and the health are for clients"
expect [ "$(get /metrics | sed 's/.* //')" = 404 ]
expect [ "$(get /v1/models | sed 's/.* //')" = 200 ]

case_is "nobody notices a server that is gone"
stop "$home"
rm "$SCRATCH/$home.sock"
expect [ "$(for _ in {1..8}; do server_of '{"user":"someone"}'; done | sort | uniq -c | xargs)" = "8 $other" ]
start_server "$home"

case_is "a server that is not well is not asked; none: 503"
echo sick > "$SCRATCH/a.sock.mode"
echo sick > "$SCRATCH/b.sock.mode"
expect await_health "$NONE"
expect [ "$(ask '{}' | tail -n 1 | sed 's/.* //')" = 503 ]
rm "$SCRATCH"/?.sock.mode
expect await_health "$OK"

finish
