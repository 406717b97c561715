//! Random sequences of inputs to an account. What must hold after each of them is in `common/laws.rs`; here are
//! the sequences, and what must hold in the end (I7).

use crate::common;

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

use azbatch::{
    Account, Effect, JobId,
    job::{DisableTasks, Ended, Ending, EndingKind, JobStateName, TerminateReason},
    job_schedule::JobScheduleStateName,
    node::NodeEvent,
    testing::{Condition, Driver, Input, Name, ScheduleChange, Sequence, strategies},
};
use common::{laws::World, lending, reasons};
use proptest::{collection::vec, prelude::*};

fn live(sequence: &Sequence) -> World {
    let mut world = World::new(sequence.start());
    for step in sequence {
        world.step(step);
    }
    world
}

/// The request that ends every job.
#[derive(Clone, Copy, Debug)]
enum Closing {
    Terminate,
    Delete,
    Disable(DisableTasks),
}

impl Closing {
    fn input(self, job: Name, force: bool) -> Input {
        let condition = Condition::None;
        match self {
            Self::Terminate => {
                Input::Terminate { job, reason: TerminateReason::User(None), force, condition }
            }
            Self::Delete => Input::Delete { job, force, condition },
            Self::Disable(disable_tasks) => Input::Disable { job, disable_tasks, condition },
        }
    }

    /// Schedules make no more jobs, and end with those that they have.
    fn schedule_input(self, schedule: Name, force: bool) -> Input {
        let change = match self {
            Self::Terminate | Self::Disable(_) => ScheduleChange::Terminate { force },
            Self::Delete => ScheduleChange::Delete { force },
        };
        Input::JobSchedule { schedule, change }
    }

    /// Whether a job after this request has reached its final state.
    fn is_settled(self, state: JobStateName) -> bool {
        match self {
            Self::Terminate => state == JobStateName::Completed,
            Self::Delete => false,
            // X6: a job may end by itself while it is being disabled.
            Self::Disable(_) => matches!(state, JobStateName::Disabled | JobStateName::Completed),
        }
    }
}

fn closings() -> impl Strategy<Value = Closing> {
    prop_oneof![
        3 => Just(Closing::Terminate),
        3 => Just(Closing::Delete),
        1 => Just(Closing::Disable(DisableTasks::Requeue)),
        1 => Just(Closing::Disable(DisableTasks::Terminate)),
        1 => Just(Closing::Disable(DisableTasks::Wait)),
    ]
}

fn unsettled(world: &World, closing: Closing) -> Vec<String> {
    let jobs = world.account.jobs().filter(|job| !closing.is_settled(job.state().name()));
    let schedules = world.account.job_schedules();
    let schedules = schedules.filter(|schedule| schedule.state().name() != JobScheduleStateName::Completed);
    let jobs = jobs.map(|job| format!("{}: {:?}", job.id(), job.state()));
    jobs.chain(schedules.map(|schedule| format!("{}: {:?}", schedule.id(), schedule.state()))).collect()
}

fn config() -> ProptestConfig {
    let usual = ProptestConfig::default();
    // Cases are cheap. A failure becomes a test of its own beside its rule, so no file is written.
    ProptestConfig { cases: usual.cases.max(2048), failure_persistence: None, ..usual }
}

