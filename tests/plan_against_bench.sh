#!/bin/bash
# plan_against_bench.sh BUILD [SHAPE…] - what `cloister plan` predicts beside what `cloister bench` measures on this machine,
# with the limits that the same bench run has measured. No test: it judges nothing, prints the ratio and, with V=1, each part.
# A run whose workers waited for each other most of the time was disturbed by another program: repeat it.
# After a change of kernels, mend runtime/plan_constants.h until the ratios are near 1. Needs jq. QUANTS, DEPTHS, REPEAT: what else
# to try, and how often; RUN is put before each measurement, for a lock or taskset.
set -u

if [ ! -x "${1:-}/cloister" ]; then
    echo "usage: tests/plan_against_bench.sh BUILD [SHAPE…]; BUILD is what make filled" >&2
    exit 2
fi
CLOISTER=$1/cloister
shift
[ $# -gt 0 ] || set -- moe-7b moe-small dense-1b
read -r -a run <<<"${RUN:-}"

# line SHAPE QUANT DEPTH PHASE BENCH PLAN: one line of the table
line() {
    jq -rn --arg shape "$1" --arg quant "$2" --arg depth "$3" --arg phase "$4" --argjson parts "${V:-0}" --slurpfile bench "$5" --slurpfile plan "$6" '
        def fixed: . * 100 | round / 100 | tostring;
        ($bench[0][$phase]) as $measured | ($plan[0].formats[0][$phase]) as $predicted
        | ([$shape, $quant, $depth, $phase, ($predicted.tok_s | fixed), ($measured.tok_s | fixed),
            ($predicted.tok_s / $measured.tok_s | fixed), "\($measured.parts.waiting.share * 100 | round) %", $predicted.limit] | @tsv),
          (if $parts == 1 then $measured.parts | to_entries[]
            | (if $phase == "decode" then 64 else 1 end) as $steps
            | ["", "", "", "  " + .key, ($predicted.parts[.key | sub("waiting"; "barriers")] * 1e6 | fixed),
               (.value.seconds / $steps * 1e6 | fixed), "", "", "µs"] | @tsv
           else empty end)'
}

compare() {
    local shape=$1 quant=$2 depth=$3 bench plan limits
    bench=$(mktemp) plan=$(mktemp)
    "${run[@]}" "$CLOISTER" bench --synthetic "$shape" --quant "$quant" -d "$depth" -r "${REPEAT:-5}" --json --quiet >"$bench" || exit 1
    limits=$(jq -r '.limits | "--bandwidth=\(.read_gb_s) --gops=\(.int8_gops)"' "$bench")
    # shellcheck disable=SC2086 # two words
    "$CLOISTER" plan "$shape" --quant "$quant" $limits --depth $((depth + 32)) --ctx $((depth + 64)) --users 1 --json >"$plan" || exit 1
    line "$shape" "$quant" "$depth" prefill "$bench" "$plan"
    line "$shape" "$quant" "$depth" decode "$bench" "$plan"
    rm -f "$bench" "$plan"
}

printf 'shape\tformat\tdepth\tphase\tplan\tbench\tratio\twaited\tlimit\n'
for shape; do
    for quant in ${QUANTS:-w8 w4}; do
        for depth in ${DEPTHS:-0 8192}; do
            compare "$shape" "$quant" "$depth"
        done
    done
done
