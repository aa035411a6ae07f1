//! Writing a sequential scan with optimal Huffman tables (T.81 F.1 and K.2).
//!
//! The image is walked twice with the same code: once into a counter of symbols, from which the
//! tables are made, and once into a writer of bits.

use crate::coefficients::Coefficients;

/// A Huffman table: counts and symbols as in a DHT segment, and the code of each symbol.
pub(crate) struct HuffmanCode {
    pub counts: [u8; 16],
    pub symbols: Vec<u8>,
    /// Code and length by symbol; length 0 for symbols that do not occur.
    codes: [(u16, u8); 256],
}

impl HuffmanCode {
    /// Makes the best code with at most 16 bits, given how often each symbol occurs (T.81 K.2).
    fn of(occurrences: &[u64; 256]) -> HuffmanCode {
        let lengths = code_lengths(occurrences);
        let mut symbols: Vec<u8> = (0..=255)
            .filter(|&symbol| lengths[usize::from(symbol)] > 0)
            .collect();
        symbols.sort_by_key(|&symbol| lengths[usize::from(symbol)]);
        let counts = limited_counts(&lengths);
        let mut codes = [(0, 0); 256];
        let (mut code, mut at) = (0u16, 0);
        for (length, count) in (1..).zip(counts) {
            for &symbol in &symbols[at..at + usize::from(count)] {
                codes[usize::from(symbol)] = (code, length);
                code += 1;
            }
            at += usize::from(count);
            code <<= 1;
        }
        HuffmanCode {
            counts,
            symbols,
            codes,
        }
    }
}

/// Returns the lengths of a Huffman code without a limit (figure K.1); 0 for symbols that do not
/// occur.
///
/// One more symbol, the rarest of all, takes the code of all ones, which is reserved.
fn code_lengths(occurrences: &[u64; 256]) -> [usize; 257] {
    let mut weights = [0; 257];
    weights[..256].copy_from_slice(occurrences);
    weights[256] = 1;
    let mut lengths = [0; 257];
    // The leaves of a tree are a linked list that begins at the index of its weight.
    let mut next = [usize::MAX; 257];
    loop {
        // Join the two lightest trees; among equals the later symbol, as in libjpeg.
        let lightest = |except: usize| {
            let alive = (0..257).filter(|&n| weights[n] > 0 && n != except);
            alive.min_by_key(|&n| (weights[n], std::cmp::Reverse(n)))
        };
        let Some(first) = lightest(usize::MAX) else {
            return lengths;
        };
        let Some(second) = lightest(first) else {
            return lengths;
        };
        weights[first] += weights[second];
        weights[second] = 0;
        let mut at = first;
        while next[at] != usize::MAX {
            lengths[at] += 1;
            at = next[at];
        }
        lengths[at] += 1;
        next[at] = second;
        let mut at = second;
        while at != usize::MAX {
            lengths[at] += 1;
            at = next[at];
        }
    }
}

/// Returns how many codes of 1 to 16 bits there are once longer ones are shortened (figure K.3) and
/// the reserved code is removed.
fn limited_counts(lengths: &[usize; 257]) -> [u8; 16] {
    let mut counts = [0usize; 258];
    lengths
        .iter()
        .filter(|length| **length > 0)
        .for_each(|&length| counts[length] += 1);
    for length in (17..counts.len()).rev() {
        while counts[length] > 0 {
            // Two codes of this length share a prefix. One becomes that prefix, a bit shorter; a
            // shorter code gets a bit more, and the other becomes its sibling (T.81, K.2).
            let shorter = (1..length - 1).rev().find(|&n| counts[n] > 0);
            let shorter = shorter.expect("a longer code has a shorter one");
            counts[length] -= 2;
            counts[length - 1] += 1;
            counts[shorter + 1] += 2;
            counts[shorter] -= 1;
        }
    }
    if let Some(longest) = (1..=16).rev().find(|&length| counts[length] > 0) {
        counts[longest] -= 1;
    }
    std::array::from_fn(|n| counts[n + 1] as u8)
}

/// Something that takes the symbols of a scan: a counter or a writer.
trait Sink {
    /// Takes a symbol of table `table`, and the low `size` bits of `value` behind it.
    fn put(&mut self, table: usize, symbol: u8, value: i32, size: u32);
}

/// Counts how often each symbol occurs, in the order of [`scan`]'s tables.
struct Count([[u64; 256]; 4]);

impl Sink for Count {
    fn put(&mut self, table: usize, symbol: u8, _: i32, _: u32) {
        self.0[table][usize::from(symbol)] += 1;
    }
}

/// Writes bits, with a zero stuffed behind each `FF`.
struct Write<'a> {
    tables: &'a [HuffmanCode; 4],
    buffer: u64,
    bits: u32,
    out: Vec<u8>,
}

impl Write<'_> {
    fn bits(&mut self, value: u32, count: u32) {
        self.buffer = self.buffer << count | u64::from(value);
        self.bits += count;
        while self.bits >= 8 {
            self.bits -= 8;
            let byte = (self.buffer >> self.bits) as u8;
            self.out.push(byte);
            if byte == 0xFF {
                self.out.push(0);
            }
        }
    }
}

impl Sink for Write<'_> {
    fn put(&mut self, table: usize, symbol: u8, value: i32, size: u32) {
        let (code, length) = self.tables[table].codes[usize::from(symbol)];
        self.bits(code.into(), length.into());
        self.bits(value as u32 & ((1 << size) - 1), size);
    }
}

