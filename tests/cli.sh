#!/bin/bash
# cli.sh - what the shell tests share; each begins with `. "$(dirname "$0")/cli.sh"` and ends with `finish`. Needs what
# run.sh exports.
#
#   case_is NAME               begins a case; a case passes if every expectation in it held
#   expect_exit CODE COMMAND…  runs COMMAND (stdin: $INPUT, default nothing); what it wrote is in $OUT and $ERR
#   expect_stdout TEXT         the last command wrote exactly TEXT and a line's end
#   expect_stdout_has TEXT     … wrote TEXT somewhere
#   expect_stderr_line TEXT    … wrote one line to stderr, with TEXT in it
#   expect_no_stderr           … wrote nothing there
#   expect_json FILTER VALUE   jq FILTER of its stdout is VALUE (compact JSON); the case is skipped where jq is missing
#   expect CONDITION…          a command that must succeed, `[ … ]` for example; its output is shown when it does not
#   expect_output COMMAND…     COMMAND prints something; expect_silence: nothing
#   needs TOOL…                skips the case where a tool is missing
#   skip REASON                the case is skipped; `skipped` asks whether it is
#   sanitized                  whether this is an ASan or TSan build: dynamic, unsealed, and large in memory
#   golden_bundle NAME QUANT, demo_bundle QUANT, copy_bundle BUNDLE
#                              print a bundle's path; `|| exit 1` after each; a copy is for damaging
set -u

[ -n "${CLOISTER_TEST_DIR:-}" ] || { echo "start it with tests/run.sh BUILD $(basename "$0" .sh)" >&2; exit 2; }

TESTS=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
TOP=$(dirname "$TESTS")
# shellcheck disable=SC2034 # these are for whoever sources this
{
    CLOISTER=$CLOISTER_BUILD/cloister
    PACK=$CLOISTER_BUILD/cloister-pack
    TRUST=$CLOISTER_TEST_DIR/trust
    SECRET=$CLOISTER_TEST_DIR/test.sec
}
SCRATCH=$(mktemp -d "$CLOISTER_TEST_DIR/$(basename "$0" .sh).XXXXXX") || exit 2
OUT=$SCRATCH/stdout ERR=$SCRATCH/stderr INPUT=/dev/null
trap 'rm -rf "$SCRATCH"' EXIT

passed_=0 failed_=0 skipped_=0
case_='' wrong_=0 checks_=0 skip_=''

close_case_() {
    if [ -z "$case_" ]; then
        return
    elif [ "$wrong_" -ne 0 ]; then
        failed_=$((failed_ + 1))
        echo "FAIL $case_"
    elif [ -n "$skip_" ]; then
        skipped_=$((skipped_ + 1))
        echo "SKIP $case_: $skip_"
    elif [ "$checks_" -eq 0 ]; then
        failed_=$((failed_ + 1))
        echo "FAIL $case_ (it expects nothing)"
    else
        passed_=$((passed_ + 1))
        echo "ok   $case_"
    fi
}

case_is() {
    close_case_
    case_=$1 wrong_=0 checks_=0 skip_=''
}

finish() {
    close_case_
    echo "$passed_ passed, $failed_ failed, $skipped_ skipped"
    [ "$failed_" -eq 0 ]
    exit
}

skip() {
    skip_=$1
}

skipped() {
    [ -n "$skip_" ]
}

sanitized() {
    grep -qE '__(asan|tsan)_init' "$CLOISTER"
}

needs() {
    local tool
    for tool; do
        command -v "$tool" >/dev/null || skip "$tool is not installed"
    done
    ! skipped
}

# Every expectation begins with it. wrong_ counts in a case that is skipped later, too: a skip never hides a failure.
checking_() {
    checks_=$((checks_ + 1))
    [ -z "$skip_" ]
}

complain_() {
    wrong_=$((wrong_ + 1))
    printf '  %s: %s\n' "$case_" "$1"
}

expect_exit() {
    local want=$1 code
    shift
    checking_ || return
    "$@" >"$OUT" 2>"$ERR" <"$INPUT"
    code=$?
    [ "$code" -eq "$want" ] && return
    complain_ "exit code $code instead of $want: $*"
    head -c 2000 "$OUT" "$ERR" | sed 's/^/    /'
}

expect_stdout() {
    checking_ || return
    printf '%s\n' "$1" | cmp -s - "$OUT" && return
    complain_ "stdout is not what follows <"
    diff <(printf '%s\n' "$1") "$OUT" | head -n 20 | sed 's/^/    /'
}

expect_stdout_has() {
    checking_ || return
    grep -qF -- "$1" "$OUT" && return
    complain_ "stdout lacks: $1"
    head -c 2000 "$OUT" | sed 's/^/    /'
}

expect_stderr_line() {
    checking_ || return
    [ "$(wc -l <"$ERR")" -eq 1 ] && grep -qF -- "$1" "$ERR" && return
    complain_ "stderr is not one line with: $1"
    head -c 2000 "$ERR" | sed 's/^/    /'
}

expect_no_stderr() {
    checking_ || return
    [ -s "$ERR" ] || return
    complain_ "stderr is not empty"
    head -c 2000 "$ERR" | sed 's/^/    /'
}

expect_json() {
    local got
    checking_ || return
    needs jq || return
    got=$(jq -c "$1" <"$OUT" 2>&1)
    [ "$got" = "$2" ] || complain_ "$1 is $(head -c 300 <<<"$got") instead of $2"
}

expect() {
    checking_ || return
    "$@" >"$SCRATCH/expect" 2>&1 && return
    complain_ "not so: $*"
    head -n 20 "$SCRATCH/expect" | sed 's/^/    /'
}

expect_output() {
    checking_ || return
    [ -n "$("$@")" ] || complain_ "prints nothing: $*"
}

expect_silence() {
    checking_ || return
    "$@" >"$SCRATCH/expect" 2>&1
    [ -s "$SCRATCH/expect" ] || return
    complain_ "should print nothing: $*"
    head -n 20 "$SCRATCH/expect" | sed 's/^/    /'
}

golden_bundle() {
    "$TESTS/bundle.sh" "$TESTS/golden/models/$1" "$2"
}

demo_bundle() {
    "$TESTS/bundle.sh" "$TOP/packaging/demo/model" "$1"
}

copy_bundle() {
    local copy
    copy=$(mktemp -d "$SCRATCH/bundle.XXXXXX") && cp -r "$1/." "$copy" && echo "$copy"
}
