//! Writing a baseline scan: symbols, Huffman codes made for them, bits.

use super::coefficients::Coefficients;

/// Code lengths and symbols of a table, as a DHT segment has them, and each symbol's code.
pub(super) struct Codebook {
    pub counts: [u8; 16],
    pub symbols: Vec<u8>,
    /// Code and length by symbol; length 0 for symbols that do not occur.
    codes: [(u16, u8); 256],
}

impl Codebook {
    /// The best code of at most 16 bits for symbols that occur so often: ISO 10918-1, annex K.2.
    fn of(occurrences: &[u64; 256]) -> Codebook {
        // One more symbol, the rarest of all, takes the code of all ones, which is reserved.
        let mut weights = [0; 257];
        weights[..256].copy_from_slice(occurrences);
        weights[256] = 1;
        let mut lengths = [0usize; 257];
        let mut next = [usize::MAX; 257];
        loop {
            // The two lightest trees; of equals the later symbol, as libjpeg has it.
            let lightest = |but: usize| {
                let alive = (0..257).filter(|&n| weights[n] > 0 && n != but);
                alive.min_by_key(|&n| (weights[n], std::cmp::Reverse(n)))
            };
            let Some(first) = lightest(usize::MAX) else { break };
            let Some(second) = lightest(first) else { break };
            weights[first] += weights[second];
            weights[second] = 0;
            // All leaves of both are one deeper, and in one list.
            let mut at = first;
            loop {
                lengths[at] += 1;
                if next[at] == usize::MAX {
                    break;
                }
                at = next[at];
            }
            next[at] = second;
            let mut at = second;
            while at != usize::MAX {
                lengths[at] += 1;
                at = next[at];
            }
        }
        let mut counts = [0usize; 258];
        lengths.iter().filter(|length| **length > 0).for_each(|&length| counts[length] += 1);
        // Codes of more than 16 bits: a pair of siblings is undone, one takes their parent's place, the other goes below
        // a shorter code.
        for length in (17..counts.len()).rev() {
            while counts[length] > 0 {
                let shorter =
                    (1..length - 1).rev().find(|&n| counts[n] > 0).expect("a longer code has a shorter one");
                counts[length] -= 2;
                counts[length - 1] += 1;
                counts[shorter + 1] += 2;
                counts[shorter] -= 1;
            }
        }
        if let Some(longest) = (1..=16).rev().find(|&length| counts[length] > 0) {
            counts[longest] -= 1;
        }
        let mut symbols: Vec<u8> = (0..=255).filter(|&symbol| lengths[usize::from(symbol)] > 0).collect();
        symbols.sort_by_key(|&symbol| lengths[usize::from(symbol)]);
        let mut book =
            Codebook { counts: std::array::from_fn(|n| counts[n + 1] as u8), symbols, codes: [(0, 0); 256] };
        let (mut code, mut at) = (0u16, 0);
        for (length, count) in (1..).zip(book.counts) {
            for &symbol in &book.symbols[at..at + usize::from(count)] {
                book.codes[usize::from(symbol)] = (code, length);
                code += 1;
            }
            at += usize::from(count);
            code <<= 1;
        }
        book
    }
}

/// What takes the symbols of a scan: a count of them, or a writer.
trait Sink {
    /// A symbol of table `table`, and the low `size` bits of `value` behind it.
    fn put(&mut self, table: usize, symbol: u8, value: i32, size: u32);
}

/// How often each symbol occurs: DC of the first table, DC of the second, AC of both.
struct Count([[u64; 256]; 4]);

impl Sink for Count {
    fn put(&mut self, table: usize, symbol: u8, _: i32, _: u32) {
        self.0[table][usize::from(symbol)] += 1;
    }
}

struct Write<'a> {
    books: &'a [Codebook; 4],
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
        let (code, length) = self.books[table].codes[usize::from(symbol)];
        self.bits(code.into(), length.into());
        self.bits(value as u32 & ((1 << size) - 1), size);
    }
}

/// The largest bits of a difference of DC coefficients and of an AC coefficient that baseline coding has.
const MOST_DC: u32 = 11;
const MOST_AC: u32 = 10;

