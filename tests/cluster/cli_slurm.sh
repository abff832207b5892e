#!/bin/bash
# packaging/cluster/cloister-array.sh with Debian's Slurm: controller, one node and munge, all ours, in a temporary folder and on the loopback.
# Needs root, as slurmd does. A stand-in that can fail answers for the program, which answers itself in the end.
. "$(dirname "$0")/../cli.sh"

ARRAY=$TOP/packaging/cluster/cloister-array.sh
export SLURM_CONF=$SCRATCH/slurm.conf POLL=1
declare -A processes=()

stop() {
    kill "${processes[$1]}" 2> /dev/null
    wait "${processes[$1]}" 2> /dev/null
    unset "processes[$1]"
}

clean_up() {
    local name
    scancel --quiet --name=cloister 2> /dev/null
    for name in slurmd slurmctld munged; do [ -z "${processes[$name]:-}" ] || stop "$name"; done
    rm -rf "$SCRATCH"
}
trap clean_up EXIT

free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

configure() {
    mkdir -p "$SCRATCH/state" "$SCRATCH/spool"
    cat > "$SLURM_CONF" << END
ClusterName=test
SlurmctldHost=localhost(127.0.0.1)
SlurmctldPort=$(free_port)
SlurmdPort=$(free_port)
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket=$SCRATCH/munge.sock
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
StateSaveLocation=$SCRATCH/state
SlurmdSpoolDir=$SCRATCH/spool
SlurmctldPidFile=$SCRATCH/slurmctld.pid
SlurmdPidFile=$SCRATCH/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/linear
SchedulerParameters=sched_interval=1
ReturnToService=2
MpiDefault=none
MailProg=/bin/true
NodeName=node NodeAddr=127.0.0.1 NodeHostname=$(hostname -s) CPUs=1 State=UNKNOWN
PartitionName=all Nodes=node Default=YES MaxTime=INFINITE State=UP
END
}

# begin NAME COMMAND…: in the background; what it says is shown if it fails.
begin() {
    local name=$1
    shift
    "$@" > "$SCRATCH/$name.log" 2>&1 &
    processes[$name]=$!
}

await() {
    for _ in {1..150}; do
        "$@" > "$SCRATCH/await" 2>&1 && return
        sleep 0.2
    done
    tail -n 5 "$SCRATCH"/*.log
    return 1
}

start_cluster() {
    configure
    head -c 128 /dev/urandom > "$SCRATCH/munge.key"
    chmod 600 "$SCRATCH/munge.key"
    begin munged munged --foreground --force --socket="$SCRATCH/munge.sock" --key-file="$SCRATCH/munge.key" --pid-file="$SCRATCH/munge.pid" \
        --seed-file="$SCRATCH/munge.seed" --log-file="$SCRATCH/munged.own.log"
    await test -S "$SCRATCH/munge.sock" || return 1
    begin slurmctld slurmctld -D -f "$SLURM_CONF"
    await scontrol ping || return 1
    begin slurmd slurmd -D -f "$SLURM_CONF" -N node
    await is_idle
}

is_idle() {
    [ "$(sinfo -h -o %T)" = idle ]
}

# The stand-in: part K of N is the lines from (K-1)·L/N to K·L/N, answered by their own id. It notes what it is asked to do; a part that
# fail.K names fails, once; slow.K: takes three seconds.
make_stand_in() {
    cat > "$SCRATCH/cloister" << 'END'
#!/bin/bash
set -eu
[ "$1 $2 $4 $6" = 'batch bundle -o --part' ]
here=$(dirname "$0") part=${7%/*} count=${7#*/}
echo "$part ${*:8}" >> "$here/asked"
[ ! -e "$here/slow.$part" ] || sleep 3
lines=$(wc -l < "$3")
sed -n "$(((part - 1) * lines / count + 1)),$((part * lines / count))p" "$3" | sed -E 's/.*("custom_id": *"[^"]*").*/{\1, "response": {}}/' > "$5"
if [ -e "$here/fail.$part" ]; then rm "$here/fail.$part"; exit 1; fi
END
    chmod +x "$SCRATCH/cloister"
}

case_is "a cluster of one node comes up"
needs slurmctld slurmd sbatch squeue munged python3 || finish
[ "$(id -u)" = 0 ] || { skip "slurmd wants root"; finish; }
expect start_cluster
skipped || [ "$wrong_" -eq 0 ] || finish

make_stand_in
export CLOISTER=$SCRATCH/cloister
for i in {1..10}; do
    echo "{\"custom_id\": \"question $i\", \"method\": \"POST\", \"url\": \"/v1/chat/completions\", \"body\": {}}"
