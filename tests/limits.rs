//! Small files that ask for much: refused from their header, without the memory.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{LazyLock, Mutex};

use feedmill::decode::{Decoder, Limits, probe};
use feedmill::geometry::Rect;
use feedmill::sample::Codec;
use feedmill::{Kind, Result};

/// The system's allocator, with the bytes that are out now and the most that ever were.
struct Counting;

static NOW: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let now = NOW.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        PEAK.fetch_max(now, Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// One test at a time, so that no other's memory is counted.
static ALONE: Mutex<()> = Mutex::new(());

const MIB: usize = 1 << 20;

/// What decoding ends with, and the bytes it held at its worst.
fn decode(bytes: &[u8], codec: Codec) -> (Result<usize>, usize) {
    let before = NOW.load(Ordering::Relaxed);
    PEAK.store(before, Ordering::Relaxed);
    let result = probe(bytes, codec, &Limits::default()).and_then(|probe| {
        let mut pixels = Vec::new();
        let whole = Rect::whole(probe.width, probe.height);
        Decoder::new().decode(bytes, &probe, whole, &mut pixels)?;
        Ok(pixels.len())
    });
    let peak = PEAK.load(Ordering::Relaxed) - before;
    (result, peak)
}

fn alone() -> impl Drop {
    ALONE
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn crc32(bytes: &[u8]) -> u32 {
    static TABLE: LazyLock<[u32; 256]> = LazyLock::new(|| {
        std::array::from_fn(|byte| {
            (0..8).fold(byte as u32, |sum, _| {
                sum >> 1 ^ if sum & 1 == 1 { 0xedb8_8320 } else { 0 }
            })
        })
    });
    !bytes.iter().fold(!0, |sum: u32, &byte| {
        sum >> 8 ^ TABLE[((sum ^ u32::from(byte)) & 0xff) as usize]
    })
}

fn chunk(png: &mut Vec<u8>, name: &[u8; 4], data: &[u8]) {
    png.extend((data.len() as u32).to_be_bytes());
    let start = png.len();
    png.extend_from_slice(name);
    png.extend_from_slice(data);
    png.extend(crc32(&png[start..]).to_be_bytes());
}

/// zlib's form of `len` zeros: one block of fixed codes, a literal and then copies of 258 bytes, 13
/// bits each.
fn zeros(len: usize) -> Vec<u8> {
    let mut bits: Vec<bool> = Vec::new();
    let mut code =
        |value: u32, length: u32| bits.extend((0..length).rev().map(|bit| value >> bit & 1 == 1));
    // Last block, fixed codes (these two fields go least significant bit first).
    code(0b1, 1);
    code(0b10, 2);
    let copies = (len - 1) / 258;
    (0..len - copies * 258).for_each(|_| code(0x30, 8));
    // Length 258 is code 285 of eight bits; distance 1 is code 0 of five.
    (0..copies).for_each(|_| code(0b1100_0101 << 5, 13));
    code(0, 7);
    let mut out = vec![0x78, 0x01];
    out.extend(bits.chunks(8).map(|byte| {
        byte.iter()
            .rev()
            .fold(0, |sum, &bit| sum << 1 | u8::from(bit))
    }));
    // Adler-32 of zeros: the sum of ones over and over.
    out.extend(
        ((len % 65521) as u32)
            .wrapping_shl(16)
            .wrapping_add(1)
            .to_be_bytes(),
    );
    out
}

fn png(width: u32, height: u32, before: &[(&[u8; 4], Vec<u8>)], data: &[u8]) -> Vec<u8> {
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    let mut header = [width.to_be_bytes(), height.to_be_bytes()].concat();
    header.extend([8, 2, 0, 0, 0]);
    chunk(&mut png, b"IHDR", &header);
    for (name, data) in before {
        chunk(&mut png, name, data);
    }
    chunk(&mut png, b"IDAT", data);
    chunk(&mut png, b"IEND", &[]);
    png
}

#[test]
fn a_plain_image_of_zeros_decodes() {
    let _alone = alone();
    let bytes = png(100, 50, &[], &zeros(50 * 301));
    assert_eq!(decode(&bytes, Codec::Png).0.unwrap(), 15_000);
}

#[test]
fn an_image_of_60000_a_side_is_refused_without_memory() {
    let _alone = alone();
    let bytes = png(60_000, 60_000, &[], &zeros(1 << 20));
    assert!(bytes.len() < 10_000, "{}", bytes.len());
    let (result, peak) = decode(&bytes, Codec::Png);
    let error = result.unwrap_err();
    assert_eq!(error.kind(), Kind::Limit);
    assert!(error.to_string().contains("60000 x 60000"), "{error}");
    assert!(peak < 2 * MIB, "{peak}");
}

#[test]
fn side_chunks_that_would_inflate_are_not_inflated() {
    let _alone = alone();
    let bomb = zeros(64 * MIB);
    let text = [&b"Comment\0\0"[..], &bomb].concat();
    let profile = [&b"icc\0\0"[..], &bomb].concat();
    for (name, data) in [(b"zTXt", text), (b"iCCP", profile)] {
        let bytes = png(100, 50, &[(name, data)], &zeros(50 * 301));
        let (result, peak) = decode(&bytes, Codec::Png);
        assert_eq!(result.unwrap(), 15_000);
        assert!(peak < 2 * MIB, "{peak}");
    }
}

#[test]
fn a_million_tiny_chunks_are_refused_without_memory() {
    let _alone = alone();
    let comments: Vec<(&[u8; 4], Vec<u8>)> =
        (0..1_000_000).map(|_| (b"tEXt", b"a\0".to_vec())).collect();
    let bytes = png(100, 50, &comments, &zeros(50 * 301));
    let (result, peak) = decode(&bytes, Codec::Png);
    let error = result.unwrap_err();
    assert_eq!(error.kind(), Kind::Limit);
    assert!(
        error.to_string().contains("more than 131072 chunks"),
        "{error}"
    );
    assert!(peak < MIB, "{peak}");
    let (result, peak) = decode(
        &png(100, 50, &comments[..1000], &zeros(50 * 301)),
        Codec::Png,
    );
    assert_eq!(result.unwrap(), 15_000);
    assert!(peak < 2 * MIB, "{peak}");
}

#[test]
fn a_webp_image_larger_than_its_canvas_is_refused_without_memory() {
    let _alone = alone();
    // A canvas of one pixel, and a lossy image that says it has 16383 x 16383.
    let mut body =
        b"WEBPVP8X\x0a\0\0\0\0\0\0\0\0\0\0\0\0\0VP8 \x40\0\0\0\x10\0\0\x9d\x01\x2a\xff\x3f\xff\x3f"
            .to_vec();
    body.resize(4 + 18 + 8 + 64, 0);
    let mut bytes = [&b"RIFF"[..], &(body.len() as u32).to_le_bytes()].concat();
    bytes.extend(body);
    let (result, peak) = decode(&bytes, Codec::WebP);
    let error = result.unwrap_err();
    assert_eq!(error.kind(), Kind::Corrupt);
    assert!(
        error
            .to_string()
            .contains("16383 x 16383 pixels on a canvas of 1 x 1"),
        "{error}"
    );
    assert!(peak < MIB, "{peak}");
}

#[test]
fn a_strip_whose_shorter_side_would_grow_is_refused_without_memory() {
    let _alone = alone();
    let op = feedmill::augment::Resize::shorter(256);
    let strip = vec![0; 60_000 * 3];
    let error = feedmill::augment::apply(&op, 0, 1, 60_000, &strip).unwrap_err();
    assert_eq!(error.kind(), Kind::Limit, "{error}");
}
