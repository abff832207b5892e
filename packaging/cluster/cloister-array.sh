#!/bin/bash
# cloister-array.sh IN.jsonl OUT.jsonl N [SBATCH OPTION…] -- BUNDLE [OPTION OF cloister batch…] - answers a batch file on a Slurm cluster: N tasks of an
# array job, each a node by itself and each part K of N, then joins what they wrote in the order of IN. Waits meanwhile.
#
# Run again after anything (a lost node, Ctrl-C, a login that ended) it goes on: a job under way is waited for, parts that are there stay, only the
# others are computed. They lie in OUT.jsonl.parts, with each task's log; that folder goes when OUT.jsonl is whole. IN, OUT, the program and the
# bundle must be on a file system that all nodes see.
#
#   CLOISTER=PROGRAM   instead of the cloister in the PATH
#   POLL=SECONDS       between two looks at the queue (10)
set -euo pipefail

die() {
    echo "cloister-array: $1" >&2
    exit "${2:-1}"
}

# ---- on a node: --task PROGRAM IN PARTS N WORD… ----

run_task() {
    local program=$1 input=$2 parts=$3 count=$4 bundle=$5 part=$SLURM_ARRAY_TASK_ID
    shift 5
    [ ! -e "$parts/$part.jsonl" ] || return 0
    "$program" batch "$bundle" "$input" -o "$parts/$part.partial" --part "$part/$count" "$@" # goes on with what a lost node has left
    sync "$parts/$part.partial"
    mv "$parts/$part.partial" "$parts/$part.jsonl"
}

if [ "${1:-}" = --task ]; then
    shift
    run_task "$@"
    exit
fi

# ---- where it was called ----

[ $# -ge 3 ] || die 'usage: cloister-array.sh IN.jsonl OUT.jsonl N [SBATCH OPTION…] -- BUNDLE [OPTION OF cloister batch…]' 2
input=$(realpath -e -- "$1") || exit 2
output=$(realpath -m -- "$2") count=$3
shift 3
[[ $count =~ ^[1-9][0-9]{0,4}$ ]] || die "\"$count\" is no number of parts: 1 to 99999" 2
options=()
while [ $# -gt 0 ] && [ "$1" != -- ]; do
    options+=("$1")
    shift
done
[ $# -ge 2 ] || die 'which bundle? Say -- BUNDLE' 2
shift
program=$(command -v -- "${CLOISTER:-cloister}") || die "no program ${CLOISTER:-cloister}; set CLOISTER" 2
program=$(realpath -e -- "$program")
[ ! -e "$output" ] || die "$output is there already; remove it, or name another" 2

# What the parts are parts of: the same questions, cut and asked in the same way.
parts=$output.parts
identity=$(printf '%s\n' "$(b2sum < "$input")" "$count" "$@")
mkdir -p "$parts"
if [ -e "$parts/identity" ]; then
    [ "$(cat "$parts/identity")" = "$identity" ] || die "$parts has parts of another job; remove it, or name another output" 2
else
    printf '%s\n' "$identity" > "$parts/identity.new"
    mv "$parts/identity.new" "$parts/identity"
fi

missing_parts() {
    local part
    for ((part = 1; part <= count; part++)); do
        [ -e "$parts/$part.jsonl" ] || echo "$part"
    done
}

# Whether the job is still in the queue. That the controller does not answer says nothing about the job.
is_queued() {
    local answer
    answer=$(squeue -h -j "$1" -o %T 2>&1) || [[ $answer != *"Invalid job id"* ]] || return 1
    [ -n "$answer" ]
}

await_job() {
    while is_queued "$1"; do sleep "${POLL:-10}"; done
}

[ ! -e "$parts/job" ] || await_job "$(cat "$parts/job")"
missing=$(missing_parts | paste -sd,)
if [ -n "$missing" ]; then
    job=$(sbatch --parsable --job-name=cloister --array="$missing" --nodes=1 --ntasks=1 --exclusive --requeue --open-mode=append \
        --output="$parts/%a.log" ${options[@]+"${options[@]}"} "$0" --task "$program" "$input" "$parts" "$count" "$@")
    job=${job%%;*}
    echo "$job" > "$parts/job"
    echo "cloister-array: job $job does parts $missing of $count" >&2
    await_job "$job"
fi
missing=$(missing_parts | paste -sd,)
[ -z "$missing" ] || die "parts $missing are not there; see $parts/K.log, then run this again: it goes on where it was"

for ((part = 1; part <= count; part++)); do cat "$parts/$part.jsonl"; done > "$parts/joined"
asked=$(grep -c '[^[:space:]]' "$input" || true) answered=$(grep -c '' "$parts/joined" || true)
[ "$asked" = "$answered" ] || die "$answered answers to $asked questions; see $parts"
sync "$parts/joined"
mv "$parts/joined" "$output"
rm -rf "$parts"
