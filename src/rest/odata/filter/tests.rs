use core::iter;

use proptest::{collection::vec as vec_of, prelude::*, sample::select, test_runner::Config};
use serde_json::{Map, Value, json};

use super::*;
use crate::rest::odata::model::{ALL, CLOUD_JOB, CLOUD_POOL, CLOUD_TASK, COMPUTE_NODE, name};

const LATEST: ApiVersion = ApiVersion::V2025_06;

fn shown(value: &Value) -> Map<String, Value> {
    value.as_object().expect("an object").clone()
}

fn task() -> Map<String, Value> {
    shown(&json!({
        "id": "Task-1",
        "displayName": "It's Bob's",
        "state": "completed",
        "creationTime": "2024-01-01T00:00:00.5Z",
        "commandLine": null,
        "constraints": { "maxWallClockTime": "PT1H", "maxTaskRetryCount": -1 },
        "executionInfo": {
            "exitCode": 3,
            "endTime": "2024-01-02T03:04:05Z",
            "failureInfo": { "category": "UserError", "code": "FailureExitCode" },
        },
        "nodeInfo": {},
        "stats": { "readIOps": "9007199254740993", "readIOGiB": 1.5 },
    }))
}

fn matches(filter: &str, model: &'static Model, item: &Map<String, Value>) -> bool {
    Filter::parse(filter, model, LATEST)
        .unwrap_or_else(|error| panic!("{filter}: {error:?}"))
        .matches(&|slot| slot.kept(item))
}

#[track_caller]
fn assert_task(expected: bool, filters: &[&str]) {
    for filter in filters {
        assert_eq!(matches(filter, &CLOUD_TASK, &task()), expected, "{filter}");
    }
}

fn reason(filter: &str, model: &'static Model) -> String {
    let error = Filter::parse(filter, model, LATEST).expect_err(filter);
    let [name, value, reason] = error.values.as_slice() else { panic!("{error:?}") };
    assert_eq!((error.code.as_str(), name.value.as_str()), ("InvalidQueryParameterValue", "$filter"));
    assert_eq!(value.value, filter);
    reason.value.clone()
}

#[test]
fn what_published_clients_send() {
    let node = shown(&json!({ "id": "tvm-1", "state": "idle", "isDedicated": false }));
    assert!(matches("state eq 'idle' and lastBootTime eq null", &COMPUTE_NODE, &node));
    assert!(matches("isDedicated eq false", &COMPUTE_NODE, &node));
    let pool = shown(&json!({ "id": "pool", "state": "active", "allocationState": "steady" }));
    assert!(matches("startswith(id, 'po') and allocationState ne 'resizing'", &CLOUD_POOL, &pool));
    let job = shown(&json!({ "id": "j", "state": "active", "poolInfo": { "poolId": "Pool-1" } }));
    assert!(matches("(state eq 'active') or (state eq 'disabled')", &CLOUD_JOB, &job));
    assert!(matches("poolInfo/poolId eq 'pool-1'", &CLOUD_JOB, &job));
    assert_task(
        true,
        &[
            "(executionInfo/exitCode lt 0) or (executionInfo/exitCode gt 0)",
            "state eq 'completed' and executionInfo/failureInfo/category eq 'usererror'",
            "creationTime gt DateTime'2011-05-08T08:49:37Z'",
            "creationTime gt DateTime'Sun, 08 May 2011 08:49:37 GMT'",
            "executionInfo/endTime ge 2024-01-02T03:04:05Z",
        ],
    );
}

#[test]
fn values_compare_without_case() {
    assert_task(
        true,
        &[
            "id eq 'TASK-1'",
            "id le 'TASK-1'",
            "id gt 'TASK-'",
            "startswith(id, 'tAsK')",
            "state eq 'Completed'",
            "displayName eq 'It''s Bob''s'",
            "startswith(displayName, 'It''')",
            "startswith(displayName, '')",
            "displayName eq 'it''s bob''s'",
            "startswith(displayName, 'it')",
        ],
    );
    assert_task(
        false,
        &[
            "id ne 'TASK-1'",
            "executionInfo/failureInfo/code lt 'failureExitCode'",
            "startswith(id, 'task-12')",
        ],
    );
}

