#!/bin/bash
# cli_run.sh - `run` as people and programs use it, what it says when it cannot, and the commands that look at the machine.
. "$(dirname "$0")/cli.sh"

bundle=$(demo_bundle w8) || exit 1
question="What is the capital of Austria?"

run() {
    "$CLOISTER" run "$bundle" --trust "$TRUST" "$@"
}

# What a terminal shows: stdin, stdout and stderr are one, of a size and colour that nobody asks for.
on_terminal() {
    python3 - "$CLOISTER" run "$bundle" --trust "$TRUST" <<'PYTHON'
import os, pty, select, sys, time

pid, terminal = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], sys.argv[1:])
shown = b""

def wait_for(text):
    global shown
    deadline = time.monotonic() + 60
    while text not in shown and time.monotonic() < deadline:
        if select.select([terminal], [], [], 0.2)[0]:
            try:
                shown += os.read(terminal, 65536)
            except OSError:
                return
    if text not in shown:
        sys.exit(f"{text} did not come: {shown}")
    shown = shown.partition(text)[2]

wait_for(b"> ")
os.write(terminal, b"What is the capital of Austria?\n")
wait_for(b"Vienna")
wait_for(b"tok/s]")
wait_for(b"> ")
os.write(terminal, b"\x03")
wait_for(b"Ctrl-C again")
wait_for(b"> ")
os.write(terminal, b"What is the capital of France?\n")
wait_for(b"Paris")
wait_for(b"> ")
os.write(terminal, b"\x03")
wait_for(b"> ")
os.write(terminal, b"\x03")
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
PYTHON
}

case_is "one prompt, one answer, nothing on stderr"
expect_exit 0 run -p "$question"
expect_stdout Vienna
expect_no_stderr

case_is "the prompt may come from a file or from standard input"
printf %s "$question" >"$SCRATCH/prompt"
expect_exit 0 run -f "$SCRATCH/prompt"
expect_stdout Vienna
INPUT=$SCRATCH/prompt
expect_exit 0 run -f -
expect_stdout Vienna
INPUT=/dev/null

case_is "the same bits with any number of threads, and with any seed when nothing is drawn"
expect_exit 0 run -p "$question" --json -t 1
cut -d'"' -f1-8 "$OUT" >"$SCRATCH/one"
expect_exit 0 run -p "$question" --json --seed 7
cut -d'"' -f1-8 "$OUT" >"$SCRATCH/all"
expect cmp "$SCRATCH/one" "$SCRATCH/all"
expect grep -q '"tokens"' "$SCRATCH/one"

case_is "--json gives text, tokens and timings in one object"
expect_exit 0 run -p "$question" --json
expect_no_stderr
expect_json .text '"Vienna"'
expect_json .finish '"stop"'
expect_json '.tokens | length > 0' true
expect_json '.prompt_tokens > 5' true
expect_json '[.timings | keys[]]' '["decode_s","load_s","prefill_s"]'
expect_json '.sampling.temperature == 0' true

case_is "-n and --stop end an answer"
expect_exit 0 run -p "$question" -n 1 --json
expect_json '[.finish, (.tokens | length)]' '["length",1]'
expect_exit 0 run -p "$question" --stop ienn
expect_stdout V

case_is "a seed repeats an answer that is drawn"
expect_exit 0 run -p "$question" --temp 5 --seed 11 -n 20 --json
cut -d'"' -f1-8 "$OUT" >"$SCRATCH/first"
expect_exit 0 run -p "$question" --temp 5 --seed 11 -n 20 --json -t 1
cut -d'"' -f1-8 "$OUT" >"$SCRATCH/second"
expect cmp "$SCRATCH/first" "$SCRATCH/second"
expect_exit 0 run -p "$question" --temp 5 --seed 12 -n 20 --json
cut -d'"' -f1-8 "$OUT" >"$SCRATCH/third"
expect [ "$(cat "$SCRATCH/first")" != "$(cat "$SCRATCH/third")" ]

case_is "a control token in a message stays text, and in --raw text it is one"
expect_exit 0 run -p '<|im_end|>' -n 1 --json
expect_json '.prompt_tokens > 10' true
expect_exit 0 run --raw -p '<|im_end|>' -n 1 --json
expect_json .prompt_tokens 1

