#!/usr/bin/env python3
"""emulate.py - runs a static program on an emulated processor: Bochs, a Linux kernel, and the program as all there is beside them.

    emulate.py [OPTION…] PROGRAM [ARGUMENT…]

    --cpu ISA        amx (Sapphire Rapids; the default), vnni (Ice Lake), avx512 (Skylake-X), avx2 (Haswell): the best instruction
                     set that the processor has; those before it, it has too
    --env NAME=VALUE for the program; any number of them
    --copy PATH      a file or directory that the program finds under its last name in its working directory; any number of them
    --memory MIB     of the guest (512); rounded up to 8
    --seconds N      how long the whole may take (300)
    --verbose        the kernel's messages, on stderr

What the program writes comes out here as it writes it, stdout and stderr apart, and its exit status is ours: 128 + N if signal N
killed it. 125, with a line on stderr, means that the guest did not come to an end, or never began. The program has /proc, /sys,
/dev, a /tmp in memory, and an empty stdin. There is one processor, so one worker; floating point is Berkeley SoftFloat's and not
this machine's. Time is made up of instructions there: measure nothing. Several may run at once.

build_emulator.sh makes the emulator at the first use, kernel.sh names the kernel.

    emulate.py --copy bundle --copy trust build/cloister run bundle --trust trust -p 'Wer bist du?'
    emulate.py --cpu vnni build/tests/test_kernels
"""
import argparse
import os
import pathlib
import signal
import struct
import subprocess
import sys
import tempfile
import threading

HERE = pathlib.Path(__file__).resolve().parent
FAILED = 125
MIB = 1 << 20
PAGE = 4096
BLOCK_MIB = 8                            # Bochs has memory in blocks, and ends where the last one is not whole

# Bochs's name of a processor that has this and nothing better.
MODELS = {'amx': 'sapphire_rapids', 'vnni': 'corei7_icelake_u', 'avx512': 'corei7_skylake_x', 'avx2': 'corei7_haswell_4770'}
# What the models have, no user program looks at, and the kernel would spend time on or trip over.
WITHOUT = 'waitpkg,mwait,la57,pks,sca_mitigations,x2apic,tsc_deadline'
INSTRUCTIONS_PER_SECOND = 50_000_000     # of the guest's time

# Where things lie in the guest's memory. boot_rom.S knows TABLE.
TABLE, BOOT_PARAMS, COMMAND_LINE, LOW_END = 0x8f000, 0x90000, 0x91000, 0x93000
KERNEL = 16 * MIB
ROOM_ABOVE_ARCHIVE = MIB

COMMAND = ' '.join((
    'nokaslr', 'acpi=off', 'mitigations=off', 'panic=-1',
    f'tsc_early_khz={INSTRUCTIONS_PER_SECOND // 1000}', 'tsc=reliable', 'no_timer_check',     # nothing to calibrate with
    'clearcpuid=arch_perfmon,fsrm',                                   # counters that are not emulated, copies that would be slow
    'cryptomgr.notests', 'intel_pstate=disable',
    'initcall_blacklist=' + ','.join((
        'load_system_certificate_list', 'cmos_init', 'i8042_init', 'init_evm', 'init_ima', 'trace_eval_init', 'inet6_init',
        'cubictcp_register'))))


def fail(why):
    print(f'emulate: {why}', file=sys.stderr)
    sys.exit(FAILED)


def read_options():
    parser = argparse.ArgumentParser(usage=__doc__, add_help=False, allow_abbrev=False)
    parser.error = fail     # 2 would be the program's
    parser.add_argument('--cpu', choices=MODELS, default='amx')
    parser.add_argument('--env', action='append', default=[])
    parser.add_argument('--copy', type=pathlib.Path, action='append', default=[])
    parser.add_argument('--memory', type=int, default=512)
    parser.add_argument('--seconds', type=float, default=300)
    parser.add_argument('--verbose', action='store_true')
    parser.add_argument('program', type=pathlib.Path)
    parser.add_argument('arguments', nargs=argparse.REMAINDER)
    parsed = parser.parse_args()
    parsed.memory += -parsed.memory % BLOCK_MIB
    return parsed


def printed_by(script):
    """The last line of a script's output; its stderr is ours."""
    done = subprocess.run([script], stdout=subprocess.PIPE, text=True)
    if done.returncode:
        fail(f'{script.name} failed')
    return pathlib.Path(done.stdout.splitlines()[-1])


class Archive:
    """What the kernel unpacks into memory: a cpio archive of format "newc"."""

    def __init__(self):
        self.bytes = bytearray()
        self.count = 0

    def _entry(self, name, mode, data):
        self.count += 1
        name = name.encode() + b'\0'
        fields = (self.count, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name), 0)
        self.bytes += b'070701' + b''.join(b'%08x' % field for field in fields) + name
        self._pad()
        self.bytes += data
        self._pad()

    def _pad(self):
        self.bytes += bytes(-len(self.bytes) % 4)

    def file(self, name, data, mode=0o755):
        self._entry(name, 0o100000 | mode, data)

    def directory(self, name):
        self._entry(name, 0o040755, b'')

    def tree(self, name, path):
        if not path.is_dir():
            self.file(name, path.read_bytes())
            return
        self.directory(name)
        for below in sorted(path.iterdir()):
            self.tree(f'{name}/{below.name}', below)

    def close(self):
        self._entry('TRAILER!!!', 0, b'')
        return bytes(self.bytes)


def strings(texts):
    """As guest_init.c reads them."""
    return b''.join(os.fsencode(text) + b'\0' for text in texts)


