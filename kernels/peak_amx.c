/* peak_amx.c: tdpbssd on tiles of the largest size: four sums from two tiles of rows and two of weights. */
#include "kernels/peak_loops.h"

#include <immintrin.h>

enum { TILES = 8, ROWS = 16, ROW_BYTES = 64 };

struct tile_config { /* the operand of ldtilecfg, palette 1 */
    uint8_t palette, start_row, reserved[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
};

int32_t kn_peak_round_amx(void)
{
    _Alignas(64) struct tile_config config = {.palette = 1};
    _Alignas(64) int8_t values[ROWS * ROW_BYTES];
    _Alignas(64) int32_t sums[ROWS * ROW_BYTES / sizeof(int32_t)];
    for (int i = 0; i < TILES; i++) {
        config.row_bytes[i] = ROW_BYTES;
        config.rows[i] = ROWS;
    }
    for (int i = 0; i < ROWS * ROW_BYTES; i++)
        values[i] = (int8_t)i;
    _tile_loadconfig(&config);
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    _tile_loadd(4, values, ROW_BYTES);
    _tile_loadd(5, values, ROW_BYTES);
    _tile_loadd(6, values, ROW_BYTES);
    _tile_loadd(7, values, ROW_BYTES);
    for (int turn = 0; turn < PEAK_TURNS; turn++) { /* PEAK_CHAINS_AMX of them */
        _tile_dpbssd(0, 4, 6);
        _tile_dpbssd(1, 4, 7);
        _tile_dpbssd(2, 5, 6);
        _tile_dpbssd(3, 5, 7);
    }
    _tile_stored(0, sums, ROW_BYTES);
    _tile_release();
    return sums[0];
}
