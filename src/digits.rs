//! Short texts of digits, put together without `core::fmt`, whose flags cost more than the digits: instants
//! stand many times in every answer.

/// The longest text is a date of RFC 1123 (29 bytes).
const MAX_BYTES: usize = 32;

/// A text of ASCII; what is longer than [`MAX_BYTES`] is cut.
#[derive(Clone, Copy)]
pub(crate) struct Digits {
    bytes: [u8; MAX_BYTES],
    length: usize,
}

impl Digits {
    pub(crate) const fn new() -> Self {
        Self { bytes: [0; MAX_BYTES], length: 0 }
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    pub(crate) fn as_str(&self) -> &str {
        core::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }

    /// Appends characters of ASCII.
    pub(crate) fn push<const N: usize>(&mut self, characters: [u8; N]) {
        self.push_some(&characters);
    }

    /// Appends characters of ASCII, as many as there are.
    fn push_some(&mut self, characters: &[u8]) {
        let end = MAX_BYTES.min(self.length + characters.len());
        for (place, character) in
            self.bytes.get_mut(self.length..end).unwrap_or_default().iter_mut().zip(characters)
        {
            *place = *character;
        }
        self.length = end;
    }

    /// Appends a number in decimal digits, without zeros before it.
    pub(crate) fn number(&mut self, number: u64) {
        let mut digits = [b'0'; 20];
        let (mut rest, mut length) = (number, 0);
        for place in digits.iter_mut().rev() {
            *place = b'0' + (rest % 10) as u8;
            rest /= 10;
            length += 1;
            if rest == 0 {
                break;
            }
        }
        self.push_some(digits.get(digits.len() - length..).unwrap_or_default());
    }

    /// Appends a number as [`number`](Self::number) does, with a minus sign before it if it is negative.
    pub(crate) fn integer(&mut self, number: i64) {
        if number < 0 {
            self.push([b'-']);
        }
        self.number(number.unsigned_abs());
    }

    /// Appends a number in hexadecimal digits, capitals, without zeros before it.
    pub(crate) fn hexadecimal(&mut self, number: u64) {
        let zeros = (number.leading_zeros() / 4).min(15) as usize;
        let digits = hexadecimal_digits(number);
        self.push_some(digits.get(zeros..).unwrap_or_default());
    }

    /// Appends a dot and the fraction of a second in a number of ticks, which is its last seven digits, up to the last
    /// that is not zero; nothing if all are.
    pub(crate) fn fraction(&mut self, ticks: u64) {
        let digits = decimals::<7>(ticks);
        if let Some(last) = digits.iter().rposition(|digit| *digit != b'0') {
            self.push([b'.']);
            self.push_some(digits.get(..=last).unwrap_or_default());
        }
    }
}

/// The last digits of a number, with zeros before it.
pub(crate) fn decimals<const N: usize>(number: u64) -> [u8; N] {
    let mut digits = [b'0'; N];
    let mut rest = number;
    for place in digits.iter_mut().rev() {
        *place = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    digits
}

/// All sixteen digits of a number, at once rather than one after the other, because every answer about a
/// resource has its ETag two times.
fn hexadecimal_digits(number: u64) -> [u8; 16] {
    /// The same digit in each place, or the same byte.
    const fn each(byte: u8) -> u128 {
        u128::from_ne_bytes([byte; 16])
    }
    // Spreads the digits, so that each has a byte of its own.
    let mut digits = u128::from(number);
    for (shift, mask) in [
        (32, 0x0000_0000_FFFF_FFFF_0000_0000_FFFF_FFFF),
        (16, 0x0000_FFFF_0000_FFFF_0000_FFFF_0000_FFFF),
        (8, 0x00FF_00FF_00FF_00FF_00FF_00FF_00FF_00FF),
        (4, each(0x0F)),
    ] {
        digits = (digits | digits << shift) & mask;
    }
    // One in each byte whose digit is 10 or more: 6 more than that has the bit for 16.
    let letters = (digits + each(6)) >> 4 & each(1);
    (digits + each(b'0') + letters * u128::from(b'A' - b'9' - 1)).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use std::{format, string::ToString};

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn numbers_are_as_the_formatter_writes_them(number: u64, shift in 0..64_u32) {
            let number = number >> shift;
            let mut digits = Digits::new();
            digits.hexadecimal(number);
            prop_assert_eq!(digits.as_str(), format!("{number:X}"));
            let mut digits = Digits::new();
            digits.push([b'x']);
            digits.number(number);
            prop_assert_eq!(digits.as_str(), format!("x{number}"));
            let mut digits = Digits::new();
            digits.integer(number.cast_signed());
            prop_assert_eq!(digits.as_str(), number.cast_signed().to_string());
            let fraction = number % 10_000_000;
            let padded = format!(".{fraction:07}");
            let digits = decimals::<7>(fraction);
            prop_assert_eq!(digits.as_slice(), &padded.as_bytes()[1..]);
            let mut digits = Digits::new();
            digits.fraction(fraction);
            prop_assert_eq!(digits.as_str(), padded.trim_end_matches(['0', '.']));
        }
    }

    #[test]
    fn what_is_too_long_is_cut() {
        let mut digits = Digits::new();
        for _ in 0..40 {
            digits.push([b'a', b'b']);
            digits.number(123);
        }
        assert_eq!(digits.as_str(), "ab123ab123ab123ab123ab123ab123ab");
    }
}
