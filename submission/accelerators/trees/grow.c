/* One tree: nodes are split depth first, samples and sorted segments partitioned on the way. */
#include "trees.h"

static const double EPSILON = 2.220446049250313e-16;

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

void grow_tree(Worker *worker) {
    Node root = {.end = worker->problem->samples};
    for (int64_t i = 0; i < worker->problem->features; i++) worker->features[i] = i;
    for (int64_t i = 0; i < worker->problem->samples; i++) worker->samples[i] = (int32_t)i;
    grow(worker, root);
}
