//! Makes an entropy index, decodes crops with it, and compares their pixels and times.
//!
//!     cargo run --release -p feedmill-jpeg --example index -- photo.jpg

use std::error::Error;
use std::time::Instant;

use feedmill_jpeg::{Decoder, Index, Rect, Scale, VerifiedRows, can_decode, header};

const FIXTURE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../fixtures/jpeg/wide/420_400x45.jpg"
);

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args()
        .nth(1)
        .unwrap_or_else(|| FIXTURE.to_owned());
    let bytes = std::fs::read(&path)?;
    if !can_decode(&bytes) {
        return Err("only sequential files of one scan have an index".into());
    }
    let mut decoder = Decoder::new();

    // In a data loader the index is made once and stored beside the file.
    let index = decoder.index(&bytes)?;
    println!("{path}: {} bytes, index {} bytes", bytes.len(), index.len());

    // A crop in the bottom right corner, where an index saves most.
    let header = header(&bytes)?;
    let (width, height) = (header.width.div_ceil(4), header.height.div_ceil(4));
    let (left, top) = (header.width - width, header.height - height);
    let region = Rect {
        left,
        top,
        width,
        height,
    };
    let mut expected = vec![0; 3 * width as usize * height as usize];
    let mut rgb = expected.clone();

    let start = Instant::now();
    decoder.decode(&bytes, region, &mut expected)?;
    println!("without index        {:?}", start.elapsed());

    // The first call verifies the index as far as it reads, later calls rely on that.
    let mut verified = VerifiedRows::default();
    for call in ["first with index    ", "second with index   "] {
        let start = Instant::now();
        let index = Index::Use(&index, &mut verified);
        decoder.decode_with(&bytes, region, Scale::Full, index, &mut rgb)?;
        println!(
            "{call} {:?}, {} rows of MCUs verified",
            start.elapsed(),
            verified.get()
        );
        assert!(rgb == expected, "an index changes no pixel");
    }
    Ok(())
}
