/* Bilinear taps with antialiasing, as Pillow's BILINEAR filter has them, and how a row is resized by them. */
#ifndef FI_RESIZE_H
#define FI_RESIZE_H

#include <stddef.h>
#include <stdint.h>

#if defined(__x86_64__)
#include <immintrin.h>
#define VBMI_TARGET __attribute__((target("avx512f,avx512bw,avx512vbmi")))
#define AVX2_TARGET __attribute__((target("avx2")))
#elif defined(__ARM_NEON) && defined(__aarch64__)
#include <arm_neon.h>
#define FI_NEON
#endif
#define INLINE static inline __attribute__((always_inline))

enum { PADDING = 64 }; /* bytes behind a row that a vector may read */

/* The taps of one axis: output i is the sum of weight[i * most + t] * input[first[i] + t] for t < count[i]. */
typedef struct {
    double scale; /* input by output */
    int out, most;
    int *first, *count;
    float *weight; /* each output's sum to 1 */
} Taps;

/* The taps of a row of interleaved samples in fixed point, laid out for vectors where `vector` is set. */
typedef struct {
    int samples, most, step, bits; /* step: samples from a tap to the next */
    int *first, *count;
    int32_t *weight; /* samples x most; each sample's sum to 1 << bits */
    int vectors, pairs, parts;
    int *base;       /* where each part of each window starts */
    uint8_t *mask;   /* which bytes of the window become the pairs of a lane */
    int16_t *factor; /* what those are multiplied by */
    const struct Way *way;
} Row;

/* Rows of samples to resize, and where their sums go. */
typedef struct {
    int count;
    const uint8_t *in;
    ptrdiff_t in_step;
    int32_t *sums;
    ptrdiff_t sums_step;
} Lines;

/* All return 1 where memory is short; the struct starts as zeros and is freed either way. */
int fi_taps(Taps *taps, int in, int out);
void fi_taps_free(Taps *taps);
int fi_row(Row *row, const Taps *taps, int channels);
int fi_gray_row(Row *row, int pixels);
void fi_row_free(Row *row);

/* How wide the vectors are that this processor has: 0 none that we use, 1 of 16 or 32 bytes, 2 of 64. */
int fi_width(void);
/* Sums in units of 1 << bits; each line's must have room for PADDING more. */
void fi_across(const Row *row, Lines lines);
/* out[i] = the weighted sum of n rows. */
void fi_down(const uint8_t *const *rows, const float *weights, int n, uint8_t *out, size_t samples);
/* out[i] = sums[i] rounded to a byte. */
void fi_narrow(const int32_t *sums, int bits, uint8_t *out, size_t samples);

#endif