case_is "a chat reads lines from a pipe until /quit"
printf '%s\n' "$question" '' /new "$question" /quit "not answered" >"$SCRATCH/lines"
INPUT=$SCRATCH/lines
expect_exit 0 run
expect_stdout $'Vienna\nVienna'
expect_no_stderr
INPUT=/dev/null
expect_exit 0 run
expect [ ! -s "$OUT" ]

case_is "a full context is said, and the chat goes on"
{ head -c 6000 /dev/zero | tr '\0' x; printf '\n%s\n' "$question"; } >"$SCRATCH/lines"
INPUT=$SCRATCH/lines
expect_exit 0 run --ctx 100
expect_stdout Vienna
expect_stderr_line "/new starts a fresh conversation"
INPUT=/dev/null

case_is "a chat on a terminal: prompt, timing, Ctrl-C"
needs python3
python3 -c 'import os; os.openpty()' 2>/dev/null || skip "no pseudo-terminal can be had here"
expect on_terminal

case_is "a prompt that is longer than the context is refused with both numbers"
expect_exit 5 run -p "$(head -c 6000 /dev/zero | tr '\0' x)" --ctx 100
expect_stderr_line "the context 100"

case_is "wrong usage: exit code 2, one line with the right usage"
for line in "run" "run $bundle extra" "run $bundle -p a -f b" "run $bundle --raw" "run $bundle -p a --kv f64" \
    "run $bundle -p a --temp -1" "run $bundle -p a --top-p 2" "run $bundle -p a -n many" "run $bundle --nope" "topo -t 1x" "doctor x" \
    "verify" "inspect" "logits" "tokenize" "nope" ""; do
    # shellcheck disable=SC2086 # words
    expect_exit 2 "$CLOISTER" $line
    expect_stderr_line "cloister: "
    expect grep -qE 'usage: cloister|--help' "$ERR"
done

case_is "--json makes the error an object"
expect_exit 2 "$CLOISTER" run --json
expect_stderr_line '{"error":{"code":2,"message":"'
expect_exit 1 run -f "$SCRATCH/absent" --json
expect_stderr_line '{"error":{"code":1,"message":"'

case_is "an untrusted bundle is refused before anything else"
mkdir "$SCRATCH/empty"
expect_exit 3 "$CLOISTER" run "$bundle" --trust "$SCRATCH/empty" -p x
expect_stderr_line "$SCRATCH/empty"

case_is "help and version"
expect_exit 0 "$CLOISTER" help
expect_stdout_has "usage: cloister COMMAND"
for command in verify inspect run logits tokenize topo doctor; do
    expect_stdout_has "  $command "
done
for command in verify inspect run logits tokenize topo doctor; do
    expect_exit 0 "$CLOISTER" "$command" --help
    expect_stdout_has "usage: cloister $command"
done
expect_exit 0 "$CLOISTER" --version
expect_stdout_has "cloister "
expect_no_stderr

case_is "topo plans one worker per core"
expect_exit 0 "$CLOISTER" topo -t 1 --json
expect_json '.workers | length' 1
expect_json '.workers[0].cpu >= 0' true
expect_exit 0 "$CLOISTER" topo
expect_stdout_has "workers, one per physical core"
expect_exit 2 "$CLOISTER" topo -t 4000
expect_stderr_line "4000"

case_is "doctor finds nothing that makes running impossible here"
expect_exit 0 "$CLOISTER" doctor
for name in processor instructions AMX governor cores NUMA memory "huge pages" kernel seccomp Landlock seal; do
    expect_stdout_has " $name "
done
expect_exit 0 "$CLOISTER" doctor --json
expect_json '.findings | length > 10' true
expect_json '[.findings[] | select(.verdict == "bad")] | length' 0

case_is "doctor and topo work in an empty room without /proc and /sys"
! sanitized || skip "sanitizer build is not static"
[ "$(id -u)" -eq 0 ] || skip "only root can chroot"
mkdir -p "$SCRATCH/room"
cp "$CLOISTER" "$SCRATCH/room/"
expect_exit 0 chroot "$SCRATCH/room" /cloister doctor
expect_stdout_has unknown
expect_stdout_has "/proc/meminfo does not say"
expect_exit 0 chroot "$SCRATCH/room" /cloister topo
expect_stdout_has "workers"

finish
