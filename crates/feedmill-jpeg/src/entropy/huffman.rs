//! Huffman tables in the forms that the decoding loops look up.
//!
//! A canonical Huffman code (T.81 annex C) is decoded by indexing a table with the next bits. The
//! time goes into the chain of dependent steps from one look-up to the next: load the entry, shift
//! the window by the bits it consumed, load the next. Three tables shorten it in different ways:
//!
//! * [`Single`], for DC: the entry holds a constant from which one shift and one addition make the
//!   value, because the code and the value's sign are known once the table index is.
//! * [`Pair`], for AC coefficients that are needed: the symbol *and the one behind it*, if both fit
//!   the look-ahead, so that one look-up yields two coefficients.
//! * [`Skip`], for AC coefficients of blocks outside the region: as many symbols as start in the
//!   look-ahead, reduced to bits and coefficients to step over.
//!
//! Progressive scans use the plain [`SymbolTable`]. Codes longer than a look-ahead are found by
//! comparing with the first code beyond each length ([`Codes::find`]).
//!
//! For comparison, libjpeg-turbo (`jdhuff.c`) looks up one symbol by 8 bits and then extracts its
//! value, and stb_image ("fast AC") keeps run and value of one short symbol in its table. The sizes
//! here were measured: 10 bits of look-ahead for pairs and 11 for skips. More bits save look-ups,
//! but then the tables of a file no longer fit the first-level cache beside other data.

use crate::error::{Result, corrupt};
use crate::markers::tables::HuffmanSpec;

/// Bits of look-ahead for coefficients that are needed: 8 KiB for each table.
pub(crate) const LOOKAHEAD: u32 = 10;
/// Bits of look-ahead for coefficients that are stepped over: 4 KiB for each table.
const SKIP_LOOKAHEAD: u32 = 11;

/// The `advance` of an end of block. Together with a valid index it stays below [`LONG_CODE`].
pub(crate) const END_OF_BLOCK: u32 = 128;
/// The `advance` of an entry whose code is longer than the look-ahead, or invalid.
pub(crate) const LONG_CODE: u32 = 192;

/// A symbol in plain fields.
#[derive(Clone, Copy, Default)]
pub(crate) struct Symbol {
    /// Bits of the code.
    length: u8,
    /// Bits of the value behind it.
    size: u8,
    /// What an AC symbol adds to the index of the last coefficient.
    advance: u8,
}

impl Symbol {
    fn ac(symbol: u8, length: u32) -> Self {
        let (run, size) = (symbol >> 4, symbol & 15);
        let advance = match (run, size) {
            // A run of 16 zeros writes its last zero like any other value.
            (15, 0) => 16,
            (_, 0) => END_OF_BLOCK as u8,
            _ => run + 1,
        };
        Symbol {
            length: length as u8,
            size,
            advance,
        }
    }

    fn dc(symbol: u8, length: u32) -> Self {
        Symbol {
            length: length as u8,
            size: symbol,
            advance: 0,
        }
    }

    /// Returns the bits of the code and of the value.
    pub(crate) fn consumed(self) -> u32 {
        u32::from(self.length + self.size)
    }

    pub(crate) fn advance(self) -> u32 {
        self.advance.into()
    }

    /// Returns the value, from bits that start with the code (T.81 F.2.2.1, EXTEND).
    pub(crate) fn value(self, buffer: u64) -> i16 {
        let raw = (buffer << self.length >> 1 >> (63 - self.size)) as i32;
        // A leading 0 marks a negative value, stored plus 2^n - 1.
        if raw >> self.size.saturating_sub(1) == 0 {
            (raw - (1 << self.size) + 1) as i16
        } else {
            raw as i16
        }
    }

    /// Returns what to add to the code and the value's bits, read as one number, to get the value,
    /// if that has the given sign.
    fn bias(self, code: u32, positive: bool) -> u16 {
        let ones = if positive || self.size == 0 {
            0
        } else {
            (1 << self.size) - 1
        };
        (((code as i32) << self.size) + ones).wrapping_neg() as u16
    }

