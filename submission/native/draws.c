/* numpy's legacy bounded integers, made of the 32-bit words of its generator as RandomState.randint makes them. */
#include <stdint.h>

typedef struct {
    const uint32_t *words;
    int64_t count, used;
} Stream;

/* A number from 0 to size - 1; -1 where words run out. One value alone needs no word. */
static int64_t draw(Stream *stream, int64_t size) {
    uint32_t largest = (uint32_t)(size - 1), mask = largest;
    for (int shift = 1; shift < 32; shift *= 2) mask |= mask >> shift;
    if (largest == 0) return 0;
    while (stream->used < stream->count) {
        uint32_t value = stream->words[stream->used++] & mask;
        if (value <= largest) return value;
    }
    return -1;
}

/* For each vote a column, then `sets` times `rows` rows of numbers below the columns' sizes, drawn column by column:
 * fixed (votes), values (votes, sets, rows, columns). Returns how many words were used, or -1 where they ran out. */
int64_t draw_votes(const uint32_t *words, int64_t count, const int64_t *sizes, int64_t votes, int64_t sets,
                   int64_t rows, int64_t columns, int64_t *fixed, int64_t *values) {
    Stream stream = {words, count, 0};
    for (int64_t vote = 0; vote < votes; vote++) {
        if ((fixed[vote] = draw(&stream, columns)) < 0) return -1;
        for (int64_t set = 0; set < sets; set++, values += rows * columns)
            for (int64_t column = 0; column < columns; column++)
                for (int64_t row = 0; row < rows; row++)
                    if ((values[row * columns + column] = draw(&stream, sizes[column])) < 0) return -1;
    }
    return stream.used;
}
