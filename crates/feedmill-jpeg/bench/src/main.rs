//! Compares feedmill-jpeg with libjpeg-turbo and zune-jpeg: pixels first, then times on one core.
//! The decoders take turns file by file.
//!
//! With `--check` in front of the paths only pixels are compared, but all of them: whole images and
//! 20 crops at every scale, with and without an index and vector code. `tests/goldens/jpeg_wide.py
//! MANY OUT` makes files of many kinds for it.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use feedmill_jpeg::simd::Avx2;
use feedmill_jpeg::{Decoder, Index, Limits, Rect, Scale, VerifiedRows, can_decode, header};

unsafe extern "C" {
    fn turbo_decode(
        bytes: *const u8,
        length: usize,
        denominator: u32,
        out: *mut u8,
        room: usize,
    ) -> u64;
    fn turbo_coefficients(
        bytes: *const u8,
        length: usize,
        which: i32,
        out: *mut i16,
        room: usize,
    ) -> u64;
}

/// Decodes a whole image with libjpeg-turbo at 1/`denominator` of its size. Returns width and
/// height, or `None` if it warns or fails.
fn turbo(bytes: &[u8], denominator: u32, out: &mut [u8]) -> Option<(u32, u32)> {
    // SAFETY: pointers and lengths are those of the slices.
    let size = unsafe {
        turbo_decode(
            bytes.as_ptr(),
            bytes.len(),
            denominator,
            out.as_mut_ptr(),
            out.len(),
        )
    };
    (size != 0).then_some(((size >> 32) as u32, size as u32))
}

fn zune(bytes: &[u8], out: &mut [u8]) {
    use zune_core::{bytestream::ZCursor, colorspace::ColorSpace, options::DecoderOptions};
    let options = DecoderOptions::default().jpeg_set_out_colorspace(ColorSpace::RGB);
    let mut decoder = zune_jpeg::JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder
        .decode_into(out)
        .expect("a image that libjpeg-turbo reads");
}

/// A simple generator of pseudo-random numbers in 0..1.
struct Random(u64);

impl Random {
    fn unit(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }

    fn below(&mut self, end: u32) -> u32 {
        (self.unit() * f64::from(end)) as u32
    }

    /// Draws a RandomResizedCrop: 0.08 to 1 of the area, with an aspect ratio of 3:4 to 4:3.
    fn crop(&mut self, width: u32, height: u32) -> Rect {
        let area = f64::from(width) * f64::from(height);
        for _ in 0..10 {
            let part = area * (0.08 + 0.92 * self.unit());
            let ratio = (0.75f64.ln() + (4.0f64 / 3.0 / 0.75).ln() * self.unit()).exp();
            let (w, h) = (
                (part * ratio).sqrt().round() as u32,
                (part / ratio).sqrt().round() as u32,
            );
            if (1..=width).contains(&w) && (1..=height).contains(&h) {
                return Rect {
                    left: self.below(width - w + 1),
                    top: self.below(height - h + 1),
                    width: w,
                    height: h,
                };
            }
        }
        Rect::whole(width, height)
    }
}

fn files(path: &Path, found: &mut Vec<PathBuf>) {
    if path.is_dir() {
        let mut inside: Vec<_> = std::fs::read_dir(path)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        inside.sort();
        inside.iter().for_each(|path| files(path, found));
    } else if path.extension().is_some_and(|extension| extension == "jpg") {
        found.push(path.to_owned());
    }
}

/// Allows every file of a benchmark.
const LIMITS: Limits = Limits::new(1 << 26, 100);

/// The ways to decode that are timed. Files of several scans have the first four only.
const WAYS: [&str; 7] = [
    "libjpeg-turbo, whole",
    "zune-jpeg, whole",
    "whole",
    "crop",
    "crop, index unverified",
    "crop, index verified",
    "index",
];

#[derive(Default)]
struct Sums {
    times: [Duration; WAYS.len()],
    pixels: u64,
    cropped: u64,
    bytes: u64,
    index: u64,
    files: u64,
}

fn main() {
    let mut paths: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    if paths
        .first()
        .is_some_and(|first| first.as_os_str() == "--check")
    {
        let mut found = Vec::new();
        paths[1..].iter().for_each(|path| files(path, &mut found));
        return check(&found);
    }
    if paths.is_empty() {
        paths.push("fixtures/photos".into());
    }
    for path in paths {
        let mut found = Vec::new();
        files(&path, &mut found);
        let (one, several): (Vec<PathBuf>, Vec<PathBuf>) = found
            .into_iter()
            .partition(|path| can_decode(&std::fs::read(path).unwrap()));
        report(&path, "sequential", &measure(&one, false));
        if !several.is_empty() {
            report(
                &path,
                "progressive or of several scans",
                &measure(&several, true),
            );
        }
    }
}

