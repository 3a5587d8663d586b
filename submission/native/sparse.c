/* Products of a matrix that is mostly zeros, or mostly constant, given by lists, and one that is not.
 *
 * Row i of the product is the sum of rows of the dense matrix, weighted by the values of list i. It is made for BLOCK
 * columns at a time, which are packed into a table that stays in the caches. Every sum runs in the order of its list,
 * so that the result does not depend on the number of threads.
 *
 * Lists hold the non-zeros of a row x, or its changes: with d_p = x_p - x_{p+1}, which ends in x_p where p is the last of
 * its SPAN places, the sum of x_p w_p is that of d_p s_p, where s_p adds up the w from the beginning of p's span to p.
 */
#include "parallel.h"
#include "vector.h"

#define BLOCK 32
#define TILE 16
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
    int64_t *starts; /* (count + 1): list i has the entries from starts[i] to starts[i + 1] */
    int32_t *places; /* columns of the sparse matrix, rows of the dense one */
    float *values;
    int64_t count;
} Lists;

typedef struct {
    float *values;
    int64_t rows, columns, row, column; /* sizes and strides */
} Matrix;

typedef struct {
    const float *images;
    const Lists *lists;
    int64_t first, last, pixels, changes;
} Rows;

typedef struct {
    const Lists *lists;
    const Matrix *dense, *product;
    const float *bias;
    float *table;        /* (rows of the dense matrix, BLOCK) */
    int64_t first, last; /* blocks */
    int64_t changes;     /* whether lists hold these */
} Blocks;

/* Writes the entries of a span, zeros included, and returns how many are none. */
static inline int entries(const float *pixels, int count, int64_t changes, float *found) {
    int number = 0;
    memcpy(found, pixels, count * sizeof(float));
    if (changes)
        for (int k = 0; k + 1 < count; k++) found[k] -= pixels[k + 1];
    for (int k = 0; k < count; k++) number += found[k] != 0.0f;
    return number;
}

/* The list of one image, if there is room for it, and its length. */
CLONES static int64_t list_image(const float *image, int64_t pixels, int64_t changes, int32_t *places, float *values) {
    int64_t at = 0;
    float found[SPAN];
    for (int64_t start = 0; start < pixels; start += SPAN) {
        int count = pixels - start < SPAN ? (int)(pixels - start) : SPAN;
        int64_t end = at + (count == SPAN ? entries(image + start, SPAN, changes, found)
                                          : entries(image + start, count, changes, found));
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
            list_image(image, work->pixels, work->changes, lists->places + *start, lists->values + *start);
        else
            start[1] = list_image(image, work->pixels, work->changes, NULL, NULL);
    }
    return NULL;
}

/* Lists of the non-zeros or changes of images (count, pixels). Without places, starts[i + 1] becomes the length of list
 * i; with them, starts are the running sums, and places and values are filled in. */
void list_entries(const float *images, const Lists *lists, int64_t pixels, int64_t changes, int64_t threads) {
    Rows work[MAX_THREADS];
    threads = usable_threads(threads);
    for (int64_t t = 0; t < threads; t++)
        work[t] =
            (Rows){images, lists, lists->count * t / threads, lists->count * (t + 1) / threads, pixels, changes};
    on_threads(find, work, sizeof *work, threads);
}

/* The lists of the transposed matrix; its starts are zeros before. */
void transpose(const Lists *lists, const Lists *transposed) {
    int64_t *starts = transposed->starts, sum = 0;
    for (int64_t e = 0; e < lists->starts[lists->count]; e++) starts[lists->places[e] + 1]++;
    for (int64_t i = 1; i <= transposed->count; i++) {
        int64_t own = starts[i];
        starts[i] = sum;
        sum += own;
    }
    for (int64_t r = 0; r < lists->count; r++)
        for (int64_t e = lists->starts[r]; e < lists->starts[r + 1]; e++) {
            int64_t at = starts[lists->places[e] + 1]++;
            transposed->places[at] = (int32_t)r;
            transposed->values[at] = lists->values[e];
        }
}

