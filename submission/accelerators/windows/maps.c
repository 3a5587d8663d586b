/* Buffers of maps. */
#include <stdlib.h>
#include <string.h>

#include "windows.h"

static int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

/* The outputs that see what stands in the window. */
Window seeing(const Layer *layer, Window in) {
    int64_t top = in.top + layer->padding_rows - layer->kernel_rows;
    int64_t left = in.left + layer->padding_columns - layer->kernel_columns;
    if (in.bottom < in.top || in.right < in.left) return (Window){0, -1, 0, -1};
    return (Window){
        .top = top < 0 ? 0 : top / layer->stride_rows + 1,
        .bottom = smaller((in.bottom + layer->padding_rows) / layer->stride_rows, layer->rows - 1),
        .left = left < 0 ? 0 : left / layer->stride_columns + 1,
        .right = smaller((in.right + layer->padding_columns) / layer->stride_columns, layer->columns - 1),
    };
}

void copy_ground(const Map *map, float *set, const Window *window) {
    int64_t floats = (window->right - window->left + 1) * map->channels;
    for (int64_t row = window->top; floats > 0 && row <= window->bottom; row++)
        memcpy(at(map, set, row, window->left), at(map, map->ground, row, window->left), (size_t)floats * sizeof(float));
}

static int allocate(Map *map, int64_t sets) {
    int64_t rows = map->rows + 2 * map->border_rows;
    map->size = rows * stride(map);
    map->ground = calloc((size_t)(map->size * (1 + sets)), sizeof(float));
    map->sets = map->ground + map->size;
    return map->ground != NULL;
}

int allocate_maps(Map *maps, const Layer *layers, int64_t count, int64_t channels, int64_t rows, int64_t columns,
                  int64_t sets) {
    int done = 1;
    for (int64_t m = 0; m <= count; m++) {
        const Layer *before = layers + m - 1, *next = layers + m;
        maps[m] = m ? (Map){.rows = before->rows, .columns = before->columns, .channels = before->filters}
                    : (Map){.rows = rows, .columns = columns, .channels = channels};
        maps[m].border_rows = m < count ? next->padding_rows : 0;
        maps[m].border_columns = m < count ? next->padding_columns : 0;
        done &= allocate(maps + m, sets);
    }
    return done;
}

void free_maps(Map *maps, int64_t count) {
    for (int64_t m = 0; m <= count; m++) free(maps[m].ground);
}
