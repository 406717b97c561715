//! What nodes say.

use azbatch::{
    JobId, NodeId, Report, Timestamp,
    job::{DisableTasks, Ended, JobStateName, ReportEvent, RunId, Unit},
    task::{RetryLimit, TaskStateName},
};

use super::{
    Answer,
    model::{Job, Oracle, Run, RunEnd},
};

impl Oracle {
    /// E10: a report is about the run that it names. If that is over, or there is no such run, nothing changes.
    pub(super) fn report(&mut self, report: &Report, now: Timestamp) -> Answer {
        let Report { run, event } = report;
        if self.is_in_progress(run) {
            match (&run.unit, event) {
                (Unit::Task(_), ReportEvent::Started) => self.task_started(run, now),
                (Unit::Task(_), ReportEvent::Ended(ended)) => self.task_ended(run, ended, now),
                (Unit::Preparation | Unit::Release, ReportEvent::Started) => self.run_started(run, now),
                (Unit::Preparation, ReportEvent::Ended(ended)) => {
                    self.end_run(&run.job, &run.node, &Unit::Preparation, Some(ended), now);
                    self.prepared(&run.job, &run.node, Some(ended), now);
                }
                (Unit::Release, ReportEvent::Ended(ended)) => {
                    self.end_run(&run.job, &run.node, &Unit::Release, Some(ended), now); // E7
                }
            }
            self.release(&run.job); // E5
        }
        Ok(())
    }

    /// Whether a node has been told to run this, or to stop it, and has not said yet that it ended.
    fn is_in_progress(&self, run: &RunId) -> bool {
        let Some(job) = self.jobs.get(&run.job) else { return false };
        match &run.unit {
            Unit::Task(task) => job.tasks.get(task).is_some_and(|task| {
                // K1: a preparing task was not told to run yet, and its node answers only for its stop.
                let is_told = |stop: bool| stop || task.state == TaskStateName::Running;
                let is_it = |stay: &super::model::Stay| stay.node == run.node && stay.number == run.number;
                task.on.as_ref().is_some_and(|stay| is_it(stay) && is_told(stay.stop.is_some()))
            }),
            unit => {
                let found = job.visits.get(&run.node).and_then(|visit| visit.run(unit));
                found.is_some_and(|found| found.number == run.number && found.end.is_none())
            }
        }
    }

    /// K2: it stamps the running state. Only the first report counts.
    fn task_started(&mut self, run: &RunId, now: Timestamp) {
        let task = self.task(&run.job, run.task().unwrap());
        if task.state == TaskStateName::Running && task.start.is_none() {
            let at = task.times.next(now);
            task.times.entered = at;
            task.start = Some(at);
        }
    }

    fn task_ended(&mut self, run: &RunId, ended: &Ended, now: Timestamp) {
        let (job, task) = (&run.job, run.task().unwrap());
        let is_ending = self.jobs[job].is_ending();
        let was_told = self.task(job, task).on.as_ref().unwrap().stop.is_some();
        if was_told || is_ending {
            self.leave(job, task, ended.exit_code, false, now); // E2, G1, K5, K6, K7
        } else {
            self.ends_by_itself(job, task, ended, now); // K3, K4, K5
        }
    }

    fn run_started(&mut self, run: &RunId, now: Timestamp) {
        let visit = self.jobs.get_mut(&run.job).unwrap().visits.get_mut(&run.node).unwrap();
        let at = now.max(visit.latest); // T5
        let found = visit.run_mut(&run.unit).unwrap();
        if found.start.is_none() {
            found.start = Some(at);
            visit.latest = at;
        }
    }

    /// The end of a preparation or release task, or its loss.
    pub(super) fn end_run(
        &mut self,
        job: &JobId,
        node: &NodeId,
        unit: &Unit,
        ended: Option<&Ended>,
        now: Timestamp,
    ) {
        let visit = self.jobs.get_mut(job).unwrap().visits.get_mut(node).unwrap();
        let at = now.max(visit.latest); // T5
        visit.latest = at;
        let ended = ended.cloned().unwrap_or_default();
        visit.run_mut(unit).unwrap().end =
            Some(RunEnd { at, exit_code: ended.exit_code, failure: ended.failure });
    }

