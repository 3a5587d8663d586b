/* One node's best split: the features in scikit-learn's order of visit, the continuous ones by fours. */
#include "trees.h"

#include <math.h>
#include <string.h>

enum { LANES = 4, BLOCK_LANES = 8 };
static const float FEATURE_THRESHOLD = 1e-7f;
/* The bound's rounding error is below 2 eps sqrt(n) times the score: 5e-12 at a hundred million samples. */
static const double SLACK = 1e-11;

/* ---- scanning a feature for its best split ---- */

static int distinct(const Scan *scan, int64_t p) {
    return scan->column[scan->order[p]] > scan->column[scan->order[p - 1]] + FEATURE_THRESHOLD;
}

static void consider(Scan *scan, int64_t p, double left) {
    double right = scan->total - left;
    double score = left * left / (double)p + right * right / (double)(scan->count - p);
    if (score > scan->best) {
        scan->best = score;
        scan->position = p;
        if (score > *scan->node_best) *scan->node_best = score;
    }
}

/* Running sums of four features over positions [from, to); prefix[lane][i] = sum of the first from + i + 1 targets. */
static void running_sums(const int32_t *const order[LANES], const double *target, int64_t from, int64_t to,
                         double sum[LANES], double prefix[LANES][BLOCK]) {
    double a = sum[0], b = sum[1], c = sum[2], d = sum[3];
    const int32_t *p = order[0] + from, *q = order[1] + from, *r = order[2] + from, *s = order[3] + from;
    for (int64_t i = 0; i < to - from; i++) {
        prefix[0][i] = a += target[p[i]];
        prefix[1][i] = b += target[q[i]];
        prefix[2][i] = c += target[r[i]];
        prefix[3][i] = d += target[s[i]];
    }
    sum[0] = a, sum[1] = b, sum[2] = c, sum[3] = d;
}

/* Largest bound of a block: the score above total^2 / n is (left - p total / n)^2 n / (p (n - p)). */
WIDE static double block_bound(const double *prefix, const double *weight, int64_t first, double mean) {
    double largest[BLOCK_LANES] = {0};
    for (int64_t i = 0; i < BLOCK; i += BLOCK_LANES)
        for (int64_t j = 0; j < BLOCK_LANES; j++) {
            double excess = prefix[i + j] - mean * (double)(int32_t)(first + i + j);
            double bound = excess * excess * weight[i + j];
            largest[j] = bound > largest[j] ? bound : largest[j];
        }
    double bound = 0;
    for (int64_t j = 0; j < BLOCK_LANES; j++) bound = largest[j] > bound ? largest[j] : bound;
    return bound;
}

/* Scores exactly the positions of a block whose bound reaches the best so far; weight is 0 where no split may be. */
static void search_block(Scan *scan, const double *prefix, const double *weight, int64_t first, int64_t length) {
    double mean = scan->total / (double)scan->count, floor = scan->total * mean;
    double bar = *scan->node_best * (1 - SLACK) - floor;
    if (block_bound(prefix, weight, first, mean) < bar) return;
    for (int64_t i = 0; i < length; i++) {
        double excess = prefix[i] - mean * (double)(first + i);
        if (excess * excess * weight[i] >= bar && distinct(scan, first + i)) {
            consider(scan, first + i, prefix[i]);
            bar = *scan->node_best * (1 - SLACK) - floor;
        }
    }
}

/* Positions from `first` on, one by one; scan->sum is the sum of the first `first - 1` targets.
 * After a run of equal values longer than what remains, scikit-learn sums anew from the right. */
static void search_tail(Scan *scan, const double *target, int64_t first) {
    int64_t last = first - 1;
    while (last > 0 && !distinct(scan, last)) last--;
    double left = scan->sum;
    for (int64_t p = first; p < scan->count; p++) {
        left += target[scan->order[p - 1]];
        if (!distinct(scan, p)) continue;
        if (p - last > scan->count - p) {
            left = scan->total;
            for (int64_t i = scan->count - 1; i >= p; i--) left -= target[scan->order[i]];
        }
        consider(scan, p, left);
        last = p;
    }
}

/* Four continuous features of one node together: blocks for as long as sums need no second look, then the tails. */
static void search_four(Worker *worker, Scan scan[LANES], int64_t tie_run, int64_t lanes) {
    double prefix[LANES][BLOCK], sum[LANES] = {0};
    const int32_t *order[LANES];
    int64_t end = scan[0].count - tie_run;
    for (int64_t lane = 0; lane < LANES; lane++) order[lane] = scan[lane].order;
    end -= end > 0 ? end % BLOCK : end;
    for (int64_t from = 0; from < end; from += BLOCK) {
        running_sums(order, worker->target, from, from + BLOCK, sum, prefix);
        for (int64_t lane = 0; lane < lanes; lane++)
            search_block(&scan[lane], prefix[lane], worker->weight + from, from + 1, BLOCK);
    }
    for (int64_t lane = 0; lane < lanes; lane++) {
        scan[lane].sum = sum[lane];
        search_tail(&scan[lane], worker->target, end + 1);
    }
}

