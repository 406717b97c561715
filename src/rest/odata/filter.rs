//! `$filter`: which items of a list a client wants to see (Q4, Q5).
//!
//! A filter is read once, checked against the model of what is listed, and then asked about each
//! item. The grammar is the part of `OData` 3 that published clients send:
//!
//! ```text
//! any        = all *( "or" all )
//! all        = unit *( "and" unit )
//! unit       = "(" any ")" | "not" unit | comparison | startswith
//! comparison = path operator literal | literal operator path
//!            | startswith ( "eq" | "ne" ) boolean | boolean ( "eq" | "ne" ) startswith
//! startswith = "startswith" "(" path "," text ")"
//! operator   = "eq" | "ne" | "gt" | "ge" | "lt" | "le"
//! literal    = text | number | instant | boolean | "null"
//! ```
//!
//! Everything else is refused: a client would rather know than get the wrong items.

use alloc::{boxed::Box, format, string::String, vec, vec::Vec};
use core::{
    cmp::Ordering,
    fmt::{self, Write},
};

use crate::{
    BatchError, TimeSpan, Timestamp,
    rest::odata::{
        model::{Kind, Model, Name},
        shown::{Resource, Shown, Slot},
        version::ApiVersion,
    },
};

/// How deep parentheses and `not` may nest, so that no filter exhausts the stack (assumed).
const MAX_DEPTH: usize = 64;

/// A `$filter` that fits the model of what is listed.
///
/// Names, operators and functions are written as they are here, with case. Values compare without case,
/// as far as it is ASCII's; instants compare as points in time, durations as lengths (Q4).
///
/// A property that an item does not show is null (Q5, assumed): each comparison with it is false but
/// for `ne`, which is true, and `eq null`, which is true too. It starts with no text. `not` inverts
/// the outcome, so `not (exitCode eq 0)` holds where there is no exit code, as `exitCode ne 0` does.
#[derive(Clone, Debug)]
pub(in crate::rest) struct Filter(Condition);

impl Filter {
    /// Reads the value of `$filter` for a list of what the model describes to this api-version.
    ///
    /// The refusal's reason says what is wrong and at which character of the text, from 1.
    pub(in crate::rest) fn parse(
        text: &str,
        model: &'static Model,
        version: ApiVersion,
    ) -> Result<Self, BatchError> {
        Parser::begin(text, model, version).and_then(Parser::filter).map(Self).map_err(|refusal| {
            let before = text.get(..refusal.at).unwrap_or(text).chars().count();
            BatchError::invalid_query(
                "$filter",
                text,
                &format!("{} (character {}).", refusal.what, before + 1),
            )
        })
    }

    /// Whether an item is to be listed, by the properties that it shows.
    pub(in crate::rest) fn matches(&self, item: Resource<'_>) -> bool {
        self.0.holds(item)
    }

    /// Whether an item can be listed of which only this much is known: that it shows this text for this
    /// property of its own. A list leaves out a part of its items where none can.
    pub(in crate::rest) fn may_match(&self, property: Name, text: &str) -> bool {
        self.0.outcome_if(property, text) != Some(false)
    }
}

/// Chains of `and` and `or` are kept flat, so a condition is no deeper than its parentheses.
#[derive(Clone, Debug)]
enum Condition {
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Not(Box<Condition>),
    /// `eq null`
    Absent(Path),
    Compared(Path, Operator, Expected),
    StartsWith(Path, String),
}

impl Condition {
    fn holds(&self, item: Resource<'_>) -> bool {
        match self {
            Self::All(conditions) => conditions.iter().all(|condition| condition.holds(item)),
            Self::Any(conditions) => conditions.iter().any(|condition| condition.holds(item)),
            Self::Not(condition) => !condition.holds(item),
            Self::Absent(path) => path.value_of(item, |_| Some(())).is_none(),
            Self::Compared(path, operator, expected) => {
                operator.accepts(path.value_of(item, |shown| expected.compare(shown)))
            }
            Self::StartsWith(path, start) => path.value_of(item, |shown| begins(shown, start)).is_some(),
        }
    }

