//! `$filter` against a naive evaluator, which looks at the JSON of each item.

use std::{cmp::Ordering, slice::Iter, sync::OnceLock};

use azbatch::{
    Account, TimeSpan, Timestamp,
    rest::{self, Guid, Request},
    testing::{Sequence, Start},
};
use serde_json::Value;

const PATH: &str = "/jobs/Job-1/tasks?api-version=2025-06-01";

/// Lists tasks by a filter that the bytes stand for, or, after an `=`, by a filter that they are.
pub fn filters(data: &[u8]) {
    if let Some(text) = data.strip_prefix(b"=") {
        let status = list(&String::from_utf8_lossy(text)).0;
        assert!(matches!(status, 200 | 400), "{status}");
        return;
    }
    let condition = Condition::decode(&mut data.iter(), 0);
    let (text, (all, found)) = (condition.text(), (items(), list(&condition.text())));
    let status = if condition.is_accepted() { 200 } else { 400 };
    assert_eq!(found.0, status, "{text}: {:?}", found.1);
    if status == 400 {
        return;
    }
    let expected: Vec<&Value> =
        all.iter().filter(|item| condition.holds(item)).map(|item| &item["id"]).collect();
    let found: Vec<&Value> = found.1.iter().map(|item| &item["id"]).collect();
    assert_eq!(found, expected, "{text}");
}

/// The status of the list, and its items, or what is wrong.
fn list(filter: &str) -> (u16, Vec<Value>) {
    let escaped: Vec<String> = filter.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let target = format!("{PATH}&$filter={}", escaped.concat());
    let now = Start::Usual.timestamp();
    let (received, request_id) = (now, Guid::from_u128(1));
    let request = Request { method: "GET", target: &target, headers: &[], body: b"", received, request_id };
    let response = rest::answer(&mut account().clone(), &request, now).response;
    let body: Value = serde_json::from_slice(&response.body).expect("JSON");
    // A refusal lists what is wrong under another name.
    let items = body.get("value").or_else(|| body.get("values")).and_then(Value::as_array);
    (response.status, items.cloned().unwrap_or_default())
}

fn items() -> &'static [Value] {
    static ITEMS: OnceLock<Vec<Value>> = OnceLock::new();
    ITEMS.get_or_init(|| {
        let (received, request_id) = (Start::Usual.timestamp(), Guid::from_u128(1));
        let request = Request { method: "GET", target: PATH, headers: &[], body: b"", received, request_id };
        let response = rest::answer(&mut account().clone(), &request, received).response;
        let mut body: Value = serde_json::from_slice(&response.body).expect("JSON");
        let items = body["value"].as_array_mut().map(std::mem::take).unwrap_or_default();
        assert!(items.len() > 4, "{body}");
        items
    })
}

/// A job with tasks in several states.
fn account() -> &'static Account {
    static ACCOUNT: OnceLock<Account> = OnceLock::new();
    ACCOUNT.get_or_init(|| {
        Sequence::new(
            Start::Usual,
            [
                [11, 0, 0, 0, 0, 0, 0, 0],   // add node Node-a to pool-1 (slots: 3)
                [14, 0, 0, 0, 0, 0, 0, 0],   // add job Job-1 to pool-1
                [17, 0, 0, 0, 0, 0, 0, 6],   // 1 s later: add task 1 to Job-1
                [17, 0, 1, 0, 0, 0, 0, 6],   // 1 s later: add task 02 to Job-1
                [36, 0, 0, 0, 0, 0, 0, 6],   // 1 s later: assign task 1 of Job-1 to Node-a
                [36, 0, 1, 0, 0, 0, 0, 6],   // 1 s later: assign task 02 of Job-1 to Node-a
                [37, 0, 0, 0, 0, 2, 0, 6], // 1 s later: a node reports a run in progress: ended with exit code 0
                [37, 0, 0, 0, 0, 5, 0, 6], // 1 s later: a node reports a run in progress: ended with exit code 137
                [17, 0, 3, 0, 0, 0, 0, 6], // 1 s later: add task Build to Job-1
                [36, 0, 3, 0, 0, 0, 0, 6], // 1 s later: assign task Build of Job-1 to Node-a
                [37, 0, 0, 0, 0, 0, 0, 6], // 1 s later: a node reports a run in progress: started
                [17, 0, 2, 0, 221, 0, 0, 6], // 1 s later: add task 2 to Job-1 (slots: 2, time limit: 20 s)
                [17, 0, 4, 0, 28, 0, 0, 6], // 1 s later: add task manager to Job-1 (retries without limit)
            ],
        )
        .account()
    })
}

