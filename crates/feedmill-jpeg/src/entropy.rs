//! Blocks of Huffman-coded coefficients.

use super::bits::{Source, Window};
use super::huffman::{AcTable, DcTable, END_OF_BLOCK, LONG_CODE, Skip};
use super::markers::ZIGZAG;

/// Room for one block of coefficients in natural order, in the first 64 places.
///
/// Indices that do not exist are written to place 64; the rest is there so that an index of type
/// `u8` is always in bounds.
pub(super) type Block = [i16; 256];

/// What is wrong with the bits of a block.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fault {
    BadCode,
    IndexOver63,
}

impl Fault {
    pub fn message(self) -> &'static str {
        match self {
            Fault::BadCode => "expected a Huffman code of the table, found none that matches",
            Fault::IndexOver63 => "expected coefficient indices up to 63, found a run beyond it",
        }
    }
}

/// Decodes the difference of a DC coefficient; at least 25 valid bits are left behind it.
#[inline(always)]
pub(super) fn dc_difference<'a>(
    source: &mut Source<'a>,
    window: &mut Window<'a>,
    table: &DcTable,
) -> Result<i32, Fault> {
    window.refill(source);
    let entry = table.lookup(window.buffer);
    let (mut value, mut consumed) = (entry.value(window.buffer), entry.consumed());
    if consumed == 0 {
        let symbol = table.lookup_long(window.buffer).ok_or(Fault::BadCode)?;
        (value, consumed) = (symbol.value(window.buffer), symbol.consumed());
    }
    window.consume(consumed);
    Ok(i32::from(value))
}

/// Decodes the AC coefficients behind a DC coefficient into `block`, returns the index of the last.
#[inline(always)]
pub(super) fn ac_coefficients<'a>(
    source: &mut Source<'a>,
    window: &mut Window<'a>,
    table: &AcTable,
    block: &mut Block,
) -> Result<u32, Fault> {
    let mut store = |k: u32, value: i16| {
        block[usize::from(ZIGZAG[usize::from(k as u8)])] = value;
    };
    // The index of the last coefficient so far. The end of the block, an index out of range and a
    // long code all raise it to 63 or more: one test per look-up.
    let mut k = 0u32;
    let (mut buffer, mut pair);
    macro_rules! pair {
        () => {
            buffer = window.buffer;
            pair = table.lookup(buffer);
            store(k + pair.advance(), pair.second_value());
            store(k + pair.first_advance(), pair.first_value(buffer));
            k += pair.advance();
            window.consume(pair.consumed());
        };
    }
    // A difference of DC coefficients takes 31 bits at most, a pair 18, of 56 after a refill.
    pair!();
    loop {
        while k < 63 {
            window.refill(source);
            pair!();
            if k >= 63 {
                break;
            }
            pair!();
            if k >= 63 {
                break;
            }
            pair!();
        }
        let first = k - pair.advance() + pair.first_advance();
        if first < 63 {
            break;
        }
        // The block ends, or a long code stands, before the pair's second symbol: give that back.
        k = first;
        window.buffer = buffer << pair.first_consumed();
        window.bits += pair.consumed() - pair.first_consumed();
        if k < LONG_CODE {
            break;
        }
        k -= LONG_CODE;
        window.refill(source);
        let symbol = table.lookup_long(window.buffer).ok_or(Fault::BadCode)?;
        k += symbol.advance();
        store(k, symbol.value(window.buffer));
        window.consume(symbol.consumed());
        if k >= 63 {
            break;
        }
    }
    match k {
        63 => Ok(63),
        END_OF_BLOCK.. => Ok(k - END_OF_BLOCK),
        _ => Err(Fault::IndexOver63),
    }
}

/// Steps over the AC coefficients behind a DC coefficient.
#[inline(always)]
pub(super) fn skip_ac_coefficients<'a>(
    source: &mut Source<'a>,
    window: &mut Window<'a>,
    table: &AcTable,
) -> Result<(), Fault> {
    let mut k = 0u32;
    let (mut buffer, mut skip);
    macro_rules! skip {
        () => {
            buffer = window.buffer;
            skip = table.skip(buffer);
            k += skip.advance();
            window.consume(skip.consumed());
        };
    }
    skip!();
    loop {
        while k < 63 {
            window.refill(source);
            skip!();
            if k >= 63 {
                break;
            }
            skip!();
            if k >= 63 {
                break;
            }
            skip!();
        }
        // An end of block that came before index 63, or index 63 itself.
        if (END_OF_BLOCK..END_OF_BLOCK + 63).contains(&k) || k == 63 {
            return Ok(());
        }
        // The symbols reach beyond the block, or the code is long: take them one at a time.
        k -= skip.advance();
        window.buffer = buffer;
        window.bits += skip.consumed();
        window.refill(source);
        let symbol = table.lookup_long(window.buffer).ok_or(Fault::BadCode)?;
        k += symbol.advance();
        window.consume(symbol.consumed());
        match k {
            0..63 => {}
            63 | END_OF_BLOCK.. => return Ok(()),
            _ => return Err(Fault::IndexOver63),
        }
    }
}

/// [`skip_ac_coefficients`] for a block at each of two places, step by step in turn: while one waits for a look-up, the
/// other gets on. `None` if one of them is of a rare kind; both are then to be stepped over by themselves.
#[inline(always)]
pub(super) fn skip_two<'a>(
    [source_a, source_b]: [&mut Source<'a>; 2],
    [mut a, mut b]: [Window<'a>; 2],
    table: &AcTable,
) -> Option<[Window<'a>; 2]> {
    let (mut k_a, mut k_b) = (0u32, 0u32);
    macro_rules! step {
        ($window:ident, $k:ident) => {
            // A block that has come to its end stays there.
            let skip = table.skip_unless($k >= 63, $window.buffer);
            $k += skip.advance();
            $window.consume(skip.consumed());
        };
    }
    macro_rules! long {
        ($source:ident, $window:ident, $k:ident) => {
            if $k >= Skip::LONG_CODE {
                $window.refill($source);
                let symbol = table.lookup_long($window.buffer)?;
                $k += symbol.advance();
                $k -= Skip::LONG_CODE;
                $window.consume(symbol.consumed());
            }
        };
    }
    step!(a, k_a);
    step!(b, k_b);
    loop {
        while k_a.min(k_b) < 63 {
            a.refill(source_a);
            b.refill(source_b);
            step!(a, k_a);
            step!(b, k_b);
            if k_a.min(k_b) >= 63 {
                break;
            }
            step!(a, k_a);
            step!(b, k_b);
            if k_a.min(k_b) >= 63 {
                break;
            }
            step!(a, k_a);
            step!(b, k_b);
        }
        if k_a.max(k_b) < Skip::LONG_CODE {
            break;
        }
        long!(source_a, a, k_a);
        long!(source_b, b, k_b);
    }
    let usual = |k: u32| (k.wrapping_sub(END_OF_BLOCK) < 63) | (k == 63);
    (usual(k_a) & usual(k_b)).then_some([a, b])
}
