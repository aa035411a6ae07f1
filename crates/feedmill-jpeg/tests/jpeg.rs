//! The decoder against golden hashes, against itself, and against damaged files.

#[path = "../../../tests/common/random.rs"]
mod random;

use std::fs;
use std::path::PathBuf;

use feedmill_jpeg::simd::Avx2;
use feedmill_jpeg::{Decoder, Error, ErrorKind, Index, Limits, Rect, Scale, VerifiedRows, header};
use random::Random;

fn folder() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "../../fixtures", "jpeg"]
        .iter()
        .collect()
}

fn lines(name: &str) -> String {
    fs::read_to_string(folder().join(name)).unwrap()
}

/// Name, file, and size and pixel hash unless the file is to be refused.
type Fixture = (String, Vec<u8>, Option<(u32, u32, u64)>);

fn fixtures() -> Vec<Fixture> {
    let golden = lines("golden.txt") + &lines("wide/golden.txt");
    let fixture = |line: &str| {
        let words: Vec<&str> = line.split(' ').collect();
        let bytes = fs::read(folder().join(format!("{}.jpg", words[0]))).unwrap();
        let expected = (words.len() >= 4).then(|| {
            let hash = u64::from_str_radix(words[3], 16).unwrap();
            (words[1].parse().unwrap(), words[2].parse().unwrap(), hash)
        });
        (words[0].to_owned(), bytes, expected)
    };
    golden.lines().map(fixture).collect()
}

fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xCBF2_9CE4_8422_2325, |state, &byte| {
        (state ^ u64::from(byte)).wrapping_mul(0x100_0000_01B3)
    })
}

fn decode(decoder: &mut Decoder, bytes: &[u8], region: Option<Rect>) -> Result<Vec<u8>, Error> {
    let header = header(bytes)?;
    let whole = Rect {
        left: 0,
        top: 0,
        width: header.width,
        height: header.height,
    };
    let region = region.unwrap_or(whole);
    let mut out = vec![0x5A; (region.width * region.height * 3) as usize];
    decoder.decode(bytes, region, &mut out).map(|()| out)
}

fn decode_with(
    decoder: &mut Decoder,
    bytes: &[u8],
    region: Rect,
    index: Index<'_>,
) -> Result<Vec<u8>, Error> {
    let mut out = vec![0x5A; (region.width * region.height * 3) as usize];
    decoder
        .decode_with(bytes, region, Scale::Full, index, &mut out)
        .map(|()| out)
}

/// Where a part begins, and its length.
fn span(random: &mut Random, size: u32) -> (u32, u32) {
    let start = random.below(size as usize) as u32;
    (start, 1 + random.below((size - start) as usize) as u32)
}

#[test]
fn pixels_equal_libjpeg_turbo() {
    for simd in [None, Avx2::detect()] {
        // One decoder for all files: nothing may leak from one to the next.
        let mut decoder = Decoder::with_simd(simd);
        for (name, bytes, expected) in fixtures() {
            let result = decode(&mut decoder, &bytes, None);
            let Some((width, height, hash)) = expected else {
                assert_eq!(result.unwrap_err().kind(), ErrorKind::Unsupported, "{name}");
                continue;
            };
            let header = header(&bytes).unwrap();
            assert_eq!((header.width, header.height), (width, height), "{name}");
            assert_eq!(fnv1a(&result.unwrap()), hash, "{name}, simd {simd:?}");
        }
    }
}

#[test]
fn regions_equal_crops() {
    let mut random = Random(0x1357_9BDF_0246_8ACE);
    let mut decoders = [Decoder::with_simd(None), Decoder::with_simd(Avx2::detect())];
    for (name, bytes, expected) in fixtures() {
        let Some((width, height, _)) = expected else {
            continue;
        };
        let whole = decode(&mut decoders[0], &bytes, None).unwrap();
        let index = decoders[0].index(&bytes).unwrap();
        let mut verified = VerifiedRows::default();
        for n in 0..if width > 100 { 12 } else { 40 } {
            let (left, columns) = span(&mut random, width);
            let (top, rows) = span(&mut random, height);
            let region = Rect {
                left,
                top,
                width: columns,
                height: rows,
            };
            let row = |y: u32| {
                let at = 3 * (y * width + left) as usize;
                &whole[at..at + 3 * columns as usize]
            };
            let crop: Vec<u8> = (top..top + rows).flat_map(row).copied().collect();
            let decoder = &mut decoders[n % 2];
            let pixels = decode(decoder, &bytes, Some(region)).unwrap();
            assert!(pixels == crop, "{name}, {region:?}");
            // An index of which nothing is known, and one that was of use before.
            for verified in [&mut VerifiedRows::default(), &mut verified] {
                let pixels =
                    decode_with(decoder, &bytes, region, Index::Use(&index, verified)).unwrap();
                assert!(pixels == crop, "{name}, {region:?} with an index");
            }
        }
    }
}