    /// Sets those entries of a table whose index begins with the symbol's `code`. A value whose
    /// sign is not in the look-ahead has none; the symbol then counts as a long code.
    fn fill<T: Clone>(
        self,
        code: u32,
        table: &mut [T; 1 << LOOKAHEAD],
        entry: impl Fn(Symbol, u16) -> T,
    ) {
        let length = u32::from(self.length);
        let Some(spread) = LOOKAHEAD.checked_sub(length + u32::from(self.size.min(1))) else {
            return;
        };
        let halves = if self.size > 0 { 2 } else { 1 };
        let all = &mut table[(code << (LOOKAHEAD - length)) as usize..];
        for (half, entries) in all.chunks_exact_mut(1 << spread).take(halves).enumerate() {
            entries.fill(entry(self, self.bias(code, half == 1)));
        }
    }
}

/// A look-up entry for a DC symbol.
///
/// | bits   | content                                                          |
/// |--------|------------------------------------------------------------------|
/// | 0..8   | bits to consume, 0 if the code is long                           |
/// | 8..16  | 64 minus that                                                    |
/// | 16..32 | what to add to all these bits to get the value, modulo 2^16      |
///
/// All bits of an entry's index are known when the table is made, the code and the value's sign
/// among them. Hence one shift and one addition extract the value.
#[derive(Clone, Copy)]
pub(crate) struct Single(u32);

impl Single {
    const LONG: Single = Single(64 << 8);

    fn new(symbol: Symbol, bias: u16) -> Self {
        let consumed = symbol.consumed();
        Single(consumed | (64 - consumed) << 8 | u32::from(bias) << 16)
    }

    #[inline(always)]
    pub(crate) fn consumed(self) -> u32 {
        self.0 & 63
    }

    #[inline(always)]
    pub(crate) fn value(self, buffer: u64) -> i16 {
        let bits = buffer >> (self.0 >> 8 & 63);
        (bits as i16).wrapping_add((self.0 >> 16) as i16)
    }
}

/// A look-up entry for two AC symbols, or for one if a second does not fit the look-ahead.
///
/// | bits   | content                                                        |
/// |--------|----------------------------------------------------------------|
/// | 0..8   | bits to consume for both                                       |
/// | 8..16  | 64 minus the bits to consume for the first alone               |
/// | 16..24 | advance of the first                                           |
/// | 24..32 | advance of both                                                |
/// | 32..48 | value of the second, whose bits are all in the look-ahead      |
/// | 48..64 | what to add to the first's bits to get its value, as in [`Single`] |
///
/// With the total in the lowest bits, the chain from one look-up to the next is a shift, a load and
/// a shift; extracting the values happens beside it. Without a second symbol, "both" means the
/// first alone. The loop stores a second value anyway, at the same place as the first, which then
/// overwrites it: cheaper than a branch.
#[derive(Clone, Copy)]
pub(crate) struct Pair(u64);

impl Pair {
    /// The most bits that a pair may consume. Symbols that take more are rare and treated as long
    /// codes. Three pairs fit between refills of the window.
    const CAP: u32 = 18;

    const LONG: Pair = Pair(64 << 8 | (LONG_CODE as u64) << 16 | (LONG_CODE as u64) << 24);

    fn one(first: Symbol, bias: u16) -> Self {
        let (consumed, advance) = (u64::from(first.consumed()), u64::from(first.advance));
        if first.consumed() > Self::CAP {
            return Self::LONG;
        }
        Pair(
            consumed | (64 - consumed) << 8 | advance << 16 | advance << 24 | u64::from(bias) << 48,
        )
    }

    /// Returns this symbol with the one behind it, if the look-ahead `bits` holds all of that one.
    fn followed(self, bits: usize, ones: &[Pair; 1 << LOOKAHEAD]) -> Self {
        let consumed = self.consumed();
        let rest = (bits << consumed) % (1 << LOOKAHEAD);
        let second = ones[rest];
        // Computed whether it fits or not: a select costs less than a branch that is hard to
        // predict.
        let value = second.first_value((rest as u64) << (64 - LOOKAHEAD)) as u16;
        let advance = u64::from(second.advance());
        let both =
            (self.0 + u64::from(second.consumed()) + (advance << 24)) | (u64::from(value) << 32);
        let fits = (second.advance() != LONG_CODE)
            & (consumed + second.consumed() <= LOOKAHEAD)
            & (self.advance() < END_OF_BLOCK);
        Pair(if fits { both } else { self.0 })
    }