    /// Whether it holds for every item that shows this text for this property of its own; `None` if that
    /// depends on what else an item shows.
    fn outcome_if(&self, property: Name, text: &str) -> Option<bool> {
        // A member with the decisive outcome decides the chain, whatever the others are.
        let chain = |members: &[Self], decisive: bool| {
            let mut outcome = Some(!decisive);
            for member in members {
                match member.outcome_if(property, text) {
                    Some(holds) if holds == decisive => return Some(decisive),
                    Some(_) => {}
                    None => outcome = None,
                }
            }
            outcome
        };
        match self {
            Self::All(members) => chain(members, false),
            Self::Any(members) => chain(members, true),
            Self::Not(condition) => condition.outcome_if(property, text).map(|holds| !holds),
            Self::Absent(path) | Self::Compared(path, ..) | Self::StartsWith(path, _) => {
                let is_known = path.0 == [property];
                is_known.then(|| self.holds(&|slot: &mut Slot<'_>| slot.text(text)))
            }
        }
    }

    fn negated_if(self, negated: bool) -> Self {
        if negated { Self::Not(Box::new(self)) } else { self }
    }
}

/// The names from an item down to one of its properties; at least one.
#[derive(Clone, Debug)]
struct Path(Vec<Name>);

impl Path {
    /// What is to be known of the value there; `None` is what `OData` calls null (Q5).
    fn value_of<T>(&self, item: Resource<'_>, read: impl Fn(&Shown<'_>) -> Option<T>) -> Option<T> {
        let mut found = None;
        look(&self.0, item, &mut |shown| found = read(shown));
        found
    }
}

/// Follows the names down from an object, and hands over the value that it finds there.
fn look(names: &[Name], object: Resource<'_>, take: &mut dyn FnMut(&Shown<'_>)) {
    match names {
        [] => {}
        [name] => object(&mut Slot::new(*name, take)),
        [name, below @ ..] => object(&mut Slot::new(*name, &mut |shown| {
            shown.with_object(|object| look(below, object, take));
        })),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Equal,
    NotEqual,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

impl Operator {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "eq" => Self::Equal,
            "ne" => Self::NotEqual,
            "gt" => Self::Greater,
            "ge" => Self::GreaterOrEqual,
            "lt" => Self::Less,
            "le" => Self::LessOrEqual,
            _ => return None,
        })
    }

    /// The same comparison with its sides exchanged.
    fn mirrored(self) -> Self {
        match self {
            Self::Equal | Self::NotEqual => self,
            Self::Greater => Self::Less,
            Self::GreaterOrEqual => Self::LessOrEqual,
            Self::Less => Self::Greater,
            Self::LessOrEqual => Self::GreaterOrEqual,
        }
    }

    /// Whether a comparison came out as asked; `None` is one with null (Q5).
    fn accepts(self, outcome: Option<Ordering>) -> bool {
        match self {
            Self::Equal => outcome == Some(Ordering::Equal),
            Self::NotEqual => outcome != Some(Ordering::Equal),
            Self::Greater => outcome == Some(Ordering::Greater),
            Self::GreaterOrEqual => outcome.is_some_and(Ordering::is_ge),
            Self::Less => outcome == Some(Ordering::Less),
            Self::LessOrEqual => outcome.is_some_and(Ordering::is_le),
        }
    }
}

