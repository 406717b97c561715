//! What happens by itself. All of it happens at ticks (S1), and a job makes one move at most (S2).

use azbatch::{
    Instruction, JobId, NodeId, RunId, TaskId, TimeSpan, Timestamp,
    job::{DisableTasks, JobStateName, OnAllTasksComplete, StopCause, TerminateReason, Unit},
    node::{Contact, NodeAction},
    task::{JobAction, TaskStateName, TaskStop},
};

use super::{
    Answer,
    model::{Job, Oracle, Run, Task},
    placing::is_too_old,
    pools::Owner,
    tasks::are_all_completed,
};

impl Oracle {
    /// Jobs first, then schedules (L5), then what was asked of nodes, then pools. Formulas come last, see `follow.rs`.
    pub(super) fn tick(&mut self, now: Timestamp) -> Answer {
        let expired = self.expired_pools(); // P20: at a tick after the owner's end.
        for job in self.jobs.keys().cloned().collect::<Vec<_>>() {
            if self.jobs[&job].is_living() {
                self.tick_living(&job, now);
            } else if self.jobs[&job].is_ending() {
                self.tick_ending(&job, now);
            }
        }
        for schedule in self.schedules.keys().cloned().collect::<Vec<_>>() {
            self.tick_schedule(&schedule, now);
        }
        self.issue_actions(now);
        for pool in self.pools.keys().cloned().collect::<Vec<_>>() {
            self.tick_pool(&pool, now);
        }
        for pool in expired {
            self.delete_expired(&pool, now);
        }
        Ok(())
    }

    /// X6: the first that applies.
    fn tick_living(&mut self, id: &JobId, now: Timestamp) {
        let job = &self.jobs[id];
        if let Some(reason) = automatic_end(job, now) {
            self.begin_termination(id, &reason, None, now);
        } else if job.state == JobStateName::Active && asks_for(job, JobAction::Disable) {
            self.begin_disabling(id, DisableTasks::Requeue, now); // X7
        } else if job.state == JobStateName::Disabling && job.on_nodes() == 0 {
            let job = self.jobs.get_mut(id).unwrap();
            let at = job.times.next(now);
            job.enter(JobStateName::Disabled, at); // G1, T2
        } else if job.settings.on_all_tasks_complete == OnAllTasksComplete::TerminateJob
            && are_all_completed(job)
        {
            self.begin_termination(id, &TerminateReason::AllTasksComplete, None, now); // X4
        } else {
            // K5, K13
            for task in self.jobs.get_mut(id).unwrap().tasks.values_mut() {
                let is_over = task.state == TaskStateName::Running && is_out_of_time(task, now);
                if let Some(stay) = task.on.as_mut().filter(|_| is_over) {
                    stay.tell_to_stop(TaskStop::WallClockTime);
                }
            }
        }
    }

    /// E8, G2: over when nothing is outstanding. F1: or when force gives up what is. E6: releases have a time limit.
    fn tick_ending(&mut self, id: &JobId, now: Timestamp) {
        let job = &self.jobs[id];
        let gives_up = job.force_deadline.is_some_and(|deadline| deadline <= now);
        if !gives_up && !self.awaited_nodes(job).is_empty() {
            self.end_late_releases(id, now);
            return;
        }
        self.give_up(id, now);
        let job = self.jobs.get_mut(id).unwrap();
        if job.state == JobStateName::Deleting {
            self.jobs.remove(id);
            self.disown(&Owner::Job(id.clone()));
            return;
        }
        let at = job.times.next(now);
        job.enter(JobStateName::Completed, at);
        (job.end_time, job.force_deadline) = (Some(at), None);
    }

    /// The nodes that an ending job waits for: N4: also lost ones, but F1: not with force. N3: none that is gone.
    pub(super) fn awaited_nodes(&self, job: &Job) -> Vec<NodeId> {
        let waits = |node: &&NodeId| {
            job.is_outstanding(node)
                && match self.contact(node) {
                    Contact::Answering => true,
                    Contact::Lost => job.force_deadline.is_none(),
                    Contact::Gone => false,
                }
        };
        job.visits.keys().filter(waits).cloned().collect()
    }

