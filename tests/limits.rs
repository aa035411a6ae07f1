//! Small files that claim to be large are refused from their header, before memory is allocated for
//! what they claim.
//!
//! Images come from the network, so a file of a few kilobytes must not be able to take the memory
//! of the machine (a decompression bomb). The tests build such files by hand, since no encoder
//! writes them, and measure what decoding allocates.

#[path = "common/allocator.rs"]
mod allocator;

use std::sync::{LazyLock, Mutex, PoisonError};

use feedmill::decode::{Decoder, Limits, probe};
use feedmill::geometry::Rect;
use feedmill::sample::Codec;
use feedmill::{Kind, Result};

#[global_allocator]
static ALLOCATOR: allocator::Counting = allocator::Counting;

/// Held by each test while it runs: the peak of memory is that of the whole process.
static ALONE: Mutex<()> = Mutex::new(());

const MIB: usize = 1 << 20;

/// Decodes a whole image: the number of bytes of pixels, and the peak of memory in bytes.
fn decode(bytes: &[u8], codec: Codec) -> (Result<usize>, usize) {
    let (result, memory) = allocator::measure(|| -> Result<usize> {
        let probe = probe(bytes, codec, &Limits::default())?;
        let mut pixels = Vec::new();
        let whole = Rect::whole(probe.width, probe.height);
        Decoder::new().decode(bytes, &probe, whole, &mut pixels)?;
        Ok(pixels.len())
    });
    (result, memory.peak)
}

fn alone() -> impl Drop {
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The checksum of PNG chunks: CRC-32 as in ISO 3309, with a table of all bytes.
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

/// Appends a chunk: length, name, data, checksum.
fn chunk(png: &mut Vec<u8>, name: &[u8; 4], data: &[u8]) {
    png.extend((data.len() as u32).to_be_bytes());
    let start = png.len();
    png.extend_from_slice(name);
    png.extend_from_slice(data);
    png.extend(crc32(&png[start..]).to_be_bytes());
}

/// A zlib stream of `len` zeros in about `len / 159` bytes: one block of fixed Huffman codes (RFC
/// 1951, section 3.2.6) of literals and then copies of 258 bytes, 13 bits each.
fn zeros(len: usize) -> Vec<u8> {
    let mut bits: Vec<bool> = Vec::new();
    let mut code =
        |value: u32, length: u32| bits.extend((0..length).rev().map(|bit| value >> bit & 1 == 1));
    // The last block, with fixed codes. These two fields are stored least significant bit first.
    code(0b1, 1);
    code(0b10, 2);
    let copies = (len - 1) / 258;
    // Literal 0 is code 0x30 of eight bits.
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
    // Adler-32 of zeros: the first sum stays 1, so the second one is the length.
    out.extend(
        ((len % 65521) as u32)
            .wrapping_shl(16)
            .wrapping_add(1)
            .to_be_bytes(),
    );
    out
}

/// A PNG of 8-bit RGB: its header, the chunks `before` the data, one chunk of data, the end.
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
    let op = feedmill::augment::ops::Resize::new(256);
    let strip = vec![0; 60_000 * 3];
    let size = feedmill::geometry::Size {
        width: 1,
        height: 60_000,
    };
    let error = feedmill::augment::apply(&op, 0, size, &strip).unwrap_err();
    assert_eq!(error.kind(), Kind::Limit, "{error}");
}
