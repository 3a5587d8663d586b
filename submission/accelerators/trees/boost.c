/* Gradient boosting of depth-limited regression trees for classification, with scikit-learn's numbers.
 *
 * The same model as sklearn.ensemble.GradientBoostingClassifier with its default settings: exact greedy splits by
 * squared error, one tree per class and round (one per round for two classes), Newton steps in the leaves. What makes
 * it fast: features are sorted once per data set instead of once per node; the running sums of four features advance
 * together; and a split's exact score, two divisions, is computed only where a cheap bound lets it win.
 *
 * What makes it equal: sums run in scikit-learn's order (sorted by the feature for the search, in the order that its
 * in-place partition leaves for the node's totals, pairwise for the leaves), and its generator decides the order in
 * which features are visited, which is what breaks ties. Where equal values are many, or samples few, its unstable sort is
 * replayed, too. One thing is not: the order that this sort gives to the odd pair of samples with the same value in an
 * otherwise continuous feature of many; it moves sums by rounding errors only. */
#include "trees.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int64_t node_count(const Problem *problem) { return ((int64_t)2 << problem->depth) - 1; }

/* ---- one tree of one round ---- */

/* numpy's pairwise sum of contiguous numbers. */
static double pairwise_sum(const double *values, int64_t count) {
    if (count < 8) {
        double sum = 0;
        for (int64_t i = 0; i < count; i++) sum += values[i];
        return sum;
    }
    if (count > 128) {
        int64_t half = count / 2 - count / 2 % 8;
        return pairwise_sum(values, half) + pairwise_sum(values + half, count - half);
    }
    double r[8];
    memcpy(r, values, sizeof r);
    int64_t i = 8;
    for (; i < count - count % 8; i += 8)
        for (int64_t j = 0; j < 8; j++) r[j] += values[i + j];
    double sum = ((r[0] + r[1]) + (r[2] + r[3])) + ((r[4] + r[5]) + (r[6] + r[7]));
    for (; i < count; i++) sum += values[i];
    return sum;
}

/* One Newton step of a leaf; the gradients become curvatures on the way. */
static double leaf_value(double *gradient, const uint8_t *hit, int64_t count, int64_t outputs) {
    double numerator = pairwise_sum(gradient, count) / (double)count;
    if (outputs > 1) numerator *= (double)(outputs - 1) / (double)outputs;
    for (int64_t i = 0; i < count; i++) {
        double probability = (double)hit[i] - gradient[i];
        gradient[i] = probability * (1 - probability);
    }
    double denominator = pairwise_sum(gradient, count) / (double)count;
    return fabs(denominator) < 1e-150 ? 0 : numerator / denominator;
}

/* Fills the leaves' values and adds the tree's predictions; a leaf's samples are summed by ascending index. */
static void finish_tree(Worker *worker, int64_t output) {
    const Problem *problem = worker->problem;
    int64_t samples = problem->samples, nodes = node_count(problem), wanted = problem->outputs == 1 ? 1 : output;
    int64_t begin[(2 << MAX_DEPTH) + 1], cursor[2 << MAX_DEPTH];
    memset(begin, 0, sizeof begin);
    for (int64_t i = 0; i < samples; i++) begin[worker->leaf[i] + 1]++;
    for (int64_t node = 0; node < nodes; node++) begin[node + 1] += begin[node];
    memcpy(cursor, begin, sizeof cursor);
    for (int64_t i = 0; i < samples; i++) {
        int64_t at = cursor[worker->leaf[i]]++;
        worker->buckets[at] = worker->target[i];
        worker->left[at] = problem->label[i] == wanted;
    }
    for (int64_t node = 0; node < nodes; node++)
        if (begin[node + 1] > begin[node])
            worker->value[node] = leaf_value(worker->buckets + begin[node], worker->left + begin[node],
                                             begin[node + 1] - begin[node], problem->outputs);
    double *raw = problem->raw + output * samples;
    for (int64_t i = 0; i < samples; i++) raw[i] += problem->learning_rate * worker->value[worker->leaf[i]];
}

