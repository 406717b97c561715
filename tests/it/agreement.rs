//! The account and the oracle agree after every step: see `oracle/mod.rs`, which is a second model of the rules.

use azbatch::{
    task::{AddTask, DeleteTask, TaskSpecification},
    testing::{Block, Call, Driver, Sequence, Start, Step, strategies},
};
use proptest::{collection::vec, prelude::*, sample::select};

use crate::fuzz_corpus::fuzz::{self, oracle::Oracle};

/// The first step after which the two differ, with what differs.
fn first_difference(sequence: &Sequence) -> Option<String> {
    let (mut driver, mut oracle) = (Driver::new(sequence.start()), Oracle::new());
    for (place, step) in sequence.iter().enumerate() {
        let outcome = driver.step(step);
        let Some(call) = outcome.call else { continue };
        let lines = oracle.step(&call, &outcome.result, driver.account(), driver.now());
        if !lines.is_empty() {
            return Some(format!("step {}: {step}\n  {}", place + 1, lines.join("\n  ")));
        }
    }
    None
}

fn agree(sequence: &Sequence) -> Result<(), TestCaseError> {
    first_difference(sequence).map_or(Ok(()), |difference| Err(TestCaseError::fail(difference)))
}

/// What nodes, the host and the clock do while no user intervenes.
fn quiet_step() -> impl Strategy<Value = Block> {
    let report = |event| move |pick| [37, 0, 0, 0, pick, event, 0, 0];
    prop_oneof![
        2 => Just([0, 0, 0, 0, 0, 0, 0, 14]), // a tick just before the deadline
        4 => Just([0, 0, 0, 0, 0, 0, 0, 15]), // a tick at the deadline
        2 => Just([70, 0, 0, 0, 0, 0, 0, 0]), // schedule
        3 => any::<u8>().prop_map(report(0)), // a run has started
        3 => any::<u8>().prop_map(report(2)), // a run has ended with exit code 0
        2 => any::<u8>().prop_map(report(4)), // a run has ended with exit code 1
    ]
}

/// What a user does with the first job and two of its tasks, one of which may be its job manager task.
fn request() -> impl Strategy<Value = Block> {
    let of_task = (select(vec![17, 25, 25, 57, 60, 62]), select(vec![0, 4])); // add, assign, reactivate, terminate, delete
    let of_job = select(vec![[50, 0], [50, 1], [51, 2], [51, 3], [52, 0], [53, 0]]); // terminate, delete, disable, enable
    prop_oneof![
        2 => of_task.prop_map(|(kind, task)| [kind, 0, task, 0, 0, 0, 0, 0]),
        1 => (of_job, any::<u8>()).prop_map(|([kind, b], a)| [kind, 0, 0, 0, a, b, 0, 0]),
    ]
}

/// Jobs whose tasks are on nodes from the beginning, a few events of any kind, and then what follows from them.
fn busy_sequence() -> impl Strategy<Value = Sequence> {
    let starts = select(vec![Start::Usual, Start::Earliest, Start::Latest]);
    let shapes = vec(any::<Block>(), 1..6);
    let step = || prop_oneof![3 => quiet_step(), 1 => request()];
    let (before, after) = (vec(step(), 0..20), vec(step(), 0..20));
    (starts, 1_u8..5, shapes, before, strategies::sequence(6), after).prop_map(
        |(start, tasks, shapes, before, events, after)| {
            let mut bytes = vec![0, 0b1000 | tasks, 0, 0, 0, 0, 0, 0];
            bytes.extend(shapes.into_iter().flatten());
            let steps = Sequence::from_bytes(&bytes).steps().to_vec();
            let of_blocks = |blocks: Vec<Block>| blocks.into_iter().map(Step::from);
            let steps =
                steps.into_iter().chain(of_blocks(before)).chain(events.iter()).chain(of_blocks(after));
            Sequence::new(start, steps.map(Block::from))
        },
    )
}

/// A pool that scales by a formula, with time for its evaluations.
fn scaling_sequence() -> impl Strategy<Value = Sequence> {
    let change = |kinds: &[u8]| {
        (select(kinds.to_vec()), any::<u8>(), 0_u8..3, 0_u8..3)
            .prop_map(|(kind, b, c, node)| [69, 0, 0, node, kind, b, c, 0])
    };
    let of_node = |kind, event| move |node| [kind, 0, 0, node, event, 0, 0, 0];
    let step = prop_oneof![
        6 => Just([0, 0, 0, 0, 0, 0, 0, 15]), // a tick at the deadline
        1 => Just([0, 0, 0, 0, 0, 0, 0, 14]), // a tick just before the deadline
        2 => change(&[1, 2, 4, 5, 6, 7, 8]), // resize, remove a node, stop a resize, scale, do not, update
        2 => (0_u8..4).prop_map(of_node(11, 0)), // a node comes
        1 => (0_u8..4).prop_map(of_node(7, 15)), // a node was removed
        1 => (0_u8..4).prop_map(|task| [17, 0, task, 0, 0, 0, 0, 0]), // add a task
        1 => quiet_step(),
    ];
    (change(&[5]), vec(step, 0..60)).prop_map(|(scale, steps)| {
        let before = [
            [69, 0, 0, 0, 0, 1, 1, 0], // add a pool for a node
            [11, 0, 0, 0, 0, 0, 0, 0], // add the node
            [0, 0, 0, 0, 0, 0, 0, 0],  // tick
            [14, 0, 0, 0, 0, 0, 0, 0], // add a job
        ];
        Sequence::new(Start::Usual, before.into_iter().chain([scale]).chain(steps))
    })
}