proptest! {
    #![proptest_config(config())]

    /// I1 to I6 and the rules that `laws` names, hold after every input.
    #[test]
    fn the_laws_hold(sequence in strategies::sequence(60)) {
        live(&sequence);
    }

    /// The reasons why jobs have not ended and tasks are not running are true after every input.
    #[test]
    fn the_reasons_are_true(sequence in strategies::sequence(60)) {
        let mut world = World::new(sequence.start());
        for step in &sequence {
            let before = world.account.clone();
            world.step(step);
            if world.account != before || step.input() == Input::Tick {
                reasons::check(&world.account, world.now);
            }
        }
    }

    /// Equal accounts have equal hashes, however they came to be and whatever was lent to them (I5), and a change is
    /// a change of the hash: a model checker can tell accounts apart by it.
    #[test]
    fn a_hash_tells_accounts_apart(sequence in strategies::sequence(60)) {
        let hash = |account: &Account| BuildHasherDefault::<DefaultHasher>::default().hash_one(account);
        let mut driver = Driver::new(sequence.start());
        let mut replayed = driver.account().clone();
        for step in &sequence {
            let before = driver.account().clone();
            let outcome = driver.step(step);
            Effect::facts(outcome.effects()).for_each(|fact| replayed.apply(fact));
            replayed.append_to(Vec::with_capacity(1));
            prop_assert_eq!(hash(driver.account()), hash(&replayed));
            prop_assert_eq!(hash(driver.account()) == hash(&before), *driver.account() == before);
        }
    }

    /// A lent Vec changes nothing but where the effects are, whatever the call is.
    #[test]
    fn effects_are_appended_to_what_was_lent(sequence in strategies::sequence(60)) {
        let mut driver = Driver::new(sequence.start());
        for step in &sequence {
            let before = driver.account().clone();
            if let Some(call) = driver.step(step).call {
                lending::check_account(&before, &call, driver.now());
                lending::check_jobs(&before, &call, driver.now());
            }
        }
    }

    /// I7: after any sequence, the jobs reach their final state if each node follows its instructions and reports.
    /// What was not told to stop runs forever, unless the closing request waits for it.
    #[test]
    fn every_end_is_reached(
        sequence in strategies::sequence(60),
        closing in closings(),
        exit_code in prop_oneof![Just(Some(0)), Just(Some(137)), Just(None)],
        last_first in any::<bool>(),
        late in vec(any::<u8>(), 0..4),
    ) {
        let mut world = live(&sequence);
        for node in (0..3).map(Name::nth) {
            world.feed(&Input::Node { node, event: NodeEvent::Returned });
        }
        for schedule in (0..3).map(Name::nth) {
            world.feed(&closing.schedule_input(schedule, false));
        }
        for job in (0..3).map(Name::nth) {
            world.feed(&closing.input(job, false));
        }
        // An old instruction is delivered again. The node answers, and that changes nothing.
        for pick in late {
            if let Some(instruction) = world.past.instructions().nth(usize::from(pick) % 8).cloned() {
                world.hosts.take(&instruction);
            }
        }
        let patient = matches!(closing, Closing::Disable(DisableTasks::Wait));
        // The longest way: a preparation is tried again, tasks end, releases run, and a job that ends by
        // itself on the way takes two ticks more.
        for _ in 0..8 {
            let mut due = world.hosts.due(patient);
            if last_first {
                due.reverse();
            }
            for run in due {
                world.report(run.ended(Ended { exit_code, failure: None }));
            }
            world.feed(&Input::Tick);
        }
        prop_assert_eq!(unsettled(&world, closing), Vec::<String>::new());
    }

    /// I7, F1: with force the jobs reach their final state at the deadline, although no node reports.
    #[test]
    fn force_needs_no_node(
        sequence in strategies::sequence(60),
        closing in prop_oneof![Just(Closing::Terminate), Just(Closing::Delete)],
    ) {
        let mut world = live(&sequence);
        // After every stamp, so that the time of the request counts and not an older one (T5).
        let stamps = world.account.jobs().map(|job| job.stamps().modified().max(job.stamps().entered()));
        world.now = stamps.chain([world.now]).max().unwrap();
        let refuses = |schedule: Name, world: &mut World| {
            world.feed(&closing.schedule_input(schedule, true)).refused
        };
        let refusing: Vec<_> = (0..3).map(Name::nth).filter(|name| refuses(*name, &mut world)).collect();
        for job in (0..3).map(Name::nth) {
            world.feed(&closing.input(job, true));
        }
        // A deletion that was not forced cannot be forced later (R-delete-deleting), nor can the end of a
        // schedule (L6).
        let is_forced = |id: &JobId| {
            let ending = world.account.job(id).unwrap().state().ending();
            let is_left = id.schedule().is_some_and(|id| refusing.iter().any(|name| name.schedule() == id));
            !ending.is_some_and(|ending| match ending {
                Ending { force_deadline: Some(_), .. } => false,
                Ending { kind: EndingKind::Deleting(_), .. } => true,
                Ending { kind: EndingKind::Terminating(_), .. } => is_left,
            })
        };
        let forced: Vec<_> = world.account.jobs().map(|job| job.id().clone()).filter(is_forced).collect();
        // A new ETag may take a tick of the clock more than the time of the request (T5).
        world.now = world.now.next_tick().saturating_add(world.account.force_timeout());
        world.feed(&Input::Tick);
        for job in forced {
            let state = world.account.job(&job).map(|job| job.state().name());
            let settled = state.is_none_or(|state| closing.is_settled(state));
            prop_assert!(settled, "job {} is {:?}", job, state);
        }
    }
}
