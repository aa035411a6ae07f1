//! Training and validation over one data set, with the accuracy of each class.
//!
//! The model is the mean image of each class, and training moves the means. It shows where the
//! parts of a real model go; it is not a good model.
//!
//! cargo run --example train_validation [FOLDER]

use feedmill::{Batch, Loader, Recipe, source};

/// The values of one image: 3 x 32 x 32.
const VALUES: usize = 3 * 32 * 32;

/// The same views, normalization and classes for both; training adds chance.
fn recipe(ops: &str, rest: &str) -> feedmill::Result<Recipe> {
    Recipe::from_toml(&format!(
        r#"
        batch = 2
        {rest}
        [[view]]
        ops = [ {ops} ]
        [output]
        mean = [0.485, 0.456, 0.406]
        std = [0.229, 0.224, 0.225]
        "#
    ))
}

/// One mean image for each class, and how many images it is of.
struct Means(Vec<(Vec<f32>, f32)>);

impl Means {
    fn train(&mut self, batch: &Batch) -> feedmill::Result<()> {
        let images = batch.images().as_f32()?.chunks_exact(VALUES);
        for (image, class) in images.zip(batch.targets().index()?) {
            let (mean, count) = &mut self.0[*class as usize];
            *count += 1.0;
            for (mean, value) in mean.iter_mut().zip(image) {
                *mean += (value - *mean) / *count;
            }
        }
        Ok(())
    }

    fn predict(&self, image: &[f32]) -> usize {
        let distance = |(mean, _): &(Vec<f32>, f32)| -> f32 {
            let values = mean.iter().zip(image);
            values.map(|(mean, value)| (mean - value).powi(2)).sum()
        };
        let distances: Vec<f32> = self.0.iter().map(distance).collect();
        (0..distances.len())
            .min_by(|a, b| distances[*a].total_cmp(&distances[*b]))
            .expect("a class")
    }
}

fn main() -> feedmill::Result<()> {
    let data = std::env::args().nth(1).unwrap_or("fixtures/photos".into());
    let training = recipe(
        r#"{ op = "random_resized_crop", size = 32 }, { op = "horizontal_flip" }"#,
        "seed = 7",
    )?;
    // Every sample once: no order to draw, and a smaller last batch.
    let validation = recipe(
        r#"{ op = "resize", size = 32 }, { op = "center_crop", size = 32 }"#,
        "order = \"sequential\"\nlast = \"keep\"",
    )?;
    let (train, validation) = Loader::split(source::open(data)?, 0.3, training, validation)?;
    let counts = validation.class_counts()?;
    println!(
        "{} samples to train with, {} to validate with, of {}",
        train.samples(),
        validation.samples(),
        train.total_samples()
    );

    let mut model = Means(vec![(vec![0.0; VALUES], 0.0); counts.len()]);
    for mut epoch in train.epochs(0..3) {
        for batch in &mut epoch {
            model.train(&batch?)?;
        }
        // Epoch 0 each time, so that every evaluation sees the same images.
        let mut correct = vec![0u64; counts.len()];
        for batch in validation.epoch(0)? {
            let batch = batch?;
            let images = batch.images().as_f32()?.chunks_exact(VALUES);
            for (image, class) in images.zip(batch.targets().index()?) {
                let class = *class as usize;
                correct[class] += u64::from(model.predict(image) == class);
            }
        }
        println!(
            "epoch {}: {} batches",
            epoch.number(),
            epoch.stats().batches
        );
        let names = validation.classes().unwrap_or_default();
        for (name, (correct, count)) in names.iter().zip(correct.iter().zip(&counts)) {
            println!("  {name}: {correct} of {count} right");
        }
    }
    Ok(())
}
