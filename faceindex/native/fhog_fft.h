/* Filters as products of spectra: transforms of length 32 of eight signals side by side. */
#ifndef FI_FHOG_FFT_H
#define FI_FHOG_FFT_H

#include "fhog_vectors.h"

/* cos and sin of 2 pi k / 32 */
static const float COS[32] = {1,           .98078528f,  .92387953f,  .83146961f,  .70710678f,  .55557023f,  .38268343f,
                              .19509032f,  0,           -.19509032f, -.38268343f, -.55557023f, -.70710678f, -.83146961f,
                              -.92387953f, -.98078528f, -1,          -.98078528f, -.92387953f, -.83146961f, -.70710678f,
                              -.55557023f, -.38268343f, -.19509032f, 0,           .19509032f,  .38268343f,  .55557023f,
                              .70710678f,  .83146961f,  .92387953f,  .98078528f};

typedef struct {
    v8 re, im;
} C8;

INLINE C8 add(C8 a, C8 b) { return (C8){a.re + b.re, a.im + b.im}; }
INLINE C8 minus(C8 a, C8 b) { return (C8){a.re - b.re, a.im - b.im}; }
INLINE C8 minus_i(C8 a, C8 b) { return (C8){a.re + b.im, a.im - b.re}; } /* a - i b */
INLINE C8 plus_i(C8 a, C8 b) { return (C8){a.re - b.im, a.im + b.re}; }
INLINE C8 turned(C8 a, float cosine, float sine) { /* times cosine - i sine */
    return (C8){a.re * cosine + a.im * sine, a.im * cosine - a.re * sine};
}

INLINE void fft4(C8 *a, C8 *b, C8 *c, C8 *d) {
    const C8 s = add(*a, *c), t = minus(*a, *c), u = add(*b, *d), v = minus(*b, *d);
    *a = add(s, u);
    *b = minus_i(t, v);
    *c = minus(s, u);
    *d = plus_i(t, v);
}

INLINE void fft8(C8 *x) {
    const float root = .70710678f;
    fft4(x, x + 2, x + 4, x + 6);
    fft4(x + 1, x + 3, x + 5, x + 7);
    const C8 a = x[0], b = x[2], c = x[4], d = x[6], e = x[1];
    const C8 f = {(x[3].re + x[3].im) * root, (x[3].im - x[3].re) * root};
    const C8 g = x[5];
    const C8 h = {(x[7].im - x[7].re) * root, -(x[7].re + x[7].im) * root};
    x[0] = add(a, e), x[4] = minus(a, e);
    x[1] = add(b, f), x[5] = minus(b, f);
    x[2] = minus_i(c, g), x[6] = plus_i(c, g);
    x[3] = add(d, h), x[7] = minus(d, h);
}

/* X[k] = sum over n of x[n] e^(-2 pi i n k / 32), with n = j + 8 m and k = k' + 4 q. */
INLINE void fft32(const float *re, const float *im, ptrdiff_t step, float *out_re, float *out_im,
                  ptrdiff_t out_step) {
    C8 y[4][8];
#pragma GCC unroll 8
    for (int j = 0; j < 8; j++) {
        C8 x[4];
#pragma GCC unroll 4
        for (int m = 0; m < 4; m++) x[m] = (C8){load8(re + (j + 8 * m) * step), load8(im + (j + 8 * m) * step)};
        fft4(x, x + 1, x + 2, x + 3);
        y[0][j] = x[0];
#pragma GCC unroll 3
        for (int k = 1; k < 4; k++) y[k][j] = j ? turned(x[k], COS[j * k], COS[(j * k + 24) % 32]) : x[k];
    }
#pragma GCC unroll 4
    for (int k = 0; k < 4; k++) {
        fft8(y[k]);
#pragma GCC unroll 8
        for (int q = 0; q < 8; q++) {
            store8(out_re + (k + 4 * q) * out_step, y[k][q].re);
            store8(out_im + (k + 4 * q) * out_step, y[k][q].im);
        }
    }
}

STAGE void fft_row(const float *cells, float *spectrum) {
    for (int half = 0; half < 16; half += 8)
        fft32(cells + half, cells + half + 16, FEATURES, spectrum + half, spectrum + half + 16, FEATURES);
}

