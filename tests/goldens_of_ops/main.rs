//! Ops as a recipe writes them, against what Pillow, torchvision and timm make of the same pictures.

use std::collections::BTreeMap;
use std::path::PathBuf;

use feedmill::augment::{self, Registry};
use feedmill::decode::{Decoder, Limits, Rect, probe};
use feedmill::source::Codec;
use feedmill::toml;

fn fixture(path: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "fixtures", path].iter().collect()
}

fn fnv1a(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xCBF2_9CE4_8422_2325, |state, &byte| (state ^ u64::from(byte)).wrapping_mul(0x100_0000_01B3))
}

/// Width, height and RGB of a picture of fixtures/goldens.
fn picture(name: &str) -> (u32, u32, Vec<u8>) {
    let bytes = std::fs::read(fixture(&format!("goldens/{name}.png"))).unwrap();
    let probe = probe(&bytes, Codec::Png, &Limits::default()).unwrap();
    let mut pixels = Vec::new();
    Decoder::new().decode(&bytes, &probe, Rect::whole(probe.width, probe.height), &mut pixels).unwrap();
    (probe.width, probe.height, pixels)
}

/// The op of a text such as `op = "rotate", degrees = 15.0`: its name, and what it makes of a picture.
fn apply(text: &str, (width, height, pixels): &(u32, u32, Vec<u8>)) -> (String, String) {
    let mut table: toml::Table = toml::from_str(&format!("op = {{ {text} }}")).unwrap();
    let Some(toml::Value::Table(mut params)) = table.remove("op") else { panic!("{text}") };
    let name = params.remove("op").unwrap().as_str().unwrap().to_string();
    let op = Registry::default().make(&name, params).unwrap();
    let (frame, pixels) = augment::apply(&*op, 7, *width, *height, pixels).unwrap();
    (name, format!("{} {} {:016x}", frame.width, frame.height, fnv1a(&pixels)))
}

#[test]
fn ops_give_the_bytes_of_their_references() {
    let text = std::fs::read_to_string(fixture("goldens/apply.txt")).unwrap();
    let mut pictures = BTreeMap::new();
    let mut wrong: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut count = 0;
    for line in text.lines() {
        let [name, _, op, expected] = line.split(" | ").collect::<Vec<_>>()[..] else { panic!("{line}") };
        let picture = pictures.entry(name.to_string()).or_insert_with(|| picture(name));
        let (op, found) = apply(op, picture);
        if found != expected {
            wrong.entry(op).or_default().push(format!("{line}: found {found}"));
        }
        count += 1;
    }
    for (op, lines) in &wrong {
        println!("{op}: {} differ, among them\n  {}", lines.len(), lines[..lines.len().min(8)].join("\n  "));
    }
    assert!(wrong.is_empty());
    assert_eq!(count, 2401);
}