    #[inline(always)]
    pub(crate) fn consumed(self) -> u32 {
        self.0 as u32 & 63
    }

    #[inline(always)]
    pub(crate) fn advance(self) -> u32 {
        self.0 as u32 >> 24
    }

    #[inline(always)]
    pub(crate) fn first_consumed(self) -> u32 {
        64 - (self.0 as u32 >> 8 & 0xFF)
    }

    #[inline(always)]
    pub(crate) fn first_advance(self) -> u32 {
        self.0 as u32 >> 16 & 0xFF
    }

    /// Returns the value of the first symbol, whose code is at the top of `buffer`.
    #[inline(always)]
    pub(crate) fn first_value(self, buffer: u64) -> i16 {
        let bits = buffer >> (self.0 >> 8 & 63);
        (bits as i16).wrapping_add((self.0 >> 48) as i16)
    }

    #[inline(always)]
    pub(crate) fn second_value(self) -> i16 {
        (self.0 >> 32) as i16
    }
}

/// A look-up entry for as many AC symbols as start in the look-ahead, to be stepped over: their
/// bits in bits 0..6, the sum of their advances above.
#[derive(Clone, Copy)]
pub(crate) struct Skip(u16);

impl Skip {
    /// The `advance` of an entry that cannot step over even one symbol.
    pub(crate) const LONG_CODE: u32 = 512;
    /// The index of an entry for no symbol at all, where no look-ahead leads.
    const NONE: usize = 0;
    const LONG: Skip = Skip((Self::LONG_CODE << 6) as u16);

    /// Fills a table from the symbols and their codes. Entry `1 << n | bits` is for the case that
    /// only `n` bits of look-ahead are left, so that a longer look-ahead is the first symbol and
    /// then the entry of a shorter one: the table is made in a few passes over itself.
    ///
    /// An entry holds at most one end of block, as its last symbol, and at most 63 coefficients
    /// before it. So the sum of advances alone tells whether the block ended properly.
    fn fill(table: &mut [Skip; 2 << SKIP_LOOKAHEAD], symbols: &[(Symbol, u32)]) {
        table.fill(Skip::LONG);
        table[Self::NONE] = Skip(0);
        for known in 1..=SKIP_LOOKAHEAD {
            let (shorter, table) = table.split_at_mut(1 << known);
            for &(symbol, code) in symbols {
                let (consumed, advance) = (symbol.consumed(), symbol.advance());
                // Symbols come in the order of their lengths.
                let Some(spread) = known.checked_sub(symbol.length.into()) else {
                    break;
                };
                if consumed > Pair::CAP {
                    continue;
                }
                let one = (advance << 6 | consumed) as u16;
                let own = &mut table[(code << spread) as usize..][..1 << spread];
                if advance >= END_OF_BLOCK || consumed >= known {
                    own.fill(Skip(one));
                    continue;
                }
                // Behind each value comes whatever the bits that are left may hold.
                let left = 1 << (known - consumed);
                for own in own.chunks_exact_mut(left) {
                    for (own, rest) in own.iter_mut().zip(&shorter[left..]) {
                        let fits = (consumed + rest.consumed() <= Pair::CAP)
                            & ((advance + rest.advance()) % END_OF_BLOCK <= 63)
                            & (rest.advance() != Self::LONG_CODE);
                        *own = Skip(if fits { one + rest.0 } else { one });
                    }
                }
            }
        }
    }

    #[inline(always)]
    pub(crate) fn consumed(self) -> u32 {
        u32::from(self.0) & 63
    }

    #[inline(always)]
    pub(crate) fn advance(self) -> u32 {
        u32::from(self.0) >> 6
    }
}

/// The codes of one table, for those that a look-up does not resolve.
pub(crate) struct Codes {
    /// The first code beyond those of each length, left-aligned in 16 bits.
    limit: [u32; 17],
    /// What to subtract from a code of each length to get its symbol's index.
    offset: [i32; 17],
    spec: Option<HuffmanSpec>,
}

impl Codes {
    const EMPTY: Codes = Codes {
        limit: [0; 17],
        offset: [0; 17],
        spec: None,
    };

    /// Returns whether these are the codes of `spec`.
    ///
    /// Most files of a data set have the same few tables; this saves making them again.
    fn are(&self, spec: &HuffmanSpec) -> bool {
        self.spec.as_ref().is_some_and(|old| {
            old.counts == spec.counts && old.symbols[..old.total] == spec.symbols[..spec.total]
        })
    }

