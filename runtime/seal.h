/* seal.h: what a process gives up for good. The site program calls rt_seal once, from the main thread, after the last file is read and the
 * last kernel is generated. */
#ifndef CLOISTER_SEAL_H
#define CLOISTER_SEAL_H

#include "runtime/error.h"

/* A sanitizer's runtime opens /proc/self/maps, starts a symboliser and makes threads of its own, at any time: under the seal it would
 * hang or lie. These builds run unsealed; they are for tests, and `doctor` says so. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define RT_SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define RT_SANITIZED 1
#endif
#ifndef RT_SANITIZED
#define RT_SANITIZED 0
#endif

/* From here on no thread of the process can open a file, make executable memory, start a program or a thread, or make a socket;
 * open descriptors can still be read and written. Tries each of these before it returns, so that a kernel that lets one through
 * is an error (RT_EXIT_UNSUPPORTED) and not a surprise. Does nothing where RT_SANITIZED. */
RT_MUST_CHECK int rt_seal(struct rt_error *error);

/* The same for a process that answers at sockets which listen already: it can accept, read and write there, and make no others. */
RT_MUST_CHECK int rt_seal_server(struct rt_error *error);

/* The same for a process that has yet to finish files in the open directory `directory` (new_file.h): it can still look at, rename, link and
 * remove what lies there, and nothing else. One thread. */
RT_MUST_CHECK int rt_seal_keeper(int directory, struct rt_error *error);

/* The version of Landlock that this kernel has; 0 for none. */
int rt_landlock_abi(void);

#endif
