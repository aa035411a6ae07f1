/* libjpeg-turbo with its default settings, to RGB. */
#include <setjmp.h>
#include <stddef.h>
#include <stdio.h>

#include <jpeglib.h>

struct failure {
    struct jpeg_error_mgr manager;
    jmp_buf back;
};

static void fail(j_common_ptr info) { longjmp(((struct failure *)info->err)->back, 1); }
static void hush(j_common_ptr info, int level) { (void)info, (void)level; }

/* Decodes to `out`, which has room for `room` bytes, at 1/`denominator`; returns width << 32 | height, or 0. */
unsigned long long turbo_decode(const unsigned char *bytes, size_t length, unsigned denominator,
                                unsigned char *out, size_t room) {
    struct jpeg_decompress_struct info;
    struct failure failure;
    info.err = jpeg_std_error(&failure.manager);
    failure.manager.error_exit = fail;
    failure.manager.emit_message = hush;
    if (setjmp(failure.back)) {
        jpeg_destroy_decompress(&info);
        return 0;
    }
    jpeg_create_decompress(&info);
    jpeg_mem_src(&info, bytes, length);
    jpeg_read_header(&info, TRUE);
    info.out_color_space = JCS_RGB;
    info.scale_num = 1;
    info.scale_denom = denominator;
    jpeg_start_decompress(&info);
    size_t stride = (size_t)info.output_width * 3;
    if (stride * info.output_height > room) longjmp(failure.back, 1);
    while (info.output_scanline < info.output_height) {
        JSAMPROW rows[8];
        unsigned count = 0;
        for (; count < 8 && info.output_scanline + count < info.output_height; count++)
            rows[count] = out + (info.output_scanline + count) * stride;
        jpeg_read_scanlines(&info, rows, count);
    }
    unsigned long long size = (unsigned long long)info.output_width << 32 | info.output_height;
    long warnings = info.err->num_warnings;
    jpeg_finish_decompress(&info);
    jpeg_destroy_decompress(&info);
    return warnings ? 0 : size;
}

/* The coefficients of all blocks of component `which`, in natural order, row by row of blocks; returns
   columns << 32 | rows of blocks, or 0. */
unsigned long long turbo_coefficients(const unsigned char *bytes, size_t length, int which, short *out,
                                      size_t room) {
    struct jpeg_decompress_struct info;
    struct failure failure;
    info.err = jpeg_std_error(&failure.manager);
    failure.manager.error_exit = fail;
    failure.manager.emit_message = hush;
    if (setjmp(failure.back)) {
        jpeg_destroy_decompress(&info);
        return 0;
    }
    jpeg_create_decompress(&info);
    jpeg_mem_src(&info, bytes, length);
    jpeg_read_header(&info, TRUE);
    jvirt_barray_ptr *arrays = jpeg_read_coefficients(&info);
    jpeg_component_info *component = &info.comp_info[which];
    size_t columns = component->width_in_blocks, rows = component->height_in_blocks;
    if (columns * rows * 64 > room) longjmp(failure.back, 1);
    for (size_t row = 0; row < rows; row++) {
        JBLOCKARRAY line = info.mem->access_virt_barray((j_common_ptr)&info, arrays[which], row, 1, FALSE);
        for (size_t n = 0; n < columns * 64; n++) out[row * columns * 64 + n] = line[0][n / 64][n % 64];
    }
    unsigned long long size = (unsigned long long)columns << 32 | rows;
    jpeg_finish_decompress(&info);
    jpeg_destroy_decompress(&info);
    return size;
}
