//! A user-defined mixer that a recipe uses by name, like a built-in one.
//!
//! cargo run --example custom_mixer

use feedmill::geometry::Size;
use feedmill::mix::{Blend, MixPlan, Mixer};
use feedmill::recipe::Registry;
use feedmill::rng::RandomStream;
use feedmill::spec::params_of;
use feedmill::{Error, Loader, Recipe, Result, toml};
use serde::{Deserialize, Serialize};

/// Replaces a stripe across the whole image by the same stripe of another image.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stripe {
    /// The smallest and the largest height of the stripe, as shares of the image's height.
    share: [f64; 2],
}

impl Mixer for Stripe {
    fn name(&self) -> &str {
        "stripe"
    }

    fn params(&self) -> toml::Table {
        params_of(self)
    }

    fn check(&self) -> Result<()> {
        let [low, high] = self.share;
        if 0.0 <= low && low <= high && high <= 1.0 {
            return Ok(());
        }
        let message = format!("share = [{low}, {high}]: expected 0 <= low <= high <= 1");
        Err(Error::config(message))
    }

    /// Runs before there are pixels: only the size of the images is known. feedmill computes the
    /// weights of the labels from the blend.
    fn draw(&self, rng: &mut RandomStream, frame: Size) -> MixPlan {
        let rows = (rng.uniform(self.share[0], self.share[1]) * f64::from(frame.height)) as u32;
        let top = rng.below(u64::from(frame.height - rows) + 1) as u32;
        // Edges in pixels: top, left, bottom, right.
        let rect = [top, 0, top + rows, frame.width];
        Blend::Box { rect }.into()
    }
}

fn main() -> Result<()> {
    let mut registry = Registry::default();
    registry.register_mixer::<Stripe>("stripe");
    let recipe = Recipe::from_toml_with(
        &registry,
        r#"
        seed = 7
        batch = 4
        [[view]]
        ops = [ { op = "random_resized_crop", size = 96 } ]
        [mix]
        choose = [
          { mix = "stripe", share = [0.2, 0.6] },
          # The weight of MixUp falls over the first ten epochs.
          { mix = "mixup", alpha = 0.8, weight = { linear = [1.0, 0.1], epochs = [0, 10] } },
        ]
        [target]
        form = "pair"
        "#,
    )?;
    let loader = Loader::open("fixtures/photos", recipe)?;
    print!("{}", loader.explain(0, 3)?);
    for batch in loader.epoch(0)? {
        for slot in batch?.slots() {
            let (mix, partner) = (slot.mix(), slot.partner().map(|partner| partner.name()));
            println!(
                "{}: {} with {partner:?}, lam {:.2}",
                slot.name(),
                mix.method,
                mix.lam
            );
        }
    }
    Ok(())
}
