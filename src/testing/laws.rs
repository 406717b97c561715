//! What holds after every call to an account. A host can check it of its own account after each call.

use alloc::{format, string::String, vec::Vec};

use crate::{
    Account, Effect, Fact, Instruction, Job, RunId, Task, Timestamp,
    error::Violation,
    job::{JobFact, JobNodeFact, JobState, JobStateName, Unit},
    node::{NodeAction, NodeFact},
    task::{TaskFact, TaskStateName},
};

/// Checks a call that led from one account to another with these effects, by all laws below that need no more.
///
/// ```
/// use azbatch::testing::{Driver, Sequence, laws};
///
/// let sequence = Sequence::from_bytes(b"Any bytes are a sequence. Two blocks are hardly a long one.");
/// let mut driver = Driver::new(sequence.start());
/// for step in &sequence {
///     let before = driver.account().clone();
///     let outcome = driver.step(step);
///     laws::check(&before, outcome.effects(), driver.account())?;
/// }
/// # Ok::<(), azbatch::error::Violation>(())
/// ```
///
/// # Errors
/// The first law that does not hold.
pub fn check(before: &Account, effects: &[Effect], after: &Account) -> Result<(), Violation> {
    after.check()?;
    facts_tell_all(before, effects, after)?;
    announced_instructions_follow(effects)?;
    instructions_are_new(before, effects, after)?;
    reasons_are_told(after)?;
    history_goes_on(before, effects, after)
}

/// A refused call has changed nothing ([I4](crate::evidence#i4)).
///
/// # Errors
/// If the law does not hold.
pub fn refusal_changes_nothing(before: &Account, after: &Account) -> Result<(), Violation> {
    hold(before == after, "I4", || "a refused call changed something".into())
}

/// The facts among the effects, replayed on the account before, give the account after
/// ([I5](crate::evidence#i5)). So a call without facts has changed nothing.
///
/// # Errors
/// If the law does not hold.
pub fn facts_tell_all(before: &Account, effects: &[Effect], after: &Account) -> Result<(), Violation> {
    let mut replayed = before.clone();
    for fact in Effect::facts(effects) {
        let applied = replayed.try_apply(fact);
        hold(applied.is_ok(), "I5", || format!("{fact} does not fit the state before"))?;
    }
    hold(replayed == *after, "I5", || format!("the facts do not tell all that changed: {effects:?}"))
}

/// Each fact that only announces an instruction is followed by that instruction.
///
/// # Errors
/// If the law does not hold.
pub fn announced_instructions_follow(effects: &[Effect]) -> Result<(), Violation> {
    for (place, effect) in effects.iter().enumerate() {
        let Some(name) = announced(effect) else { continue };
        let about = |effect: &Effect| (effect.job().cloned(), effect.task().cloned(), effect.node().cloned());
        let next = effects.get(place + 1).filter(|next| next.name() == name);
        let follows = next.is_some_and(|next| about(next) == about(effect));
        hold(follows, "E10", || format!("{name} does not follow {effect}: {effects:?}"))?;
    }
    Ok(())
}

/// The name of the instruction that must follow an effect, if it is a fact that only announces one.
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

/// An instruction is about the run that the node has, and none is issued twice ([E10](crate::evidence#e10)).
///
/// # Errors
/// If the law does not hold.
pub fn instructions_are_new(before: &Account, effects: &[Effect], after: &Account) -> Result<(), Violation> {
    for instruction in Effect::instructions(effects) {
        let Some(run) = instruction.run() else { continue };
        let current = |account: &Account| account.current_run(&run.job, &run.node, &run.unit);
        let is_current = current(after).as_ref() == Some(run);
        hold(is_current, "E10", || format!("{instruction} is not about the node's current run"))?;
        if let Instruction::Run(RunId { job, unit, .. }) = instruction {
            let waited = match unit {
                // The run of a task that waits for a preparation is decided before it is issued.
                Unit::Task(task) => before.task(job, task).is_some_and(|task| task.state().is_preparing()),
                Unit::Preparation | Unit::Release => false,
            };
            let is_new = waited || current(before).as_ref() != Some(run);
            hold(is_new, "E10", || format!("{instruction} is issued twice"))?;
        }
    }
    Ok(())
}

