/* fuzz_safetensors.c: a whole .safetensors file: 8 bytes of length, header, data. What the parser accepts must lie inside the data. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "packaging/pack/safetensors.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_header(const struct pk_header *header, uint64_t data_bytes)
{
    uint64_t end = 0;
    for (size_t i = 0; i < header->count; i++) {
        const struct pk_stored *tensor = &header->tensors[i];
        uint64_t elements = 1;
        for (uint32_t j = 0; j < tensor->dims; j++)
            elements *= tensor->shape[j];
        if (tensor->begin != end || elements * tensor->dtype->bytes != tensor->bytes || strlen(tensor->name) > PK_HEADER_MAX)
            abort();
        end += tensor->bytes;
    }
    if (end != data_bytes)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rt_error error;
    struct pk_header header;
    uint64_t length;
    if (size < 8 || pk_header_length(&length, data, size, "fuzz", &error))
        return 0;
    if (pk_header_parse(&header, (const char *)data + 8, length, size - 8 - length, "fuzz", &error))
        return 0;
    check_header(&header, size - 8 - length);
    pk_header_close(&header);
    return 0;
}
