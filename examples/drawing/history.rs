//! What has happened to jobs: which state each job, task and run on a node was in, and since when.
//!
//! An account knows the present state of everything, and a little of the past. This remembers more of the past,
//! within bounds. Whatever is not remembered is told from what the account knows.

use std::collections::{BTreeMap, HashMap};

use azbatch::{
    Account, Effect, Job, JobId, NodeId, Task, TaskId, Timestamp,
    job::{JobNode, JobStateName, NodeRun, NodeRunState, RunOutcome},
};

use crate::drawing::timeline::Lane;

/// The state of a task that waits in a job that has ended, or is about to.
pub const ACTIVE_FOR_EVER: &str = "active for ever";

/// The state of a completed task, or run on a node, that failed.
pub const FAILED: &str = "completed (failed)";

/// How many states of one job, task or run are remembered.
const MAX_STATES: usize = 100;

/// States in their order, each with the instant at which it began.
type Track = Vec<(Timestamp, &'static str)>;

/// The past of jobs.
pub struct History {
    jobs: BTreeMap<JobId, JobHistory>,
    /// The jobs in the order in which they were first seen.
    order: BTreeMap<u64, JobId>,
    /// How many jobs were seen.
    seen: u64,
    /// How many tracks there are.
    tracks: usize,
    /// How many there may be. Beyond that the jobs that were seen first are forgotten.
    limit: usize,
}

#[derive(Default)]
struct JobHistory {
    /// Its place in the order.
    place: u64,
    job: Track,
    tasks: HashMap<TaskId, Track>,
    preparations: HashMap<NodeId, Track>,
    releases: HashMap<NodeId, Track>,
}

impl JobHistory {
    fn tracks(&self) -> usize {
        1 + self.tasks.len() + self.preparations.len() + self.releases.len()
    }
}

impl History {
    /// One that remembers this many jobs, tasks and runs.
    pub fn new(limit: usize) -> Self {
        Self { jobs: BTreeMap::new(), order: BTreeMap::new(), seen: 0, tracks: 0, limit }
    }

    /// Takes note of an effect that the account has just had.
    pub fn record(&mut self, account: &Account, effect: &Effect, at: Timestamp) {
        let Some(fact) = effect.fact() else { return };
        let Some(id) = fact.job() else { return };
        let Some(job) = account.job(id) else { return self.forget(id) };
        if !self.jobs.contains_key(id) {
            self.jobs.insert(id.clone(), JobHistory { place: self.seen, ..JobHistory::default() });
            self.order.insert(self.seen, id.clone());
            self.seen += 1;
            self.tracks += 1;
        }
        let Some(history) = self.jobs.get_mut(id) else { return };
        let before = history.tracks();
        match (fact.task(), fact.node()) {
            (Some(task), _) => history.record_task(job, task),
            (None, Some(node)) => history.record_node(job, node, at),
            (None, None) => push(&mut history.job, || past_of_job(job), (at, job.state().name().as_str())),
        }
        self.tracks = self.tracks + history.tracks() - before;
        self.keep_within_limit(id);
    }

    /// Forgets the jobs that were seen first until there is room; of a job that takes all of it, everything.
    fn keep_within_limit(&mut self, latest: &JobId) {
        while self.tracks > self.limit {
            let Some(oldest) = self.order.values().next().cloned() else { return };
            self.forget(&oldest);
            if oldest == *latest {
                return;
            }
        }
    }

    fn forget(&mut self, job: &JobId) {
        if let Some(history) = self.jobs.remove(job) {
            self.tracks -= history.tracks();
            self.order.remove(&history.place);
        }
    }

    /// The lane of a job.
    pub fn of_job(&self, job: &Job) -> Lane {
        let track = self.jobs.get(job.id()).map(|history| &history.job).filter(|track| !track.is_empty());
        Lane { name: format!("job {}", job.id()), states: track.cloned().unwrap_or_else(|| past_of_job(job)) }
    }

    /// The lane of a task. From the end of its job an active task is active for ever.
    pub fn of_task(&self, job: &Job, task: &Task) -> Lane {
        let track = self.jobs.get(job.id()).and_then(|history| history.tasks.get(task.id()));
        let mut states = track.cloned().unwrap_or_else(|| past_of_task(task));
        let is_active = states.last().is_some_and(|(_, state)| *state == "active");
        if let Some(end) = self.end_of(job).filter(|_| is_active) {
            push(&mut states, Track::new, (end, ACTIVE_FOR_EVER));
        }
        Lane { name: format!("task {}", task.id()), states }
    }

    /// When a job that is terminating or has ended began to; its active tasks stay active from then on.
    fn end_of(&self, job: &Job) -> Option<Timestamp> {
        if !stays_active(job) {
            return None;
        }
        let states = self.of_job(job).states;
        let ending = states.iter().find(|(_, state)| matches!(*state, "terminating" | "completed"));
        ending.map(|(at, _)| *at)
    }

    /// The lanes of a job on a node: those of its preparation and its release, if there was one.
    pub fn of_node(&self, job: &Job, id: &NodeId, node: &JobNode) -> Vec<Lane> {
        let history = self.jobs.get(job.id());
        let preparation = node.preparation().map(|run| {
            let track = history.and_then(|history| history.preparations.get(id)).cloned();
            (format!("preparation on {id}"), track.unwrap_or_else(|| past_of_run(run)))
        });
        let release = node.release().map(|run| {
            let track = history.and_then(|history| history.releases.get(id)).cloned();
            (format!("release on {id}"), track.unwrap_or_else(|| past_of_run(run)))
        });
        [preparation, release].into_iter().flatten().map(|(name, states)| Lane { name, states }).collect()
    }
}

impl JobHistory {
    fn record_task(&mut self, job: &Job, id: &TaskId) {
        let Some(task) = job.task(id) else {
            self.tasks.remove(id);
            return;
        };
        let track = self.tasks.entry(id.clone()).or_default();
        push(track, || past_of_task(task), (task.stamps().entered(), task_state(task)));
    }

    fn record_node(&mut self, job: &Job, id: &NodeId, at: Timestamp) {
        let Some(node) = job.node(id) else { return };
        for (tracks, run) in
            [(&mut self.preparations, node.preparation()), (&mut self.releases, node.release())]
        {
            if let Some(run) = run {
                let track = tracks.entry(id.clone()).or_default();
                push(track, || past_of_run(run), (at, run_state(run)));
            }
        }
    }
}

/// Adds a state to a track, which begins with what was before, unless the track is in it already.
fn push(track: &mut Track, past: impl FnOnce() -> Track, (at, state): (Timestamp, &'static str)) {
    if track.is_empty() {
        *track = past();
    }
    if track.last().is_none_or(|(_, last)| *last != state) {
        let at = track.last().map_or(at, |(last, _)| at.max(*last));
        track.push((at, state));
    }
    if track.len() > MAX_STATES {
        track.drain(1..MAX_STATES / 2);
    }
}

/// What the account knows of the past of a job.
fn past_of_job(job: &Job) -> Track {
    let stamps = job.stamps();
    let mut track = vec![(stamps.created(), "active")];
    if let Some((state, at)) = stamps.previous() {
        push(&mut track, Track::new, (at, state.as_str()));
    }
    push(&mut track, Track::new, (stamps.entered(), job.state().name().as_str()));
    track
}

fn past_of_task(task: &Task) -> Track {
    let stamps = task.stamps();
    let mut track = vec![(stamps.created(), "active")];
    if let Some((state, at)) = stamps.previous() {
        push(&mut track, Track::new, (at, state.as_str()));
    }
    push(&mut track, Track::new, (stamps.entered(), task_state(task)));
    track
}

fn past_of_run(run: &NodeRun) -> Track {
    let end = match &run.state {
        NodeRunState::Completed { end_time, .. } => Some((*end_time, run_state(run))),
        NodeRunState::Issued { .. } | NodeRunState::Running { .. } => None,
    };
    run.start_time().map(|start| (start, "running")).into_iter().chain(end).collect()
}

/// Whether the active tasks of a job stay active for ever.
pub fn stays_active(job: &Job) -> bool {
    match job.state().name() {
        JobStateName::Terminating | JobStateName::Completed => true,
        JobStateName::Active
        | JobStateName::Disabling
        | JobStateName::Disabled
        | JobStateName::Enabling
        | JobStateName::Deleting => false,
    }
}

/// The state of a task; one that failed is told apart.
pub fn task_state(task: &Task) -> &'static str {
    match task.state().completion() {
        Some(completion) if !completion.is_success() => FAILED,
        Some(_) | None => task.state().name().as_str(),
    }
}

/// The state of a run of a preparation or release task.
pub fn run_state(run: &NodeRun) -> &'static str {
    match &run.state {
        NodeRunState::Issued { .. } => "issued",
        NodeRunState::Running { .. } => "running",
        NodeRunState::Completed { outcome: RunOutcome::Succeeded, .. } => "completed",
        NodeRunState::Completed { outcome: RunOutcome::Failed { .. }, .. } => FAILED,
    }
}

