/* RGB pictures to smaller or larger ones, to gray ones and to network input, row by row.
 *
 * For each row of the result: the rows of the picture under its taps are added up (down), the sum is made gray where
 * gray is wanted, and resized (across). So only rows that are needed are read, each once or twice, and nothing larger
 * than some rows is kept. */
#include <stdlib.h>
#include <string.h>

#include "kernels.h"
#include "resize.h"

enum { GRAY_CHUNK = 64, CHUNKS = 4, BATCH = 4 }; /* pixels, chunks and rows of the result at a time */

/* What turns the sums of a finished row into the caller's result. */
typedef struct {
    int h, w;
    uint8_t *bytes; /* (h, w, channels), or */
    float *planes;  /* (3, h, w) */
    float scale[3], shift[3];
    int plane_of[3]; /* of red, green and blue */
} Out;

typedef struct {
    const uint8_t *pixels;
    int64_t stride;
    int height, width;
} In;

typedef struct {
    Taps down, over;
    Row row, luma;
    int channels; /* that go across */
    uint8_t *colours;
    uint8_t *lines; /* BATCH of each */
    int32_t *sums;
    const uint8_t **rows;
} Work;

FI_HOT void fi_narrow(const int32_t *restrict sums, int bits, uint8_t *restrict out, size_t samples) {
    int32_t half = 1 << (bits - 1);
    for (size_t i = 0; i < samples; i++) out[i] = (uint8_t)((sums[i] + half) >> bits);
}

FI_HOT void fi_planes(const int32_t *restrict sums, float *restrict r, float *restrict g, float *restrict b,
                      const float *restrict scale, const float *restrict shift, size_t pixels) {
    for (size_t x = 0; x < pixels; x++) {
        r[x] = (float)sums[3 * x] * scale[0] + shift[0];
        g[x] = (float)sums[3 * x + 1] * scale[1] + shift[1];
        b[x] = (float)sums[3 * x + 2] * scale[2] + shift[2];
    }
}

static void finish(const Out *out, const Row *row, const int32_t *sums, int y) {
    size_t plane = (size_t)out->h * out->w, start = (size_t)y * out->w;
    if (out->bytes) {
        fi_narrow(sums, row->bits, out->bytes + (size_t)y * row->samples, (size_t)row->samples);
        return;
    }
    float scale[3], *planes[3];
    for (int c = 0; c < 3; c++) {
        scale[c] = out->scale[c] / (float)(1 << row->bits);
        planes[c] = out->planes + plane * out->plane_of[c] + start;
    }
    fi_planes(sums, planes[0], planes[1], planes[2], scale, out->shift, (size_t)out->w);
}

static void gray_row(const Row *luma, const uint8_t *from, uint8_t *to, int width) {
    enum { SOME = GRAY_CHUNK * CHUNKS };
    int32_t sums[SOME + PADDING];
    for (int x = 0; x < width; x += SOME) {
        int some = width - x < SOME ? width - x : SOME, chunks = (some + GRAY_CHUNK - 1) / GRAY_CHUNK;
        fi_across(luma, (Lines){chunks, from + 3 * (size_t)x, 3 * GRAY_CHUNK, sums, GRAY_CHUNK});
        fi_narrow(sums, luma->bits, to + x, (size_t)some);
    }
}

static void down_row(const In *in, const Work *work, int y, uint8_t *line) {
    const Taps *taps = &work->down;
    const uint8_t *first = in->pixels + in->stride * taps->first[y];
    uint8_t *colours = work->channels == 1 ? work->colours : line;
    for (int t = 0; t < taps->count[y]; t++) work->rows[t] = first + in->stride * t;
    fi_down(work->rows, taps->weight + (size_t)y * taps->most, taps->count[y], colours, 3 * (size_t)in->width);
    if (colours != line) gray_row(&work->luma, colours, line, in->width);
}

static int resize(const In *in, Work *work, const Out *out) {
    size_t line = (size_t)in->width * work->channels + PADDING, sums = (size_t)work->row.samples + PADDING;
    work->colours = calloc(1, 3 * ((size_t)in->width + GRAY_CHUNK) + PADDING);
    work->lines = calloc(BATCH, line);
    work->sums = malloc(sizeof(int32_t) * sums * BATCH);
    work->rows = malloc(sizeof *work->rows * (size_t)work->down.most);
    if (!work->colours || !work->lines || !work->sums || !work->rows) return 1;
    for (int y = 0; y < out->h; y += BATCH) {
        int some = out->h - y < BATCH ? out->h - y : BATCH;
        for (int i = 0; i < some; i++) down_row(in, work, y + i, work->lines + line * i);
        fi_across(&work->row, (Lines){some, work->lines, (ptrdiff_t)line, work->sums, (ptrdiff_t)sums});
        for (int i = 0; i < some; i++) finish(out, &work->row, work->sums + sums * i, y + i);
    }
    return 0;
}

static int resize_whole(const In *in, int channels, const Out *out) {
    Work work = {.channels = channels};
    int failed = fi_taps(&work.down, in->height, out->h) || fi_taps(&work.over, in->width, out->w) ||
                 fi_row(&work.row, &work.over, channels) || fi_gray_row(&work.luma, GRAY_CHUNK) ||
                 resize(in, &work, out);
    fi_taps_free(&work.down);
    fi_taps_free(&work.over);
    fi_row_free(&work.row);
    fi_row_free(&work.luma);
    free(work.colours);
    free(work.lines);
    free(work.sums);
    free(work.rows);
    return failed;
}

/* (height, width, 3) bytes, `stride` bytes from row to row, to (h, w, 3) bytes. 1: out of memory. */
FI_EXPORT int fi_shrink(const uint8_t *pixels, int64_t stride, int height, int width, uint8_t *bytes, int h, int w);

int fi_shrink(const uint8_t *pixels, int64_t stride, int height, int width, uint8_t *bytes, int h, int w) {
    In in = {pixels, stride, height, width};
    Out out = {.h = h, .w = w, .bytes = bytes};
    return resize_whole(&in, 3, &out);
}

/* The same to (h, w) bytes of luma. */
FI_EXPORT int fi_gray_shrink(const uint8_t *pixels, int64_t stride, int height, int width, uint8_t *bytes, int h,
                             int w);

int fi_gray_shrink(const uint8_t *pixels, int64_t stride, int height, int width, uint8_t *bytes, int h, int w) {
    In in = {pixels, stride, height, width};
    Out out = {.h = h, .w = w, .bytes = bytes};
    return resize_whole(&in, 1, &out);
}

/* The same to (3, h, w) floats: byte * scale + shift, by red, green and blue; blue's plane first if bgr. */
FI_EXPORT int fi_tensor(const uint8_t *pixels, int64_t stride, int height, int width, float *planes, int h, int w,
                        const float *scale, const float *shift, int bgr);

int fi_tensor(const uint8_t *pixels, int64_t stride, int height, int width, float *planes, int h, int w,
              const float *scale, const float *shift, int bgr) {
    In in = {pixels, stride, height, width};
    Out out = {.h = h, .w = w, .planes = planes};
    for (int c = 0; c < 3; c++) {
        out.scale[c] = scale[c];
        out.shift[c] = shift[c];
        out.plane_of[c] = bgr ? 2 - c : c;
    }
    return resize_whole(&in, 3, &out);
}
