/* A row of interleaved samples by its taps, in fixed point: the same numbers on every processor.
 *
 * A vector way handles `windows` windows of 4 or 16 neighbouring output samples at once: from the bytes of a window a
 * shuffle makes, for each sample, the pair of bytes under taps 2p and 2p + 1, as 16-bit numbers; one instruction
 * multiplies them by their weights and adds the two. That needs all bytes of a pair within a window of 16 or 64
 * bytes. The more a picture is shrunk, the farther they lie apart: then each half or quarter of the samples has a
 * window of its own. Shrunk to less than a 16th, or on NEON a third, a row takes the plain way. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "kernels.h"
#include "resize.h"

/* Bits of a weight: as many as a vector's 16 with a sign can hold, where a single tap may weigh 1 or, of more than
 * STEEP, none more than 0.4; of more than STEEPEST, as many as leave room for a byte in a sum of 32. */
enum { BITS = 14, STEEP_BITS = 16, FINE_BITS = 22, STEEP = 7, STEEPEST = 33 };

/* Lines are done LINES at a time, so that the layout is read from memory once for all of them. */
enum { LINES = 4, PARTS = 4 };

typedef struct Way {
    int per_window, windows, parts; /* output samples in a window, windows in a vector, a window's parts at most */
    void (*across)(const Row *row, Lines lines);
} Way;

#define EACH_COUNT(WAY)                                                                     \
    for (; lines.count >= LINES; lines = fi_behind(lines, LINES))                           \
        switch (row->parts > 1 ? 0 : row->pairs) { /* so that the compiler unrolls loops */ \
            case 1: WAY(row, lines, 1, 1, LINES); break;                                    \
            case 2: WAY(row, lines, 2, 1, LINES); break;                                    \
            case 3: WAY(row, lines, 3, 1, LINES); break;                                    \
            default: EACH_PARTS(WAY, LINES); break;                                         \
        }                                                                                   \
    for (; lines.count > 0; lines = fi_behind(lines, 1)) EACH_PARTS(WAY, 1);

#define EACH_PARTS(WAY, COUNT)                                     \
    switch (row->parts) {                                          \
        case 1: WAY(row, lines, row->pairs, 1, COUNT); break;      \
        case 2: WAY(row, lines, row->pairs, 2, COUNT); break;      \
        default: WAY(row, lines, row->pairs, PARTS, COUNT); break; \
    }

INLINE Lines fi_behind(Lines lines, int done) {
    return (Lines){lines.count - done, lines.in + done * lines.in_step, lines.in_step,
                   lines.sums + done * lines.sums_step, lines.sums_step};
}

#if defined(__x86_64__)
VBMI_TARGET INLINE void vbmi(const Row *row, Lines lines, int pairs, int parts, int count) {
    uint64_t first = 0x5555555555555555ULL >> (64 - 64 / parts); /* the low bytes of the first part's numbers */
    const int *base = row->base;
    const uint8_t *mask = row->mask;
    const int16_t *factor = row->factor;
    for (int v = 0; v < row->vectors; v++) {
        __m512i sum[LINES];
        for (int i = 0; i < count; i++) sum[i] = _mm512_setzero_si512();
        for (int p = 0; p < pairs; p++, base += parts, mask += 64, factor += 32) {
            __m512i chosen = _mm512_load_si512(mask), weight = _mm512_load_si512(factor);
            for (int i = 0; i < count; i++) {
                const uint8_t *in = lines.in + i * lines.in_step;
                __m512i both = _mm512_maskz_permutexvar_epi8(first, chosen, _mm512_loadu_si512(in + base[0]));
                for (int part = 1; part < parts; part++) {
                    __m512i window = _mm512_loadu_si512(in + base[part]);
                    both = _mm512_mask_permutexvar_epi8(both, first << (64 / parts * part), chosen, window);
                }
                sum[i] = _mm512_add_epi32(sum[i], _mm512_madd_epi16(both, weight));
            }
        }
        for (int i = 0; i < count; i++) _mm512_storeu_si512(lines.sums + i * lines.sums_step + v * 16, sum[i]);
    }
}

AVX2_TARGET INLINE __m256i two_windows(const uint8_t *one, const uint8_t *two) {
    __m256i low = _mm256_castsi128_si256(_mm_loadu_si128((const __m128i *)one));
    return _mm256_inserti128_si256(low, _mm_loadu_si128((const __m128i *)two), 1);
}

