/* The aggregate posterior of a batch of diagonal Gaussians, some of their coordinates wrapped, and its gradient.
 *
 * With l_ijc the log-density of component c (some neighbouring coordinates) of sample i under posterior j and w_ij
 * log-weights: joint_i = log sum_j exp(w_ij + sum_c l_ijc), marginal_ic = log sum_j exp(w_ij + l_ijc). Nothing of size
 * n * n * components is kept: a row of densities is made for one sample at a time, and again for the gradient.
 */
#include <math.h>

#include "coordinates.h"
#include "parallel.h"
#include "vector.h"

typedef struct {
    const float *samples, *means, *inverses; /* (m, coordinates), (coordinates, n), 1 / scales alike */
    const float *peaks, *weights;            /* (components, n) log-densities at the means, (m, n) log-weights */
    const int64_t *stops, *circular;         /* (components), where each's coordinates end; (coordinates) 0 or 1 */
    int64_t rows, posteriors, coordinates, components;
    float *joint, *marginals; /* (m), (m, components) */
} Mixture;

typedef struct {
    const float *joint, *marginals; /* derivatives of the loss in these */
    float *samples;                 /* (m, coordinates) */
} Gradient;

typedef struct {
    const Mixture *mixture;
    const Gradient *gradient; /* NULL in the forward pass */
    int64_t first, last;
    float *scratch;        /* (components + 1, n) */
    float *means, *scales; /* (coordinates, n): gradient in means and in log-scales of these rows */
} Rows;

/* total += own; own += weights */
CLONES static void add_up(float *restrict total, float *restrict own, const float *restrict weights, int64_t n) {
    for (int64_t j = 0; j < n; j++) {
        total[j] += own[j];
        own[j] += weights[j];
    }
}

/* log sum exp; NaN where any value is not finite. */
CLONES static float log_sum_exp(const float *restrict values, int64_t n) {
    float largest = values[0], highest[LANES], lanes[LANES] = {0};
    int64_t whole = n - n % LANES;
    for (int k = 0; k < LANES; k++) highest[k] = values[0];
    for (int64_t j = 0; j < whole; j += LANES)
        for (int k = 0; k < LANES; k++) highest[k] = values[j + k] > highest[k] ? values[j + k] : highest[k];
    for (int k = 0; k < LANES; k++) largest = highest[k] > largest ? highest[k] : largest;
    for (int64_t j = whole; j < n; j++) largest = values[j] > largest ? values[j] : largest;
    for (int64_t j = 0; j < whole; j += LANES)
        for (int k = 0; k < LANES; k++)
            lanes[k] += exp_minus(largest - values[j + k]) + (values[j + k] - values[j + k]);
    double sum = sum_of(lanes);
    for (int64_t j = whole; j < n; j++) sum += exp_minus(largest - values[j]) + (values[j] - values[j]);
    return largest + (float)log(sum);
}

/* share = factor * exp(values - level) (+ base, unless it is NULL) */
CLONES static void shares(float *restrict values, const float *restrict base, float level, float factor, int64_t n) {
    if (base)
        for (int64_t j = 0; j < n; j++) values[j] = factor * exp_minus(level - values[j]) + base[j];
    else
        for (int64_t j = 0; j < n; j++) values[j] = factor * exp_minus(level - values[j]);
}

/* Weighted log-densities of sample i: one row per component, and the joint one last. */
static void densities(const Mixture *m, int64_t i, float *scratch) {
    int64_t n = m->posteriors;
    float *total = scratch + m->components * n;
    const float *sample = m->samples + i * m->coordinates, *weights = m->weights + i * n;
    memcpy(total, weights, n * sizeof(float));
    for (int64_t c = 0, d = 0; c < m->components; c++) {
        float *own = scratch + c * n;
        memcpy(own, m->peaks + c * n, n * sizeof(float));
        for (; d < m->stops[c]; d++)
            (m->circular[d] ? add_arcs : add_lines)(own, sample[d], m->means + d * n, m->inverses + d * n, n);
        add_up(total, own, weights, n);
    }
}

static void differentiate(const Mixture *m, const Gradient *g, int64_t i, const Rows *work) {
    int64_t n = m->posteriors;
    float *total = work->scratch + m->components * n;
    const float *sample = m->samples + i * m->coordinates;
    shares(total, NULL, m->joint[i], g->joint[i], n);
    for (int64_t c = 0, d = 0; c < m->components; c++) {
        float *own = work->scratch + c * n;
        shares(own, total, m->marginals[i * m->components + c], g->marginals[i * m->components + c], n);
        for (; d < m->stops[c]; d++)
            g->samples[i * m->coordinates + d] = (m->circular[d] ? descend_arcs : descend_lines)(
                own, sample[d], m->means + d * n, m->inverses + d * n, work->means + d * n, work->scales + d * n, n);
    }
}

static void *run(void *argument) {
    const Rows *work = argument;
    const Mixture *m = work->mixture;
    for (int64_t i = work->first; i < work->last; i++) {
        densities(m, i, work->scratch);
        if (work->gradient) {
            differentiate(m, work->gradient, i, work);
            continue;
        }
        m->joint[i] = log_sum_exp(work->scratch + m->components * m->posteriors, m->posteriors);
        for (int64_t c = 0; c < m->components; c++)
            m->marginals[i * m->components + c] = log_sum_exp(work->scratch + c * m->posteriors, m->posteriors);
    }
    return NULL;
}

/* Forward where gradient is NULL. scratch (threads, components + 1, n); accumulated (threads, 2, coordinates, n), zeros,
 * receives each thread's gradient in means and log-scales. */
void aggregate(const Mixture *mixture, const Gradient *gradient, float *scratch, float *accumulated, int64_t threads) {
    Rows work[MAX_THREADS];
    int64_t m = mixture->rows, plane = mixture->coordinates * mixture->posteriors;
    threads = usable_threads(threads);
    for (int64_t t = 0; t < threads; t++)
        work[t] = (Rows){mixture, gradient, m * t / threads, m * (t + 1) / threads,
                         scratch + t * (mixture->components + 1) * mixture->posteriors,
                         accumulated ? accumulated + 2 * t * plane : NULL,
                         accumulated ? accumulated + (2 * t + 1) * plane : NULL};
    on_threads(run, work, sizeof *work, threads);
}
