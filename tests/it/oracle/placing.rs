//! Which task goes where.

use std::cmp::Reverse;

use azbatch::{
    JobId, NodeId, PoolId, TaskId, TimeSpan, Timestamp,
    job::{NotAssigned, ParallelLimit},
    node::Contact,
    pool::NodeFillType,
    task::TaskStateName,
};

use super::{
    Answer, Refusal,
    model::{Node, Oracle, Run, Stay, Task, Visit, needs},
    tasks::assigns,
};

impl Oracle {
    /// The host assigns a task. The rules do not say which of several reasons against it is told.
    pub(super) fn assign(&mut self, job: &JobId, task: &TaskId, node: &NodeId, now: Timestamp) -> Answer {
        let obstacles = self.obstacles(job, task, node, now);
        if !obstacles.is_empty() {
            return Err(Refusal::NotAssigned(obstacles));
        }
        self.place(job, task, node, now);
        Ok(())
    }

    /// P1: pool by pool; in a pool jobs by priority, then by creation, then by id (P4); their tasks by creation, also
    /// those that were requeued. Each to the best node that can take it now; one that fits nowhere holds up none (P4).
    pub(super) fn schedule(&mut self, now: Timestamp) -> Answer {
        let turn = |job: &super::model::Job| {
            (job.pool.clone(), Reverse(job.settings.priority), job.received, job.id.clone())
        };
        let mut turns: Vec<_> = self.jobs.values().filter(|job| assigns(job)).map(turn).collect();
        turns.sort();
        for (pool, _, _, job) in turns {
            let Some(pool) = pool else { continue };
            let mut tasks: Vec<&Task> = self.jobs[&job].tasks.values().collect();
            tasks.retain(|task| task.state == TaskStateName::Active);
            tasks.sort_by_key(|task| task.sequence);
            let tasks: Vec<TaskId> = tasks.into_iter().map(|task| task.id.clone()).collect();
            for task in tasks {
                let nodes = self.by_preference(&pool);
                let fits = |node: &&NodeId| self.obstacles(&job, &task, node, now).is_empty();
                if let Some(node) = nodes.iter().find(fits) {
                    self.place(&job, &task, node, now);
                }
            }
        }
        Ok(())
    }

    /// P1: `Spread` takes the node with the most free slots, `Pack` the one with the fewest; of equals, the first by id.
    pub(super) fn by_preference(&self, pool: &PoolId) -> Vec<NodeId> {
        let packs = self.pools.get(pool).is_some_and(|pool| pool.fill == NodeFillType::Pack);
        let mut nodes: Vec<&Node> = self.nodes.values().filter(|node| node.pool == *pool).collect();
        nodes.sort_by_key(|node| {
            let free = i64::from(node.slots) - i64::from(self.taken_slots(&node.id));
            (if packs { free } else { -free }, node.id.clone())
        });
        nodes.into_iter().map(|node| node.id.clone()).collect()
    }

    /// All that keeps a task from a node.
    pub(super) fn obstacles(
        &self,
        job: &JobId,
        task: &TaskId,
        node: &NodeId,
        now: Timestamp,
    ) -> Vec<NotAssigned> {
        let Some(job) = self.jobs.get(job) else { return vec![NotAssigned::NoJob] };
        let mut found = Vec::new();
        let mut add = |applies: bool, obstacle| found.extend(applies.then_some(obstacle));
        add(!assigns(job), NotAssigned::JobNotActive); // E10, G1
        let limit = match job.settings.max_parallel_tasks {
            ParallelLimit::AtMost(limit) => limit as usize,
            ParallelLimit::Unlimited => usize::MAX,
        };
        add(job.on_nodes() >= limit, NotAssigned::TooManyParallelTasks);
        let (task, node) = (job.tasks.get(task), self.nodes.get(node));
        add(task.is_none(), NotAssigned::NoTask);
        add(node.is_none(), NotAssigned::NoNode);
        if let Some(task) = task {
            add(task.state != TaskStateName::Active, NotAssigned::TaskNotActive);
            add(is_too_old(task, now), NotAssigned::TaskExpired);
            add(!job.are_dependencies_met(task), NotAssigned::DependencyNotMet); // K9
        }
        if let Some(node) = node {
            add(job.pool.as_ref() != Some(&node.pool), NotAssigned::OtherPool);
            let is_barred = job.visits.get(&node.id).is_some_and(|visit| visit.barred);
            add(is_barred, NotAssigned::NodeBarred); // N7
            // N4, N8, N9
            let is_ready = node.contact() == Contact::Answering && node.action.is_none() && node.takes_tasks;
            add(!is_ready, NotAssigned::NodeNotReady);
        }
        if let (Some(task), Some(node)) = (task, node) {
            let free = node.slots.saturating_sub(self.taken_slots(&node.id));
            add(needs(task, node) > free, NotAssigned::NoSlots); // I6, P5
            let manager = job.template.manager.as_ref();
            let needs_dedicated = manager.is_some_and(|manager| {
                manager.id == task.id && !manager.allow_low_priority_node && !job.manager_deleted
            });
            add(needs_dedicated && !node.dedicated, NotAssigned::DedicatedNodeNeeded); // P5
        }
        found
    }

    /// K1: preparing while the preparation is not completed there, else running.
    fn place(&mut self, job: &JobId, task: &TaskId, node: &NodeId, now: Timestamp) {
        let place = &self.nodes[node];
        let (pool, node) = (place.pool.clone(), place.id.clone());
        let found = self.jobs.get_mut(job).unwrap();
        let prepares = found.template.preparation.is_some();
        let visit = found.visits.entry(node.clone()).or_insert_with(|| Visit::new(&pool, prepares));
        visit.pool = pool.clone();
        let is_ready = visit.prepared && !visit.rebooted;
        if is_ready {
            visit.ran = true;
        } else if visit.preparation.as_ref().is_none_or(|run| run.end.is_some()) {
            visit.preparation = Some(Run::new(0)); // K1, N1, N2: once for all tasks that wait there.
        }
        let state = if is_ready { TaskStateName::Running } else { TaskStateName::Preparing };
        let task = found.tasks.get_mut(task).unwrap();
        let at = task.times.next(now);
        task.enter(state, at);
        task.on = Some(Stay { pool, node: node.clone(), number: 0, stop: None });
        self.show(&node, at);
    }
}

impl Visit {
    /// Without a preparation task a node is prepared as it is.
    pub(super) fn new(pool: &PoolId, prepares: bool) -> Self {
        Self {
            pool: pool.clone(),
            prepared: !prepares,
            rebooted: false,
            barred: false,
            ran: false,
            preparation: None,
            release: None,
            latest: Timestamp::MIN,
        }
    }
}

/// K13: 180 days after its addition.
pub(super) fn is_too_old(task: &Task, now: Timestamp) -> bool {
    let life = TimeSpan::from_secs(180 * 24 * 60 * 60);
    task.times.created.checked_add(life).is_some_and(|end| end <= now)
}
