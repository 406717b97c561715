//! What `azbatch::testing` gives to the tests of others: what it says of itself, how common the hard cases are, and how
//! small a failing sequence becomes.

#![allow(clippy::wildcard_enum_match_arm, reason = "a case speaks of some calls and facts, not of all")]

use std::{cell::RefCell, collections::BTreeMap};

use arbitrary::{Arbitrary, Unstructured};
use azbatch::{
    Account, Clock, ErrorCode, JobScheduleId, TimeSpan,
    job::{
        AddJob, EndingKind, JobFact, JobSettings, JobSpecification, JobState, JobStateName, OnTaskFailure,
    },
    node::Contact,
    pool::{AddPool, NodeCounts},
    rest::OwnedRequest,
    testing::{Call, Driver, Outcome, Refused, Sequence, Start, Step, laws, request_from_bytes, strategies},
};
use azbatch::{Effect, Fact};
use proptest::{
    collection::vec,
    prelude::*,
    test_runner::{Config, TestError, TestRunner},
};

use crate::fuzz_corpus::fuzz;

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config(512))]

    /// A user's request over REST has the effects of the typed command, and the laws hold.
    #[test]
    fn rest_and_typed_commands_agree(sequence in strategies::sequence(40)) {
        fuzz::requests(&sequence.to_bytes());
    }

    #[test]
    fn public_laws_hold(sequence in strategies::sequence(40)) {
        let mut driver = Driver::new(sequence.start());
        for step in &sequence {
            let before = driver.account().clone();
            let outcome = driver.step(step);
            laws::check(&before, outcome.effects(), driver.account())?;
            if outcome.is_refused() {
                laws::refusal_changes_nothing(&before, driver.account())?;
            }
            if outcome.call == Some(Call::Schedule) {
                laws::scheduling_leaves_nothing(driver.account(), driver.now())?;
            }
            laws::ticks_come_to_an_end(driver.account(), driver.now())?;
        }
    }

    /// Whatever a client sends, it gets an answer that the service could give, and a refusal changes nothing.
    #[test]
    fn requests_are_answered(
        sequence in strategies::sequence(40),
        requests in vec(strategies::request(), 1..8),
    ) {
        let mut driver = sequence.run();
        for request in requests {
            let before = driver.account().clone();
            let answer = driver.receive(&request);
            prop_assert_ne!(answer.response.status, 500);
            laws::check(&before, &answer.effects, driver.account())?;
            if answer.response.status >= 400 {
                laws::refusal_changes_nothing(&before, driver.account())?;
            }
        }
    }

    #[test]
    fn bytes_come_back(sequence in strategies::sequence(100), bytes in vec(any::<u8>(), 0..200)) {
        prop_assert_eq!(&Sequence::from_bytes(&sequence.to_bytes()), &sequence);
        let from_fuzzer = Sequence::arbitrary_take_rest(Unstructured::new(&bytes));
        prop_assert_eq!(from_fuzzer.unwrap(), Sequence::from_bytes(&bytes));
        let request = OwnedRequest::arbitrary_take_rest(Unstructured::new(&bytes));
        prop_assert_eq!(request.unwrap(), request_from_bytes(&bytes));
    }

    /// A step's text tells it from every other: what has one text is one input.
    #[test]
    fn a_steps_text_says_what_it_is(one in strategies::step(), other in strategies::step()) {
        if one.to_string() == other.to_string() {
            prop_assert_eq!((one.clock(), one.input()), (other.clock(), other.input()));
        }
    }

    #[test]
    fn commands_are_accepted_or_refused(
        sequence in strategies::sequence(30),
        add_job in strategies::add_job(),
        add_task in strategies::add_task(),
        add_pool in strategies::add_pool(),
        update in strategies::update_job(),
        disable in strategies::disable_job(),
        enable in strategies::enable_job(),
        terminate in strategies::terminate_job(),
        delete in strategies::delete_job(),
    ) {
        let mut driver = sequence.run();
        let job = add_job.specification.id.clone();
        let calls = [
            Call::AddPool(add_pool),
            Call::AddJob(add_job),
            Call::AddTask(job.clone(), add_task),
            Call::UpdateJob(job.clone(), update),
            Call::DisableJob(job.clone(), disable),
            Call::EnableJob(job.clone(), enable),
            Call::TerminateJob(job.clone(), terminate),
            Call::DeleteJob(job, delete),
        ];
        for call in calls {
            let before = driver.account().clone();
            let outcome = driver.call(call);
            laws::check(&before, outcome.effects(), driver.account())?;
        }
    }

    /// The clock is read once in each call (S1), and stamps never go back (I3).
    /// What a strategy gives for an account is about that account.
    #[test]
    fn calls_and_reports_are_about_the_account(
        (account, call, report, event) in strategies::account().prop_flat_map(|account| {
            let now = Start::Usual.timestamp();
            let (call, report) = (strategies::call_on(&account, now), strategies::report_on(&account));
            (Just(account), call, report, strategies::node_event())
        })
    ) {
        let now = Start::Usual.timestamp();
        let mut after = account.clone();
        match call.make(&mut after, now) {
            Ok(effects) => laws::check(&account, &effects, &after)?,
            Err(_) => laws::refusal_changes_nothing(&account, &after)?,
        }
        let mut after = account.clone();
        let effects = after.report(&report, now);
        laws::check(&account, &effects, &after)?;
        if let Some(node) = account.nodes().next().map(|node| node.id().clone()) {
            let mut after = account.clone();
            let effects = after.node_event(&node, event, now);
            laws::check(&account, &effects, &after)?;
        }
    }

    /// Any id and specification that a strategy gives is one that the account takes.
    #[test]
    fn ids_and_specifications_are_valid(
        node in strategies::node_id(),
        schedule in strategies::job_schedule_id(),
        pool in strategies::pool_specification(),
        job in strategies::job_id(),
        mut task in strategies::add_task(),
        task_specification in strategies::task_specification(),
        span in strategies::time_span(),
    ) {
        let now = Start::Usual.timestamp();
        let mut account = Account::new("https://contoso.westus.batch.azure.com");
        let target = NodeCounts { dedicated: 0, low_priority: 0 };
        let added = AddPool { specification: pool.into(), target, auto_scale: None };
        prop_assert!(account.add_pool(&added, now).is_ok());
        prop_assert!(account.add_node(&added.specification.id, &node, now).is_ok());
        let mut takes_any_task = JobSpecification::new(job.clone());
        takes_any_task.template.uses_task_dependencies = true;
        takes_any_task.template.on_task_failure = OnTaskFailure::PerformExitOptionsJobAction;
        let settings = JobSettings::new(added.specification.id.clone());
        let add = AddJob { specification: takes_any_task.into(), settings: settings.into(), received: now };
        prop_assert!(account.add_job(&add, now).is_ok());
        task.specification = task_specification.into();
        let added = account.add_task(&job, &task, now);
        prop_assert!(added.is_ok(), "{:?}", added);
        prop_assert_eq!(schedule.as_str().parse::<JobScheduleId>().unwrap(), schedule);
        prop_assert_eq!(TimeSpan::from_ticks(span.ticks()), Some(span));
    }

    /// A fuzzer that gives several inputs from the same bytes uses no more of them than there are.
    #[test]
    fn inputs_from_part_of_the_bytes(bytes in vec(any::<u8>(), 0..400)) {
        let mut rest = Unstructured::new(&bytes);
        let step = Step::arbitrary(&mut rest);
        prop_assert!(step.is_ok());
        prop_assert_eq!(Step::size_hint(0), (8, Some(8)));
        let before = rest.len();
        let sequence = Sequence::arbitrary(&mut rest).unwrap();
        let used = before - rest.len();
        // A sequence can begin with up to 11 steps that are not among its bytes.
        prop_assert!(sequence.steps().len() <= used / 8 + 11, "{} steps of {used} bytes", sequence.steps().len());
        let left = rest.len();
        OwnedRequest::arbitrary(&mut rest).unwrap();
        prop_assert!(rest.len() <= left);
        prop_assert_eq!((Sequence::size_hint(0), OwnedRequest::size_hint(0)), ((0, None), (0, None)));
    }

    #[test]
    fn any_clock_will_do(sequence in strategies::sequence(20), clock in strategies::clock()) {
        let account = sequence.account();
        let mut ticked = account.clone();
        let effects = ticked.tick(&clock);
        laws::check(&account, &effects, &ticked)?;
        let again = ticked.clone();
        let effects = ticked.schedule(&clock);
        laws::check(&again, &effects, &ticked)?;
        prop_assert!(clock.now() <= azbatch::Timestamp::MAX);
    }

    #[test]
    fn what_is_in_an_account_has_been_there(
        job in strategies::job(),
        task in strategies::task(),
        node in strategies::node(),
        pool in strategies::pool(),
        schedule in strategies::job_schedule(),
    ) {
        prop_assert!(job.stamps().created() <= job.stamps().modified());
        prop_assert!(task.stamps().created() <= task.stamps().modified());
        prop_assert!(node.slots() < 10 && pool.specification().task_slots_per_node < 10);
        prop_assert!(!schedule.id().as_str().is_empty());
    }
}

