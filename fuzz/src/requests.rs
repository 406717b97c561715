//! Every sequence of well-formed calls, those of users over REST. After each, the account is as the oracle says.

#![allow(clippy::wildcard_enum_match_arm, reason = "a law speaks of some calls, not of all")]

use azbatch::{
    Account, BatchError, Effect, ErrorCode, Timestamp,
    job::{AddJob, DeleteJob, JobStateName, PoolInfo, PoolLifetime, TerminateJob},
    job_schedule::{DeleteJobSchedule, TerminateJobSchedule},
    node::{ChangeNode, NodeEvent, NodeTasks},
    pool::DeletePool,
    rest::{self, OwnedRequest},
    task::AddTask,
    testing::{Call, Past, Refused, Sequence, laws},
};

use super::{checked, oracle::Oracle, tick};

/// Makes the steps of a sequence: what users ask for over REST, where the answer must be that of the typed command,
/// and the rest directly. See [`Sequence::from_bytes`] for what the bytes mean.
pub fn requests(data: &[u8]) {
    let sequence = Sequence::from_bytes(data);
    let (mut account, mut past, mut now) =
        (Account::new("https://c.r.batch.azure.com"), Past::default(), sequence.start());
    let mut oracle = Oracle::over_rest();
    for step in &sequence {
        now = step.clock().from(now, &account);
        let Some(call) = step.input().call(&account, &past, now) else { continue };
        let result = match call.request(now) {
            Some(request) => send(&mut account, &call, &request, now),
            None => Some(make(&mut account, &call, now)),
        };
        let lines = match &result {
            Some(result) => oracle.step(&call, result, &account, now),
            None => oracle.differences(&account, now),
        };
        assert!(lines.is_empty(), "{step}\n  {}", lines.join("\n  "));
        let effects = result.and_then(Result::ok).unwrap_or_default();
        let report = if let Call::Report(report) = &call { Some(report) } else { None };
        past.note(report, &effects);
        let law = match call {
            Call::Schedule => laws::scheduling_leaves_nothing(&account, now),
            Call::Tick => laws::ticks_come_to_an_end(&account, now),
            _ => Ok(()),
        };
        law.unwrap_or_else(|violation| panic!("{violation}"));
    }
    end(account, now);
}

/// A call that no user makes. A report that is not about the run that the node has changes nothing (E10).
fn make(account: &mut Account, call: &Call, now: Timestamp) -> Result<Vec<Effect>, Refused> {
    let is_stale = match call {
        Call::Report(report) => {
            let run = &report.run;
            account.current_run(&run.job, &run.node, &run.unit).as_ref() != Some(run)
        }
        _ => false,
    };
    let (refused, effects) = checked(account, |account| match call.make(account, now) {
        Ok(effects) => (None, effects),
        Err(refused) => (Some(refused), Vec::new()),
    });
    assert!(!is_stale || effects.is_empty(), "E10: {call:?} led to {effects:?}");
    refused.map_or(Ok(effects), Err)
}

/// What REST refuses before there is a typed command, because of this property of the body.
fn malformed_property(call: &Call) -> Option<&'static str> {
    const LAST: u32 = i32::MAX.unsigned_abs();
    let slots = |slots: u32| (!(1..=256).contains(&slots)).then_some("taskSlotsPerNode"); // B5
    match call {
        // P19: the value is for the jobs of a job schedule.
        Call::AddJob(AddJob { settings, .. }) => match &settings.pool {
            PoolInfo::Auto(pool) if pool.lifetime == PoolLifetime::JobSchedule => Some("poolLifetimeOption"),
            PoolInfo::Auto(_) | PoolInfo::Named(_) => None,
        },
        // K9: over REST an end is an `Int32`, and not before its start.
        Call::AddTask(_, AddTask { specification, .. }) => {
            let ranges = specification.depends_on.iter().flat_map(|on| &on.ranges);
            let mut ranges = ranges.map(|range| range.end < range.start || range.end > LAST);
            ranges.any(|is_wrong| is_wrong).then_some("dependsOn.taskIdRanges")
        }
        // N8: the documents name three options for that.
        Call::ChangeNode(_, _, ChangeNode::DisableScheduling(NodeTasks::RetainedData)) => {
            Some("nodeDisableSchedulingOption")
        }
        Call::AddPool(command) => slots(command.specification.task_slots_per_node),
        Call::UpdatePool(_, command) => command.task_slots_per_node.and_then(slots),
        _ => None,
    }
}

