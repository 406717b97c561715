//! Vecs that are lent with `append_to`: a call appends its effects to what it was lent and changes nothing else
//! by that, and a refused call leaves what was lent to the next call.

use azbatch::{
    Account, Effect, Instruction, Job, JobId, NodeId, Timestamp, node::NodeEvent, task::Placement,
    testing::Call,
};

/// An effect that no input of the tests has.
fn known(id: &str) -> Effect {
    Effect::Instruction(Instruction::AddPool { job: JobId::new(id).unwrap() })
}

fn after(known: Option<Effect>, effects: &[Effect]) -> Vec<Effect> {
    known.into_iter().chain(effects.iter().cloned()).collect()
}

/// A node that nobody knows.
fn nobody() -> NodeId {
    NodeId::new("nobody").unwrap()
}

/// Makes a call on a copy of an account that was lent a Vec with an effect.
///
/// # Panics
/// If that effect, followed by those of the call, is not what comes of it, or if the lent Vec changes what becomes
/// of the account.
pub(crate) fn check_account(before: &Account, call: &Call, now: Timestamp) {
    let (mut expected, mut lent) = (before.clone(), before.clone());
    let result = call.make(&mut expected, now);
    lent.append_to(vec![known("first")]);
    let got = call.make(&mut lent, now);
    assert_eq!(got, result.map(|effects| after(Some(known("first")), &effects)), "{call:?}");
    assert_eq!(lent, expected, "{call:?}");

    lent.append_to(vec![known("second")]);
    let kept = Some(known("first")).filter(|_| got.is_err());
    let next = lent.node_event(&nobody(), NodeEvent::Returned, now);
    assert_eq!(next, after(kept, &[known("second")]), "{call:?}: the next call");
    assert_eq!(lent.node_event(&nobody(), NodeEvent::Returned, now), [], "{call:?}: the call after it");
    lent.check().unwrap();
}

/// The same for each job of the account, if the call is one that a job takes without the account.
pub(crate) fn check_jobs(before: &Account, call: &Call, now: Timestamp) {
    for job in before.jobs() {
        let (mut expected, mut lent) = (job.clone(), job.clone());
        let Some(result) = make(&mut expected, before, call, now) else { return };
        lent.append_to(vec![known("first")]);
        let got = make(&mut lent, before, call, now).unwrap();
        assert_eq!(got, result.map(|effects| after(Some(known("first")), &effects)), "{call:?}");
        assert_eq!(lent, expected, "{call:?}");

        lent.append_to(vec![known("second")]);
        let kept = Some(known("first")).filter(|_| got.is_err());
        let next = lent.node_event(&nobody(), NodeEvent::Returned, now);
        assert_eq!(next, after(kept, &[known("second")]), "{call:?}: the next call");
        assert_eq!(lent, expected, "{call:?}: the next call");
    }
}

/// Makes the call on a job; `None` if a job has no such call.
fn make(
    job: &mut Job,
    account: &Account,
    call: &Call,
    now: Timestamp,
) -> Option<Result<Vec<Effect>, String>> {
    let refused = |error: azbatch::BatchError| error.to_string();
    Some(match call {
        Call::Tick => Ok(job.tick(now)),
        Call::Report(report) => Ok(job.report(report, now)),
        Call::NodeEvent(node, event) => Ok(job.node_event(node, *event, now)),
        Call::Assign(_, task, node) => {
            let node = account.node(node)?;
            let placement = Placement { pool: node.pool().clone(), node: node.id().clone() };
            job.assign(task, &placement, now).map_err(|error| error.to_string())
        }
        Call::TerminateJob(_, command) => job.terminate(command, now).map_err(refused),
        Call::DeleteJob(_, command) => job.delete(command, now).map_err(refused),
        Call::DisableJob(_, command) => job.disable(command, now).map_err(refused),
        Call::EnableJob(_, command) => job.enable(command, now).map_err(refused),
        Call::UpdateJob(_, command) => job.update(command, now).map_err(refused),
        Call::AddTask(_, command) => job.add_task(command, now).map_err(refused),
        Call::UpdateTask(_, task, command) => job.update_task(task, command, now).map_err(refused),
        Call::TerminateTask(_, task, command) => job.terminate_task(task, command, now).map_err(refused),
        Call::ReactivateTask(_, task, command) => job.reactivate_task(task, command, now).map_err(refused),
        Call::DeleteTask(_, task, command) => job.delete_task(task, command, now).map_err(refused),
        _ => return None,
    })
}
