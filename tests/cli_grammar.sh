#!/bin/bash
# cli_grammar.sh: answers that follow a schema, with a vocabulary as real ones are, judged by another validator of JSON Schema.
. "$(dirname "$0")/cli.sh"

case_is "random answers are valid by python3-jsonschema"
needs python3
python3 -c 'import jsonschema' 2> /dev/null || skip "python3-jsonschema is not installed"
if ! skipped; then
    "$CLOISTER_BUILD/tests/make_grammar" walks 40 > "$SCRATCH/answers"
    expect [ "$(wc -l < "$SCRATCH/answers")" -ge 400 ]
    expect_silence python3 - "$SCRATCH/answers" << 'END'
import json, sys
import jsonschema

newer = getattr(jsonschema.Draft202012Validator, "FORMAT_CHECKER", None) # since 4.17
checker = newer or jsonschema.draft202012_format_checker
judged = 0
for line in open(sys.argv[1], encoding="utf-8"):
    pair = json.loads(line)
    for fault in jsonschema.Draft202012Validator(pair["schema"], format_checker=checker).iter_errors(pair["answer"]):
        print(json.dumps(pair["answer"])[:300], fault.message)
    judged += 1
if judged < 400:
    print(judged, "answers")
END
fi

case_is "the validator sees what is wrong"
needs python3
python3 -c 'import jsonschema' 2> /dev/null || skip "python3-jsonschema is not installed"
if ! skipped; then
    expect_output python3 -c 'import jsonschema
for fault in jsonschema.Draft202012Validator({"type": "integer"}).iter_errors("1"): print(fault.message)'
fi

finish
