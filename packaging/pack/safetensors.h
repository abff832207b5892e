/* safetensors.h: the header of a .safetensors file (https://huggingface.co/docs/safetensors): 8 bytes of length, JSON, then the data. Everything
 * in it is hostile: what comes out has been checked against the size of the file. Opens no file. Any thread. */
#ifndef CLOISTER_PACK_SAFETENSORS_H
#define CLOISTER_PACK_SAFETENSORS_H

#include <stddef.h>
#include <stdint.h>

#include "runtime/error.h"

enum {
    PK_HEADER_MAX = 100 << 20, /* bytes of JSON */
    PK_DIMS_MAX = 8,
    PK_STORED_MAX = 1 << 20, /* tensors per file */
};

struct pk_dtype { /* how an element is stored */
    const char *name;
    uint32_t bytes;
    void (*widen)(float *out, const void *in, size_t count); /* NULL: a kind of number that no bundle is made from */
};

struct pk_stored { /* a tensor as it lies in its file */
    const char *name;
    const struct pk_dtype *dtype;
    uint32_t dims;
    uint64_t shape[PK_DIMS_MAX];
    uint64_t begin, bytes; /* from the start of the data, which is 8 + the header's length */
};

struct pk_header { /* zeroed before use; tensors in the order of their data */
    void *text;    /* what the names point into */
    struct pk_stored *tensors;
    size_t count;
};

/* The header's length from the first 8 bytes of a file of file_bytes bytes. */
RT_MUST_CHECK int pk_header_length(uint64_t *out, const uint8_t start[8], uint64_t file_bytes, const char *file, struct rt_error *error);

/* Reads the JSON and checks that the tensors fill the data_bytes that follow it: in range, without overlap or hole, each as long as its
 * shape says, no name twice. On failure *out is as pk_header_close leaves it. */
RT_MUST_CHECK int pk_header_parse(struct pk_header *out, const char *json, size_t bytes, uint64_t data_bytes, const char *file,
                                  struct rt_error *error);
void pk_header_close(struct pk_header *header);

#endif
