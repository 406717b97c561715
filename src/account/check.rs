//! What must hold of an account at any time, apart from what the types say already.

use alloc::format;

use crate::{
    account::{
        index::{Index, jobs_of_schedule},
        resource::Account,
        slots::slots_taken,
    },
    error::{Violation, ensure},
    job::{Job, JobState, JobStateName, MAX_STORED_RUNS},
    job_schedule::{JobSchedule, JobScheduleState},
    node::{Contact, Node},
    pool::AutoScale,
};

impl Account {
    /// Checks what must hold of an account at any time: the rules [I1](crate::evidence#i1),
    /// [I3](crate::evidence#i3) and [I6](crate::evidence#i6), and that every index agrees with what it
    /// indexes. It visits everything in the account.
    ///
    /// # Errors
    /// The first rule that does not hold: a bug in the crate, or a stored account that was tampered with.
    pub fn check(&self) -> Result<(), Violation> {
        self.jobs.values().try_for_each(Job::check)?;
        self.check_stored()?;
        let recount = Index::of(&self.jobs, &self.job_schedules, &self.pools, &self.nodes);
        ensure("I6", self.index == recount, || "the account's index differs from a recount".into())
    }

    /// Checks what a stored account can have wrong: all but its jobs, which are checked as they are read, and
    /// the index, which is not stored.
    fn check_stored(&self) -> Result<(), Violation> {
        let has_runs_left = self.last_run <= MAX_STORED_RUNS;
        ensure("I6", has_runs_left, || "no run number is left".into())?;
        for (key, job) in &self.jobs {
            ensure("S4", key == job.id(), || format!("job {key} is stored under another id"))?;
            self.check_placements(job)?;
        }
        for (key, schedule) in &self.job_schedules {
            ensure("S4", key == schedule.id(), || format!("job schedule {key} is stored under another id"))?;
            ensure("I3", schedule.is_consistent(), || format!("job schedule {key} contradicts itself"))?;
            self.check_jobs_of(schedule)?;
        }
        for (key, pool) in &self.pools {
            ensure("S4", key == pool.id(), || format!("pool {key} is stored under another id"))?;
            ensure("I3", pool.stamps().are_in_order(), || format!("pool {key}: stamps go back"))?;
            let is_consistent = pool.auto_scale().is_none_or(AutoScale::is_consistent);
            ensure("P18", is_consistent, || format!("pool {key}: too many samples, or in the wrong order"))?;
        }
        for (key, node) in &self.nodes {
            ensure("S4", key == node.id(), || format!("node {key} is stored under another id"))?;
            self.check_node(node)?;
        }
        Ok(())
    }

    /// The jobs of a schedule are those that it made, and only the last can be alive (L2, L3).
    fn check_jobs_of(&self, schedule: &JobSchedule) -> Result<(), Violation> {
        let id = schedule.id();
        for job in jobs_of_schedule(&self.jobs, id, None) {
            let number = job.id().number().filter(|number| *job.id() == id.job(*number));
            let is_made = number.is_some_and(|number| (1..=schedule.last_job()).contains(&number));
            ensure("L2", is_made, || format!("job schedule {id} did not make job {}", job.id()))?;
            let may_live = number == Some(schedule.last_job());
            ensure("L3", may_live || job.end_time().is_some(), || {
                format!("job schedule {id} has another job than {}", job.id())
            })?;
            ensure("L5", ends_with(job, schedule.state()), || {
                format!("job schedule {id} is ending or has ended, and job {} is not", job.id())
            })?;
        }
        Ok(())
    }

    /// Nodes have the tasks that jobs say are there, and jobs know which nodes answer.
    fn check_placements(&self, job: &Job) -> Result<(), Violation> {
        let id = job.id();
        for (node, record) in job.nodes() {
            let there = self.nodes.get(node);
            for task in record.tasks() {
                let known = there.and_then(|node| node.slots_of(id, task)).is_some();
                ensure("I6", known, || format!("node {node} does not have task {task} of job {id}"))?;
            }
            let same_pool = there.is_none_or(|there| there.pool() == record.pool());
            ensure("I6", !record.is_outstanding() || (there.is_some() && same_pool), || {
                format!("job {id} waits for node {node}, which is not there")
            })?;
            // I1: a job that is over is no longer told what happens to its nodes.
            if job.end_time().is_none() {
                let contact = there.map_or(Contact::Gone, Node::contact);
                ensure("N4", record.contact() == contact, || {
                    format!("job {id} is wrong about whether node {node} answers")
                })?;
            }
        }
        Ok(())
    }

    /// I6: slots are never oversubscribed, and every slot taken is a task's.
    fn check_node(&self, node: &Node) -> Result<(), Violation> {
        let id = node.id();
        ensure("I6", node.is_consistent(), || format!("node {id} contradicts itself"))?;
        for (job, task) in node.tasks() {
            let found = self.task(job, task).filter(|task| task.is_on(id));
            let slots = found.map(|task| slots_taken(task, node));
            ensure("I6", slots.is_some() && slots == node.slots_of(job, task), || {
                format!("node {id} has the wrong slots for task {task} of job {job}")
            })?;
        }
        Ok(())
    }
}

/// L5: whether the end of a schedule has come to a job of it.
fn ends_with(job: &Job, schedule: JobScheduleState) -> bool {
    match schedule {
        JobScheduleState::Active | JobScheduleState::Disabled => true,
        JobScheduleState::Terminating => !matches!(job.state(), JobState::Living(_)),
        JobScheduleState::Completed { .. } => job.end_time().is_some(),
        JobScheduleState::Deleting { .. } => job.state().name() == JobStateName::Deleting,
    }
}

#[cfg(feature = "serde")]
mod stored {
    //! A stored account is checked before it is used, so that nothing later can go wrong because of it.

    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

    use super::Index;
    use crate::Account;

    impl Serialize for Account {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            Self::serialize(self, serializer)
        }
    }

    impl<'de> Deserialize<'de> for Account {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            let mut account = Self::deserialize(deserializer)?;
            account.index = Index::of(&account.jobs, &account.job_schedules, &account.pools, &account.nodes);
            account.check_stored().map_err(D::Error::custom)?;
            Ok(account)
        }
    }
}
