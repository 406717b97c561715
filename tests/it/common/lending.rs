//! Vecs that are lent with `append_to`: a call appends its effects to what it was lent and changes nothing else
//! by that, and a refused call leaves what was lent to the next call.

use std::iter;

use azbatch::{
    Account, Effect, Instruction, Job, JobId, NodeId, Preconditions, Report, TaskId, TimeSpan, Timestamp,
    job::{DeleteJob, DisableJob, EnableJob, TerminateJob, UpdateJob},
    node::{Node, NodeEvent},
    task::{
        DeleteTask, Placement, ReactivateTask, RequestedConstraints, RetryLimit, TerminateTask, UpdateTask,
    },
};

use super::{Condition, Fed, Input, Past, feed, pick};

/// An effect that no input of the tests has.
fn known(id: &str) -> Effect {
    Effect::Instruction(Instruction::AddPool { job: JobId::new(id).unwrap() })
}

fn after(known: impl IntoIterator<Item = Effect>, effects: &[Effect]) -> Vec<Effect> {
    known.into_iter().chain(effects.iter().cloned()).collect()
}

/// A node that nobody knows.
fn nobody() -> NodeId {
    NodeId::new("nobody").unwrap()
}

/// Whether an input calls the account at all; those that pick something may find nothing to pick.
fn always_calls(input: &Input) -> bool {
    match input {
        Input::Schedule { .. }
        | Input::Answer { .. }
        | Input::Report { .. }
        | Input::Says(_)
        | Input::OldReport { .. }
        | Input::AutoPool { .. } => false,
        _ => true,
    }
}

/// Feeds an input to a copy of an account that was lent a Vec with an effect.
///
/// # Panics
/// If that effect, followed by those of `fed`, is not what comes of it, or if the copy differs from `expected`.
pub(crate) fn check_account(
    before: &Account,
    past: &Past,
    input: &Input,
    now: Timestamp,
    fed: &Fed,
    expected: &Account,
) {
    let mut lent = before.clone();
    lent.append_to(vec![known("first")]);
    let got = feed(&mut lent, past, input, now);
    assert_eq!(got.refused, fed.refused, "{input:?}");
    assert_eq!(&lent, expected, "{input:?}");
    let left = if got.effects.is_empty() { Some(known("first")) } else { None };
    if left.is_none() {
        assert_eq!(got.effects, after([known("first")], &fed.effects), "{input:?}");
    } else {
        assert!(fed.effects.is_empty(), "{input:?}");
        assert!(fed.refused || !always_calls(input), "{input:?}: what was lent is not returned");
    }
    lent.append_to(vec![known("second")]);
    let next = lent.node_event(&nobody(), NodeEvent::Returned, now);
    assert_eq!(next, after(left, &[known("second")]), "{input:?}: the next call");
    assert_eq!(lent.node_event(&nobody(), NodeEvent::Returned, now), [], "{input:?}: the call after it");
    lent.check().unwrap();
}

/// The same for each job of the account that an input can be put to without the account.
pub(crate) fn check_jobs(before: &Account, past: &Past, input: &Input, now: Timestamp) {
    for job in before.jobs() {
        let mut expected = job.clone();
        let Some(call) = JobCall::of(before, job, past, input) else { continue };
        let (mut lent, effects) = (job.clone(), call.make(&mut expected, now));
        lent.append_to(vec![known("first")]);
        let got = call.make(&mut lent, now);
        assert_eq!(lent, expected, "{input:?}");
        assert_eq!(got, effects.as_ref().map(|effects| after([known("first")], effects)), "{input:?}");
        lent.append_to(vec![known("second")]);
        let left = iter::once(known("first")).filter(|_| got.is_none());
        let next = lent.node_event(&nobody(), NodeEvent::Returned, now);
        assert_eq!(next, after(left, &[known("second")]), "{input:?}: the next call");
        assert_eq!(lent, expected, "{input:?}: the next call");
    }
}

/// An input to one job.
struct JobCall<'a> {
    input: &'a Input,
    condition: Box<dyn Fn(Condition) -> Preconditions + 'a>,
    force: TimeSpan,
    report: Option<Report>,
    placement: Option<(TaskId, Placement)>,
}