STAGE void fft_columns(const float *rows, float *spectrum) {
    for (int i = 0; i < TILE; i++)
        for (int half = i * FEATURES; half < i * FEATURES + 16; half += 8)
            fft32(rows + half, rows + half + 16, PITCH, spectrum + half, spectrum + half + 16, PITCH);
}

#define FLAT (TILE + 8) /* floats between the rows of a map */
typedef float Map[TILE][FLAT];

/* What a level's tiles are computed in. */
typedef struct {
    float spectrum[TILE * PITCH];
    Map re[PAIRS], im[PAIRS], turned_re, turned_im;
    Map scores[2 * PAIRS]; /* [x][y] */
} Scratch;

/* Per frequency and detector: the 16 pairs of planes times their two factors, summed; then two detectors as one
 * complex map. Real and imaginary parts are swapped on purpose: a forward transform of that goes back. */
STAGE void multiply(const float *restrict spectrum, const float *restrict weights, Map *restrict re,
                    Map *restrict im) {
    for (int y = 0; y <= TILE / 2; y++)
        for (int x = 0; x < TILE; x++) {
            const int y2 = -y & (TILE - 1), x2 = -x & (TILE - 1);
            if (y2 == y && x2 < x) continue; /* its conjugate was done */
            const float *z = spectrum + y * PITCH + x * FEATURES, *c = spectrum + y2 * PITCH + x2 * FEATURES;
            v8 real[8] = {{0}}, imaginary[8] = {{0}};
#pragma GCC unroll 2
            for (int half = 0; half < 16; half += 8) {
                const v8 zr = load8(z + half), zi = load8(z + half + 16), cr = load8(c + half), ci = load8(c + half + 16);
#pragma GCC unroll 5
                for (int d = 0; d < DETECTORS; d++) {
                    const float *w = weights + d * 64 + half;
                    const v8 ur = load8(w), ui = load8(w + 16), vr = load8(w + 32), vi = load8(w + 48);
                    real[d] += ur * zr;
                    real[d] -= ui * zi;
                    real[d] += vr * cr;
                    real[d] += vi * ci;
                    imaginary[d] += ur * zi;
                    imaginary[d] += ui * zr;
                    imaginary[d] += vi * cr;
                    imaginary[d] -= vr * ci;
                }
            }
            weights += DETECTORS * 64;
            const v4 a = sums_of(real[0], real[1], real[2], real[3]);
            const v4 b = sums_of(imaginary[0], imaginary[1], imaginary[2], imaginary[3]);
            const v4 e = sums_of(real[4], imaginary[4], real[4], imaginary[4]);
            const float sr[6] = {a[0], a[1], a[2], a[3], e[0], 0}, si[6] = {b[0], b[1], b[2], b[3], e[1], 0};
#pragma GCC unroll 3
            for (int p = 0; p < PAIRS; p++) {
                im[p][y][x] = sr[2 * p] - si[2 * p + 1];
                re[p][y][x] = si[2 * p] + sr[2 * p + 1];
                im[p][y2][x2] = sr[2 * p] + si[2 * p + 1];
                re[p][y2][x2] = sr[2 * p + 1] - si[2 * p];
            }
        }
}

INLINE void transpose_map(Map from, Map to) {
    for (int y = 0; y < TILE; y += 4)
        for (int x = 0; x < TILE; x += 4) {
            v4 a = load4(&from[y][x]), b = load4(&from[y + 1][x]), c = load4(&from[y + 2][x]),
               d = load4(&from[y + 3][x]);
            transpose4(&a, &b, &c, &d);
            store4(&to[x][y], a), store4(&to[x + 1][y], b), store4(&to[x + 2][y], c), store4(&to[x + 3][y], d);
        }
}

/* Back from frequencies to scores, [detector][x][y]. */
STAGE void back(Scratch *s) {
    for (int p = 0; p < PAIRS; p++) {
        for (int x = 0; x < TILE; x += 8)
            fft32(&s->re[p][0][x], &s->im[p][0][x], FLAT, &s->re[p][0][x], &s->im[p][0][x], FLAT);
        transpose_map(s->re[p], s->turned_re);
        transpose_map(s->im[p], s->turned_im);
        for (int y = 0; y < TILE; y += 8)
            fft32(&s->turned_re[0][y], &s->turned_im[0][y], FLAT, &s->scores[2 * p + 1][0][y],
                  &s->scores[2 * p][0][y], FLAT);
    }
}

#endif
