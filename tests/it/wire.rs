//! The values on the wire, letter by letter. They are repeated here, so that an accidental change in the crate is
//! noticed.

use std::{fmt::Debug, str::FromStr};

use azbatch::{
    ErrorCode,
    job::{DisableTasks, JobStateName, OnAllTasksComplete, OnTaskFailure, ParallelLimit, TerminateReason},
    node::{NodeStateName, NodeTasks, SchedulingState},
    pool::{AllocationState, NodeFillType, PoolState},
    rest::{ApiVersion, Guid},
    task::{DependencyAction, JobAction, NodeError, NodeFailure, RetryLimit, TaskFailure, TaskStateName},
};

/// Asserts that an enum has these values with these names, and reads each name back and no other text.
fn has_names<T>(all: &[T], names: &[&str], as_str: fn(T) -> &'static str, expected: &[(T, &str)])
where
    T: Copy + Debug + PartialEq + ToString + FromStr<Err: Debug + PartialEq>,
{
    assert!(all.iter().eq(expected.iter().map(|(value, _)| value)), "{all:?}");
    assert!(names.iter().eq(expected.iter().map(|(_, name)| name)), "{names:?}");
    for (value, name) in expected {
        assert_eq!(as_str(*value), *name);
        assert_eq!(value.to_string(), *name);
        assert_eq!(name.parse(), Ok(*value));
        let first = &name[..1];
        let first = if first == first.to_lowercase() { first.to_uppercase() } else { first.to_lowercase() };
        let respelled = first + &name[1..];
        for other in [name.to_uppercase(), respelled, format!(" {name}"), format!("{name} ")] {
            assert!(other.parse::<T>().is_err(), "{other:?}");
        }
        for end in 0..name.len() {
            assert!(name[..end].parse::<T>().is_err() || names.contains(&&name[..end]), "{}", &name[..end]);
        }
    }
    assert!("".parse::<T>().is_err());
    let (value, name) = expected[0];
    let in_rust = format!("{value:?}");
    assert!(in_rust == name || in_rust.parse::<T>().is_err(), "the name in Rust is another one");
}

macro_rules! names {
    ($($name:ident { $($variant:ident $text:literal),* $(,)? })*) => {
        $(has_names($name::ALL, $name::NAMES, $name::as_str, &[$(($name::$variant, $text)),*]);)*
    };
}

#[test]
fn every_enum_has_its_names_and_reads_them_back() {
    names! {
        JobStateName {
            Active "active", Disabling "disabling", Disabled "disabled", Enabling "enabling",
            Terminating "terminating", Completed "completed", Deleting "deleting",
        }
        TaskStateName { Active "active", Preparing "preparing", Running "running", Completed "completed" }
        NodeStateName {
            Idle "idle", Running "running", Offline "offline", Rebooting "rebooting", Reimaging "reimaging",
            Deallocating "deallocating", Deallocated "deallocated", Starting "starting",
            LeavingPool "leavingpool", Unknown "unknown", Unusable "unusable", Preempted "preempted",
        }
        SchedulingState { Enabled "enabled", Disabled "disabled" }
        PoolState { Active "active", Deleting "deleting" }
        AllocationState { Steady "steady", Resizing "resizing", Stopping "stopping" }
        NodeFillType { Spread "Spread", Pack "Pack" }
        NodeTasks {
            Requeue "requeue", Terminate "terminate", TaskCompletion "taskcompletion",
            RetainedData "retaineddata",
        }
        DisableTasks { Requeue "requeue", Terminate "terminate", Wait "wait" }
        OnAllTasksComplete { NoAction "noaction", TerminateJob "terminatejob" }
        OnTaskFailure {
            NoAction "noaction", PerformExitOptionsJobAction "performexitoptionsjobaction",
        }
        JobAction { None "none", Disable "disable", Terminate "terminate" }
        DependencyAction { Satisfy "satisfy", Block "block" }
    }
    assert_eq!(NodeFillType::default(), NodeFillType::Spread);
    assert_eq!(NodeTasks::default(), NodeTasks::Requeue);
    assert_eq!(OnAllTasksComplete::default(), OnAllTasksComplete::NoAction);
    assert_eq!(OnTaskFailure::default(), OnTaskFailure::NoAction);
}

#[test]
fn names_can_be_padded() {
    assert_eq!(format!("[{:>10}]", JobStateName::Active), "[    active]");
    assert_eq!(format!("[{:<6}]", NodeFillType::Pack), "[Pack  ]");
    assert_eq!(format!("[{:^14}]", ErrorCode::JobExists), "[  JobExists   ]");
    assert_eq!(format!("[{:12}]", ApiVersion::V2025_06), "[2025-06-01  ]");
    assert_eq!(format!("[{:>12}]", TerminateReason::TaskFailed), "[  TaskFailed]");
    assert_eq!(format!("[{:38}]", Guid::from_u128(0)), "[00000000-0000-0000-0000-000000000000  ]");
}

#[test]
fn a_job_ends_for_reasons_with_these_texts() {
    // E1, X1 to X5
    for (reason, text) in [
        (TerminateReason::User(None), "UserTerminate"),
        (TerminateReason::User(Some("enough of it".into())), "enough of it"),
        (TerminateReason::User(Some("".into())), ""),
        (TerminateReason::MaxWallClockTimeExpiry, "MaxWallClockTimeExpiry"),
        (TerminateReason::JobManagerComplete, "JMComplete"),
        (TerminateReason::TaskFailed, "TaskFailed"),
        (TerminateReason::AllTasksComplete, "AllTasksComplete"),
        (TerminateReason::Schedule, "TerminateWorkitem"),
    ] {
        assert_eq!(reason.as_str(), text);
        assert_eq!(reason.to_string(), text);
    }
}

#[test]
fn a_failed_task_shows_these_texts() {
    // E2, K4, K5, K6
    let error = |code: &str, message: &str| NodeError { code: code.into(), message: message.into() };
    let exit_code_details = [
        ("Message", "The task process exited with an unexpected exit code"),
        ("AdditionalErrorCode", "FailureExitCode"),
    ];
    let shown = [
        (TaskFailure::EndedByUser, "UserError", "TaskEnded", "Task Was Ended by User Request", &[][..]),
        (
            TaskFailure::WallClockTime,
            "ServerError",
            "TaskEnded",
            "Task Was Ended because it exceeded its maximum wall clock time",
            &[],
        ),
        (
            TaskFailure::ExitCode,
            "UserError",
            "FailureExitCode",
            "The task exited with an exit code representing a failure",
            &exit_code_details,
        ),
        (
            TaskFailure::PreProcessing(error("BlobNotFound", "There is no such blob")),
            "UserError",
            "BlobNotFound",
            "There is no such blob",
            &[],
        ),
        (
            TaskFailure::FileUpload(error("FileUploadAccessDenied", "Denied")),
            "UserError",
            "FileUploadAccessDenied",
            "Denied",
            &[],
        ),
    ];
    for (failure, category, code, message, details) in shown {
        assert_eq!(failure.category(), category, "{failure:?}");
        assert_eq!(failure.code(), code, "{failure:?}");
        assert_eq!(failure.message(), message, "{failure:?}");
        assert_eq!(failure.details(), details, "{failure:?}");
    }
    for (of_node, of_task) in [
        (NodeFailure::PreProcessing(error("a", "b")), TaskFailure::PreProcessing(error("a", "b"))),
        (NodeFailure::FileUpload(error("a", "b")), TaskFailure::FileUpload(error("a", "b"))),
    ] {
        assert_eq!(TaskFailure::from(of_node), of_task);
    }
}

#[test]
fn limits_are_numbers_on_the_wire() {
    // -1 is without limit.
    let max = i64::from(u32::MAX);
    for (number, retries, parallel) in [
        (-1, Some(RetryLimit::Unlimited), Some(ParallelLimit::Unlimited)),
        (0, Some(RetryLimit::Times(0)), None),
        (1, Some(RetryLimit::Times(1)), Some(ParallelLimit::AtMost(1))),
        (max, Some(RetryLimit::Times(u32::MAX)), Some(ParallelLimit::AtMost(u32::MAX))),
        (max + 1, None, None),
        (-2, None, None),
        (i64::MIN, None, None),
        (i64::MAX, None, None),
    ] {
        assert_eq!(RetryLimit::from_wire(number), retries, "{number}");
        assert_eq!(ParallelLimit::from_wire(number), parallel, "{number}");
        assert_eq!(retries.map_or(number, RetryLimit::to_wire), number);
        assert_eq!(parallel.map_or(number, ParallelLimit::to_wire), number);
    }
    assert_eq!(ParallelLimit::default(), ParallelLimit::Unlimited);
    // K4: how many retries each limit allows after how many.
    assert!(!RetryLimit::Times(0).allows(0));
    assert!(RetryLimit::Times(1).allows(0) && !RetryLimit::Times(1).allows(1));
    assert!(
        RetryLimit::Times(u32::MAX).allows(u32::MAX - 1) && !RetryLimit::Times(u32::MAX).allows(u32::MAX)
    );
    assert!(RetryLimit::Unlimited.allows(0) && RetryLimit::Unlimited.allows(u32::MAX));
}

// Guids

/// Where the 32 digits stand among the 36 characters, the highest digit first.
const DIGIT_PLACES: [usize; 32] = [
    0, 1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 14, 15, 16, 17, 19, 20, 21, 22, 24, 25, 26, 27, 28, 29, 30, 31,
    32, 33, 34, 35,
];

#[test]
fn the_guid_of_a_number_has_its_digits() {
    for (place, digit_of_text) in DIGIT_PLACES.iter().enumerate() {
        for (digit, letter) in (0_u128..).zip("0123456789abcdef".chars()) {
            let guid = Guid::from_u128(digit << (4 * (31 - place)));
            let mut expected = String::from("00000000-0000-0000-0000-000000000000");
            expected.replace_range(*digit_of_text..=*digit_of_text, &letter.to_string());
            assert_eq!(guid.as_str(), expected, "digit {letter} at {place}");
            assert_eq!(Guid::parse(&expected), Some(guid));
        }
    }
    for (number, text) in [
        (0, "00000000-0000-0000-0000-000000000000"),
        (1, "00000000-0000-0000-0000-000000000001"),
        (u128::MAX, "ffffffff-ffff-ffff-ffff-ffffffffffff"),
        (0x0123_4567_89ab_cdef_fedc_ba98_7654_3210, "01234567-89ab-cdef-fedc-ba9876543210"),
        (0x6a6e_bce4_e376_46f0_99dd_7192_92f8_d8a4, "6a6ebce4-e376-46f0-99dd-719292f8d8a4"),
    ] {
        let guid = Guid::from_u128(number);
        assert_eq!(guid.as_str(), text);
        assert_eq!((guid.to_string(), format!("{guid:?}")), (text.to_string(), text.to_string()));
        assert_eq!(text.parse(), Ok(guid));
    }
}

#[test]
fn a_guid_is_read_in_one_form_alone() {
    let text = "9D5E47A0-0000-4000-8000-00000000aBcD";
    let guid = Guid::parse(text).unwrap();
    assert_eq!(guid.as_str(), text, "it keeps its case");
    assert_ne!(Guid::parse(&text.to_lowercase()), Some(guid), "it is compared with its case");
    for place in 0..text.len() {
        for letter in ["-", "0", "f", "F", "g", "G", " ", "/", ":", "@", "`", "{"] {
            let mut other = text.to_string();
            other.replace_range(place..=place, letter);
            let is_digit_place = DIGIT_PLACES.contains(&place);
            let fits = if is_digit_place { "0fF".contains(letter) } else { letter == "-" };
            assert_eq!(Guid::parse(&other).is_some(), fits, "{other}");
        }
    }
    for other in [
        String::new(),
        text[1..].to_string(),
        format!("{text}0"),
        format!("{{{text}}}"),
        format!(" {text}"),
        text.replace('-', ""),
        text.replace('4', "\u{e4}"),
        // As many bytes as a GUID has.
        text.replace("47", "\u{e4}"),
    ] {
        assert_eq!(Guid::parse(&other), None, "{other}");
        assert!(other.parse::<Guid>().is_err(), "{other}");
    }
}

// Api-versions and codes

#[test]
fn these_are_the_api_versions() {
    let expected = [
        "2016-02-01.3.0",
        "2016-07-01.3.1",
        "2017-01-01.4.0",
        "2017-05-01.5.0",
        "2017-06-01.5.1",
        "2017-09-01.6.0",
        "2018-03-01.6.1",
        "2018-08-01.7.0",
        "2018-12-01.8.0",
        "2019-06-01.9.0",
        "2019-08-01.10.0",
        "2020-03-01.11.0",
        "2020-09-01.12.0",
        "2021-06-01.14.0",
        "2022-01-01.15.0",
        "2022-10-01.16.0",
        "2023-05-01.17.0",
        "2023-11-01.18.0",
        "2024-02-01.19.0",
        "2024-07-01.20.0",
        "2025-06-01",
    ];
    let all: Vec<&str> = ApiVersion::ALL.iter().map(|version| version.as_str()).collect();
    assert_eq!(all, expected);
    for (version, text) in ApiVersion::ALL.iter().zip(expected) {
        assert_eq!(ApiVersion::parse(text), Some(*version));
        assert_eq!(text.parse(), Ok(*version));
        assert_eq!(version.to_string(), text);
    }
    assert!("".parse::<ApiVersion>().is_err());
    assert_eq!(ApiVersion::OLDEST.as_str(), "2016-02-01.3.0");
    assert_eq!(ApiVersion::FORCE.as_str(), "2024-07-01.20.0");
}

/// Each code with its status, in the order of precedence (S5).
const CODES: &[(&str, u16)] = &[
    ("InvalidUri", 400),
    ("UnsupportedHttpVerb", 405),
    ("MissingRequiredHeader", 400),
    ("InvalidAuthenticationInfo", 400),
    ("AuthenticationFailed", 403),
    ("MissingRequiredQueryParameter", 400),
    ("InvalidQueryParameterValue", 400),
    ("OutOfRangeQueryParameterValue", 400),
    ("UnsupportedQueryParameter", 400),
    ("MultipleConditionHeadersNotSupported", 400),
    ("InvalidHeaderValue", 400),
    ("TooManyRequests", 429),
    ("ServerBusy", 503),
    ("InternalError", 500),
    ("RequestBodyTooLarge", 413),
    ("InvalidRequestBody", 400),
    ("MissingRequiredProperty", 400),
    ("InvalidPropertyValue", 400),
    ("AutoScalingFormulaSyntaxError", 400),
    ("AutoScalingFormulaTooLong", 400),
    ("TaskDependencyListTooLong", 400),
    ("EmptyMetadataKey", 400),
    ("MetadataTooLarge", 400),
    ("NotImplemented", 501),
    ("OperationTimedOut", 500),
    ("PoolNotFound", 404),
    ("NodeNotFound", 404),
    ("NodeUserNotFound", 404),
    ("ResourceNotFound", 404),
    ("ApplicationNotFound", 404),
    ("JobNotFound", 404),
    ("JobScheduleNotFound", 404),
    ("TaskNotFound", 404),
    ("JobBeingDeleted", 409),
    ("JobCompleted", 409),
    ("JobExists", 409),
    ("JobBeingTerminated", 409),
    ("JobNotActive", 409),
    ("JobScheduleWithSameIdExists", 409),
    ("JobWithSameIdExists", 409),
    ("JobScheduleBeingDeleted", 409),
    ("JobScheduleCompleted", 409),
    ("JobScheduleExists", 409),
    ("JobScheduleBeingTerminated", 409),
    ("JobPreparationTaskOrReleaseTaskNotSpecified", 409),
    ("TaskIdSameAsJobPreparationTask", 409),
    ("TaskIdSameAsJobReleaseTask", 409),
    ("TaskExists", 409),
    ("TaskCompleted", 409),
    ("TaskNotCompleted", 409),
    ("TaskSucceeded", 409),
    ("PoolBeingDeleted", 409),
    ("PoolExists", 409),
    ("OperationNotValidOnPool", 409),
    ("PoolBeingResized", 409),
    ("TooManyEnableAutoScaleRequests", 503),
    ("NodeBeingCreated", 409),
    ("NodeBeingStarted", 409),
    ("NodeBeingReimaged", 409),
    ("NodeBeingRebooted", 409),
    ("NodeStateUnusable", 409),
    ("NodeAlreadyInTargetSchedulingState", 409),
    ("NodeUserExists", 409),
    ("OperationNotValidOnNode", 409),
    ("OperationInvalidForCurrentState", 409),
    ("InvalidAutoScalingSettings", 400),
    ("TaskFilesUnavailable", 409),
    ("TaskFilesCleanedup", 409),
    ("NodeNotReady", 409),
    ("FileNotFound", 404),
    ("UnsupportedProperty", 400),
    ("ConditionNotMet", 412),
    ("InvalidRange", 416),
];

#[test]
fn these_are_the_codes_and_their_statuses() {
    let all: Vec<(&str, u16)> = ErrorCode::ALL.iter().map(|code| (code.as_str(), code.status())).collect();
    assert_eq!(all, CODES);
    assert!(ErrorCode::ALL.is_sorted(), "a code is smaller than those that it wins over");
    for (code, (text, _)) in ErrorCode::ALL.iter().zip(CODES) {
        assert_eq!(text.parse(), Ok(*code));
        assert_eq!(code.to_string(), *text);
        for other in [text.to_lowercase(), text.to_uppercase(), format!("{text} "), text[1..].to_string()] {
            assert!(other.parse::<ErrorCode>().is_err(), "{other}");
        }
    }
    assert!("".parse::<ErrorCode>().is_err());
}
