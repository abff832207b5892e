# shellcheck shell=bash
# The Debian packages that the recipe runs: checks for them; as root installs what is missing, otherwise says how.
# Sourced by build.sh.

require_packages() {
    local wanted missing="" p
    wanted="clang-19 lld-19 llvm-19 cmake ninja-build make patch tar xz-utils bzip2 gzip linux-libc-dev"
    [ "$FLAVOUR" = musl ] || wanted="$wanted g++ libc6-dev libclang-rt-19-dev"
    for p in $wanted; do
        case $(dpkg-query -W -f '${Status}' "$p" 2> /dev/null) in *" installed") ;; *) missing="$missing $p" ;; esac
    done
    [ -n "$missing" ] || return 0
    if [ "$(id -u)" != 0 ]; then die "missing packages; run: apt-get install --no-install-recommends$missing"; fi
    say "installing$missing"
    # shellcheck disable=SC2086  # a list of words
    install_packages $missing > "$WORK/apt.log" 2>&1 || { tail -n 20 "$WORK/apt.log" >&2; die "apt-get install$missing failed"; }
}

install_packages() {
    export DEBIAN_FRONTEND=noninteractive
    apt-get -q install -y --no-install-recommends "$@" < /dev/null 9>&- && return
    apt-get -q update < /dev/null 9>&- && apt-get -q install -y --no-install-recommends "$@" < /dev/null 9>&-
}