#[test]
fn scaled_pixels_equal_libjpeg_turbo_and_their_regions_are_crops() {
    let mut random = Random(0x1234_5678_9ABC_DEF1);
    let mut decoders = [Decoder::with_simd(None), Decoder::with_simd(Avx2::detect())];
    let text = lines("scaled.txt") + &lines("wide/golden.txt");
    for line in text.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let bytes = fs::read(folder().join(format!("{}.jpg", words[0]))).unwrap();
        let header = header(&bytes).unwrap();
        let index = decoders[0].index(&bytes).unwrap();
        for (scale, hash) in Scale::ALL[1..].iter().zip(&words[words.len() - 3..]) {
            let (width, height) = (scale.side(header.width), scale.side(header.height));
            let decode = |decoder: &mut Decoder, region: Rect, index: Index<'_>| {
                let mut out = vec![0; (region.width * region.height * 3) as usize];
                decoder
                    .decode_with(&bytes, region, *scale, index, &mut out)
                    .unwrap();
                out
            };
            let whole = decode(&mut decoders[0], Rect::whole(width, height), Index::None);
            let mut verified = VerifiedRows::default();
            assert_eq!(
                format!("{:016x}", fnv1a(&whole)),
                *hash,
                "{} {scale:?}",
                words[0]
            );
            for n in 0..8 {
                let (left, columns) = span(&mut random, width);
                let (top, rows) = span(&mut random, height);
                let region = Rect {
                    left,
                    top,
                    width: columns,
                    height: rows,
                };
                let row =
                    |y: u32| &whole[3 * (y * width + left) as usize..][..3 * columns as usize];
                let crop: Vec<u8> = (top..top + rows).flat_map(row).copied().collect();
                let index = if n < 4 {
                    Index::Use(&index, &mut verified)
                } else {
                    Index::None
                };
                assert!(
                    decode(&mut decoders[n % 2], region, index) == crop,
                    "{} {scale:?} {region:?}",
                    words[0]
                );
            }
        }
    }
}

/// Name, bytes, size and pixel hash of each file of several scans.
fn of_several_scans() -> Vec<(String, Vec<u8>, [u32; 2], String)> {
    let text = lines("progressive/golden.txt");
    let file = |line: &str| {
        let words: Vec<&str> = line.split(' ').collect();
        let bytes = fs::read(folder().join("progressive").join(words[0])).unwrap();
        (
            words[0].to_owned(),
            bytes,
            [1, 2].map(|n| words[n].parse().unwrap()),
            words[3].to_owned(),
        )
    };
    text.lines().map(file).collect()
}

const LIMITS: Limits = Limits::new(1 << 20, 100);

fn decode_scans(
    decoder: &mut Decoder,
    bytes: &[u8],
    region: Rect,
    scale: Scale,
) -> Result<Vec<u8>, Error> {
    let mut out = vec![0x5A; (region.width * region.height * 3) as usize];
    decoder
        .decode_multi_scan(bytes, &LIMITS, region, scale, &mut out)
        .map(|()| out)
}

#[test]
fn files_of_several_scans_have_libjpeg_turbos_pixels() {
    let mut random = Random(0x2468_ACE0_1357_9BDF);
    let mut decoders = [Decoder::with_simd(None), Decoder::with_simd(Avx2::detect())];
    for (name, bytes, [width, height], hash) in of_several_scans() {
        let baseline = Decoder::new()
            .to_baseline(&bytes, &LIMITS)
            .unwrap()
            .unwrap();
        for decoder in &mut decoders {
            let whole =
                decode_scans(decoder, &bytes, Rect::whole(width, height), Scale::Full).unwrap();
            assert_eq!(format!("{:016x}", fnv1a(&whole)), hash, "{name}");
            for scale in Scale::ALL {
                for _ in 0..10 {
                    let (left, columns) = span(&mut random, scale.side(width));
                    let (top, rows) = span(&mut random, scale.side(height));
                    let region = Rect {
                        left,
                        top,
                        width: columns,
                        height: rows,
                    };
                    let found = decode_scans(decoder, &bytes, region, scale).unwrap();
                    let mut expected = vec![0; found.len()];
                    decoder
                        .decode_with(&baseline, region, scale, Index::None, &mut expected)
                        .unwrap();
                    assert!(found == expected, "{name} {scale:?} {region:?}");
                }
            }
        }
        let corner = Rect::whole(1, 1);
        for length in (0..bytes.len()).step_by(9) {
            let error =
                decode_scans(&mut decoders[1], &bytes[..length], corner, Scale::Full).unwrap_err();
            assert_eq!(
                error.kind(),
                ErrorKind::Truncated,
                "{name} cut at {length}: {error}"
            );
        }
        let small = Limits::new(u64::from(width * height) - 1, LIMITS.scans);
        let error = decoders[0]
            .decode_multi_scan(&bytes, &small, corner, Scale::Full, &mut [0; 3])
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Limit, "{name}");
    }
    for (name, bytes, expected) in fixtures() {
        if expected.is_some() {
            let error =
                decode_scans(&mut decoders[0], &bytes, Rect::whole(1, 1), Scale::Full).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unsupported, "{name}");
        }
    }
}