static inline void copy_strided(const float *restrict from, int64_t from_row, int64_t from_column, float *restrict to,
                                int64_t to_row, int64_t to_column, int64_t rows, int64_t columns) {
    for (int64_t k = 0; k < columns; k++)
        for (int64_t j = 0; j < rows; j++) to[j * to_row + k * to_column] = from[j * from_row + k * from_column];
}

/* Copies a tile (rows, columns) between matrices that have any strides; known strides and sizes make it faster. */
CLONES static void copy(const float *from, int64_t from_row, int64_t from_column, float *to, int64_t to_row,
                        int64_t to_column, int64_t rows, int64_t columns) {
    int whole = rows == TILE && columns == BLOCK;
    if (whole && from_row == 1 && to_column == 1)
        copy_strided(from, 1, from_column, to, to_row, 1, TILE, BLOCK);
    else if (whole && to_row == 1 && from_column == 1)
        copy_strided(from, from_row, 1, to, 1, to_column, TILE, BLOCK);
    else if (from_column == 1 && to_column == 1)
        for (int64_t j = 0; j < rows; j++) memcpy(to + j * to_row, from + j * from_row, columns * sizeof(float));
    else
        copy_strided(from, from_row, from_column, to, to_row, to_column, rows, columns);
}

/* sums (rows, BLOCK) of the lists from `first` on */
CLONES static void add(const Lists *lists, int64_t first, int64_t rows, const float *table, const float *bias,
                       float *sums) {
    for (int64_t i = first; i < first + rows; i++, sums += BLOCK) {
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
}

/* Adds to each row from `first` on the one before it in its span. */
CLONES static void accumulate(float *table, int64_t first, int64_t rows) {
    for (int64_t i = first ? first : 1; i < first + rows; i++)
        if (i % SPAN)
            for (int k = 0; k < BLOCK; k++) table[i * BLOCK + k] += table[(i - 1) * BLOCK + k];
}

/* One block of columns of the product. */
static void multiply_block(const Blocks *work, int64_t column, int64_t width) {
    const Matrix *dense = work->dense, *product = work->product;
    float sums[TILE * BLOCK], bias[BLOCK] = {0};
    if (work->bias) memcpy(bias, work->bias + column, width * sizeof(float));
    for (int64_t i = 0; i < dense->rows; i += TILE) {
        const float *values = dense->values + i * dense->row + column * dense->column;
        float *table = work->table + i * BLOCK;
        int64_t rows = dense->rows - i < TILE ? dense->rows - i : TILE;
        if (width < BLOCK) memset(table, 0, rows * BLOCK * sizeof(float));
        copy(values, dense->row, dense->column, table, BLOCK, 1, rows, width);
        if (work->changes) accumulate(work->table, i, rows);
    }
    for (int64_t i = 0; i < product->rows; i += TILE) {
        float *values = product->values + i * product->row + column * product->column;
        int64_t rows = product->rows - i < TILE ? product->rows - i : TILE;
        add(work->lists, i, rows, work->table, bias, sums);
        copy(sums, BLOCK, 1, values, product->row, product->column, rows, width);
    }
}

static void *multiply(void *argument) {
    const Blocks *work = argument;
    for (int64_t b = work->first; b < work->last; b++) {
        int64_t left = work->product->columns - b * BLOCK;
        multiply_block(work, b * BLOCK, left < BLOCK ? left : BLOCK);
    }
    return NULL;
}

/* product (count, columns) = listed matrix * dense (rows, columns) + bias (columns), which may be NULL. tables
 * (threads, rows, BLOCK) are scratch. */
void multiply_sparse(const Lists *lists, const Matrix *dense, const float *bias, const Matrix *product, float *tables,
                     int64_t changes, int64_t threads) {
    Blocks work[MAX_THREADS];
    int64_t blocks = (product->columns + BLOCK - 1) / BLOCK;
    threads = usable_threads(threads);
    for (int64_t t = 0; t < threads; t++)
        work[t] = (Blocks){lists, dense, product, bias, tables + t * dense->rows * BLOCK, blocks * t / threads,
                           blocks * (t + 1) / threads, changes};
    on_threads(multiply, work, sizeof *work, threads);
}
