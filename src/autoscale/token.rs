//! The words of a formula, with where they stand.

use alloc::{format, vec::Vec};
use core::fmt;

use crate::autoscale::error::{FormulaError, Position};

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Token<'a> {
    Number(f64),
    Text(&'a str),
    Name(&'a str),
    Symbol(&'static str),
    End,
}

impl fmt::Display for Token<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "`{number}`"),
            Self::Text(text) => write!(f, "\"{text}\""),
            Self::Name(name) => write!(f, "`{name}`"),
            Self::Symbol(symbol) => write!(f, "`{symbol}`"),
            Self::End => f.write_str("the end of the formula"),
        }
    }
}

/// Those that begin like another come before it.
const SYMBOLS: [&str; 23] = [
    "&&", "||", "==", "!=", "<=", ">=", "<", ">", "=", "!", "+", "-", "*", "/", "?", ":", ";", ",", ".", "(",
    ")", "[", "]",
];

/// Splits a formula into its words; the last one is the end.
pub(super) fn tokens(text: &str) -> Result<Vec<(Position, Token<'_>)>, FormulaError> {
    let mut cursor = Cursor { rest: text, at: Position { line: 1, column: 1 } };
    let mut tokens = Vec::new();
    loop {
        cursor.skip_space();
        let at = cursor.at;
        let token = cursor.token()?;
        tokens.push((at, token));
        if token == Token::End {
            return Ok(tokens);
        }
    }
}

struct Cursor<'a> {
    rest: &'a str,
    at: Position,
}

impl<'a> Cursor<'a> {
    /// White space, and comments up to the end of their line.
    fn skip_space(&mut self) {
        loop {
            self.take_while(char::is_whitespace);
            if !self.rest.starts_with("//") {
                return;
            }
            self.take_while(|letter| letter != '\n');
        }
    }

    fn token(&mut self) -> Result<Token<'a>, FormulaError> {
        let mut letters = self.rest.chars();
        let (first, second) = (letters.next(), letters.next());
        let begins_number = |letter: Option<char>| letter.is_some_and(|letter| letter.is_ascii_digit());
        match first {
            None => Ok(Token::End),
            Some('"') => self.quoted(),
            Some('.') if begins_number(second) => self.number(),
            Some(letter) if letter.is_ascii_digit() => self.number(),
            Some('$') => self.name(),
            Some(letter) if is_of_name(letter) => self.name(),
            Some(letter) => self.symbol(letter),
        }
    }

    fn quoted(&mut self) -> Result<Token<'a>, FormulaError> {
        let at = self.at;
        self.take(1);
        let text = self.take_while(|letter| letter != '"');
        if self.rest.is_empty() {
            return Err(FormulaError::syntax(at, "the string has no end"));
        }
        self.take(1);
        Ok(Token::Text(text))
    }

    /// Digits, perhaps a fraction, perhaps an exponent.
    fn number(&mut self) -> Result<Token<'a>, FormulaError> {
        let at = self.at;
        let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
        let after = |length: usize| self.rest.get(length..).unwrap_or_default();
        let mut length = digits(self.rest);
        if let Some(fraction) = after(length).strip_prefix('.').map(digits).filter(|count| *count > 0) {
            length += 1 + fraction;
        }
        if let Some(exponent) = after(length).strip_prefix(['e', 'E']) {
            let unsigned = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
            if digits(unsigned) > 0 {
                length += 1 + (exponent.len() - unsigned.len()) + digits(unsigned);
            }
        }
        let text = self.take(length);
        match text.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(Token::Number(number)),
            Ok(_) | Err(_) => Err(FormulaError::syntax(at, "the number is too large")),
        }
    }

    fn name(&mut self) -> Result<Token<'a>, FormulaError> {
        let at = self.at;
        let sign = usize::from(self.rest.starts_with('$'));
        let length = self.rest.get(sign..).unwrap_or_default().bytes();
        let length = length.take_while(|byte| is_of_name(char::from(*byte))).count();
        let name = self.take(sign + length);
        let begins_with_digit = name.as_bytes().get(sign).is_some_and(u8::is_ascii_digit);
        if length == 0 || begins_with_digit {
            return Err(FormulaError::syntax(at, "a name is missing after `$`"));
        }
        Ok(Token::Name(name))
    }

    fn symbol(&mut self, letter: char) -> Result<Token<'a>, FormulaError> {
        let known = SYMBOLS.iter().find(|symbol| self.rest.starts_with(**symbol));
        let Some(symbol) = known else {
            return Err(FormulaError::syntax(self.at, format!("unexpected `{letter}`")));
        };
        self.take(symbol.len());
        Ok(Token::Symbol(symbol))
    }

    fn take_while(&mut self, is_part: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(|letter| !is_part(letter)).unwrap_or(self.rest.len());
        self.take(end)
    }

    /// Takes so many bytes off.
    fn take(&mut self, length: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at_checked(length).unwrap_or((self.rest, ""));
        self.rest = rest;
        for letter in taken.chars() {
            if letter == '\n' {
                self.at = Position { line: self.at.line.saturating_add(1), column: 1 };
            } else {
                self.at.column = self.at.column.saturating_add(1);
            }
        }
        taken
    }
}

fn is_of_name(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_'
}
