//! Few-shot learning: each batch is an episode of a few labeled images (support) and others to
//! classify (queries). The classifier takes the class with the nearest mean color.
//!
//! cargo run --example episodes [FOLDER]

use feedmill::augment::ops::Resize;
use feedmill::geometry::Size;
use feedmill::plan::{EpisodeRole, Episodes};
use feedmill::{Loader, Recipe, Slot};

/// The features of an image, for which a real program has a network: the mean of each channel.
fn features(slot: Slot<'_>) -> feedmill::Result<[f32; 3]> {
    let values = slot.view(0, 0).image().as_f32()?; // [1, 3, 32, 32]
    let channel = |c: usize| &values[c * 32 * 32..][..32 * 32];
    Ok([0, 1, 2].map(|c| channel(c).iter().sum::<f32>() / 1024.0))
}

/// The class of a slot within its episode.
fn class_of(slot: Slot<'_>) -> usize {
    slot.group().expect("episodes have groups") as usize
}

fn distance(a: [f32; 3], b: [f32; 3]) -> f32 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum()
}

fn main() -> feedmill::Result<()> {
    let data = std::env::args().nth(1).unwrap_or("fixtures/photos".into());
    // Three classes, with one support image and two queries each: 9 slots.
    let ways = 3;
    let episodes = Episodes::new(ways, 1, 2).with_batches(20);
    let recipe = Recipe::new()
        .with_seed(7)
        .with_batch(9)
        .op(Resize::new(Size {
            width: 32,
            height: 32,
        }))
        .with_sampler(episodes);
    let loader = Loader::open(data, recipe)?;
    let (mut correct, mut queries) = (0, 0);
    for batch in loader.epoch(0)? {
        let batch = batch?;
        let mut centroids = vec![[0.0; 3]; ways as usize];
        let (support, query): (Vec<_>, Vec<_>) = batch
            .slots()
            .partition(|slot| slot.role() == EpisodeRole::Support);
        for slot in support {
            centroids[class_of(slot)] = features(slot)?;
        }
        for slot in query {
            let features = features(slot)?;
            let nearest = (0..centroids.len()).min_by(|&a, &b| {
                distance(centroids[a], features).total_cmp(&distance(centroids[b], features))
            });
            correct += usize::from(nearest == Some(class_of(slot)));
            queries += 1;
        }
    }
    println!("{correct} of {queries} queries classified correctly by their mean color");
    Ok(())
}
