/* Vectors of sixteen floats. */
#if defined(__x86_64__)
#include <immintrin.h>

#define LANES 16
#define PRODUCTS products_16
#define TARGET __attribute__((target("avx512f")))
#define VECTOR __m512
#define LOAD _mm512_loadu_ps
#define STORE _mm512_storeu_ps
#define SPREAD _mm512_set1_ps
#define MULTIPLIED _mm512_mul_ps
#define ADDED _mm512_fmadd_ps
#define LARGER _mm512_max_ps
#include "products.h"
#endif