#[test]
fn instants_compare_as_points_in_time() {
    assert_task(
        true,
        &[
            "creationTime eq datetime'2024-01-01T00:00:00.5000000Z'",
            "creationTime eq 2024-01-01T02:00:00.5+02:00",
            "creationTime eq DATETIME'2023-12-31T23:00:00.5-01:00'",
            "creationTime gt 2024-01-01T00:00:00.4999999Z",
            "creationTime gt 2024-01-01",
            "creationTime gt DateTime'2024-01-01T00:00Z'",
            "2024-01-01T00:00:00.5000001Z gt creationTime",
        ],
    );
}

#[test]
fn numbers_and_durations_compare_as_what_they_stand_for() {
    assert_task(
        true,
        &[
            "executionInfo/exitCode eq 003",
            "constraints/maxTaskRetryCount lt -0",
            "executionInfo/exitCode lt 9223372036854775807",
            "stats/readIOps gt 9007199254740992",
            "stats/readIOGiB eq 1.50",
            "stats/readIOGiB gt 1",
            "stats/readIOGiB lt 2e0",
            "constraints/maxWallClockTime eq 'PT60M'",
        ],
    );
}

#[test]
fn a_literal_may_stand_on_either_side() {
    assert_task(
        true,
        &[
            "'task-1' eq id",
            "4 gt executionInfo/exitCode",
            "3 ge executionInfo/exitCode",
            "2 lt executionInfo/exitCode",
            "3 le executionInfo/exitCode",
            "null ne id",
            "false ne startswith(id, 'T')",
        ],
    );
}

#[test]
fn what_is_not_shown_is_null() {
    // Never there, said to be null, in an object that is not there, in an empty object.
    for path in ["url", "commandLine", "executionInfo/containerInfo/error", "nodeInfo/nodeId"] {
        let holds = |condition: &str| matches(&format!("{path} {condition}"), &CLOUD_TASK, &task());
        assert!(holds("eq null") && !holds("ne null"), "{path}");
        assert!(holds("ne 'a'"), "{path}");
        for condition in ["eq 'a'", "lt 'a'", "le 'a'", "gt 'a'", "ge 'a'"] {
            assert!(!holds(condition), "{path} {condition}");
        }
        assert_task(false, &[&format!("startswith({path}, '')")]);
        assert_task(true, &[&format!("startswith({path}, '') eq false"), &format!("not ({path} eq 'a')")]);
    }
    assert_task(
        true,
        &["id ne null", "executionInfo/failureInfo ne null", "nodeInfo ne null", "affinityInfo eq null"],
    );
}

#[test]
fn what_is_shown_in_another_kind_than_the_model_has_compares_as_null_does() {
    let odd = shown(
        &json!({ "id": 5, "creationTime": "today", "executionInfo": [], "stats": { "readIOGiB": "x" } }),
    );
    for path in [
        "id ge 'a'",
        "creationTime lt 2024-01-01T00:00:00Z",
        "executionInfo/exitCode eq 0",
        "stats/readIOGiB ge 0",
    ] {
        assert!(!matches(path, &CLOUD_TASK, &odd), "{path}");
    }
    assert!(matches("id ne 'a' and creationTime ne 2024-01-01T00:00:00Z", &CLOUD_TASK, &odd));
    assert!(!matches("startswith(id, '')", &CLOUD_TASK, &odd));
}

#[test]
fn and_binds_before_or_and_not_before_both() {
    assert_task(
        true,
        &[
            "id eq 'task-1' or id eq 'x' and id eq 'y'",
            "id eq 'x' and id eq 'y' or id eq 'task-1'",
            "not startswith(id, 'x') or id eq 'task-1'",
            "not(id eq 'x')and not not (id eq 'task-1')",
            "not startswith(id, 'T') eq false",
        ],
    );
    assert_task(
        false,
        &[
            "(id eq 'task-1' or id eq 'x') and id eq 'y'",
            "not startswith(id, 'T') and id eq 'task-1'",
            "not (id eq 'x' or id eq 'task-1')",
        ],
    );
}