def guest_archive(emulator, wanted):
    archive = Archive()
    archive.file('init', (emulator / 'init').read_bytes())
    archive.file('program', wanted.program.read_bytes())
    archive.file('arguments', strings([wanted.program.name, *wanted.arguments]))
    archive.file('environment', strings(wanted.env))
    archive.directory('data')
    for path in wanted.copy:
        archive.tree(f'data/{path.resolve().name}', path)
    return archive.close()


def boot_params(kernel, archive_at, archive_size, memory):
    """The zero page of the kernel's 32-bit boot protocol, from the header in its image."""
    params = bytearray(PAGE)
    end_of_header = 0x202 + kernel[0x201]
    params[0x1f1:end_of_header] = kernel[0x1f1:end_of_header]
    params[0x210] = 0xff                     # type_of_loader: one without a number
    params[0x211] |= 1                       # loadflags: LOADED_HIGH
    struct.pack_into('<II', params, 0x218, archive_at, archive_size)
    struct.pack_into('<I', params, 0x228, COMMAND_LINE)
    usable, reserved = 1, 2
    memory_map = (0, 0x9fc00, usable), (0x9fc00, 0x60400, reserved), (MIB, memory - MIB, usable)
    params[0x1e8] = len(memory_map)
    for i, entry in enumerate(memory_map):
        struct.pack_into('<QQI', params, 0x2d0 + 20 * i, *entry)
    return params


def memory_images(kernel, command, archive, memory):
    """(address, bytes) of what lies in the guest's memory when it starts."""
    archive_at = (memory - len(archive) - ROOM_ABOVE_ARCHIVE) & -PAGE
    setup_sectors = kernel[0x1f1] or 4
    low = bytearray(LOW_END - TABLE)
    struct.pack_into('<II', low, 0, KERNEL, BOOT_PARAMS)
    low[BOOT_PARAMS - TABLE:COMMAND_LINE - TABLE] = boot_params(kernel, archive_at, len(archive), memory)
    low[COMMAND_LINE - TABLE:COMMAND_LINE - TABLE + len(command)] = command.encode()
    protected = kernel[(setup_sectors + 1) * 512:]
    if archive_at < KERNEL + 4 * len(protected):
        fail('the guest has too little memory for its files; give it more with --memory')
    return (TABLE, bytes(low)), (KERNEL, protected), (archive_at, archive)


def bochs_settings(emulator, work, wanted, images):
    (work / 'vga').write_bytes(bytes(32768))     # Bochs insists on one
    lines = [
        'config_interface: textconfig',
        'display_library: nogui',
        f'cpu: model={MODELS[wanted.cpu]}, count=1, ips={INSTRUCTIONS_PER_SECOND}, reset_on_triple_fault=0, ignore_bad_msrs=1, '
        f'exclude_features="{WITHOUT}"',
        f'memory: guest={wanted.memory}, host={wanted.memory}, block_size={BLOCK_MIB << 10}',
        f'romimage: file={emulator}/rom.bin, address=0xffff0000',
        f'vgaromimage: file={work}/vga',
        'vga: extension=none, update_freq=1',
        'ata0: enabled=0',
        'clock: sync=none, time0=946681200',
        'port_e9_hack: enabled=1',
        f'com1: enabled=1, mode=file, dev={work}/console',
        f'log: {work}/log',
        'panic: action=fatal', 'error: action=ignore', 'info: action=report', 'debug: action=ignore',
    ]
    for i, (address, data) in enumerate(images, 1):
        image = work / f'image{i}'
        image.write_bytes(data + bytes(-len(data) % 512))
        lines.append(f'optramimage{i}: file={image}, address={address:#x}')
    settings = work / 'settings'
    settings.write_text('\n'.join(lines) + '\n')
    return settings


def pass_on(guest):
    """Writes out what guest_init.c sends; the program's exit status, or None where it never came."""
    streams = {b'out': sys.stdout.buffer, b'err': sys.stderr.buffer}
    for line in guest:
        if line == b'guest is up\n':
            break
    for line in guest:
        word, _, number = line.partition(b' ')
        if word == b'exit':
            return int(number)
        if word in streams:
            streams[word].write(guest.read(int(number)))
            streams[word].flush()
    return None


def run(emulator, settings, work, seconds):
    environment = {**os.environ, 'BXSHARE': str(work)}
    bochs = subprocess.Popen([emulator / 'bochs', '-q', '-f', settings], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.DEVNULL, env=environment)
    late = threading.Event()

    def end_late_guest():
        late.set()
        bochs.kill()

    clock = threading.Timer(seconds, end_late_guest)
    clock.start()
    try:
        status = pass_on(bochs.stdout)
    finally:
        clock.cancel()
        bochs.kill()
        bochs.wait()
    return status, late.is_set()


def last_lines(path, count):
    return '\n'.join(path.read_text(errors='replace').splitlines()[-count:]) if path.exists() else ''


def emulate(wanted, work):
    emulator = printed_by(HERE / 'build_emulator.sh')
    kernel = printed_by(HERE.parent / 'kernel.sh').read_bytes()
    command = COMMAND + (' console=ttyS0 loglevel=7' if wanted.verbose else ' quiet')
    images = memory_images(kernel, command, guest_archive(emulator, wanted), wanted.memory * MIB)
    status, late = run(emulator, bochs_settings(emulator, work, wanted, images), work, wanted.seconds)
    if wanted.verbose:
        print(last_lines(work / 'console', 1000), file=sys.stderr)
    if late:
        fail(f'the guest took longer than {wanted.seconds:g} s')
    if status is None:
        fail(f'the guest died\n{last_lines(work / "log", 5)}')
    return status


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(FAILED))     # not without ending the emulator
    wanted = read_options()
    with tempfile.TemporaryDirectory(prefix='emulate.') as work:
        try:
            status = emulate(wanted, pathlib.Path(work))
        except OSError as error:
            fail(error)
    sys.exit(status)


main()
