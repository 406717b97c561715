//! The service's own moves, which happen at ticks and nowhere else (S1).

use alloc::vec::Vec;

use crate::{
    Clock, Timestamp,
    id::TaskId,
    job::{
        auto_pool::AutoPoolState,
        effect::Effect,
        fact::JobFact,
        resource::Job,
        specification::{DisableTasks, OnAllTasksComplete},
        state::{Ending, EndingKind, JobState, Living, TerminateReason},
    },
    task::{FailureAction, Task, TaskState, TaskStop},
};

impl Job {
    /// Makes the moves that are due: at most one move of the job's own state ([S2](crate::evidence#s2)), and
    /// whatever has run out of time. Early, late and repeated ticks do no harm.
    #[must_use = "instructions among the effects must be carried out"]
    pub fn tick(&mut self, clock: impl Clock) -> Vec<Effect> {
        let now = clock.now();
        let mut effects = self.buffer.take();
        match &self.state {
            JobState::Living(Living::Enabling) => {
                let at = self.stamps.next_modified(now);
                self.emit(&mut effects, JobFact::Enabled { at });
            }
            JobState::Living(living @ (Living::Active | Living::Disabling(_) | Living::Disabled)) => {
                self.tick_living(&mut effects, *living, now);
            }
            JobState::Ending(ending) => {
                let ending = ending.clone();
                self.tick_ending(&mut effects, &ending, now);
            }
            JobState::Completed(_) => {}
        }
        effects
    }

    fn tick_living(&mut self, effects: &mut Vec<Effect>, living: Living, now: Timestamp) {
        let Some(alive) = self.state.alive() else { return };
        if let Some(reason) = self.automatic_end(now) {
            return self.begin_termination(effects, alive, &reason, None, now); // X6
        }
        if self.is_to_be_disabled(living) {
            self.begin_disabling(effects, alive, DisableTasks::Requeue, now); // X7
        } else if self.is_done_disabling(living) {
            let at = self.stamps.next(now); // T2
            self.emit(effects, JobFact::Disabled { at });
        } else if self.ends_with_its_tasks() {
            let reason = TerminateReason::AllTasksComplete; // X4, X6
            return self.begin_termination(effects, alive, &reason, None, now);
        }
        self.stop_overdue_tasks(effects, now);
    }

    /// X7
    fn is_to_be_disabled(&self, living: Living) -> bool {
        living == Living::Active && self.is_asked_to(FailureAction::Disable)
    }

    /// G1
    fn is_done_disabling(&self, living: Living) -> bool {
        matches!(living, Living::Disabling(_)) && self.task_counts().running == 0
    }

    /// E8, I7: the job is over once no node is waited for any more.
    fn tick_ending(&mut self, effects: &mut Vec<Effect>, ending: &Ending, now: Timestamp) {
        if !self.can_end(ending, now) {
            return self.expire_releases(effects, now);
        }
        self.give_up(effects, now);
        let over = match ending.kind {
            EndingKind::Terminating(_) => JobFact::Completed { at: self.stamps.next(now) }, // E8
            EndingKind::Deleting(_) => JobFact::Deleted,                                    // G2
        };
        self.emit(effects, over);
    }

    /// Why a living job terminates automatically now, even before a disabling that is due. The first rule
    /// that applies counts (X6).
    fn automatic_end(&self, now: Timestamp) -> Option<TerminateReason> {
        if self.wall_clock_deadline().is_some_and(|deadline| deadline <= now) {
            return Some(TerminateReason::MaxWallClockTimeExpiry); // X1
        }
        self.due_end()
    }

    /// The rules that do not wait for the clock.
    fn due_end(&self) -> Option<TerminateReason> {
        if let Some(AutoPoolState::Failed(failure)) = &self.auto_pool {
            Some(TerminateReason::AutoPoolFailed(failure.clone())) // X9
        } else if self.is_manager_done() {
            Some(TerminateReason::JobManagerComplete) // X2
        } else if self.is_asked_to(FailureAction::Terminate) {
            Some(TerminateReason::TaskFailed) // X3
        } else {
            None
        }
    }

    /// Whether a living job that is not being enabled ends at the next tick, or at the one after a disabling
    /// that comes first (X6, X7).
    pub(super) fn is_due_to_end(&self, now: Timestamp) -> bool {
        self.automatic_end(now).is_some() || self.ends_with_its_tasks()
    }

    /// Whether X4 applies. A disabling comes first (X7).
    fn ends_with_its_tasks(&self) -> bool {
        self.settings.on_all_tasks_complete == OnAllTasksComplete::TerminateJob && self.all_completed()
    }

    pub(super) fn wall_clock_deadline(&self) -> Option<Timestamp> {
        self.received.checked_add(self.settings.constraints.max_wall_clock_time)
    }

    fn is_manager_done(&self) -> bool {
        self.decisive_manager().is_some_and(|task| matches!(task.state(), TaskState::Completed(_)))
    }

    /// The job manager task, if its completion ends the job (X2).
    pub(super) fn decisive_manager(&self) -> Option<&Task> {
        let manager = self.template().manager.as_ref().filter(|manager| manager.kill_job_on_completion)?;
        // The manager is added with the job, so a later task with its id is another one.
        self.task(&manager.id).filter(|task| task.sequence() == 0)
    }

    fn all_completed(&self) -> bool {
        let counts = self.task_counts();
        counts.active == 0 && counts.running == 0
    }

    /// K5, K13: tasks whose time is over are told to stop, in the order in which it ended.
    fn stop_overdue_tasks(&mut self, effects: &mut Vec<Effect>, now: Timestamp) {
        let overdue = self.tasks.deadlines().take_while(|(deadline, _)| *deadline <= now);
        let overdue: Vec<TaskId> = overdue.map(|(_, task)| task.clone()).collect();
        for task in overdue {
            let assignment = self.task(&task).and_then(|task| task.state().assignment()).cloned();
            if let Some(assignment) = assignment {
                self.stop_task(effects, &task, &assignment, TaskStop::WallClockTime);
            }
        }
    }

    /// When the next [`tick`](Self::tick) can do something ([S3](crate::evidence#s3)). A past or present
    /// instant means now; `None` means that only a request or a report can.
    pub fn deadline(&self) -> Option<Timestamp> {
        const NOW: Option<Timestamp> = Some(Timestamp::MIN);
        match &self.state {
            JobState::Living(Living::Enabling) => NOW,
            JobState::Living(living @ (Living::Active | Living::Disabling(_) | Living::Disabled)) => {
                if self.is_to_be_disabled(*living)
                    || self.is_done_disabling(*living)
                    || self.due_end().is_some()
                    || self.ends_with_its_tasks()
                {
                    return NOW;
                }
                let task = self.tasks.deadlines().next().map(|(deadline, _)| *deadline);
                task.into_iter().chain(self.wall_clock_deadline()).min()
            }
            JobState::Ending(_) if self.nodes_awaited() == 0 => NOW,
            JobState::Ending(ending) => {
                let release = self.release_deadlines().next().map(|(deadline, _)| deadline);
                release.into_iter().chain(ending.force_deadline).min()
            }
            JobState::Completed(_) => None,
        }
    }
}
