//! The Argentine tax id: eleven digits, `NN-NNNNNNNN-N`, the last one a check digit.

/// The length of a CUIT with dashes.
pub(super) const MAX_LEN: usize = 13;

/// Checks the format, and the check digit if asked to. An error says what was expected.
pub(super) fn check(text: &str, verify_check_digit: bool) -> Result<(), &'static str> {
    let digits = digits(text).ok_or("expected NN-NNNNNNNN-N, dashes optional")?;
    if verify_check_digit && check_digit(&digits) != Some(digits[10]) {
        return Err("expected a CUIT with a right check digit (mod 11)");
    }
    Ok(())
}

/// Both dashes or none.
fn digits(text: &str) -> Option<[u32; 11]> {
    let is_dash = |at: usize| text.as_bytes().get(at) == Some(&b'-');
    let is_dashed = text.len() == MAX_LEN && is_dash(2) && is_dash(11);
    let mut characters = text.bytes().filter(|byte| !is_dashed || *byte != b'-');
    let mut digits = [0; 11];
    for digit in &mut digits {
        *digit = char::from(characters.next()?).to_digit(10)?;
    }
    characters.next().is_none().then_some(digits)
}

/// Weights 5 4 3 2 7 6 5 4 3 2, modulo 11; a remainder of 1 has no check digit.
fn check_digit(digits: &[u32; 11]) -> Option<u32> {
    const WEIGHTS: [u32; 10] = [5, 4, 3, 2, 7, 6, 5, 4, 3, 2];
    let sum: u32 = digits.iter().zip(WEIGHTS).map(|(digit, weight)| digit * weight).sum();
    match sum % 11 {
        0 => Some(0),
        1 => None,
        remainder => Some(11 - remainder),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn format_always_check_digit_on_demand() {
        for text in ["30-12345678-9", "30123456789", "20-11111111-2"] {
            assert_eq!(check(text, false), Ok(()), "{text}");
        }
        assert!(check("30-12345678-9", true).is_err());
        assert_eq!(check("20-11111111-2", true), Ok(()));
        assert_eq!(check("30-50001091-2", true), Ok(()));
        for text in [
            "",
            "-",
            "30-12345678",
            "3-012345678-9",
            "30-1234567-89",
            "3012345678a",
            "٣٠١٢٣٤٥٦٧٨٩",
            "30 12345678 9",
            "301-2345678-9",
        ] {
            assert!(check(text, false).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn nothing_panics(text in "\\PC*", strict: bool) {
            let _ = check(&text, strict);
        }

        #[test]
        fn dashes_make_no_difference(number in 0_u64..100_000_000_000) {
            let bare = format!("{number:011}");
            let dashed = format!("{}-{}-{}", &bare[..2], &bare[2..10], &bare[10..]);
            prop_assert_eq!(check(&bare, true), check(&dashed, true));
        }
    }
}
