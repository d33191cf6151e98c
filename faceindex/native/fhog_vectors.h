/* Sizes and vectors that the parts of the HOG detector share; see fhog.c. */
#ifndef FI_FHOG_VECTORS_H
#define FI_FHOG_VECTORS_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "kernels.h"

#if defined(__aarch64__)
#include <arm_neon.h>
#elif defined(__x86_64__)
#include <xmmintrin.h>
#endif

#if !defined(__clang__)
#pragma GCC diagnostic ignored "-Wpsabi" /* functions with wide vectors are all inlined: no calling convention */
#endif

#define INLINE static inline __attribute__((always_inline))
#define STAGE FI_HOT __attribute__((noinline)) static

#define CELL 8                       /* pixels a cell is wide and high */
#define BINS 20                      /* slots of a histogram under way: 18, one that wraps to 0, one unused */
#define FEATURES 32                  /* floats a cell takes: 31 features and a zero */
#define WINDOW 10                    /* cells a filter is wide and high */
#define BEFORE 4                     /* cells of zeros that a map has in front, as in dlib */
#define DETECTORS 5
#define PAIRS 3                      /* detectors two by two: two real maps come back from one complex transform */
#define TILE 32                      /* cells a tile is wide and high */
#define STEP (TILE - WINDOW + 1)     /* scores a tile gives in each direction */
#define HALF (TILE * TILE / 2 + 2)   /* frequencies to compute: the others are their conjugates */
#define PITCH (TILE * FEATURES + 16) /* floats between the rows of a spectrum; a multiple of 4 kB would fight for cache */
#define MIN_LAYER 64                 /* pixels: dlib goes on shrinking down to this */
#define MAX_LEVELS 1000
#define MAX_SIDE (1 << 24)           /* pixels: whole numbers that float holds */

typedef float v4 __attribute__((vector_size(16)));
typedef float v8 __attribute__((vector_size(32)));
typedef float v4u __attribute__((vector_size(16), aligned(4), may_alias));
typedef float v8u __attribute__((vector_size(32), aligned(4), may_alias));
typedef int32_t i4 __attribute__((vector_size(16)));
typedef int32_t i8 __attribute__((vector_size(32)));

#if defined(__clang__) || __GNUC__ >= 12
#define SHUFFLE4(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define SHUFFLE4(a, b, ...) __builtin_shuffle(a, b, (i4){__VA_ARGS__})
#endif

INLINE v8 load8(const float *from) { return *(const v8u *)from; }
INLINE void store8(float *to, v8 value) { *(v8u *)to = value; }
INLINE v4 load4(const float *from) { return *(const v4u *)from; }
INLINE void store4(float *to, v4 value) { *(v4u *)to = value; }
INLINE v8 all8(float value) { return (v8){value, value, value, value, value, value, value, value}; }

/* By name: sqrtf, which may set errno, is not vectorised. */
INLINE v4 sqrt4(v4 a) {
#if defined(__aarch64__)
    return (v4)vsqrtq_f32((float32x4_t)a);
#elif defined(__x86_64__)
    return (v4)_mm_sqrt_ps((__m128)a);
#else
    return (v4){sqrtf(a[0]), sqrtf(a[1]), sqrtf(a[2]), sqrtf(a[3])};
#endif
}

INLINE v8 least8(v8 a, v8 b) {
    const i8 less = a < b;
    return (v8)((less & (i8)a) | (~less & (i8)b));
}

INLINE void transpose4(v4 *a, v4 *b, v4 *c, v4 *d) {
    const v4 ab = SHUFFLE4(*a, *b, 0, 4, 1, 5), ab2 = SHUFFLE4(*a, *b, 2, 6, 3, 7);
    const v4 cd = SHUFFLE4(*c, *d, 0, 4, 1, 5), cd2 = SHUFFLE4(*c, *d, 2, 6, 3, 7);
    *a = SHUFFLE4(ab, cd, 0, 1, 4, 5);
    *b = SHUFFLE4(ab, cd, 2, 3, 6, 7);
    *c = SHUFFLE4(ab2, cd2, 0, 1, 4, 5);
    *d = SHUFFLE4(ab2, cd2, 2, 3, 6, 7);
}

#endif
