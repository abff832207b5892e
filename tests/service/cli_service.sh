#!/bin/bash
# cli_service.sh - boots an emulated machine whose first process is this machine's systemd, and has it run the units as they are shipped, and once
# more with make_service in the place of `cloister serve`, which says more: in that sandbox it loads and seals itself, and its weights survive
# restarts and a kill, and no more than that. Needs QEMU, a kernel to boot and systemd; no privileges. Takes half a minute, some on a busy machine.
. "$(dirname "$0")/../cli.sh"

BOOT_SECONDS=400
ROOT=$SCRATCH/root
SYSTEMD=/lib/systemd/systemd

# Copies programs and the libraries they need to where they are here.
copy_programs() {
    local file library
    for file; do
        cp -L --parents "$file" "$ROOT" || return
        for library in $(ldd "$file" | grep -o '/[^ ]*'); do
            cp -L --parents "$library" "$ROOT" || return
        done
    done
}

# /bin, /sbin, /lib and /lib64 are links into /usr, as here.
make_root() {
    local name
    mkdir -p "$ROOT"/{proc,sys,dev,run,tmp,etc/cloister,etc/systemd/system/cloister@{demo,shipped}.service.d,var/lib/cloister,usr/bin,usr/lib,usr/lib64} &&
        ln -s usr/bin usr/lib usr/lib64 "$ROOT" && ln -s usr/bin "$ROOT/sbin" && ln -s "$SYSTEMD" "$ROOT/init" || return
    copy_programs "$SYSTEMD" /usr/bin/{bash,systemctl,systemd-sysusers,cat,ls,mkdir,mv,rm,rmdir,sleep,tr} || return
    cp "$CLOISTER_BUILD/tests/make_service" "$CLOISTER" "$TESTS/service/guest.sh" "$ROOT/usr/bin" &&
        make -s -C "$TOP" -o programs install DESTDIR="$ROOT" PREFIX=/usr &&
        cp -r "$1" "$ROOT/var/lib/cloister/demo" && ln -s demo "$ROOT/var/lib/cloister/shipped" && cp -r "$TRUST" "$ROOT/etc/cloister/trust" || return
    echo 'root:x:0:0:root:/:/bin/bash' >"$ROOT/etc/passwd"
    echo 'root:x:0:' >"$ROOT/etc/group"
    echo 0123456789abcdef0123456789abcdef >"$ROOT/etc/machine-id"
    for name in basic sysinit sockets shutdown; do
        printf '[Unit]\nDescription=%s\n' "$name" >"$ROOT/etc/systemd/system/$name.target"
    done
    printf '[Unit]\nRequires=guest.service\n' >"$ROOT/etc/systemd/system/default.target"
    cat >"$ROOT/etc/systemd/system/guest.service" <<END
[Unit]
DefaultDependencies=no
[Service]
Type=oneshot
StandardOutput=tty
TTYPath=/dev/console
ExecStart=/bin/bash /usr/bin/guest.sh
END
    # One as it is shipped, and one but for the program; what they say goes to a file.
    printf '[Service]\nStandardError=append:/said\n' >"$ROOT/etc/systemd/system/cloister@shipped.service.d/test.conf"
    cat >"$ROOT/etc/systemd/system/cloister@demo.service.d/test.conf" <<END
[Service]
ExecStart=
ExecStart=/usr/bin/make_service /var/lib/cloister/%i
ExecPaths=/usr/bin/make_service
StandardError=append:/said
END
    chmod -R a+rX "$ROOT"
}

boot() {
    (cd "$ROOT" && find . | cpio -o -H newc --quiet) >"$SCRATCH/archive" &&
        timeout -k 5 "$BOOT_SECONDS" qemu-system-x86_64 -accel tcg -cpu max -smp 2 -m 1500M -kernel "$KERNEL" -initrd "$SCRATCH/archive" \
            -append "console=ttyS0 quiet loglevel=3 panic=-1 systemd.show_status=0 systemd.log_target=null" \
            -nodefaults -display none -no-reboot -serial stdio </dev/null 2>&1 | tr -d '\r' >"$SCRATCH/console"
}

