//! Odd, cut, damaged and hostile images: a region equals the whole image cut to it, and whatever
//! cannot be decoded is refused with an error of the right kind, which names what was found.

use std::fs;
use std::path::PathBuf;

use super::*;
use random::Random;

#[path = "../../tests/common/random.rs"]
mod random;

fn folder() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "fixtures", "odd"]
        .iter()
        .collect()
}

fn codec(name: &str) -> Codec {
    match name.rsplit('.').next() {
        Some("png") => Codec::Png,
        Some("webp") => Codec::WebP,
        _ => Codec::Jpeg,
    }
}

/// Name, codec and bytes of every odd image, in the order of names.
fn images() -> Vec<(String, Codec, Vec<u8>)> {
    let golden = fs::read_to_string(folder().join("golden.txt")).unwrap();
    let mut names: Vec<&str> = golden
        .lines()
        .map(|line| line.split(' ').next().unwrap())
        .collect();
    names.sort_unstable();
    names
        .into_iter()
        .map(|name| {
            (
                name.to_string(),
                codec(name),
                fs::read(folder().join(name)).unwrap(),
            )
        })
        .collect()
}

fn photo() -> Vec<u8> {
    let path = folder().join("../photos/still/umang_by_Abhishek_Mudgal.jpg");
    fs::read(path).unwrap()
}

fn decode(decoder: &mut Decoder, bytes: &[u8], codec: Codec, limits: &Limits) -> Result<Vec<u8>> {
    let probe = probe(bytes, codec, limits)?;
    let mut pixels = Vec::new();
    decoder.decode(
        bytes,
        &probe,
        Rect::whole(probe.width, probe.height),
        &mut pixels,
    )?;
    assert_eq!(pixels.len() as u64, probe.decoded_bytes());
    Ok(pixels)
}

/// Every byte of the first 4 KiB, and 64 even points after them.
fn cuts(len: usize) -> impl Iterator<Item = usize> {
    let rest = len.saturating_sub(4096);
    (0..len.min(4096)).chain((0..64.min(rest)).map(move |n| 4096 + n * rest / 64))
}

#[test]
fn an_image_that_is_cut_anywhere_is_truncated_or_corrupt() {
    let mut decoder = Decoder::new();
    let mut all = images();
    all.push(("photo".into(), Codec::Jpeg, photo()));
    for (name, codec, bytes) in all {
        for cut in cuts(bytes.len()) {
            match decode(&mut decoder, &bytes[..cut], codec, &Limits::default()) {
                Ok(_) => panic!("{name} cut at byte {cut} of {} is an image", bytes.len()),
                Err(error) => {
                    let kind = error.kind();
                    assert!(
                        matches!(kind, Kind::Truncated | Kind::Corrupt),
                        "{name} at {cut}: {error:?}"
                    );
                }
            }
        }
    }
}

#[test]
fn what_follows_the_end_of_an_image_is_ignored() {
    let mut decoder = Decoder::new();
    for (name, codec, mut bytes) in images() {
        let expected = decode(&mut decoder, &bytes, codec, &Limits::default()).unwrap();
        bytes.extend_from_slice(b"trailing bytes");
        let found = decode(&mut decoder, &bytes, codec, &Limits::default()).unwrap();
        assert!(found == expected, "{name}");
    }
}

#[test]
fn a_region_is_the_whole_image_cut() {
    let mut decoder = Decoder::new();
    for (name, codec, bytes) in images() {
        let probe = probe(&bytes, codec, &Limits::default()).unwrap();
        let whole = decode(&mut decoder, &bytes, codec, &Limits::default()).unwrap();
        let region = Rect {
            left: probe.width / 3,
            top: probe.height / 4,
            width: probe.width.div_ceil(2),
            height: probe.height.div_ceil(3),
        };
        let mut expected = vec![0; (region.width * region.height * 3) as usize];
        crop(&whole, probe.width as usize, 3, region, &mut expected);
        let mut found = Vec::new();
        decoder.decode(&bytes, &probe, region, &mut found).unwrap();
        assert!(found == expected, "{name}");
    }
}

#[test]
fn damaged_images_are_errors_and_never_panics() {
    let magic: [&[u8]; 8] = [
        b"\x89PNG\r\n\x1a\n",
        b"\xff\xd8\xff\xe0",
        b"RIFF",
        b"IDAT",
        b"\xff\xff\xff\xff",
        b"\0\0\0\0",
        b"\xff\xda",
        b"VP8L",
    ];
    let fixtures = images();
    let limits = Limits {
        pixels: 1 << 20,
        ..Limits::default()
    };
    let mut decoder = Decoder::new();
    let mut random = Random(0x0DD5_1DE5_0DD5_1DE5);
    let mut counts = [0, 0];
    for round in 0..20_000 {
        let (name, codec, bytes) = &fixtures[random.below(fixtures.len())];
        let mut bytes = bytes.clone();
        for _ in 0..1 + random.below(4) {
            let at = random.below(bytes.len());
            match random.below(5) {
                0 => bytes[at] ^= 1 << random.below(8),
                1 => bytes[at] = [0, 1, 0x7f, 0x80, 0xff][random.below(5)],
                2 => bytes.truncate(at.max(1)),
                3 => {
                    let word = magic[random.below(magic.len())];
                    let end = (at + word.len()).min(bytes.len());
                    bytes.splice(at..end, word.iter().copied());
                }
                _ => {
                    let other = &fixtures[random.below(fixtures.len())].2;
                    let from = random.below(other.len());
                    let length = 1 + random.below(64.min(other.len() - from));
                    bytes.splice(at..at, other[from..from + length].iter().copied());
                }
            }
        }
        // Checksums would hide the code behind them.
        if *codec == Codec::Png && random.below(2) == 0 {
            mend(&mut bytes);
        }
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            decode(&mut decoder, &bytes, *codec, &limits)
        }));
        match result {
            Ok(result) => counts[usize::from(result.is_ok())] += 1,
            Err(_) => panic!(
                "round {round}, {name}: {} bytes make the decoder panic",
                bytes.len()
            ),
        }
    }
    assert!(counts[0] > 4000 && counts[1] > 2000, "{counts:?}");
}

