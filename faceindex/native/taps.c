/* Where each output sample comes from, and how much of it. */
#include <math.h>
#include <stdlib.h>

#include "kernels.h"
#include "resize.h"

static double larger(double a, double b) { return a > b ? a : b; }

static double reach_of(const Taps *taps) { return larger(taps->scale, 1); }

/* Antialiased bilinear: a triangle as wide as the scale, centred on the output pixel, cut at the borders. */
static void weigh(const Taps *taps, int i) {
    double steep = 1 / reach_of(taps), start = taps->first[i] + 0.5 - (i + 0.5) * taps->scale, sum = 0;
    float *weight = taps->weight + (size_t)i * taps->most;
    for (int t = 0; t < taps->count[i]; t++) sum += larger(0, 1 - fabs(start + t) * steep);
    sum = 1 / sum;
    for (int t = 0; t < taps->count[i]; t++) weight[t] = (float)(larger(0, 1 - fabs(start + t) * steep) * sum);
}

int fi_taps(Taps *taps, int in, int out) {
    taps->out = out;
    taps->scale = (double)in / out;
    taps->first = malloc(sizeof(int) * (size_t)out);
    taps->count = malloc(sizeof(int) * (size_t)out);
    if (!taps->first || !taps->count) return 1;
    for (int i = 0; i < out; i++) {
        double centre = (i + 0.5) * taps->scale, reach = reach_of(taps);
        taps->first[i] = (int)larger(centre - reach + 0.5, 0);
        taps->count[i] = (int)(centre + reach + 0.5 < in ? centre + reach + 0.5 : in) - taps->first[i];
        if (taps->count[i] > taps->most) taps->most = taps->count[i];
    }
    taps->weight = calloc((size_t)out * taps->most, sizeof(float));
    if (!taps->weight) return 1;
    for (int i = 0; i < out; i++) weigh(taps, i);
    return 0;
}

void fi_taps_free(Taps *taps) {
    free(taps->first);
    free(taps->count);
    free(taps->weight);
}
