#include "address_map.h"

#include <stdlib.h>
#include <string.h>

/* Measured on firmware: what a wrong guess and an entry cost, in bits. */
#define MISS_BITS  18.0
#define ENTRY_BITS 50.0

/* A table that ends with this entry. */
struct node {
    int before; /* -1: it is the first */
    uint32_t address;
    int32_t shift;
};

/*
 * The best table among those whose last entry has this shift. Its cost is counted less MISS_BITS for each sample
 * so far, so that a sample changes the one table that it agrees with and no other.
 */
struct state {
    double cost;
    int32_t shift;
    int node; /* -1: unused */
};

struct fit {
    struct state *state; /* hash table by shift */
    size_t mask;
    struct node *node;
    int n_nodes;
};

static int compare(const void *a, const void *b)
{
    const struct address_sample *x = a, *y = b;

    if (x->target != y->target) {
        return x->target < y->target ? -1 : 1;
    }
    return x->shift < y->shift ? -1 : x->shift > y->shift;
}

static struct state *state_of(const struct fit *f, int32_t shift)
{
    size_t i = (uint32_t)shift * 2654435761u & f->mask;

    while (f->state[i].node >= 0 && f->state[i].shift != shift) {
        i = (i + 1) & f->mask;
    }
    return &f->state[i];
}

/* The last node of the best table. */
static int run(struct fit *f, const struct address_sample *sample, size_t n, double entry_bits)
{
    double best = 0;
    int best_node = 0;

    for (size_t i = 0; i <= f->mask; i++) {
        f->state[i].node = -1;
    }
    f->n_nodes = 0;
    f->node[f->n_nodes++] = (struct node){-1, AL_DELTA_ADDRESS_BASE, 0};
    *state_of(f, 0) = (struct state){0, 0, 0};
    for (size_t i = 0; i < n; i++) {
        struct state *s = state_of(f, sample[i].shift);

        if (s->node < 0 || best + entry_bits < s->cost) {
            f->node[f->n_nodes] = (struct node){best_node, sample[i].target, sample[i].shift};
            *s = (struct state){best + entry_bits, sample[i].shift, f->n_nodes++};
        }
        s->cost -= MISS_BITS;
        if (s->cost < best) {
            best = s->cost;
            best_node = s->node;
        }
    }
    return best_node;
}

static int count(const struct fit *f, int last)
{
    int n = 0;

    for (; last > 0; last = f->node[last].before) { /* node 0 is "nothing moved": it needs no entry */
        n++;
    }
    return n;
}

int address_map_fit(struct address_sample *sample, size_t n, unsigned max, struct al_delta_entry *out)
{
    struct fit f = {.mask = 1023};
    double entry_bits = ENTRY_BITS;
    int last, entries = -1;

    while (f.mask < 4 * n) {
        f.mask = 2 * f.mask + 1;
    }
    f.state = malloc((f.mask + 1) * sizeof(*f.state));
    f.node = malloc((n + 1) * sizeof(*f.node));
    if (f.state != NULL && f.node != NULL) {
        if (n > 0) {
            qsort(sample, n, sizeof(*sample), compare);
        }
        for (last = run(&f, sample, n, entry_bits); count(&f, last) > (int)max;
             last = run(&f, sample, n, entry_bits)) {
            entry_bits *= 1.04;
        }
        entries = count(&f, last);
        for (int i = entries; i-- > 0; last = f.node[last].before) {
            al_delta_entry_set(&out[i], (f.node[last].address - AL_DELTA_ADDRESS_BASE) >> 2,
                               f.node[last].shift);
        }
    }
    free(f.state);
    free(f.node);
    return entries;
}
