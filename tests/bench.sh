#!/bin/bash
# bench.sh BUILD - the table of `make bench`: shapes with random weights, and beside them, run by run in turns, other programs on the same
# shapes. Figures are medians; nothing is asserted. Needs jq.
#
#   PEERS=DIR       an executable DIR/bench.sh PEER QUANT MODEL ARGS… that runs PEER's llama-bench on a model and prints its JSON (-o json).
#                   PEER is one of PEER_NAMES; QUANT is q8 (Q8_0) or q4 (Q4_0); MODEL is big (a GGUF of moe-7b's shape) or dense (dense-1b's);
#                   ARGS are llama-bench's, as `-p 512 -n 64 -d 8192 -r 1`
#   PEER_NAMES="llama ik"  ROUNDS=3  SHAPES="moe-7b dense-1b"  QUANTS="w8 w4"  DEPTHS="0 8192"
set -eu

CLOISTER=$1/cloister
PEERS=${PEERS:-} PEER_NAMES=${PEER_NAMES:-llama ik} ROUNDS=${ROUNDS:-3}
SHAPES=${SHAPES:-moe-7b dense-1b} QUANTS=${QUANTS:-w8 w4} DEPTHS=${DEPTHS:-0 8192}
RESULTS=$(mktemp -d)
trap 'rm -rf "$RESULTS"' EXIT

command -v jq >/dev/null || { echo "bench.sh: jq is not installed" >&2; exit 1; }
[ -z "$PEERS" ] || [ -x "$PEERS/bench.sh" ] || { echo "bench.sh: $PEERS has no executable bench.sh; see the head of tests/bench.sh" >&2; exit 1; }

# One run of ours: the whole JSON, a line.
run_ours() {
    "$CLOISTER" bench --synthetic "$1" --quant "$2" -p 512 -n 64 -d "$3" -r 1 --json >>"$RESULTS/ours"
}

# One run of a peer: {"prefill":tok/s,"decode":tok/s}, a line.
run_peer() {
    local model=big quant=q8
    [ "$2" = moe-7b ] || model=dense
    [ "$3" = w8 ] || quant=q4
    "$PEERS/bench.sh" "$1" $quant $model -p 512 -n 64 -d "$4" -r 1 2>"$RESULTS/errors" |
        jq -c '{prefill: map(select(.n_gen == 0))[0].avg_ts, decode: map(select(.n_prompt == 0))[0].avg_ts}' >>"$RESULTS/$1" ||
        { cat "$RESULTS/errors" >&2; echo "bench.sh: $1 failed on $model-$quant at $4" >&2; exit 1; }
}

MEDIAN='def median: sort | if length % 2 == 1 then .[length / 2 | floor] else (.[length / 2 - 1] + .[length / 2]) / 2 end;'
ours() {
    jq -rs "$MEDIAN map($1) | median" "$RESULTS/ours"
}

report_ours() {
    printf '%-10s %-3s at %-5s %9.1f tok/s %5.1f%% of %5.0f GOPS %8.2f tok/s %5.1f%% of %5.1f GB/s\n' "$1" "$2" "$3" \
        "$(ours .prefill.tok_s)" "$(ours '.prefill.of_peak * 100')" "$(ours .limits.int8_gops)" \
        "$(ours .decode.tok_s)" "$(ours '.decode.of_bandwidth * 100')" "$(ours .limits.read_gb_s)"
}

# Ratios are medians of the runs' own: what is divided was measured within minutes.
report_peer() {
    jq -rs --slurpfile all "$RESULTS/ours" "$MEDIAN"' . as $peer
        | [range(length) | {p: ($all[.].prefill.tok_s / $peer[.].prefill), d: ($all[.].decode.tok_s / $peer[.].decode)}] as $ratios
        | [($peer | map(.prefill) | median), ($ratios | map(.p) | median), ($peer | map(.decode) | median), ($ratios | map(.d) | median)]
        | @tsv' "$RESULTS/$1" |
        while read -r prefill faster decode decodes; do
            printf '  ours and %-14s %9.1f tok/s %5.2fx %23.2f tok/s %5.2fx\n' "$1" "$prefill" "$faster" "$decode" "$decodes"
        done
}

measure() {
    local peer
    rm -f "$RESULTS"/*
    for _ in $(seq "$ROUNDS"); do
        run_ours "$1" "$2" "$3"
        [ -z "$PEERS" ] || for peer in $PEER_NAMES; do run_peer "$peer" "$1" "$2" "$3"; done
    done
    report_ours "$1" "$2" "$3"
    [ -z "$PEERS" ] || for peer in $PEER_NAMES; do report_peer "$peer"; done
}

"$CLOISTER" topo | sed -n '3p'
grep -m 1 '^model name' /proc/cpuinfo | cut -d: -f2-
printf '%-24s %-33s %s\n' '' 'prefill 512' 'decode 64'
for shape in $SHAPES; do
    for depth in $DEPTHS; do
        for quant in $QUANTS; do
            measure "$shape" "$quant" "$depth"
        done
    done
done