    /// Assigns codes to the symbols of `spec` (T.81 C.2), and calls `place` with symbol, code and
    /// length.
    fn assign(&mut self, spec: &HuffmanSpec, mut place: impl FnMut(u8, u32, u32)) -> Result<()> {
        self.spec = None;
        let (mut code, mut index) = (0u32, 0usize);
        for length in 1..=16u32 {
            let count = usize::from(spec.counts[length as usize - 1]);
            self.offset[length as usize] = code as i32 - index as i32;
            // Every code must fit, and so must the one beyond the last: all ones are reserved.
            if count > 0 && code + count as u32 >= 1 << length {
                return corrupt(
                    spec.offset,
                    format!("too many Huffman codes of {length} bits"),
                );
            }
            for &symbol in &spec.symbols[index..index + count] {
                place(symbol, code, length);
                code += 1;
            }
            index += count;
            self.limit[length as usize] = code << (16 - length);
            code <<= 1;
        }
        self.spec = Some(*spec);
        Ok(())
    }

    /// Returns the symbol whose code is at the top of `buffer`, and the length of the code.
    pub(crate) fn find(&self, buffer: u64) -> Option<(u8, u32)> {
        let head = (buffer >> 48) as u32;
        // Limits rise with the length, so the limits that were passed count the lengths that are
        // too short: no branch, which took 9 % off decoding a whole image.
        let length = 1 + self.limit[1..]
            .iter()
            .map(|limit| u32::from(head >= *limit))
            .sum::<u32>();
        let index = (head >> 16u32.checked_sub(length)?) as i32 - self.offset[length as usize];
        let symbol = *self
            .spec
            .as_ref()?
            .symbols
            .get(usize::try_from(index).ok()?)?;
        Some((symbol, length))
    }
}

/// The look-up table of a DC Huffman table.
pub(crate) struct DcTable {
    singles: [Single; 1 << LOOKAHEAD],
    codes: Codes,
}

impl DcTable {
    pub(crate) fn new() -> Self {
        DcTable {
            singles: [Single::LONG; 1 << LOOKAHEAD],
            codes: Codes::EMPTY,
        }
    }

    /// Makes this the table of `spec`.
    ///
    /// # Errors
    ///
    /// If the counts are not those of a code, or a symbol is out of range.
    pub(crate) fn set(&mut self, spec: &HuffmanSpec) -> Result<()> {
        if self.codes.are(spec) {
            return Ok(());
        }
        if let Some(symbol) = spec.symbols[..spec.total]
            .iter()
            .find(|&&symbol| symbol > 15)
        {
            return corrupt(
                spec.offset,
                format!("expected DC symbols up to 15, found {symbol}"),
            );
        }
        let singles = &mut self.singles;
        singles.fill(Single::LONG);
        self.codes.assign(spec, |symbol, code, length| {
            Symbol::dc(symbol, length).fill(code, singles, Single::new);
        })
    }

    /// Returns the entry of the symbol at the top of `buffer`.
    #[inline(always)]
    pub(crate) fn lookup(&self, buffer: u64) -> Single {
        self.singles[(buffer >> (64 - LOOKAHEAD)) as usize]
    }

    /// Returns the symbol at the top of `buffer`, with a code of any length. `None` for a wrong
    /// code.
    #[cold]
    #[inline(never)]
    pub(crate) fn lookup_long(&self, buffer: u64) -> Option<Symbol> {
        self.codes
            .find(buffer)
            .map(|(symbol, length)| Symbol::dc(symbol, length))
    }
}

/// The look-up tables of an AC Huffman table.
pub(crate) struct AcTable {
    pairs: [Pair; 1 << LOOKAHEAD],
    skips: [Skip; 2 << SKIP_LOOKAHEAD],
    has_skips: bool,
    codes: Codes,
}

impl AcTable {
    pub(crate) fn new() -> Self {
        AcTable {
            pairs: [Pair::LONG; 1 << LOOKAHEAD],
            skips: [Skip::LONG; 2 << SKIP_LOOKAHEAD],
            has_skips: false,
            codes: Codes::EMPTY,
        }
    }

