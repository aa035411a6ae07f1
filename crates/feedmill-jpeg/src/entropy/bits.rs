//! The bit window over entropy-coded data.
//!
//! The decoder works on a [`Window`]: up to 63 valid bits in a register, the next one at the top.
//! It is refilled eight bytes at a time without a branch, as described by Fabian Giesen ("Reading
//! bits in far too many ways", variant 4), which is only correct where the bytes are plain data.
//!
//! JPEG makes that rare: an `FF` byte is followed by a stuffed zero, or it begins a marker. So the
//! next `FF` is searched beforehand with vector code, and the fast refill walks over the *clean*
//! stretch up to it. Whatever happens at its end (a stuffed zero, fill bytes, a marker, the end of
//! the data) is left to [`BitSource::refill_slowly`]. Beyond a marker it supplies zero bits and
//! counts them, so that the loops need no test for the end: [`BitSource::overrun`] is asked once
//! for each MCU whether any of those bits were used.

use crate::error::{Result, corrupt, truncated};

/// The next bits of the scan, kept in registers by the decoding loops.
#[derive(Clone, Copy)]
pub(crate) struct Window<'a> {
    /// Upcoming bits, first at the top. Below the valid ones there may be more, already correct.
    pub buffer: u64,
    /// Number of valid bits, at most 63.
    pub bits: u32,
    /// Bytes behind the window that are known to hold no `FF`.
    clean: &'a [u8],
}

/// The fields of a [`BitSource`] that refills change, which is cheaper to save than all of it.
#[derive(Clone, Copy)]
pub(crate) struct Mark {
    clean_end: usize,
    padding: u32,
}

/// The bytes of a scan, and what lies behind the clean stretch that a [`Window`] walks over.
#[derive(Clone, Copy)]
pub(crate) struct BitSource<'a> {
    data: &'a [u8],
    /// Where the window last started anew: at the scan, at a restart marker or by a seek.
    start: usize,
    /// End of the clean stretch: an `FF`, or the end of the data.
    clean_end: usize,
    /// Zero bits supplied beyond the end of the data.
    padding: u32,
    find_ff: fn(&[u8]) -> usize,
}

impl<'a> Window<'a> {
    /// Makes at least 56 bits valid.
    #[inline(always)]
    pub(crate) fn refill(&mut self, source: &mut BitSource<'a>) {
        match self.clean.first_chunk::<8>() {
            Some(&next) => {
                // Bits that do not fit are loaded again by the next refill: no branch, no masking.
                self.buffer |= u64::from_be_bytes(next) >> (self.bits & 63);
                self.clean = &self.clean[((63 ^ self.bits) as usize & 63) >> 3..];
                self.bits |= 56;
            }
            None => *self = source.refill_slowly(*self),
        }
    }

    #[inline(always)]
    pub(crate) fn consume(&mut self, bits: u32) {
        self.buffer <<= bits & 63;
        self.bits = self.bits.wrapping_sub(bits);
    }
}

impl<'a> BitSource<'a> {
    /// Starts at `data[start..]`; `find_ff` returns the distance to the next `FF` byte or the end.
    pub(crate) fn new(
        data: &'a [u8],
        start: usize,
        find_ff: fn(&[u8]) -> usize,
    ) -> (Self, Window<'a>) {
        let mut source = BitSource {
            data,
            start,
            clean_end: start,
            padding: 0,
            find_ff,
        };
        let window = source.window_at(start);
        (source, window)
    }

    /// Returns what to keep beside a copy of the window, to come back to its place after refills.
    #[inline(always)]
    pub(crate) fn mark(&self) -> Mark {
        Mark {
            clean_end: self.clean_end,
            padding: self.padding,
        }
    }

    /// Comes back to a mark; the caller restores the window.
    pub(crate) fn go_back(&mut self, mark: Mark) {
        Mark {
            clean_end: self.clean_end,
            padding: self.padding,
        } = mark;
    }

