//! What must hold for any bytes at all: the bodies of the fuzz targets, also run by `tests/fuzz.rs`.

use feedmill_jpeg::simd::Avx2;
use feedmill_jpeg::{Decoder, Error, Index, Limits, Rect, Scale, VerifiedRows, header};

/// Larger images would take the fuzzer's time for nothing.
const PIXELS: u64 = 1 << 18;

/// Numbers that depend on the data alone.
struct Random(u64);

impl Random {
    fn of(data: &[u8]) -> Random {
        // FNV-1a, never 0 in the generator below.
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

/// The size of a image that is worth decoding.
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

/// A file: vector code and plain code agree; a whole image has an index, and with it or without, at any scale, a region
/// is a crop of the whole.
pub fn jpeg(data: &[u8]) {
    let Some((width, height)) = size(data) else {
        return;
    };
    let mut decoders = [Decoder::with_simd(None), Decoder::with_simd(Avx2::detect())];
    let mut random = Random::of(data);
    let whole = Rect::whole(width, height);
    let region = random.region(width, height);
    let [plain, fast] = decoders
        .each_mut()
        .map(|d| decode(d, data, region, Scale::Full, Index::None));
    assert!(plain == fast, "{plain:?} {fast:?}");
    let [plain, fast] = decoders
        .each_mut()
        .map(|d| decode(d, data, whole, Scale::Full, Index::None));
    assert!(plain == fast, "{plain:?} {fast:?}");
    let indexes = decoders.each_mut().map(|d| d.index(data));
    assert!(indexes[0] == indexes[1]);
    assert_eq!(
        plain.is_ok(),
        indexes[0].is_ok(),
        "{:?} {:?}",
        plain.err(),
        indexes[0]
    );
    let (Ok(pixels), [Ok(index), _]) = (plain, indexes) else {
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
        // Nothing is known of the index first, then a part, then all.
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

/// An index and a file, whose border is in the first two bytes: an error or the pixels that there are without an index,
/// the same from both decoders and whatever was decoded before.
pub fn index(data: &[u8]) {
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
        let [plain, fast] = [0, 1].map(|n| found(n, &mut verified[n]));
        assert!(plain == fast, "{plain:?} {fast:?}");
        let anew = found(1, &mut VerifiedRows::default());
        assert_eq!(
            plain.is_ok(),
            anew.is_ok(),
            "{region:?}: {:?} {:?}",
            plain.err(),
            anew.err()
        );
        if plain.is_ok() {
            let expected = decode(&mut decoders[1], file, region, Scale::Full, Index::None);
            assert!(plain == expected && anew == expected, "{region:?}");
        }
    }
}

/// A file of several scans: vector code and plain code agree; what becomes a baseline file has the pixels of that, and it
/// stays as it is.
pub fn baseline(data: &[u8]) {
    let Some((width, height)) = size(data) else {
        return;
    };
    let limits = Limits {
        pixels: PIXELS,
        scans: 50,
    };
    let region = Random::of(data).region(width, height);
    let [plain, fast] =
        [Decoder::with_simd(None), Decoder::with_simd(Avx2::detect())].map(|mut decoder| {
            let mut out = vec![0; region.width as usize * region.height as usize * 3];
            decoder
                .decode_multi_scan(data, &limits, region, Scale::Full, &mut out)
                .map(|()| out)
        });
    assert!(plain == fast, "{plain:?} {fast:?}");
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
        assert!(plain == found, "{region:?}: {plain:?} {found:?}");
    }
}