static void fit_tree(Worker *worker, const double *gradient, int64_t round, int64_t output) {
    const Problem *problem = worker->problem;
    int64_t tree = round * problem->outputs + output, nodes = node_count(problem);
    worker->target = gradient + output * problem->samples;
    worker->random = problem->seed[tree];
    worker->feature = problem->feature + tree * nodes;
    worker->threshold = problem->threshold + tree * nodes;
    worker->value = problem->value + tree * nodes;
    worker->importance = problem->importance + tree * problem->features;
    grow_tree(worker);
    for (int64_t f = 0; f < problem->features; f++) worker->importance[f] /= (double)problem->samples;
    finish_tree(worker, output);
}

/* ---- rounds and threads ---- */

static double binary_gradient(double y, double raw) {
    if (raw > -37) {
        double e = exp(-raw);
        return -(((1 - y) - y * e) / (1 + e));
    }
    return -(exp(raw) - y);
}

/* Negative gradients of the log loss for samples [from, to). */
static void gradients(const Problem *problem, double *gradient, int64_t from, int64_t to) {
    int64_t n = problem->samples, outputs = problem->outputs;
    if (outputs == 1) {
        for (int64_t i = from; i < to; i++) gradient[i] = binary_gradient(problem->label[i], problem->raw[i]);
        return;
    }
    for (; from < to; from += BLOCK) {
        int64_t length = to - from < BLOCK ? to - from : BLOCK;
        double highest_raw[BLOCK], sum[BLOCK] = {0};
        memcpy(highest_raw, problem->raw + from, sizeof(double) * (size_t)length);
        for (int64_t k = 1; k < outputs; k++)
            for (int64_t i = 0; i < length; i++) {
                double raw = problem->raw[k * n + from + i];
                if (highest_raw[i] < raw) highest_raw[i] = raw;
            }
        for (int64_t k = 0; k < outputs; k++)
            for (int64_t i = 0; i < length; i++)
                sum[i] += gradient[k * n + from + i] = exp(problem->raw[k * n + from + i] - highest_raw[i]);
        for (int64_t k = 0; k < outputs; k++)
            for (int64_t i = 0; i < length; i++) {
                double *g = &gradient[k * n + from + i];
                *g = -(*g / sum[i] - (problem->label[from + i] == k));
            }
    }
}

/* Waits until every thread is here. */
static void meet(Shared *shared) {
    pthread_mutex_lock(&shared->lock);
    int64_t generation = shared->generation;
    if (++shared->waiting == shared->threads) {
        shared->waiting = 0;
        shared->generation++;
        atomic_store(&shared->next, 0);
        pthread_cond_broadcast(&shared->turn);
    }
    while (generation == shared->generation) pthread_cond_wait(&shared->turn, &shared->lock);
    pthread_mutex_unlock(&shared->lock);
}

static void *work(void *argument) {
    Worker *worker = argument;
    const Problem *problem = worker->problem;
    Shared *shared = worker->shared;
    pthread_mutex_lock(&shared->lock); /* until it is known how many threads there are */
    pthread_mutex_unlock(&shared->lock);
    int64_t share = (problem->samples + shared->threads - 1) / shared->threads;
    int64_t from = worker->thread * share, to = from + share < problem->samples ? from + share : problem->samples;
    for (int64_t round = 0; round < problem->rounds; round++) {
        gradients(problem, shared->gradient, from, to);
        meet(shared);
        for (long k; (k = atomic_fetch_add(&shared->next, 1)) < problem->outputs;)
            fit_tree(worker, shared->gradient, round, k);
        meet(shared);
    }
    return NULL;
}

static void *allocate(int64_t count, size_t size) { return calloc((size_t)(count > 0 ? count : 1), size); }

