//! Triangle filters in plain Rust.

pub(in crate::kernels) fn h2v1(input: &[u8], out: &mut [u8]) {
    for (window, pair) in input.windows(3).zip(out.chunks_exact_mut(2)) {
        let [last, this, next] = [window[0], window[1], window[2]].map(u32::from);
        pair[0] = ((3 * this + last + 1) >> 2) as u8;
        pair[1] = ((3 * this + next + 2) >> 2) as u8;
    }
}

pub(in crate::kernels) fn h2v2(near: &[u8], far: &[u8], out: &mut [u8]) {
    let windows = near.windows(3).zip(far.windows(3));
    for ((near, far), pair) in windows.zip(out.chunks_exact_mut(2)) {
        // Down first, without rounding; then across.
        let [last, this, next] = [0, 1, 2].map(|n| 3 * u32::from(near[n]) + u32::from(far[n]));
        pair[0] = ((3 * this + last + 8) >> 4) as u8;
        pair[1] = ((3 * this + next + 7) >> 4) as u8;
    }
}

pub(in crate::kernels) fn h1v2(near: &[u8], far: &[u8], bias: u8, out: &mut [u8]) {
    for ((&near, &far), out) in near.iter().zip(far).zip(out) {
        *out = ((3 * u32::from(near) + u32::from(far) + u32::from(bias)) >> 2) as u8;
    }
}