/// What a step met, by name.
fn met(before: &Driver, step: Step, outcome: &Outcome, found: &mut Vec<&'static str>) {
    let account = before.account();
    let job_of = |call: &Call| match call {
        Call::TerminateJob(job, _) | Call::DeleteJob(job, _) => account.job(job),
        _ => None,
    };
    let Some(call) = &outcome.call else { return };
    let has_work = job_of(call).is_some_and(|job| job.task_counts().running > 0);
    if has_work && !outcome.is_refused() {
        found.push("a termination with running work");
    }
    if let Err(Refused::Request(error)) = &outcome.result {
        found.push("a refusal");
        let by_state = matches!(
            error.code,
            ErrorCode::JobBeingTerminated | ErrorCode::JobCompleted | ErrorCode::JobBeingDeleted
        );
        found.extend(by_state.then_some("a refusal by the state of a job"));
        found.extend((error.code == ErrorCode::ConditionNotMet).then_some("a refusal by a condition"));
    }
    for fact in Effect::facts(outcome.effects()) {
        let Fact::Job(job, fact) = fact else { continue };
        let ending = account.job(job).and_then(|job| job.state().ending().cloned());
        match fact {
            JobFact::Completed { .. } | JobFact::Deleted => {
                let deadline = ending.and_then(|ending| ending.force_deadline);
                if deadline.is_some_and(|at| at <= before.now().max(step.clock().from(before.now(), account)))
                {
                    found.push("a forced end");
                }
                found.push("the end of a job");
            }
            _ => {}
        }
    }
    for job in account.jobs() {
        let waits = matches!(job.state(), JobState::Ending(ending) if matches!(ending.kind, EndingKind::Terminating(_)));
        let silent = job.nodes().any(|(_, node)| node.contact() == Contact::Lost);
        found.extend((waits && silent).then_some("an ending job with a silent node"));
        found.extend(
            (job.state().name() == JobStateName::Disabling).then_some("a job that is being disabled"),
        );
    }
    if let Call::Report(report) = call {
        let late = !azbatch::testing::runs_in_progress(account).contains(&report.run);
        found.push(if late { "a late report" } else { "a report" });
    }
}

