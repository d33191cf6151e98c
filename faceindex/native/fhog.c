/* dlib's frontal face detector on a gray picture: the same boxes and scores in a fraction of the time.
 *
 * The picture is shrunk by 5/6 again and again (shrink). On each size, level by level:
 *   strip      pixels -> gradients -> histograms of 18 orientations in cells of 8 x 8 pixels
 *   describe   histograms -> 31 features a cell (Felzenszwalb et al., PAMI 32(9), 2010, section 6)
 *   fft_row    features -> spectra along x, in tiles of 32 cells that overlap by 9
 *   fft_columns, multiply, back
 *              spectra along y, times those of the five 10 x 10 filters, and back to scores
 * then boxes are sorted by score and overlapping ones dropped. What dlib does and how it rounds was read in dlib's
 * fhog.h, interpolation.h, scan_fhog_pyramid.h and object_detector.h (20.0); no code was taken.
 *
 * Filtering by FFT costs a fifth of dlib's separable filters; it is exact but for rounding (1e-6 of a score).
 * A cell's 32 numbers, 31 features and a zero, are read as 16 complex numbers: features j and j + 16.
 */
#include "fhog_pyramid.h"

/* ---- From here on only scores are at stake, to 1e-5: products and sums may fuse. ---- */

#if defined(__clang__)
#pragma clang fp contract(fast)
#else
#pragma GCC optimize("fp-contract=fast")
#endif

#include "fhog_cells.h"
#include "fhog_fft.h"

/* ---- A level, row by row of cells: no more of it is in memory than a tile is high. ---- */

typedef struct {
    double left, top, right, bottom, score;
} Found;

typedef struct {
    Found *list;
    size_t count, room;
} Finds;

typedef struct {
    const float *weights;     /* (HALF, DETECTORS, 4, 16): U and V of each pair of planes, real and imaginary */
    const double *thresholds; /* (DETECTORS,) of the filters themselves */
    double min_score;
    Votes votes;
    Scratch *scratch;
    Finds finds;
} Detector;

typedef struct {
    Gray gray;
    int level;
    int cell_rows, cell_columns;  /* whole cells; features exist for all but the outermost */
    int tiles;                    /* tiles side by side */
    int next;                     /* rows of features pushed so far, zeros in front included */
    ptrdiff_t pitch;              /* of lengths and slots */
    float *lengths;               /* (8, pitch) */
    uint16_t *slots;              /* (8, pitch) */
    float *cells[3];              /* rows of histograms, a cell of margin on the left, more on the right */
    float *energies[2];
    float *most[2], *factor[2];   /* rows of corners */
    float *line;                  /* a row of features with zeros around */
    float *rows;                  /* (tiles, 32, PITCH): spectra of rows, as a ring */
    void *memory;
} Level;

static int whole_cells(int pixels) { return (int)((float)pixels / (float)CELL + 0.5f); }

typedef struct {
    char *memory; /* on a border of 64 bytes, or NULL to only count */
    size_t used;
} Arena;

static void *carve(Arena *from, size_t bytes) {
    void *here = from->memory ? from->memory + from->used : NULL;
    from->used += (bytes + 63) & ~(size_t)63;
    return here;
}

static char *aligned(void *memory) { return (char *)(((uintptr_t)memory + 63) & ~(uintptr_t)63); }

/* Lay out a level's memory, if there is any yet; how many bytes it takes. */
static size_t lay_out(Level *l, char *memory) {
    Arena at = {memory, 0};
    const size_t wide = (size_t)(l->cell_columns + 1 + ABREAST) * FEATURES * sizeof(float);
    const size_t plain = (size_t)(l->cell_columns + 16) * sizeof(float);
    l->lengths = carve(&at, (size_t)l->pitch * CELL * sizeof(float));
    l->slots = carve(&at, (size_t)l->pitch * CELL * sizeof(uint16_t));
    for (int i = 0; i < 3; i++) l->cells[i] = carve(&at, wide);
    for (int i = 0; i < 2; i++) {
        l->energies[i] = carve(&at, plain);
        l->most[i] = carve(&at, plain);
        l->factor[i] = carve(&at, plain);
    }
    l->line = carve(&at, (size_t)(l->tiles * STEP + WINDOW) * FEATURES * sizeof(float));
    l->rows = carve(&at, (size_t)l->tiles * TILE * PITCH * sizeof(float));
    return at.used;
}