/// A literal, read as the kind of the property that it is compared with.
#[derive(Clone, Debug)]
enum Expected {
    /// Compared without case (Q4).
    Text(String),
    /// Compared without case (B4).
    Choice(&'static str),
    Boolean(bool),
    Integer(i64),
    Double(f64),
    Instant(Timestamp),
    Duration(TimeSpan),
}

impl Expected {
    /// `None` if a property of this kind cannot be compared with the literal.
    fn read(kind: Kind, literal: Literal<'_>) -> Option<Self> {
        match kind {
            Kind::Text => literal.text().map(Self::Text),
            Kind::Boolean => literal.boolean().map(Self::Boolean),
            Kind::Int32 | Kind::Int64 => literal.bare()?.parse().ok().map(Self::Integer),
            Kind::Double => {
                literal.bare()?.parse().ok().filter(|number: &f64| number.is_finite()).map(Self::Double)
            }
            Kind::Duration => TimeSpan::parse(&literal.text()?).ok().map(Self::Duration),
            Kind::Instant => literal.instant().map(Self::Instant),
            Kind::Choice(choices) => {
                let text = literal.text()?;
                choices
                    .iter()
                    .find(|choice| choice.eq_ignore_ascii_case(&text))
                    .map(|choice| Self::Choice(choice))
            }
            Kind::Object(_) | Kind::List(_) | Kind::Raw => None,
        }
    }

    /// How what an item shows compares with this; `None` if it is nothing of this kind.
    fn compare(&self, shown: &Shown<'_>) -> Option<Ordering> {
        match self {
            Self::Text(text) => Matching::of(shown, text).map(Matching::ordering),
            Self::Choice(choice) => Matching::of(shown, choice).map(Matching::ordering),
            Self::Boolean(expected) => Some(shown.as_boolean()?.cmp(expected)),
            Self::Integer(expected) => Some(shown.as_integer()?.cmp(expected)),
            Self::Double(expected) => shown.as_double()?.partial_cmp(expected),
            Self::Instant(expected) => Some(shown.as_instant()?.cmp(expected)),
            Self::Duration(expected) => Some(shown.as_duration()?.cmp(expected)),
        }
    }
}

/// Whether what an item shows starts with this text, without case (Q4).
fn begins(shown: &Shown<'_>, start: &str) -> Option<()> {
    Matching::of(shown, start).filter(|matching| matching.expected.is_empty()).map(drop)
}

/// Compares a text with an expected one without case (Q4), while it is being written.
struct Matching<'a> {
    /// The rest of the expected text, after the part that was equal.
    expected: &'a [u8],
    /// How the first byte that was not equal compares.
    differs: Option<Ordering>,
}

impl<'a> Matching<'a> {
    /// Compares what an item shows; `None` if it is not a text.
    fn of(shown: &Shown<'_>, expected: &'a str) -> Option<Self> {
        let mut matching = Self { expected: expected.as_bytes(), differs: None };
        // It stops the writing with an error as soon as a byte differs.
        let (Ok(()) | Err(fmt::Error)) = shown.write_text(&mut matching)?;
        Some(matching)
    }

    fn ordering(self) -> Ordering {
        let ended = if self.expected.is_empty() { Ordering::Equal } else { Ordering::Less };
        self.differs.unwrap_or(ended)
    }
}

impl Write for Matching<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes().map(|byte| byte.to_ascii_lowercase()) {
            let (first, rest) = match self.expected.split_first() {
                Some((first, rest)) => (Some(first.to_ascii_lowercase()), rest),
                None => (None, self.expected),
            };
            if Some(byte) != first {
                self.differs = Some(Some(byte).cmp(&first));
                return Err(fmt::Error);
            }
            self.expected = rest;
        }
        Ok(())
    }
}