/* ---- one node ---- */

static uint32_t draw(uint32_t *state, int64_t low, int64_t high) {
    if (*state == 0) *state = 1;
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return (uint32_t)(low + (int64_t)(*state & 0x7fffffffu) % (high - low));
}

static void swap(int64_t *array, int64_t i, int64_t j) {
    int64_t held = array[i];
    array[i] = array[j];
    array[j] = held;
}

static float lowest(const Scan *scan) { return scan->column[scan->order[0]]; }

static float highest(const Scan *scan) { return scan->column[scan->order[scan->count - 1]]; }

static int constant(const Scan *scan) { return highest(scan) <= lowest(scan) + FEATURE_THRESHOLD; }

static void search_group(Worker *worker, const int64_t *group, int64_t lanes) {
    Scan four[LANES];
    int64_t tie_run = 0;
    for (int64_t lane = 0; lane < LANES; lane++) {
        int64_t feature = group[lane < lanes ? lane : 0];
        four[lane] = worker->scans[feature];
        if (worker->problem->tie_run[feature] > tie_run) tie_run = worker->problem->tie_run[feature];
    }
    search_four(worker, four, tie_run, lanes);
    for (int64_t lane = 0; lane < lanes; lane++) worker->scans[group[lane]] = four[lane];
}

/* Sorts the node's samples, as the last visited feature left them, by a feature of few values, and searches it. */
static void search_replayed(Worker *worker, const Node *node, Scan *scan) {
    int32_t *samples = worker->samples + node->start;
    sort_samples(samples, scan->column, scan->count, worker->keys);
    const int32_t *order = scan->order;
    scan->order = samples;
    search_tail(scan, worker->target, 1);
    scan->order = order;
}

/* Draws the order in which scikit-learn visits the features: worker->visits, those that get sorted; returns their
 * number. What is constant moves to the front of worker->features, for the children. */
static int64_t draw_visits(Worker *worker, Node *node) {
    int64_t *features = worker->features, visits = 0;
    int64_t remaining = worker->problem->features, known = node->known_constants, found = 0, drawn = 0;
    while (remaining > known + found) {
        int64_t j = draw(&worker->random, drawn, remaining - found);
        if (j < known) {
            swap(features, drawn++, j);
            continue;
        }
        j += found;
        worker->visits[visits++] = features[j];
        if (constant(&worker->scans[features[j]]))
            swap(features, j, known + found++);
        else
            swap(features, --remaining, j);
    }
    memcpy(features, worker->constants, sizeof(int64_t) * (size_t)known);
    memcpy(worker->constants + known, features + known, sizeof(int64_t) * (size_t)found);
    node->known_constants = known + found;
    return visits;
}

static void prepare_scans(Worker *worker, const Node *node, double total, double *node_best) {
    const Problem *problem = worker->problem;
    int64_t count = node->end - node->start;
    for (int64_t i = node->known_constants; i < problem->features; i++) {
        int64_t feature = worker->features[i];
        worker->scans[feature] = (Scan){.order = segment(worker, node->level, feature, node->start),
                                        .column = problem->columns + feature * problem->samples,
                                        .total = total, .best = -INFINITY, .count = count, .position = count,
                                        .node_best = node_best};
    }
    for (int64_t i = 0; i + 1 < count; i++)
        worker->weight[i] = (double)count / ((double)(i + 1) * (double)(count - i - 1));
}

/* Searches the features in their order of visit, the continuous ones by fours; the first of equals wins.
 * Returns the winner, or -1 if every feature is constant; leaves `samples` sorted by the last feature that moves any. */
int64_t search_node(Worker *worker, Node *node, double total) {
    double node_best = -INFINITY, best = -INFINITY;
    prepare_scans(worker, node, total, &node_best);
    int64_t visits = draw_visits(worker, node), lanes = 0, group[LANES], winner = -1;
    int32_t *samples = worker->samples + node->start;
    const int32_t *sorted = NULL; /* the order of `samples` by now, where it has not been copied there yet */
    size_t size = sizeof(int32_t) * (size_t)(node->end - node->start);
    for (int64_t i = 0; i < visits; i++) {
        int64_t feature = worker->visits[i];
        Scan *scan = &worker->scans[feature];
        if (highest(scan) == lowest(scan)) continue;
        if (!worker->problem->replayed[feature]) {
            sorted = scan->order;
            if (!constant(scan)) group[lanes++] = feature;
            if (lanes == LANES) search_group(worker, group, lanes), lanes = 0;
            continue;
        }
        if (sorted != NULL) memcpy(samples, sorted, size);
        sorted = NULL;
        search_replayed(worker, node, scan);
    }
    if (sorted != NULL) memcpy(samples, sorted, size);
    if (lanes > 0) search_group(worker, group, lanes);
    for (int64_t i = 0; i < visits; i++) {
        const Scan *scan = &worker->scans[worker->visits[i]];
        if (!constant(scan) && scan->best > best) best = scan->best, winner = worker->visits[i];
    }
    return winner;
}
