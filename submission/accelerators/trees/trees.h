/* What the parts of the boosted trees share: sort.c, search.c (one node's best split), grow.c (one tree), boost.c. */
#ifndef TREES_H
#define TREES_H
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#if defined(__x86_64__) && defined(__GLIBC__) && defined(__GNUC__) && !defined(__clang__)
#define WIDE __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define WIDE
#endif

enum { BLOCK = 128, MAX_DEPTH = 8 };

typedef struct {
    int64_t samples, features, outputs, rounds, depth, threads;
    const float *columns;      /* features x samples */
    const int32_t *order;      /* features x samples, samples sorted by each feature */
    const int64_t *tie_run;    /* longest run of equal values per feature */
    const uint8_t *replayed;   /* features whose equal values are put in scikit-learn's order */
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

typedef struct {
    int64_t start, end, level, known_constants, index;
    double impurity;
} Node;

/* Samples of a node, sorted by a feature, as the search and the partition keep them. */
static inline const int32_t *segment(const Worker *worker, int64_t level, int64_t feature, int64_t start) {
    const int32_t *orders = level == 0 ? worker->problem->order : worker->orders[level];
    return orders + feature * worker->problem->samples + start;
}

/* Sorts samples by their values in `column` as scikit-learn does, equal values included; `keys` has room
 * for twice `count`. */
void sort_samples(int32_t *samples, const float *column, int64_t count, Key *keys);

/* The feature of a node's best split, its position in worker->scans; -1 if every feature is constant. */
int64_t search_node(Worker *worker, Node *node, double total);

/* Grows a tree from all samples; leaves each sample's leaf in worker->leaf. */
void grow_tree(Worker *worker);

#endif