    /// Makes this the table of `spec`. `skips` says whether many blocks will be stepped over, so
    /// that it pays to fill the table for that.
    ///
    /// # Errors
    ///
    /// If the counts are not those of a code.
    pub(crate) fn set(&mut self, spec: &HuffmanSpec, skips: bool) -> Result<()> {
        if self.codes.are(spec) && (self.has_skips || !skips) {
            return Ok(());
        }
        let (mut symbols, mut count) = ([(Symbol::default(), 0); 256], 0);
        let mut ones = [Pair::LONG; 1 << LOOKAHEAD];
        self.codes.assign(spec, |symbol, code, length| {
            let symbol = Symbol::ac(symbol, length);
            symbol.fill(code, &mut ones, Pair::one);
            symbols[count] = (symbol, code);
            count += 1;
        })?;
        for (n, (pair, one)) in self.pairs.iter_mut().zip(&ones).enumerate() {
            *pair = one.followed(n, &ones);
        }
        self.has_skips = skips;
        match skips {
            true => Skip::fill(&mut self.skips, &symbols[..count]),
            false => self.skips.fill(Skip::LONG),
        }
        Ok(())
    }

    /// Returns the entry for stepping over the symbols at the top of `buffer`.
    #[inline(always)]
    pub(crate) fn skip(&self, buffer: u64) -> Skip {
        self.skip_unless(false, buffer)
    }

    /// Returns the same entry, or one for no symbols if `none` is true. Takes no branch.
    #[inline(always)]
    pub(crate) fn skip_unless(&self, none: bool, buffer: u64) -> Skip {
        let entry = 1 << SKIP_LOOKAHEAD | (buffer >> (64 - SKIP_LOOKAHEAD)) as usize;
        self.skips[std::hint::select_unpredictable(none, Skip::NONE, entry)]
    }

    /// Returns the entry for the one or two symbols at the top of `buffer`.
    #[inline(always)]
    pub(crate) fn lookup(&self, buffer: u64) -> Pair {
        self.pairs[(buffer >> (64 - LOOKAHEAD)) as usize]
    }

    /// Returns the symbol at the top of `buffer`, with a code of any length. `None` for a wrong
    /// code.
    #[cold]
    #[inline(never)]
    pub(crate) fn lookup_long(&self, buffer: u64) -> Option<Symbol> {
        self.codes
            .find(buffer)
            .map(|(symbol, length)| Symbol::ac(symbol, length))
    }
}

/// A look-up table of symbols as they are, for files of several scans.
pub(crate) struct SymbolTable {
    /// For the next bits, the symbol in the high byte and the length of its code in the low; 0 for
    /// long codes.
    short: Box<[u16; 1 << Self::LOOKAHEAD]>,
    codes: Codes,
}

impl SymbolTable {
    /// Fewer bits than for sequential scans: a file has a dozen such tables, each used for a part
    /// of it.
    const LOOKAHEAD: u32 = 9;

    /// Makes the table of `spec`.
    pub(crate) fn of(spec: &HuffmanSpec) -> Result<SymbolTable> {
        let mut table = SymbolTable {
            short: Box::new([0; 1 << Self::LOOKAHEAD]),
            codes: Codes::EMPTY,
        };
        let short = &mut table.short;
        table.codes.assign(spec, |symbol, code, length| {
            if let Some(spread) = Self::LOOKAHEAD.checked_sub(length) {
                let entries = &mut short[(code << spread) as usize..][..1 << spread];
                entries.fill(u16::from(symbol) << 8 | length as u16);
            }
        })?;
        Ok(table)
    }

