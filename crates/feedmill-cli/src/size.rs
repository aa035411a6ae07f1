//! Sizes on the command line: `64KiB`, `256MiB`, `1GiB`, or plain bytes.

/// Parses a size in bytes.
pub(crate) fn parse(text: &str) -> Result<u64, String> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let factor = match unit.trim() {
        "" | "B" => 1u64,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        "TiB" => 1 << 40,
        other => {
            return Err(format!(
                "the unit \"{other}\" is not known: use KiB, MiB, GiB, TiB or none"
            ));
        }
    };
    let number: u64 = number
        .parse()
        .map_err(|_| "expected a number, such as 256MiB".to_owned())?;
    match number.checked_mul(factor) {
        Some(0) => Err("a size of 0 bytes".to_owned()),
        Some(bytes) => Ok(bytes),
        None => Err("larger than 2^64 bytes".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn sizes_are_whole_numbers_with_a_binary_unit() {
        assert_eq!(parse("64KiB"), Ok(64 << 10));
        assert_eq!(parse("256MiB"), Ok(256 << 20));
        assert_eq!(parse("1 GiB"), Ok(1 << 30));
        assert_eq!(parse("77"), Ok(77));
        for wrong in [
            "",
            "MiB",
            "-1",
            "1.5MiB",
            "0",
            "3MB",
            "99999999999TiB",
            "18446744073709551616",
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
