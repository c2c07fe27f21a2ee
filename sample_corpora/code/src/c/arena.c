#include <stdalign.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Hands out memory piece by piece and frees all of it in one go. */

struct block {
    struct block *older;
    size_t used;
    size_t size;
    alignas(max_align_t) unsigned char bytes[];
};

struct arena {
    struct block *newest;
    size_t block_size;
};

static size_t round_up(size_t n)
{
    size_t a = alignof(max_align_t);
    return (n + a - 1) / a * a;
}

void *arena_alloc(struct arena *arena, size_t n)
{
    n = round_up(n);
    struct block *b = arena->newest;
    if (b == NULL || b->size - b->used < n) {
        size_t size = n > arena->block_size ? n : arena->block_size;
        b = malloc(sizeof *b + size);
        if (b == NULL)
            return NULL;
        b->older = arena->newest;
        b->used = 0;
        b->size = size;
        arena->newest = b;
    }
    void *p = b->bytes + b->used;
    b->used += n;
    return p;
}

char *arena_strdup(struct arena *arena, const char *text)
{
    size_t n = strlen(text) + 1;
    char *copy = arena_alloc(arena, n);
    return copy ? memcpy(copy, text, n) : NULL;
}

void arena_release(struct arena *arena)
{
    while (arena->newest != NULL) {
        struct block *older = arena->newest->older;
        free(arena->newest);
        arena->newest = older;
    }
}