/// Compares pixels with libjpeg-turbo's. Files of several scans are decoded as they are and
/// rewritten as baseline files, whose coefficients are compared as well.
fn check(files: &[PathBuf]) {
    let mut decoders = [Decoder::with_simd(None), Decoder::with_simd(Avx2::detect())];
    let mut random = Random(0x0123_4567_89AB_CDEF);
    let (mut images, mut crops, mut rewritten, mut left_out) = (0, 0, 0, 0);
    for path in files {
        let original = std::fs::read(path).unwrap();
        let name = path.display();
        let baseline = decoders[1].to_baseline(&original, &LIMITS).unwrap();
        rewritten += u64::from(baseline.is_some());
        if let Some(baseline) = &baseline {
            let components = header(&original).unwrap().components;
            assert!(
                (0..components).all(|n| coefficients(&original, n) == coefficients(baseline, n)),
                "{name}"
            );
        }
        let bytes = baseline.as_deref().unwrap_or(&original);
        if !can_decode(bytes) {
            left_out += 1;
            continue;
        }
        let header = header(bytes).unwrap();
        let index = decoders[0].index(bytes).unwrap();
        assert!(decoders[1].index(bytes).unwrap() == index, "{name}");
        for scale in Scale::ALL {
            let (width, height) = (scale.side(header.width), scale.side(header.height));
            let mut theirs = vec![0; width as usize * height as usize * 3];
            // libjpeg-turbo decodes the original file, not the rewritten one.
            assert_eq!(
                turbo(&original, scale.divisor(), &mut theirs),
                Some((width, height)),
                "{name}"
            );
            for (n, decoder) in decoders.iter_mut().enumerate() {
                // The first is verified by the whole image, the second by one crop after the other.
                let mut verified = [VerifiedRows::default(); 2];
                let mut decode_by = |region: Rect, index: Option<Index<'_>>| {
                    let mut out = vec![0; region.width as usize * region.height as usize * 3];
                    match index {
                        Some(index) => decoder
                            .decode_with(bytes, region, scale, index, &mut out)
                            .unwrap(),
                        // By reading all coefficients first.
                        None => decoder
                            .decode_multi_scan(&original, &LIMITS, region, scale, &mut out)
                            .unwrap(),
                    }
                    out
                };
                assert!(
                    decode_by(Rect::whole(width, height), Some(Index::None)) == theirs,
                    "{name} {scale:?} {n}"
                );
                assert!(
                    decode_by(
                        Rect::whole(width, height),
                        Some(Index::Use(&index, &mut verified[0]))
                    ) == theirs,
                    "{name} {scale:?} {n}"
                );
                for nth in 0..20 {
                    let (left, top) = (random.below(width), random.below(height));
                    let columns = 1 + random.below(width - left);
                    let region = Rect {
                        left,
                        top,
                        width: columns,
                        height: 1 + random.below(height - top),
                    };
                    let row = |y: u32| {
                        &theirs[3 * (y as usize * width as usize + left as usize)..]
                            [..3 * columns as usize]
                    };
                    let crop: Vec<u8> = (top..top + region.height).flat_map(row).copied().collect();
                    assert!(
                        decode_by(region, Some(Index::None)) == crop,
                        "{name} {scale:?} {region:?} {n}"
                    );
                    assert!(
                        decode_by(region, Some(Index::Use(&index, &mut verified[nth % 2]))) == crop,
                        "{name} {scale:?} {region:?} {n}, index"
                    );
                    crops += 2;
                    if baseline.is_some() {
                        let found = decode_by(region, None);
                        assert!(
                            found == crop,
                            "{name} {scale:?} {region:?} {n}, several scans"
                        );
                        crops += 1;
                    }
                }
            }
        }
        images += 1;
    }
    println!(
        "{images} files equal, {rewritten} of them rewritten, {crops} crops, \
         {left_out} files not decoded"
    );
}

