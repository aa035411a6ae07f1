//! The final pass in plain code: look-ups in tables of all levels.

use super::{Element, Normalizer, Table, look_up_row, table};
use crate::geometry::Rect;

/// See [`Normalizer::copy`].
pub(super) fn copy<T: Element, const C: usize>(
    normalizer: &Normalizer,
    own: &[[u8; C]],
    partner: &[[u8; C]],
    rect: Rect,
    out: &mut [T],
) {
    let rows = rect.top as usize..(rect.top + rect.height) as usize;
    let columns = rect.left as usize..(rect.left + rect.width) as usize;
    let table: Table<T, C> = normalizer.converted();
    normalizer.rows::<T, C>(out, |y, channel, out, step| {
        let table = &table[channel];
        look_up_row(table, normalizer.row(own, y), channel, out, step);
        if rows.contains(&y) && !columns.is_empty() {
            let pixels = &normalizer.row(partner, y)[columns.clone()];
            let out = &mut out[columns.start * step..];
            look_up_row(table, pixels, channel, out, step);
        }
    });
}

/// See [`Normalizer::weighted_sum`].
pub(super) fn weighted_sum<T: Element, const C: usize>(
    normalizer: &Normalizer,
    sources: &[&[[u8; C]]],
    weights: &[f32],
    out: &mut [T],
) {
    let values = &normalizer.values;
    let scaled = |by: f32| table::<f32, C>(|channel, level| by * values[channel][level]);
    let tables: Vec<Table<f32, C>> = weights.iter().map(|weight| scaled(*weight)).collect();
    let mut sums = vec![0.0f32; normalizer.size.width as usize];
    normalizer.rows::<T, C>(out, |y, channel, out, step| {
        for (number, (source, table)) in sources.iter().zip(&tables).enumerate() {
            for (sum, pixel) in sums.iter_mut().zip(normalizer.row(source, y)) {
                let value = table[channel][usize::from(pixel[channel])];
                *sum = if number == 0 { value } else { *sum + value };
            }
        }
        let values = out.iter_mut().step_by(step).zip(&sums);
        values.for_each(|(out, sum)| *out = T::from_f32(*sum));
    });
}