    /// Returns the clean stretch that begins at `start`.
    fn clean_from(&mut self, start: usize) -> &'a [u8] {
        let rest = self.data.get(start..).unwrap_or(&[]);
        let (clean, _) = rest.split_at((self.find_ff)(rest).min(rest.len()));
        self.clean_end = start + clean.len();
        clean
    }

    /// Starts anew at a byte.
    fn window_at(&mut self, start: usize) -> Window<'a> {
        self.padding = 0;
        self.start = start;
        Window {
            buffer: 0,
            bits: 0,
            clean: self.clean_from(start),
        }
    }

    /// Removes stuffed zeros, and supplies zero bits at a marker or the end.
    #[cold]
    #[inline(never)]
    fn refill_slowly(&mut self, mut window: Window<'a>) -> Window<'a> {
        while window.bits < 56 {
            // The common case: the rest of the clean stretch and the stuffed FF behind it, at once.
            let (at, left) = (self.clean_end - window.clean.len(), window.clean.len());
            let stuffed = matches!(self.data.get(self.clean_end..), Some([0xFF, 0, ..]));
            if left < 8
                && stuffed
                && let Some(&next) = self.data[at..].first_chunk::<8>()
            {
                let room = (63 - window.bits as usize) / 8;
                let count = room.min(left + 1);
                let known = u64::from_be_bytes(next) & !(u64::MAX >> 1 >> (8 * count - 1));
                window.buffer |= known >> window.bits;
                window.bits += 8 * count as u32;
                if count > left {
                    window.clean = self.clean_from(self.clean_end + 2);
                } else {
                    window.clean = &window.clean[count..];
                }
                continue;
            }
            if let Some((&byte, rest)) = window.clean.split_first() {
                window.clean = rest;
                window.buffer |= u64::from(byte) << (56 - window.bits);
            } else {
                // Fill bytes may stand between an FF and what it introduces.
                let rest = self.data.get(self.clean_end..).unwrap_or(&[]);
                let fill = rest.iter().take_while(|&&byte| byte == 0xFF).count();
                if fill > 0 && rest.get(fill) == Some(&0) {
                    window.buffer |= 0xFF << (56 - window.bits);
                    window.clean = self.clean_from(self.clean_end + fill + 1);
                } else {
                    // Past the fill bytes, not to count them again for each byte of padding.
                    self.clean_end += fill.saturating_sub(1);
                    self.padding += 8;
                }
            }
            window.bits += 8;
        }
        window
    }

    /// Returns whether more bits were consumed than the scan holds.
    #[inline(always)]
    pub(crate) fn overrun(&self, window: &Window<'_>) -> bool {
        self.padding > window.bits
    }

    /// Starts anew at a [`BitSource::position`]. One beyond the data is an early end.
    pub(crate) fn seek(&mut self, position: u64) -> Window<'a> {
        let mut window = self.window_at(
            usize::try_from(position / 8)
                .unwrap_or(usize::MAX)
                .min(self.data.len()),
        );
        if !position.is_multiple_of(8) {
            window.refill(self);
            window.consume((position % 8) as u32);
        }
        window
    }

    /// Returns where the next bit is: 8 times the offset of its byte in the file, plus the number
    /// of the bit counted from the top.
    ///
    /// The result depends on the bit alone and not on how the window got there, since an entropy
    /// index compares positions: fill bytes in front of a byte count as part of it.
    pub(crate) fn position(&self, window: &Window<'_>) -> u64 {
        let mut at = self.clean_end - window.clean.len();
        let before_fill = |mut at: usize| {
            while at > self.start && self.data[at - 1] == 0xFF {
                at -= 1;
            }
            at
        };
        let unread = window.bits.saturating_sub(self.padding);
        for _ in 0..unread.div_ceil(8) {
            // In entropy-coded data an FF is fill, or it is followed by the zero that was stuffed
            // behind it.
            at = before_fill(at);
            let stuffed = at >= self.start + 2 && self.data[at - 2..at] == [0xFF, 0];
            at = at.saturating_sub(1 + usize::from(stuffed)).max(self.start);
        }
        8 * before_fill(at) as u64 + u64::from(unread.wrapping_neg() % 8)
    }

    /// Returns an offset that lies behind all consumed bits, but not behind the next marker.
    pub(crate) fn behind(&self, window: &Window<'_>) -> usize {
        self.clean_end - window.clean.len()
    }

    /// Returns an offset near the next bit, for messages.
    pub(crate) fn offset(&self, window: &Window<'_>) -> usize {
        let loaded = window.bits.saturating_sub(self.padding) as usize / 8;
        (self.clean_end - window.clean.len()).saturating_sub(loaded)
    }

    /// Returns the error for a scan that ended where data was needed.
    #[cold]
    pub(crate) fn early_end<T>(&self) -> Result<T> {
        let rest = self.data.get(self.clean_end..).unwrap_or(&[]);
        match rest.iter().find(|&&byte| byte != 0xFF) {
            Some(code) => truncated(
                self.clean_end,
                format!("expected entropy-coded data, found marker {code:02X}"),
            ),
            None => truncated(
                self.data.len(),
                "expected entropy-coded data, found end of file",
            ),
        }
    }

    /// Steps over the restart marker of this number (modulo 8) and starts anew behind it.
    #[cold]
    pub(crate) fn restart(&mut self, window: Window<'a>, number: usize) -> Result<Window<'a>> {
        // The window never reads past a marker, so the next marker from here is the one. As in
        // libjpeg, surplus bytes in front of it are passed over.
        let expected = 0xD0 | (number & 7) as u8;
        let mut at = self.clean_end - window.clean.len();
        loop {
            let rest = self.data.get(at..).unwrap_or(&[]);
            at += (self.find_ff)(rest).min(rest.len());
            match self.data.get(at + 1) {
                None => {
                    let at = self.data.len();
                    return truncated(
                        at,
                        format!("expected marker {expected:02X}, found end of file"),
                    );
                }
                Some(0 | 0xFF) => at += 1,
                Some(&code) if code == expected => return Ok(self.window_at(at + 2)),
                Some(&code @ 0xD0..=0xD7) => {
                    return corrupt(
                        at,
                        format!("expected marker {expected:02X}, found {code:02X}"),
                    );
                }
                Some(&code) => {
                    return truncated(
                        at,
                        format!("expected marker {expected:02X}, found {code:02X}"),
                    );
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::entropy::scalar::find_ff;

    fn take<'a>(source: &mut BitSource<'a>, window: &mut Window<'a>, bits: u32) -> u64 {
        window.refill(source);
        let value = window.buffer >> (64 - bits);
        window.consume(bits);
        value
    }

    #[test]
    fn stuffing_fill_bytes_and_markers() {
        let data = [
            1, 0xFF, 0, 2, 0xFF, 0xFF, 0, 3, 4, 5, 6, 7, 8, 9, 10, 11, 0xFF, 0xFF, 0xD3, 12,
        ];
        let (mut source, mut window) = BitSource::new(&data, 0, find_ff);
        for expected in [1, 0xFF, 2, 0xFF, 3, 4, 5, 6, 7, 8, 9, 10] {
            assert_eq!(take(&mut source, &mut window, 8), expected);
        }
        assert_eq!(take(&mut source, &mut window, 8), 11);
        assert!(!source.overrun(&window));
        assert_eq!(take(&mut source, &mut window, 1), 0);
        assert!(source.overrun(&window));
        let mut window = source.restart(window, 11).unwrap();
        assert_eq!(take(&mut source, &mut window, 8), 12);
        assert_eq!(source.early_end::<()>().unwrap_err().offset(), 20);
    }
}
