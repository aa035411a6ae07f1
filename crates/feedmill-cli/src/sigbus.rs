//! Turns SIGBUS from a truncated memory-mapped shard into an error message.
//!
//! Touching a page that the file no longer has ends the process by SIGBUS. The library leaves
//! signals alone; the command says which file it was, and then dies as it would have.
#![allow(unsafe_code, reason = "signal handlers are set through libc")]

use std::mem::MaybeUninit;

/// A line of `/proc/self/maps` ends with a path of at most PATH_MAX bytes.
const LINE: usize = 4096 + 128;

/// Names the mapped file on a SIGBUS.
pub(crate) fn install() {
    // SAFETY: an all-zero sigaction is valid: no flags, an empty mask. The handler has the
    // signature that SA_SIGINFO calls for and makes async-signal-safe calls only. Nothing else
    // in this program handles SIGBUS.
    unsafe {
        let mut action: libc::sigaction = MaybeUninit::zeroed().assume_init();
        action.sa_sigaction = on_sigbus as extern "C" fn(_, _, _) as usize;
        // With the default action back in place, the touch is repeated after the return and ends
        // the process.
        action.sa_flags = libc::SA_SIGINFO | libc::SA_RESETHAND;
        libc::sigaction(libc::SIGBUS, &action, std::ptr::null_mut());
    }
}

extern "C" fn on_sigbus(
    _signal: libc::c_int,
    info: *mut libc::siginfo_t,
    _context: *mut libc::c_void,
) {
    // SAFETY: the kernel passes a valid siginfo to a handler set with SA_SIGINFO, and a SIGBUS has
    // an address.
    let address = unsafe { (*info).si_addr() } as usize;
    say(b"feedmill: a mapped file was cut short while it was read");
    // No allocation, no locks: open, read, write and close are what a handler may call.
    // SAFETY: the path ends with a zero byte.
    let maps = unsafe {
        libc::open(
            c"/proc/self/maps".as_ptr(),
            libc::O_RDONLY | libc::O_CLOEXEC,
        )
    };
    if maps >= 0 {
        let (mut line, mut length) = ([0; LINE], 0);
        let mut block = [0u8; 512];
        loop {
            // SAFETY: `block` has the length that is given.
            let count = unsafe { libc::read(maps, block.as_mut_ptr().cast(), block.len()) };
            let Some(read) = usize::try_from(count).ok().filter(|count| *count > 0) else {
                break;
            };
            for &byte in block.iter().take(read) {
                if byte != b'\n' {
                    if length < LINE {
                        line[length] = byte;
                        length += 1;
                    }
                    continue;
                }
                if let Some(path) = path_at(&line[..length], address) {
                    say(b": ");
                    say(path);
                }
                length = 0;
            }
        }
        // SAFETY: `maps` was opened above and is closed once.
        unsafe { libc::close(maps) };
    }
    say(b"\nfeedmill: restore the file; Backing::Pread makes this an error instead of a signal\n");
}

fn say(text: &[u8]) {
    // SAFETY: `text` has the length that is given. A failed write cannot be reported anywhere.
    unsafe { libc::write(libc::STDERR_FILENO, text.as_ptr().cast(), text.len()) };
}

/// The path in a line `START-END PERMISSIONS OFFSET DEVICE INODE   PATH` whose range holds the
/// address.
fn path_at(line: &[u8], address: usize) -> Option<&[u8]> {
    let (start, rest) = hexadecimal(line)?;
    let (end, rest) = hexadecimal(rest.strip_prefix(b"-")?)?;
    if !(start..end).contains(&address) {
        return None;
    }
    let slash = rest.iter().position(|byte| *byte == b'/')?;
    Some(&rest[slash..])
}

fn hexadecimal(text: &[u8]) -> Option<(usize, &[u8])> {
    let mut value = 0usize;
    for (at, byte) in text.iter().enumerate() {
        let Some(digit) = (*byte as char).to_digit(16) else {
            return Some((value, &text[at..]));
        };
        value = value.checked_mul(16)?.checked_add(digit as usize)?;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::path_at;

    #[test]
    fn the_line_whose_range_holds_the_address_gives_its_path() {
        let line = b"7f00aa-7f00bb r--s 00000000 fe:00 42          /data/a shard.mill";
        assert_eq!(path_at(line, 0x7f00aa), Some(&b"/data/a shard.mill"[..]));
        assert_eq!(path_at(line, 0x7f00ba), Some(&b"/data/a shard.mill"[..]));
        assert_eq!(path_at(line, 0x7f00bb), None);
        assert_eq!(
            path_at(b"7f00aa-7f00bb rw-p 00000000 00:00 0", 0x7f00ab),
            None
        );
        assert_eq!(path_at(b"", 0), None);
        assert_eq!(path_at(b"ffffffffffffffffffff-0 /x", 0), None);
    }
}
