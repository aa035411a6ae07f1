//! What must hold for any bytes: the bodies of the fuzz targets, which `tests/fuzz.rs` runs as
//! well.

use feedmill_jpeg::simd::Avx2;
use feedmill_jpeg::{Decoder, Error, Index, Limits, Rect, Scale, VerifiedRows, header};

/// Larger images are left out: they would slow the fuzzer down and find nothing new.
const PIXELS: u64 = 1 << 18;

/// A generator of pseudo-random numbers that depend on the data alone.
struct Random(u64);

impl Random {
    fn of(data: &[u8]) -> Random {
        // FNV-1a, made odd since the generator below must not start at 0.
        let hash = data.iter().fold(0xCBF2_9CE4_8422_2325u64, |state, &byte| {
            (state ^ u64::from(byte)).wrapping_mul(0x100_0000_01B3)
        });
        Random(hash | 1)
    }

    fn below(&mut self, end: u32) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 33) as u32 % end
    }

    fn span(&mut self, size: u32) -> (u32, u32) {
        let start = self.below(size);
        (start, 1 + self.below(size - start))
    }

    fn region(&mut self, width: u32, height: u32) -> Rect {
        let ((left, width), (top, height)) = (self.span(width), self.span(height));
        Rect {
            left,
            top,
            width,
            height,
        }
    }
}

/// Returns the size of an image that is worth decoding.
fn size(data: &[u8]) -> Option<(u32, u32)> {
    let header = header(data).ok()?;
    let pixels = u64::from(header.width) * u64::from(header.height);
    (pixels <= PIXELS).then_some((header.width, header.height))
}

fn decode(
    decoder: &mut Decoder,
    data: &[u8],
    region: Rect,
    scale: Scale,
    index: Index<'_>,
) -> Result<Vec<u8>, Error> {
    let mut out = vec![0; region.width as usize * region.height as usize * 3];
    decoder
        .decode_with(data, region, scale, index, &mut out)
        .map(|()| out)
}

fn crop(pixels: &[u8], width: u32, region: Rect) -> Vec<u8> {
    let row = |y: u32| {
        let start = 3 * (y as usize * width as usize + region.left as usize);
        &pixels[start..start + 3 * region.width as usize]
    };
    (region.top..region.top + region.height)
        .flat_map(row)
        .copied()
        .collect()
}

/// Target `jpeg`, any file: vector code and scalar code agree, an image that decodes has an index,
/// and a region is a crop of the whole image, with the index and without, at any scale.
pub(crate) fn jpeg(data: &[u8]) {
    let Some((width, height)) = size(data) else {
        return;
    };
    let mut decoders = [Decoder::with_simd(None), Decoder::with_simd(Avx2::detect())];
    let mut random = Random::of(data);
    let whole = Rect::whole(width, height);
    let region = random.region(width, height);
    let [scalar, vector] = decoders
        .each_mut()
        .map(|d| decode(d, data, region, Scale::Full, Index::None));
    assert!(scalar == vector, "{scalar:?} {vector:?}");
    let [scalar, vector] = decoders
        .each_mut()
        .map(|d| decode(d, data, whole, Scale::Full, Index::None));
    assert!(scalar == vector, "{scalar:?} {vector:?}");
    let indexes = decoders.each_mut().map(|d| d.index(data));
    assert!(indexes[0] == indexes[1]);
    assert_eq!(
        scalar.is_ok(),
        indexes[0].is_ok(),
        "{:?} {:?}",
        scalar.err(),
        indexes[0]
    );
    let (Ok(pixels), [Ok(index), _]) = (scalar, indexes) else {
        return;
    };
    for (n, decoder) in decoders.iter_mut().enumerate() {
        let mut check = |region: Rect, index: Index<'_>| {
            let found = decode(decoder, data, region, Scale::Full, index);
            assert!(
                found.as_ref() == Ok(&crop(&pixels, width, region)),
                "{region:?}, decoder {n}: {found:?}"
            );
        };
        check(region, Index::None);
        // At first nothing of the index is verified, then a part, then all of it.
        let mut verified = VerifiedRows::default();
        for region in [region, random.region(width, height), whole, region] {
            check(region, Index::Use(&index, &mut verified));
        }
    }
    let scale = Scale::ALL[1 + random.below(3) as usize];
    let (width, height) = (scale.side(width), scale.side(height));
    let small = decode(
        &mut decoders[0],
        data,
        Rect::whole(width, height),
        scale,
        Index::None,
    )
    .unwrap();
    let region = random.region(width, height);
    let use_index = Index::Use(&index, &mut VerifiedRows::default());
    let found = decode(&mut decoders[1], data, region, scale, use_index).unwrap();
    assert!(
        found == crop(&small, width, region),
        "{region:?} at {scale:?}"
    );
}

/// Target `index`, an index and a file, with the length of the index in the first two bytes: the
/// result is an error or the pixels that there are without an index. Both decoders agree, and it
/// does not matter what was decoded before.
pub(crate) fn index(data: &[u8]) {
    let Some((&border, rest)) = data.split_first_chunk::<2>() else {
        return;
    };
    let border = usize::from(u16::from_le_bytes(border)).min(rest.len());
    let (index, file) = rest.split_at(border);
    let Some((width, height)) = size(file) else {
        return;
    };
    let mut decoders = [Decoder::with_simd(None), Decoder::with_simd(Avx2::detect())];
    let mut random = Random::of(data);
    let mut verified = [VerifiedRows::default(); 2];
    let regions = [
        random.region(width, height),
        random.region(width, height),
        Rect::whole(width, height),
    ];
    for region in regions {
        let mut found = |n: usize, verified: &mut VerifiedRows| {
            decode(
                &mut decoders[n],
                file,
                region,
                Scale::Full,
                Index::Use(index, verified),
            )
        };
        let [scalar, vector] = [0, 1].map(|n| found(n, &mut verified[n]));
        assert!(scalar == vector, "{scalar:?} {vector:?}");
        let anew = found(1, &mut VerifiedRows::default());
        assert_eq!(
            scalar.is_ok(),
            anew.is_ok(),
            "{region:?}: {:?} {:?}",
            scalar.err(),
            anew.err()
        );
        if scalar.is_ok() {
            let expected = decode(&mut decoders[1], file, region, Scale::Full, Index::None);
            assert!(scalar == expected && anew == expected, "{region:?}");
        }
    }
}

/// Target `baseline`, a file of several scans: vector code and scalar code agree, and if it can be
/// rewritten, the baseline file has the same pixels and is not rewritten again.
pub(crate) fn baseline(data: &[u8]) {
    let Some((width, height)) = size(data) else {
        return;
    };
    let limits = Limits::new(PIXELS, 50);
    let region = Random::of(data).region(width, height);
    let [scalar, vector] =
        [Decoder::with_simd(None), Decoder::with_simd(Avx2::detect())].map(|mut decoder| {
            let mut out = vec![0; region.width as usize * region.height as usize * 3];
            decoder
                .decode_multi_scan(data, &limits, region, Scale::Full, &mut out)
                .map(|()| out)
        });
    assert!(scalar == vector, "{scalar:?} {vector:?}");
    if let Ok(Some(baseline)) = Decoder::new().to_baseline(data, &limits) {
        assert!(matches!(
            Decoder::new().to_baseline(&baseline, &limits),
            Ok(None)
        ));
        let found = decode(
            &mut Decoder::new(),
            &baseline,
            region,
            Scale::Full,
            Index::None,
        );
        assert!(scalar == found, "{region:?}: {scalar:?} {found:?}");
    }
}
