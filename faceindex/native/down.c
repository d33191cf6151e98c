/* Some rows to one, by their weights: the vertical half of resizing. */
#include <string.h>

#include "kernels.h"
#include "resize.h"

enum { CHUNK = 2048, SOME = 33 }; /* up to SOME rows by 16-bit fixed point, more by floats */
enum { AHEAD = 512 };             /* bytes: no processor foresees by itself where that many rows go on */

/* For tests: 0 plain, 1 also vectors of 16 or 32 bytes, 2 also of 64. */
FI_EXPORT void fi_widest(int chosen);
static int widest = 2;

void fi_widest(int chosen) { widest = chosen; }

int fi_width(void) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    int wide = __builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("avx512bw");
    int here = wide ? 2 : __builtin_cpu_supports("avx2") != 0;
#elif defined(FI_NEON)
    int here = 1;
#else
    int here = 0;
#endif
    return here < widest ? here : widest;
}

/* weight x (byte << 8), the high half of it, is 1/256 of a grey level: what a 16-bit multiplier gives in one step. */
#define PART(BYTE, WEIGHT) (uint16_t)(((uint32_t)(uint16_t)((BYTE) << 8) * (WEIGHT)) >> 16)
#define TAP(T) PART(rows[T][x], weights[T])

#define EACH(SUM)                                                                                     \
    for (size_t x = 0; x < samples; x++) out[x] = (uint8_t)((uint16_t)((uint16_t)start + SUM) >> 8); \
    break

FI_HOT void fi_add_row(uint16_t *restrict sums, const uint8_t *restrict row, uint16_t weight, size_t samples) {
    for (size_t x = 0; x < samples; x++) sums[x] = (uint16_t)(sums[x] + PART(row[x], weight));
}

FI_HOT void fi_down_more(const uint8_t *const *rows, const uint16_t *weights, int n, int start, uint8_t *restrict out,
                         size_t samples) {
    for (size_t from = 0; from < samples; from += CHUNK) {
        size_t some = samples - from < CHUNK ? samples - from : CHUNK;
        uint16_t sums[CHUNK];
        for (size_t x = 0; x < some; x++) sums[x] = (uint16_t)start;
        for (int t = 0; t < n; t++) fi_add_row(sums, rows[t] + from, weights[t], some);
        for (size_t x = 0; x < some; x++) out[from + x] = (uint8_t)(sums[x] >> 8);
    }
}

FI_HOT void fi_down_plain(const uint8_t *const *rows, const uint16_t *weights, int n, int start, uint8_t *restrict out,
                          size_t samples) {
    switch (n) {
        case 2: EACH(TAP(0) + TAP(1));
        case 3: EACH(TAP(0) + TAP(1) + TAP(2));
        case 4: EACH(TAP(0) + TAP(1) + TAP(2) + TAP(3));
        case 5: EACH(TAP(0) + TAP(1) + TAP(2) + TAP(3) + TAP(4));
        case 6: EACH(TAP(0) + TAP(1) + TAP(2) + TAP(3) + TAP(4) + TAP(5));
        case 7: EACH(TAP(0) + TAP(1) + TAP(2) + TAP(3) + TAP(4) + TAP(5) + TAP(6));
        default: fi_down_more(rows, weights, n, start, out, samples);
    }
}

#define EACH_COUNT(WAY)                                                \
    switch (n) { /* so that the compiler unrolls the loop over rows */ \
        case 2: WAY(rows, weights, 2, start, out, samples); break;     \
        case 3: WAY(rows, weights, 3, start, out, samples); break;     \
        case 4: WAY(rows, weights, 4, start, out, samples); break;     \
        case 5: WAY(rows, weights, 5, start, out, samples); break;     \
        default: WAY(rows, weights, n, start, out, samples); break;    \
    }

#if defined(__x86_64__)
INLINE void down_rest(const uint8_t *const *rows, const uint16_t *weights, int n, int start, uint8_t *restrict out,
                      size_t x, size_t samples) {
    for (; x < samples; x++) {
        uint16_t sum = (uint16_t)start;
        for (int t = 0; t < n; t++) sum = (uint16_t)(sum + TAP(t));
        out[x] = (uint8_t)(sum >> 8);
    }
}

