//! `feedmill apply`.

use std::path::PathBuf;

use feedmill::augment;
use feedmill::decode::{self, Limits};
use feedmill::geometry::Rect;
use feedmill::geometry::Size;
use feedmill::recipe::Registry;
use feedmill::sample::Codec;
use feedmill::toml;
use feedmill::{Error, Kind};

use crate::Verdict;
use crate::output::{Failure, Out};

/// Run one op on one image: feedmill apply 'op = "horizontal_flip", p = 1.0' IN OUT.png
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The op as in a recipe, without the braces
    op: String,
    /// A JPEG, PNG or WebP
    input: PathBuf,
    /// The PNG to write
    output: PathBuf,
    /// The seed of the op's random parameters
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
}

impl Args {
    pub(crate) fn run(self, _out: &mut Out) -> Result<Verdict, Failure> {
        let text = format!("op = {{ {} }}", self.op);
        let mut form: toml::Table = toml::from_str(&text).map_err(|error| {
            Error::config(format!("the op \"{}\": {}", self.op, error.message()))
        })?;
        let Some(toml::Value::Table(mut params)) = form.remove("op") else {
            return Err(Error::config(format!("\"{}\" is not an op", self.op)).into());
        };
        let Some(toml::Value::String(name)) = params.remove("op") else {
            let text = format!("\"{}\" names no op: expected op = \"NAME\", …", self.op);
            return Err(Error::config(text).into());
        };
        let op = Registry::default().make_for_one_image(&name, params)?;
        let (size, rgb) = read_image(&self.input)?;
        let (frame, rgb) = augment::apply(&*op, self.seed, size, &rgb)?;
        write_png(&self.output, frame.width, frame.height, &rgb)?;
        Ok(Verdict::Fine)
    }
}

/// Reads an image as rows of RGB.
pub(crate) fn read_image(path: &std::path::Path) -> feedmill::Result<(Size, Vec<u8>)> {
    let bytes = std::fs::read(path).map_err(|error| Error::io("read", path, error))?;
    let mut rgb = Vec::new();
    let mut read = || -> feedmill::Result<Size> {
        let probe = decode::probe(&bytes, Codec::sniff(&bytes)?, &Limits::default())?;
        let whole = Rect::whole(probe.width, probe.height);
        decode::Decoder::new().decode(&bytes, &probe, whole, &mut rgb)?;
        Ok(Size {
            width: probe.width,
            height: probe.height,
        })
    };
    let frame = read().map_err(|error| error.in_file(path))?;
    Ok((frame, rgb))
}

/// Writes RGB pixels as PNG.
pub(crate) fn write_png(
    path: &std::path::Path,
    width: u32,
    height: u32,
    rgb: &[u8],
) -> feedmill::Result<()> {
    let write = || -> std::result::Result<(), png::EncodingError> {
        let file = std::io::BufWriter::new(std::fs::File::create(path)?);
        let mut encoder = png::Encoder::new(file, width, height);
        encoder.set_color(png::ColorType::Rgb);
        let mut writer = encoder.write_header()?;
        writer.write_image_data(rgb)?;
        writer.finish()
    };
    write().map_err(|error| {
        let text = format!("{}: cannot write: {error}", path.display());
        Error::new(Kind::Io, text).with_source(error)
    })
}