static int open_level(Level *l, Gray gray, int level) {
    memset(l, 0, sizeof *l);
    l->gray = gray;
    l->level = level;
    l->cell_rows = whole_cells(gray.rows);
    l->cell_columns = whole_cells(gray.columns);
    if (l->cell_rows <= 2 || l->cell_columns <= 2) return 0;
    l->tiles = (l->cell_columns - 2 + STEP - 1) / STEP;
    l->pitch = (ptrdiff_t)(l->cell_columns + 1 + ABREAST) * CELL;
    const size_t bytes = lay_out(l, NULL);
    if (!(l->memory = calloc(bytes + 64, 1))) return -1;
    lay_out(l, aligned(l->memory));
    return 1;
}

/* dlib's way from a place in the map of features to pixels of its level. */
static double to_pixel(int place) {
    const int corner = (place + 1 - BEFORE) * CELL + 1;
    return corner + (corner >= 0 ? CELL / 2 : -CELL / 2);
}

static double to_picture(double pixel, int level) {
    for (int i = 0; i < level; i++) pixel = pixel * (6 / 5.0) + 0.3;
    return (double)lround(pixel);
}

static int keep(Finds *finds, Found one) {
    if (finds->count == finds->room) {
        const size_t room = finds->room ? 2 * finds->room : 256;
        Found *more = realloc(finds->list, room * sizeof *more);
        if (!more) return -1;
        finds->list = more;
        finds->room = room;
    }
    finds->list[finds->count++] = one;
    return 0;
}

static Found found_at(int row, int column, int level, double score) {
    return (Found){to_picture(to_pixel(column), level), to_picture(to_pixel(row), level),
                   to_picture(to_pixel(column + WINDOW - 1), level), to_picture(to_pixel(row + WINDOW - 1), level), score};
}

/* Scores of a column of a tile that reach the threshold; the ring's rows begin at `first`. */
static int keep_column(Detector *d, const Level *l, const float *scores, int first, int rows, int column, int detector) {
    const double threshold = d->thresholds[detector];
    float best = scores[0];
    for (int i = 1; i < TILE; i++) best = scores[i] > best ? scores[i] : best;
    if (!(best >= threshold + d->min_score)) return 0;
    for (int row = 0; row < rows; row++) {
        const float score = scores[(first + row) & (TILE - 1)];
        if (score >= threshold + d->min_score &&
            keep(&d->finds, found_at(first + row, column, l->level, score - threshold)))
            return -1;
    }
    return 0;
}

/* The scores of a row of tiles whose features begin at padded row `first`. */
static int scan_tiles(Detector *d, const Level *l, int first) {
    const int rows = l->cell_rows - 2 - first < STEP ? l->cell_rows - 2 - first : STEP;
    Scratch *s = d->scratch;
    for (int tile = 0; tile < l->tiles; tile++) {
        const int left = tile * STEP;
        const int columns = l->cell_columns - 2 - left < STEP ? l->cell_columns - 2 - left : STEP;
        fft_columns(l->rows + (size_t)tile * TILE * PITCH, s->spectrum);
        multiply(s->spectrum, d->weights, s->re, s->im);
        back(s);
        for (int detector = 0; detector < DETECTORS; detector++)
            for (int x = 0; x < columns; x++)
                if (keep_column(d, l, s->scores[detector][x], first, rows, left + x, detector)) return -1;
    }
    return 0;
}

/* Take the row of features in l->line, NULL for zeros; scan when a tile is full. The ring is never turned back:
 * a signal shifted in a circle gives scores shifted in a circle. */
static int push_row(Detector *d, Level *l, const float *line) {
    const int slot = l->next & (TILE - 1);
    for (int tile = 0; tile < l->tiles; tile++) {
        float *to = l->rows + ((size_t)tile * TILE + slot) * PITCH;
        if (line)
            fft_row(line + (size_t)tile * STEP * FEATURES, to);
        else
            memset(to, 0, PITCH * sizeof *to);
    }
    const int first = ++l->next - TILE;
    return first >= 0 && first % STEP == 0 && first < l->cell_rows - 2 ? scan_tiles(d, l, first) : 0;
}