done > "$SCRATCH/in.jsonl"
ids() {
    sed -E 's/.*"custom_id": *"([^"]*)".*/\1/' "$1"
}

case_is "three parts are answered and joined in order"
expect_exit 0 "$ARRAY" "$SCRATCH/in.jsonl" "$SCRATCH/out.jsonl" 3 --time=5 -- bundle --some 'word with spaces'
expect diff <(ids "$SCRATCH/in.jsonl") <(ids "$SCRATCH/out.jsonl")
expect [ ! -e "$SCRATCH/out.jsonl.parts" ]
expect [ "$(sort "$SCRATCH/asked" | xargs -d '\n' printf '%s;')" = '1 --some word with spaces;2 --some word with spaces;3 --some word with spaces;' ]

case_is "an output that is there stays"
expect_exit 2 "$ARRAY" "$SCRATCH/in.jsonl" "$SCRATCH/out.jsonl" 3 -- bundle
expect_stderr_line "is there already"

case_is "after a failure only what is missing is done again"
rm "$SCRATCH/asked"
touch "$SCRATCH/fail.2"
expect_exit 1 "$ARRAY" "$SCRATCH/in.jsonl" "$SCRATCH/again.jsonl" 4 -- bundle
expect grep -q 'parts 2 are not there' "$ERR"
expect [ ! -e "$SCRATCH/again.jsonl" ]
expect_exit 0 "$ARRAY" "$SCRATCH/in.jsonl" "$SCRATCH/again.jsonl" 4 -- bundle
expect diff <(ids "$SCRATCH/in.jsonl") <(ids "$SCRATCH/again.jsonl")
expect [ "$(sed 's/ .*//' "$SCRATCH/asked" | sort | xargs)" = '1 2 2 3 4' ]

case_is "one that was interrupted waits for the job under way"
rm "$SCRATCH/asked"
touch "$SCRATCH/slow.1"
timeout -s INT 2 "$ARRAY" "$SCRATCH/in.jsonl" "$SCRATCH/late.jsonl" 2 -- bundle 2> "$SCRATCH/first"
expect grep -q 'does parts 1,2 of 2' "$SCRATCH/first"
expect_exit 0 "$ARRAY" "$SCRATCH/in.jsonl" "$SCRATCH/late.jsonl" 2 -- bundle
expect_no_stderr
expect diff <(ids "$SCRATCH/in.jsonl") <(ids "$SCRATCH/late.jsonl")
expect [ "$(sed 's/ .*//' "$SCRATCH/asked" | sort | xargs)" = '1 2' ]

case_is "parts of another job are not mixed in"
touch "$SCRATCH/fail.1"
expect_exit 1 "$ARRAY" "$SCRATCH/in.jsonl" "$SCRATCH/mixed.jsonl" 2 -- bundle
expect_exit 2 "$ARRAY" "$SCRATCH/in.jsonl" "$SCRATCH/mixed.jsonl" 3 -- bundle
expect_stderr_line "parts of another job"
expect_exit 2 "$ARRAY" "$SCRATCH/in.jsonl" "$SCRATCH/mixed.jsonl" 2 -- bundle --other
expect_stderr_line "parts of another job"

case_is "the program itself gives the answers of one batch"
BUNDLE=$(demo_bundle w4) || exit 1
for i in {1..11}; do
    echo "{\"custom_id\":\"q$i\",\"url\":\"/v1/completions\",\"body\":{\"prompt\":\"Finland $i\",\"max_tokens\":8,\"temperature\":0}}"
done > "$SCRATCH/real.jsonl"
expect_exit 0 env CLOISTER="$CLOISTER_BUILD/cloister" "$ARRAY" "$SCRATCH/real.jsonl" "$SCRATCH/real.out" 3 --time=5 -- "$BUNDLE" --trust "$TRUST"
expect_exit 0 "$CLOISTER_BUILD/cloister" batch "$BUNDLE" "$SCRATCH/real.jsonl" -o "$SCRATCH/one.out" --trust "$TRUST"
expect [ "$(wc -l < "$SCRATCH/one.out")" = 11 ]
expect cmp <(jq -c '[.custom_id, .response.body.choices]' "$SCRATCH/real.out") <(jq -c '[.custom_id, .response.body.choices]' "$SCRATCH/one.out")

case_is "wrong usage is said"
expect_exit 2 "$ARRAY" "$SCRATCH/in.jsonl"
expect_stderr_line "usage:"
expect_exit 2 "$ARRAY" "$SCRATCH/in.jsonl" "$SCRATCH/x.jsonl" 0 -- bundle
expect_stderr_line "no number of parts"
expect_exit 2 "$ARRAY" "$SCRATCH/nothing" "$SCRATCH/x.jsonl" 1 -- bundle
expect_stderr_line "No such file"

finish