/// A property of a task, and how it compares.
struct Property {
    path: &'static str,
    kind: Kind,
    literals: &'static [&'static str],
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Text,
    Choice,
    Number,
    Instant,
    Span,
}

const TEXTS: &[&str] =
    &["'1'", "'BUILD'", "'build'", "'0'", "''", "'run'", "'It''s'", "'Node-A'", "'pool-1'"];
const NUMBERS: &[&str] = &["0", "1", "-1", "137", "2", "2147483648"];
const INSTANTS: &[&str] = &[
    "DateTime'2025-05-14T21:50:08Z'",
    "2025-05-14T21:50:12.78508Z",
    "datetime'Wed, 14 May 2025 21:50:12 GMT'",
    "0001-01-01",
];
const SPANS: &[&str] = &["'PT20S'", "'PT1M0.5S'", "'P7D'", "'P10675199DT2H48M5.4775807S'", "'PT0S'"];

const PROPERTIES: &[Property] = &[
    property("id", Kind::Text, TEXTS),
    property("state", Kind::Choice, &["'active'", "'Running'", "'completed'"]),
    property("displayName", Kind::Text, TEXTS),
    property("commandLine", Kind::Text, TEXTS),
    property("nodeInfo/nodeId", Kind::Text, TEXTS),
    property("nodeInfo/poolId", Kind::Text, TEXTS),
    property("executionInfo/result", Kind::Choice, &["'success'", "'FAILURE'"]),
    property("executionInfo/failureInfo/code", Kind::Text, TEXTS),
    property("executionInfo/exitCode", Kind::Number, NUMBERS),
    property("executionInfo/retryCount", Kind::Number, NUMBERS),
    property("constraints/maxTaskRetryCount", Kind::Number, NUMBERS),
    property("requiredSlots", Kind::Number, NUMBERS),
    property("creationTime", Kind::Instant, INSTANTS),
    property("stateTransitionTime", Kind::Instant, INSTANTS),
    property("executionInfo/startTime", Kind::Instant, INSTANTS),
    property("executionInfo/endTime", Kind::Instant, INSTANTS),
    property("constraints/maxWallClockTime", Kind::Span, SPANS),
    property("constraints/retentionTime", Kind::Span, SPANS),
];

