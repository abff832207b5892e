# shellcheck shell=bash
# Gets the sources of deps.lock and proves each by its hash: from the cache, from DEPS_DIR, or through apt.
# Unpacks and patches them. No host name is known here: the mirror is the one that the machine already uses.
# Sourced by build.sh.

fetch_sources() {
    local name _ suite flavours file sha
    while read -r name _ suite flavours file sha; do
        case $name in '' | '#'*) continue ;; esac
        case $flavours in both | "$FLAVOUR") ;; *) continue ;; esac
        fetch_one "$name" "$suite" "$file" "$sha"
    done < "$RECIPE/deps.lock"
}

has_hash() { echo "$2  $1" | sha256sum --check --status 2> /dev/null; }

# fetch_one PACKAGE SUITE FILE SHA256: leaves FILE, verified, in the cache's sources/.
fetch_one() {
    local kept=$CACHE/sources/$3
    has_hash "$kept" "$4" && return
    if [ -n "${DEPS_DIR:-}" ] && [ -e "$DEPS_DIR/$3" ]; then
        has_hash "$DEPS_DIR/$3" "$4" || die "$DEPS_DIR/$3 is not the pinned file (its SHA-256 should be $4)"
        cp "$DEPS_DIR/$3" "$kept.part"
    else
        say "fetching $3"
        apt_fetch "$1" "$2" "$3" "$4" > "$WORK/fetch.log" 2>&1 || { tail -n 5 "$WORK/fetch.log" >&2; cannot_fetch "$@"; }
    fi
    has_hash "$kept.part" "$4" || cannot_fetch "$@"
    mv "$kept.part" "$kept"
}

cannot_fetch() {
    rm -f "$CACHE/sources/$3".part*
    say "cannot get $3 (SHA-256 $4), a source of the Debian package $1 in $2. Either"
    say "  - let apt reach a mirror that has it (the machine's own sources are used, with the suite $2), or"
    die "  - bring the file by hand and name its directory: DEPS_DIR=/path/to/tarballs"
}

# Asks apt where the file is, then lets apt's own downloader get that one file: an absent .dsc does not matter,
# nor does a newer Debian revision of the same upstream version.
apt_fetch() {
    local uri
    apt_prepare "$2" || return
    uri=$(apt_private "$2" source --print-uris "$1" | awk -v f="$3" '$2 == f { gsub(/\047/, "", $1); print $1; exit }')
    [ -n "$uri" ] || { echo "$3 is not in the package lists of $2"; return 1; }
    /usr/lib/apt/apt-helper -oAcquire::Retries=3 -oAPT::Sandbox::User="$(id -un)" download-file "$uri" "$CACHE/sources/$3.part" "SHA256:$4"
}

apt_private() {
    local dir=$WORK/apt-$1
    shift
    apt-get -oDir::Etc::sourcelist="$dir/sources.list" -oDir::Etc::sourceparts=/dev/null -oDir::State::lists="$dir/lists" \
        -oDir::Cache="$dir/cache" -oAPT::Sandbox::User="$(id -un)" "$@" 9>&-
}

# A private apt configuration for SUITE: the machine's own mirror and key, another suite's name.
apt_prepare() {
    local dir=$WORK/apt-$1 uri key
    [ -e "$dir/ready" ] && return
    mkdir -p "$dir/lists/partial" "$dir/cache/archives/partial"
    read -r uri key < <(machine_mirror) || { echo "no Debian mirror in the machine's apt sources"; return 1; }
    echo "deb-src [signed-by=$key] $uri $1 main" > "$dir/sources.list"
    apt_private "$1" -oAcquire::Retries=3 -oAPT::Update::Error-Mode=any -qq update || return
    touch "$dir/ready"
}

# Prints "URI KEYRING" of the first apt source whose suite is this Debian release, in either file format.
machine_mirror() {
    local suite
    suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
    cat /etc/apt/sources.list.d/*.sources /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2> /dev/null |
        awk -v suite="$suite" -v key=/usr/share/keyrings/debian-archive-keyring.gpg '
            function try() { if (has && uri != "") { print uri, by; found = 1; exit } uri = ""; by = key; has = 0 }
            BEGIN { by = key }
            /^[ \t]*$/ || $1 == "Types:" { try() }
            $1 == "URIs:" { uri = $2 }
            $1 == "Signed-By:" && NF == 2 { by = $2 }
            $1 == "Suites:" { for (i = 2; i <= NF; i++) if ($i == suite) has = 1 }
            $1 == "deb" || $1 == "deb-src" {
                for (i = 2; i < NF; i++) if ($i ~ /:\/\// && $(i + 1) == suite) { uri = $i; has = 1; by = key; try() }
            }
            END { if (!found) try() }'
}

# unpack PACKAGE [TAR-ARGUMENT...]: the sources, patched, in $SRC/PACKAGE.
unpack() {
    local name=$1 p
    shift
    mkdir -p "$SRC/$name"
    tar -x -f "$CACHE/sources/$(awk -v n="$name" '$1 == n { print $5 }' "$RECIPE/deps.lock")" \
        -C "$SRC/$name" --strip-components=1 --no-same-owner "$@"
    for p in "$RECIPE/patches/$name"-*.patch; do
        if [ -e "$p" ]; then patch -d "$SRC/$name" -s -p1 < "$p"; fi
    done
}