/// Recomputes the checksum of every chunk of a PNG that is still in place, so that damage reaches
/// the code behind the checksums.
fn mend(bytes: &mut [u8]) {
    let mut at = 8;
    while let Some(head) = bytes.get(at..at + 8) {
        let length = u32::from_be_bytes([head[0], head[1], head[2], head[3]]) as usize;
        let end = at + 8 + length.min(bytes.len());
        if bytes.len() < end + 4 {
            return;
        }
        let sum = crc32(&bytes[at + 4..end]);
        bytes[end..end + 4].copy_from_slice(&sum.to_be_bytes());
        at = end + 4;
    }
}

/// The checksum of PNG and zlib, bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |sum: u32, &byte| {
        (0..8).fold(sum ^ u32::from(byte), |sum, _| {
            sum >> 1 ^ if sum & 1 == 1 { 0xedb8_8320 } else { 0 }
        })
    })
}

fn limit(bytes: &[u8], codec: Codec, limits: Limits) -> String {
    let error = decode(&mut Decoder::new(), bytes, codec, &limits).unwrap_err();
    assert_eq!(error.kind(), Kind::Limit, "{error}");
    error.to_string()
}

#[test]
fn limits_are_named_with_what_was_found() {
    let bytes = photo();
    let text = limit(
        &bytes,
        Codec::Jpeg,
        Limits {
            bytes: 1000,
            ..Limits::default()
        },
    );
    assert!(
        text.contains(&format!("has {} bytes; the limit is 1000", bytes.len())),
        "{text}"
    );
    for (name, codec, bytes) in images()
        .into_iter()
        .filter(|(name, ..)| !name.starts_with("1x1"))
    {
        if name == "progressive_1x1.jpg" {
            continue;
        }
        let text = limit(
            &bytes,
            codec,
            Limits {
                pixels: 1000,
                ..Limits::default()
            },
        );
        assert!(text.contains("the limit is 1000 pixels"), "{name}: {text}");
    }
}

#[test]
fn a_progressive_image_of_thousands_of_scans_is_refused() {
    let mut bytes = fs::read(folder().join("progressive_420.jpg")).unwrap();
    let scan = bytes
        .windows(2)
        .position(|pair| pair == [0xff, 0xda])
        .unwrap();
    let end = scan
        + 2
        + bytes[scan + 2..]
            .windows(2)
            .position(|pair| matches!(pair, [0xff, 0xc4 | 0xda]))
            .unwrap();
    let one: Vec<u8> = bytes[scan..end].to_vec();
    for _ in 0..5000 {
        bytes.splice(scan..scan, one.iter().copied());
    }
    let text = limit(&bytes, Codec::Jpeg, Limits::default());
    assert!(
        text.contains("the limit is 100 (decode.limits.scans)"),
        "{text}"
    );
}

#[test]
fn a_sequential_image_of_several_scans_has_the_pixels_of_one_scan() {
    let bytes = fs::read(folder().join("../jpeg/refused_scans.jpg")).unwrap();
    let one = jpeg::Decoder::new()
        .to_baseline(&bytes, &jpeg::Limits::new(1 << 20, 100))
        .unwrap()
        .unwrap();
    let [several, one] = [bytes, one]
        .map(|bytes| decode(&mut Decoder::new(), &bytes, Codec::Jpeg, &Limits::default()).unwrap());
    assert!(several == one);
}

#[test]
fn raw_pixels_of_another_length_are_refused() {
    let raw = Codec::Raw {
        width: 3,
        height: 2,
        channels: 1,
    };
    let gray = decode(
        &mut Decoder::new(),
        &[1, 2, 3, 4, 5, 6],
        raw,
        &Limits::default(),
    )
    .unwrap();
    assert_eq!(gray[..6], [1, 1, 1, 2, 2, 2]);
    for (bytes, kind) in [(&[0; 5][..], Kind::Truncated), (&[0; 7][..], Kind::Corrupt)] {
        let error = probe(bytes, raw, &Limits::default()).unwrap_err();
        assert_eq!(error.kind(), kind);
        assert!(
            error.to_string().contains("2 x 3 x 1 need 6 bytes"),
            "{error}"
        );
    }
}
