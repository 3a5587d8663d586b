/* Gradient boosting of depth-limited regression trees for classification, with scikit-learn's numbers.
 *
 * The same model as sklearn.ensemble.GradientBoostingClassifier with its default settings: exact greedy splits by
 * squared error, one tree per class and round (one per round for two classes), Newton steps in the leaves. What makes
 * it fast: features are sorted once per data set instead of once per node; the running sums of four features advance
 * together; and a split's exact score, two divisions, is computed only where a cheap bound lets it win.
 *
 * What makes it equal: sums run in scikit-learn's order (sorted by the feature for the search, in the order that its
 * in-place partition leaves for the node's totals, pairwise for the leaves), and its generator decides the order in
 * which features are visited, which is what breaks ties. For features of few distinct values its unstable sort is
 * replayed, too. One thing is not: the order that this sort gives to the odd pair of samples with the same value in an
 * otherwise continuous feature; it moves sums by rounding errors only. */
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__) && defined(__GLIBC__) && defined(__GNUC__) && !defined(__clang__)
#define WIDE __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define WIDE
#endif

enum { LANES = 4, BLOCK = 128, HEAVY = 64, BLOCK_LANES = 8, MAX_DEPTH = 8 };
static const double EPSILON = 2.220446049250313e-16;
static const float FEATURE_THRESHOLD = 1e-7f;
/* The bound's rounding error is below 2 eps sqrt(n) times the score: 5e-12 at a hundred million samples. */
static const double SLACK = 1e-11;

typedef struct {
    int64_t samples, features, outputs, rounds, depth, threads;
    const float *columns;      /* features x samples */
    const int32_t *order;      /* features x samples, samples sorted by each feature */
    const int64_t *tie_run;    /* longest run of equal values per feature */
    const int32_t *label;      /* class of each sample */
    const uint32_t *seed;      /* rounds x outputs, the splitter's generator of each tree */
    double learning_rate;
    double *raw;               /* outputs x samples, in: the prior's log odds; out: the model's predictions */
    double *importance;        /* rounds x outputs x features */
    int32_t *feature;          /* rounds x outputs x nodes of a complete tree; -1 marks a leaf */
    double *threshold, *value; /* rounds x outputs x nodes */
} Problem;

typedef struct {
    double *gradient; /* outputs x samples: the negative gradient */
    atomic_long next; /* the next tree of this round that nobody grows yet */
    pthread_mutex_t lock;
    pthread_cond_t turn;
    int64_t threads, waiting, generation;
} Shared;

/* The search for one feature's best split of one node. */
typedef struct {
    const int32_t *order;
    const float *column;
    double total, best, sum;
    int64_t count, position;
    double *node_best; /* best score of all features of the node so far */
} Scan;

/* A sample (low half) and its value (high half), as a number that orders like the value. */
typedef uint64_t Key;

/* One thread's memory for one tree. */
typedef struct {
    const Problem *problem;
    Shared *shared;
    int64_t thread;
    const double *target;
    int32_t *orders[MAX_DEPTH]; /* per level: features x samples, each node's segment sorted by each feature */
    int32_t *samples, *leaf;    /* samples in the order of scikit-learn's partition; the leaf that each falls in */
    uint8_t *left;
    double *weight, *buckets;
    int64_t *features, *constants; /* scikit-learn's shuffled features; those known to be constant */
    int64_t *visits;               /* the features in their order of visit at the current node */
    Key *keys;
    Scan *scans;
    uint32_t random;
    int32_t *feature;
    double *threshold, *value, *importance;
} Worker;

static int64_t node_count(const Problem *problem) { return ((int64_t)2 << problem->depth) - 1; }

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

/* ---- scikit-learn's sort of samples by one feature, whose order of equal values matters to rounding ---- */

static Key key_of(float value, int32_t sample) {
    uint32_t bits;
    value += 0.0f; /* -0 equals 0 */
    memcpy(&bits, &value, sizeof bits);
    bits = bits >> 31 ? ~bits : bits | 0x80000000u;
    return (Key)bits << 32 | (uint32_t)sample;
}

static uint32_t rank_of(Key key) { return (uint32_t)(key >> 32); }

