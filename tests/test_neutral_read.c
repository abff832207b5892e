/* test_neutral_read.c: what is read is what the file holds, and the page cache holds afterwards what it held before. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "runtime/neutral_read.h"
#include "tests/check.h"

enum { MIB = 1 << 20, BYTES = 12 * MIB + 4321, PAGE = 4096, PAGES = (BYTES + PAGE - 1) / PAGE, STRAY_PAGES = 8 };

static char directory[4096];
static uint8_t *content; /* of the file */

static uint8_t byte_at(size_t i)
{
    return (uint8_t)(i * 31 + (i >> 9));
}

static int open_file(int flags)
{
    char path[4200];
    snprintf(path, sizeof path, "%s/neutral.bin", directory);
    int fd = open(path, flags | O_CLOEXEC, 0600);
    CHECK_THAT(fd >= 0, "%s", path);
    return fd;
}

/* Once. */
static void need_file(void)
{
    if (content)
        return;
    const char *base = getenv("CLOISTER_TEST_DIR");
    snprintf(directory, sizeof directory, "%s", base ? base : ".");
    content = aligned_alloc(PAGE, (size_t)PAGES * PAGE);
    for (size_t i = 0; i < BYTES; i++)
        content[i] = byte_at(i);
    int fd = open_file(O_WRONLY | O_CREAT | O_TRUNC);
    CHECK(write(fd, content, BYTES) == BYTES && fsync(fd) == 0);
    close(fd);
}

/* Pages of [offset, offset + bytes) that are in the page cache. */
static size_t cached_pages(size_t offset, size_t bytes)
{
    static unsigned char resident[PAGES];
    int fd = open_file(O_RDWR); /* the kernel tells nobody else */
    void *map = mmap(NULL, bytes, PROT_READ, MAP_SHARED, fd, (off_t)offset);
    size_t count = 0;
    CHECK(map != MAP_FAILED && mincore(map, bytes, resident) == 0);
    for (size_t i = 0; i < (bytes + PAGE - 1) / PAGE; i++)
        count += resident[i] & 1;
    munmap(map, bytes);
    close(fd);
    return count;
}

static void forget_file(void)
{
    int fd = open_file(O_RDONLY);
    posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    close(fd);
}

static void fill_cache(size_t bytes)
{
    int fd = open_file(O_RDONLY);
    uint8_t *copy = malloc(bytes);
    posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM); /* nothing behind it */
    CHECK(pread(fd, copy, bytes, 0) == (ssize_t)bytes);
    free(copy);
    close(fd);
}

/* The whole file, `step` bytes a time, compared. */
static void read_file(size_t step)
{
    struct rt_error error;
    struct rt_folder folder;
    struct rt_neutral file;
    uint64_t size;
    uint8_t *copy = aligned_alloc(PAGE, (size_t)PAGES * PAGE);
    CHECK_THAT(!rt_folder_open(&folder, directory, 10000, RT_EXIT_FAILED, "", &error), "%s", error.text);
    CHECK_THAT(!rt_neutral_open(&file, &size, &folder, "neutral.bin", &error) && size == BYTES, "%s", error.text);
    for (size_t at = 0; at < BYTES; at += step)
        CHECK(rt_neutral_read(&file, copy + at, BYTES - at < step ? BYTES - at : step, at) == 0);
    CHECK(memcmp(copy, content, BYTES) == 0);
    CHECK(rt_neutral_read(&file, copy, PAGE, BYTES - 7) == RT_READ_ENDED && rt_neutral_read(&file, copy, PAGE, 16 * MIB) == RT_READ_ENDED);
    rt_neutral_close(&file);
    CHECK(file.cached == -1 && file.direct == -1);
    rt_folder_close(&folder);
    free(copy);
}

static void what_is_read_is_the_file(void)
{
    static const size_t steps[] = {MIB, 4 * MIB, 12345, BYTES};
    need_file();
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        forget_file();
        read_file(steps[i]);
        fill_cache(BYTES);
        read_file(steps[i]);
    }
}

static void what_was_not_cached_is_not_left_behind(void)
{
    need_file();
    forget_file();
    if (cached_pages(0, BYTES) > 0)
        CHECK_SKIP("this file system keeps every page");
    read_file(MIB);
    size_t left = cached_pages(0, BYTES);
    CHECK_THAT(left <= STRAY_PAGES, "%zu pages", left);
}

static void what_was_cached_stays(void)
{
    need_file();
    forget_file();
    if (cached_pages(0, BYTES) > 0)
        CHECK_SKIP("this file system keeps every page");
    fill_cache(8 * MIB);
    CHECK(cached_pages(0, 8 * MIB) == 8 * MIB / PAGE);
    read_file(4 * MIB);
    size_t left = cached_pages(8 * MIB, BYTES - 8 * MIB);
    CHECK(cached_pages(0, 8 * MIB) == 8 * MIB / PAGE);
    CHECK_THAT(left <= STRAY_PAGES, "%zu pages", left);
}

CHECK_MAIN(CHECK_TEST(what_is_read_is_the_file), CHECK_TEST(what_was_not_cached_is_not_left_behind), CHECK_TEST(what_was_cached_stays))