/// No timestamp has gone back ([I3](crate::evidence#i3)), and what an ending job's active tasks are has not
/// changed ([I2](crate::evidence#i2)).
///
/// # Errors
/// If the law does not hold.
pub fn history_goes_on(before: &Account, effects: &[Effect], after: &Account) -> Result<(), Violation> {
    for old in before.jobs() {
        let deleted = Effect::facts(effects)
            .any(|fact| matches!(fact, Fact::Job(job, JobFact::Deleted) if job == old.id()));
        if let (Some(new), false) = (after.job(old.id()), deleted) {
            job_goes_on(old, new, effects)?;
        }
    }
    Ok(())
}

fn job_goes_on(old: &Job, new: &Job, effects: &[Effect]) -> Result<(), Violation> {
    let id = old.id();
    let stamps = (old.stamps(), new.stamps());
    let text = |what: &str| format!("job {id}: {what}");
    hold(old.creation_time() == new.creation_time(), "T6", || text("another creation time"))?;
    hold(stamps.0.modified() <= stamps.1.modified(), "I3", || text("modified earlier"))?;
    hold(stamps.0.entered() <= stamps.1.entered(), "I3", || text("entered its state earlier"))?;
    let same_version = stamps.0.modified() == stamps.1.modified();
    hold(!same_version || old.settings() == new.settings(), "T2", || text("another job of one ETag"))?;
    // From the step on that ends the job.
    let ending = !matches!(new.state(), JobState::Living(_));
    for task in old.tasks() {
        let name = task.id();
        let Some(later) = new.task(name) else {
            let is_deletion =
                |fact: &Fact| matches!(fact, Fact::Task(_, gone, TaskFact::Deleted { .. }) if gone == name);
            let deleted = Effect::facts(effects).any(is_deletion);
            hold(deleted, "I5", || text(&format!("task {name} is gone")))?;
            continue;
        };
        let stamps = (task.stamps(), later.stamps());
        let goes_on = stamps.0.modified() <= stamps.1.modified() && stamps.0.entered() <= stamps.1.entered();
        hold(goes_on, "I3", || text(&format!("a stamp of task {name} went back")))?;
        let is_left = ending && task.state().name() == TaskStateName::Active;
        hold(!is_left || task == later, "I2", || text(&format!("active task {name} changed")))?;
    }
    let none_added = new.tasks().all(|task| old.task(task.id()).is_some());
    hold(!ending || none_added, "E10", || text("a task came to an ending job"))
}

/// A job has reasons not to have ended unless it is completed ([I1](crate::evidence#i1)), and an active task has some
/// not to run.
///
/// # Errors
/// If the law does not hold.
pub fn reasons_are_told(account: &Account) -> Result<(), Violation> {
    for job in account.jobs() {
        let id = job.id();
        let is_completed = job.state().name() == JobStateName::Completed;
        for now in [job.stamps().entered(), Timestamp::MAX] {
            let reasons = account.why_not_ended(id, now);
            let told = reasons.as_ref().map(Vec::is_empty) == Some(is_completed);
            hold(told, "I1", || format!("job {id} has not ended because of {reasons:?}"))?;
            for task in job.queue().take(3).map(Task::id) {
                let reasons = account.why_not_running(id, task, now);
                let told = reasons.is_some_and(|reasons| !reasons.is_empty());
                hold(told, "P1", || format!("task {task} of job {id} does not run without reason"))?;
            }
        }
    }
    Ok(())
}

/// A tick does something from the deadline on and nothing before, and after a few ticks nothing is due any more
/// ([S2](crate::evidence#s2), [S3](crate::evidence#s3)).
///
/// # Errors
/// If the law does not hold.
pub fn ticks_come_to_an_end(account: &Account, now: Timestamp) -> Result<(), Violation> {
    let mut account = account.clone();
    for _ in 0..16 {
        let due = account.deadline().is_some_and(|deadline| deadline <= now);
        let effects = account.tick(now);
        hold(due != effects.is_empty(), "S3", || format!("due {due}, but {effects:?}"))?;
        if !due {
            return Ok(());
        }
    }
    hold(false, "S3", || "something is always due".into())
}

/// After [`Account::schedule`] there is nothing left to assign ([P1](crate::evidence#p1)): no slot is free that an
/// active task could take.
///
/// # Errors
/// If the law does not hold.
pub fn scheduling_leaves_nothing(account: &Account, now: Timestamp) -> Result<(), Violation> {
    let mut again: Account = account.clone();
    let effects: Vec<Effect> = again.schedule(now);
    hold(effects.is_empty(), "P1", || format!("there was more to assign: {effects:?}"))
}

fn hold(holds: bool, rule: &'static str, what: impl FnOnce() -> String) -> Result<(), Violation> {
    if holds { Ok(()) } else { Err(Violation { rule, what: what() }) }
}
