#!/bin/bash
# cli_numa.sh - boots emulated machines with several NUMA nodes, with test_numa as their first process and only program beside cloister: each
# worker's weights lie on its own node, and the logits are those of one node. Needs QEMU and a kernel to boot; no privileges.
. "$(dirname "$0")/cli.sh"

BOOT_SECONDS=400 # of an emulator on a busy machine; it takes 30 otherwise

# A model of 24 MB: large enough for huge pages on each node.
guest_bundle() {
    "$CLOISTER_BUILD/tests/make_synthetic" "$SCRATCH/numa" --arch qwen3_moe --hidden 512 --layers 3 --heads 8 --kv-heads 4 --head-dim 64 \
        --experts 16 --top-k 4 --expert-inner 256 --vocab 4096 >/dev/null &&
        "$TESTS/bundle.sh" "$SCRATCH/numa" w8
}

# The guest's whole world: two programs, a bundle and a trust store, in the archive that the kernel unpacks into memory.
make_archive() {
    local root=$SCRATCH/root
    mkdir -p "$root" && cp "$CLOISTER_BUILD/tests/test_numa" "$root/init" && cp "$CLOISTER" "$root/cloister" && cp -r "$TRUST" "$root/trust" &&
        cp -r "$1" "$root/bundle" && (cd "$root" && find . | cpio -o -H newc --quiet) >"$SCRATCH/archive"
}

# boot NODES: what the guest says on its console is in $SCRATCH/console. The kernel is told not to move pages to whoever reads them, which it does to
# pages that are not bound when loading takes it seconds.
boot() {
    local nodes=$1 options=() i
    for ((i = 0; i < nodes; i++)); do
        options+=(-object "memory-backend-ram,id=m$i,size=768M" -numa "node,nodeid=$i,memdev=m$i,cpus=$((i * 4 / nodes))-$(((i + 1) * 4 / nodes - 1))")
    done
    timeout -k 5 "$BOOT_SECONDS" qemu-system-x86_64 -accel tcg -cpu max -smp 4 -m $((nodes * 768))M "${options[@]}" \
        -kernel "$KERNEL" -initrd "$SCRATCH/archive" -append "console=ttyS0 quiet loglevel=3 panic=-1 numa_balancing=disable" \
        -nodefaults -display none -no-reboot -serial stdio </dev/null 2>&1 | tr -d '\r' >"$SCRATCH/console"
}

# The guest's own cases, as cases here.
judge() {
    local name
    boot "$1"
    grep -E '^     ' "$SCRATCH/console"
    expect grep -qE '^[1-9][0-9]* passed, 0 failed, 0 skipped$' "$SCRATCH/console"
    for name in every_panel_is_on_its_workers_node without_binding_the_first_touch_decides reserved_pages_are_taken_where_there_are_enough \
        files_in_memory_are_too_also_when_they_are_taken_again a_full_node_spills_over logits_are_those_of_one_node; do
        expect grep -qx "ok   $name" "$SCRATCH/console"
    done
    if ! grep -qE '^[0-9]+ passed, 0 failed' "$SCRATCH/console"; then
        tail -n 40 "$SCRATCH/console" | sed 's/^/    /'
    fi
}

archive=
for nodes in 2 4; do
    case_is "$nodes emulated nodes"
    ! sanitized || skip "sanitizer build is dynamic"
    needs qemu-system-x86_64 cpio
    if ! skipped; then
        KERNEL=$("$TESTS/kernel.sh" 2>"$SCRATCH/why") || skip "no kernel to boot: $(cat "$SCRATCH/why")"
    fi
    if ! skipped && [ -z "$archive" ]; then
        bundle=$(guest_bundle) && make_archive "$bundle" || exit 1
        archive=made
    fi
    skipped || judge "$nodes"
done

finish
