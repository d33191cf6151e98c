/* Shrinking by 5/6: bilinear, corner on corner, in float and in dlib's order of operations. No fused arithmetic
 * here: gray levels must round as dlib's do. */
#ifndef FI_FHOG_PYRAMID_H
#define FI_FHOG_PYRAMID_H

#include "fhog_vectors.h"

typedef struct {
    const uint8_t *pixels;
    int rows, columns;
    ptrdiff_t stride;
} Gray;

typedef struct {
    int32_t *left;     /* per output column: the input column to its left ... */
    float *right_part; /* ... and the part of the one to the right of that */
    uint8_t *pick;     /* per 8 columns: which of 16 bytes are their left and right neighbours */
    uint8_t *near;     /* those bytes of a row */
    float *lines[2];   /* input rows: per 8 columns, 8 left neighbours, then 8 right ones */
    int held[2];       /* which input rows those are */
    int columns;       /* output columns done four by four; dlib does the rest in double */
} Shrinker;

INLINE double scale_of(int from, int to) { return (from - 1) / (double)(to > 1 ? to - 1 : 1); }

/* dlib steps along a row in float, four columns at a time: the same sums, so the same fractions. */
static void plan_columns(Shrinker *plan, int from, int to) {
    const double scale = scale_of(from, to);
    const float step = (float)(4 * scale);
    const double start = -4 * scale;
    float x[4] = {(float)start, (float)(start + scale), (float)(start + 2 * scale), (float)(start + 3 * scale)};
    int column = 0;
    for (;; column += 4) {
        for (int lane = 0; lane < 4; lane++) x[lane] += step;
        if (column + 4 > to || (int)x[3] + 1 >= from) break;
        for (int lane = 0; lane < 4; lane++) {
            plan->left[column + lane] = (int)x[lane];
            plan->right_part[column + lane] = x[lane] - (float)(int)x[lane];
        }
    }
    plan->columns = column;
    for (; column % 8; column++) {
        plan->left[column] = plan->left[plan->columns - 1];
        plan->right_part[column] = 0;
    }
    for (int i = 0; i < plan->columns; i++) {
        const int first = plan->left[i & ~7] < from - 16 ? plan->left[i & ~7] : from - 16;
        plan->pick[(i & ~7) * 2 + (i & 7)] = (uint8_t)(plan->left[i] - first);
        plan->pick[(i & ~7) * 2 + (i & 7) + 8] = (uint8_t)(plan->left[i] - first + 1);
    }
}

INLINE void pick16(const uint8_t *from, const uint8_t *which, uint8_t *to) {
#if defined(__aarch64__)
    vst1q_u8(to, vqtbl1q_u8(vld1q_u8(from), vld1q_u8(which)));
#elif defined(__clang__)
    for (int i = 0; i < 16; i++) to[i] = from[which[i]];
#else
    typedef uint8_t b16 __attribute__((vector_size(16)));
    b16 bytes, places;
    memcpy(&bytes, from, 16);
    memcpy(&places, which, 16);
    bytes = __builtin_shuffle(bytes, places);
    memcpy(to, &bytes, 16);
#endif
}

STAGE void spread_line(const Shrinker *plan, const uint8_t *restrict row, int columns, uint8_t *restrict near,
                       float *restrict line) {
    int i = 0;
    for (; i < plan->columns; i += 8) {
        const int first = plan->left[i] < columns - 16 ? plan->left[i] : columns - 16;
        pick16(row + first, plan->pick + 2 * i, near + 2 * i);
    }
    for (int k = 0; k < 2 * i; k++) line[k] = (float)(int32_t)near[k];
}

STAGE void blend_lines(const Shrinker *plan, const float *restrict top, const float *restrict bottom, float low,
                       float high, uint8_t *restrict to) {
    for (int i = 0; i < plan->columns; i += 8)
        for (int k = 0; k < 8; k++) {
            const float right = plan->right_part[i + k], left = 1 - right;
            const float sum = high * left * top[2 * i + k] + high * right * top[2 * i + k + 8] +
                              low * left * bottom[2 * i + k] + low * right * bottom[2 * i + k + 8];
            to[i + k] = (uint8_t)(int32_t)(sum + 0.5f);
        }
}

static void blend_rest(const uint8_t *top, const uint8_t *bottom, double low, int column, int from, int to,
                       uint8_t *out) {
    const double scale = scale_of(from, to);
    double x = -scale + column * scale;
    for (; column < to; column++) {
        x += scale;
        const int left = (int)floor(x), right = left + 1 < from - 1 ? left + 1 : from - 1;
        const float part = (float)(x - left);
        const float value = (float)((1 - low) * ((1 - part) * top[left] + part * top[right]) +
                                    low * ((1 - part) * bottom[left] + part * bottom[right]));
        out[column] = value > 255 ? 255 : (uint8_t)value; /* this part dlib cuts off instead of rounding */
    }
}

/* The held copy of an input row, made if it is not held yet; `keep` is the row not to overwrite. */
static const float *line_of(Shrinker *plan, Gray from, int row, int keep) {
    for (int i = 0; i < 2; i++)
        if (plan->held[i] == row) return plan->lines[i];
    const int slot = plan->held[0] == keep;
    spread_line(plan, from.pixels + row * from.stride, from.columns, plan->near, plan->lines[slot]);
    plan->held[slot] = row;
    return plan->lines[slot];
}

static void shrink(Shrinker *plan, Gray from, uint8_t *to, int rows, int columns, ptrdiff_t stride) {
    const double scale = scale_of(from.rows, rows);
    plan_columns(plan, from.columns, columns);
    plan->held[0] = plan->held[1] = -1;
    double y = -scale;
    for (int row = 0; row < rows; row++) {
        y += scale;
        const int top = (int)floor(y), bottom = top + 1 < from.rows - 1 ? top + 1 : from.rows - 1;
        const double low = y - top;
        const float *above = line_of(plan, from, top, bottom), *below = line_of(plan, from, bottom, top);
        /* the last, partial eight write beyond plan->columns: blend_rest and the stride's padding follow */
        blend_lines(plan, above, below, (float)low, (float)(1 - low), to + row * stride);
        blend_rest(from.pixels + top * from.stride, from.pixels + bottom * from.stride, low, plan->columns,
                   from.columns, columns, to + row * stride);
    }
}

#endif
