//! The orientation in an Exif block, which is the only thing of Exif that a loader needs.
//!
//! Exif data is a TIFF structure (TIFF 6.0, section 2): 4 bytes that state the byte order, the
//! offset of the first directory, and there a count and entries of 12 bytes each (tag, type, count,
//! value). A damaged block is ignored as viewers ignore it, because the image beside it may be
//! whole.

/// The value of the orientation, tag 0x0112 of the first directory: 1 to 8 in valid files. `None`
/// if there is no such tag, or if the block is damaged.
pub(super) fn orientation(tiff: &[u8]) -> Option<u16> {
    let little = match tiff.get(..4)? {
        b"II*\0" => true,
        b"MM\0*" => false,
        _ => return None,
    };
    let short = |at: usize| -> Option<u16> {
        let bytes = tiff.get(at..at.checked_add(2)?)?.try_into().ok()?;
        Some(if little {
            u16::from_le_bytes(bytes)
        } else {
            u16::from_be_bytes(bytes)
        })
    };
    let long = |at: usize| -> Option<u32> {
        let bytes = tiff.get(at..at.checked_add(4)?)?.try_into().ok()?;
        Some(if little {
            u32::from_le_bytes(bytes)
        } else {
            u32::from_be_bytes(bytes)
        })
    };
    let directory = long(4)? as usize;
    let entries = usize::from(short(directory)?);
    (0..entries)
        .map(|entry| directory + 2 + entry * 12)
        .find(|&at| short(at) == Some(0x0112))
        // The value is a 16-bit number, so it lies in the entry itself.
        .and_then(|at| short(at + 8))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_byte_orders_are_read_and_damage_is_ignored() {
        let little = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0";
        let big = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x08\0\0";
        assert_eq!(orientation(little), Some(6));
        assert_eq!(orientation(big), Some(8));
        for cut in 0..little.len() - 3 {
            let _ = orientation(&little[..cut]);
        }
        assert_eq!(orientation(b"II*\0\xff\xff\xff\xff"), None);
    }
}