#[test]
fn progressive_files_made_baseline_have_libjpeg_turbos_pixels() {
    let mut decoder = Decoder::new();
    for (name, bytes, size, hash) in of_several_scans() {
        let baseline = Decoder::new()
            .to_baseline(&bytes, &LIMITS)
            .unwrap()
            .unwrap();
        let header = header(&baseline).unwrap();
        assert_eq!(size, [header.width, header.height]);
        let pixels = decode(&mut decoder, &baseline, None).unwrap();
        assert_eq!(format!("{:016x}", fnv1a(&pixels)), hash, "{name}");
        for length in (0..bytes.len()).step_by(9) {
            // The end marker is missing; nothing is made up for what is.
            assert!(
                Decoder::new()
                    .to_baseline(&bytes[..length], &LIMITS)
                    .is_err(),
                "{name} cut at {length}"
            );
        }
    }
    for (name, bytes, expected) in fixtures() {
        if expected.is_some() {
            assert!(
                Decoder::new()
                    .to_baseline(&bytes, &LIMITS)
                    .unwrap()
                    .is_none(),
                "{name}"
            );
        }
    }
}

#[test]
fn unsuitable_regions_are_refused() {
    let bytes = fs::read(folder().join("420_17x33.jpg")).unwrap();
    let mut decoder = Decoder::new();
    let mut out = vec![0; 3 * 17 * 33];
    for (left, top, width, height) in [
        (0, 0, 0, 33),
        (0, 0, 17, 0),
        (1, 0, 17, 33),
        (0, 1, 17, 33),
        (u32::MAX, 0, 1, 1),
        (0, 0, 17, 32),
    ] {
        let error = decoder
            .decode(
                &bytes,
                Rect {
                    left,
                    top,
                    width,
                    height,
                },
                &mut out,
            )
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Limit);
    }
}

#[test]
fn refusals_name_their_reason() {
    let bytes = fs::read(folder().join("420_17x33.jpg")).unwrap();
    let find = |marker: u8| {
        bytes
            .windows(2)
            .position(|pair| pair == [0xFF, marker])
            .unwrap()
    };
    let (frame, huffman, quant, scan) = (find(0xC0), find(0xC4), find(0xDB), find(0xDA));
    let cases = [
        (frame + 1, 0xC2, ErrorKind::Unsupported, "progressive"),
        (frame + 1, 0xC3, ErrorKind::Unsupported, "lossless"),
        (frame + 1, 0xC9, ErrorKind::Unsupported, "arithmetic"),
        (frame + 1, 0xC5, ErrorKind::Unsupported, "hierarchical"),
        (frame + 4, 12, ErrorKind::Unsupported, "12 bits"),
        (frame + 6, 0, ErrorKind::Unsupported, "DNL"),
        (frame + 8, 0, ErrorKind::Corrupt, "width"),
        (frame + 14, 0x31, ErrorKind::Unsupported, "whole ratio"),
        (frame + 11, 0x52, ErrorKind::Corrupt, "sampling factors"),
        (
            frame + 12,
            3,
            ErrorKind::Corrupt,
            "quantization table 3 is missing",
        ),
        (
            huffman + 4,
            2,
            ErrorKind::Corrupt,
            "DC Huffman table 0 is missing",
        ),
        (huffman + 5, 3, ErrorKind::Corrupt, "symbols"),
        (
            quant + 4,
            7,
            ErrorKind::Corrupt,
            "quantization table 0 to 3",
        ),
        (scan + 5, 9, ErrorKind::Corrupt, "component 9"),
        (0, 0, ErrorKind::Corrupt, "SOI"),
    ];
    for (at, value, kind, words) in cases {
        let mut bytes = bytes.clone();
        bytes[at] = value;
        let mut out = vec![0; 3 * 17 * 33];
        let region = Rect {
            left: 0,
            top: 0,
            width: 17,
            height: 33,
        };
        let error = Decoder::new().decode(&bytes, region, &mut out).unwrap_err();
        assert!(
            error.kind() == kind && error.message().contains(words),
            "{words}: {error}"
        );
    }
}

