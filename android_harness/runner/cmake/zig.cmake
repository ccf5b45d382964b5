# Compiles for Linux on any machine and for any glibc with zig, which brings clang, libc++ and the interfaces of every glibc:
# the runners of releases have to run with older ones than that of the machine that builds them.
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES SYNCNAS_ZIG SYNCNAS_MACHINE SYNCNAS_GLIBC)
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR ${SYNCNAS_MACHINE})
set(CMAKE_CXX_COMPILER ${SYNCNAS_ZIG} c++ -target ${SYNCNAS_MACHINE}-linux-gnu.${SYNCNAS_GLIBC})
# Of the system's own archiver nothing is known: it may not know the machine.
set(CMAKE_CXX_ARCHIVE_CREATE "${SYNCNAS_ZIG} ar qc <TARGET> <OBJECTS>")
set(CMAKE_CXX_ARCHIVE_APPEND "${SYNCNAS_ZIG} ar q <TARGET> <OBJECTS>")
set(CMAKE_CXX_ARCHIVE_FINISH "${SYNCNAS_ZIG} ranlib <TARGET>")
# Without the names and lines of everything in libc++, which are most of the file.
set(CMAKE_EXE_LINKER_FLAGS_INIT -s)