/* Votes of the pixel rows 8 j - 4 to 8 j + 3 into cell rows j - 1 and j. */
static void vote(Detector *d, Level *l, int j) {
    const Gray g = l->gray;
    const int rows = l->cell_rows * CELL < g.rows ? l->cell_rows * CELL : g.rows;
    const int columns = l->cell_columns * CELL < g.columns ? l->cell_columns * CELL : g.columns;
    for (int i = 0; i < CELL; i++) {
        const int y = j * CELL - CELL / 2 + i;
        float *lengths = l->lengths + i * l->pitch;
        if (y < 1 || y >= rows - 1) {
            memset(lengths, 0, (size_t)l->pitch * sizeof *lengths); /* the outermost pixels have no gradient */
            continue;
        }
        const uint8_t *row = g.pixels + y * g.stride + 1;
        gradients(row - g.stride, row, row + g.stride, columns - 2, lengths + CELL / 2 + 1,
                  l->slots + i * l->pitch + CELL / 2 + 1);
    }
    strip(&d->votes, l->lengths, l->slots, l->pitch, l->cell_columns + 1, l->cells[(j + 2) % 3], l->cells[j % 3]);
}

/* Cell row m has all its votes: its energies, then the features of the row above it. */
static int finish_row(Detector *d, Level *l, int m) {
    const int now = m & 1, count = l->cell_columns;
    finish_cells(l->cells[m % 3] + FEATURES, count, l->energies[now]);
    if (m == 0) return 0;
    corners(l->energies[!now], l->energies[now], count - 1, l->most[now], l->factor[now]);
    if (m == 1) return 0;
    const float *most[2] = {l->most[!now], l->most[now]}, *factor[2] = {l->factor[!now], l->factor[now]};
    describe(l->cells[(m - 1) % 3] + 2 * FEATURES, count - 2, most, factor, l->line + BEFORE * FEATURES);
    return push_row(d, l, l->line);
}

static int scan_level(Detector *d, Level *l) {
    for (int i = 0; i < BEFORE; i++)
        if (push_row(d, l, NULL)) return -1;
    for (int j = 0; j <= l->cell_rows; j++) {
        vote(d, l, j);
        if (j > 0 && finish_row(d, l, j - 1)) return -1;
    }
    const int bands = (l->cell_rows - 2 + STEP - 1) / STEP;
    while (l->next < (bands - 1) * STEP + TILE)
        if (push_row(d, l, NULL)) return -1;
    return 0;
}

/* ---- All levels, then the best boxes. ---- */

static int count_levels(int rows, int columns) {
    long left = 0, top = 0, right = columns - 1, bottom = rows - 1;
    int levels = 0;
    do {
        left = lround((left - 0.3) * (5.0 / 6));
        top = lround((top - 0.3) * (5.0 / 6));
        right = lround((right - 0.3) * (5.0 / 6));
        bottom = lround((bottom - 0.3) * (5.0 / 6));
        levels++;
    } while (right - left + 1 >= MIN_LAYER && bottom - top + 1 >= MIN_LAYER && levels < MAX_LEVELS);
    return levels;
}

static int scan_one(Detector *d, Gray gray, int level) {
    Level l;
    const int opened = open_level(&l, gray, level);
    const int failed = opened < 0 || (opened > 0 && scan_level(d, &l));
    free(l.memory);
    return failed ? -1 : 0;
}

/* Memory for two shrunk pictures, used in turn, and for shrinking. */
typedef struct {
    uint8_t *pictures[2];
    Shrinker plan;
    void *memory;
} Shrunk;

static int open_shrunk(Shrunk *s, int rows, int columns) {
    const size_t wide = (size_t)columns + 32, area = (size_t)(rows * 5L / 6 + 1) * (size_t)(columns * 5L / 6 + 32);
    const size_t next = (size_t)(rows * 25L / 36 + 2) * (size_t)(columns * 25L / 36 + 33);
    s->memory = malloc(area + next + wide * (4 + 4 + 2 + 2 + 16) + 64 * 9);
    if (!s->memory) return -1;
    Arena at = {aligned(s->memory), 0};
    s->plan.left = carve(&at, wide * 4);
    s->plan.right_part = carve(&at, wide * 4);
    s->plan.pick = carve(&at, wide * 2);
    memset(s->plan.pick, 0, wide * 2);
    s->plan.near = carve(&at, wide * 2);
    for (int i = 0; i < 2; i++) s->plan.lines[i] = carve(&at, wide * 8);
    s->pictures[0] = carve(&at, area);
    s->pictures[1] = carve(&at, next);
    return 0;
}

