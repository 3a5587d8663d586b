/* The first convolution of images that are mostly black, in a window of its outputs alone.
 *
 * Black pixels add nothing and are passed over; filters lie side by side, so that the compiler makes vectors of them and
 * each output is summed in one fixed order, whatever the number of threads.
 */
#include "parallel.h"
#include "vector.h"

#define FILTERS 32
#define MAX_TAPS 256

typedef struct {
    int64_t channels, height, width;               /* of an image */
    int64_t kernel_rows, kernel_columns, filters;  /* of the weights */
    int64_t stride_rows, stride_columns, padding_rows, padding_columns;
    int64_t map_rows, map_columns;                 /* of whole maps */
    int64_t rows, columns;                         /* of the window */
} Shape;

typedef struct {
    const Shape *shape;
    const float *images, *weights, *bias;
    const int64_t *numbers, *row, *column;
    float *maps;
    int64_t first, last;
} Job;

/* One place's pixels (kernel row, channel, kernel column), zero outside of the image; whether any is not black. */
static inline int gather(const Shape *s, const float *image, int64_t top, int64_t left, float *restrict pixels) {
    int inside = top >= 0 && left >= 0 && top + s->kernel_rows <= s->height && left + s->kernel_columns <= s->width;
    uint32_t any = 0;
    for (int64_t i = 0; i < s->kernel_rows; i++)
        for (int64_t c = 0; c < s->channels; c++)
            for (int64_t j = 0; j < s->kernel_columns; j++, pixels++) {
                int64_t y = top + i, x = left + j;
                int here = inside || (y >= 0 && y < s->height && x >= 0 && x < s->width);
                *pixels = here ? image[(c * s->height + y) * s->width + x] : 0.0f;
                uint32_t bits;
                memcpy(&bits, pixels, 4);
                any |= bits;
            }
    return any != 0;
}

/* FILTERS filters at one place; weights lie as [kernel row][channel][kernel column][filter]. */
static inline void place(const Shape *s, const float *pixels, int64_t taps, const float *weights, const float *bias,
                         float *restrict out) {
    float sum[FILTERS];
    for (int k = 0; k < FILTERS; k++) sum[k] = bias[k];
    for (int64_t t = 0; t < taps; t++) {
        const float x = pixels[t], *w = weights + t * s->filters;
        for (int k = 0; k < FILTERS; k++) sum[k] += x * w[k];
    }
    for (int k = 0; k < FILTERS; k++) out[k] = sum[k] < 0.0f ? 0.0f : sum[k];
}

CLONES static void window(const Shape *s, const float *image, const float *weights, const float *bias, int64_t row,
                          int64_t column, float *out) {
    float pixels[MAX_TAPS];
    int64_t taps = s->kernel_rows * s->kernel_columns * s->channels;
    for (int64_t y = row; y < row + s->rows; y++)
        for (int64_t x = column; x < column + s->columns; x++, out += s->filters) {
            int outside = y < 0 || y >= s->map_rows || x < 0 || x >= s->map_columns;
            if (outside) {
                memset(out, 0, (size_t)s->filters * sizeof(float));
                continue;
            }
            int lit = gather(s, image, y * s->stride_rows - s->padding_rows, x * s->stride_columns - s->padding_columns, pixels);
            for (int64_t f = 0; f < s->filters; f += FILTERS)
                place(s, pixels, lit ? taps : 0, weights + f, bias + f, out + f);
        }
}

static void *run(void *argument) {
    const Job *job = argument;
    const Shape *s = job->shape;
    int64_t pixels = s->channels * s->height * s->width, size = s->rows * s->columns * s->filters;
    for (int64_t n = job->first; n < job->last; n++)
        window(s, job->images + job->numbers[n] * pixels, job->weights, job->bias, job->row[n], job->column[n],
               job->maps + n * size);
    return NULL;
}

/* maps (n, rows, columns, filters) of the images (., channels, height, width) of these numbers (n,), in windows that
 * begin at row (n,) and column (n,) of whole maps and are zero outside of these; filters are a multiple of LANES. */
void window_maps(const Shape *shape, const float *images, const float *weights, const float *bias,
                 const int64_t *numbers, const int64_t *row, const int64_t *column, float *maps, int64_t n,
                 int64_t threads) {
    Job jobs[MAX_THREADS];
    void *works[MAX_THREADS];
    threads = usable_threads(threads);
    for (int64_t t = 0; t < threads; t++) {
        jobs[t] = (Job){shape, images, weights, bias, numbers, row, column, maps, n * t / threads, n * (t + 1) / threads};
        works[t] = &jobs[t];
    }
    on_threads(run, works, threads);
}
