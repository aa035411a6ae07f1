//! Boxes, keypoints and masks follow the pixels of their image through every op.
//!
//! `ramp` checks this for random chains of ops against the pixels themselves; `torchvision`
//! compares single ops with torchvision.

mod ramp;
mod torchvision;

use feedmill::augment::{Program, Steps};
use feedmill::geometry::Size;
use feedmill::recipe::Registry;
use feedmill::rng::{Coord, OpKey, RandomStream};
use feedmill::toml;

/// The program of ops such as `op = "rotate", degrees = 15.0`, drawn with a seed.
pub fn drawn_program(ops: &[String], seed: u64, frame: Size) -> Program {
    let mut steps = Steps::new(frame);
    for (number, text) in ops.iter().enumerate() {
        let mut table: toml::Table = toml::from_str(&format!("op = {{ {text} }}")).unwrap();
        let Some(toml::Value::Table(mut params)) = table.remove("op") else {
            panic!("{text}")
        };
        let name = params.remove("op").unwrap().as_str().unwrap().to_string();
        let op = Registry::default()
            .make_for_one_image(&name, params)
            .unwrap_or_else(|error| panic!("{error}"));
        let op_key = OpKey::of(&format!("{name}#{number}"));
        let at = Coord {
            epoch: 0,
            sample: 0,
            occurrence: 0,
            view: 0,
            op: op_key,
        };
        op.draw(&mut RandomStream::keyed(seed, at), &mut steps);
    }
    Program::from(steps)
}