/// Returns the coefficients of a component, as libjpeg-turbo reads them.
fn coefficients(bytes: &[u8], component: u8) -> (u64, Vec<i16>) {
    let header = header(bytes).unwrap();
    let mut out = vec![0; (header.width as usize + 64) * (header.height as usize + 64)];
    // SAFETY: pointers and lengths are those of the slices.
    let size = unsafe {
        turbo_coefficients(
            bytes.as_ptr(),
            bytes.len(),
            component.into(),
            out.as_mut_ptr(),
            out.len(),
        )
    };
    assert_ne!(size, 0);
    (size, out)
}

fn measure(files: &[PathBuf], several: bool) -> Sums {
    let mut sums = Sums::default();
    let mut decoder = Decoder::new();
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    let (mut theirs, mut ours) = (Vec::new(), Vec::new());
    for path in files {
        let bytes = std::fs::read(path).unwrap();
        let Ok(header) = header(&bytes) else { continue };
        let (width, height) = (header.width, header.height);
        let pixels = width as usize * height as usize * 3;
        theirs.resize(pixels, 0);
        ours.resize(pixels, 0);
        let whole = Rect::whole(width, height);
        let decode = |decoder: &mut Decoder, region: Rect, out: &mut [u8]| match several {
            true => decoder.decode_multi_scan(&bytes, &LIMITS, region, Scale::Full, out),
            false => decoder.decode(&bytes, region, out),
        };
        if turbo(&bytes, 1, &mut theirs).is_none()
            || decode(&mut decoder, whole, &mut ours).is_err()
        {
            continue;
        }
        assert!(ours == theirs, "{}: other pixels", path.display());
        let index = if several {
            Vec::new()
        } else {
            decoder.index(&bytes).unwrap()
        };
        let mut known = VerifiedRows::default();
        if !several {
            let use_index = Index::Use(&index, &mut known);
            decoder
                .decode_with(&bytes, whole, Scale::Full, use_index, &mut ours)
                .unwrap();
        }
        // The better of two rounds counts, since other programs disturb some of them.
        let mut best = [Duration::MAX; WAYS.len()];
        let crop = random.crop(width, height);
        let area = crop.width as usize * crop.height as usize * 3;
        for _ in 0..2 {
            for (way, best) in
                best.iter_mut()
                    .enumerate()
                    .take(if several { 4 } else { WAYS.len() })
            {
                let start = Instant::now();
                match way {
                    0 => assert!(turbo(&bytes, 1, &mut theirs).is_some()),
                    1 => zune(&bytes, &mut theirs),
                    2 => decode(&mut decoder, whole, &mut ours).unwrap(),
                    3 => decode(&mut decoder, crop, &mut ours[..area]).unwrap(),
                    4 | 5 => {
                        let verified = if way == 4 {
                            &mut VerifiedRows::default()
                        } else {
                            &mut known
                        };
                        let use_index = Index::Use(&index, verified);
                        decoder
                            .decode_with(&bytes, crop, Scale::Full, use_index, &mut ours[..area])
                            .unwrap();
                    }
                    _ => drop(decoder.index(&bytes).unwrap()),
                }
                *best = start.elapsed().min(*best);
            }
        }
        for (sum, best) in sums
            .times
            .iter_mut()
            .zip(best)
            .filter(|(_, best)| *best < Duration::MAX)
        {
            *sum += best;
        }
        sums.pixels += pixels as u64 / 3;
        sums.cropped += area as u64 / 3;
        sums.bytes += bytes.len() as u64;
        sums.index += index.len() as u64;
        sums.files += 1;
    }
    sums
}

fn report(path: &Path, kind: &str, sums: &Sums) {
    println!(
        "{}: {} {kind} files, {:.1} bits per pixel, index {:.2} % of the bytes, \
         crops {:.0} % of the pixels",
        path.display(),
        sums.files,
        8.0 * sums.bytes as f64 / sums.pixels as f64,
        100.0 * sums.index as f64 / sums.bytes as f64,
        100.0 * sums.cropped as f64 / sums.pixels as f64,
    );
    for (name, time) in WAYS
        .iter()
        .zip(sums.times)
        .filter(|(_, time)| !time.is_zero())
    {
        let nanoseconds = time.as_nanos() as f64;
        println!(
            "  {name:22} {:8.1} us a file {:7.2} ns a pixel {:7.2} ns a byte {:6.2} x",
            nanoseconds / 1e3 / sums.files as f64,
            nanoseconds / sums.pixels as f64,
            nanoseconds / sums.bytes as f64,
            sums.times[0].as_nanos() as f64 / nanoseconds,
        );
    }
}