#[test]
fn the_texts_own_form() {
    let refused = [
        ("", "The filter is empty (character 1)."),
        (" \t ", "The filter is empty (character 1)."),
        ("state", "Expected 'eq', 'ne', 'gt', 'ge', 'lt' or 'le', found the end (character 6)."),
        ("state EQ 'active'", "Expected 'eq', 'ne', 'gt', 'ge', 'lt' or 'le', found EQ (character 7)."),
        ("id in ('a')", "Expected 'eq', 'ne', 'gt', 'ge', 'lt' or 'le', found in (character 4)."),
        ("state eq", "Expected a property, a literal or 'startswith', found the end (character 9)."),
        ("state eq )", "Expected a property, a literal or 'startswith', found ) (character 10)."),
        ("eq eq 'a'", "CloudTask has no property 'eq' (character 1)."),
        ("id eq 'a' AND id eq 'b'", "Expected 'and', 'or' or the end, found AND (character 11)."),
        ("id eq 'a' and", "Expected a property, a literal or 'startswith', found the end (character 14)."),
        ("id eq 'a')", "Expected 'and', 'or' or the end, found ) (character 10)."),
        ("(id eq 'a'", "Expected 'and', 'or' or ')', found the end (character 11)."),
        ("(id) eq 'a'", "Expected 'eq', 'ne', 'gt', 'ge', 'lt' or 'le', found ) (character 4)."),
        ("(id eq 'a') eq true", "Expected 'and', 'or' or the end, found eq (character 13)."),
        ("()", "Expected a property, a literal or 'startswith', found ) (character 2)."),
        ("id eq 'a", "The text is not closed by a quote (character 7)."),
        ("displayName eq 'é' and id eq 'a''", "The text is not closed by a quote (character 30)."),
        ("id eq \"a\"", "No part of a filter begins with '\"' (character 7)."),
        ("id eq 'é' ü", "No part of a filter begins with 'ü' (character 11)."),
        ("id eq 'a' 'b'", "Expected 'and', 'or' or the end, found 'b' (character 11)."),
        ("not", "Expected '(' or 'startswith' after 'not', found the end (character 4)."),
        ("not id eq 'a'", "Expected '(' or 'startswith' after 'not', found id (character 5)."),
    ];
    for (filter, expected) in refused {
        assert_eq!(reason(filter, &CLOUD_TASK), expected, "{filter}");
    }
}

