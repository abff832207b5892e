#!/bin/bash
# lint.sh: the rules of the tree that a compiler does not hold. One line a rule, "ok RULE" or "FAIL RULE"; under a
# failure, each place as file:line and how to mend it. Exit 1 when a rule is broken. Needs clang-format-19 and perl, and
# uses shellcheck where there is one.
set -u
export LC_ALL=C
cd "$(dirname "$0")/.." || exit 2

mapfile -t sources < <(find crypto kernels runtime packaging tests -name '*.[ch]' 2> /dev/null | sort)
mapfile -t scripts < <(find packaging tests .ci -type f 2> /dev/null | sort | while read -r f; do
    case $(head -c 32 "$f" | tr -d '\0' | head -n 1) in '#!'*sh) echo "$f" ;; *) case $f in *.sh) echo "$f" ;; esac ;; esac
done)
failures=0

# rule NAME MEND FUNCTION: a rule holds when its function prints nothing.
rule() {
    local found
    found=$("$3" 2>&1)
    if [ -z "$found" ]; then echo "ok   $1"; return; fi
    failures=$((failures + 1))
    printf 'FAIL %s\n%s\n     mend: %s\n' "$1" "$(printf '%s\n' "$found" | sed 's/^/     /')" "$2"
}

# Every #include as "file:line kind name", kind being < or ".
includes() {
    [ ${#sources[@]} -eq 0 ] || grep -HnE '^[[:space:]]*#[[:space:]]*include' "${sources[@]}" |
        sed -nE 's/^([^:]*:[0-9]+):[^<"]*([<"])([^>"]*)[>"].*/\1 \2 \3/p'
}

# crypto/ and kernels/ are leaves: they see themselves, the C library, and one library each.
include_direction() {
    includes | awk '
        function folder(path) { return path ~ /^packaging\/pack\// ? "pack" : path ~ /^(crypto|kernels|runtime|tests)\// ? substr(path, 1, index(path, "/") - 1) : "" }
        BEGIN {
            split("crypto/crypto kernels/kernels runtime/runtime runtime/crypto runtime/kernels pack/pack pack/runtime pack/crypto pack/kernels", pairs, " ")
            for (i in pairs) allowed[pairs[i]] = 1
        }
        {
            from = folder($1)
            if (from == "tests") next
            if ($2 == "\"" && !((from "/" folder($3)) in allowed)) print $1 ": includes \"" $3 "\""
            if ($2 == "<" && $3 ~ /^oneapi\// && from != "kernels") print $1 ": includes <" $3 ">"
            if ($2 == "<" && $3 ~ /^sodium/ && from == "kernels") print $1 ": includes <" $3 ">"
            if ($2 == "<" && $3 ~ /^(hwloc|yyjson|pcre2|utf8proc|seccomp)/ && (from == "kernels" || from == "crypto")) print $1 ": includes <" $3 ">"
        }'
}

include_cycle() {
    includes | awk '$2 == "\"" { sub(/:[0-9]+$/, "", $1); print $1, $3 }' | tsort 2>&1 > /dev/null | sed -E 's/^(tsort: )?(-: )?//'
}

# The sources as "file:line:text" without comments and literals.
code() {
    perl -e '
        for my $file (@ARGV) {
            open my $in, "<", $file or die; local $/; my $text = <$in>;
            $text =~ s{(/\*.*?\*/|//[^\n]*)|("(?:\\.|[^"\\\n])*"|\x27(?:\\.|[^\x27\\\n])*\x27)}{my $c = $&; $c =~ s/[^\n]//g; defined $2 ? "\"\"$c" : $c}gse;
            my $n = 0; print map { $n++; "$file:$n:$_\n" } split /\n/, $text, -1;
        }' "${sources[@]}"
}

banned_calls() {
    code | perl -ne '
        my ($file, $line, $text) = split /:/, $_, 3;
        my $where = $file =~ m{^tests/} ? "test" : "product";
        my $env = $file =~ m{^(runtime/(main|start)|packaging/pack/main)\.c$};
        while ($text =~ /(?<![\w.>])(strcpy|strcat|stpcpy|sprintf|vsprintf|gets|strtok|atoi|atol|atoll|atof|system|popen|alloca|rand|getenv|secure_getenv)\s*\(/g) {
            my $call = $1;
            next if $env && $call =~ /getenv/;
            next if $where eq "test" && $call =~ /^(system|popen|rand|secure_getenv|getenv|ato\w+)$/;
            print "$file:$line: calls $call\n";
        }'
}

# Both programs have a main.c; every other name says all by itself.
unique_names() {
    printf '%s\n' "${sources[@]}" | awk -F/ '$NF != "main.c" { if ($NF in seen) print $0 ":1: named as " seen[$NF]; seen[$NF] = $0 }'
}

isa_by_name() {
    code | grep -E '#[[:space:]]*pragma[[:space:]]+(GCC|clang)[[:space:]]+(target|attribute)|__attribute__[[:space:]]*\(\([^)]*target|__target__' |
        grep -vE '^[^:]*_(avx2|avx512|vnni|vbmi|amx)\.[ch]:' | sed 's/^\([^:]*:[0-9]*\):.*/\1: asks for an instruction set/'
}

formatting() {
    command -v clang-format-19 > /dev/null || { echo "clang-format-19 is not installed"; return; }
    [ ${#sources[@]} -eq 0 ] || clang-format-19 --dry-run -Werror --ferror-limit=1 "${sources[@]}" 2>&1 | grep -E '^[^ ].*: (error|warning):' | cut -d: -f1,2 |
        sed 's/$/: not as .clang-format says/'
}

shell_scripts() {
    # SC2034: a sourced file sets variables for others.
    [ ${#scripts[@]} -eq 0 ] || shellcheck -e SC2034 -x -P SCRIPTDIR --severity=warning --format=gcc "${scripts[@]}"
}

rule "include direction" "runtime/ may include crypto/ and kernels/, packaging/pack/ all three; the two leaves include nothing of the tree but themselves" include_direction
rule "no include cycle" "move what both need into a header that includes neither" include_cycle
rule "banned calls" "snprintf, strtoul with its checks, posix_spawn; the environment is read at the start of main only" banned_calls
rule "file names unique" "give the file a name that says what it owns" unique_names
rule "instruction sets by file name" "move it to a file named *_avx2.c, *_avx512.c, *_vnni.c, *_vbmi.c or *_amx.c; the Makefile has the flags" isa_by_name
rule "formatting" "make format" formatting
if command -v shellcheck > /dev/null; then
    rule "shell scripts" "what shellcheck says, or a disable comment with the reason" shell_scripts
else
    echo "ok   shell scripts (not judged: shellcheck is not installed)"
fi
[ "$failures" -eq 0 ]
