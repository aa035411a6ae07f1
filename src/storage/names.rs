//! Escapes arbitrary bytes for display on one line.
//!
//! Names come from file systems and archives, and end up in terminals and reports. They need not be
//! UTF-8, and a hostile one must not be able to move the cursor, break a line or hide.

/// Bytes as one line of text: valid UTF-8 stays, other bytes and control characters become escapes
/// (`\xff`, `\n`).
pub(crate) fn readable(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            if c.is_control() {
                text.extend(c.escape_default());
            } else {
                text.push(c);
            }
        }
        text.extend(chunk.invalid().escape_ascii().map(char::from));
    }
    text
}

/// [`readable`] for messages: of a name of more than 200 bytes, only the first and the last 100.
pub(crate) fn short(bytes: &[u8]) -> String {
    const MAX: usize = 200;
    if bytes.len() <= MAX {
        return readable(bytes);
    }
    let (head, tail) = (&bytes[..MAX / 2], &bytes[bytes.len() - MAX / 2..]);
    format!("{}...{}", readable(head), readable(tail))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_line_of_text() {
        assert_eq!(readable("größe/1.jpg".as_bytes()), "größe/1.jpg");
        assert_eq!(readable(b"a\xff\n\x1b[2Jb\0"), "a\\xff\\n\\u{1b}[2Jb\\u{0}");
        assert_eq!(short(&[b'x'; 10_000]).len(), 203);
    }
}
