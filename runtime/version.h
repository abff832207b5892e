/* version.h: the version of both programs. */
#ifndef CLOISTER_VERSION_H
#define CLOISTER_VERSION_H

#define CLOISTER_VERSION "0.1"

#endif
