//! Color conversion in plain Rust.

pub(in crate::kernels) fn ycc_to_rgb([y, cb, cr]: [&[u8]; 3], out: &mut [u8]) {
    // Factors in units of 1/65536. Each product is rounded on its own, except that the two of green
    // are rounded as a sum: so libjpeg's tables have it.
    const HALF: i32 = 1 << 15;
    for (((&y, &cb), &cr), rgb) in y.iter().zip(cb).zip(cr).zip(out.chunks_exact_mut(3)) {
        let (y, cb, cr) = (i32::from(y), i32::from(cb) - 128, i32::from(cr) - 128);
        rgb[0] = (y + ((91881 * cr + HALF) >> 16)).clamp(0, 255) as u8;
        rgb[1] = (y + ((-22554 * cb - 46802 * cr + HALF) >> 16)).clamp(0, 255) as u8;
        rgb[2] = (y + ((116130 * cb + HALF) >> 16)).clamp(0, 255) as u8;
    }
}

pub(in crate::kernels) fn interleave([r, g, b]: [&[u8]; 3], out: &mut [u8]) {
    for (((&r, &g), &b), rgb) in r.iter().zip(g).zip(b).zip(out.chunks_exact_mut(3)) {
        rgb.copy_from_slice(&[r, g, b]);
    }
}