    /// F1: tasks are completed as in E2, and the rest is dropped.
    fn give_up(&mut self, id: &JobId, now: Timestamp) {
        let nodes: Vec<NodeId> = self.jobs[id].visits.keys().cloned().collect();
        for node in nodes {
            for unit in [Unit::Preparation, Unit::Release] {
                let visit = &self.jobs[id].visits[&node];
                let run = if unit == Unit::Preparation { &visit.preparation } else { &visit.release };
                if run.as_ref().is_some_and(|run| run.end.is_none()) {
                    self.end_run(id, &node, &unit, None, now);
                }
            }
            let tasks: Vec<TaskId> = self.jobs[id].tasks_on(&node);
            for task in tasks {
                self.leave(id, &task, None, false, now);
            }
        }
    }

    /// E6: they have ended, and are told to stop.
    fn end_late_releases(&mut self, id: &JobId, now: Timestamp) {
        let job = &self.jobs[id];
        let Some(limit) = job.template.release.as_ref().map(|release| release.max_wall_clock_time) else {
            return;
        };
        let is_late = |run: &Run| {
            let deadline = run.start.and_then(|start| start.checked_add(limit));
            run.end.is_none() && deadline.is_some_and(|deadline| deadline <= now)
        };
        let late = job.visits.iter().filter(|(_, visit)| visit.release.as_ref().is_some_and(is_late));
        let late: Vec<NodeId> = late.map(|(node, _)| node.clone()).collect();
        for node in late {
            self.end_run(id, &node, &Unit::Release, None, now);
            let number = self.jobs[id].visits[&node].release.as_ref().unwrap().number;
            let run = RunId { job: id.clone(), node, unit: Unit::Release, number };
            self.late_releases.push(Instruction::Stop { run, cause: StopCause::ReleaseTimeout });
        }
    }

    /// N9: an action is carried out when the node's tasks have ended or left it, and if a user asked for it, when their
    /// retention times are over. N10: a node that does not answer is removed as it is.
    fn issue_actions(&mut self, now: Timestamp) {
        for node in self.nodes.keys().cloned().collect::<Vec<_>>() {
            let has_tasks = !self.tasks_on(&node).is_empty();
            let found = self.nodes.get_mut(&node).unwrap();
            let (answers, kept_until) = (found.contact() == Contact::Answering, found.retained_until);
            let Some(action) = &mut found.action else { continue };
            let is_free = !has_tasks || (action.what == NodeAction::Remove && !answers);
            action.issued |= is_free && (!action.retained_data || kept_until <= now);
        }
    }
}

/// X1, X9, X2, X3: why a living job ends at this tick.
pub(super) fn automatic_end(job: &Job, now: Timestamp) -> Option<TerminateReason> {
    let limit = job.settings.constraints.max_wall_clock_time;
    let is_over = limit != TimeSpan::UNLIMITED && job.received.saturating_add(limit) <= now;
    let manager = job.template.manager.as_ref().filter(|manager| manager.kill_job_on_completion);
    let is_managed = manager
        .and_then(|manager| job.tasks.get(&manager.id))
        .is_some_and(|task| task.state == TaskStateName::Completed && !job.manager_deleted);
    if is_over {
        Some(TerminateReason::MaxWallClockTimeExpiry)
    } else if let Some(failure) = &job.pool_failure {
        Some(TerminateReason::AutoPoolFailed(failure.clone()))
    } else if is_managed {
        Some(TerminateReason::JobManagerComplete)
    } else if asks_for(job, JobAction::Terminate) {
        Some(TerminateReason::TaskFailed)
    } else {
        None
    }
}

/// X3, X7
fn asks_for(job: &Job, action: JobAction) -> bool {
    job.tasks.values().any(|task| task.asks == Some(action))
}

/// K5: counted from its start. K13: 180 days after its addition.
fn is_out_of_time(task: &Task, now: Timestamp) -> bool {
    let limit = task.constraints.max_wall_clock_time;
    let run_over = task.start.and_then(|start| start.checked_add(limit)).is_some_and(|end| end <= now);
    run_over || is_too_old(task, now)
}
