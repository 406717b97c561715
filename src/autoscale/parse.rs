//! Reading a formula:
//!
//! ```text
//! formula    = [ statement ] *( ";" [ statement ] )
//! statement  = [ name "=" ] expression
//! expression = chain *( "?" expression ":" chain )
//! chain      = unary *( operator unary )            six levels of precedence, each from left to right
//! unary      = *( "-" | "!" ) primary *( "." name [ "(" list ")" ] )
//! primary    = number | text | name [ "(" list ")" ] | "[" list "]" | "(" expression ")"
//! list       = [ expression *( "," expression ) ]
//! ```

use alloc::{
    boxed::Box,
    format,
    string::{String, ToString},
    vec,
    vec::Vec,
};

use crate::autoscale::{
    token::{Token, tokens},
    tree::{Binary, Expression, Formula, Kind, Member, Position, Statement, Unary},
};

/// How deep parentheses and the like may nest, so that no formula exhausts the stack (P13).
const MAX_DEPTH: usize = 64;

/// Why a text is not a formula.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
pub enum FormulaError {
    /// It is longer than [`Formula::MAX_CHARACTERS`], or has more statements than
    /// [`Formula::MAX_STATEMENTS`].
    #[error("the formula is too long")]
    TooLong,
    /// It is not of the language.
    #[error("Line {line}, Col {column}: {what}")]
    Syntax {
        /// The line of the mistake, from 1.
        line: u32,
        /// Its character in that line, from 1.
        column: u32,
        /// What is wrong.
        what: String,
    },
}

impl FormulaError {
    pub(super) fn syntax(at: Position, what: impl Into<String>) -> Self {
        Self::Syntax { line: at.line, column: at.column, what: what.into() }
    }
}

impl Formula {
    /// How many characters a formula may have ([P12](crate::evidence#p12)).
    pub const MAX_CHARACTERS: usize = 8192;

    /// How many statements a formula may have ([P12](crate::evidence#p12)).
    pub const MAX_STATEMENTS: usize = 100;

    /// Reads a formula.
    ///
    /// # Errors
    /// Why the text is not a formula.
    pub fn parse(text: &str) -> Result<Self, FormulaError> {
        if text.chars().nth(Self::MAX_CHARACTERS).is_some() {
            return Err(FormulaError::TooLong);
        }
        let tokens = tokens(text)?;
        let mut parser = Parser { tokens: &tokens, depth: 0 };
        let statements = parser.statements()?;
        if statements.len() > Self::MAX_STATEMENTS {
            return Err(FormulaError::TooLong);
        }
        Ok(Self { text: text.into(), statements: statements.into() })
    }
}

type Parsed<T> = Result<T, FormulaError>;

