/* One coordinate of a normal or wrapped normal law: log-densities, up to those at the means, and their gradients. */
#ifndef COORDINATES_H
#define COORDINATES_H

#include "vector.h"

/* Normal: own -= (sample - mean)^2 / (2 scale^2) */
CLONES static void add_lines(float *restrict own, float sample, const float *restrict mean,
                             const float *restrict inverse, int64_t n) {
    for (int64_t j = 0; j < n; j++) {
        float u = (sample - mean[j]) * inverse[j];
        own[j] -= 0.5f * u * u;
    }
}

/* Adds one sample's gradient in means and log-scales of one coordinate; returns that in the sample. */
CLONES static float descend_lines(const float *restrict share, float sample, const float *restrict mean,
                                  const float *restrict inverse, float *restrict means, float *restrict scales,
                                  int64_t n) {
    float lanes[LANES] = {0};
    int64_t whole = n - n % LANES;
    for (int64_t j = 0; j < whole; j += LANES)
        for (int k = 0; k < LANES; k++) {
            float u = (sample - mean[j + k]) * inverse[j + k], pull = share[j + k] * u, slope = pull * inverse[j + k];
            means[j + k] += slope;
            scales[j + k] += pull * u - share[j + k];
            lanes[k] += slope;
        }
    double sum = sum_of(lanes);
    for (int64_t j = whole; j < n; j++) {
        float u = (sample - mean[j]) * inverse[j], pull = share[j] * u, slope = pull * inverse[j];
        means[j] += slope;
        scales[j] += pull * u - share[j];
        sum += slope;
    }
    return (float)-sum;
}

/* A wrapped normal at angle x of variance t. The images of either direction k turns away have, relative to the nearest
 * one, the densities near^k (near far)^(k(k-1)/2) and far^k (near far)^(k(k-1)/2); three turns do for t up to 10. */
typedef struct {
    float angle, rate;          /* in [-pi, pi]; 1 / t */
    float sum, lean, spread;    /* of those densities, times k with the sign of the direction, times k^2 */
} Arc;

#define TURN 6.28318531f

static inline Arc arc(float difference, float inverse) {
    const float magic = 12582912.0f;
    float turns = (difference * 0.159154943f + magic) - magic;
    float angle = (difference - turns * 6.28125f) - turns * 1.93530718e-3f;
    float away = angle < 0 ? -angle : angle, rate = inverse * inverse;
    float near = exp_minus(TURN * (0.5f * TURN - away) * rate), far = exp_minus(TURN * (0.5f * TURN + away) * rate);
    float product = near * far, cube = product * product * product;
    float sum1 = near + far, sum2 = near * near + far * far, sum3 = sum1 * (sum2 - product);
    float gap1 = near - far, gap2 = gap1 * sum1, gap3 = gap1 * (sum2 + product);
    float lean = gap1 + 2.0f * product * gap2 + 3.0f * cube * gap3;
    return (Arc){angle, rate, sum1 + product * sum2 + cube * sum3, angle < 0 ? -lean : lean,
                 sum1 + 4.0f * product * sum2 + 9.0f * cube * sum3};
}

/* log(1 + s) for 0 <= s <= 1.5, to 1e-7: the series of 2 atanh(s / (2 + s)). */
static inline float log_one_plus(float s) {
    float w = s / (2.0f + s), q = w * w;
    float p = 0.0666666667f;
    p = p * q + 0.0769230769f;
    p = p * q + 0.0909090909f;
    p = p * q + 0.111111111f;
    p = p * q + 0.142857143f;
    p = p * q + 0.2f;
    p = p * q + 0.333333333f;
    return 2.0f * w + 2.0f * w * q * p;
}

/* Wrapped: own += log of the sum over k of exp(-(sample - mean + 2 pi k)^2 / (2 scale^2)) */
CLONES static void add_arcs(float *restrict own, float sample, const float *restrict mean,
                            const float *restrict inverse, int64_t n) {
    for (int64_t j = 0; j < n; j++) {
        Arc a = arc(sample - mean[j], inverse[j]);
        own[j] += log_one_plus(a.sum) - 0.5f * a.angle * a.angle * a.rate;
    }
}

/* Adds to means and scales[0] what one pair contributes; returns its part of the gradient in the mean. */
static inline float descend_arc(float share, float difference, float inverse, float *means, float *scales) {
    Arc a = arc(difference, inverse);
    float whole = 1.0f / (1.0f + a.sum), lean = TURN * a.lean * whole, spread = TURN * TURN * a.spread * whole;
    float slope = share * (a.angle - lean) * a.rate;
    *means += slope;
    *scales += share * ((a.angle * a.angle - 2.0f * a.angle * lean + spread) * a.rate - 1.0f);
    return slope;
}

/* ``descend_lines`` of a wrapped coordinate. */
CLONES static float descend_arcs(const float *restrict share, float sample, const float *restrict mean,
                                 const float *restrict inverse, float *restrict means, float *restrict scales,
                                 int64_t n) {
    float lanes[LANES] = {0};
    int64_t whole = n - n % LANES;
    for (int64_t j = 0; j < whole; j += LANES)
        for (int k = 0; k < LANES; k++)
            lanes[k] += descend_arc(share[j + k], sample - mean[j + k], inverse[j + k], means + j + k, scales + j + k);
    double sum = sum_of(lanes);
    for (int64_t j = whole; j < n; j++)
        sum += descend_arc(share[j], sample - mean[j], inverse[j], means + j, scales + j);
    return (float)-sum;
}

#endif
