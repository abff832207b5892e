#!/bin/bash
# kernel.sh - prints the path of a Linux kernel image for an emulated machine, or says on stderr why there is none. It is Debian's, out of its
# package and not installed: this machine goes on booting what it boots. CLOISTER_KERNEL names one that was brought by hand.
set -eu

if [ -n "${CLOISTER_KERNEL:-}" ]; then
    echo "$CLOISTER_KERNEL"
    exit
fi

cache=${CLOISTER_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/cloister}/kernel
for image in "$cache"/vmlinuz-*; do
    if [ -e "$image" ]; then
        echo "$image"
        exit
    fi
done

package=$(apt-cache depends linux-image-cloud-amd64 2>/dev/null | sed -n 's/^ *Depends: \(linux-image-[0-9].*\)/\1/p' | head -n 1)
[ -n "$package" ] || { echo "apt knows no linux-image-cloud-amd64" >&2; exit 1; }
mkdir -p "$cache"
work=$(mktemp -d "$cache/new.XXXXXX")
trap 'rm -rf "$work"' EXIT
(cd "$work" && apt-get -q download "$package") >"$work/log" 2>&1 || { echo "apt-get download $package failed" >&2; exit 1; }
dpkg-deb --fsys-tarfile "$work/$package"_*.deb | tar -x -C "$work" --wildcards './boot/vmlinuz-*'
mv "$work"/boot/vmlinuz-* "$cache"
ls "$cache"/vmlinuz-*