/// A literal as it was written; what it means depends on what it is compared with.
#[derive(Clone, Copy, Debug)]
enum Literal<'a> {
    Null,
    Boolean(bool),
    /// What stands between the quotes.
    Text(&'a str),
    /// What stands between the quotes of `DateTime'...'`.
    Instant(&'a str),
    /// A number or an instant without quotes.
    Bare(&'a str),
}

impl<'a> Literal<'a> {
    /// A quote in a text is written twice.
    fn text(self) -> Option<String> {
        if let Self::Text(quoted) = self { Some(quoted.replace("''", "'")) } else { None }
    }

    fn boolean(self) -> Option<bool> {
        if let Self::Boolean(boolean) = self { Some(boolean) } else { None }
    }

    fn bare(self) -> Option<&'a str> {
        if let Self::Bare(text) = self { Some(text) } else { None }
    }

    /// In quotes an RFC 1123 date will do too, as the service's description has it.
    fn instant(self) -> Option<Timestamp> {
        match self {
            Self::Instant(text) => {
                Timestamp::parse_iso8601(text).or_else(|_| Timestamp::parse_rfc1123(text)).ok()
            }
            Self::Bare(text) => Timestamp::parse_iso8601(text).ok(),
            Self::Null | Self::Boolean(_) | Self::Text(_) => None,
        }
    }
}

/// What is wrong, and at which byte of the text.
struct Refusal {
    at: usize,
    what: String,
}

/// Reads a filter from left to right, one token ahead.
struct Parser<'a> {
    lexer: Lexer<'a>,
    model: &'static Model,
    version: ApiVersion,
    next: Token<'a>,
    /// How many parentheses and `not` the next token stands in.
    depth: usize,
}

/// One side of a comparison.
enum Operand<'a> {
    Property(Property),
    Literal(Literal<'a>),
    StartsWith(Condition),
}

/// A path, and what the model says of its end.
struct Property {
    path: Path,
    name: Name,
    kind: Kind,
}

impl<'a> Parser<'a> {
    fn begin(text: &'a str, model: &'static Model, version: ApiVersion) -> Result<Self, Refusal> {
        let mut lexer = Lexer { text, at: 0 };
        let next = lexer.token()?;
        if next.symbol == Symbol::End {
            return Err(Refusal { at: 0, what: "The filter is empty".into() });
        }
        Ok(Self { lexer, model, version, next, depth: 0 })
    }

    fn filter(mut self) -> Result<Condition, Refusal> {
        let condition = self.any()?;
        if self.next.symbol == Symbol::End {
            Ok(condition)
        } else {
            Err(self.expected("'and', 'or' or the end"))
        }
    }

    fn any(&mut self) -> Result<Condition, Refusal> {
        self.chain("or", Self::all, Condition::Any)
    }

    fn all(&mut self) -> Result<Condition, Refusal> {
        self.chain("and", Self::unit, Condition::All)
    }

    /// Conditions joined by a word; one alone stays itself.
    fn chain(
        &mut self,
        word: &str,
        member: fn(&mut Self) -> Result<Condition, Refusal>,
        join: fn(Vec<Condition>) -> Condition,
    ) -> Result<Condition, Refusal> {
        let first = member(self)?;
        if self.next.symbol != Symbol::Word(word) {
            return Ok(first);
        }
        let mut members = vec![first];
        while self.next.symbol == Symbol::Word(word) {
            self.advance()?;
            members.push(member(self)?);
        }
        Ok(join(members))
    }

    /// The only way down: every recursion passes through here.
    fn unit(&mut self) -> Result<Condition, Refusal> {
        let begin = self.next;
        let (is_group, is_not) = (begin.symbol == Symbol::Open, begin.symbol == Symbol::Word("not"));
        if !is_group && !is_not {
            return self.comparison();
        }
        if self.depth == MAX_DEPTH {
            let what = format!("Parentheses and 'not' can nest {MAX_DEPTH} deep at most");
            return Err(Refusal { at: begin.at, what });
        }
        self.advance()?;
        self.depth += 1;
        let condition = if is_group { self.group() } else { self.negation() }?;
        self.depth -= 1;
        Ok(condition)
    }

    fn group(&mut self) -> Result<Condition, Refusal> {
        let condition = self.any()?;
        self.take(Symbol::Close, "'and', 'or' or ')'")?;
        Ok(condition)
    }

