//! The built-in ops and mixers keep the contracts that `feedmill::testing` checks.

use feedmill::recipe::Registry;
use feedmill::testing::{mixer_contract, op_contract};

/// Ops that need parameters and have no strengths in their declarations.
const OPS: [&str; 9] = [
    r#"{ op = "policy_op", name = "Rotate", magnitude = 5 }"#,
    r#"{ op = "timm_op", name = "Rotate", level = 5.0 }"#,
    r#"{ op = "timm_augment", config = "rand-m9-mstd0.5-inc1" }"#,
    r#"{ op = "sequence", ops = [{ op = "horizontal_flip" }, { op = "rotate90" }] }"#,
    r#"{ op = "one_of", ops = [{ op = "horizontal_flip" }, { op = "grayscale" }] }"#,
    r#"{ op = "some_of", count = 1, ops = [{ op = "horizontal_flip" }, { op = "equalize" }] }"#,
    r#"{ op = "random_order", ops = [{ op = "horizontal_flip" }, { op = "equalize" }] }"#,
    r#"{ op = "random_crop", size = 16, padding = 4 }"#,
    r#"{ op = "plane_mask", plane = "mask", patch = 8, ratio = 0.25 }"#,
];

#[test]
fn every_op_keeps_the_contract() {
    let registry = Registry::default();
    let mut untried = Vec::new();
    for spec in registry.op_specs() {
        let mut texts: Vec<String> = spec
            .strengths
            .iter()
            .map(|params| format!("{{ op = \"{}\", {params} }}", spec.name))
            .collect();
        texts.push(format!("{{ op = \"{}\" }}", spec.name));
        let given = OPS
            .iter()
            .filter(|text| text.contains(&format!("\"{}\"", spec.name)));
        texts.extend(given.map(|text| text.to_string()));
        let ops: Vec<_> = texts
            .iter()
            .filter_map(|text| registry.read_op(text).ok())
            .collect();
        if ops.is_empty() {
            untried.push(spec.name);
        }
        for op in ops {
            op_contract(&*op, &registry);
        }
    }
    // It needs a folder of cut-outs; tests/loader/joint.rs makes one.
    untried.retain(|name| *name != "copy_paste");
    assert_eq!(untried, [""; 0], "no parameters are known for these ops");
    for text in OPS {
        op_contract(&*registry.read_op(text).unwrap(), &registry);
    }
}

#[test]
fn every_mixer_keeps_the_contract() {
    let registry = Registry::default();
    for spec in registry.mixer_specs() {
        let texts = [
            format!("{{ mix = \"{}\" }}", spec.name),
            format!("{{ mix = \"{}\", alpha = 0.4 }}", spec.name),
        ];
        let mixers: Vec<_> = texts
            .iter()
            .filter_map(|text| registry.read_mixer(text).ok())
            .collect();
        assert!(
            !mixers.is_empty(),
            "no parameters are known for {}",
            spec.name
        );
        for mixer in mixers {
            mixer_contract(&*mixer, &registry);
        }
    }
}
