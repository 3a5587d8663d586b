/* scikit-learn's sort of samples by one feature, whose order of equal values matters to rounding. */
#include "trees.h"

#include <math.h>
#include <string.h>

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

/* How many keys rank above and below the pivot. */
WIDE static void count_sides(const Key *keys, int64_t count, uint32_t pivot, int64_t *above, int64_t *below) {
    int64_t a = 0, b = 0;
    for (int64_t i = 0; i < count; i++) {
        a += rank_of(keys[i]) > pivot;
        b += rank_of(keys[i]) < pivot;
    }
    *above = a, *below = b;
}

/* The next two leave what this loop would, which exchanges one key after the other and waits for each comparison:
 *
 *     while (i < high)
 *         if (keys[i] < pivot) exchange(i++, low++);
 *         else if (keys[i] > pivot) exchange(i, --high);
 *         else i++;
 *
 * Each key above the pivot among the first `kept` goes to the end, and what it meets there is looked at in its place:
 * keys above the pivot move down by one, until one is found that may stay in the front. What remains is turned by one,
 * as if keys[kept] had been met in the front, too. */
static void move_above(Key *keys, int64_t count, int64_t kept, uint32_t pivot, int32_t *front) {
    int64_t found = 0, k = 0;
    for (int64_t i = 0; i < kept; i++) {
        front[found] = (int32_t)i;
        found += rank_of(keys[i]) > pivot;
    }
    front[found] = (int32_t)kept;
    Key held = keys[front[0]];
    for (int64_t j = count - 1; j >= kept; j--) {
        Key key = keys[j];
        keys[front[k]] = key; /* for good, or until the next one */
        keys[j] = held;
        k += rank_of(key) <= pivot;
        held = keys[front[k]];
    }
}

/* Exchanges each key below the pivot with the first that equals it. */
static void move_below(Key *keys, int64_t count, uint32_t pivot) {
    for (int64_t i = 0, low = 0; i < count; i++) {
        Key key = keys[i];
        int64_t below = rank_of(key) < pivot, to = below ? low : i;
        keys[i] = keys[to];
        keys[to] = key;
        low += below;
    }
}

/* Quicksort in three parts; after `depth` levels a heap sort. */
static void replayed_sort(Key *keys, int64_t count, int64_t depth, int32_t *spare) {
    while (count > 15) {
        if (depth-- <= 0) {
            heap_sort(keys, count);
            return;
        }
        uint32_t pivot = median_of_three(keys, count);
        int64_t above, below;
        count_sides(keys, count, pivot, &above, &below);
        if (above > 0) move_above(keys, count, count - above, pivot, spare);
        if (below > 0) move_below(keys, count - above, pivot);
        replayed_sort(keys, below, depth, spare);
        keys += count - above, count = above;
    }
    insertion_sort(keys, count);
}

void sort_samples(int32_t *samples, const float *column, int64_t count, Key *keys) {
    int32_t *spare = (int32_t *)(keys + count);
    for (int64_t i = 0; i < count; i++) keys[i] = key_of(column[samples[i]], samples[i]);
    replayed_sort(keys, count, 2 * (int64_t)log2((double)count), spare);
    for (int64_t i = 0; i < count; i++) samples[i] = (int32_t)(uint32_t)keys[i];
}
