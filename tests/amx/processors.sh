#!/bin/bash
# processors.sh - programs on processors: on this one, or on an emulated one (emulate.py) where this one's best instruction set is another.
# Sourced after cli.sh.
#
#   $HERE                        the best instruction set of this processor
#   $DATA                        what the programs find where they run: put it there before the first begin
#   begin NAME ISA PROGRAM…      starts PROGRAM on a processor whose best instruction set is ISA; as many run at a time as this machine has
#                                processors. After `wait` what it wrote is in $SCRATCH/NAME.ISA.out and .err, its exit code in .code
#   expect_ended NAME ISA        it ended with exit code 0; what it said is shown when it did not
#   "${free[@]}"                 those of the instruction sets amx, vnni and avx512 that something can run with
#   case_on ISA NAME             begins the case "NAME on ISA"; false where it is skipped, because nothing can

ISAS=(amx vnni avx512)
DATA=$SCRATCH/data
HERE=$("$CLOISTER" doctor | awk '$2 == "instructions" { print $3 }')
GUEST_SECONDS=500 GUEST_OPTIONS=() # of emulate.py

begin() {
    local result=$SCRATCH/$1.$2 isa=$2 emulate=() path
    shift 2
    if [ "$isa" != "$HERE" ]; then
        emulate=("$TESTS/amx/emulate.py" --cpu "$isa" --seconds "$GUEST_SECONDS" ${GUEST_OPTIONS[@]+"${GUEST_OPTIONS[@]}"})
        for path in "$DATA"/*; do
            emulate+=(--copy "$path")
        done
    fi
    while [ "$(jobs -rp | wc -l)" -ge "$(nproc)" ]; do
        wait -n
    done
    (
        cd "$DATA" || exit
        "${emulate[@]}" "$@" >"$result.out" 2>"$result.err" </dev/null
        echo $? >"$result.code"
    ) &
}

expect_ended() {
    local result=$SCRATCH/$1.$2 code
    code=$(cat "$result.code" 2>/dev/null)
    expect [ "$code" = 0 ] && return
    tail -n 20 "$result.out" "$result.err" | cut -c 1-300 | sed 's/^/    /'
}

# Why there is no emulator; nothing where there is one.
emulator_lacks() {
    { "$TESTS/amx/build_emulator.sh" && "$TESTS/kernel.sh"; } >/dev/null 2>"$SCRATCH/why" && return
    sed -e '/:   - /d' -e 's/^emulator: //' -e 's/\. Either$//' "$SCRATCH/why" | tail -n 1
}

# Why nothing can run on such a processor; nothing where it can.
obstacle() {
    if sanitized; then
        echo "sanitizer build is dynamic"
    elif ! command -v jq >/dev/null; then
        echo "jq is not installed"
    elif [ "$1" != "$HERE" ] && [ -n "$no_emulator" ]; then
        echo "no emulator: $no_emulator"
    fi
}

case_on() {
    case_is "$2 on $1"
    [ -z "${obstacles[$1]}" ] || skip "${obstacles[$1]}"
    ! skipped
}

no_emulator=
sanitized || no_emulator=$(emulator_lacks)
declare -A obstacles
free=()
for isa in "${ISAS[@]}"; do
    obstacles[$isa]=$(obstacle "$isa")
    [ -n "${obstacles[$isa]}" ] || free+=("$isa")
done
