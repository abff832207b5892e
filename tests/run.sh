#!/bin/bash
# run.sh BUILD [NAME…] - runs BUILD/tests/test_* and tests/cli_*.sh, or only those named, one after the other, and adds up
# what they say. What takes its time lies in a folder, tests/*/cli_*.sh, and runs by name only. Knows nothing of what is tested.
#
# A test program's last line is "N passed, N failed, N skipped"; a skipped case says "SKIP case: reason". A program that
# dies, takes longer than TEST_TIMEOUT seconds or says something else last counts as one failure. REQUIRE="amx strace": a
# skip whose reason contains one of these words is a failure. Bundles that several programs need are made once, by
# bundle.sh, in $CLOISTER_TEST_DIR. V=1 shows what each one says.
set -u

if [ ! -d "${1:-}" ]; then
    echo "usage: tests/run.sh BUILD [NAME…]; BUILD is what make filled" >&2
    exit 2
fi
CLOISTER_BUILD=$(cd "$1" && pwd) || exit 2
shift
cd "$(dirname "$0")/.." || exit 2
CLOISTER_TEST_DIR=$(mktemp -d "${TMPDIR:-/tmp}/cloister-test.XXXXXX") || exit 2
export CLOISTER_BUILD CLOISTER_TEST_DIR
trap 'rm -rf "$CLOISTER_TEST_DIR"' EXIT
trap 'exit 130' INT TERM HUP

passed=0 failed=0 skipped=0

wanted() {
    local name=$1 word
    shift
    [ $# -eq 0 ] && return 0
    for word; do
        [ "$word" = "$name" ] && return 0
    done
    return 1
}

# Skips in the output file $1 that REQUIRE forbids.
forbidden_skips() {
    local word words line count=0
    read -r -a words <<<"${REQUIRE:-}"
    while IFS= read -r line; do
        for word in ${words[@]+"${words[@]}"}; do
            if [[ ${line#*: } == *"$word"* ]]; then
                count=$((count + 1))
                break
            fi
        done
    done < <(grep '^SKIP ' "$1")
    echo "$count"
}

# run_program NAME COMMAND…: one line that says how it went, and the whole output of one that failed; with V=1 of each.
run_program() {
    local name=$1 out=$CLOISTER_TEST_DIR/output code start=$SECONDS p f s required verdict=ok
    shift
    timeout -k 10 "${TEST_TIMEOUT:-600}" "$@" >"$out" 2>&1 </dev/null
    code=$?
    if [[ $(tail -n 1 "$out") =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed,\ ([0-9]+)\ skipped$ ]]; then
        p=${BASH_REMATCH[1]} f=${BASH_REMATCH[2]} s=${BASH_REMATCH[3]}
    else
        p=0 f=1 s=0
        echo "$name: exit code $code, and no closing line" >>"$out"
    fi
    if [ "$code" -ne 0 ] && [ "$f" -eq 0 ]; then
        f=1
        echo "$name: exit code $code" >>"$out"
    fi
    required=$(forbidden_skips "$out")
    s=$((s - required)) f=$((f + required))
    [ "$f" -eq 0 ] || verdict=FAIL
    printf '%-4s %-22s %4d passed, %d failed, %d skipped  (%d s)\n' "$verdict" "$name" "$p" "$f" "$s" $((SECONDS - start))
    if [ "$f" -ne 0 ] || [ -n "${V:-}" ]; then
        sed 's/^/    /' "$out"
    else
        grep '^SKIP ' "$out" | sed 's/^/    /'
    fi
    passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
}

ran=0
apart=()
[ $# -eq 0 ] || apart=(tests/*/cli_*.sh)
for program in "$CLOISTER_BUILD"/tests/test_* tests/cli_*.sh ${apart[@]+"${apart[@]}"}; do
    name=$(basename "$program" .sh)
    if [ -f "$program" ] && [ -x "$program" ] && wanted "$name" "$@"; then
        run_program "$name" "$program"
        ran=$((ran + 1))
    fi
done

if [ "$ran" -eq 0 ] || { [ $# -gt 0 ] && [ "$ran" -ne $# ]; }; then
    echo "no such test program, or not executable: ${*:-none is built in $CLOISTER_BUILD/tests}"
    failed=$((failed + 1))
fi
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