static int prepare(Worker *worker, const Problem *problem, Shared *shared, int64_t thread) {
    int64_t n = problem->samples, d = problem->features;
    *worker = (Worker){.problem = problem, .shared = shared, .thread = thread};
    worker->samples = allocate(n, sizeof(int32_t));
    worker->leaf = allocate(n, sizeof(int32_t));
    worker->left = allocate(n, sizeof(uint8_t));
    worker->weight = allocate(n, sizeof(double));
    worker->buckets = allocate(n, sizeof(double));
    worker->features = allocate(d, sizeof(int64_t));
    worker->constants = allocate(d, sizeof(int64_t));
    worker->visits = allocate(d, sizeof(int64_t));
    worker->keys = allocate(2 * n, sizeof(Key));
    worker->scans = allocate(d, sizeof(Scan));
    int complete = worker->samples && worker->leaf && worker->left && worker->weight && worker->buckets &&
                   worker->features && worker->constants && worker->visits && worker->keys && worker->scans;
    for (int64_t level = 1; level < problem->depth; level++)
        complete = (worker->orders[level] = allocate(n * d, sizeof(int32_t))) != NULL && complete;
    return complete;
}

static void release(Worker *worker) {
    void *blocks[] = {worker->samples, worker->leaf, worker->left, worker->weight, worker->buckets,
                      worker->features, worker->constants, worker->visits, worker->keys, worker->scans};
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) free(blocks[i]);
    for (int64_t level = 0; level < MAX_DEPTH; level++) free(worker->orders[level]);
}

/* Runs the workers on as many threads as can be had, the first on the caller's. */
static void run(Shared *shared, Worker *workers, pthread_t *threads, int64_t wanted) {
    pthread_mutex_lock(&shared->lock);
    shared->threads = 1;
    while (shared->threads < wanted &&
           pthread_create(&threads[shared->threads], NULL, work, &workers[shared->threads]) == 0)
        shared->threads++;
    pthread_mutex_unlock(&shared->lock);
    work(&workers[0]);
    for (int64_t i = 1; i < shared->threads; i++) pthread_join(threads[i], NULL);
}

/* Fits every tree; returns 0, or 1 where memory is short. The caller zeroes `importance` and `value`. */
int trees_fit(const Problem *problem) {
    int64_t threads = problem->threads;
    Shared shared = {.gradient = allocate(problem->outputs * problem->samples, sizeof(double))};
    Worker *workers = allocate(threads, sizeof(Worker));
    pthread_t *handles = allocate(threads, sizeof(pthread_t));
    int complete = shared.gradient && workers && handles;
    pthread_mutex_init(&shared.lock, NULL);
    pthread_cond_init(&shared.turn, NULL);
    for (int64_t i = 0; i < threads && workers; i++) complete = prepare(&workers[i], problem, &shared, i) && complete;
    if (complete) run(&shared, workers, handles, threads);
    for (int64_t i = 0; i < threads && workers; i++) release(&workers[i]);
    pthread_cond_destroy(&shared.turn);
    pthread_mutex_destroy(&shared.lock);
    free(handles);
    free(workers);
    free(shared.gradient);
    return !complete;
}

/* Adds the predictions of rounds x outputs trees for `samples` rows to raw (samples x outputs). */
void trees_predict(int64_t samples, int64_t features, int64_t rounds, int64_t outputs, int64_t nodes,
                   const float *rows, const int32_t *feature, const double *threshold, const double *value,
                   double learning_rate, double *raw) {
    for (int64_t first = 0; first < samples; first += BLOCK) {
        int64_t last = first + BLOCK < samples ? first + BLOCK : samples;
        for (int64_t tree = 0; tree < rounds * outputs; tree++)
            for (int64_t i = first; i < last; i++) {
                int64_t at = tree * nodes, node = 0;
                for (int32_t f; (f = feature[at + node]) >= 0;)
                    node = 2 * node + (rows[i * features + f] <= threshold[at + node] ? 1 : 2);
                raw[i * outputs + tree % outputs] += learning_rate * value[at + node];
            }
    }
}