    /// In `OData` `not` binds closer than a comparison: `not state eq 'active'` would be the negation of
    /// a state.
    fn negation(&mut self) -> Result<Condition, Refusal> {
        let mut negatable = [Symbol::Open, Symbol::Word("not"), Symbol::Word("startswith")].into_iter();
        if !negatable.any(|symbol| symbol == self.next.symbol) {
            return Err(self.expected("'(' or 'startswith' after 'not'"));
        }
        Ok(self.unit()?.negated_if(true))
    }

    fn comparison(&mut self) -> Result<Condition, Refusal> {
        let left_at = self.next.at;
        let left = self.operand()?;
        let operator_at = self.next.at;
        let Some(operator) = self.operator()? else {
            if let Operand::StartsWith(condition) = left {
                return Ok(condition);
            }
            return Err(self.expected("'eq', 'ne', 'gt', 'ge', 'lt' or 'le'"));
        };
        let right_at = self.next.at;
        match (left, self.operand()?) {
            (subject @ (Operand::Property(_) | Operand::StartsWith(_)), Operand::Literal(literal)) => {
                Comparison { operator, operator_at, literal, literal_at: right_at }.of(subject)
            }
            (Operand::Literal(literal), subject @ (Operand::Property(_) | Operand::StartsWith(_))) => {
                Comparison { operator: operator.mirrored(), operator_at, literal, literal_at: left_at }
                    .of(subject)
            }
            (Operand::Literal(_), Operand::Literal(_))
            | (
                Operand::Property(_) | Operand::StartsWith(_),
                Operand::Property(_) | Operand::StartsWith(_),
            ) => Err(one_literal(left_at)),
        }
    }

    fn operator(&mut self) -> Result<Option<Operator>, Refusal> {
        let Symbol::Word(word) = self.next.symbol else { return Ok(None) };
        let operator = Operator::named(word);
        if operator.is_some() {
            self.advance()?;
        }
        Ok(operator)
    }

    fn operand(&mut self) -> Result<Operand<'a>, Refusal> {
        let literal = match self.next.symbol {
            Symbol::Word("startswith") => return self.starts_with().map(Operand::StartsWith),
            Symbol::Word("null") => Literal::Null,
            Symbol::Word("true") => Literal::Boolean(true),
            Symbol::Word("false") => Literal::Boolean(false),
            Symbol::Word(_) => return self.property().map(Operand::Property),
            Symbol::Text(text) => Literal::Text(text),
            Symbol::Instant(text) => Literal::Instant(text),
            Symbol::Bare(text) => Literal::Bare(text),
            Symbol::Open | Symbol::Close | Symbol::Comma | Symbol::End => {
                return Err(self.expected("a property, a literal or 'startswith'"));
            }
        };
        self.advance()?;
        Ok(Operand::Literal(literal))
    }

    fn starts_with(&mut self) -> Result<Condition, Refusal> {
        self.advance()?;
        self.take(Symbol::Open, "'(' after 'startswith'")?;
        let at = self.next.at;
        let Property { path, name, kind } = self.property()?;
        if !matches!(kind, Kind::Text) {
            return Err(Refusal {
                at,
                what: format!("'startswith' takes a property that is a text, and '{name}' is not"),
            });
        }
        self.take(Symbol::Comma, "','")?;
        let text = if let Symbol::Text(text) = self.next.symbol { Some(Literal::Text(text)) } else { None };
        let Some(start) = text.and_then(Literal::text) else {
            return Err(self.expected("a text in quotes"));
        };
        self.advance()?;
        self.take(Symbol::Close, "')'")?;
        Ok(Condition::StartsWith(path, start))
    }

    /// A path, each name looked up in the model that the ones before it lead to.
    fn property(&mut self) -> Result<Property, Refusal> {
        let Symbol::Word(written) = self.next.symbol else { return Err(self.expected("a property")) };
        let (mut model, mut names, mut found) = (Some(self.model), Vec::new(), None);
        let mut at = self.next.at;
        for name in written.split('/') {
            let Some(parent) = model else {
                let before = names.last().map_or("", |name: &Name| name.as_str());
                return Err(Refusal {
                    at,
                    what: format!("'{before}' is no object, so it has no property '{name}'"),
                });
            };
            let Some(property) = parent.known_property(name, self.version) else {
                return Err(Refusal { at, what: format!("{} has no property '{name}'", parent.name) });
            };
            names.push(property.name);
            found = Some(property);
            model = if let Kind::Object(model) = property.kind { Some(model) } else { None };
            at += name.len() + 1;
        }
        let Some(property) = found else { return Err(self.expected("a property")) };
        self.advance()?;
        Ok(Property { path: Path(names), name: property.name, kind: property.kind })
    }

    fn take(&mut self, symbol: Symbol<'_>, expected: &str) -> Result<(), Refusal> {
        if self.next.symbol == symbol { self.advance() } else { Err(self.expected(expected)) }
    }

    fn advance(&mut self) -> Result<(), Refusal> {
        self.next = self.lexer.token()?;
        Ok(())
    }

    fn expected(&self, expected: &str) -> Refusal {
        let end = self.lexer.at;
        let found = match self.lexer.text.get(self.next.at..end) {
            None | Some("") => "the end",
            Some(found) => found,
        };
        Refusal { at: self.next.at, what: format!("Expected {expected}, found {found}") }
    }
}

