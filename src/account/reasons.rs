//! Why something has not happened yet: a job has not ended, a task is not running.
//!
//! What a job knows by itself is in `job/not_ended.rs` and `job/not_running.rs`; here is what follows from
//! pools and nodes. All reasons come from the decisions that ticks and the scheduler make.

use alloc::{collections::BTreeMap, vec::Vec};

use crate::{
    Clock, Timestamp,
    account::{resource::Account, slots::obstacle},
    id::{JobId, NodeId, PoolId, TaskId},
    job::{Job, NodeObstacle, NotEnded, NotRunning},
    node::Node,
    pool::{Pool, PoolState},
    task::{Assignment, Task, TaskState},
};

impl Account {
    /// Why a job has not ended: what it waits for. Empty if it is completed; `None` if there is no such
    /// job.
    ///
    /// The list is short: at most two reasons for each node that has something of the job, by node, and a
    /// few others. Active tasks are one reason, and so are the tasks on one node, however many there are.
    /// It visits each of the job's nodes and its tasks on nodes, and no other task.
    pub fn why_not_ended(&self, job: &JobId, clock: impl Clock) -> Option<Vec<NotEnded>> {
        let state_of = |node: &NodeId| self.nodes.get(node).map(Node::state_name);
        Some(self.jobs.get(job)?.why_not_ended(state_of, clock.now()))
    }

    /// Why a task is not running. Empty if it is running or completed; `None` if there is no such task.
    ///
    /// What keeps it from every node comes first, then what keeps it from the nodes of its pool. If a node
    /// can take it, there is only what comes before it, and that node.
    ///
    /// The list is short: tasks that it depends on, and nodes that cannot take it, are one reason for each
    /// cause, however many there are. It visits each task that the task names, and at most twice
    /// each node of the pool.
    pub fn why_not_running(&self, job: &JobId, task: &TaskId, clock: impl Clock) -> Option<Vec<NotRunning>> {
        let job = self.jobs.get(job)?;
        let task = job.task(task)?;
        Some(match task.state() {
            TaskState::Active => self.why_not_assigned(job, task, clock.now()),
            TaskState::Preparing(assignment) => self.why_preparing(job, assignment),
            TaskState::Running { .. } | TaskState::Completed(_) => Vec::new(),
        })
    }

    /// K1
    fn why_preparing(&self, job: &Job, assignment: &Assignment) -> Vec<NotRunning> {
        let node = assignment.placement.node.clone();
        let node_state = self.nodes.get(&node).map(Node::state_name);
        let mut reasons = Vec::from([NotRunning::Preparation { node, node_state }]);
        if job.state().is_ending() || assignment.stop.is_some() {
            reasons.push(NotRunning::Stopping); // E3, K6
        }
        reasons
    }

    fn why_not_assigned(&self, job: &Job, task: &Task, now: Timestamp) -> Vec<NotRunning> {
        let mut reasons = job.why_not_assigned(task, now);
        let Some(pool) = job.pool().filter(|_| job.end_time().is_none() && !job.state().is_ending()) else {
            return reasons;
        };
        match self.node_for(pool, job, task, self.fill_type(pool)) {
            Some(node) if reasons.is_empty() => {
                self.name_what_is_first(&mut reasons, pool, job, task, node, now);
            }
            Some(_) => {}
            None => self.name_nodes(&mut reasons, pool, job, task),
        }
        reasons
    }

    /// P1: a node can take the task, so the scheduler gives it one unless the node fills up before.
    fn name_what_is_first(
        &self,
        reasons: &mut Vec<NotRunning>,
        pool: &PoolId,
        job: &Job,
        task: &Task,
        node: &Node,
        now: Timestamp,
    ) {
        let first_job = self.index.next_in_queue(pool, None).map(|place| &place.job);
        if let Some(first) = first_job.filter(|first| *first != job.id()) {
            reasons.push(NotRunning::JobFirst(first.clone()));
        }
        let first_task = job.ready_after(None).find(|task| !task.has_expired(now)).map(Task::id);
        if let Some(first) = first_task.filter(|first| *first != task.id()) {
            reasons.push(NotRunning::TaskFirst(first.clone()));
        }
        reasons.push(NotRunning::Scheduling(node.id().clone()));
    }

    /// Why no node of the pool can take the task.
    fn name_nodes(&self, reasons: &mut Vec<NotRunning>, pool: &PoolId, job: &Job, task: &Task) {
        let found = self.pools.get(pool);
        let has_nodes = self.nodes_of(pool).next().is_some();
        match found.map(Pool::state) {
            None if !has_nodes => reasons.push(NotRunning::NoPool(pool.clone())),
            Some(PoolState::Deleting) => reasons.push(NotRunning::PoolDeleting(pool.clone())),
            Some(PoolState::Active) if !has_nodes => reasons.push(NotRunning::NoNodes(pool.clone())),
            Some(PoolState::Active) | None => {}
        }
        if let Some(found) = found.filter(|pool| pool.waits_for_nodes()) {
            let missing = found.target().missing_from(self.node_counts(pool)).total();
            if missing > 0 {
                reasons.push(NotRunning::PoolResizing { pool: pool.clone(), missing });
            }
        }
        let mut nodes: BTreeMap<NodeObstacle, (&NodeId, u64)> = BTreeMap::new();
        for node in self.nodes_of(pool) {
            if let Some(obstacle) = obstacle(job, task, node) {
                nodes.entry(obstacle).or_insert((node.id(), 0)).1 += 1;
            }
        }
        let grouped = nodes.into_iter();
        reasons.extend(grouped.map(|(obstacle, (first, count))| NotRunning::Nodes {
            obstacle,
            first: first.clone(),
            count,
        }));
    }
}
