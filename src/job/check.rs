//! What must hold of a job at any time, apart from what the types say already.

use alloc::format;

use crate::{
    error::{Violation, ensure},
    id::NodeId,
    job::{
        auto_pool::PoolInfo,
        record::{JobNode, NodeRun, NodeRunState, Readiness},
        resource::Job,
        run::MAX_STORED_RUNS,
        state::{JobState, Living},
    },
    task::{Task, TaskState},
};

impl Job {
    /// Checks what must hold of a job at any time: [I1](crate::evidence#i1), [I3](crate::evidence#i3),
    /// [I6](crate::evidence#i6), and that indexes agree with what they index. It visits every task and node.
    ///
    /// # Errors
    /// The first rule that does not hold.
    pub fn check(&self) -> Result<(), Violation> {
        self.check_stored()?;
        let wrong = |wrong| Violation { rule: "I6", what: format!("job {}: {wrong}", self.id()) };
        self.tasks.check_index().map_err(wrong)
    }

    /// Checks what a stored job can have wrong: all but the index of tasks, which is not stored.
    fn check_stored(&self) -> Result<(), Violation> {
        let id = self.id();
        ensure("I3", self.stamps.are_in_order(), || format!("job {id}: stamps go back"))?;
        ensure("I6", self.last_run <= MAX_STORED_RUNS, || format!("job {id}: no run number is left"))?;
        ensure("T6", self.received <= self.stamps.created(), || format!("job {id}: created too early"))?;
        let valid = self.template().validate().and_then(|()| self.template().validate_ids());
        ensure("B9", valid.is_ok(), || format!("job {id}: the specification is invalid"))?;
        let asks = matches!(self.settings.pool, PoolInfo::Auto(_));
        ensure("P19", asks || self.auto_pool.is_none(), || format!("job {id}: a pool was made for nothing"))?;
        self.check_state()?;
        self.check_nodes()?;
        for task in self.tasks.iter() {
            self.check_task(task)?;
        }
        self.tasks.check().map_err(|wrong| Violation { rule: "I6", what: format!("job {id}: {wrong}") })?;
        ensure("I6", self.nodes.is_consistent(), || format!("job {id}: the index of nodes is wrong"))
    }

    /// I1, and that nothing runs where nothing may.
    fn check_state(&self) -> Result<(), Violation> {
        let id = self.id();
        match &self.state {
            JobState::Completed(end) => {
                let is_idle = self.nodes.outstanding() == 0;
                ensure("I1", is_idle, || format!("job {id}: completed with something left on a node"))?;
                let at_once = end.at == self.stamps.entered();
                ensure("E8", at_once, || format!("job {id}: ended at another time"))
            }
            JobState::Living(Living::Disabled) => {
                let is_idle = self.task_counts().running == 0;
                ensure("G1", is_idle, || format!("job {id}: disabled with a task on a node"))
            }
            JobState::Living(Living::Active | Living::Disabling(_) | Living::Enabling)
            | JobState::Ending(_) => Ok(()),
        }
    }

    fn check_nodes(&self) -> Result<(), Violation> {
        for (node, record) in self.nodes.iter() {
            self.check_node_tasks(node, record)?;
            self.check_readiness(node, record)?;
            self.check_runs(node, record)?;
        }
        Ok(())
    }

    fn check_node_tasks(&self, node: &NodeId, record: &JobNode) -> Result<(), Violation> {
        let id = self.id();
        for (task, run) in &record.tasks {
            let found = self.task(task);
            let assignment = found.and_then(|task| task.state().assignment());
            let here = assignment.is_some_and(|assignment| {
                assignment.run == *run
                    && assignment.placement.node == *node
                    && assignment.placement.pool == record.pool
            });
            ensure("I6", here && *run <= self.last_run, || {
                format!("job {id}: task {task} is not on node {node}")
            })?;
            let is_preparing = found.is_some_and(|task| task.state().is_preparing());
            ensure("K1", is_preparing == record.preparing().is_some(), || {
                format!("job {id}: task {task} is out of step with node {node}")
            })?;
        }
        Ok(())
    }

