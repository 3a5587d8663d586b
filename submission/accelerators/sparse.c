/* Products of images that are mostly even, given by lists of their changes, and a dense matrix.
 *
 * With d_p = x_p - x_{p+1}, which ends in x_p where p is the last of its SPAN places, the sum of x_p w_p over the pixels
 * of an image is that of d_p s_p, where s_p adds up the w from the beginning of p's span to p. The product is made for
 * BLOCK columns at a time, whose running sums are a table that stays in the caches. Every sum runs in the order of its
 * list, so that the result does not depend on the number of threads.
 */
#include "parallel.h"
#include "vector.h"

#define BLOCK 32
#define SPAN 64

/* A type that GCC keeps in a register from one turn of a loop to the next, which it does with no array; types larger
 * than the processor's registers go through memory, too. */
#if defined(__x86_64__)
#define WIDTH 32
#else
#define WIDTH 16
#endif
#define VECTORS (BLOCK * 4 / WIDTH)
typedef float Vector __attribute__((vector_size(WIDTH), aligned(4), may_alias));

typedef struct {
    int64_t *starts; /* (count + 1): image i has the entries from starts[i] to starts[i + 1] */
    int32_t *places; /* pixels of the images, rows of the dense matrix */
    float *values;
    int64_t count;
} Lists;

typedef struct {
    const float *images;
    const Lists *lists;
    int64_t first, last, pixels;
} Rows;

typedef struct {
    const Lists *lists;
    const float *dense, *bias; /* (pixels, columns), (columns) or NULL */
    float *product;            /* (images, columns) */
    int64_t pixels, columns;
    float *table;        /* (pixels, BLOCK) */
    int64_t first, last; /* blocks */
} Blocks;

/* Writes the entries of a span, zeros included, and returns how many are none. */
static inline int entries(const float *pixels, int count, float *found) {
    int number = 0;
    memcpy(found, pixels, count * sizeof(float));
    for (int k = 0; k + 1 < count; k++) found[k] -= pixels[k + 1];
    for (int k = 0; k < count; k++) number += found[k] != 0.0f;
    return number;
}

/* The list of one image, if there is room for it, and its length. */
CLONES static int64_t list_image(const float *image, int64_t pixels, int32_t *places, float *values) {
    int64_t at = 0;
    float found[SPAN];
    for (int64_t start = 0; start < pixels; start += SPAN) {
        int count = pixels - start < SPAN ? (int)(pixels - start) : SPAN;
        int64_t end =
            at + (count == SPAN ? entries(image + start, SPAN, found) : entries(image + start, count, found));
        for (int k = 0; places && at < end; k++) {
            places[at] = (int32_t)(start + k);
            values[at] = found[k];
            at += found[k] != 0.0f;
        }
        at = end;
    }
    return at;
}

static void *find(void *argument) {
    const Rows *work = argument;
    const Lists *lists = work->lists;
    for (int64_t r = work->first; r < work->last; r++) {
        const float *image = work->images + r * work->pixels;
        int64_t *start = lists->starts + r;
        if (lists->places)
            list_image(image, work->pixels, lists->places + *start, lists->values + *start);
        else
            start[1] = list_image(image, work->pixels, NULL, NULL);
    }
    return NULL;
}

/* Lists of the changes of images (count, pixels). Without places, starts[i + 1] becomes the length of list
 * i; with them, starts are the running sums, and places and values are filled in. */
void list_changes(const float *images, const Lists *lists, int64_t pixels, int64_t threads) {
    Rows work[MAX_THREADS];
    threads = usable_threads(threads);
    for (int64_t t = 0; t < threads; t++)
        work[t] = (Rows){images, lists, lists->count * t / threads, lists->count * (t + 1) / threads, pixels};
    on_threads(find, work, sizeof *work, threads);
}

/* sums (BLOCK) of the list of image i */
CLONES static void add(const Lists *lists, int64_t i, const float *table, const float *bias, float *sums) {
    Vector sum[VECTORS];
    memcpy(sum, bias, sizeof sum);
    for (int64_t e = lists->starts[i]; e < lists->starts[i + 1]; e++) {
        const Vector *row = (const Vector *)(table + (int64_t)lists->places[e] * BLOCK);
        float value = lists->values[e];
#pragma GCC unroll 8
        for (int v = 0; v < VECTORS; v++) sum[v] += value * row[v];
    }
    memcpy(sums, sum, sizeof sum);
}

/* Running sums of the rows of the dense matrix within each span. */
CLONES static void accumulate(float *table, int64_t pixels) {
    for (int64_t i = 1; i < pixels; i++)
        if (i % SPAN)
            for (int k = 0; k < BLOCK; k++) table[i * BLOCK + k] += table[(i - 1) * BLOCK + k];
}

/* One block of columns of the product. */
static void multiply_block(const Blocks *work, int64_t column, int64_t width) {
    float sums[BLOCK], bias[BLOCK] = {0};
    if (work->bias) memcpy(bias, work->bias + column, width * sizeof(float));
    if (width < BLOCK) memset(work->table, 0, work->pixels * BLOCK * sizeof(float));
    for (int64_t i = 0; i < work->pixels; i++)
        memcpy(work->table + i * BLOCK, work->dense + i * work->columns + column, width * sizeof(float));
    accumulate(work->table, work->pixels);
    for (int64_t i = 0; i < work->lists->count; i++) {
        add(work->lists, i, work->table, bias, sums);
        memcpy(work->product + i * work->columns + column, sums, width * sizeof(float));
    }
}

static void *multiply(void *argument) {
    const Blocks *work = argument;
    for (int64_t b = work->first; b < work->last; b++) {
        int64_t left = work->columns - b * BLOCK;
        multiply_block(work, b * BLOCK, left < BLOCK ? left : BLOCK);
    }
    return NULL;
}

/* product (images, columns) = listed images * dense (pixels, columns) + bias (columns), which may be NULL. tables
 * (threads, pixels, BLOCK) are scratch. */
void multiply_changes(const Lists *lists, const float *dense, const float *bias, float *product, float *tables,
                      int64_t pixels, int64_t columns, int64_t threads) {
    Blocks work[MAX_THREADS];
    int64_t blocks = (columns + BLOCK - 1) / BLOCK;
    threads = usable_threads(threads);
    for (int64_t t = 0; t < threads; t++)
        work[t] = (Blocks){lists,   dense,   bias, product, pixels, columns, tables + t * pixels * BLOCK,
                           blocks * t / threads, blocks * (t + 1) / threads};
    on_threads(multiply, work, sizeof *work, threads);
}
