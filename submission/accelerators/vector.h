/* What lets compilers turn loops into vector code, and an exponential that is one. */
#ifndef VECTOR_H
#define VECTOR_H

#include <stdint.h>
#include <string.h>

/* Independent sums that stand side by side, so that nothing has to be reordered to use vectors. */
#define LANES 16

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define CLONES __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define CLONES
#endif

static inline double sum_of(const float lanes[LANES]) {
    double sum = 0;
    for (int k = 0; k < LANES; k++) sum += lanes[k];
    return sum;
}

/* exp(-a) for a >= 0 (or a little below), relative error below 2e-7; 0 < result, by stopping at a = 87. */
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

#endif