#[test]
fn every_truncation_is_reported() {
    for name in ["420_17x33", "restart_each", "decorated", "grey_13x29"] {
        let bytes = fs::read(folder().join(name).with_added_extension("jpg")).unwrap();
        let end = bytes
            .windows(2)
            .rposition(|pair| pair == [0xFF, 0xD9])
            .unwrap()
            + 2;
        let top_left = Rect {
            left: 0,
            top: 0,
            width: 1,
            height: 1,
        };
        let mut decoder = Decoder::new();
        for length in 0..end {
            let error = decoder
                .decode(&bytes[..length], top_left, &mut [0; 3])
                .unwrap_err();
            assert_eq!(
                error.kind(),
                ErrorKind::Truncated,
                "{name} cut at {length}: {error}"
            );
            assert!(error.offset() <= length);
        }
        for length in end..=bytes.len() {
            decoder
                .decode(&bytes[..length], top_left, &mut [0; 3])
                .unwrap();
        }
    }
}

#[test]
fn early_end_of_scan_is_truncated() {
    let bytes = fs::read(folder().join("420_97x70.jpg")).unwrap();
    let start = bytes
        .windows(2)
        .rposition(|pair| pair == [0xFF, 0xDA])
        .unwrap()
        + 14;
    let mut decoder = Decoder::new();
    for length in (start..bytes.len() - 4).step_by(7) {
        let mut cut = bytes[..length].to_vec();
        // A lone FF would swallow the marker's own.
        if cut.last() == Some(&0xFF) {
            cut.pop();
        }
        let marker = cut.len();
        cut.extend([0xFF, 0xD9]);
        let error = decode(&mut decoder, &cut, None).unwrap_err();
        assert_eq!(
            (error.kind(), error.offset()),
            (ErrorKind::Truncated, marker),
            "{error}"
        );
    }
}

#[test]
fn wrong_restart_marker_is_corrupt() {
    let mut bytes = fs::read(folder().join("restart_each.jpg")).unwrap();
    let at = bytes
        .windows(2)
        .position(|pair| pair == [0xFF, 0xD3])
        .unwrap();
    bytes[at + 1] = 0xD5;
    let error = decode(&mut Decoder::new(), &bytes, None).unwrap_err();
    assert_eq!((error.kind(), error.offset()), (ErrorKind::Corrupt, at));
}

#[test]
fn damaged_files_never_panic() {
    let mut random = Random(0x0F1E_2D3C_4B5A_6978);
    let mut decoders = [Decoder::with_simd(None), Decoder::with_simd(Avx2::detect())];
    let fixtures = fixtures();
    let mut kinds = [0; 2];
    for _ in 0..20_000 {
        let mut bytes = fixtures[random.below(fixtures.len())].1.clone();
        for _ in 0..1 + random.below(4) {
            let at = random.below(bytes.len());
            match random.below(5) {
                0 => bytes[at] ^= 1 << random.below(8),
                1 => bytes[at] = [0, 0xFF, 0xD0, 0xD9, 0xC4, 0xDA][random.below(6)],
                2 => drop(bytes.drain(at..(at + 1 + random.below(8)).min(bytes.len()))),
                3 => bytes.truncate(at.max(1)),
                _ => {
                    let other = &fixtures[random.below(fixtures.len())].1;
                    let from = random.below(other.len());
                    bytes.splice(at.., other[from..].iter().copied());
                }
            }
            if bytes.is_empty() {
                bytes.push(0xFF);
            }
        }
        let Ok(header) = header(&bytes) else { continue };
        if header.width > 2000 || header.height > 2000 {
            continue;
        }
        let (left, width) = span(&mut random, header.width);
        let (top, height) = span(&mut random, header.height);
        let region = Rect {
            left,
            top,
            width,
            height,
        };
        // Both twins agree on damaged files too, on what they accept and on every pixel.
        let [plain, fast] = decoders.each_mut().map(|d| decode(d, &bytes, Some(region)));
        assert!(plain == fast, "{plain:?} {fast:?}");
        kinds[usize::from(plain.is_ok())] += 1;
    }
    assert!(kinds[0] > 1000 && kinds[1] > 1000, "{kinds:?}");
}