static int scan_pyramid(Detector *d, Gray gray) {
    const int levels = count_levels(gray.rows, gray.columns);
    Shrunk s = {0};
    if (levels > 1 && open_shrunk(&s, gray.rows, gray.columns)) return -1;
    int failed = scan_one(d, gray, 0);
    for (int level = 1; level < levels && !failed; level++) {
        const int rows = (int)(5L * gray.rows / 6), columns = (int)(5L * gray.columns / 6);
        uint8_t *to = s.pictures[!(level & 1)];
        shrink(&s.plan, gray, to, rows, columns, columns + 16);
        gray = (Gray){to, rows, columns, columns + 16};
        failed = scan_one(d, gray, level);
    }
    free(s.memory);
    return failed;
}

static int by_score(const void *a, const void *b) {
    const double x = ((const Found *)a)->score, y = ((const Found *)b)->score;
    return (x < y) - (x > y);
}

static double area_of(double width, double height) { return width > 0 && height > 0 ? width * height : 0; }

static int overlap(const Found *a, const Found *b, double most_joint, double most_covered) {
    const double both = area_of(fmin(a->right, b->right) - fmax(a->left, b->left) + 1,
                                fmin(a->bottom, b->bottom) - fmax(a->top, b->top) + 1);
    const double around = area_of(fmax(a->right, b->right) - fmin(a->left, b->left) + 1,
                                  fmax(a->bottom, b->bottom) - fmin(a->top, b->top) + 1);
    const double one = area_of(a->right - a->left + 1, a->bottom - a->top + 1);
    const double other = area_of(b->right - b->left + 1, b->bottom - b->top + 1);
    return both > 0 && (both / around > most_joint || both / one > most_covered || both / other > most_covered);
}

/* Drop boxes that overlap a better one; those left are in front. */
static size_t suppress(Finds *f, double most_joint, double most_covered) {
    size_t kept = 0;
    qsort(f->list, f->count, sizeof *f->list, by_score);
    for (size_t i = 0; i < f->count; i++) {
        size_t j = 0;
        while (j < kept && !overlap(&f->list[j], &f->list[i], most_joint, most_covered)) j++;
        if (j == kept) f->list[kept++] = f->list[i];
    }
    return kept;
}

FI_EXPORT int64_t fi_hog_detect(const uint8_t *gray, int64_t rows, int64_t columns, int64_t stride,
                                const float *weights, const double *limits, double min_score, double **boxes);
FI_EXPORT void fi_hog_free(double *boxes);
FI_EXPORT void fi_hog_gradients(const uint8_t *above, const uint8_t *row, const uint8_t *below, int64_t count,
                                float *lengths, uint16_t *slots);

/* The faces of a gray picture, best first: how many, and *boxes, five doubles each (left, top, right, bottom, score),
 * to be given to fi_hog_free; -1 without memory. `limits`: five thresholds, then how much of their bounding box two
 * boxes may share, and how much of one box another may cover. */
int64_t fi_hog_detect(const uint8_t *gray, int64_t rows, int64_t columns, int64_t stride, const float *weights,
                      const double *limits, double min_score, double **boxes) {
    Detector d = {.weights = weights, .thresholds = limits, .min_score = min_score};
    *boxes = NULL;
    if (rows < 1 || columns < 1 || rows > MAX_SIDE || columns > MAX_SIDE) return 0;
    void *memory = malloc(sizeof(Scratch) + 64);
    if (!memory) return -1;
    d.scratch = (Scratch *)aligned(memory);
    fill_votes(&d.votes);
    const int failed = scan_pyramid(&d, (Gray){gray, (int)rows, (int)columns, (ptrdiff_t)stride});
    free(memory);
    if (failed || !d.finds.count) {
        free(d.finds.list);
        return failed ? -1 : 0;
    }
    *boxes = (double *)d.finds.list;
    return (int64_t)suppress(&d.finds, limits[DETECTORS], limits[DETECTORS + 1]);
}

void fi_hog_free(double *boxes) { free(boxes); }

/* For tests: the gradients of `count` pixels that stand between others; room for three more in lengths. */
void fi_hog_gradients(const uint8_t *above, const uint8_t *row, const uint8_t *below, int64_t count, float *lengths,
                      uint16_t *slots) {
    gradients(above, row, below, (int)count, lengths, slots);
}
