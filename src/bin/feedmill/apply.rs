//! `feedmill apply`.

use std::path::PathBuf;

use feedmill::augment::{self, Registry};
use feedmill::decode::{self, Limits, Rect};
use feedmill::source::Codec;
use feedmill::{Error, Kind};

use crate::Verdict;
use crate::output::{Failure, Out};

/// Run one op on one picture: feedmill apply 'op = "horizontal_flip", p = 1.0' IN OUT.png
#[derive(Debug, clap::Args)]
pub struct Args {
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
    pub fn run(self, _out: &mut Out) -> Result<Verdict, Failure> {
        #[derive(serde::Deserialize)]
        struct Form {
            op: feedmill::toml::Table,
        }
        let form: Form = feedmill::toml::from_str(&format!("op = {{ {} }}", self.op))
            .map_err(|error| Error::config(format!("the op \"{}\": {}", self.op, error.message())))?;
        let mut params = form.op;
        let Some(feedmill::toml::Value::String(name)) = params.remove("op") else {
            let text = format!("\"{}\" names no op: expected op = \"NAME\", …", self.op);
            return Err(Error::config(text).into());
        };
        let op = Registry::default().make(&name, params)?;
        let bytes = std::fs::read(&self.input).map_err(|error| Error::io("read", &self.input, error))?;
        let place = self.input.display();
        let codec = Codec::sniff(&bytes).map_err(|error| error.at(place))?;
        let place = self.input.display();
        let probe = decode::probe(&bytes, codec, &Limits::default()).map_err(|error| error.at(place))?;
        let mut rgb = Vec::new();
        let whole = Rect::whole(probe.width, probe.height);
        let place = self.input.display();
        decode::Decoder::new().decode(&bytes, &probe, whole, &mut rgb).map_err(|error| error.at(place))?;
        let (frame, rgb) = augment::apply(&*op, self.seed, probe.width, probe.height, &rgb)?;
        write_png(&self.output, frame.width, frame.height, &rgb)?;
        Ok(Verdict::Fine)
    }
}

/// Writes RGB pixels as PNG.
pub fn write_png(path: &std::path::Path, width: u32, height: u32, rgb: &[u8]) -> feedmill::Result<()> {
    let png = image::ImageFormat::Png;
    image::save_buffer_with_format(path, rgb, width, height, image::ExtendedColorType::Rgb8, png).map_err(
        |error| Error::new(Kind::Io, format!("{}: cannot write: {error}", path.display())).with_cause(error),
    )
}