/// A user's request has the effects of the typed command, or is refused like it. `None` if REST refuses it before
/// there is a typed command.
fn send(
    account: &mut Account,
    call: &Call,
    request: &OwnedRequest,
    now: Timestamp,
) -> Option<Result<Vec<Effect>, Refused>> {
    let typed = call.make(&mut account.clone(), now);
    let (response, effects) = checked(account, |account| {
        let answer = request.with(|request| rest::answer(account, request, now));
        (answer.response, answer.effects)
    });
    let told = String::from_utf8_lossy(&response.body);
    let found = ErrorCode::ALL.iter().find(|known| told.contains(&format!("\"code\":\"{known}\"")));
    if let Some(property) = malformed_property(call) {
        assert_eq!(found, Some(&ErrorCode::InvalidPropertyValue), "{request:?}: {told}");
        assert_eq!(response.status, 400, "{request:?}: {told}");
        // Of two properties that are wrong, either can be named.
        let is_other =
            matches!(&typed, Err(Refused::Request(error)) if error.code == ErrorCode::InvalidPropertyValue);
        assert!(is_other || told.contains(property), "{property}, {request:?}: {told}");
        return None;
    }
    match &typed {
        Ok(typed) => {
            let lines = |effects: &[Effect]| effects.iter().map(ToString::to_string).collect::<Vec<_>>();
            assert!(response.status < 300, "{call:?} is accepted, but not {request:?}: {told}");
            assert_eq!(lines(typed), lines(&effects), "{request:?}");
        }
        Err(Refused::Request(BatchError { code, .. })) => {
            let answer = (found, response.status);
            assert_eq!(answer, (Some(code), code.status()), "{call:?}, {request:?}: {told}");
        }
        Err(refused) => panic!("{call:?} is no request, and was refused: {refused}"),
    }
    Some(typed.map(|_| effects))
}

/// However the sequence went, force brings every job to its end whatever the nodes do (I7), and once the nodes are
/// gone, a deletion leaves nothing.
fn end(mut account: Account, mut now: Timestamp) {
    let ask = |account: &mut Account, call: Call, now: Timestamp| {
        checked(account, |account| ((), call.make(account, now).unwrap_or_default()));
    };
    let force = Some(account.force_timeout());
    now = now.max(latest_stamp(&account).unwrap_or(now));
    let schedules: Vec<_> = account.job_schedules().map(|schedule| schedule.id().clone()).collect();
    for schedule in &schedules {
        let command = TerminateJobSchedule { force, ..TerminateJobSchedule::default() };
        ask(&mut account, Call::TerminateJobSchedule(schedule.clone(), command), now);
    }
    let jobs: Vec<_> = account.jobs().map(|job| job.id().clone()).collect();
    for job in &jobs {
        let command = TerminateJob { force, ..TerminateJob::by_user() };
        ask(&mut account, Call::TerminateJob(job.clone(), command), now);
    }
    // A schedule or a job that a user ended before without force cannot be forced by these requests.
    let unforced: Vec<_> = account
        .jobs()
        .filter(|job| job.state().ending().is_some_and(|ending| ending.force_deadline.is_none()))
        .map(|job| job.id().clone())
        .collect();
    // The clock may have run back, and stamps do not (T5): the waiting counts from the stamps.
    now = now.max(latest_stamp(&account).unwrap_or(now)).saturating_add(account.force_timeout());
    tick(&mut account, now);
    for job in account.jobs().filter(|job| !unforced.contains(job.id())) {
        let ended = matches!(job.state().name(), JobStateName::Completed | JobStateName::Deleting);
        assert!(ended, "I7: {} is {:?}", job.id(), job.state());
    }
    let nodes: Vec<_> = account.nodes().map(|node| node.id().clone()).collect();
    for node in nodes {
        ask(&mut account, Call::NodeEvent(node, NodeEvent::Removed), now);
    }
    for job in jobs {
        ask(&mut account, Call::DeleteJob(job, DeleteJob::default()), now);
    }
    for schedule in schedules {
        ask(&mut account, Call::DeleteJobSchedule(schedule, DeleteJobSchedule::default()), now);
    }
    let pools: Vec<_> = account.pools().map(|pool| pool.id().clone()).collect();
    for pool in pools {
        ask(&mut account, Call::DeletePool(pool, DeletePool::default()), now);
    }
    tick(&mut account, now);
    // The numbers of the runs of jobs that are gone are all that is left.
    let jobs = account.jobs().count() + account.job_schedules().count();
    assert_eq!(jobs + account.pools().count() + account.nodes().count(), 0, "G2, L5");
    assert_eq!((account.deadline(), account.outstanding()), (None, Vec::new()), "G2");
}

/// The latest of the stamps of all jobs.
fn latest_stamp(account: &Account) -> Option<Timestamp> {
    account.jobs().map(|job| job.stamps().modified().max(job.stamps().entered())).max()
}
