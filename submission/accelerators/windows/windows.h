/* Convolutions of images that are mostly black, done only where the images are not.
 *
 * Maps lie channels-last with a border of zeros as wide as the next layer's padding. Channels and filters are padded with
 * zeros to multiples of a block, two vectors wide: filters beside each other are what a vector holds.
 */
#ifndef WINDOWS_H
#define WINDOWS_H

#include <stdint.h>

typedef struct {
    int64_t channels, filters;
    int64_t kernel_rows, kernel_columns, stride_rows, stride_columns, padding_rows, padding_columns;
    int64_t rows, columns;  /* of its maps */
    double slope;           /* below zero, in [0, 1]: 0 rectifies, 1 does nothing */
    const float *weights;   /* [block of filters][kernel row][kernel column][channel][filter of the block] */
    const float *bias;
} Layer;

/* First and last row and column; the last ones are smaller where nothing is seen. */
typedef struct {
    int64_t top, bottom, left, right;
} Window;

typedef struct {
    int64_t rows, columns, channels;
    int64_t border_rows, border_columns;
    int64_t size;   /* floats of a set, with the border */
    float *ground;  /* of a black image */
    float *sets;    /* of several images, equal to the ground outside of their windows */
} Map;

/* Where the layer's kernel begins in the maps before, and where its filters' outputs go. */
typedef struct {
    const float **from;
    float **to;
    int64_t count;
} Places;

static inline int64_t stride(const Map *map) { return (map->columns + 2 * map->border_columns) * map->channels; }

static inline float *at(const Map *map, float *set, int64_t row, int64_t column) {
    return set + (row + map->border_rows) * stride(map) + (column + map->border_columns) * map->channels;
}

/* One layer at all places; `row` floats lie between the rows of the maps before. */
typedef void Products(const Layer *layer, int64_t row, const Places *places);
Products products_4, products_8, products_16; /* by floats in a vector */

/* Buffers of all maps, the image's first; zero or no memory. Freed by one call with the same maps. */
int allocate_maps(Map *maps, const Layer *layers, int64_t count, int64_t channels, int64_t rows, int64_t columns,
                  int64_t sets);
void free_maps(Map *maps, int64_t count);
void copy_ground(const Map *map, float *set, const Window *window);
Window seeing(const Layer *layer, Window window);

#endif
