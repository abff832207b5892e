# shellcheck shell=bash
# The C and C++ runtimes under the product: musl, compiler-rt builtins, libunwind, libc++abi, libc++; and cc.cfg,
# the clang configuration file that makes a cross compiler of the host's clang. Sourced by build.sh.

# Static only. LIBCC is blank because libc.a needs no compiler runtime.
build_musl() {
    unpack musl
    CC="clang-19 --target=x86_64-linux-musl" AR=llvm-ar-19 RANLIB=llvm-ranlib-19 LIBCC=" " \
        CFLAGS="-O2 -fPIE -ffile-prefix-map=$WORK=." \
        "$SRC/musl/configure" --target=x86_64-linux-musl --prefix=/usr --disable-shared --disable-gcc-wrapper
    make -j"$JOBS"
    make install DESTDIR="$SYSROOT"
    # Kernel headers: libc++ needs <linux/futex.h>, the sandbox <linux/landlock.h>.
    cp -r /usr/include/linux /usr/include/asm-generic /usr/include/x86_64-linux-gnu/asm "$INCLUDE/"
    musl_compiler
}

# -resource-dir: our own builtins and crtbegin.o, so that no gcc installation is searched.
# -stdlib++-isystem: else clang prefers the host's libc++ headers where they are installed.
musl_compiler() {
    mkdir -p "$OUT/resource/lib/linux"
    ln -sfn "$(clang-19 -print-resource-dir)/include" "$OUT/resource/include"
    cat > "$OUT/cc.cfg" <<-'END'
	--target=x86_64-linux-musl
	--sysroot=<CFGDIR>/sysroot
	-resource-dir=<CFGDIR>/resource
	-stdlib=libc++
	-stdlib++-isystem<CFGDIR>/sysroot/usr/include/c++/v1
	--rtlib=compiler-rt
	--unwindlib=libunwind
	-fuse-ld=lld
	-static-pie
	-fPIC
	END
    cat > "$WORK/toolchain.cmake" <<-END
	set(CMAKE_SYSTEM_NAME Linux)
	set(CMAKE_SYSTEM_PROCESSOR x86_64)
	foreach(l C CXX ASM)
	  set(CMAKE_\${l}_COMPILER /usr/bin/clang-19)
	  set(CMAKE_\${l}_COMPILER_TARGET x86_64-linux-musl)
	  set(CMAKE_\${l}_FLAGS_INIT "--config=$OUT/cc.cfg -ffunction-sections -fdata-sections -ffile-prefix-map=$WORK=.")
	endforeach()
	set(CMAKE_CXX_COMPILER /usr/bin/clang++-19)
	set(CMAKE_AR /usr/bin/llvm-ar-19)
	set(CMAKE_RANLIB /usr/bin/llvm-ranlib-19)
	set(CMAKE_NM /usr/bin/llvm-nm-19)
	set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY) # nothing links before libc++ exists
	set(CMAKE_FIND_ROOT_PATH $SYSROOT)
	set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
	set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
	set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
	set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
	END
}

# Only what the runtimes read; the whole LLVM tree is twenty times larger.
build_compiler_rt() {
    local top=llvm-toolchain-19_19.1.7
    unpack llvm-toolchain-19 --wildcards --exclude='*/test/*' --exclude='*/benchmarks/*' \
        "$top/runtimes/*" "$top/cmake/*" "$top/llvm/cmake/*" "$top/llvm/utils/llvm-lit/*" \
        "$top/libcxx/*" "$top/libcxxabi/*" "$top/libunwind/*" "$top/compiler-rt/lib/builtins/*" "$top/compiler-rt/cmake/*"
    cmake -G Ninja -S "$SRC/llvm-toolchain-19/compiler-rt/lib/builtins" -B . -DCMAKE_TOOLCHAIN_FILE="$WORK/toolchain.cmake" \
        -DCMAKE_BUILD_TYPE=Release -DCOMPILER_RT_DEFAULT_TARGET_ONLY=ON -DCOMPILER_RT_BUILD_CRT=ON \
        -DLLVM_ENABLE_PER_TARGET_RUNTIME_DIR=OFF -DLLVM_CMAKE_DIR="$SRC/llvm-toolchain-19/llvm/cmake/modules"
    ninja -j"$JOBS"
    cp lib/linux/* "$OUT/resource/lib/linux/"
}

build_libcxx() {
    cmake -G Ninja -S "$SRC/llvm-toolchain-19/runtimes" -B . -DCMAKE_TOOLCHAIN_FILE="$WORK/toolchain.cmake" \
        -DCMAKE_BUILD_TYPE=Release -DCMAKE_INSTALL_PREFIX=/usr \
        -DLLVM_ENABLE_RUNTIMES="libunwind;libcxxabi;libcxx" -DLLVM_INCLUDE_TESTS=OFF -DLLVM_ENABLE_PER_TARGET_RUNTIME_DIR=OFF \
        -DLIBUNWIND_ENABLE_SHARED=OFF -DLIBUNWIND_USE_COMPILER_RT=ON -DLIBUNWIND_INCLUDE_TESTS=OFF \
        -DLIBUNWIND_ENABLE_CROSS_UNWINDING=OFF \
        -DLIBCXXABI_ENABLE_SHARED=OFF -DLIBCXXABI_USE_COMPILER_RT=ON -DLIBCXXABI_USE_LLVM_UNWINDER=ON \
        -DLIBCXXABI_INCLUDE_TESTS=OFF -DLIBCXXABI_HAS_CXA_THREAD_ATEXIT_IMPL=OFF \
        -DLIBCXX_ENABLE_SHARED=OFF -DLIBCXX_HAS_MUSL_LIBC=ON -DLIBCXX_USE_COMPILER_RT=ON -DLIBCXX_CXX_ABI=libcxxabi \
        -DLIBCXX_INCLUDE_TESTS=OFF -DLIBCXX_INCLUDE_BENCHMARKS=OFF -DLIBCXX_INCLUDE_DOCS=OFF \
        -DLIBCXX_ENABLE_TIME_ZONE_DATABASE=OFF -DLIBCXX_INSTALL_MODULES=OFF \
        -DLIBCXX_ENABLE_STATIC_ABI_LIBRARY=ON -DLIBCXX_HAS_ATOMIC_LIB=OFF
    ninja -j"$JOBS"
    DESTDIR="$SYSROOT" ninja install
}

# The host flavour has no runtime of its own: Debian's C library and C++ library, our libraries first.
host_compiler() {
    cat > "$OUT/cc.cfg" <<-'END'
	-isystem<CFGDIR>/sysroot/usr/include
	-L<CFGDIR>/sysroot/usr/lib
	-fuse-ld=lld
	-fPIC
	-pie
	END
    cat > "$WORK/toolchain.cmake" <<-END
	foreach(l C CXX)
	  set(CMAKE_\${l}_FLAGS_INIT "--config=$OUT/cc.cfg -ffunction-sections -fdata-sections -ffile-prefix-map=$WORK=.")
	endforeach()
	set(CMAKE_C_COMPILER /usr/bin/clang-19)
	set(CMAKE_CXX_COMPILER /usr/bin/clang++-19)
	END
}
