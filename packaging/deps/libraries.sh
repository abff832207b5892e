# shellcheck shell=bash
# The C libraries: libsodium, hwloc, yyjson, PCRE2, utf8proc, libseccomp, libmicrohttpd. All but hwloc and libmicrohttpd are compiled file by
# file, without their configure scripts: what is switched on is what is written here. Sourced by build.sh.

# compile FLAGS FILE...: each FILE to o/NAME.o, in parallel; the flags that isa_flags adds are by file name.
compile() {
    local flags=$1 f lines=()
    shift
    mkdir -p o
    for f in "$@"; do lines+=("$(isa_flags "$f") -c $f -o o/$(echo "${f#"$SRC"/}" | tr / _).o"); done
    printf '%s\n' "${lines[@]}" | xargs -P "$JOBS" -I{} sh -c "$CC -std=gnu17 $COMMON -w $flags {}"
}

# Files that are compiled for an instruction set say so in their name; each checks for it before it is called.
isa_flags() {
    case $1 in
        */blake2b-ref.c) echo -UHAVE_TMMINTRIN_H ;;   # see build_libsodium
        *avx2*) echo -mavx2 ;;
        *aesni*) echo -mssse3 -maes -mpclmul ;;
        *sse41*) echo -msse4.1 ;;
        *ssse3*) echo -mssse3 ;;
        */libsodium/sodium/runtime.c) echo -DHAVE_AVX_ASM ;;   # lets it ask the system about AVX (xgetbv)
    esac
}

archive() { llvm-ar-19 rcsD "$LIB/$1" o/*.o; }

# The Debian tarball has no configure. The paths for SSSE3, SSE4.1, AVX2 and AES-NI are on; AVX-512 (Argon2 only) and
# assembly are off. BLAKE2b is the exception, and the speed of loading: one message is a chain of dependent operations,
# which four 64-bit lanes do not shorten. Measured on an AMD EPYC with clang 19: portable 95 ns a block, AVX2 231 ns and
# SSE4.1 268 ns; so the portable code is what blake2b-ref.c is left to choose.
build_libsodium() {
    unpack libsodium
    local top=$SRC/libsodium/src/libsodium defs="" d
    mkdir -p include/sodium
    sed 's/@VERSION@/1.0.18/;s/@SODIUM_LIBRARY_VERSION_MAJOR@/10/;s/@SODIUM_LIBRARY_VERSION_MINOR@/3/;s/@SODIUM_LIBRARY_MINIMAL_DEF@//' \
        "$top/include/sodium/version.h.in" > include/sodium/version.h
    for d in CONFIGURED NATIVE_LITTLE_ENDIAN HAVE_TI_MODE HAVE_C_VARARRAYS HAVE_INLINE_ASM HAVE_CPUID HAVE_ATOMIC_OPS \
        HAVE_WEAK_SYMBOLS HAVE_PTHREAD HAVE_SYS_MMAN_H HAVE_SYS_RANDOM_H HAVE_GETRANDOM HAVE_MMAP HAVE_MLOCK HAVE_MADVISE \
        HAVE_MPROTECT HAVE_RAISE HAVE_SYSCONF HAVE_NANOSLEEP HAVE_POSIX_MEMALIGN HAVE_GETPID HAVE_EXPLICIT_BZERO \
        HAVE_EMMINTRIN_H HAVE_PMMINTRIN_H HAVE_TMMINTRIN_H HAVE_SMMINTRIN_H HAVE_AVXINTRIN_H HAVE_AVX2INTRIN_H HAVE_WMMINTRIN_H; do
        defs="$defs -D$d=1"
    done
    # shellcheck disable=SC2046  # a list of files without blanks
    compile "-fvisibility=hidden -fno-strict-aliasing -fwrapv $defs -DTLS=_Thread_local \
        -I$PWD/include -I$PWD/include/sodium -I$top/include -I$top/include/sodium" $(find "$top" -name '*.c' | sort)
    archive libsodium.a
    cp -r "$top/include/sodium.h" "$top/include/sodium" include/sodium "$INCLUDE/"
    rm -f "$INCLUDE"/sodium/*.in
}

# Only the library: no tools, no PCI or GPU discovery, no XML through libxml2.
build_hwloc() {
    unpack hwloc
    local cross=""
    [ "$FLAVOUR" = host ] || cross=--host=x86_64-linux-musl
    # shellcheck disable=SC2086  # no argument at all when empty
    CC=$CC AR=llvm-ar-19 RANLIB=llvm-ranlib-19 CFLAGS=$COMMON "$SRC/hwloc/configure" $cross --prefix=/usr \
        --disable-shared --enable-static --disable-dependency-tracking \
        --disable-cairo --disable-libxml2 --disable-io --disable-pci --disable-opencl --disable-cuda --disable-nvml --disable-rsmi \
        --disable-levelzero --disable-gl --disable-libudev --disable-plugins --disable-readme --disable-picky --disable-doxygen
    for d in include hwloc; do
        make -j"$JOBS" -C $d
        make -C $d install DESTDIR="$SYSROOT"
    done
}

build_yyjson() {
    unpack yyjson
    compile "" "$SRC/yyjson/src/yyjson.c"
    archive libyyjson.a
    cp "$SRC/yyjson/src/yyjson.h" "$INCLUDE/"
}

# 8-bit code units, Unicode, and no JIT: a sealed process makes no executable memory.
build_pcre2() {
    unpack pcre2
    local src=$SRC/pcre2/src f files=()
    cp "$src/config.h.generic" "$src/config.h"
    cp "$src/pcre2.h.generic" "$src/pcre2.h"
    cp "$src/pcre2_chartables.c.dist" "$src/pcre2_chartables.c"
    for f in "$src"/pcre2_*.c; do
        case ${f##*/pcre2_} in
            dftables.c | fuzzsupport.c | jit_match.c | jit_misc.c | jit_test.c | printint.c | ucptables.c) ;;   # included, or programs
            *) files+=("$f") ;;
        esac
    done
    compile "-DHAVE_CONFIG_H -DPCRE2_CODE_UNIT_WIDTH=8 -DSUPPORT_PCRE2_8 -DSUPPORT_UNICODE -DPCRE2_STATIC -DHAVE_MEMMOVE \
        -DHAVE_STRERROR -DHAVE_ASSERT_H -DHAVE_LIMITS_H -DHAVE_STDINT_H -DHAVE_INTTYPES_H -DHAVE_BUILTIN_MUL_OVERFLOW \
        -I$src" "${files[@]}"
    archive libpcre2-8.a
    cp "$src/pcre2.h" "$INCLUDE/"
}