/* Interleaved with zeros, bytes become byte << 8: even and odd halves, which packing puts in their order again. */
VBMI_TARGET INLINE void down_512(const uint8_t *const *rows, const uint16_t *weights, int n, int start, uint8_t *out,
                                 size_t samples) {
    size_t x = 0;
    for (; x + 64 <= samples; x += 64) {
        __m512i zero = _mm512_setzero_si512(), low = _mm512_set1_epi16((short)start), high = low;
        for (int t = 0; t < n; t++) {
            _mm_prefetch((const char *)rows[t] + x + AHEAD, _MM_HINT_T0);
            __m512i bytes = _mm512_loadu_si512(rows[t] + x), weight = _mm512_set1_epi16((short)weights[t]);
            low = _mm512_add_epi16(low, _mm512_mulhi_epu16(_mm512_unpacklo_epi8(zero, bytes), weight));
            high = _mm512_add_epi16(high, _mm512_mulhi_epu16(_mm512_unpackhi_epi8(zero, bytes), weight));
        }
        _mm512_storeu_si512(out + x, _mm512_packus_epi16(_mm512_srli_epi16(low, 8), _mm512_srli_epi16(high, 8)));
    }
    down_rest(rows, weights, n, start, out, x, samples);
}

AVX2_TARGET INLINE void down_256(const uint8_t *const *rows, const uint16_t *weights, int n, int start, uint8_t *out,
                                 size_t samples) {
    size_t x = 0;
    for (; x + 32 <= samples; x += 32) {
        __m256i zero = _mm256_setzero_si256(), low = _mm256_set1_epi16((short)start), high = low;
        for (int t = 0; t < n; t++) {
            _mm_prefetch((const char *)rows[t] + x + AHEAD, _MM_HINT_T0);
            __m256i bytes = _mm256_loadu_si256((const __m256i *)(rows[t] + x));
            __m256i weight = _mm256_set1_epi16((short)weights[t]);
            low = _mm256_add_epi16(low, _mm256_mulhi_epu16(_mm256_unpacklo_epi8(zero, bytes), weight));
            high = _mm256_add_epi16(high, _mm256_mulhi_epu16(_mm256_unpackhi_epi8(zero, bytes), weight));
        }
        __m256i both = _mm256_packus_epi16(_mm256_srli_epi16(low, 8), _mm256_srli_epi16(high, 8));
        _mm256_storeu_si256((__m256i *)(out + x), both);
    }
    down_rest(rows, weights, n, start, out, x, samples);
}

VBMI_TARGET static void wide(const uint8_t *const *rows, const uint16_t *weights, int n, int start, uint8_t *out,
                             size_t samples) {
    EACH_COUNT(down_512)
}

AVX2_TARGET static void narrow(const uint8_t *const *rows, const uint16_t *weights, int n, int start, uint8_t *out,
                               size_t samples) {
    EACH_COUNT(down_256)
}
#else
#define wide fi_down_plain
#define narrow fi_down_plain
#endif

FI_HOT void fi_down_many(const uint8_t *const *rows, const float *weights, int n, uint8_t *restrict out,
                         size_t samples) {
    for (size_t from = 0; from < samples; from += CHUNK) {
        size_t some = samples - from < CHUNK ? samples - from : CHUNK;
        float sums[CHUNK] = {0};
        for (int t = 0; t < n; t++)
            for (size_t x = 0; x < some; x++) sums[x] += weights[t] * rows[t][from + x];
        for (size_t x = 0; x < some; x++) out[from + x] = (uint8_t)(int)(sums[x] + 0.5f);
    }
}

void fi_down(const uint8_t *const *rows, const float *weights, int n, uint8_t *out, size_t samples) {
    static void (*const ways[])(const uint8_t *const *, const uint16_t *, int, int, uint8_t *, size_t) = {
        fi_down_plain, narrow, wide};
    uint16_t fixed[SOME];
    if (n == 1)
        memcpy(out, rows[0], samples);
    else if (n > SOME)
        fi_down_many(rows, weights, n, out, samples);
    else {
        for (int t = 0; t < n; t++) fixed[t] = (uint16_t)(weights[t] < 1 ? weights[t] * 65536 : 65535);
        ways[fi_width()](rows, fixed, n, 128 + n / 2, out, samples); /* n / 2: what cutting off the low halves loses */
    }
}