static void exchange(Key *keys, int64_t i, int64_t j) {
    Key held = keys[i];
    keys[i] = keys[j];
    keys[j] = held;
}

static uint32_t median_of_three(const Key *keys, int64_t count) {
    uint32_t a = rank_of(keys[0]), b = rank_of(keys[count / 2]), c = rank_of(keys[count - 1]);
    if (a < b) return b < c ? b : a < c ? c : a;
    return b < c ? (a < c ? a : c) : b;
}

static void sift_down(Key *keys, int64_t root, int64_t end) {
    for (;;) {
        int64_t child = root * 2 + 1, largest = root;
        if (child < end && rank_of(keys[largest]) < rank_of(keys[child])) largest = child;
        if (child + 1 < end && rank_of(keys[largest]) < rank_of(keys[child + 1])) largest = child + 1;
        if (largest == root) return;
        exchange(keys, root, largest);
        root = largest;
    }
}

static void heap_sort(Key *keys, int64_t count) {
    for (int64_t start = (count - 2) / 2; start >= 0; start--) sift_down(keys, start, count);
    for (int64_t end = count - 1; end > 0; end--) {
        exchange(keys, 0, end);
        sift_down(keys, 0, end);
    }
}

static void insertion_sort(Key *keys, int64_t count) {
    for (int64_t i = 1; i < count; i++) {
        Key key = keys[i];
        int64_t j = i;
        for (; j > 0 && rank_of(keys[j - 1]) > rank_of(key); j--) keys[j] = keys[j - 1];
        keys[j] = key;
    }
}

/* Quicksort in three parts, without branches on the data; after `depth` levels a heap sort. */
static void replayed_sort(Key *keys, int64_t count, int64_t depth) {
    while (count > 15) {
        if (depth-- <= 0) {
            heap_sort(keys, count);
            return;
        }
        uint32_t pivot = median_of_three(keys, count);
        int64_t low = 0, high = count;
        for (int64_t i = 0; i < high;) {
            Key key = keys[i];
            int64_t below = rank_of(key) < pivot, above = rank_of(key) > pivot;
            high -= above;
            int64_t to = above ? high : below ? low : i;
            keys[i] = keys[to];
            keys[to] = key;
            low += below;
            i += !above;
        }
        replayed_sort(keys, low, depth);
        keys += high, count -= high;
    }
    insertion_sort(keys, count);
}

/* ---- one node ---- */

typedef struct {
    int64_t start, end, level, known_constants, index;
    double impurity;
} Node;

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

static const int32_t *segment(const Worker *worker, int64_t level, int64_t feature, int64_t start) {
    const int32_t *orders = level == 0 ? worker->problem->order : worker->orders[level];
    return orders + feature * worker->problem->samples + start;
}

static float lowest(const Scan *scan) { return scan->column[scan->order[0]]; }

static float highest(const Scan *scan) { return scan->column[scan->order[scan->count - 1]]; }

static int constant(const Scan *scan) { return highest(scan) <= lowest(scan) + FEATURE_THRESHOLD; }

