//! What must hold after every call. The fuzz targets use it, and so do the crate's tests, which include
//! this package's library.

use azbatch::{
    Account, Effect, Fact, Instruction, Job, RunId, Task, Timestamp,
    job::{JobFact, JobNodeFact, JobStateName, Unit},
    node::{NodeAction, NodeFact},
    task::{TaskFact, TaskStateName},
};

/// Checks a call that led from one account to another with these effects.
///
/// - The account passes [`Account::check`].
/// - The facts, replayed, give the new state, so a call without facts changed nothing (I4, I5).
/// - Each fact that announces an instruction is followed by that instruction.
/// - An instruction names the node's current run, and no run is started twice (E10).
/// - A job has reasons not to have ended unless it is completed (I1), and an active task has some not to run.
/// - No timestamp went back (I3), and an ending job's active tasks did not change (I2).
///
/// # Panics
/// If one of these does not hold.
pub fn check(before: &Account, effects: &[Effect], after: &Account) {
    if let Err(violation) = after.check() {
        panic!("{violation} after {effects:?}");
    }
    let mut replayed = before.clone();
    for fact in Effect::facts(effects) {
        assert_eq!(replayed.try_apply(fact), Ok(()), "I5: {fact} does not fit");
    }
    assert!(replayed == *after, "I5: {effects:?} do not tell all that changed");
    check_announcements(effects);
    for job in after.jobs() {
        check_reasons(after, job);
    }
    for instruction in Effect::instructions(effects) {
        check_instruction(before, after, instruction);
    }
    for old in before.jobs() {
        let deleted = Effect::facts(effects)
            .any(|fact| matches!(fact, Fact::Job(job, JobFact::Deleted) if job == old.id()));
        if let (Some(new), false) = (after.job(old.id()), deleted) {
            check_history(old, new, effects);
        }
    }
}

fn check_reasons(account: &Account, job: &Job) {
    let id = job.id();
    for now in [job.stamps().entered(), Timestamp::MAX] {
        let is_completed = job.state().name() == JobStateName::Completed;
        let reasons = account.why_not_ended(id, now).map(|reasons| reasons.is_empty());
        assert_eq!(reasons, Some(is_completed), "I1: {id}");
        for task in job.queue().take(3).map(Task::id) {
            let reasons = account.why_not_running(id, task, now).map(|reasons| reasons.is_empty());
            assert_eq!(reasons, Some(false), "{id} {task}");
        }
    }
}

fn check_announcements(effects: &[Effect]) {
    for (place, effect) in effects.iter().enumerate() {
        let Some(name) = announced(effect) else { continue };
        let next = effects.get(place + 1).filter(|next| next.name() == name);
        let next = next.unwrap_or_else(|| panic!("{effects:?}: {name} does not follow"));
        assert_eq!((next.job(), next.task(), next.node()), (effect.job(), effect.task(), effect.node()));
    }
}

/// The name of the instruction that must follow an effect, if it is a fact that only announces one.
#[allow(clippy::wildcard_enum_match_arm, reason = "the other facts announce nothing")]
pub fn announced(effect: &Effect) -> Option<&'static str> {
    match effect.fact()? {
        Fact::Task(_, _, TaskFact::Stopping { .. }) => Some("StopTask"),
        Fact::JobNode(_, _, JobNodeFact::PreparationIssued { .. }) => Some("RunPreparation"),
        Fact::JobNode(_, _, JobNodeFact::PreparationStopping) => Some("StopPreparation"),
        Fact::JobNode(_, _, JobNodeFact::ReleaseIssued { .. }) => Some("RunRelease"),
        Fact::Node(_, NodeFact::ActionIssued { action }) => Some(match action {
            NodeAction::Reboot => "RebootNode",
            NodeAction::Reimage => "ReimageNode",
            NodeAction::Deallocate => "DeallocateNode",
            NodeAction::Start => "StartNode",
            NodeAction::Remove => "RemoveNode",
        }),
        _ => None,
    }
}

/// An instruction is about the run that the node has, and none is issued twice.
fn check_instruction(before: &Account, after: &Account, instruction: &Instruction) {
    let Some(run) = instruction.run() else { return };
    let current = |account: &Account| account.current_run(&run.job, &run.node, &run.unit);
    assert_eq!(current(after).as_ref(), Some(run), "E10: {instruction}");
    if let Instruction::Run(RunId { job, unit, .. }) = instruction {
        let waited = match unit {
            // The run of a task that waits for a preparation is decided before it is issued.
            Unit::Task(task) => before.task(job, task).is_some_and(|task| task.state().is_preparing()),
            Unit::Preparation | Unit::Release => false,
        };
        assert!(waited || current(before).as_ref() != Some(run), "{instruction} is issued twice");
    }
}

fn check_history(old: &Job, new: &Job, effects: &[Effect]) {
    let id = old.id();
    assert_eq!(old.creation_time(), new.creation_time(), "T6: {id}");
    assert!(old.stamps().modified() <= new.stamps().modified(), "I3: {id}");
    assert!(old.stamps().entered() <= new.stamps().entered(), "I3: {id}");
    if old.settings() != new.settings() {
        assert!(old.stamps().modified() < new.stamps().modified(), "T2: {id}");
    }
    let ending = matches!(old.state().name(), JobStateName::Terminating | JobStateName::Completed);
    for task in old.tasks() {
        let Some(later) = new.task(task.id()) else {
            let deleted = |fact: &Fact| matches!(fact, Fact::Task(_, gone, TaskFact::Deleted { .. }) if gone == task.id());
            assert!(Effect::facts(effects).any(deleted), "{id} lost {}", task.id());
            continue;
        };
        assert!(task.stamps().modified() <= later.stamps().modified(), "I3: {id} {}", task.id());
        assert!(task.stamps().entered() <= later.stamps().entered(), "I3: {id} {}", task.id());
        if ending && task.state().name() == TaskStateName::Active {
            assert_eq!(task, later, "I2: {id}");
        }
    }
    if ending {
        assert!(new.tasks().all(|task| old.task(task.id()).is_some()), "E10: {id}");
    }
}
