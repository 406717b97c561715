//! Short texts of digits, put together without `core::fmt`, whose flags cost more than the digits: instants
//! stand many times in every answer.

/// The longest text is a date of RFC 1123 (29 bytes).
const MAX_BYTES: usize = 32;

/// A text of ASCII; what is longer than [`MAX_BYTES`] is cut.
pub(crate) struct Digits {
    bytes: [u8; MAX_BYTES],
    length: usize,
}

impl Digits {
    pub(crate) const fn new() -> Self {
        Self { bytes: [0; MAX_BYTES], length: 0 }
    }

    pub(crate) fn as_str(&self) -> &str {
        self.bytes.get(..self.length).and_then(|text| core::str::from_utf8(text).ok()).unwrap_or_default()
    }

    /// The next bytes, to be filled.
    fn next(&mut self, count: usize) -> &mut [u8] {
        let start = self.length;
        self.length = MAX_BYTES.min(start + count);
        self.bytes.get_mut(start..self.length).unwrap_or_default()
    }

    /// Appends a text of ASCII.
    pub(crate) fn text(&mut self, text: &str) {
        for (place, byte) in self.next(text.len()).iter_mut().zip(text.bytes()) {
            *place = byte;
        }
    }

    /// Appends the last digits of a number, with zeros before it.
    pub(crate) fn decimal(&mut self, number: u64, width: usize) {
        let mut rest = number;
        for place in self.next(width).iter_mut().rev() {
            *place = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
    }

    /// Appends a number in hexadecimal digits, capitals, without zeros before it.
    pub(crate) fn hexadecimal(&mut self, number: u64) {
        let width = (u64::BITS - number.leading_zeros()).div_ceil(4).max(1);
        let mut rest = number;
        for place in self.next(width as usize).iter_mut().rev() {
            let digit = (rest & 0xF) as u8;
            *place = if digit < 10 { b'0' + digit } else { b'A' + digit - 10 };
            rest >>= 4;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::format;

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
            digits.text("x");
            digits.decimal(number % 10_000_000, 7);
            prop_assert_eq!(digits.as_str(), format!("x{:07}", number % 10_000_000));
        }
    }

    #[test]
    fn what_is_too_long_is_cut() {
        let mut digits = Digits::new();
        for _ in 0..40 {
            digits.text("ab");
            digits.decimal(7, 3);
        }
        assert_eq!(digits.as_str(), "ab007ab007ab007ab007ab007ab007ab");
    }
}