#[test]
fn paths_and_comparisons_that_the_model_does_not_allow() {
    let instant = "can be compared only with an instant, like DateTime'2025-05-14T21:50:06.78508Z'";
    let refused = [
        ("stat eq 'a'", "CloudTask has no property 'stat' (character 1)."),
        ("State eq 'active'", "CloudTask has no property 'State' (character 1)."),
        ("id eq guid'a'", "CloudTask has no property 'guid' (character 7)."),
        ("executionInfo/code eq 1", "TaskExecutionInformation has no property 'code' (character 15)."),
        ("executionInfo/ eq 1", "TaskExecutionInformation has no property '' (character 15)."),
        ("id/length eq 1", "'id' is no object, so it has no property 'length' (character 4)."),
        (
            "resourceFiles/filePath eq 'a'",
            "'resourceFiles' is no object, so it has no property 'filePath' (character 15).",
        ),
        ("resourceFiles eq null", "'resourceFiles' cannot be compared, because it is a list (character 18)."),
        (
            "executionInfo eq 1",
            "'executionInfo' can be compared only with null, because it is an object (character 18).",
        ),
        ("id eq 1", "'id' can be compared only with a text in quotes (character 7)."),
        ("1 eq id", "'id' can be compared only with a text in quotes (character 1)."),
        ("id eq true", "'id' can be compared only with a text in quotes (character 7)."),
        (
            "id eq DateTime'2024-01-01T00:00:00Z'",
            "'id' can be compared only with a text in quotes (character 7).",
        ),
        (
            "executionInfo/exitCode eq '1'",
            "'exitCode' can be compared only with an integer of 64 bits (character 27).",
        ),
        (
            "executionInfo/exitCode eq 1.0",
            "'exitCode' can be compared only with an integer of 64 bits (character 27).",
        ),
        (
            "executionInfo/exitCode eq 9223372036854775808",
            "'exitCode' can be compared only with an integer of 64 bits (character 27).",
        ),
        ("stats/readIOGiB lt 1e999", "'readIOGiB' can be compared only with a number (character 20)."),
        ("stats/readIOGiB lt -inf", "'readIOGiB' can be compared only with a number (character 20)."),
        (
            "state eq 'finished'",
            "'state' can be compared only with 'active', 'preparing', 'running', 'completed' (character 10).",
        ),
        ("state gt 'active'", "'state' can be compared only by 'eq' and 'ne' (character 7)."),
        (
            "constraints/maxWallClockTime lt 'PT1H'",
            "'maxWallClockTime' can be compared only by 'eq' and 'ne' (character 30).",
        ),
        (
            "constraints/maxWallClockTime eq '1:00'",
            "'maxWallClockTime' can be compared only with a duration in quotes, like 'PT15M' (character 33).",
        ),
        ("id lt null", "null can be compared only by 'eq' and 'ne' (character 4)."),
        ("id eq url", "A comparison has a literal on exactly one of its sides (character 1)."),
        ("1 eq 1", "A comparison has a literal on exactly one of its sides (character 1)."),
        ("creationTime gt '2024-01-01T00:00:00Z'", &format!("'creationTime' {instant} (character 17).")),
        ("creationTime gt 2024-01", &format!("'creationTime' {instant} (character 17).")),
        ("creationTime gt 2024-01-01T00:00:00", &format!("'creationTime' {instant} (character 17).")),
        (
            "creationTime gt DateTime'2024-02-30T00:00:00Z'",
            &format!("'creationTime' {instant} (character 17)."),
        ),
    ];
    for (filter, expected) in refused {
        assert_eq!(reason(filter, &CLOUD_TASK), expected, "{filter}");
    }
    let ordered = "'isDedicated' can be compared only by 'eq' and 'ne' (character 13).";
    assert_eq!(reason("isDedicated gt false", &COMPUTE_NODE), ordered);
    let one = "'isDedicated' can be compared only with true or false (character 16).";
    assert_eq!(reason("isDedicated eq 1", &COMPUTE_NODE), one);
    let raw = "'resourceTags' cannot be compared, because it can hold anything (character 17).";
    assert_eq!(reason("resourceTags eq null", &CLOUD_POOL), raw);
}

#[test]
fn starts_with_in_other_forms() {
    let refused = [
        ("startswith", "Expected '(' after 'startswith', found the end (character 11)."),
        ("startswith()", "Expected a property, found ) (character 12)."),
        ("startswith('a', id)", "Expected a property, found 'a' (character 12)."),
        ("startswith(id 'a')", "Expected ',', found 'a' (character 15)."),
        ("startswith(id, 1)", "Expected a text in quotes, found 1 (character 16)."),
        ("startswith(id, 'a', 'b')", "Expected ')', found , (character 19)."),
        (
            "startswith(state, 'a')",
            "'startswith' takes a property that is a text, and 'state' is not (character 12).",
        ),
        (
            "startswith(id, 'a') eq 'a'",
            "'startswith' can be compared only with true or false (character 24).",
        ),
        (
            "startswith(id, 'a') eq null",
            "'startswith' can be compared only with true or false (character 24).",
        ),
        ("startswith(id, 'a') gt true", "'startswith' can be compared only by 'eq' and 'ne' (character 21)."),
        (
            "startswith(id, 'a') eq id",
            "A comparison has a literal on exactly one of its sides (character 1).",
        ),
        ("endswith(id, 'a')", "CloudTask has no property 'endswith' (character 1)."),
    ];
    for (filter, expected) in refused {
        assert_eq!(reason(filter, &CLOUD_TASK), expected, "{filter}");
    }
}