static int few_values(const Worker *worker, int64_t feature) { return worker->problem->tie_run[feature] > HEAVY; }

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
    for (int64_t i = 0; i < scan->count; i++) worker->keys[i] = key_of(scan->column[samples[i]], samples[i]);
    replayed_sort(worker->keys, scan->count, 2 * (int64_t)log2((double)scan->count));
    for (int64_t i = 0; i < scan->count; i++) samples[i] = (int32_t)(uint32_t)worker->keys[i];
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
static int64_t search_node(Worker *worker, Node *node, double total) {
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
        if (!few_values(worker, feature)) {
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

/* Sums of the targets and their squares in the order of `samples`. */
static void moments(const Worker *worker, int64_t start, int64_t end, double *sum, double *squares) {
    double s = 0, q = 0;
    for (int64_t i = start; i < end; i++) {
        double y = worker->target[worker->samples[i]];
        s += y;
        q += y * y;
    }
    *sum = s, *squares = q;
}

/* Puts the node's samples in the order in which scikit-learn's partition leaves them. */
static void partition_samples(Worker *worker, const Node *node, int64_t feature, double threshold) {
    const float *column = worker->problem->columns + feature * worker->problem->samples;
    int32_t *samples = worker->samples;
    for (int64_t i = node->start, end = node->end; i < end;) {
        int32_t held = samples[i];
        if ((worker->left[held] = column[held] <= threshold))
            i++;
        else {
            samples[i] = samples[--end];
            samples[end] = held;
        }
    }
}

/* Splits every feature's sorted segment in two, keeping the order. */
static void partition_orders(Worker *worker, const Node *node, int64_t position) {
    int64_t count = node->end - node->start;
    for (int64_t i = node->known_constants; i < worker->problem->features; i++) {
        const int32_t *from = segment(worker, node->level, worker->features[i], node->start);
        int32_t *to_left = (int32_t *)segment(worker, node->level + 1, worker->features[i], node->start);
        int32_t *to_right = to_left + position;
        for (int64_t j = 0; j < count; j++) {
            int32_t sample = from[j];
            uint8_t left = worker->left[sample];
            *(left ? to_left : to_right) = sample;
            to_left += left;
            to_right += !left;
        }
    }
}

/* What a split leaves: sizes and impurities of the children, in scikit-learn's order of summation. */
typedef struct {
    double left, right, impurity_left, impurity_right;
} Children;

static Children split_moments(const Worker *worker, const Node *node, int64_t middle, double total, double squares) {
    double sum, sum_of_squares, left = (double)(middle - node->start), right = (double)(node->end - middle);
    moments(worker, node->start, middle, &sum, &sum_of_squares);
    if (left > right) {
        sum = total;
        for (int64_t i = node->end - 1; i >= middle; i--) sum -= worker->target[worker->samples[i]];
    }
    double mean_left = sum / left, mean_right = (total - sum) / right;
    Children children = {left, right, sum_of_squares / left - mean_left * mean_left,
                         (squares - sum_of_squares) / right - mean_right * mean_right};
    return children;
}

/* Splits a node if scikit-learn would; returns where its right child's samples begin, or -1 for a leaf. */
static int64_t split_node(Worker *worker, Node *node, Children *children) {
    double total, squares, count = (double)(node->end - node->start);
    moments(worker, node->start, node->end, &total, &squares);
    if (node->level == 0) node->impurity = squares / count - (total / count) * (total / count);
    if (node->level == worker->problem->depth || count < 2 || node->impurity <= EPSILON) return -1;
    int64_t feature = search_node(worker, node, total);
    if (feature < 0) return -1;
    const Scan *scan = &worker->scans[feature];
    double below = scan->column[scan->order[scan->position - 1]], above = scan->column[scan->order[scan->position]];
    double threshold = below / 2.0 + above / 2.0;
    partition_samples(worker, node, feature, threshold);
    int64_t middle = node->start + scan->position;
    *children = split_moments(worker, node, middle, total, squares);
    double improvement = count / (double)worker->problem->samples *
                         (node->impurity - children->right / count * children->impurity_right -
                          children->left / count * children->impurity_left);
    if (improvement + EPSILON < 0) return -1;
    worker->feature[node->index] = (int32_t)feature;
    worker->threshold[node->index] = threshold;
    worker->importance[feature] += count * node->impurity - children->left * children->impurity_left -
                                   children->right * children->impurity_right;
    if (node->level + 1 < worker->problem->depth) partition_orders(worker, node, scan->position);
    return middle;
}

static void grow(Worker *worker, Node node) {
    Children children;
    int64_t middle = split_node(worker, &node, &children);
    if (middle < 0) {
        worker->feature[node.index] = -1;
        for (int64_t i = node.start; i < node.end; i++) worker->leaf[worker->samples[i]] = (int32_t)node.index;
        return;
    }
    Node left = {node.start, middle, node.level + 1, node.known_constants, 2 * node.index + 1, children.impurity_left};
    Node right = {middle, node.end, node.level + 1, node.known_constants, 2 * node.index + 2, children.impurity_right};
    grow(worker, left);
    grow(worker, right);
}

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
    for (int64_t i = 0; i < problem->features; i++) worker->features[i] = i;
    for (int64_t i = 0; i < problem->samples; i++) worker->samples[i] = (int32_t)i;
    Node root = {.end = problem->samples};
    grow(worker, root);
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
    worker->keys = allocate(n, sizeof(Key));
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