const fn property(path: &'static str, kind: Kind, literals: &'static [&'static str]) -> Property {
    Property { path, kind, literals }
}

const OPERATORS: [&str; 6] = ["eq", "ne", "lt", "le", "gt", "ge"];

enum Condition {
    And(Box<Condition>, Box<Condition>),
    Or(Box<Condition>, Box<Condition>),
    Not(Box<Condition>),
    Compared(&'static Property, &'static str, &'static str),
    /// The same with its sides exchanged.
    Mirrored(&'static Property, &'static str, &'static str),
    IsNull(&'static Property, bool),
    StartsWith(&'static Property, &'static str),
}

impl Condition {
    fn decode(bytes: &mut Iter<'_, u8>, depth: usize) -> Self {
        let mut next = || usize::from(bytes.next().copied().unwrap_or(0));
        let (kind, property) = (next() % 10, &PROPERTIES[next() % PROPERTIES.len()]);
        if kind > 6 && depth < 10 {
            let first = Box::new(Self::decode(bytes, depth + 1));
            return match kind {
                7 => Self::And(first, Box::new(Self::decode(bytes, depth + 1))),
                8 => Self::Or(first, Box::new(Self::decode(bytes, depth + 1))),
                _ => Self::Not(first),
            };
        }
        let (operator, literal) =
            (OPERATORS[next() % 6], property.literals[next() % property.literals.len()]);
        match kind {
            4 => Self::Mirrored(property, operator, literal),
            5 => Self::IsNull(property, operator == "ne"),
            6 if property.kind == Kind::Text => Self::StartsWith(property, literal),
            _ => Self::Compared(property, operator, literal),
        }
    }

    fn text(&self) -> String {
        match self {
            Self::And(one, other) => format!("({}) and ({})", one.text(), other.text()),
            Self::Or(one, other) => format!("({}) or ({})", one.text(), other.text()),
            Self::Not(condition) => format!("not ({})", condition.text()),
            Self::Compared(property, operator, literal) => format!("{} {operator} {literal}", property.path),
            Self::Mirrored(property, operator, literal) => format!("{literal} {operator} {}", property.path),
            Self::IsNull(property, is_not) => {
                format!("{} {} null", property.path, if *is_not { "ne" } else { "eq" })
            }
            Self::StartsWith(property, literal) => format!("startswith({}, {literal})", property.path),
        }
    }

    /// Whether only what has an order is compared by it (Q4).
    fn is_accepted(&self) -> bool {
        match self {
            Self::And(one, other) | Self::Or(one, other) => one.is_accepted() && other.is_accepted(),
            Self::Not(condition) => condition.is_accepted(),
            Self::Compared(property, operator, _) | Self::Mirrored(property, operator, _) => {
                matches!(*operator, "eq" | "ne") || !matches!(property.kind, Kind::Choice | Kind::Span)
            }
            Self::IsNull(..) | Self::StartsWith(..) => true,
        }
    }

    /// Q4, Q5
    fn holds(&self, item: &Value) -> bool {
        match self {
            Self::And(one, other) => one.holds(item) && other.holds(item),
            Self::Or(one, other) => one.holds(item) || other.holds(item),
            Self::Not(condition) => !condition.holds(item),
            Self::Compared(property, operator, literal) => {
                is_so(operator, property.shown(item).map(|shown| property.compare(shown, literal)))
            }
            Self::Mirrored(property, operator, literal) => {
                is_so(operator, property.shown(item).map(|shown| property.compare(shown, literal).reverse()))
            }
            Self::IsNull(property, is_not) => property.shown(item).is_none() != *is_not,
            Self::StartsWith(property, literal) => {
                let shown = property.shown(item).and_then(Value::as_str);
                shown.is_some_and(|shown| shown.to_lowercase().starts_with(&unquoted(literal).to_lowercase()))
            }
        }
    }
}

/// Whether a comparison came out as asked; with null only `ne` holds.
fn is_so(operator: &str, outcome: Option<Ordering>) -> bool {
    match (operator, outcome) {
        ("ne", outcome) => outcome != Some(Ordering::Equal),
        (_, None) => false,
        ("eq", Some(outcome)) => outcome == Ordering::Equal,
        ("lt", Some(outcome)) => outcome == Ordering::Less,
        ("le", Some(outcome)) => outcome != Ordering::Greater,
        ("gt", Some(outcome)) => outcome == Ordering::Greater,
        (_, Some(outcome)) => outcome != Ordering::Less,
    }
}

/// What stands between the first quote and the last, with single quotes.
fn unquoted(literal: &str) -> String {
    let inner = literal.split_once('\'').and_then(|(_, rest)| rest.strip_suffix('\''));
    inner.unwrap_or(literal).replace("''", "'")
}

impl Property {
    fn shown<'a>(&self, item: &'a Value) -> Option<&'a Value> {
        self.path.split('/').try_fold(item, |value, name| value.get(name)).filter(|value| !value.is_null())
    }

    fn compare(&self, shown: &Value, literal: &str) -> Ordering {
        let text = || shown.as_str().expect("text");
        let inner = unquoted(literal);
        match self.kind {
            Kind::Text | Kind::Choice => text().to_lowercase().cmp(&inner.to_lowercase()),
            Kind::Number => shown.as_i64().expect("a number").cmp(&inner.parse().expect("a number")),
            Kind::Instant => {
                let expected = Timestamp::parse_iso8601(&inner).or_else(|_| Timestamp::parse_rfc1123(&inner));
                Timestamp::parse_iso8601(text()).expect("an instant").cmp(&expected.expect("an instant"))
            }
            Kind::Span => {
                TimeSpan::parse(text()).expect("a span").cmp(&TimeSpan::parse(&inner).expect("a span"))
            }
        }
    }
}
