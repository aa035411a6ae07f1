//! The final pass and targets against torch and timm; the golden files are made by tests/goldens.

use std::fs;

use super::*;
use crate::geometry::Size;
use crate::mix::{Blend, CutMix, Mix, Mixed};
use crate::recipe::{self, Dtype, Recipe, TargetOptions};
use crate::sample::Target;

fn lines(name: &str) -> Vec<String> {
    let path = format!("{}/fixtures/goldens/{name}", env!("CARGO_MANIFEST_DIR"));
    fs::read_to_string(path)
        .unwrap()
        .lines()
        .map(str::to_string)
        .collect()
}

fn fnv1a(bytes: &[u8]) -> String {
    let hash = bytes
        .iter()
        .fold(0xCBF2_9CE4_8422_2325, |state: u64, &byte| {
            (state ^ u64::from(byte)).wrapping_mul(0x100_0000_01B3)
        });
    format!("{hash:016x}")
}

#[test]
fn normalized_values_have_the_bits_of_torch() {
    let size = Size {
        width: 256,
        height: 1,
    };
    let levels: Vec<u8> = (0..=255).flat_map(|level| [level; 3]).collect();
    let tables = lines("normalize.txt");
    assert_eq!(tables.len(), 5);
    for line in tables {
        let (numbers, hash) = line.rsplit_once(' ').unwrap();
        let n: Vec<f64> = numbers
            .split(' ')
            .map(|word| word.parse().unwrap())
            .collect();
        let output = recipe::Output::new().with_mean(&n[..3]).with_std(&n[3..6]);
        let writer = SlotWriter::new(&output, size, crate::cpu::Simd::detect());
        let mut out = vec![0f32; 768];
        let slot = SlotPixels::Views {
            sources: &[&levels],
            blend: &Blend::Keep,
        };
        writer.write(slot, &mut out);
        assert_eq!(fnv1a(bytemuck::cast_slice(&out)), hash, "{numbers}");
    }
}

#[test]
fn blends_of_all_pairs_of_levels_equal_torch_and_timm() {
    let size = Size {
        width: 256,
        height: 256,
    };
    let own: Vec<u8> = (0..65536u32).flat_map(|i| [(i >> 8) as u8; 3]).collect();
    let partner: Vec<u8> = (0..65536u32).flat_map(|i| [i as u8; 3]).collect();
    let mut count = 0;
    for line in lines("mix.txt")
        .iter()
        .filter(|line| line.starts_with("blend "))
    {
        let words: Vec<&str> = line.split(' ').collect();
        let lam: f64 = words[2].parse().unwrap();
        let (sources, blend) = ([&own[..], &partner[..]], Blend::Uniform { lam });
        let slot = SlotPixels::Views {
            sources: &sources,
            blend: &blend,
        };
        let found = if words[1] == "u8" {
            let output = recipe::Output::new().with_dtype(Dtype::U8);
            let mut out = vec![0u8; 3 << 16];
            SlotWriter::new(&output, size, crate::cpu::Simd::detect()).write(slot, &mut out);
            fnv1a(&out[..1 << 16])
        } else {
            let mut out = vec![0f32; 3 << 16];
            SlotWriter::new(&recipe::Output::default(), size, crate::cpu::Simd::detect())
                .write(slot, &mut out);
            fnv1a(bytemuck::cast_slice(&out[..1 << 16]))
        };
        assert_eq!(found, words[4], "{line}");
        count += 1;
    }
    assert_eq!(count, 14);
}

#[test]
fn mixed_and_smoothed_targets_equal_timm() {
    let mut count = 0;
    for line in lines("mix.txt")
        .iter()
        .filter(|line| line.starts_with("target "))
    {
        let (left, right) = line.split_once(" = ").unwrap();
        let words: Vec<&str> = left.split(' ').collect();
        let classes: u32 = words[1].parse().unwrap();
        let recipe = Recipe::new()
            .with_mix(Mix::new(CutMix::new().with_alpha(1.0)))
            .with_target(TargetOptions {
                classes: Some(classes),
                smoothing: words[2].parse().unwrap(),
                ..TargetOptions::default()
            });
        let lam: f64 = words[3].parse().unwrap();
        let targets = [words[4], words[5]].map(|class| Target::Class(class.parse().unwrap()));
        let mixed = Mixed {
            method: Method::MIXUP,
            role: crate::mix::EmitRole::Mixed,
            slot: 0,
            sources: vec![0, 1],
            weights: vec![lam, 1.0 - lam],
            blend: Blend::Uniform { lam },
            notes: Vec::new(),
            pasted: None,
        };
        let made = TargetMaker::new(&recipe).make(&targets, &[&mixed]);
        let row = &made.dense().unwrap()[..classes as usize];
        for (found, expected) in row.iter().zip(right.split(' ')) {
            let expected: f32 = expected.parse().unwrap();
            assert!((found - expected).abs() <= 1e-6, "{line}: {row:?}");
        }
        assert!((row.iter().sum::<f32>() - 1.0).abs() <= 1e-6, "{line}");
        count += 1;
    }
    assert_eq!(count, 63);
}
