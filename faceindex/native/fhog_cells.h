/* Pixels to gradients, histograms in cells, features. */
#ifndef FI_FHOG_CELLS_H
#define FI_FHOG_CELLS_H

#include "fhog_vectors.h"

/* Tangents at which a gradient is as near to one of the directions 0, 20, 40 ... degrees as to the next, with the
 * cosines and sines that dlib has, of four digits; their parts below 1 as fractions of 65536. For |gradients| up to
 * 255 these integers decide exactly as dlib's floats do (tests compare all of them). */
#define TAN1 11555u /* 603 / 3420 */
#define TAN2 37844u /* 1737 / 3008 */
#define TAN3 12566u /* 2660 / 2232 - 1 */
#define TAN4 48991u /* 3264 / 1188 - 2 */

/* Length and orientation of the gradients of a row of pixels; `slots` are twice the orientation. Orientation 18 is
 * 0 again. */
STAGE void gradients(const uint8_t *restrict above, const uint8_t *restrict row, const uint8_t *restrict below,
                     int count, float *restrict lengths, uint16_t *restrict slots) {
    for (int i = 0; i < count; i++) {
        const int16_t x = (int16_t)(row[i + 1] - row[i - 1]), y = (int16_t)(below[i] - above[i]);
        const uint16_t ax = (uint16_t)(x < 0 ? -x : x), ay = (uint16_t)(y < 0 ? -y : y);
        const uint16_t t1 = (uint16_t)((ax * TAN1) >> 16), t2 = (uint16_t)((ax * TAN2) >> 16);
        const uint16_t t3 = (uint16_t)(((ax * TAN3) >> 16) + ax), t4 = (uint16_t)(((ax * TAN4) >> 16) + 2 * ax);
        const int16_t nearest = (int16_t)((ay > t1) + (ay > t2) + (ay > t3) + (ay > t4));
        const int16_t up = (int16_t)-(y < 0);                      /* all ones: upwards */
        const int16_t left = (int16_t)-((int16_t)(2 * x + up) < 0); /* straight up counts as left, as in dlib */
        const int16_t turn = up ^ left;
        const int16_t base = (int16_t)((9 & left) + (18 & up & ~left));
        slots[i] = (uint16_t)(2 * (base + ((nearest ^ turn) - turn)));
    }
    for (int i = 0; i < count; i++) {
        const int16_t x = (int16_t)(row[i + 1] - row[i - 1]), y = (int16_t)(below[i] - above[i]);
        const uint16_t xx = (uint16_t)(x * x), yy = (uint16_t)(y * y); /* at most 65025 */
        lengths[i] = (float)(int32_t)((uint32_t)xx + yy);
    }
    for (int i = 0; i < count; i += 4) store4(lengths + i, sqrt4(load4(lengths + i)));
}

/* A pixel votes for the four cells around it; a block of 8 x 8 pixels between four cell centres has the same four
 * all over, so its votes are vectors of four, added up per orientation and handed to the cells when complete. */
typedef struct {
    v4 of[CELL * CELL];
} Votes;

static void fill_votes(Votes *votes) {
    for (int y = 0; y < CELL; y++)
        for (int x = 0; x < CELL; x++) {
            const float down = (y + 0.5f) / CELL, right = (x + 0.5f) / CELL;
            votes->of[y * CELL + x] =
                (v4){(1 - down) * (1 - right), (1 - down) * right, down * (1 - right), down * right};
        }
}

#define ABREAST 4 /* blocks under way at once: neighbouring pixels often vote alike, and would wait for each other */

