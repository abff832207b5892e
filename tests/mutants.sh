#!/bin/bash
# mutants.sh - changes the arithmetic in a scratch copy of the tree, one place at a time, and sees that the tests notice. Each mutant is a row below:
# what is changed, the file, a sed command, and the tests, of which one must fail. Prints which did. Not part of `make test`: run it with
# `make mutants` after a change to the tests of kernels.
set -u
cd "$(dirname "$0")/.." || exit 2

scratch=$(mktemp -d "${TMPDIR:-/tmp}/cloister-mutants.XXXXXX") || exit 2
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT TERM HUP
git ls-files -z --cached --others --exclude-standard | tar -c --null -T - | tar -x -C "$scratch" || exit 2
cd "$scratch" || exit 2
export ANSWER_ROWS="qwen3_moe-w4 llama-bf16" # of cli_one_answer, which takes minutes otherwise

programs=(cloister cloister-pack tests/test_kernels tests/test_products tests/test_attention tests/test_numerics tests/make_digests tests/make_synthetic)
build() {
    env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS make -s "${programs[@]/#/build/}" >"$scratch/log" 2>&1
}

caught=0 missed=0
# mutant NAME FILE SED TEST…: also FILE and SED twice, joined by '|'.
mutant() {
    local name=$1 files=$2 commands=$3 file command test i=1
    shift 3
    rm -rf "$scratch/kept" && mkdir "$scratch/kept"
    while file=$(cut -d'|' -f"$i" <<<"$files|") && [ -n "$file" ]; do
        command=$(cut -d'|' -f"$i" <<<"$commands|")
        cp "$file" "$scratch/kept/$i"
        sed -i "$command" "$file"
        cmp -s "$file" "$scratch/kept/$i" && { echo "FAIL $name: nothing to change in $file"; missed=$((missed + 1)); return; }
        i=$((i + 1))
    done
    if ! build; then
        echo "FAIL $name: does not compile"
        tail -n 5 "$scratch/log"
        missed=$((missed + 1))
    else
        for test; do
            tests/run.sh build "$test" >"$scratch/log" 2>&1 || break
            test=
        done
        if [ -n "$test" ]; then
            echo "ok   $name: $test fails"
            caught=$((caught + 1))
        else
            echo "FAIL $name: nobody noticed"
            missed=$((missed + 1))
        fi
    fi
    for ((i = 1; ; i++)); do
        file=$(cut -d'|' -f"$i" <<<"$files|")
        [ -n "$file" ] || break
        cp "$scratch/kept/$i" "$file"
    done
}

build || { tail -n 20 "$scratch/log"; exit 1; }
for test in test_kernels test_products test_attention test_numerics cli_one_answer; do
    tests/run.sh build "$test" >"$scratch/log" 2>&1 || { cat "$scratch/log"; echo "$test fails without any change"; exit 1; }
done

# The sum of 16 lanes: (0+1) + (2+3) instead of (0+2) + (1+3).
ref_order='s/(half\[0\] + half\[2\]) + (half\[1\] + half\[3\])/(half[0] + half[1]) + (half[2] + half[3])/'
vec_order='s/_mm_add_ps(_mm_movelh_ps(\([ac]\), \([bd]\)), _mm_movehl_ps(\2, \1))/_mm_add_ps(_mm_shuffle_ps(\1, \2, 0x88), _mm_shuffle_ps(\1, \2, 0xdd))/'
mutant "reduction order, in the reference" kernels/reference.c "$ref_order" test_kernels
mutant "reduction order, in the vector code" kernels/lanes_fold.h "$vec_order" test_kernels
mutant "reduction order, in both alike" "kernels/reference.c|kernels/lanes_fold.h" "$ref_order|$vec_order" test_kernels cli_one_answer
mutant "quantisation truncates" kernels/lanes_avx2.h '/lanes_store_int8/,/^}/s/_mm256_cvtps_epi32(a.low)/_mm256_cvttps_epi32(a.low)/' test_kernels
mutant "quantisation rounds halves up" kernels/reference.c 's/q\[i\] = (int8_t)lrintf(t)/q[i] = (int8_t)floorf(t + 0.5f)/' test_kernels
mutant "bf16 rounds halves up" kernels/lanes_avx2.h 's/_mm256_add_epi32(odd, _mm256_set1_epi32(0x7fff))/_mm256_set1_epi32(0x8000)/' test_kernels
mutant "epilogue of integer products scales by row, then by column" kernels/integer_finish.h \
    's/lanes_mul(ints_to_lanes(acc), scale)/lanes_mul(lanes_mul(ints_to_lanes(acc), lanes_set(kn_finish_sx(f, m))), lanes_load(f->scale + column))/' test_products
mutant "epilogue of bf16 products adds the bias first" kernels/gemm_bf16.h 's/lanes_add(y, lanes_load(f->bias + column))/lanes_fma(y, lanes_set(1.0000001f), lanes_load(f->bias + column))/' test_products
mutant "attention merges the other way round" kernels/attention.h \
    's/lanes_fma(lanes_load(run->out + i), old_lanes, lanes_mul(lanes_load(part->out + i), new_lanes))/lanes_fma(lanes_load(part->out + i), new_lanes, lanes_mul(lanes_load(run->out + i), old_lanes))/' test_attention
mutant "a coefficient of exp loses its last bit, everywhere" kernels/numerics.h 's/0x1.5558f2p-5f/0x1.5558f4p-5f/' test_kernels test_numerics cli_one_answer
mutant "of equal experts the later one is taken, everywhere" kernels/route.c 's/weight > weights\[i - 1\]/weight >= weights[i - 1]/' test_numerics
mutant "the penalty of negative logits divides" runtime/sampler.c 's/logits\[i\] < 0 ? logits\[i\] \* penalty/logits[i] < 0 ? logits[i] \/ penalty/' cli_one_answer

echo "$caught passed, $missed failed"
[ "$missed" -eq 0 ]
