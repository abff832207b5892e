#!/bin/bash
# guest.sh - what systemd starts in the emulated machine of cli_service.sh: the units, several times over. Prints "== STEP" and, below it, what the
# service said and how systemd sees it.
exec 2>&1
unit=cloister@demo # with make_service in the server's place
shipped=cloister@shipped

step() {
    echo "== $1"
}

state() {
    cat /said
    rm -f /said
    systemctl show -p ActiveState,SubState,NFileDescriptorStore,StatusText,ExecMainStatus "${1:-$unit}.service" | tr '\n' ' '
    echo
}

echo 1 >/proc/sys/kernel/printk

step socket
systemd-sysusers
systemctl start "$unit.socket"
ls -l /run/cloister

step cold
systemctl start "$unit.service"
state
cloister doctor --seal "$(systemctl show -P MainPID "$unit.service")"

step warm
systemctl restart "$unit.service"
state

step again
systemctl restart "$unit.service"
state

step killed
systemctl kill -s KILL "$unit.service"
for ((i = 0; i < 100; i++)); do
    sleep 0.2
    [ "$(systemctl show -P StatusText "$unit.service")" = serving ] && [ -s /said ] && break
done
state

step untrusted
mv /etc/cloister/trust /etc/cloister/away
mkdir /etc/cloister/trust
systemctl restart "$unit.service"
state
rmdir /etc/cloister/trust
mv /etc/cloister/away /etc/cloister/trust
systemctl reset-failed "$unit.service"

step huge
echo advise >/sys/kernel/mm/transparent_hugepage/shmem_enabled
systemctl start "$unit.service"
state
systemctl restart "$unit.service"
state

step reserved
systemctl stop "$unit.service"
rm -f /said
echo 16 >/proc/sys/vm/nr_hugepages
systemctl start "$unit.service"
state
systemctl restart "$unit.service"
state

step stopped
systemctl stop "$unit.service" "$unit.socket"
ls -A /run/cloister
systemctl show -p NFileDescriptorStore "$unit.service"

step shipped
systemctl start "$shipped.service"
state "$shipped"
cloister doctor --seal "$(systemctl show -P MainPID "$shipped.service")"
systemctl restart "$shipped.service"
state "$shipped"
systemctl stop "$shipped.service" "$shipped.socket"
state "$shipped"

step end
echo o >/proc/sysrq-trigger
sleep 60
