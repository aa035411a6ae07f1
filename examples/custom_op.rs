//! A custom op that a recipe uses by name, like a built-in one: its parameters are declared once,
//! and everything else follows from them.
//!
//! cargo run --example custom_op

use std::fmt;

use feedmill::augment::{Op, Step, StepImage, StepScratch, Steps};
use feedmill::recipe::Registry;
use feedmill::rng::RandomStream;
use feedmill::{Loader, Recipe, Result, declare};

/// Darkens an image from top to bottom.
#[declare(name = "dusk", strengths = ["strength = 0.2", "strength = 0.5", "strength = 1.0"])]
#[derive(Clone, Debug, PartialEq)]
struct Dusk {
    /// The last row loses a share of 0 to this of its light.
    #[param(default = 0.5, range = [0.0, 1.0])]
    strength: f64,
}

impl Op for Dusk {
    /// Runs before the image is decoded: everything random is drawn here, and the step below only
    /// computes.
    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        let strength = rng.uniform(0.0, self.strength) as f32;
        steps.push(Darken { strength });
    }
}

/// What was drawn for one image.
#[derive(Debug)]
struct Darken {
    strength: f32,
}

/// `explain` prints this.
impl fmt::Display for Darken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "darken strength={:.3}", self.strength)
    }
}

impl Step for Darken {
    fn run(&self, image: &mut StepImage<'_>, _: &mut StepScratch) -> Result<()> {
        let size = image.size();
        // Rows of RGB, 8 bits per channel.
        let rows = image.in_place().chunks_exact_mut(size.width as usize * 3);
        for (y, row) in rows.enumerate() {
            let factor = 1.0 - self.strength * y as f32 / size.height as f32;
            for value in row {
                *value = (f32::from(*value) * factor) as u8;
            }
        }
        Ok(())
    }
}

fn main() -> Result<()> {
    let mut registry = Registry::default();
    registry.register::<Dusk>();
    let recipe = Recipe::from_toml_with(
        &registry,
        r#"
        seed = 7
        batch = 4
        [[view]]
        ops = [
          { op = "random_resized_crop", size = 96 },
          { op = "dusk", strength = 0.8 },
        ]
        "#,
    )?;
    let loader = Loader::open("fixtures/photos", recipe)?;
    println!("{}", loader.explain(0, 3)?);
    for batch in loader.epoch(0)? {
        let batch = batch?;
        let values = batch.images().as_f32()?;
        let mean = values.iter().sum::<f32>() / values.len() as f32;
        println!("samples {:?}: mean {mean:.3}", batch.samples());
    }
    Ok(())
}
