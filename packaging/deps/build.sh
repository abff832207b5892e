#!/bin/bash
# Builds the static toolchain of Cloister, once a machine, into a cache outside the checkout.
#
#   build.sh musl     the product: musl, libc++ and every library, static; nothing of the host's C library gets in
#   build.sh host     the same libraries on the host's C library, for sanitizers and fuzzers
#   build.sh --print FLAVOUR   only prints where the finished toolchain is or would be
#
# The last line on stdout is that directory; it holds cc.cfg, a clang configuration file that is the whole compiler:
#   clang-19 --config=DIR/cc.cfg -c x.c;  clang++-19 --config=DIR/cc.cfg x.o -ldnnl -lhwloc -lsodium …
# Environment: CLOISTER_CACHE  where finished toolchains and fetched sources are kept
#              DEPS_DIR        tarballs brought by hand, looked at before any network
#              JOBS            compilers at a time
set -euo pipefail
export LC_ALL=C TZ=UTC SOURCE_DATE_EPOCH=1700000000
unset CFLAGS CXXFLAGS CPPFLAGS LDFLAGS CPATH C_INCLUDE_PATH CPLUS_INCLUDE_PATH LIBRARY_PATH MAKEFLAGS MFLAGS MAKELEVEL

usage() { echo "usage: build.sh [--print] musl|host" >&2; exit 2; }
only_print=; [ "${1:-}" = --print ] && { only_print=1; shift; }
[ $# -eq 1 ] || usage
FLAVOUR=$1
case $FLAVOUR in musl | host) ;; *) usage ;; esac

RECIPE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
CACHE=${CLOISTER_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/cloister}
key=$(cd "$RECIPE" && find . -type f | sort | xargs sha256sum | sha256sum | cut -c1-16)
DONE=$CACHE/$FLAVOUR-$key
JOBS=${JOBS:-$(nproc)}

if [ -n "$only_print" ] || [ -e "$DONE/cc.cfg" ]; then echo "$DONE"; exit 0; fi

say() { echo "deps: $*" >&2; }
die() { say "$*"; exit 1; }

# shellcheck source=fetch.sh
. "$RECIPE/fetch.sh"
# shellcheck source=musl.sh
. "$RECIPE/musl.sh"
# shellcheck source=libraries.sh
. "$RECIPE/libraries.sh"
# shellcheck source=onednn.sh
. "$RECIPE/onednn.sh"

# One build at a time on a machine; whoever waited finds the result in place.
mkdir -p "$CACHE/sources"
exec 9> "$CACHE/lock"
flock -n 9 || { say "another build is running, waiting for it"; flock 9; }
if [ -e "$DONE/cc.cfg" ]; then echo "$DONE"; exit 0; fi

rm -rf "$CACHE"/work-*   # what a failed build left behind; nobody else is building
WORK=$(mktemp -d "$CACHE/work-$FLAVOUR.XXXXXX")
SRC=$WORK/src BUILD=$WORK/build OUT=$WORK/out   # OUT is what ends up in the cache
SYSROOT=$OUT/sysroot INCLUDE=$SYSROOT/usr/include LIB=$SYSROOT/usr/lib
mkdir -p "$SRC" "$BUILD" "$INCLUDE" "$LIB"

# The same bytes whatever directory the work is done in; sections, so that the linker can drop what is not called.
COMMON="-O2 -fPIC -fstack-protector-strong -ffunction-sections -fdata-sections -ffile-prefix-map=$WORK=."
CC="clang-19 --config=$OUT/cc.cfg"

# step NAME: runs the function build_NAME in a directory of its own, quietly; a failure shows the end of its log.
step() {
    local start=$SECONDS cpu
    cpu=$(cpu_seconds)
    mkdir -p "$BUILD/$1"
    (cd "$BUILD/$1"; "build_$1") > "$BUILD/$1.log" 2>&1 9>&- &   # in "if (…)" set -e would not hold
    wait $! || { tail -n 40 "$BUILD/$1.log" >&2; die "$1 failed; the whole log is $BUILD/$1.log"; }
    say "$1: $((SECONDS - start)) s, $(($(cpu_seconds) - cpu)) s of CPU"
}
cpu_seconds() { awk -v hz="$(getconf CLK_TCK)" '{ print int(($16 + $17) / hz) }' /proc/$$/stat; }

say "building the $FLAVOUR toolchain (minutes); later builds find it in the cache"
purposes=(build)
[ "$FLAVOUR" = musl ] || purposes+=(host)
"$RECIPE/../packages.sh" "${purposes[@]}" 9>&-
fetch_sources
if [ "$FLAVOUR" = musl ]; then
    step musl
    step compiler_rt
    step libcxx
else
    host_compiler
fi
for lib in libsodium hwloc yyjson pcre2 utf8proc libseccomp libmicrohttpd onednn; do step $lib; done

find "$SYSROOT" \( -name '*.la' -o -name pkgconfig -o -name share \) -prune -exec rm -rf {} +
mv -T "$OUT" "$DONE"
rm -rf "$WORK"
echo "$DONE"
