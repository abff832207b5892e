#!/bin/bash
# packages.sh [--optional] PURPOSE…: sees that the Debian packages for a purpose are there. As root it says which are missing and installs
# them; otherwise it prints the one line that would, and fails (with --optional it goes on: what needs them is then skipped by name).
#
#   build   the toolchain and both programs      test   what the tests compare with or look through
#   host    the sanitizers' flavour              lint   the rules of the tree
#   page    the web page's test in a browser
#   cluster what tests/cluster tries
set -euo pipefail

optional=
[ "${1:-}" = --optional ] && { optional=1; shift; }

wanted=
for purpose in "$@"; do
    case $purpose in
    build) wanted+=" make python3 clang-19 lld-19 llvm-19 cmake ninja-build patch perl tar xz-utils bzip2 gzip linux-libc-dev" ;;
    host) wanted+=" g++ libc6-dev libclang-rt-19-dev" ;;
    test) wanted+=" jq curl minisign strace file qemu-system-x86 qemu-user cpio gcc systemd python3-jsonschema" ;;
    cluster) wanted+=" haproxy curl python3 slurmctld slurmd slurm-client munge" ;;
    page) wanted+=" chromium nodejs" ;;
    lint) wanted+=" clang-format-19 shellcheck perl" ;;
    *) echo "usage: packages.sh [--optional] build|host|test|lint|page|cluster…" >&2; exit 2 ;;
    esac
done

missing=
for package in $wanted; do
    case $(dpkg-query -W -f '${Status}' "$package" 2> /dev/null) in *" installed") ;; *) missing+=" $package" ;; esac
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" != 0 ]; then
    echo "missing packages; run: apt-get install --no-install-recommends$missing" >&2
    [ -n "$optional" ]
    exit
fi
echo "installing$missing" >&2
install_missing() {
    export DEBIAN_FRONTEND=noninteractive
    # shellcheck disable=SC2086 # a list of words
    apt-get -q install -y --no-install-recommends $missing < /dev/null && return
    # shellcheck disable=SC2086
    apt-get -q update < /dev/null && apt-get -q install -y --no-install-recommends $missing < /dev/null
}
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! install_missing > "$log" 2>&1; then
    tail -n 20 "$log" >&2
    echo "apt-get install$missing failed" >&2
    [ -n "$optional" ]
fi
