//! The coefficients of one block of a sequential scan (T.81 F.2.2): read, or stepped over.
//!
//! The loops look for the end of the block as rarely as they can. `k` is the index of the last
//! coefficient so far; an end of block, an index out of range and a code that the table does not
//! resolve all raise it to 63 or more, so one comparison after each look-up covers everything
//! unusual, and what happened is told apart once the loop is left.

use super::Fault;
use super::bits::{BitSource, Window};
use super::huffman::{AcTable, DcTable, END_OF_BLOCK, LONG_CODE, Skip};
use crate::markers::tables::ZIGZAG;

/// Room for one block of coefficients in natural order, in the first 64 places.
///
/// Coefficients that do not exist are written to place 64. The rest is there so that an index of
/// type `u8` is always in bounds and needs no check.
pub(crate) type PaddedBlock = [i16; 256];

/// Returns the coefficients of two blocks.
#[inline(always)]
pub(crate) fn coefficients(blocks: &[PaddedBlock; 2]) -> [&[i16; 64]; 2] {
    let [a, b] = blocks;
    [
        a.first_chunk().expect("64 of 256"),
        b.first_chunk().expect("64 of 256"),
    ]
}

/// Decodes the difference of a DC coefficient. At least 25 valid bits are left behind it.
#[inline(always)]
pub(crate) fn dc_difference<'a>(
    source: &mut BitSource<'a>,
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

/// Decodes the AC coefficients behind a DC coefficient into `block`, which is zero there.
///
/// Returns the index of the last coefficient that is not zero, 0 for none.
#[inline(always)]
pub(crate) fn ac_coefficients<'a>(
    source: &mut BitSource<'a>,
    window: &mut Window<'a>,
    table: &AcTable,
    block: &mut PaddedBlock,
) -> Result<u32, Fault> {
    let mut store = |k: u32, value: i16| {
        block[usize::from(ZIGZAG[usize::from(k as u8)])] = value;
    };
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
    // After a refill there are 56 bits. A DC difference takes 31 at most and a pair 18, so one pair
    // fits behind the difference, and three fit between refills.
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
        // The block ends, or there is a long code, after the first symbol: give back the second.
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
        _ => Err(Fault::RunBeyondEnd),
    }
}

/// Steps over the AC coefficients behind a DC coefficient.
#[inline(always)]
pub(crate) fn skip_ac_coefficients<'a>(
    source: &mut BitSource<'a>,
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
        // An end of block before index 63, or index 63 itself: the block is complete.
        if (END_OF_BLOCK..END_OF_BLOCK + 63).contains(&k) || k == 63 {
            return Ok(());
        }
        // The symbols reach into the next block, or the code is long: take them one at a time.
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
            _ => return Err(Fault::RunBeyondEnd),
        }
    }
}

/// Steps over the AC coefficients of two blocks at different places of the scan, in turn.
///
/// While one look-up waits for memory the other one runs, which gains 8 %. For coefficients that
/// are needed the same was measured as a loss, since such a step has too many instructions to hide
/// anything behind. Returns `None` if a block is of a rare kind; the caller then steps over both of
/// them one by one.
#[inline(always)]
pub(crate) fn skip_two_blocks<'a>(
    [source_a, source_b]: [&mut BitSource<'a>; 2],
    [mut a, mut b]: [Window<'a>; 2],
    table: &AcTable,
) -> Option<[Window<'a>; 2]> {
    let (mut k_a, mut k_b) = (0u32, 0u32);
    macro_rules! step {
        ($window:ident, $k:ident) => {
            // A block that is complete stays where it is.
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