/// The scan of all components, and its tables: DC and AC of the first component, DC and AC of the others. `None` if a
/// coefficient is too large for baseline coding.
pub(super) fn scan(picture: &Coefficients<'_>) -> Option<([Codebook; 4], Vec<u8>)> {
    let mut count = Count([[0; 256]; 4]);
    walk(picture, &mut count)?;
    let books = count.0.each_ref().map(Codebook::of);
    let mut write = Write { books: &books, buffer: 0, bits: 0, out: Vec::new() };
    walk(picture, &mut write)?;
    // The last byte is filled with ones.
    let spare = (8 - write.bits % 8) % 8;
    write.bits((1 << spare) - 1, spare);
    let out = write.out;
    Some((books, out))
}

fn walk(picture: &Coefficients<'_>, sink: &mut impl Sink) -> Option<()> {
    let mut last = [0i16; 4];
    if let [plane] = &picture.planes[..] {
        for row in plane.blocks.chunks_exact(plane.stride).take(plane.rows) {
            row.iter().take(plane.columns).try_for_each(|block| put_block(block, &mut last[0], 0, sink))?;
        }
        return Some(());
    }
    for (row, column) in (0..picture.mcus[1]).flat_map(|row| (0..picture.mcus[0]).map(move |n| (row, n))) {
        for (n, (component, plane)) in picture.components.iter().zip(&picture.planes).enumerate() {
            for (y, x) in (0..component.v).flat_map(|y| (0..component.h).map(move |x| (y, x))) {
                let (row, column) = (row * component.v + y, column * component.h + x);
                let table = 2 * n.min(1);
                if row < plane.rows && column < plane.columns {
                    put_block(&plane.blocks[row * plane.stride + column], &mut last[n], table, sink)?;
                } else {
                    // Nobody sees it: what takes the fewest bits.
                    let mut flat = [0; 64];
                    flat[0] = last[n];
                    put_block(&flat, &mut last[n], table, sink)?;
                }
            }
        }
    }
    Some(())
}

fn put_block(block: &[i16; 64], last: &mut i16, table: usize, sink: &mut impl Sink) -> Option<()> {
    let size_of = |value: i32| 32 - value.unsigned_abs().leading_zeros();
    // A negative value is written as one less, which begins with a 0.
    let coded = |value: i32| if value < 0 { value - 1 } else { value };
    let difference = i32::from(block[0]) - i32::from(*last);
    *last = block[0];
    let size = size_of(difference);
    if size > MOST_DC {
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
        if size > MOST_AC {
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

    /// Checks that a code is prefix-free, complete but for the code of all ones, and no longer than 16 bits.
    fn check(occurrences: &[u64; 256]) -> Codebook {
        let book = Codebook::of(occurrences);
        let used = occurrences.iter().filter(|count| **count > 0).count();
        assert_eq!(book.symbols.len(), used);
        assert_eq!(book.counts.iter().map(|&count| usize::from(count)).sum::<usize>(), used);
        let space: u32 = (1..=16).zip(book.counts).map(|(n, count)| u32::from(count) << (16 - n)).sum();
        assert!(space < 1 << 16, "all ones are reserved");
        assert!(book.codes.iter().zip(occurrences).all(|(code, count)| (code.1 > 0) == (*count > 0)));
        book
    }

    #[test]
    fn codes_are_short_for_frequent_symbols_and_never_long() {
        let mut occurrences = [0; 256];
        assert!(check(&occurrences).symbols.is_empty());
        occurrences[7] = 5;
        assert_eq!(check(&occurrences).codes[7], (0, 1));
        // Fibonacci's numbers make the deepest tree.
        let (mut a, mut b) = (1u64, 1);
        for count in &mut occurrences[..40] {
            *count = a;
            (a, b) = (b, a + b);
        }
        let book = check(&occurrences);
        assert!(book.codes[39].1 < book.codes[20].1 && book.codes[0].1 == 16);
        check(&std::array::from_fn(|n| n as u64 * n as u64));
        check(&[1; 256]);
    }
}