#[cfg(test)]
mod tests {
    use azbatch::rest::{Guid, Request, answer};

    use super::*;

    fn send(account: &mut Account, history: &mut History, method: &str, target: &str, body: &str) {
        let at = Timestamp::from_ticks(1_000_000_000).unwrap();
        let request = Request {
            method,
            target: &format!("{target}?api-version=2024-07-01.20.0"),
            headers: &[("content-type", b"application/json")],
            body: body.as_bytes(),
            received: at,
            request_id: Guid::from_u128(0),
        };
        let answer = answer(account, &request, at);
        assert!(answer.response.status < 300, "{target}: {:?}", answer.response);
        for effect in &answer.effects {
            history.record(account, effect, at);
        }
    }

    fn job_with_tasks(account: &mut Account, history: &mut History, job: &str, tasks: u32) {
        send(account, history, "POST", "/jobs", &format!(r#"{{"id":"{job}","poolInfo":{{"poolId":"p"}}}}"#));
        for task in 0..tasks {
            let body = format!(r#"{{"id":"t{task}","commandLine":"true"}}"#);
            send(account, history, "POST", &format!("/jobs/{job}/tasks"), &body);
        }
    }

    #[test]
    fn the_past_stays_within_its_bounds_and_what_is_forgotten_is_told_from_the_account() {
        let (mut account, mut history) = (Account::new("https://a"), History::new(20));
        for job in ["a", "b", "c", "d"] {
            job_with_tasks(&mut account, &mut history, job, 9);
            assert!(history.tracks <= 20);
        }
        assert_eq!(history.jobs.keys().map(JobId::as_str).collect::<Vec<_>>(), ["c", "d"]);
        job_with_tasks(&mut account, &mut history, "large", 50);
        assert!(history.tracks <= 20);
        let job = account.job(&JobId::new("a").unwrap()).unwrap();
        assert_eq!(history.of_job(job).states, [(job.stamps().created(), "active")]);
        assert_eq!(job.tasks().map(|task| history.of_task(job, task).states.len()).sum::<usize>(), 9);
    }

    #[test]
    fn what_is_gone_is_forgotten() {
        let (mut account, mut history) = (Account::new("https://a"), History::new(20));
        job_with_tasks(&mut account, &mut history, "a", 3);
        send(&mut account, &mut history, "DELETE", "/jobs/a/tasks/t1", "");
        assert_eq!(history.tracks, 3);
        send(&mut account, &mut history, "DELETE", "/jobs/a", "");
        let at = Timestamp::from_ticks(2_000_000_000).unwrap();
        for effect in account.tick(at) {
            history.record(&account, &effect, at);
        }
        assert!(history.jobs.is_empty() && history.order.is_empty() && history.tracks == 0);
    }
}