/// What a property or a function is compared with, its sides put in order.
struct Comparison<'a> {
    operator: Operator,
    operator_at: usize,
    literal: Literal<'a>,
    literal_at: usize,
}

impl Comparison<'_> {
    fn of(self, subject: Operand<'_>) -> Result<Condition, Refusal> {
        match subject {
            Operand::Property(property) => self.of_property(property),
            Operand::StartsWith(condition) => self.of_function(condition),
            Operand::Literal(_) => Err(one_literal(self.literal_at)),
        }
    }

    fn of_property(self, Property { path, name, kind }: Property) -> Result<Condition, Refusal> {
        let can_be_null = !matches!(kind, Kind::List(_) | Kind::Raw);
        if can_be_null && matches!(self.literal, Literal::Null) {
            self.check_equality("null")?;
            return Ok(Condition::Absent(path).negated_if(self.operator == Operator::NotEqual));
        }
        let Some(expected) = Expected::read(kind, self.literal) else {
            return Err(Refusal { at: self.literal_at, what: format!("'{name}' {}", comparable(kind)) });
        };
        if !has_order(kind) {
            self.check_equality(&format!("'{name}'"))?;
        }
        Ok(Condition::Compared(path, self.operator, expected))
    }

    fn of_function(self, condition: Condition) -> Result<Condition, Refusal> {
        let Some(wanted) = self.literal.boolean() else {
            let what = "'startswith' can be compared only with true or false".into();
            return Err(Refusal { at: self.literal_at, what });
        };
        self.check_equality("'startswith'")?;
        Ok(condition.negated_if(wanted == (self.operator == Operator::NotEqual)))
    }

    fn check_equality(&self, subject: &str) -> Result<(), Refusal> {
        match self.operator {
            Operator::Equal | Operator::NotEqual => Ok(()),
            Operator::Greater | Operator::GreaterOrEqual | Operator::Less | Operator::LessOrEqual => {
                let what = format!("{subject} can be compared only by 'eq' and 'ne'");
                Err(Refusal { at: self.operator_at, what })
            }
        }
    }
}

fn one_literal(at: usize) -> Refusal {
    Refusal { at, what: "A comparison has a literal on exactly one of its sides".into() }
}

/// Whether one value of a kind can be greater than another.
fn has_order(kind: Kind) -> bool {
    match kind {
        Kind::Text | Kind::Int32 | Kind::Int64 | Kind::Double | Kind::Instant => true,
        Kind::Boolean | Kind::Duration | Kind::Choice(_) | Kind::Object(_) | Kind::List(_) | Kind::Raw => {
            false
        }
    }
}

