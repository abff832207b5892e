# shellcheck shell=bash
# oneDNN, cut down to the brgemm ukernel (dnnl_ukernel.h) and what it calls: CMake configures, but only the objects
# in onednn-objs.txt are compiled and archived; every other symbol is absent and fails at link time. The patches make
# generated code R-X, execute() free of allocation, and the environment unread. Sourced by build.sh.

build_onednn() {
    unpack onednn
    local objs
    objs=$(grep -v '^#' "$RECIPE/onednn-objs.txt")
    # -O1: the library only generates code; the code that it generates is the same at -O2.
    cmake -G Ninja -S "$SRC/onednn" -B . -DCMAKE_TOOLCHAIN_FILE="$WORK/toolchain.cmake" -DCMAKE_BUILD_TYPE=Release \
        -DCMAKE_CXX_FLAGS_RELEASE="-O1 -DNDEBUG -DDNNL_ENABLE_JIT_DUMP=0 -fno-stack-protector" \
        -DONEDNN_LIBRARY_TYPE=STATIC -DONEDNN_CPU_RUNTIME=SEQ -DONEDNN_GPU_RUNTIME=NONE -DONEDNN_EXPERIMENTAL_UKERNEL=ON \
        -DONEDNN_BUILD_GRAPH=OFF -DONEDNN_BUILD_TESTS=OFF -DONEDNN_BUILD_EXAMPLES=OFF -DONEDNN_BUILD_DOC=OFF \
        -DONEDNN_ENABLE_WORKLOAD=INFERENCE -DONEDNN_ENABLE_PRIMITIVE=REORDER -DONEDNN_ENABLE_PRIMITIVE_CACHE=OFF \
        -DONEDNN_ENABLE_PRIMITIVE_CPU_ISA=ALL -DONEDNN_ENABLE_GEMM_KERNELS_ISA=NONE \
        -DONEDNN_VERBOSE=OFF -DONEDNN_ENABLE_JIT_PROFILING=OFF -DONEDNN_ENABLE_ITT_TASKS=OFF
    # shellcheck disable=SC2086  # a list of words
    ninja -j"$JOBS" $objs
    # shellcheck disable=SC2086
    llvm-ar-19 rcsD "$LIB/libdnnl.a" $objs
    cp -r "$SRC/onednn/include/oneapi" include/oneapi "$INCLUDE/"
}
