//! The contact sheet of `feedmill preview --ops`: every op at low, middle and high strength.

use feedmill::augment;
use feedmill::geometry::Size;
use feedmill::recipe::Registry;
use feedmill::spec::Spec;
use feedmill::toml;

use crate::canvas::{CHARACTER, Canvas, GAP};

/// The side of the image that ops are applied to.
pub(crate) const SIDE: u32 = 96;

/// Ops beside each other.
const COLUMNS: usize = 4;

/// An image to show ops on where there is none: bands of hue, a ramp of gray, stripes and a disk.
pub(crate) fn test_card() -> Vec<u8> {
    let mut rgb = Vec::with_capacity((SIDE * SIDE * 3) as usize);
    for y in 0..SIDE {
        for x in 0..SIDE {
            let (dx, dy) = (x as i32 - 62, y as i32 - 58);
            let wheel = |shift: u32| {
                let at = (x * 6 + shift * SIDE * 2) % (SIDE * 6);
                let from_peak = at.min(SIDE * 6 - at);
                (255 * 2u32.saturating_sub(from_peak / SIDE)).min(255) as u8
            };
            rgb.extend(match y {
                _ if dx * dx + dy * dy < 400 => [200, (40 + y * 2) as u8, 60],
                0..32 => [wheel(0), wheel(2), wheel(1)],
                32..48 => [(x * 255 / (SIDE - 1)) as u8; 3],
                _ if (x / 4 + y / 4) % 2 == 0 => [(x * 2) as u8, 120, 90],
                _ => [40, (y * 2) as u8, 150],
            });
        }
    }
    rgb
}

/// Draws the sheet on an image of [`SIDE`] x [`SIDE`] pixels.
pub(crate) fn sheet(rgb: &[u8], seed: u64) -> feedmill::Result<Canvas> {
    let registry = Registry::default();
    // An op may have several rows of three strengths.
    let rows_of = |spec: &'static Spec| spec.strengths.chunks(3).map(move |row| (spec.name, row));
    let lines: Vec<_> = registry.op_specs().flat_map(rows_of).collect();
    let (cell, label) = (SIDE as usize + GAP, CHARACTER + 2);
    let (width, height) = (3 * cell + 2 * GAP, SIDE as usize + label + GAP);
    let rows = lines.len().div_ceil(COLUMNS);
    let mut canvas = Canvas::new(GAP + COLUMNS * width, GAP + rows * height);
    for (number, (name, strengths)) in lines.into_iter().enumerate() {
        // Down the columns, so that neighbors in the list stay neighbors.
        let (left, top) = (GAP + number / rows * width, GAP + number % rows * height);
        let mut title = name.to_string();
        for (strength, params) in strengths.iter().enumerate() {
            let op = registry.read_op(&format!("{{ op = \"{name}\", {params} }}"))?;
            if let Some(toml::Value::String(kind)) = op.params().get("name") {
                title = format!("{name} {kind}");
            }
            let side = Size {
                width: SIDE,
                height: SIDE,
            };
            let (size, pixels) = augment::apply(&*op, seed, side, rgb)?;
            let columns = (size.width.min(SIDE)) as usize;
            for (y, row) in pixels
                .chunks_exact(size.width as usize * 3)
                .take(SIDE as usize)
                .enumerate()
            {
                canvas.row(left + strength * cell, top + label + y, &row[..columns * 3]);
            }
        }
        canvas.text(left, top, 3 * cell, &title);
    }
    Ok(canvas)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_op_that_needs_only_an_image_is_on_the_sheet() {
        let registry = Registry::default();
        let missing = registry.op_specs().filter(|spec| spec.strengths.is_empty());
        // These two need a bank of cut-outs and a plane.
        let missing: Vec<&str> = missing.map(|spec| spec.name).collect();
        assert_eq!(missing, ["copy_paste", "plane_mask"]);
        sheet(&test_card(), 0).unwrap();
    }
}
