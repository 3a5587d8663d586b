/* Images in, the last maps out, in windows around what is not black. */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "../parallel.h"
#include "windows.h"

#define SETS 8 /* images at a time: weights are read once for all of them */
#define MAX_LAYERS 16

typedef struct {
    Products *products;
    const Layer *layers;
    int64_t count;                    /* of layers */
    int64_t channels, rows, columns;  /* of an image */
    int64_t filters;                  /* of the last layer, without padding */
    const float *images;
    const int64_t *boxes;
    float *maps;
    int64_t n;
    atomic_llong next;                /* image that no thread has taken */
    atomic_int working;               /* whether any thread had the memory */
} Job;

/* What one thread works with. */
typedef struct {
    Map maps[MAX_LAYERS + 1];
    Window windows[SETS][MAX_LAYERS + 1];
    Places places;
} Desk;

static int64_t most_places(const Job *job) {
    int64_t most = 0;
    for (int64_t l = 0; l < job->count; l++) {
        int64_t outputs = job->layers[l].rows * job->layers[l].columns;
        most = outputs > most ? outputs : most;
    }
    return SETS * most;
}

static void collect(Places *places, const Layer *layer, const Map *from, const Map *to, float *input, float *output,
                    const Window *window) {
    for (int64_t y = window->top; y <= window->bottom; y++)
        for (int64_t x = window->left; x <= window->right; x++, places->count++) {
            int64_t row = y * layer->stride_rows - layer->padding_rows;
            places->from[places->count] = at(from, input, row, x * layer->stride_columns - layer->padding_columns);
            places->to[places->count] = at(to, output, y, x);
        }
}

/* All layers of `images` sets whose image lies in the first map. */
static void convolve(const Job *job, Desk *desk, int64_t images) {
    for (int64_t l = 0; l < job->count; l++) {
        const Map *from = desk->maps + l, *to = from + 1;
        desk->places.count = 0;
        for (int64_t n = 0; n < images; n++)
            collect(&desk->places, job->layers + l, from, to, from->sets + n * from->size, to->sets + n * to->size,
                    &desk->windows[n][l + 1]);
        job->products(job->layers + l, stride(from), &desk->places);
    }
}

static void place_windows(const Job *job, Window *windows, Window box) {
    windows[0] = box;
    for (int64_t l = 0; l < job->count; l++) windows[l + 1] = seeing(job->layers + l, windows[l]);
}

/* The maps of a black image, everywhere. */
static void make_ground(const Job *job, Desk *desk) {
    for (int64_t l = 0; l < job->count; l++)
        desk->windows[0][l + 1] = (Window){0, job->layers[l].rows - 1, 0, job->layers[l].columns - 1};
    convolve(job, desk, 1);
    for (int64_t m = 0; m <= job->count; m++) {
        Map *map = desk->maps + m;
        memcpy(map->ground, map->sets, (size_t)map->size * sizeof(float));
        for (int64_t n = 1; n < SETS; n++)
            memcpy(map->sets + n * map->size, map->ground, (size_t)map->size * sizeof(float));
    }
}

static void put_in(const Job *job, const Map *map, float *set, const float *image, const Window *box) {
    for (int64_t y = box->top; y <= box->bottom; y++) {
        float *to = at(map, set, y, box->left);
        for (int64_t x = box->left; x <= box->right; x++)
            for (int64_t c = 0; c < job->channels; c++) *to++ = image[(c * job->rows + y) * job->columns + x];
    }
}

/* The last map, channels first. */
static void take_out(const Job *job, const Map *map, float *set, float *out) {
    for (int64_t y = 0; y < map->rows; y++)
        for (int64_t x = 0; x < map->columns; x++) {
            const float *from = at(map, set, y, x);
            for (int64_t f = 0; f < job->filters; f++) out[(f * map->rows + y) * map->columns + x] = from[f];
        }
}

static void some(const Job *job, Desk *desk, int64_t first, int64_t images) {
    const Map *input = desk->maps, *output = desk->maps + job->count;
    for (int64_t n = 0; n < images; n++) {
        const int64_t *box = job->boxes + 4 * (first + n);
        const float *image = job->images + (first + n) * job->channels * job->rows * job->columns;
        place_windows(job, desk->windows[n], (Window){box[0], box[1], box[2], box[3]});
        put_in(job, input, input->sets + n * input->size, image, desk->windows[n]);
    }
    convolve(job, desk, images);
    for (int64_t n = 0; n < images; n++) {
        float *out = job->maps + (first + n) * job->filters * output->rows * output->columns;
        take_out(job, output, output->sets + n * output->size, out);
        for (int64_t m = 0; m <= job->count; m++)
            copy_ground(desk->maps + m, desk->maps[m].sets + n * desk->maps[m].size, &desk->windows[n][m]);
    }
}

static int prepare(const Job *job, Desk *desk) {
    int64_t places = most_places(job);
    desk->places.from = malloc((size_t)places * sizeof(float *));
    desk->places.to = malloc((size_t)places * sizeof(float *));
    int maps = allocate_maps(desk->maps, job->layers, job->count, job->channels, job->rows, job->columns, SETS);
    return maps && desk->places.from && desk->places.to;
}

static void work(Job *job, Desk *desk) {
    atomic_store(&job->working, 1);
    make_ground(job, desk);
    for (int64_t n; (n = atomic_fetch_add(&job->next, SETS)) < job->n;)
        some(job, desk, n, job->n - n < SETS ? job->n - n : SETS);
}

static void *run(void *argument) {
    Job *job = argument;
    Desk *desk = calloc(1, sizeof(Desk));
    if (desk != NULL && prepare(job, desk)) work(job, desk);
    if (desk != NULL) {
        free_maps(desk->maps, job->count);
        free(desk->places.from);
        free(desk->places.to);
    }
    free(desk);
    return NULL;
}

static Products *products_of(int64_t lanes) {
#if defined(__x86_64__)
    if (lanes == 16) return products_16;
    if (lanes == 8) return products_8;
#endif
    return products_4;
}

/* Floats in the widest vectors that this processor has and that are known here. */
int64_t windows_lanes(void) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f")) return 16;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return 8;
#endif
    return 4;
}

/* maps (n, filters, rows, columns) after the layers, of images (n, *shape) that are black outside of their boxes (n, 4),
 * which are as windows_boxes finds them. Returns zero, or one without memory. */
int windows_maps(int64_t lanes, const Layer *layers, int64_t count, const int64_t *shape, int64_t filters,
                 const float *images, const int64_t *boxes, float *maps, int64_t n, int64_t threads) {
    Job job = {products_of(lanes), layers, count, shape[0], shape[1], shape[2], filters, images, boxes, maps, n, 0, 0};
    if (count > MAX_LAYERS) return 1;
    on_threads(run, &job, 0, usable_threads(threads));
    return !atomic_load(&job.working);
}