/// A job with an active task, and an oracle that has seen the same.
fn with_a_task() -> (Driver, Oracle) {
    let blocks = [[14, 0, 0, 0, 0, 0, 0, 0], [17, 0, 0, 0, 0, 0, 0, 0]];
    let (mut driver, mut oracle) = (Driver::new(Start::Usual.timestamp()), Oracle::new());
    for block in blocks {
        let outcome = driver.step(Step::from(block));
        let lines = oracle.step(&outcome.call.unwrap(), &outcome.result, driver.account(), driver.now());
        assert_eq!(lines, [""; 0]);
    }
    (driver, oracle)
}

/// What only one of the two knows is a line for each property that differs.
#[test]
fn what_differs_is_told() {
    let (mut driver, oracle) = with_a_task();
    driver.step(Step::from([50, 0, 0, 0, 0, 0, 0, 6]));
    let lines = oracle.differences(driver.account(), driver.now());
    let has = |text: &str| lines.iter().any(|line| line.contains(text));
    for text in [
        "job Job-1, state: oracle: Active, account: Terminating",
        "job Job-1, lastModified (ETag): oracle:",
        "job Job-1, terminateReason: oracle: None, account: Some(User(None))",
        "job Job-1, task 1, why not running, the job's state: oracle: None, account: Some(Terminating)",
    ] {
        assert!(has(text), "{text}: {lines:#?}");
    }
    assert!(!has("task 1, state"), "E4: {lines:#?}");
}

/// So is an answer that differs.
#[test]
fn another_answer_is_told() {
    let (driver, mut oracle) = with_a_task();
    let accepted = Ok(Vec::new());
    let call = Call::DeleteTask("Job-1".parse().unwrap(), "none".parse().unwrap(), DeleteTask::default());
    let lines = oracle.step(&call, &accepted, driver.account(), driver.now());
    assert_eq!(lines, ["the answer: oracle: 404 TaskNotFound, account: accepted"]);
}

/// So are the parts of a task that are only shown, where calls are typed.
#[test]
fn what_is_only_shown_is_compared() {
    let add_task = |line: &str, name: &str| {
        let mut command = AddTask::new("shown".parse().unwrap());
        command.command_line = Some(line.into());
        let other = [("displayName".to_string(), name.into())].into_iter().collect();
        command.specification = TaskSpecification { other, ..TaskSpecification::default() }.into();
        Call::AddTask("Job-1".parse().unwrap(), command)
    };
    let (driver, oracle) = with_a_task();
    let (mut account, now) = (driver.account().clone(), driver.now());
    let call = add_task("run", "name");
    let result = call.make(&mut account, now);
    let lines = |call| oracle.clone().step(&call, &result, &account, now);
    assert_eq!(lines(call.clone()), [""; 0]);
    assert_eq!(
        lines(add_task("walk", "name")),
        ["job Job-1, task shown, commandLine: oracle: Some(\"walk\"), account: Some(\"run\")"]
    );
    let [line] = &lines(add_task("run", "other"))[..] else { panic!("one line") };
    assert!(line.starts_with("job Job-1, task shown, specification: oracle:"), "{line}");
}

fn config() -> ProptestConfig {
    let usual = ProptestConfig::default();
    ProptestConfig { cases: usual.cases.max(1024), failure_persistence: None, ..usual }
}

proptest! {
    #![proptest_config(config())]

    /// All rules that the oracle has, after every step.
    #[test]
    fn the_account_does_what_the_oracle_says(sequence in strategies::sequence(60)) {
        agree(&sequence)?;
    }

    /// The same where more happens by itself: at deadlines and just before them, and when nodes report.
    #[test]
    fn the_account_does_by_itself_what_the_oracle_says(sequence in busy_sequence()) {
        agree(&sequence)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: config().cases / 16, ..config() })]

    /// The same while a pool scales.
    #[test]
    fn a_pool_scales_as_the_oracle_says(sequence in scaling_sequence()) {
        agree(&sequence)?;
    }

    /// The same where users ask over REST.
    #[test]
    fn the_account_does_over_rest_what_the_oracle_says(sequence in strategies::sequence(60)) {
        fuzz::requests(&sequence.to_bytes());
    }
}
