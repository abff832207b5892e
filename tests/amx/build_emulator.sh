#!/bin/bash
# build_emulator.sh - builds the emulator of emulate.py once a machine, into a cache outside the checkout, and prints its directory:
#
#   bochs     Bochs 3.0, made right by bochs/*.patch; each says what it mends
#   init      guest_init.c, the first process in the guest
#   rom.bin   boot_rom.S, in the place of a BIOS
#
# Bochs's source is Debian's, pinned by its hash, from DEPS_DIR or through apt; the compiler, the C and the C++ library are those that
# build Cloister, so that nothing beyond their packages is needed. CLOISTER_CACHE, DEPS_DIR and JOBS are those of packaging/deps/build.sh.
set -euo pipefail
export LC_ALL=C
unset CFLAGS CXXFLAGS CPPFLAGS LDFLAGS LIBS MAKEFLAGS MFLAGS MAKELEVEL

TARBALL=bochs_3.0+dfsg.orig.tar.xz
SHA256=78f6c73d4a6472d5130a87ab9dc306d02c7c71ed8e25b3a8ef642e2a7acd282b
SUITE=trixie

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
PACKAGING=$HERE/../../packaging
CACHE=${CLOISTER_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/cloister}
key=$(cd "$HERE" && sha256sum build_emulator.sh guest_init.c boot_rom.S bochs/*.patch | sha256sum | cut -c1-16)
DONE=$CACHE/emulator-$key
if [ -e "$DONE/bochs" ]; then echo "$DONE"; exit 0; fi

say() { echo "emulator: $*" >&2; }
die() { say "$*"; exit 1; }

# shellcheck source=../../packaging/deps/fetch.sh
. "$PACKAGING/deps/fetch.sh"

"$PACKAGING/packages.sh" build
toolchain=$("$PACKAGING/deps/build.sh" musl)
CC="clang-19 --config=$toolchain/cc.cfg" CXX="clang++-19 --config=$toolchain/cc.cfg"

# One build at a time on a machine; whoever waited finds the result in place.
mkdir -p "$CACHE/sources"
exec 9> "$CACHE/emulator.lock"
flock -n 9 || { say "another build is running, waiting for it"; flock 9; }
if [ -e "$DONE/bochs" ]; then echo "$DONE"; exit 0; fi
rm -rf "$CACHE"/new-emulator.*   # what a failed build left behind; nobody else is building
WORK=$(mktemp -d "$CACHE/new-emulator.XXXXXX")
mkdir "$WORK/bochs" "$WORK/out"

# A processor and its memory: no devices but a serial port, no PCI, no virtualisation inside. The processors of emulate.py need the rest.
build_bochs() {
    cd "$WORK/bochs"
    tar -x -f "$CACHE/sources/$TARBALL" --strip-components=1 --no-same-owner
    for p in "$HERE"/bochs/*.patch; do patch -s -p1 < "$p"; done
    ./configure CC="$CC" CXX="$CXX" AR=llvm-ar-19 RANLIB=llvm-ranlib-19 CFLAGS="-O2 -w" CXXFLAGS="-O3 -w" \
        --with-nogui --without-x --enable-cpu-level=6 --enable-x86-64 --enable-avx --enable-evex --enable-amx --enable-protection-keys \
        --enable-long-phy-address --enable-all-optimizations --disable-a20-pin --disable-cdrom --disable-docbook --disable-large-ramfile \
        --disable-pci --disable-show-ips --disable-stats --disable-usb
    make -j"${JOBS:-$(nproc)}"
    llvm-strip-19 -o "$WORK/out/bochs" bochs
}

build_guest() {
    $CC -std=c17 -D_GNU_SOURCE -O2 -Wall -Wextra -s "$HERE/guest_init.c" -o "$WORK/out/init"
    clang-19 -m32 -c "$HERE/boot_rom.S" -o "$WORK/rom.o"
    llvm-objcopy-19 -O binary -j .text "$WORK/rom.o" "$WORK/out/rom.bin"
}

# step NAME: runs build_NAME quietly; a failure shows the end of what it said.
step() {
    ("build_$1") > "$WORK/$1.log" 2>&1 9>&- &   # in "if (…)" set -e would not hold
    wait $! || { tail -n 40 "$WORK/$1.log" >&2; die "$1 failed; the whole log is $WORK/$1.log"; }
}

fetch_one bochs "$SUITE" "$TARBALL" "$SHA256"
say "building it (two minutes); later runs find it in the cache"
step guest
step bochs
mv -T "$WORK/out" "$DONE"
rm -rf "$WORK"
echo "$DONE"