/// The index of a fixture and a region of it.
fn random_region(random: &mut Random, bytes: &[u8]) -> Rect {
    let header = header(bytes).unwrap();
    let (left, width) = span(random, header.width);
    let (top, height) = span(random, header.height);
    Rect {
        left,
        top,
        width,
        height,
    }
}

#[test]
fn an_index_is_a_function_of_the_file() {
    let mut random = Random(0x0246_8ACE_1357_9BDF);
    let mut decoders = [Decoder::with_simd(None), Decoder::with_simd(Avx2::detect())];
    for (name, bytes, expected) in fixtures() {
        if expected.is_none() {
            continue;
        }
        let index = decoders[0].index(&bytes).unwrap();
        assert!(index.len() >= 17, "{name}");
        assert!(decoders[1].index(&bytes).unwrap() == index, "{name}");
        for n in 0..10 {
            let region = random_region(&mut random, &bytes);
            let mut recorded = vec![1];
            let made = Index::Record(&mut recorded);
            let plain = decode_with(&mut decoders[n % 2], &bytes, region, Index::None).unwrap();
            assert!(decode_with(&mut decoders[n % 2], &bytes, region, made).unwrap() == plain);
            assert!(recorded == index, "{name}, {region:?}");
        }
        // Whole images check every entry.
        let header = header(&bytes).unwrap();
        let whole = Rect::whole(header.width, header.height);
        let use_index = Index::Use(&index, &mut VerifiedRows::default());
        let pixels = decode_with(&mut decoders[0], &bytes, whole, use_index).unwrap();
        assert!(
            pixels == decode(&mut decoders[1], &bytes, None).unwrap(),
            "{name}"
        );
    }
}

/// Gives an index a checksum that fits.
fn seal(index: &mut [u8]) {
    let end = index.len() - 4;
    let sum = crc32c::crc32c(&index[..end]);
    index[end..].copy_from_slice(&sum.to_le_bytes());
}

#[test]
fn a_damaged_index_is_corrupt_and_a_forged_one_changes_no_pixel() {
    let mut random = Random(0x7654_3210_FEDC_BA98);
    let mut decoders = [Decoder::with_simd(None), Decoder::with_simd(Avx2::detect())];
    let fixtures: Vec<_> = fixtures()
        .into_iter()
        .filter(|(.., expected)| expected.is_some())
        .collect();
    let indexes: Vec<Vec<u8>> = fixtures
        .iter()
        .map(|(_, bytes, _)| decoders[0].index(bytes).unwrap())
        .collect();
    let mut outcomes = [0; 2];
    for round in 0..6_000 {
        let which = random.below(fixtures.len());
        let (name, bytes, _) = &fixtures[which];
        let region = random_region(&mut random, bytes);
        let mut index = indexes[which].clone();
        for _ in 0..1 + random.below(3) {
            let at = random.below(index.len());
            match random.below(4) {
                0 | 1 => index[at] ^= 1 << random.below(8),
                2 => index.truncate(at),
                _ => index.clone_from(&indexes[random.below(indexes.len())]),
            }
            if index.is_empty() {
                index.push(0);
            }
        }
        if index == indexes[which] {
            continue;
        }
        let use_index = Index::Use(&index, &mut VerifiedRows::default());
        let error = decode_with(&mut decoders[round % 2], bytes, region, use_index).unwrap_err();
        assert!(
            error.kind() == ErrorKind::Corrupt && error.message().contains("index"),
            "{name}: {error}"
        );
        if index.len() > 17 {
            // What follows the file's length and checksum, as a forger would have it.
            index[..8].copy_from_slice(&indexes[which][..8]);
            seal(&mut index);
            let mut verified = [VerifiedRows::default(); 2];
            let header = header(bytes).unwrap();
            let whole = Rect::whole(header.width, header.height);
            for region in [region, random_region(&mut random, bytes), whole] {
                let [plain, fast] = [0, 1].map(|n| {
                    decode_with(
                        &mut decoders[n],
                        bytes,
                        region,
                        Index::Use(&index, &mut verified[n]),
                    )
                });
                assert!(plain == fast, "{name}: {plain:?} {fast:?}");
                outcomes[usize::from(plain.is_ok())] += 1;
                if let Ok(pixels) = plain {
                    assert!(
                        pixels == decode(&mut decoders[0], bytes, Some(region)).unwrap(),
                        "{name}"
                    );
                }
            }
        }
    }
    assert!(outcomes[0] > 300 && outcomes[1] > 30, "{outcomes:?}");
}