AVX2_TARGET INLINE void avx2(const Row *row, Lines lines, int pairs, int parts, int count) {
    __m256i quarters = _mm256_setr_epi32(0, 1, 2, 3, 0, 1, 2, 3), halves = _mm256_srli_epi32(quarters, 1);
    __m256i part_of = parts == 2 ? halves : quarters;
    const int *base = row->base;
    const __m256i *mask = (const __m256i *)row->mask, *factor = (const __m256i *)row->factor;
    for (int v = 0; v < row->vectors; v++) {
        __m256i sum[LINES];
        for (int i = 0; i < count; i++) sum[i] = _mm256_setzero_si256();
        for (int p = 0; p < pairs; p++, base += 2 * parts) {
            __m256i chosen = _mm256_load_si256(mask++), weight = _mm256_load_si256(factor++);
            for (int i = 0; i < count; i++) {
                const uint8_t *in = lines.in + i * lines.in_step;
                __m256i both = _mm256_shuffle_epi8(two_windows(in + base[0], in + base[parts]), chosen);
                for (int part = 1; part < parts; part++) {
                    __m256i window = two_windows(in + base[part], in + base[parts + part]);
                    __m256i behind = _mm256_cmpgt_epi32(part_of, _mm256_set1_epi32(part - 1));
                    both = _mm256_blendv_epi8(both, _mm256_shuffle_epi8(window, chosen), behind);
                }
                sum[i] = _mm256_add_epi32(sum[i], _mm256_madd_epi16(both, weight));
            }
        }
        for (int i = 0; i < count; i++)
            _mm256_storeu_si256((__m256i *)(lines.sums + i * lines.sums_step + v * 8), sum[i]);
    }
}

VBMI_TARGET static void across_vbmi(const Row *row, Lines lines) { EACH_COUNT(vbmi) }

AVX2_TARGET static void across_avx2(const Row *row, Lines lines) { EACH_COUNT(avx2) }

static const Way VBMI = {16, 1, PARTS, across_vbmi}, AVX2 = {4, 2, PARTS, across_avx2};

static const Way *best_way(void) {
    static const Way *const ways[] = {NULL, &AVX2, &VBMI};
    return ways[fi_width()];
}
#elif defined(FI_NEON)
INLINE void neon(const Row *row, Lines lines, int pairs, int parts, int count) {
    (void)parts; /* always 1 */
    for (int v = 0, at = 0; v < row->vectors; v++) {
        int32x4_t sum[LINES];
        for (int i = 0; i < count; i++) sum[i] = vdupq_n_s32(0);
        for (int p = 0; p < pairs; p++, at++) {
            uint8x16_t chosen = vld1q_u8(row->mask + (size_t)at * 16);
            int16x8_t weight = vld1q_s16(row->factor + (size_t)at * 8);
            for (int i = 0; i < count; i++) {
                uint8x16_t window = vld1q_u8(lines.in + i * lines.in_step + row->base[at]);
                int16x8_t both = vreinterpretq_s16_u8(vqtbl1q_u8(window, chosen));
                int32x4_t low = vmull_s16(vget_low_s16(both), vget_low_s16(weight));
                int32x4_t high = vmull_s16(vget_high_s16(both), vget_high_s16(weight));
                sum[i] = vaddq_s32(sum[i], vpaddq_s32(low, high));
            }
        }
        for (int i = 0; i < count; i++) vst1q_s32(lines.sums + i * lines.sums_step + v * 4, sum[i]);
    }
}

static void across_neon(const Row *row, Lines lines) { EACH_COUNT(neon) }

static const Way NEON = {4, 1, 1, across_neon};

static const Way *best_way(void) { return fi_width() ? &NEON : NULL; }
#else
static const Way *best_way(void) { return NULL; }
#endif

static void plain(const Row *row, const uint8_t *in, int32_t *sums) {
    for (int i = 0; i < row->samples; i++) {
        const int32_t *weight = row->weight + (size_t)i * row->most;
        const uint8_t *from = in + row->first[i];
        int32_t sum = 0;
        for (int t = 0; t < row->count[i]; t++) sum += weight[t] * from[(size_t)t * row->step];
        sums[i] = sum;
    }
}

void fi_across(const Row *row, Lines lines) {
    if (row->way)
        row->way->across(row, lines);
    else
        for (; lines.count > 0; lines = fi_behind(lines, 1)) plain(row, lines.in, lines.sums);
}

