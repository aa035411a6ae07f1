//! Values of a recipe that change with the epoch.

use feedmill::plan::Last;
use feedmill::{Batch, Loader, World};

use crate::support::*;

fn loader() -> Loader {
    load(pixels(21), curriculum(8, MIX).with_last(Last::Pad)).unwrap()
}

#[test]
fn an_epoch_is_that_of_a_recipe_with_its_values() {
    // The curve `tanh` at the share `t` of its epochs, from 0 to 0.5.
    let hue = |t: f64| format!("{:?}", 0.5 * (libm::tanh(3.0 * t) / libm::tanh(3.0)));
    for (epoch, size, p, small, t) in [
        (0, 5, "0.2", 4, 0.0),
        (1, 7, "0.4", 4, 0.25),
        (2, 7, "0.6", 5, 0.5),
        (3, 9, "0.8", 6, 0.75),
    ] {
        let fixed = curriculum_with(8, MIX, &size.to_string(), p, &small.to_string(), &hue(t))
            .with_last(Last::Pad);
        let fixed = load(pixels(21), fixed).unwrap();
        let curved = loader();
        assert_eq!(curved.shapes_at(epoch).unwrap(), fixed.shapes());
        assert_eq!(
            curved.shapes_at(epoch).unwrap(),
            [[8, 3, size, 8], [16, 3, small, small]]
        );
        for index in 0..3 {
            let (found, expected) = (
                curved.reference_batch(epoch, index).unwrap(),
                fixed.reference_batch(epoch, index).unwrap(),
            );
            assert_eq!(
                found.digest(),
                expected.digest(),
                "epoch {epoch}, batch {index}"
            );
            assert_eq!(found.view(1).shape(), expected.view(1).shape());
        }
    }
    assert_eq!(loader().shape(), [8, 3, 5, 8]);
}

#[test]
fn resuming_and_joining_ranks_work_across_a_change_of_size() {
    let ranked = |rank| {
        let loader = load(pixels(21), curriculum(8, MIX).with_last(Last::Pad)).unwrap();
        loader.with_world(World::new(rank, 2).unwrap()).unwrap()
    };
    let slots = |batch: &Batch| batch.slots().map(|slot| slot.digest()).collect::<Vec<_>>();
    let batches: Vec<Batch> = loader()
        .epochs(0..5)
        .flatten()
        .map(Result::unwrap)
        .collect();
    assert_eq!(batches.len(), 15);
    let parts = [0, 1].map(|rank| {
        ranked(rank)
            .epochs(0..5)
            .flatten()
            .map(|batch| slots(&batch.unwrap()))
            .collect::<Vec<_>>()
    });
    for (done, batch) in batches.iter().enumerate() {
        assert_eq!(
            [&parts[0][done][..], &parts[1][done][..]].concat(),
            slots(batch)
        );
        let mut resumed = loader().workers(3).unwrap();
        resumed.resume(batch.state()).unwrap();
        let expected: Vec<u64> = batches[done + 1..].iter().map(Batch::digest).collect();
        assert_eq!(
            threaded(&resumed, 5),
            expected,
            "after {} batches",
            done + 1
        );
    }
}

#[test]
fn explain_and_images_show_the_values_of_their_epoch() {
    let text = loader().explain(2, 3).unwrap().to_string();
    for line in [
        "view     view 0, 8 x 7",
        "value    horizontal_flip p = 0.6",
        "value    random_resized_crop size[0] = 7",
    ] {
        assert!(text.contains(line), "no {line} in {text}");
    }
    let loader = loader();
    let height = |epoch| loader.images(&loader.reference_batch(epoch, 0).unwrap(), 1)[0].height;
    assert_eq!([height(0), height(2), height(3)], [5, 7, 9]);
}
