/* Vectors of eight floats, on processors that multiply and add in one instruction. */
#if defined(__x86_64__)
#include <immintrin.h>

#define LANES 8
#define PRODUCTS products_8
#define TARGET __attribute__((target("avx2,fma")))
#define VECTOR __m256
#define LOAD _mm256_loadu_ps
#define STORE _mm256_storeu_ps
#define SPREAD _mm256_set1_ps
#define MULTIPLIED _mm256_mul_ps
#define ADDED _mm256_fmadd_ps
#define LARGER _mm256_max_ps
#include "products.h"
#endif