STAGE void strip(const Votes *votes, const float *restrict lengths, const uint16_t *restrict slots, ptrdiff_t pitch,
                 int blocks, float *restrict top, float *restrict bottom) {
    v4 carried[2][BINS / 4] = {{{0}}}; /* votes for cells to the right of the last block, above and below */
    for (int block = 0; block < blocks; block += ABREAST) {
        v4 sums[ABREAST][BINS];
        memset(sums, 0, sizeof sums);
        for (int i = 0; i < CELL * CELL; i++) {
            const ptrdiff_t at = i / CELL * pitch + block * CELL + i % CELL;
            const v4 vote = votes->of[i];
#pragma GCC unroll 4
            for (int k = 0; k < ABREAST; k++) {
                const float length = lengths[at + k * CELL];
                v4 *sum = (v4 *)((char *)sums[k] + slots[at + k * CELL] * 8);
                *sum += vote * (v4){length, length, length, length};
            }
        }
        for (int k = 0; k < ABREAST; k++) {
            float *upper = top + (block + k) * FEATURES, *lower = bottom + (block + k) * FEATURES;
            sums[k][0] += sums[k][18];
            sums[k][18] = (v4){0};
#pragma GCC unroll 5
            for (int bin = 0; bin < BINS; bin += 4) {
                v4 a = sums[k][bin], b = sums[k][bin + 1], c = sums[k][bin + 2], d = sums[k][bin + 3];
                transpose4(&a, &b, &c, &d);
                store4(upper + bin, load4(upper + bin) + a + carried[0][bin / 4]);
                store4(lower + bin, c + carried[1][bin / 4]);
                carried[0][bin / 4] = b;
                carried[1][bin / 4] = d;
            }
        }
    }
}

/* Behind a cell's 18 orientations put the 9 without direction, and its energy into energies. */
STAGE void finish_cells(float *restrict cells, int count, float *restrict energies) {
    for (int i = 0; i < count; i++) {
        float *cell = cells + i * FEATURES;
        const v8 both = load8(cell) + load8(cell + 9), squares = both * both;
        const float last = cell[8] + cell[17];
        store8(cell + 18, both);
        cell[26] = last;
        energies[i] = squares[0] + squares[1] + squares[2] + squares[3] + squares[4] + squares[5] + squares[6] +
                      squares[7] + last * last;
    }
}

/* Per corner of four cells: the most that a histogram may count there (a fifth of the norm), and its divisor. */
STAGE void corners(const float *restrict upper, const float *restrict lower, int count, float *restrict most,
                   float *restrict factor) {
    for (int i = 0; i < count; i += 4) {
        const v4 sum = load4(upper + i) + load4(upper + i + 1) + load4(lower + i) + load4(lower + i + 1);
        const v4 limit = sqrt4(sum + 0.0001f) * 0.2f;
        store4(most + i, limit);
        store4(factor + i, 0.1f / limit);
    }
}

INLINE v4 sums_of(v8 a, v8 b, v8 c, v8 d) {
    union { v8 whole; v4 half[2]; } pa = {a}, pb = {b}, pc = {c}, pd = {d};
    v4 e = pa.half[0] + pa.half[1], f = pb.half[0] + pb.half[1], g = pc.half[0] + pc.half[1],
       h = pd.half[0] + pd.half[1];
    transpose4(&e, &f, &g, &h);
    return e + f + g + h;
}

/* The features of a row of cells; corner arrays are those above and below. */
STAGE void describe(const float *restrict cells, int count, const float *restrict most[2],
                    const float *restrict factor[2], float *restrict out) {
    const i8 directed = {-1, -1, 0, 0, 0, 0, 0, 0}; /* which of values 16 to 23 are of the first 18 */
    for (int i = 0; i < count; i++) {
        const float *cell = cells + i * FEATURES;
        v8 sum[4] = {{0}}, texture[4];
        for (int corner = 0; corner < 4; corner++) {
            const int at = i + (corner & 1);
            const v8 cap = all8(most[corner >> 1][at]), by = all8(factor[corner >> 1][at]);
            const v8 a = least8(load8(cell), cap) * by, b = least8(load8(cell + 8), cap) * by;
            const v8 c = least8(load8(cell + 16), cap) * by, d = least8(load8(cell + 24), cap) * by;
            sum[0] += a;
            sum[1] += b;
            sum[2] += c;
            sum[3] += d;
            texture[corner] = a + b + (v8)((i8)c & directed);
        }
        float *to = out + i * FEATURES;
        for (int part = 0; part < 4; part++) store8(to + 8 * part, sum[part]);
        /* dlib's order: below right, above right, below left, above left */
        store4(to + 27, sums_of(texture[3], texture[1], texture[2], texture[0]) * 0.4714f);
    }
}

#endif