    /// Returns the symbol whose code is at the top of `buffer`, and the length of the code.
    #[inline(always)]
    pub(crate) fn lookup(&self, buffer: u64) -> Option<(u8, u32)> {
        match self.short[(buffer >> (64 - Self::LOOKAHEAD)) as usize] {
            0 => self.codes.find(buffer),
            entry => Some(((entry >> 8) as u8, u32::from(entry & 31))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(counts: &[u8], symbols: &[u8]) -> HuffmanSpec {
        let mut spec = HuffmanSpec {
            counts: [0; 16],
            symbols: [0; 256],
            total: symbols.len(),
            offset: 7,
        };
        spec.counts[..counts.len()].copy_from_slice(counts);
        spec.symbols[..symbols.len()].copy_from_slice(symbols);
        spec
    }

    #[test]
    fn pairs_agree_with_single_symbols() {
        let mut table = AcTable::new();
        // Codes 00, 01, 10, then 110..., down to one code of 16 bits.
        let mut counts = [1u8; 16];
        counts[0] = 0;
        counts[1] = 3;
        let symbols: Vec<u8> = [0x11, 0x02, 0x00, 0xF0, 0x23, 0x1F]
            .into_iter()
            .chain((1..12).map(|n| n * 16 + 5))
            .collect();
        table.set(&spec(&counts, &symbols), true).unwrap();
        let mut seed = 1u64;
        let mut two = 0;
        for _ in 0..10_000 {
            seed = seed
                .wrapping_mul(0x5851_F42D_4C95_7F2D)
                .wrapping_add(0x1405_7B7E_F767_814F);
            let pair = table.lookup(seed);
            let Some(first) = table.lookup_long(seed) else {
                continue;
            };
            if pair.advance() == LONG_CODE {
                assert!(first.consumed() >= LOOKAHEAD);
                continue;
            }
            assert_eq!(pair.first_consumed(), first.consumed());
            assert_eq!(pair.first_advance(), first.advance());
            assert_eq!(pair.first_value(seed), first.value(seed));
            if pair.consumed() > first.consumed() {
                let rest = seed << first.consumed();
                let second = table.lookup_long(rest).unwrap();
                assert_eq!(pair.consumed(), first.consumed() + second.consumed());
                assert_eq!(pair.advance(), first.advance() + second.advance());
                assert_eq!(pair.second_value(), second.value(rest));
                two += 1;
            } else {
                assert_eq!(pair.advance(), first.advance());
            }
        }
        assert!(two > 2000);
        for n in 0..1 << SKIP_LOOKAHEAD {
            let mut buffer = (n as u64) << (64 - SKIP_LOOKAHEAD);
            let skip = table.skip(buffer);
            let (mut consumed, mut advance) = (0, 0);
            while consumed < skip.consumed() {
                let symbol = table.lookup_long(buffer).unwrap();
                buffer <<= symbol.consumed();
                consumed += symbol.consumed();
                advance += symbol.advance();
            }
            if consumed > 0 {
                assert_eq!((skip.consumed(), skip.advance()), (consumed, advance));
            } else {
                assert_eq!(skip.advance(), Skip::LONG_CODE);
            }
        }
        assert!(table.lookup_long(u64::MAX).is_none());
    }

    #[test]
    fn values_are_sign_extended() {
        let value = |size: u8, bits: u64| Symbol::dc(size, 2).value(bits << (62 - size));
        assert_eq!([value(1, 0), value(1, 1)], [-1, 1]);
        assert_eq!(
            [value(3, 0), value(3, 3), value(3, 4), value(3, 7)],
            [-7, -4, 4, 7]
        );
        assert_eq!([value(15, 0), value(15, 0x7FFF)], [-32767, 32767]);
        assert_eq!(Symbol::dc(0, 2).value(u64::MAX), 0);
    }

    #[test]
    fn single_entries_agree_with_symbols() {
        let mut table = DcTable::new();
        let counts = [0, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0];
        let symbols: Vec<u8> = (0..16).rev().collect();
        table.set(&spec(&counts, &symbols)).unwrap();
        let mut seed = 1u64;
        let mut short = 0;
        for _ in 0..10_000 {
            seed = seed
                .wrapping_mul(0x5851_F42D_4C95_7F2D)
                .wrapping_add(0x1405_7B7E_F767_814F);
            let single = table.lookup(seed);
            if single.consumed() > 0 {
                let symbol = table.lookup_long(seed).unwrap();
                assert_eq!(
                    (single.consumed(), single.value(seed)),
                    (symbol.consumed(), symbol.value(seed))
                );
                short += 1;
            }
        }
        assert!(short > 9000);
    }

    #[test]
    fn overfull_tables_are_refused() {
        assert!(AcTable::new().set(&spec(&[2], &[1, 2]), false).is_err());
        assert!(
            AcTable::new()
                .set(&spec(&[0, 5], &[1, 2, 3, 4, 5]), false)
                .is_err()
        );
        assert!(DcTable::new().set(&spec(&[1], &[16])).is_err());
    }
}
