/* Bernoulli log-likelihood and its gradient in one pass over the logits.
 *
 * Per row: sum over pixels of x*l - max(l, 0) - log1p(exp(-|l|)), and x - sigmoid(l) per pixel. One exponential serves
 * both; sixteen independent sums per row let the compiler use vectors without reordering anything else, so that the
 * result does not depend on the number of threads.
 */
#include "parallel.h"
#include "vector.h"

typedef struct {
    const float *logits, *images;
    float *gradient, *sums;
    int64_t first, last, pictures, pixels;
} Rows;

/* log(1 + e) for 0 <= e <= 1 by the series of 2*atanh(e / (2 + e)), relative error below 3e-7. */
static inline float log_one_plus(float e) {
    float s = e / (2.0f + e);
    float q = s * s;
    float p = 1.0f / 15.0f;
    p = p * q + 1.0f / 13.0f;
    p = p * q + 1.0f / 11.0f;
    p = p * q + 1.0f / 9.0f;
    p = p * q + 1.0f / 7.0f;
    p = p * q + 1.0f / 5.0f;
    p = p * q + 1.0f / 3.0f;
    p = p * q + 1.0f;
    return 2.0f * s * p;
}

/* One pixel's term; its gradient is x - sigmoid(l). */
static inline float pixel(float l, float x, float *gradient) {
    float positive = l > 0.0f ? l : 0.0f;
    float e = exp_minus(l > 0.0f ? l : -l);
    float inverse = 1.0f / (1.0f + e);
    *gradient = x - (l > 0.0f ? inverse : e * inverse);
    return x * l - positive - log_one_plus(e);
}

CLONES static float row_with_gradient(const float *restrict logits, const float *restrict images,
                                      float *restrict gradient, int64_t pixels) {
    float lanes[LANES] = {0};
    int64_t whole = pixels - pixels % LANES;
    for (int64_t i = 0; i < whole; i += LANES)
        for (int k = 0; k < LANES; k++) lanes[k] += pixel(logits[i + k], images[i + k], gradient + i + k);
    double sum = sum_of(lanes);
    for (int64_t i = whole; i < pixels; i++) sum += pixel(logits[i], images[i], gradient + i);
    return (float)sum;
}

CLONES static float row_alone(const float *restrict logits, const float *restrict images, int64_t pixels) {
    float lanes[LANES] = {0}, unused[LANES];
    int64_t whole = pixels - pixels % LANES;
    for (int64_t i = 0; i < whole; i += LANES)
        for (int k = 0; k < LANES; k++) lanes[k] += pixel(logits[i + k], images[i + k], unused + k);
    double sum = sum_of(lanes);
    for (int64_t i = whole; i < pixels; i++) sum += pixel(logits[i], images[i], unused);
    return (float)sum;
}

static void *run(void *argument) {
    const Rows *work = argument;
    int64_t pixels = work->pixels;
    for (int64_t r = work->first; r < work->last; r++) {
        const float *logits = work->logits + r * pixels, *images = work->images + r % work->pictures * pixels;
        work->sums[r] = work->gradient ? row_with_gradient(logits, images, work->gradient + r * pixels, pixels)
                                       : row_alone(logits, images, pixels);
    }
    return NULL;
}

/* sums (rows) and, unless it is NULL, gradient (rows, pixels) of logits (rows, pixels); row r belongs to image
 * r % pictures of images (pictures, pixels). */
void log_likelihood(const float *logits, const float *images, float *gradient, float *sums, int64_t rows,
                    int64_t pictures, int64_t pixels, int64_t threads) {
    Rows work[MAX_THREADS];
    threads = usable_threads(threads);
    for (int64_t t = 0; t < threads; t++)
        work[t] = (Rows){logits, images, gradient, sums, rows * t / threads, rows * (t + 1) / threads, pictures, pixels};
    on_threads(run, work, sizeof *work, threads);
}
