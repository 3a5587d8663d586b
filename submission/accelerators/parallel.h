/* One function on several threads. */
#ifndef PARALLEL_H
#define PARALLEL_H

#include <pthread.h>
#include <stdint.h>

#define MAX_THREADS 64

static inline int64_t usable_threads(int64_t wanted) {
    return wanted < 1 ? 1 : wanted > MAX_THREADS ? MAX_THREADS : wanted;
}

/* Calls run for the first `threads` of works, which lie `size` bytes apart (0: all share one), the first on the calling
 * thread; returns when all are done. */
static inline void on_threads(void *(*run)(void *), void *works, size_t size, int64_t threads) {
    pthread_t ids[MAX_THREADS];
    int started[MAX_THREADS] = {0};
    for (int64_t t = 1; t < threads; t++)
        started[t] = pthread_create(&ids[t], NULL, run, (char *)works + t * size) == 0;
    run(works);
    for (int64_t t = 1; t < threads; t++) {
        if (started[t])
            pthread_join(ids[t], NULL);
        else
            run((char *)works + t * size);
    }
}

#endif