    /// K1, E5: where tasks can start, or have run, the preparation ran to completion.
    fn check_readiness(&self, node: &NodeId, record: &JobNode) -> Result<(), Violation> {
        let id = self.id();
        let ended = record.preparation.as_ref().map(|run| !run.in_progress());
        let fits = match (self.template().preparation.is_some(), record.readiness) {
            (false, Readiness::Ready { .. }) => ended.is_none(),
            (false, Readiness::Unprepared | Readiness::Rebooted { .. } | Readiness::Barred { .. }) => false,
            (true, Readiness::Ready { .. } | Readiness::Barred { .. }) => ended == Some(true),
            (true, Readiness::Rebooted { .. }) => ended.is_some(),
            (true, Readiness::Unprepared) => true,
        };
        ensure("E5", fits, || format!("job {id}: node {node} cannot be {:?}", record.readiness))?;
        let runs_tasks = !record.tasks.is_empty() && record.preparing().is_none();
        let can_run = !runs_tasks || record.readiness == Readiness::Ready { ran_tasks: true };
        ensure("K1", can_run, || format!("job {id}: tasks run on node {node}, which is not ready"))
    }

    /// E5, E7: a release runs in ending jobs alone, and only there and once nothing else of the job does.
    fn check_runs(&self, node: &NodeId, record: &JobNode) -> Result<(), Violation> {
        let id = self.id();
        let is_living = matches!(self.state, JobState::Living(_));
        let has_release = record.release.is_some();
        ensure("E5", !has_release || (!is_living && self.template().release.is_some()), || {
            format!("job {id}: a release without cause on node {node}")
        })?;
        let alone = record.tasks.is_empty() && record.preparing().is_none();
        ensure("E5", record.releasing().is_none() || alone, || {
            format!("job {id}: releases node {node} while something is there")
        })?;
        let stops = record.release.as_ref().is_some_and(NodeRun::is_stopping);
        ensure("E6", !stops, || format!("job {id}: the release on node {node} cannot be stopping"))?;
        let preparation_stops = record.preparation.as_ref().is_some_and(NodeRun::is_stopping);
        ensure("E3", !preparation_stops || self.state.is_ending(), || {
            format!("job {id}: the preparation on node {node} is stopping without cause")
        })?;
        for run in [&record.preparation, &record.release].into_iter().flatten() {
            let in_order = match run.state {
                NodeRunState::Issued { .. } => true,
                NodeRunState::Running { start_time, .. } => start_time <= record.latest,
                NodeRunState::Completed { start_time, end_time, .. } => {
                    start_time.is_none_or(|start| start <= end_time) && end_time <= record.latest
                }
            };
            ensure("I3", in_order && run.number <= self.last_run, || {
                format!("job {id}: a run on node {node} is out of order")
            })?;
        }
        Ok(())
    }

    fn check_task(&self, task: &Task) -> Result<(), Violation> {
        let (id, name) = (self.id(), task.id());
        let in_order = task.stamps().are_in_order();
        ensure("I3", in_order, || format!("job {id}: stamps of task {name} go back"))?;
        ensure("I3", task.has_fitting_history(), || {
            format!("job {id}: the history of task {name} does not fit it")
        })?;
        let valid = task.specification().validate().is_ok();
        ensure("B5", valid, || format!("job {id}: task {name} needs no slot"))?;
        if let TaskState::Running { start_time: Some(start), .. } = task.state() {
            let restamped = *start == task.stamps().entered();
            ensure("K2", restamped, || format!("job {id}: task {name} started at another time"))?;
        }
        match task.state() {
            TaskState::Active => Ok(()),
            TaskState::Preparing(assignment) | TaskState::Running { assignment, .. } => {
                let record = self.nodes.get(&assignment.placement.node);
                let here = record.is_some_and(|record| record.tasks.contains_key(name));
                ensure("I6", here, || {
                    format!("job {id}: node {} does not have task {name}", assignment.placement.node)
                })
            }
            TaskState::Completed(completion) => {
                let fits = completion.is_consistent() && completion.end_time <= task.stamps().entered();
                ensure("K3", fits, || format!("job {id}: the end of task {name} contradicts itself"))
            }
        }
    }
}

#[cfg(feature = "serde")]
mod stored {
    //! A stored job is checked before it is used, so that nothing later can go wrong because of it.

    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

    use crate::job::resource::Job;

    impl Serialize for Job {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            Self::serialize(self, serializer)
        }
    }

    impl<'de> Deserialize<'de> for Job {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            let job = Self::deserialize(deserializer)?;
            job.check_stored().map_err(D::Error::custom)?;
            Ok(job)
        }
    }
}
