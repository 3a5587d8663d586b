/* Where images are not black. */
#include <stdlib.h>

#include "../parallel.h"
#include "../vector.h"
#include "windows.h"

typedef struct {
    const float *images;
    const int64_t *shape;
    int64_t *boxes;
    int64_t first, last;
    int failed;
} Search;

/* Whether a row has bits; marks the columns that do. */
CLONES static uint32_t bits_of(const float *row, int64_t columns, uint32_t *marks) {
    uint32_t any = 0;
    for (int64_t x = 0; x < columns; x++) {
        uint32_t bits;
        memcpy(&bits, row + x, 4);
        marks[x] |= bits;
        any |= bits;
    }
    return any;
}

static void search(const float *image, const int64_t *shape, uint32_t *marks, int64_t *box) {
    int64_t rows = shape[1], columns = shape[2], top = rows, bottom = -1, left = 0, right = columns - 1;
    memset(marks, 0, (size_t)columns * sizeof(uint32_t));
    for (int64_t row = 0; row < shape[0] * rows; row++) {
        if (!bits_of(image + row * columns, columns, marks)) continue;
        top = row % rows < top ? row % rows : top;
        bottom = row % rows > bottom ? row % rows : bottom;
    }
    while (left <= right && !marks[left]) left++;
    while (right >= left && !marks[right]) right--;
    box[0] = top, box[1] = bottom, box[2] = left, box[3] = right;
}

static void *run(void *argument) {
    Search *job = argument;
    uint32_t *marks = malloc((size_t)job->shape[2] * sizeof(uint32_t));
    job->failed = marks == NULL;
    for (int64_t n = job->first; n < job->last && marks; n++)
        search(job->images + n * job->shape[0] * job->shape[1] * job->shape[2], job->shape, marks, job->boxes + 4 * n);
    free(marks);
    return NULL;
}

/* boxes (n, 4) of images (n, *shape): first and last row, first and last column; the last ones are smaller for black
 * images. Returns zero, or one without memory. */
int windows_boxes(const int64_t *shape, const float *images, int64_t *boxes, int64_t n, int64_t threads) {
    Search jobs[MAX_THREADS];
    int failed = 0;
    threads = usable_threads(threads);
    for (int64_t t = 0; t < threads; t++)
        jobs[t] = (Search){images, shape, boxes, n * t / threads, n * (t + 1) / threads, 0};
    on_threads(run, jobs, sizeof *jobs, threads);
    for (int64_t t = 0; t < threads; t++) failed |= jobs[t].failed;
    return failed;
}