# What the guest printed below a step.
section() {
    awk -v step="== $1" '/^== / { here = $0 == step; next } here' "$SCRATCH/console"
}

# A line of a step.
expect_in() {
    local step=$1
    shift
    section "$step" >"$SCRATCH/section"
    expect grep -qE "$@" "$SCRATCH/section"
}

running='NFileDescriptorStore=2.* ActiveState=active SubState=running|ActiveState=active SubState=running.*NFileDescriptorStore=2'

booted=
begin_case() {
    case_is "$1"
    ! sanitized || skip "sanitizer build is dynamic"
    needs qemu-system-x86_64 cpio systemctl systemd-sysusers make || return
    if [ -z "$booted" ]; then
        KERNEL=$("$TESTS/kernel.sh" 2>"$SCRATCH/why") || { skip "no kernel to boot: $(cat "$SCRATCH/why")"; return 1; }
        booted=yes
        bundle=$(demo_bundle w4) && make_root "$bundle" && boot
        grep -q '^== end' "$SCRATCH/console" || tail -n 40 "$SCRATCH/console" | sed 's/^/    /'
    fi
    ! skipped
}

begin_case "the machine runs to its end" && expect grep -q '^== end' "$SCRATCH/console"

if begin_case "the socket belongs to the group that sysusers made"; then
    expect_in socket '^srw-rw---- .* root cloister-users .* demo\.sock$'
fi

if begin_case "in the unit's sandbox it loads, seals itself and is kept"; then
    expect_in cold '^service: cold, .* 1 listeners, 1 descriptors, 0 of [0-9]+ not denied$'
    expect_in cold "$running"
    expect_in cold 'StatusText=serving'
    expect_in cold '^ok +verdict +sealed'
    expect_in cold '^ok +dumps +others of its user cannot trace it'
fi

logits=$(section cold 2>/dev/null | sed -n 's/.*\(logits [0-9a-f]*\),.*/\1/p')
for step in warm again killed; do
    if begin_case "$step: the weights are those from before, and so are the logits"; then
        expect [ "${#logits}" -eq 71 ]
        expect_in "$step" "^service: warm, $logits, .* 1 listeners, 3 descriptors, "
        expect_in "$step" "$running"
    fi
done

if begin_case "without trust in who signed them they are nothing"; then
    expect_in untrusted '^make_service: /etc/cloister/trust: '
    expect_in untrusted 'ActiveState=failed'
    expect_in untrusted 'ExecMainStatus=3'
fi

if begin_case "on transparent huge pages"; then
    expect_in huge "^service: cold, $logits, transparent pages, ([0-9]+) of \1 bytes"
    expect_in huge "^service: warm, $logits, transparent pages, ([0-9]+) of \1 bytes"
fi

if begin_case "on reserved huge pages"; then
    expect_in reserved "^service: cold, $logits, reserved pages, ([0-9]+) of \1 bytes"
    expect_in reserved "^service: warm, $logits, reserved pages, ([0-9]+) of \1 bytes"
fi

if begin_case "cloister serve does the same, from the unit as it is shipped"; then
    expect_in shipped '^cloister: .* is ready after [0-9.]+ s; '
    expect_in shipped '^cloister: .* is ready after [0-9.]+ s with the weights from before; '
    expect_in shipped "$running"
    expect_in shipped '^ok +verdict +sealed'
    expect_in shipped 'NFileDescriptorStore=0.* ActiveState=inactive'
fi

if begin_case "stopped, it leaves no socket and nothing kept"; then
    section stopped >"$SCRATCH/section"
    expect [ "$(cat "$SCRATCH/section")" = NFileDescriptorStore=0 ]
fi

finish
