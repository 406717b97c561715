use super::*;

/// The names of a model's properties that stand between two of them, these included.
fn between<'a>(model: &Model, first: &'a str, last: &'a str) -> Vec<&'static str> {
    let names = model.properties.iter().map(|property| property.name.as_str());
    let mut found: Vec<_> = names.skip_while(|name| *name != first).collect();
    found.truncate(found.iter().position(|name| *name == last).expect(last) + 1);
    found
}

#[test]
fn a_model_names_a_property_once_and_every_property_has_its_time() {
    for model in ALL {
        for (place, property) in model.properties.iter().enumerate() {
            let twice = model.properties.iter().skip(place + 1).any(|other| other.name == property.name);
            assert!(!twice, "{}.{}", model.name, property.name);
            // So it is printed without escapes.
            assert!(property.name.as_str().bytes().all(|byte| byte.is_ascii_alphanumeric()));
            assert!(ApiVersion::ALL.iter().any(|version| property.is_known_to(*version)));
        }
    }
}

#[test]
fn names_of_models_and_choices_are_distinct() {
    for (place, model) in ALL.iter().enumerate() {
        assert!(ALL.iter().skip(place + 1).all(|other| other.name != model.name), "{}", model.name);
        for property in model.properties {
            if let Kind::Choice(choices) = property.kind {
                let distinct = choices.iter().map(|choice| choice.to_ascii_lowercase());
                let distinct: std::collections::BTreeSet<_> = distinct.collect();
                assert_eq!(distinct.len(), choices.len(), "{}.{}", model.name, property.name);
            }
        }
    }
}

#[test]
fn properties_are_found_by_name_with_case() {
    assert_eq!(CLOUD_JOB.property("eTag").map(|property| property.name.as_str()), Some("eTag"));
    assert!(CLOUD_JOB.property("etag").is_none());
    assert!(CLOUD_JOB.property("").is_none());
}

#[test]
fn a_job_shows_its_stamps_in_the_reverse_order_of_a_task() {
    assert_eq!(between(&CLOUD_JOB, "eTag", "creationTime"), ["eTag", "lastModified", "creationTime"]);
    assert_eq!(between(&CLOUD_TASK, "eTag", "lastModified"), ["eTag", "creationTime", "lastModified"]);
    assert_eq!(
        between(&TASK_EXECUTION_INFORMATION, "failureInfo", "retryCount"),
        ["failureInfo", "result", "retryCount"]
    );
    assert_eq!(
        between(&JOB_EXECUTION_INFORMATION, "poolId", "terminateReason"),
        ["poolId", "schedulingError", "terminateReason"]
    );
}

#[test]
fn what_came_and_went_with_the_api_versions() {
    let known =
        |model: &Model, name, version| model.known_to(version).any(|property| property.name.as_str() == name);
    let first =
        |model: &Model, name| ApiVersion::ALL.iter().copied().find(|version| known(model, name, *version));
    assert_eq!(first(&CLOUD_TASK, "requiredSlots"), Some(ApiVersion::V2020_09));
    assert_eq!(first(&TASK_COUNTS_RESULT, "taskSlotCounts"), Some(ApiVersion::V2020_09));
    assert_eq!(first(&CLOUD_JOB, "maxParallelTasks"), Some(ApiVersion::V2021_06));
    assert_eq!(first(&CLOUD_JOB, "allowTaskPreemption"), Some(ApiVersion::V2022_01));
    assert_eq!(first(&CLOUD_POOL, "upgradePolicy"), Some(ApiVersion::V2024_02));
    assert_eq!(first(&CLOUD_JOB, "id"), Some(ApiVersion::OLDEST));
    for version in ApiVersion::ALL.iter().copied() {
        let (old, new) =
            (known(&CLOUD_POOL, "maxTasksPerNode", version), known(&CLOUD_POOL, "taskSlotsPerNode", version));
        assert!(old != new, "{}: one of the two spellings", version.as_str());
    }
    assert!(known(&POOL_ADD_PARAMETER, "cloudServiceConfiguration", ApiVersion::V2024_02));
    assert!(!known(&POOL_ADD_PARAMETER, "cloudServiceConfiguration", ApiVersion::V2024_07));
}
