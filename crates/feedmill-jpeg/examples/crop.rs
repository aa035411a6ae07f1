//! Decodes a crop of a JPEG file and writes it as a PPM image.
//!
//!     cargo run --release -p feedmill-jpeg --example crop -- photo.jpg 100 50 320 240 crop.ppm
//!
//! Without arguments it cuts the middle out of a fixture and writes nothing.

use std::error::Error;
use std::io::Write;

use feedmill_jpeg::{Decoder, Index, Rect, Scale, header};

const FIXTURE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../fixtures/jpeg/420_97x70.jpg"
);

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (path, region, out) = match &arguments[..] {
        [] => (
            FIXTURE,
            Rect {
                left: 32,
                top: 20,
                width: 32,
                height: 30,
            },
            None,
        ),
        [path, left, top, width, height, out] => {
            let region = Rect {
                left: left.parse()?,
                top: top.parse()?,
                width: width.parse()?,
                height: height.parse()?,
            };
            (path.as_str(), region, Some(out))
        }
        _ => return Err("usage: crop FILE LEFT TOP WIDTH HEIGHT OUT.ppm".into()),
    };
    let bytes = std::fs::read(path)?;
    let header = header(&bytes)?;
    println!(
        "{path}: {} x {} pixels, {:?}",
        header.width, header.height, header.process
    );

    let mut rgb = vec![0; 3 * region.width as usize * region.height as usize];
    let mut decoder = Decoder::new();
    decoder.decode(&bytes, region, &mut rgb)?;
    if let Some(out) = out {
        let mut file = std::fs::File::create(out)?;
        writeln!(file, "P6 {} {} 255", region.width, region.height)?;
        file.write_all(&rgb)?;
    }

    // The whole image at an eighth of its size, as for a preview.
    let preview = Rect::whole(
        Scale::Eighth.side(header.width),
        Scale::Eighth.side(header.height),
    );
    let mut rgb = vec![0; 3 * preview.width as usize * preview.height as usize];
    decoder.decode_with(&bytes, preview, Scale::Eighth, Index::None, &mut rgb)?;
    println!("preview of {} x {} pixels", preview.width, preview.height);
    Ok(())
}