#[test]
fn filters_that_nest_too_deep_are_refused_and_long_ones_are_not() {
    let nested = |opening: &str, closing: &str, depth: usize| {
        format!("{}startswith(id, 't'){}", opening.repeat(depth), closing.repeat(depth))
    };
    let too_deep = |at| format!("Parentheses and 'not' can nest 64 deep at most (character {at}).");
    assert_eq!(reason(&nested("(", ")", 65), &CLOUD_TASK), too_deep(65));
    assert_eq!(reason(&nested("(", ")", 100_000), &CLOUD_TASK), too_deep(65));
    assert_eq!(reason(&nested("not ", "", 100_000), &CLOUD_TASK), too_deep(257));
    assert_eq!(reason(&"(".repeat(100_000), &CLOUD_TASK), too_deep(65));
    assert_task(true, &[&nested("(", ")", 64), &nested("not ", "", 64), &nested("not (", ")", 32)]);
    let deepest_each_time = iter::repeat_n(nested("(", ")", 64), 100).collect::<Vec<_>>().join(" and ");
    assert_task(true, &[&deepest_each_time]);
    for (word, expected) in [(" or ", true), (" and ", false)] {
        let long =
            iter::repeat_n("id eq 'x'", 100_000).chain(["id eq 'task-1'"]).collect::<Vec<_>>().join(word);
        assert_task(expected, &[&long]);
    }
}

/// A property, values that it may show and literals to compare it with. Values and literals that
/// have one rank are equal, and a lower rank is less.
struct Field {
    path: &'static str,
    operators: &'static [&'static str],
    values: &'static [(&'static str, u8)],
    literals: &'static [(&'static str, u8)],
}

const EQUALITY: &[&str] = &["eq", "ne"];
const ORDER: &[&str] = &["eq", "ne", "lt", "le", "gt", "ge"];