impl<'a> JobCall<'a> {
    /// `None` if the input is not one to a job.
    fn of(account: &'a Account, job: &'a Job, past: &Past, input: &'a Input) -> Option<Self> {
        let task = match input {
            Input::UpdateTask { task, .. }
            | Input::TerminateTask { task, .. }
            | Input::ReactivateTask { task, .. }
            | Input::DeleteTask { task, .. } => Some(task.task()),
            Input::Tick
            | Input::Node { .. }
            | Input::AddTask { .. }
            | Input::Terminate { .. }
            | Input::Delete { .. }
            | Input::Disable { .. }
            | Input::Enable { .. }
            | Input::Update { .. }
            | Input::Schedule { .. }
            | Input::Assign { .. }
            | Input::Answer { .. }
            | Input::Report { .. }
            | Input::Says(_)
            | Input::OldReport { .. } => None,
            _ => return None,
        };
        let placement_on = |node: &Node| Placement { pool: node.pool().clone(), node: node.id().clone() };
        let placement = match input {
            Input::Assign { task, node, .. } => {
                account.node(&node.node()).map(|node| (task.task(), placement_on(node)))
            }
            Input::Schedule { pick: number } => {
                let nodes = account.nodes().filter(|node| Some(node.pool()) == job.pool());
                pick(job.tasks(), *number)
                    .zip(pick(nodes, *number))
                    .map(|(task, node)| (task.id().clone(), placement_on(node)))
            }
            _ => None,
        };
        let report = input.report(account, past);
        let is_call = match input {
            Input::Assign { .. } | Input::Schedule { .. } => placement.is_some(),
            Input::Answer { .. } | Input::Report { .. } | Input::Says(_) | Input::OldReport { .. } => {
                report.is_some()
            }
            _ => true,
        };
        let condition = Box::new(move |condition: Condition| match &task {
            Some(task) => condition.on_task(account, job.id(), task),
            None => condition.on_job(account, job.id()),
        });
        is_call.then(|| Self { input, condition, force: account.force_timeout(), report, placement })
    }

    /// The effects; `None` if the job refuses.
    fn make(&self, job: &mut Job, now: Timestamp) -> Option<Vec<Effect>> {
        let force = |force: bool| force.then_some(self.force);
        match self.input {
            Input::Tick => Some(job.tick(now)),
            Input::Node { node, event } => Some(job.node_event(&node.node(), *event, now)),
            Input::AddTask { task, shape, .. } => job.add_task(&shape.command(*task), now).ok(),
            Input::Terminate { reason, force: forced, condition, .. } => {
                let (reason, force) = (reason.clone(), force(*forced));
                let command = TerminateJob { reason, force, preconditions: (self.condition)(*condition) };
                job.terminate(&command, now).ok()
            }
            Input::Delete { force: forced, condition, .. } => {
                let command =
                    DeleteJob { force: force(*forced), preconditions: (self.condition)(*condition) };
                job.delete(&command, now).ok()
            }
            Input::Disable { disable_tasks, condition, .. } => {
                let disable_tasks = *disable_tasks;
                let command = DisableJob { disable_tasks, preconditions: (self.condition)(*condition) };
                job.disable(&command, now).ok()
            }
            Input::Enable { condition, .. } => {
                job.enable(&EnableJob { preconditions: (self.condition)(*condition) }, now).ok()
            }
            Input::Update { change, condition, .. } => {
                let change = change.command();
                job.update(&UpdateJob { change, preconditions: (self.condition)(*condition) }, now).ok()
            }
            Input::UpdateTask { task, retries, condition, .. } => {
                let max_task_retry_count = Some(RetryLimit::Times(*retries));
                let constraints = RequestedConstraints { max_task_retry_count, ..Default::default() };
                let command = UpdateTask { constraints, preconditions: (self.condition)(*condition) };
                job.update_task(&task.task(), &command, now).ok()
            }
            Input::TerminateTask { task, condition, .. } => {
                let command = TerminateTask { preconditions: (self.condition)(*condition) };
                job.terminate_task(&task.task(), &command, now).ok()
            }
            Input::ReactivateTask { task, condition, .. } => {
                let command = ReactivateTask { preconditions: (self.condition)(*condition) };
                job.reactivate_task(&task.task(), &command, now).ok()
            }
            Input::DeleteTask { task, condition, .. } => {
                let command = DeleteTask { preconditions: (self.condition)(*condition) };
                job.delete_task(&task.task(), &command, now).ok()
            }
            _ => match (&self.report, &self.placement) {
                (Some(report), _) => Some(job.report(report, now)),
                (None, Some((task, placement))) => job.assign(task, placement, now).ok(),
                (None, None) => unreachable!("it is no call"),
            },
        }
    }
}