/* Lay one pair of taps of one part of a window out; false where its bytes lie too far apart. */
static int lay_out(Row *row, int at, int sample, int pair) {
    int reach = 4 * row->way->per_window, size = row->way->per_window / row->parts, low = INT_MAX;
    int end = sample + size < row->samples ? sample + size : row->samples;
    uint8_t *mask = row->mask + (size_t)at * 4 * size;
    int16_t *factor = row->factor + (size_t)at * 2 * size;
    memset(mask, 0x80, 4 * (size_t)size); /* a byte that the shuffle leaves 0 */
    memset(factor, 0, sizeof(int16_t) * 2 * (size_t)size);
    for (int i = sample; i < end; i++)
        if (2 * pair < row->count[i] && row->first[i] < low) low = row->first[i];
    row->base[at] = low == INT_MAX ? 0 : low + 2 * pair * row->step;
    for (int i = sample; i < end; i++)
        for (int t = 2 * pair; t < 2 * pair + 2 && t < row->count[i]; t++) {
            int from = row->first[i] + t * row->step - row->base[at], lane = 2 * (i - sample) + t - 2 * pair;
            if (from >= reach) return 0;
            mask[2 * lane] = (uint8_t)from;
            factor[lane] = (int16_t)row->weight[(size_t)i * row->most + t];
        }
    return 1;
}

/* On a cache line's border, where vectors load fastest. */
static void *aligned(size_t bytes) { return aligned_alloc(64, (bytes + 63) / 64 * 64); }

static int laid_out(Row *row, int parts) {
    int windows = row->way->windows * parts, size = row->way->per_window / parts;
    row->parts = parts;
    for (int v = 0, at = 0; v < row->vectors; v++)
        for (int p = 0; p < row->pairs; p++)
            for (int w = 0; w < windows; w++, at++)
                if (!lay_out(row, at, (v * windows + w) * size, p)) return 0;
    return 1;
}

static int lay_out_all(Row *row) {
    const Way *way = row->way;
    int each = way->per_window * way->windows;
    row->vectors = (row->samples + each - 1) / each;
    row->pairs = (row->most + 1) / 2;
    size_t places = (size_t)row->vectors * row->pairs * way->windows;
    row->base = malloc(sizeof(int) * places * PARTS);
    row->mask = aligned(places * 4 * (size_t)way->per_window);
    row->factor = aligned(places * 4 * (size_t)way->per_window);
    if (!row->base || !row->mask || !row->factor) return 1;
    for (int parts = 1; parts <= way->parts; parts *= 2)
        if (laid_out(row, parts)) return 0;
    row->way = NULL;
    return 0;
}

static int room_for(Row *row, int samples, int most) {
    memset(row, 0, sizeof *row);
    row->samples = samples;
    row->most = most;
    row->first = malloc(sizeof(int) * (size_t)samples);
    row->count = malloc(sizeof(int) * (size_t)samples);
    row->weight = calloc((size_t)samples * most, sizeof(int32_t));
    return !row->first || !row->count || !row->weight;
}

/* Weights in fixed point; what rounding leaves over goes into the next one, so that the sum is exact. */
static void fix(int32_t *weight, const float *exact, int count, int bits) {
    double wanted = 0;
    int64_t given = 0;
    for (int t = 0; t < count; t++) {
        wanted += exact[t];
        int64_t upto = t == count - 1 ? (int64_t)1 << bits : (int64_t)(wanted * (1 << bits) + 0.5);
        weight[t] = (int32_t)(upto - given);
        given = upto;
    }
}

int fi_row(Row *row, const Taps *taps, int channels) {
    if (room_for(row, taps->out * channels, taps->most)) return 1;
    row->step = channels;
    row->bits = taps->most <= STEEP ? BITS : taps->most <= STEEPEST ? STEEP_BITS : FINE_BITS;
    row->way = taps->most <= STEEPEST ? best_way() : NULL;
    for (int i = 0; i < row->samples; i++) {
        int pixel = i / channels;
        int32_t *weight = row->weight + (size_t)i * row->most;
        row->count[i] = taps->count[pixel];
        row->first[i] = taps->first[pixel] * channels + i % channels;
        if (i % channels)
            memcpy(weight, weight - row->most, sizeof(int32_t) * (size_t)row->most);
        else
            fix(weight, taps->weight + (size_t)pixel * row->most, row->count[i], row->bits);
    }
    return row->way ? lay_out_all(row) : 0;
}

/* RGB to luma of ITU-R 601 as a row of its own: 0.299 R + 0.587 G + 0.114 B. */
int fi_gray_row(Row *row, int pixels) {
    static const float luma[3] = {0.299f, 0.587f, 0.114f};
    if (room_for(row, pixels, 3)) return 1;
    row->step = 1;
    row->bits = BITS;
    row->way = best_way();
    for (int i = 0; i < pixels; i++) {
        row->first[i] = 3 * i;
        row->count[i] = 3;
        fix(row->weight + 3 * (size_t)i, luma, 3, row->bits);
    }
    return row->way ? lay_out_all(row) : 0;
}

void fi_row_free(Row *row) {
    free(row->first);
    free(row->count);
    free(row->weight);
    free(row->base);
    free(row->mask);
    free(row->factor);
}