static FIELDS: &[Field] = &[
    Field {
        path: "id",
        operators: ORDER,
        values: &[(r#""a-B""#, 1), (r#""A-b""#, 1), (r#""a-bC""#, 2), (r#""B""#, 3)],
        literals: &[("''", 0), ("'A-B'", 1), ("'a-bc'", 2), ("'b'", 3), ("'it''s'", 4)],
    },
    Field {
        path: "displayName",
        operators: ORDER,
        values: &[(r#""""#, 0), (r#""it""#, 1), (r#""It's""#, 2), (r#""it's""#, 2), (r#""é""#, 3)],
        literals: &[("''", 0), ("'IT'", 1), ("'it''S'", 2), ("'é'", 3)],
    },
    Field {
        path: "state",
        operators: EQUALITY,
        values: &[(r#""active""#, 0), (r#""running""#, 1)],
        literals: &[("'Active'", 0), ("'RUNNING'", 1), ("'completed'", 2)],
    },
    Field {
        path: "executionInfo/endTime",
        operators: ORDER,
        values: &[(r#""2024-01-01T00:00:00Z""#, 0), (r#""2024-01-01T00:00:00.5Z""#, 1)],
        literals: &[
            ("DateTime'2024-01-01T00:00:00.0000000Z'", 0),
            ("datetime'Mon, 01 Jan 2024 00:00:00 GMT'", 0),
            ("2024-01-01T01:30:00.50+01:30", 1),
            ("2023-12-31T23:59:59.9999999-00:01", 2),
        ],
    },
    Field {
        path: "executionInfo/exitCode",
        operators: ORDER,
        values: &[("-1", 0), ("0", 1), ("7", 2)],
        literals: &[("-1", 0), ("-0", 1), ("0", 1), ("07", 2), ("2147483648", 3)],
    },
    Field {
        path: "executionInfo/failureInfo/category",
        operators: EQUALITY,
        values: &[(r#""UserError""#, 0), (r#""ServerError""#, 1)],
        literals: &[("'usererror'", 0), ("'ServerError'", 1)],
    },
    Field {
        path: "constraints/maxWallClockTime",
        operators: EQUALITY,
        values: &[(r#""PT1H""#, 0), (r#""P1D""#, 1)],
        literals: &[("'PT60M'", 0), ("'PT24H'", 1), ("'PT1S'", 2)],
    },
    Field {
        path: "multiInstanceSettings/numberOfInstances",
        operators: ORDER,
        values: &[("1", 0), ("2", 1)],
        literals: &[("1", 0), ("2", 1)],
    },
    Field {
        path: "containerSettings/containerHostBatchBindMounts",
        operators: &[],
        values: &[("[]", 0)],
        literals: &[],
    },
    Field {
        path: "stats/readIOps",
        operators: ORDER,
        values: &[(r#""9007199254740992""#, 0), ("9007199254740993", 1)],
        literals: &[("9007199254740992", 0), ("9007199254740993", 1)],
    },
    Field {
        path: "stats/readIOGiB",
        operators: ORDER,
        values: &[("-0.5", 0), ("3", 1), ("3.25", 2)],
        literals: &[("-5e-1", 0), ("3", 1), ("3.0", 1), ("3.25", 2)],
    },
];

/// What each of the fields shows: none, null, or one of its values.
#[derive(Clone, Debug)]
enum Shown {
    Nothing,
    Null,
    Value(usize),
}

#[derive(Clone, Debug)]
enum Tree {
    And(Vec<Tree>),
    Or(Vec<Tree>),
    Not(Box<Tree>),
    /// By places: field, literal or none for null, operator. The literal may stand first.
    Compare {
        field: usize,
        literal: Option<usize>,
        operator: &'static str,
        is_turned: bool,
    },
    /// Of the id, or else of the display name; perhaps followed by a comparison.
    StartsWith {
        id: bool,
        start: &'static str,
        compared: Option<(&'static str, bool)>,
    },
}

fn leaf() -> impl Strategy<Value = Tree> {
    let comparable: Vec<usize> =
        (0..FIELDS.len()).filter(|place| !FIELDS[*place].operators.is_empty()).collect();
    let compare =
        (select(comparable), any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<bool>())
            .prop_map(|(field, literal, operator, is_turned)| {
                let Field { operators, literals, .. } = &FIELDS[field];
                let literal = Some(literal.index(literals.len() + 1)).filter(|place| *place < literals.len());
                let operators = if literal.is_some() { operators } else { EQUALITY };
                Tree::Compare {
                    field,
                    literal,
                    operator: operators[operator.index(operators.len())],
                    is_turned,
                }
            });
    let compared = prop::option::of((select(EQUALITY), any::<bool>()));
    let starts_with = (any::<bool>(), select(vec!["", "A", "a-b", "It'", "it", "é"]), compared)
        .prop_map(|(id, start, compared)| Tree::StartsWith { id, start, compared });
    prop_oneof![4 => compare, 1 => starts_with]
}

fn trees() -> impl Strategy<Value = Tree> {
    leaf().prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            vec_of(inner.clone(), 2..4).prop_map(Tree::And),
            vec_of(inner.clone(), 2..4).prop_map(Tree::Or),
            inner.prop_map(|tree| Tree::Not(Box::new(tree))),
        ]
    })
}

fn items() -> impl Strategy<Value = Vec<Shown>> {
    let shown = FIELDS.iter().map(|field| {
        prop_oneof![
            2 => Just(Shown::Nothing),
            1 => Just(Shown::Null),
            6 => (0..field.values.len()).prop_map(Shown::Value),
        ]
    });
    shown.collect::<Vec<_>>()
}

/// The item as JSON; an object is there if something in it is.
fn item(all: &[Shown]) -> Map<String, Value> {
    let mut item = Map::new();
    for (field, shown) in FIELDS.iter().zip(all) {
        let value = match shown {
            Shown::Nothing => continue,
            Shown::Null => Value::Null,
            Shown::Value(place) => serde_json::from_str(field.values[*place].0).expect("JSON"),
        };
        let (objects, name) = field.path.rsplit_once('/').unwrap_or(("", field.path));
        let mut object = &mut item;
        for name in objects.split('/').filter(|name| !name.is_empty()) {
            let inner = object.entry(name).or_insert_with(|| json!({}));
            object = inner.as_object_mut().expect("an object");
        }
        object.insert(name.into(), value);
    }
    item
}

fn naive(tree: &Tree, all: &[Shown]) -> bool {
    match tree {
        Tree::And(trees) => trees.iter().fold(true, |all_hold, tree| naive(tree, all) & all_hold),
        Tree::Or(trees) => trees.iter().fold(false, |any_holds, tree| naive(tree, all) | any_holds),
        Tree::Not(tree) => !naive(tree, all),
        Tree::Compare { field, literal, operator, is_turned } => {
            let Field { values, literals, .. } = &FIELDS[*field];
            let value = if let Shown::Value(place) = all[*field] { Some(values[place].1) } else { None };
            let (Some(left), Some(right)) = (value, literal.map(|place| literals[place].1)) else {
                let both_null = value.is_none() && literal.is_none();
                return (*operator == "eq" && both_null) || (*operator == "ne" && !both_null);
            };
            let (left, right) = if *is_turned { (right, left) } else { (left, right) };
            match *operator {
                "eq" => left == right,
                "ne" => left != right,
                "lt" => left < right,
                "le" => left <= right,
                "gt" => left > right,
                "ge" => left >= right,
                other => panic!("{other}"),
            }
        }
        Tree::StartsWith { id, start, compared } => {
            let field = usize::from(!id);
            let holds = if let Shown::Value(place) = all[field] {
                let value = FIELDS[field].values[place].0.trim_matches('"');
                value.to_lowercase().starts_with(&start.to_lowercase())
            } else {
                false
            };
            compared.map_or(holds, |(operator, wanted)| (holds == wanted) == (operator == "eq"))
        }
    }
}

/// Prints trees, with more spaces and parentheses than it takes where the noise says so.
struct Printer<'a>(Box<dyn Iterator<Item = u8> + 'a>);

impl Printer<'_> {
    fn is_noisy(&mut self) -> bool {
        self.0.next().expect("endless").is_multiple_of(4)
    }

    /// Parts with a space between each two, or with more.
    fn spaced(&mut self, parts: &[&str]) -> String {
        let mut text = String::new();
        for (place, part) in parts.iter().enumerate() {
            text += if place > 0 { " " } else { "" };
            text += if self.is_noisy() { " \t" } else { "" };
            text += part;
        }
        text
    }

    fn print(&mut self, tree: &Tree, is_inner: bool) -> String {
        let text = match tree {
            Tree::And(trees) => self.join(trees, "and"),
            Tree::Or(trees) => self.join(trees, "or"),
            Tree::Not(tree) => {
                let inner = self.print(tree, true);
                let is_bare = matches!(**tree, Tree::Not(_)) || inner.trim_start().starts_with("startswith");
                if is_bare { self.spaced(&["not", &inner]) } else { self.spaced(&["not", "(", &inner, ")"]) }
            }
            Tree::Compare { field, literal, operator, is_turned } => {
                let Field { path, literals, .. } = &FIELDS[*field];
                let literal = literal.map_or("null", |place| literals[place].0);
                let (left, right) = if *is_turned { (literal, *path) } else { (*path, literal) };
                self.spaced(&[left, operator, right])
            }
            Tree::StartsWith { id, start, compared } => {
                let start = format!("'{}'", start.replace('\'', "''"));
                let name = FIELDS[usize::from(!id)].path;
                let call = self.spaced(&["startswith", "(", name, ",", &start, ")"]);
                match compared {
                    None => call,
                    Some((operator, wanted)) if self.is_noisy() => {
                        self.spaced(&[&wanted.to_string(), operator, &call])
                    }
                    Some((operator, wanted)) => self.spaced(&[&call, operator, &wanted.to_string()]),
                }
            }
        };
        let is_chain = matches!(tree, Tree::And(_) | Tree::Or(_));
        if is_inner && is_chain || self.is_noisy() { self.spaced(&["(", &text, ")"]) } else { text }
    }

    fn join(&mut self, trees: &[Tree], word: &str) -> String {
        let mut text = String::new();
        for (place, tree) in trees.iter().enumerate() {
            // Of the two only `or` needs parentheses within the other.
            let printed = self.print(tree, word == "and" && matches!(tree, Tree::Or(_)));
            text = if place == 0 { printed } else { self.spaced(&[&text, word, &printed]) };
        }
        text
    }
}

proptest! {
    #![proptest_config(Config::with_cases(1000))]

    #[test]
    fn a_printed_filter_holds_where_its_tree_does(
        tree in trees(),
        noise in vec_of(any::<u8>(), 1..64),
        all in vec_of(items(), 1..8),
    ) {
        let text = Printer(Box::new(noise.iter().copied().cycle())).print(&tree, false);
        let filter = Filter::parse(&text, &CLOUD_TASK, LATEST);
        prop_assert!(filter.is_ok(), "{text}: {filter:?}");
        for shown in all {
            let item = item(&shown);
            if let (true, Some(state)) = (naive(&tree, &shown), item.get("state").and_then(Value::as_str)) {
                prop_assert!(filter.as_ref().unwrap().may_match(name!("state"), state), "{} in {}", text, state);
            }
            prop_assert_eq!(filter.as_ref().unwrap().matches(&|slot| slot.kept(&item)), naive(&tree, &shown), "{} on {:?}", text, item);
        }
    }

    #[test]
    fn any_text_is_read_or_refused(text in "\\PC*", model in select(ALL)) {
        let _ = Filter::parse(&text, model, LATEST);
    }

    #[test]
    fn any_tokens_are_read_or_refused_at_a_place_in_the_text(
        tokens in vec_of(select(vec![
            "(", ")", ",", " ", "not ", " and ", " or ", " eq ", " lt ", "id", "state", "executionInfo/exitCode",
            "creationTime", "'a'", "'active'", "'", "1", "-", "2024-01-01T00:00:00Z", "datetime'x'", "null", "true",
            "startswith(", "startswith(id,'a')", "/", "é", "\u{2003}",
        ]), 0..16),
        all in items(),
    ) {
        let text = tokens.concat();
        match Filter::parse(&text, &CLOUD_TASK, LATEST) {
            Ok(filter) => { filter.matches(&|slot| slot.kept(&item(&all))); }
            Err(error) => {
                let (_, place) = error.values[2].value.rsplit_once("(character ").unwrap();
                let place: usize = place.trim_end_matches(").").parse().unwrap();
                prop_assert!((1..=text.chars().count() + 1).contains(&place), "{}", text);
            }
        }
    }
}

/// What is said of an item of which only the state is known must hold for every item with this state.
#[test]
fn a_part_of_a_list_is_left_out_only_if_none_of_it_matches() {
    let may_match = |filter: &str, state: &str| {
        Filter::parse(filter, &CLOUD_TASK, LATEST).expect(filter).may_match(name!("state"), state)
    };
    for filter in [
        "state eq 'Completed'",
        "'completed' eq state",
        "state ne 'active'",
        "not (state eq 'active')",
        "id eq 'a' and state eq 'completed'",
        "id eq 'a' or state eq 'completed'",
        "(id eq 'a' or not (id eq 'b')) and state eq 'completed'",
        "not (id eq 'a' or state ne 'completed')",
        "not (id eq 'a' and state eq 'completed')",
        "id eq 'a'",
        "executionInfo/exitCode eq 0 and not (state eq null)",
        "previousState eq 'active'",
    ] {
        assert!(may_match(filter, "completed"), "{filter}");
    }
    for filter in [
        "state eq 'Active'",
        "state ne 'completed'",
        "state eq null",
        "not (state ne 'active')",
        "id eq 'a' and state eq 'active'",
        "state eq 'running' or state eq 'active'",
        "not (id eq 'a' or state eq 'completed')",
        "id eq 'a' and (id eq 'b' or id eq 'c') and not (state ne null)",
    ] {
        assert!(!may_match(filter, "completed"), "{filter}");
    }
}
