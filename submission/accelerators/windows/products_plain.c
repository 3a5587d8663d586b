/* Vectors of four floats, of which compilers make what the processor has. */
#include <string.h>

#define LANES 4
#define PRODUCTS products_4
#define TARGET
#define VECTOR Four
#define LOAD load
#define STORE store
#define SPREAD(x) ((Four){0} + (x))
#define MULTIPLIED(a, b) ((a) * (b))
#define ADDED(a, b, sum) ((sum) + (a) * (b))
#define LARGER larger

typedef float Four __attribute__((vector_size(16)));

static inline Four load(const float *from) {
    Four four;
    memcpy(&four, from, sizeof four);
    return four;
}

static inline void store(float *to, Four four) { memcpy(to, &four, sizeof four); }

/* The second where one of them is not a number, as the other kinds of vectors do. */
static inline Four larger(Four a, Four b) {
    for (int k = 0; k < 4; k++) b[k] = a[k] > b[k] ? a[k] : b[k];
    return b;
}

#include "products.h"
