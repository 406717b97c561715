use alloc::{format, string::String, vec::Vec};

use serde_json::json;

use super::*;
use crate::rest::odata::{
    filter::Filter,
    model::{FILE_PROPERTIES, Model, NODE_FILE, RECENT_JOB, SUPPORTED_IMAGE, TASK_CONSTRAINTS, name},
    version::ApiVersion,
    write::{self, View},
};

const LATEST: ApiVersion = ApiVersion::V2025_06;

fn printed(model: &'static Model, select: Option<&[Name]>, resource: Resource<'_>) -> String {
    let mut out = Vec::new();
    write::resource(&mut out, &["u"], View { model, version: LATEST, select }, resource);
    let text = String::from_utf8(out).expect("ASCII");
    text.split_whitespace().collect()
}

fn matches(filter: &str, model: &'static Model, resource: Resource<'_>) -> bool {
    Filter::parse(filter, model, LATEST).expect(filter).matches(resource)
}

fn file(slot: &mut Slot<'_>) {
    fill!(slot {
        "name" => slot.written(&format_args!("{}/{}", "Dir", "a.txt")),
        "url" => slot.text("u/Dir"),
        "isDirectory" => slot.boolean(false),
        "properties" => slot.object(&|slot| {
            fill!(slot {
                "creationTime" => slot.instant(None),
                "lastModified" => slot.instant(Timestamp::parse_iso8601("2024-01-01T00:00:00.5Z").expect("good")),
                "contentLength" => slot.integer(9_007_199_254_740_993_u64),
            });
        }),
    });
}

#[test]
fn typed_values_are_printed_as_the_model_has_them() {
    let expected = concat!(
        r#"{"odata.metadata":"u","name":"Dir/a.txt","url":"u/Dir","isDirectory":false,"#,
        r#""properties":{"lastModified":"2024-01-01T00:00:00.5Z","contentLength":"9007199254740993"}}"#
    );
    assert_eq!(printed(&NODE_FILE, None, &file), expected);
}

#[test]
fn only_what_is_selected_is_looked_at() {
    let resource = |slot: &mut Slot<'_>| {
        assert_eq!(slot.name(), name!("url"));
        file(slot);
    };
    let selected = printed(&NODE_FILE, Some(&[name!("url")]), &resource);
    assert_eq!(selected, r#"{"odata.metadata":"u","url":"u/Dir"}"#);
    assert!(matches("startswith(url, 'U/')", &NODE_FILE, &resource));
}

/// Q4, Q5: what a filter says of typed values is what it says of the same values as they are printed.
#[test]
fn a_filter_sees_typed_values_as_it_sees_printed_ones() {
    let read: Value = serde_json::from_str(&printed(&NODE_FILE, None, &file)).expect("JSON");
    let kept = read.as_object().expect("an object");
    let (mut met, mut unmet) = (0, 0);
    for path in ["name", "url"] {
        for text in ["", "dir", "DIR/A.TXT", "dir/a.txt.", "dir/b", "dir/A", "u/dir", "u", "\u{e4}"] {
            for operator in ["eq", "ne", "lt", "le", "gt", "ge"] {
                check(&format!("{path} {operator} '{text}'"), kept, &mut met, &mut unmet);
            }
            check(&format!("startswith({path}, '{text}')"), kept, &mut met, &mut unmet);
        }
    }
    let literals = [
        ("properties/lastModified", "DateTime'2024-01-01T00:00:00.5Z'"),
        ("properties/lastModified", "DateTime'2024-01-01T00:00:00.4999999Z'"),
        ("properties/creationTime", "DateTime'2024-01-01T00:00:00.5Z'"),
        ("properties/contentLength", "9007199254740993"),
        ("properties/contentLength", "9007199254740994"),
    ];
    for (path, literal) in literals {
        for operator in ["eq", "ne", "lt", "le", "gt", "ge"] {
            check(&format!("{path} {operator} {literal}"), kept, &mut met, &mut unmet);
        }
    }
    for path in ["isDirectory", "properties/creationTime", "properties/contentLength", "properties"] {
        for condition in ["eq null", "ne null"] {
            check(&format!("{path} {condition}"), kept, &mut met, &mut unmet);
        }
    }
    check("isDirectory eq false", kept, &mut met, &mut unmet);
    assert!(met > 30 && unmet > 30, "{met} and {unmet}");
}

fn check(filter: &str, kept: &Map<String, Value>, met: &mut usize, unmet: &mut usize) {
    let typed = matches(filter, &NODE_FILE, &file);
    assert_eq!(typed, matches(filter, &NODE_FILE, &|slot| slot.kept(kept)), "{filter}");
    *(if typed { met } else { unmet }) += 1;
}

#[test]
fn durations_compare_as_lengths() {
    let resource = |slot: &mut Slot<'_>| {
        fill!(slot { "retentionTime" => slot.duration(TimeSpan::from_secs(3600)), });
    };
    assert_eq!(
        printed(&TASK_CONSTRAINTS, None, &resource),
        r#"{"odata.metadata":"u","retentionTime":"PT1H"}"#
    );
    assert!(matches("retentionTime eq 'PT60M'", &TASK_CONSTRAINTS, &resource));
    assert!(matches("maxWallClockTime ne 'PT60M'", &TASK_CONSTRAINTS, &resource));
}

#[test]
fn the_first_value_counts_and_a_null_is_one() {
    let (kept, later) = (json!({ "id": "kept", "url": null }), json!({ "id": "later", "url": "later" }));
    let resource = |slot: &mut Slot<'_>| {
        slot.text(None);
        slot.kept(kept.as_object().expect("an object"));
        slot.kept(later.as_object().expect("an object"));
    };
    assert_eq!(printed(&RECENT_JOB, None, &resource), r#"{"odata.metadata":"u","id":"kept"}"#);
    assert!(matches("url eq null", &RECENT_JOB, &resource));
}

#[test]
fn lists_are_printed_item_by_item() {
    let resource = |slot: &mut Slot<'_>| {
        fill!(slot {
            "capabilities" => slot.list(&|give| ["a", "b"].iter().for_each(|text| give(&Shown::Text(text)))),
        });
    };
    let expected = r#"{"odata.metadata":"u","capabilities":["a","b"]}"#;
    assert_eq!(printed(&SUPPORTED_IMAGE, None, &resource), expected);
}

#[test]
fn a_number_beyond_64_bits_is_the_greatest() {
    let resource = |slot: &mut Slot<'_>| {
        fill!(slot { "contentLength" => slot.integer(u64::MAX), });
    };
    assert!(matches("contentLength eq 9223372036854775807", &FILE_PROPERTIES, &resource));
}
