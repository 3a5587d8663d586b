/* Bernoulli log-likelihood and its gradient in one pass over the logits.
 *
 * Per row: sum over pixels of x*l - max(l, 0) - log1p(exp(-|l|)), and x - sigmoid(l) per pixel. One exponential serves
 * both; sixteen independent sums per row let the compiler use vectors without reordering anything else, so that the
 * result does not depend on the number of threads.
 */
#include <pthread.h>
#include <stdint.h>
#include <string.h>

#define LANES 16
#define MAX_THREADS 64

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define CLONES __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define CLONES
#endif

typedef struct {
    const float *logits, *images;
    float *gradient, *sums;
    int64_t first, last, pictures, pixels;
} Rows;

/* exp(-a) for a >= 0, relative error below 2e-7; 0 < result, by stopping at a = 87. */
static inline float exp_minus(float a) {
    const float magic = 12582912.0f; /* 1.5 * 2^23: adding it rounds to an integer in the low bits */
    float x = a < 87.0f ? -a : -87.0f;
    float shifted = x * 1.44269504f + magic;
    float n = shifted - magic;
    float r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
    float p = 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    float value = p * r * r + r + 1.0f;
    int32_t bits, power;
    memcpy(&bits, &shifted, 4);
    power = (bits - 0x4B400000 + 127) << 23;
    float scale;
    memcpy(&scale, &power, 4);
    return value * scale;
}

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
    double sum = 0;
    for (int k = 0; k < LANES; k++) sum += lanes[k];
    for (int64_t i = whole; i < pixels; i++) sum += pixel(logits[i], images[i], gradient + i);
    return (float)sum;
}

CLONES static float row_alone(const float *restrict logits, const float *restrict images, int64_t pixels) {
    float lanes[LANES] = {0}, unused[LANES];
    int64_t whole = pixels - pixels % LANES;
    for (int64_t i = 0; i < whole; i += LANES)
        for (int k = 0; k < LANES; k++) lanes[k] += pixel(logits[i + k], images[i + k], unused + k);
    double sum = 0;
    for (int k = 0; k < LANES; k++) sum += lanes[k];
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
    pthread_t ids[MAX_THREADS];
    int started[MAX_THREADS] = {0};
    threads = threads < 1 ? 1 : threads > MAX_THREADS ? MAX_THREADS : threads;
    for (int64_t t = 0; t < threads; t++)
        work[t] = (Rows){logits, images, gradient, sums, rows * t / threads, rows * (t + 1) / threads, pictures, pixels};
    for (int64_t t = 1; t < threads; t++) started[t] = pthread_create(&ids[t], NULL, run, &work[t]) == 0;
    run(&work[0]);
    for (int64_t t = 1; t < threads; t++) {
        if (started[t])
            pthread_join(ids[t], NULL);
        else
            run(&work[t]);
    }
}
