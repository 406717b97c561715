//! The service's own moves, which happen at ticks and nowhere else (S1).

use alloc::vec::Vec;

use crate::{
    Clock, Timestamp,
    id::{NodeId, TaskId},
    job::{DisableTasks, Effect, Job, JobState, OnAllTasksComplete, TerminateReason, ending::holds_ending},
    task::{JobAction, StopCause, Task, TaskState},
};

impl Job {
    /// Makes the moves that are due: at most one move of the job's own state (S2), and whatever has
    /// run out of time. Early, late and repeated ticks do no harm.
    pub fn tick(&mut self, clock: &impl Clock) -> Vec<Effect> {
        let now = clock.now();
        let mut effects = Vec::new();
        match &self.state {
            JobState::Active | JobState::Disabling(_) | JobState::Disabled => {
                self.tick_living(&mut effects, now);
            }
            JobState::Enabling => {
                let (job, at) = (self.id().clone(), self.stamp_modified(now));
                self.emit(&mut effects, Effect::JobEnabled { job, at });
            }
            JobState::Terminating { .. } | JobState::Deleting { .. } => self.tick_ending(&mut effects, now),
            JobState::Completed { .. } => {}
        }
        effects
    }

    fn tick_living(&mut self, effects: &mut Vec<Effect>, now: Timestamp) {
        if let Some(reason) = self.automatic_end(now) {
            self.begin_termination(effects, &reason, None, now); // X6
            return;
        }
        match &self.state {
            JobState::Active if self.demands(JobAction::Disable) => {
                self.begin_disabling(effects, DisableTasks::Requeue, now); // X7
            }
            JobState::Disabling(_) if self.tasks.index.counts.running == 0 => {
                let (job, at) = (self.id().clone(), self.stamp(now)); // G1, T2
                self.emit(effects, Effect::JobDisabled { job, at });
            }
            JobState::Active
            | JobState::Disabling(_)
            | JobState::Disabled
            | JobState::Enabling
            | JobState::Terminating { .. }
            | JobState::Completed { .. }
            | JobState::Deleting { .. } => {}
        }
        self.stop_overdue_tasks(effects, now);
    }

    /// E8, I7: the job is over once no node is waited for any more.
    fn tick_ending(&mut self, effects: &mut Vec<Effect>, now: Timestamp) {
        if !self.may_end(now) {
            self.expire_releases(effects, now);
            return;
        }
        self.give_up(effects, now);
        let (job, at) = (self.id().clone(), self.stamp(now));
        let gone = match &self.state {
            JobState::Deleting { .. } => Effect::JobDeleted { job }, // G2
            JobState::Active
            | JobState::Disabling(_)
            | JobState::Disabled
            | JobState::Enabling
            | JobState::Terminating { .. }
            | JobState::Completed { .. } => Effect::JobCompleted { job, at }, // E8
        };
        self.emit(effects, gone);
    }

    /// Section 6: why a living job ends by itself now, by the first row that applies.
    fn automatic_end(&self, now: Timestamp) -> Option<TerminateReason> {
        if self.wall_clock_deadline().is_some_and(|deadline| deadline <= now) {
            return Some(TerminateReason::MaxWallClockTimeExpiry); // X1
        }
        self.due_end()
    }

    /// The rows of section 6 that do not wait for the clock.
    fn due_end(&self) -> Option<TerminateReason> {
        if self.manager_is_done() {
            Some(TerminateReason::JobManagerComplete) // X2
        } else if self.demands(JobAction::Terminate) {
            Some(TerminateReason::TaskFailed) // X3
        } else if self.settings.on_all_tasks_complete == OnAllTasksComplete::TerminateJob
            && self.all_completed()
        {
            Some(TerminateReason::AllTasksComplete) // X4, X6
        } else {
            None
        }
    }

    fn wall_clock_deadline(&self) -> Option<Timestamp> {
        self.creation_time.checked_add(self.settings.constraints.max_wall_clock_time)
    }

    fn manager_is_done(&self) -> bool {
        let manager = self.specification.manager.as_ref().filter(|manager| manager.kill_job_on_completion);
        // The manager is made with the job, so a later task of its name is another one.
        let task = manager.and_then(|manager| self.task(&manager.task.id)).filter(|task| task.sequence == 0);
        task.is_some_and(|task| matches!(task.state, TaskState::Completed(_)))
    }

    fn all_completed(&self) -> bool {
        self.tasks.index.counts.active == 0 && self.tasks.index.counts.running == 0
    }

    /// K5: tasks that have run for their `maxWallClockTime` are told to stop.
    fn stop_overdue_tasks(&mut self, effects: &mut Vec<Effect>, now: Timestamp) {
        let overdue = |task: &&Task| task.wall_clock_deadline().is_some_and(|deadline| deadline <= now);
        let overdue: Vec<(TaskId, NodeId)> = self
            .tasks_on_nodes()
            .filter(overdue)
            .filter_map(|task| Some((task.id().clone(), task.placement()?.node.clone())))
            .collect();
        for (task, node) in overdue {
            let stop =
                Effect::StopTask { job: self.id().clone(), task, node, cause: StopCause::WallClockTime };
            self.emit(effects, stop);
        }
    }

    fn tasks_on_nodes(&self) -> impl Iterator<Item = &Task> {
        self.nodes.values().flat_map(|node| &node.tasks).filter_map(|task| self.task(task))
    }

    /// When the next [`tick`](Self::tick) can do something (S3): a past or present instant means
    /// now, `None` that only a request or a report can move the job.
    pub fn deadline(&self) -> Option<Timestamp> {
        const NOW: Option<Timestamp> = Some(Timestamp::MIN);
        match &self.state {
            JobState::Active if self.demands(JobAction::Disable) => NOW,
            JobState::Disabling(_) if self.tasks.index.counts.running == 0 => NOW,
            JobState::Active | JobState::Disabling(_) | JobState::Disabled if self.due_end().is_some() => NOW,
            JobState::Active | JobState::Disabling(_) | JobState::Disabled => {
                let tasks = self.tasks_on_nodes().filter_map(Task::wall_clock_deadline);
                tasks.chain(self.wall_clock_deadline()).min()
            }
            JobState::Enabling => NOW,
            JobState::Completed { .. } => None,
            JobState::Terminating { give_up_at, .. } | JobState::Deleting { give_up_at, .. } => {
                if !self.nodes.values().any(|node| holds_ending(node, give_up_at.is_some())) {
                    return NOW;
                }
                let releases = self.nodes.values().filter_map(|node| self.release_deadline(node));
                releases.chain(*give_up_at).min()
            }
        }
    }
}
