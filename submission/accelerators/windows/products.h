/* The products of one layer, for vectors of LANES floats; included once for each kind of vector. */
#include "windows.h"

#define AT_ONCE 6 /* places whose sums stand in registers, two vectors each */
#define BLOCK (2 * LANES)
#define UNROLL _Pragma("GCC unroll 6")

static inline __attribute__((always_inline)) TARGET void finished(VECTOR sum, float slope, float *to) {
    STORE(to, LARGER(MULTIPLIED(SPREAD(slope), sum), sum));
}

/* One block of filters at `count` places, which compilers must know as a constant. */
static inline __attribute__((always_inline)) TARGET void block_at(const Layer *layer, int64_t row, int64_t block,
                                                                  const float *const *from, float *const *to,
                                                                  const int count) {
    const float *weight = layer->weights + block * BLOCK * layer->kernel_rows * layer->kernel_columns * layer->channels;
    const float *bias = layer->bias + block * BLOCK, *pixel[AT_ONCE];
    VECTOR low[AT_ONCE], high[AT_ONCE];
    UNROLL for (int p = 0; p < count; p++) {
        pixel[p] = from[p];
        low[p] = LOAD(bias);
        high[p] = LOAD(bias + LANES);
    }
    for (int64_t i = 0; i < layer->kernel_rows; i++) {
        for (int64_t t = 0; t < layer->kernel_columns * layer->channels; t++, weight += BLOCK) {
            VECTOR first = LOAD(weight), second = LOAD(weight + LANES);
            UNROLL for (int p = 0; p < count; p++) {
                VECTOR x = SPREAD(pixel[p][t]);
                low[p] = ADDED(x, first, low[p]);
                high[p] = ADDED(x, second, high[p]);
            }
        }
        UNROLL for (int p = 0; p < count; p++) pixel[p] += row;
    }
    UNROLL for (int p = 0; p < count; p++) {
        finished(low[p], (float)layer->slope, to[p] + block * BLOCK);
        finished(high[p], (float)layer->slope, to[p] + block * BLOCK + LANES);
    }
}

/* The same for what is left. */
static TARGET void some_at(const Layer *layer, int64_t row, int64_t block, const float *const *from, float *const *to,
                           int64_t count) {
    switch (count) {
        case 5: block_at(layer, row, block, from, to, 5); break;
        case 4: block_at(layer, row, block, from, to, 4); break;
        case 3: block_at(layer, row, block, from, to, 3); break;
        case 2: block_at(layer, row, block, from, to, 2); break;
        case 1: block_at(layer, row, block, from, to, 1); break;
    }
}

TARGET void PRODUCTS(const Layer *layer, int64_t row, const Places *places) {
    for (int64_t block = 0; block < layer->filters / BLOCK; block++) {
        int64_t n = 0;
        for (; n + AT_ONCE <= places->count; n += AT_ONCE)
            block_at(layer, row, block, places->from + n, places->to + n, AT_ONCE);
        some_at(layer, row, block, places->from + n, places->to + n, places->count - n);
    }
}