/// The most bits of a DC difference and of an AC coefficient in baseline coding (tables F.1, F.2).
const MAX_DC_BITS: u32 = 11;
const MAX_AC_BITS: u32 = 10;

/// Writes a scan of all components. Returns its tables (DC and AC of the first component, DC and AC
/// of the others) and its bytes; `None` if a coefficient is too large for baseline coding.
pub(crate) fn scan(image: &Coefficients<'_>) -> Option<([HuffmanCode; 4], Vec<u8>)> {
    let mut count = Count([[0; 256]; 4]);
    walk(image, &mut count)?;
    let tables = count.0.each_ref().map(HuffmanCode::of);
    let mut write = Write {
        tables: &tables,
        buffer: 0,
        bits: 0,
        out: Vec::new(),
    };
    walk(image, &mut write)?;
    // The last byte is filled with ones.
    let padding = (8 - write.bits % 8) % 8;
    write.bits((1 << padding) - 1, padding);
    let out = write.out;
    Some((tables, out))
}

/// Passes the symbols of all blocks to `sink` in the order of the scan.
fn walk(image: &Coefficients<'_>, sink: &mut impl Sink) -> Option<()> {
    let mut last = [0i16; 4];
    if let [plane] = &image.planes[..] {
        for row in plane.blocks.chunks_exact(plane.stride).take(plane.rows) {
            row.iter()
                .take(plane.columns)
                .try_for_each(|block| put_block(block, &mut last[0], 0, sink))?;
        }
        return Some(());
    }
    for (row, column) in
        (0..image.mcus[1]).flat_map(|row| (0..image.mcus[0]).map(move |n| (row, n)))
    {
        for (n, (component, plane)) in image.components.iter().zip(&image.planes).enumerate() {
            for (y, x) in (0..component.v).flat_map(|y| (0..component.h).map(move |x| (y, x))) {
                let (row, column) = (row * component.v + y, column * component.h + x);
                let table = 2 * n.min(1);
                if row < plane.rows && column < plane.columns {
                    put_block(
                        &plane.blocks[row * plane.stride + column],
                        &mut last[n],
                        table,
                        sink,
                    )?;
                } else {
                    // A block that pads an MCU is not seen: write what takes the fewest bits.
                    let mut flat = [0; 64];
                    flat[0] = last[n];
                    put_block(&flat, &mut last[n], table, sink)?;
                }
            }
        }
    }
    Some(())
}

/// Passes the symbols of one block to `sink`; `last` is the DC coefficient of the block before.
fn put_block(block: &[i16; 64], last: &mut i16, table: usize, sink: &mut impl Sink) -> Option<()> {
    let size_of = |value: i32| 32 - value.unsigned_abs().leading_zeros();
    // A negative value is written as one less, which begins with a 0.
    let coded = |value: i32| if value < 0 { value - 1 } else { value };
    let difference = i32::from(block[0]) - i32::from(*last);
    *last = block[0];
    let size = size_of(difference);
    if size > MAX_DC_BITS {
        return None;
    }
    sink.put(table, size as u8, coded(difference), size);
    let mut run = 0;
    for &value in &block[1..] {
        if value == 0 {
            run += 1;
            continue;
        }
        while run > 15 {
            sink.put(table + 1, 0xF0, 0, 0);
            run -= 16;
        }
        let size = size_of(value.into());
        if size > MAX_AC_BITS {
            return None;
        }
        sink.put(table + 1, run << 4 | size as u8, coded(value.into()), size);
        run = 0;
    }
    if run > 0 {
        sink.put(table + 1, 0, 0, 0);
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks that a code has exactly the symbols that occur, no code of all ones, and 16 bits at
    /// most.
    fn check(occurrences: &[u64; 256]) -> HuffmanCode {
        let huffman = HuffmanCode::of(occurrences);
        let used = occurrences.iter().filter(|count| **count > 0).count();
        assert_eq!(huffman.symbols.len(), used);
        assert_eq!(
            huffman
                .counts
                .iter()
                .map(|&count| usize::from(count))
                .sum::<usize>(),
            used
        );
        let space: u32 = (1..=16)
            .zip(huffman.counts)
            .map(|(n, count)| u32::from(count) << (16 - n))
            .sum();
        assert!(space < 1 << 16, "all ones are reserved");
        assert!(
            huffman
                .codes
                .iter()
                .zip(occurrences)
                .all(|(code, count)| (code.1 > 0) == (*count > 0))
        );
        huffman
    }

    #[test]
    fn codes_are_short_for_frequent_symbols_and_never_long() {
        let mut occurrences = [0; 256];
        assert!(check(&occurrences).symbols.is_empty());
        occurrences[7] = 5;
        assert_eq!(check(&occurrences).codes[7], (0, 1));
        // Fibonacci numbers make the deepest tree.
        let (mut a, mut b) = (1u64, 1);
        for count in &mut occurrences[..40] {
            *count = a;
            (a, b) = (b, a + b);
        }
        let huffman = check(&occurrences);
        assert!(huffman.codes[39].1 < huffman.codes[20].1 && huffman.codes[0].1 == 16);
        check(&std::array::from_fn(|n| n as u64 * n as u64));
        check(&[1; 256]);
    }
}