/// What a property of a kind can be compared with, in words.
fn comparable(kind: Kind) -> String {
    let with = match kind {
        Kind::Text => "a text in quotes",
        Kind::Boolean => "true or false",
        Kind::Int32 | Kind::Int64 => "an integer of 64 bits",
        Kind::Double => "a number",
        Kind::Duration => "a duration in quotes, like 'PT15M'",
        Kind::Instant => "an instant, like DateTime'2025-05-14T21:50:06.78508Z'",
        Kind::Choice(choices) => return format!("can be compared only with '{}'", choices.join("', '")),
        Kind::Object(_) => "null, because it is an object",
        Kind::List(_) => return "cannot be compared, because it is a list".into(),
        Kind::Raw => return "cannot be compared, because it can hold anything".into(),
    };
    format!("can be compared only with {with}")
}

#[derive(Clone, Copy, Debug)]
struct Token<'a> {
    /// The byte of the text that it begins at.
    at: usize,
    symbol: Symbol<'a>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Symbol<'a> {
    Open,
    Close,
    Comma,
    /// An operator, a function, a constant or a path.
    Word(&'a str),
    /// What stands between the quotes, in which a quote is written twice.
    Text(&'a str),
    /// What stands between the quotes of `DateTime'...'`.
    Instant(&'a str),
    /// What begins like a number and goes on like one or like an instant.
    Bare(&'a str),
    End,
}

/// Cuts a text into tokens.
struct Lexer<'a> {
    text: &'a str,
    /// The byte that is read next; always at the beginning of a character.
    at: usize,
}

impl<'a> Lexer<'a> {
    fn token(&mut self) -> Result<Token<'a>, Refusal> {
        self.take_while(char::is_whitespace);
        let at = self.at;
        let symbol = match self.peek() {
            None => Symbol::End,
            Some('(') => self.sign(Symbol::Open),
            Some(')') => self.sign(Symbol::Close),
            Some(',') => self.sign(Symbol::Comma),
            Some('\'') => Symbol::Text(self.quoted()?),
            Some('-' | '0'..='9') => {
                Symbol::Bare(self.take_while(|next| next.is_ascii_alphanumeric() || "+-.:".contains(next)))
            }
            Some('_' | 'a'..='z' | 'A'..='Z') => self.word()?,
            Some(other) => {
                return Err(Refusal { at, what: format!("No part of a filter begins with {other:?}") });
            }
        };
        Ok(Token { at, symbol })
    }

    /// A word, unless it is the prefix of an instant in quotes, in any case (Q4, assumed).
    fn word(&mut self) -> Result<Symbol<'a>, Refusal> {
        let word = self.take_while(|next| next.is_ascii_alphanumeric() || next == '_' || next == '/');
        if word.eq_ignore_ascii_case("datetime") && self.peek() == Some('\'') {
            return self.quoted().map(Symbol::Instant);
        }
        Ok(Symbol::Word(word))
    }

    /// What stands between a quote and the next one that is not doubled.
    fn quoted(&mut self) -> Result<&'a str, Refusal> {
        let begin = self.at;
        let rest = self.rest().strip_prefix('\'').unwrap_or_default();
        let mut end = 0;
        while let Some(length) = rest.get(end..).and_then(|text| text.find('\'')) {
            end += length;
            if !rest.get(end..).is_some_and(|text| text.starts_with("''")) {
                self.at += end + 2;
                return Ok(rest.get(..end).unwrap_or_default());
            }
            end += 2;
        }
        Err(Refusal { at: begin, what: "The text is not closed by a quote".into() })
    }

    fn sign(&mut self, symbol: Symbol<'a>) -> Symbol<'a> {
        self.at += 1;
        symbol
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let length = rest.find(|next| !wanted(next)).unwrap_or(rest.len());
        self.at += length;
        rest.get(..length).unwrap_or_default()
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