/// The words that are left.
struct Parser<'a> {
    tokens: &'a [(Position, Token<'a>)],
    depth: usize,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Token<'a> {
        self.tokens.first().map_or(Token::End, |(_, token)| *token)
    }

    fn at(&self) -> Position {
        self.tokens.first().map_or(Position::default(), |(at, _)| *at)
    }

    /// Takes the next word. The end stays, so that mistakes there have a place.
    fn next(&mut self) -> Token<'a> {
        let token = self.peek();
        if token != Token::End {
            self.tokens = self.tokens.get(1..).unwrap_or_default();
        }
        token
    }

    fn take(&mut self, symbol: &'static str) -> bool {
        let is_next = self.peek() == Token::Symbol(symbol);
        if is_next {
            self.next();
        }
        is_next
    }

    fn expect(&mut self, symbol: &'static str) -> Parsed<()> {
        if self.take(symbol) { Ok(()) } else { Err(self.unexpected(&format!("`{symbol}`"))) }
    }

    fn unexpected(&self, expected: &str) -> FormulaError {
        FormulaError::syntax(self.at(), format!("expected {expected}, found {}", self.peek()))
    }

    fn statements(&mut self) -> Parsed<Vec<Statement>> {
        let mut statements = Vec::new();
        loop {
            while self.take(";") {}
            if self.peek() == Token::End {
                return Ok(statements);
            }
            statements.push(self.statement()?);
            if self.peek() != Token::End {
                self.expect(";")?;
            }
        }
    }

    fn statement(&mut self) -> Parsed<Statement> {
        let assigned = match self.tokens {
            [(_, Token::Name(name)), (_, Token::Symbol("=")), ..] => Some((*name).to_string()),
            _ => None,
        };
        if assigned.is_some() {
            self.tokens = self.tokens.get(2..).unwrap_or_default();
        }
        Ok(Statement { variable: assigned, value: self.expression()? })
    }

    fn expression(&mut self) -> Parsed<Expression> {
        if self.depth == MAX_DEPTH {
            return Err(FormulaError::syntax(self.at(), "the formula is nested too deeply"));
        }
        self.depth += 1;
        let at = self.at();
        let mut arms = Vec::new();
        let mut last = self.chain(&Binary::LEVELS)?;
        while self.take("?") {
            let value = self.expression()?;
            self.expect(":")?;
            arms.push((last, value));
            last = self.chain(&Binary::LEVELS)?;
        }
        self.depth -= 1;
        if arms.is_empty() {
            return Ok(last);
        }
        Ok(Expression { at, kind: Kind::Choice { arms, otherwise: Box::new(last) } })
    }

    /// Operators of the first of these levels of precedence, between expressions of the others.
    fn chain(&mut self, levels: &[&[Binary]]) -> Parsed<Expression> {
        let Some((level, tighter)) = levels.split_first() else { return self.unary() };
        let at = self.at();
        let first = self.chain(tighter)?;
        let mut rest = Vec::new();
        while let Some(operator) = level.iter().find(|operator| self.take(operator.as_str())) {
            rest.push((*operator, self.chain(tighter)?));
        }
        if rest.is_empty() {
            return Ok(first);
        }
        Ok(Expression { at, kind: Kind::Chain { first: Box::new(first), rest } })
    }

    fn unary(&mut self) -> Parsed<Expression> {
        let mut operators = vec![];
        loop {
            let at = self.at();
            let operator = if self.take("-") {
                Unary::Minus
            } else if self.take("!") {
                Unary::Not
            } else {
                break;
            };
            if operators.len() == MAX_DEPTH {
                return Err(FormulaError::syntax(at, "the formula is nested too deeply"));
            }
            operators.push((at, operator));
        }
        let operand = self.members()?;
        Ok(operators.into_iter().rev().fold(operand, |operand, (at, operator)| Expression {
            at,
            kind: Kind::Unary { operator, operand: Box::new(operand) },
        }))
    }

    fn members(&mut self) -> Parsed<Expression> {
        let at = self.at();
        let of = self.primary()?;
        let mut members = Vec::new();
        while self.take(".") {
            let Token::Name(name) = self.peek() else { return Err(self.unexpected("a name")) };
            self.next();
            let arguments = if self.take("(") { Some(self.list(")")?) } else { None };
            members.push(Member { name: name.to_string(), arguments });
        }
        if members.is_empty() {
            return Ok(of);
        }
        Ok(Expression { at, kind: Kind::Members { of: Box::new(of), members } })
    }

    fn primary(&mut self) -> Parsed<Expression> {
        let at = self.at();
        let token = self.peek();
        if !matches!(token, Token::Number(_) | Token::Text(_) | Token::Name(_) | Token::Symbol("(" | "[")) {
            return Err(self.unexpected("a value"));
        }
        self.next();
        let kind = match token {
            Token::Number(number) => Kind::Number(number),
            Token::Text(text) => Kind::Text(text.to_string()),
            Token::Name(name) if self.take("(") => {
                Kind::Call { function: name.to_string(), arguments: self.list(")")? }
            }
            Token::Name(name) => Kind::Name(name.to_string()),
            Token::Symbol("[") => Kind::List(self.list("]")?),
            Token::Symbol(_) | Token::End => {
                let inner = self.expression()?;
                self.expect(")")?;
                return Ok(inner);
            }
        };
        Ok(Expression { at, kind })
    }

    /// Expressions with commas between them, up to the end.
    fn list(&mut self, end: &'static str) -> Parsed<Vec<Expression>> {
        let mut items = Vec::new();
        if self.take(end) {
            return Ok(items);
        }
        loop {
            items.push(self.expression()?);
            if self.take(end) {
                return Ok(items);
            }
            self.expect(",")?;
        }
    }
}
