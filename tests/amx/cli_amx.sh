#!/bin/bash
# cli_amx.sh - AMX, and AVX-512 with VNNI and without, whatever this processor has: what it lacks runs on an emulated one (processors.sh).
# There every kernel gives the reference's bits, and whole models give, byte for byte, what they give here. The kernels' tests run every
# THIN-th of their trials when they are emulated; with CLOISTER_BIG=1 all of them, which takes a quarter of an hour.
. "$(dirname "$0")/../cli.sh"
. "$(dirname "$0")/processors.sh"

QUANTS=(w8 w4 bf16)
QUESTION='Käännös (bulgaria): Hyvää huomenta'
THIN=13 # a prime: no common step with the lists that the trials are made of
if [ -n "${CLOISTER_BIG:-}" ]; then
    THIN=1 GUEST_SECONDS=3000
fi
GUEST_OPTIONS=(--env "CLOISTER_THIN=$THIN")

# One with AMX has every instruction set. A lesser one differs in what is chosen: its models show that.
kernel_tests() {
    case $1 in
    amx) echo test_kernels test_products test_attention test_numerics ;;
    *) echo test_kernels ;;
    esac
}

begin_kernel_tests() {
    local name
    for name in $(kernel_tests "$1"); do
        begin "$name" "$1" "$CLOISTER_BUILD/tests/$name"
    done
}

begin_models() {
    local quant
    for quant in "${QUANTS[@]}"; do
        begin "logits-$quant" "$1" "$CLOISTER" logits "models-qwen3-moe-$quant" --trust trust --all --json --tokens "$TOKENS"
    done
    begin answer "$1" "$CLOISTER" run demo-model-w4 --trust trust --json -p "$QUESTION"
    begin doctor "$1" "$CLOISTER" doctor
}

prepare() {
    local bundles=() quant
    for quant in "${QUANTS[@]}"; do
        bundles+=("$(golden_bundle qwen3-moe "$quant")") || exit 1
    done
    bundles+=("$(demo_bundle w4)") || exit 1
    mkdir "$DATA" && cp -r "$TRUST" "${bundles[@]}" "$DATA" || exit 1
    TOKENS=$(jq -r '[.sequences[].tokens] | max_by(length) | map(tostring) | join(",")' "$TESTS/golden/models/qwen3-moe/expected.json")
}

# ---- what they said ----

# The test compared every instruction set up to this one, and left nothing out but what needs a better one.
judge_kernel_test() {
    local out=$SCRATCH/$1.$2.out
    expect_ended "$1" "$2"
    expect grep -qE '^[1-9][0-9]* passed, 0 failed, [0-9]+ skipped$' "$out"
    expect_silence sed -n '/^SKIP .*: this processor lacks/d; /^SKIP /p' "$out"
    [ "$1" != test_kernels ] || expect grep -qx "ok   $2_was_compared" "$out"
}

judge_logits() {
    expect_ended "logits-$1" "$2"
    expect [ "$(jq '.logits | length' "$SCRATCH/logits-$1.$2.out")" -ge 100 ]
    expect cmp "$SCRATCH/logits-$1.$HERE.out" "$SCRATCH/logits-$1.$2.out"
}

judge_answer() {
    expect_ended answer "$1"
    expect [ "$(jq '.tokens | length' "$SCRATCH/answer.$1.out")" -ge 2 ]
    expect [ "$(jq -c '[.text, .tokens]' "$SCRATCH/answer.$HERE.out")" = "$(jq -c '[.text, .tokens]' "$SCRATCH/answer.$1.out")" ]
}

judge_doctor() {
    expect_ended doctor "$1"
    expect grep -qE "^ok +instructions +$1 runs" "$SCRATCH/doctor.$1.out"
}

# ---- the cases ----

if [ ${#free[@]} -gt 0 ]; then
    prepare
    begin_models "$HERE"
    for isa in "${free[@]}"; do
        begin_kernel_tests "$isa"
        [ "$isa" = "$HERE" ] || begin_models "$isa"
    done
    wait
fi

for isa in "${ISAS[@]}"; do
    for name in $(kernel_tests "$isa"); do
        if case_on "$isa" "$name"; then judge_kernel_test "$name" "$isa"; fi
    done
    if case_on "$isa" "the program"; then judge_doctor "$isa"; fi
    for quant in "${QUANTS[@]}"; do
        if case_on "$isa" "logits of $quant"; then judge_logits "$quant" "$isa"; fi
    done
    if case_on "$isa" "an answer"; then judge_answer "$isa"; fi
done

finish