    /// What the end of a preparation means for its node, and for the tasks that wait there.
    pub(super) fn prepared(&mut self, id: &JobId, node: &NodeId, ended: Option<&Ended>, now: Timestamp) {
        let job = &self.jobs[id];
        let verdict = verdict(job, &job.visits[node], ended);
        let waiting = job.tasks_on(node);
        let visit = self.jobs.get_mut(id).unwrap().visits.get_mut(node).unwrap();
        match verdict {
            Verdict::Again => {
                let retry_count = visit.preparation.as_ref().map_or(0, |run| run.retry_count);
                visit.preparation = Some(Run::new(retry_count + 1));
                return;
            }
            Verdict::Ready => (visit.prepared, visit.rebooted) = (true, false),
            Verdict::Barred => visit.barred = true, // N7
            Verdict::Unprepared => {}
        }
        for task in waiting {
            let is_told = self.task(id, &task).on.as_ref().unwrap().stop.is_some();
            if verdict == Verdict::Ready && !is_told {
                self.runs(id, &task, now); // K1
            } else {
                self.leave(id, &task, None, false, now); // E3, G1, K6, N7
            }
        }
    }

    /// K1: preparing, now running.
    fn runs(&mut self, job: &JobId, task: &azbatch::TaskId, now: Timestamp) {
        let task = self.task(job, task);
        let at = task.times.next(now);
        task.enter(TaskStateName::Running, at);
        let node = task.on.as_ref().unwrap().node.clone();
        self.jobs.get_mut(job).unwrap().visits.get_mut(&node).unwrap().ran = true;
        self.show(&node, at);
    }
}

impl super::model::Visit {
    fn run(&self, unit: &Unit) -> Option<&Run> {
        match unit {
            Unit::Preparation => self.preparation.as_ref(),
            Unit::Release => self.release.as_ref(),
            Unit::Task(_) => None,
        }
    }

    fn run_mut(&mut self, unit: &Unit) -> Option<&mut Run> {
        match unit {
            Unit::Preparation => self.preparation.as_mut(),
            Unit::Release => self.release.as_mut(),
            Unit::Task(_) => None,
        }
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Verdict {
    /// It ran to completion.
    Ready,
    /// It runs again.
    Again,
    /// It failed for good, and tasks wait for its success.
    Barred,
    /// It has to run before the next task.
    Unprepared,
}

/// E5: a stopped one has not run to completion, nor has one that was lost. K5: an error around it fails it without
/// retries. G1: it is not tried again while no task can wait for it. N7, E5: one that failed for good excludes the node,
/// unless nobody waits for its success.
fn verdict(job: &Job, visit: &super::model::Visit, ended: Option<&Ended>) -> Verdict {
    let (task, run) = (job.template.preparation.as_ref().unwrap(), visit.preparation.as_ref().unwrap());
    let Some(ended) = ended.filter(|_| !run.stopping) else { return Verdict::Unprepared };
    if ended.exit_code == Some(0) && ended.failure.is_none() {
        return Verdict::Ready;
    }
    let retries_left = ended.failure.is_none()
        && match task.constraints.max_task_retry_count {
            RetryLimit::Times(times) => run.retry_count < times,
            RetryLimit::Unlimited => true,
        };
    let waits = job.state == JobStateName::Disabling && job.disable_tasks == DisableTasks::Wait;
    match (retries_left, job.state == JobStateName::Active || waits) {
        (true, true) => Verdict::Again,
        (true, false) => Verdict::Unprepared,
        (false, _) if task.wait_for_success => Verdict::Barred,
        (false, _) => Verdict::Ready,
    }
}