/// The hard cases are common: this many of a hundred sequences of up to 60 steps meet them at least.
#[test]
fn the_hard_cases_are_common() {
    let counts: RefCell<BTreeMap<&str, u32>> = RefCell::default();
    let mut runner = TestRunner::new_with_rng(
        Config { cases: 400, failure_persistence: None, ..Config::default() },
        proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha),
    );
    let run = runner.run(&strategies::sequence(60), |sequence| {
        let mut driver = Driver::new(sequence.start());
        let mut found = Vec::new();
        for step in &sequence {
            let before = driver.clone();
            let outcome = driver.step(step);
            met(&before, step, &outcome, &mut found);
        }
        found.sort_unstable();
        found.dedup();
        for name in found {
            *counts.borrow_mut().entry(name).or_default() += 1;
        }
        Ok(())
    });
    run.unwrap();
    let counts = counts.into_inner();
    println!("{counts:#?} of 400");
    for (name, percent) in [
        ("a termination with running work", 10),
        ("a refusal", 60),
        ("a refusal by the state of a job", 30),
        ("a refusal by a condition", 10),
        ("a forced end", 5),
        ("the end of a job", 30),
        ("an ending job with a silent node", 5),
        ("a job that is being disabled", 5),
        ("a late report", 30),
        ("a report", 30),
    ] {
        let count = counts.get(name).copied().unwrap_or(0);
        assert!(count * 100 >= percent * 400, "{name}: {count} of 400");
    }
}

/// The smallest sequence for which something is true, from this seed.
fn smallest(is_met: impl Fn(&Sequence) -> bool) -> Sequence {
    let mut runner = TestRunner::new_with_rng(
        Config { cases: 5000, failure_persistence: None, ..Config::default() },
        proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha),
    );
    let found = runner.run(&strategies::sequence(60), |sequence| {
        prop_assert!(!is_met(&sequence), "met");
        Ok(())
    });
    let Err(TestError::Fail(_, sequence)) = found else { panic!("{found:?}") };
    println!("{sequence:?}");
    sequence
}

#[test]
fn a_failing_sequence_shrinks_to_what_it_takes() {
    // A task that runs while its job is terminating: a node, a job, a task, its assignment and the termination.
    let running = smallest(|sequence| {
        let account = sequence.account();
        let running = |job: &azbatch::Job| job.task_counts().running > 0;
        account.jobs().any(|job| job.state().name() == JobStateName::Terminating && running(job))
    });
    assert!(running.steps().len() <= 5, "{running}");
    assert!(
        running.start() == Start::Usual.timestamp() && !running.to_string().contains("later"),
        "{running}"
    );

    // A job that was forced to end: the job must wait for something before.
    let forced = smallest(|sequence| {
        let account = sequence.account();
        let forced =
            account.jobs().filter_map(|job| job.state().ending()).find(|e| e.force_deadline.is_some());
        forced.is_some()
    });
    assert_eq!(forced.steps().len(), 2, "{forced}");
}