build_utf8proc() {
    unpack utf8proc
    compile -DUTF8PROC_STATIC "$SRC/utf8proc/utf8proc.c"
    archive libutf8proc.a
    cp "$SRC/utf8proc/utf8proc.h" "$INCLUDE/"
}

# The system call tables come generated (syscalls.perf.c), so gperf is not needed.
build_libseccomp() {
    unpack libseccomp
    local src=$SRC/libseccomp/src f files=()
    echo '#define HAVE_LINUX_SECCOMP_H 1' > configure.h
    for f in "$src"/*.c; do
        case ${f##*/} in arch-syscall-dump.c) ;; *) files+=("$f") ;; esac
    done
    compile "-D_GNU_SOURCE -fvisibility=hidden -I$PWD -I$SRC/libseccomp/include -I$src" "${files[@]}"
    archive libseccomp.a
    cp "$SRC/libseccomp/include/seccomp.h" "$SRC/libseccomp/include/seccomp-syscalls.h" "$INCLUDE/"
}

# The server with epoll, and nothing else: no TLS, no authentication, no cookies, no forms, no upgrade to other protocols. It looks at no environment
# and opens nothing by itself: the process that uses it is sealed.
build_libmicrohttpd() {
    unpack libmicrohttpd
    local cross=""
    [ "$FLAVOUR" = host ] || cross=--host=x86_64-linux-musl
    # shellcheck disable=SC2086  # no argument at all when empty
    CC=$CC AR=llvm-ar-19 RANLIB=llvm-ranlib-19 CFLAGS=$COMMON "$SRC/libmicrohttpd/configure" $cross --prefix=/usr \
        --disable-shared --enable-static --disable-dependency-tracking --disable-nls --disable-https --disable-bauth --disable-dauth \
        --disable-httpupgrade --disable-postprocessor --disable-cookie --disable-curl --disable-doc --disable-examples --disable-tools \
        --enable-epoll --enable-itc=eventfd --with-threads=posix
    make -j"$JOBS" -C src/microhttpd libmicrohttpd.la
    make -C src/microhttpd install-libLTLIBRARIES DESTDIR="$SYSROOT"
    make -C src/include install DESTDIR="$SYSROOT"
}
