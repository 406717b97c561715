//! Why a job has not ended and why a task is not running: what is told must be so, and nothing else. What is told of each
//! node that cannot take a task is not compared.

use std::collections::BTreeSet;

use azbatch::{
    Account, NodeId, Timestamp,
    job::{JobStateName, NotEnded, NotRunning, OnAllTasksComplete, ParallelLimit},
    task::TaskStateName,
};

use super::{
    compare::Lines,
    model::{Job, Oracle, Task},
    placing::is_too_old,
    tasks::are_all_completed,
    ticks::automatic_end,
};

impl Oracle {
    pub(super) fn reasons(&self, job: &Job, account: &Account, now: Timestamp) -> Vec<String> {
        let of = || format!("job {}, why not ended", job.id);
        let mut lines = Lines::new(&of);
        let told = account.why_not_ended(&job.id, now).unwrap_or_default();
        let is_completed = job.state == JobStateName::Completed; // I1
        lines.add("no reasons", is_completed, told.is_empty());
        lines.add("the next tick", self.moves_on(job, now), told.contains(&NotEnded::Tick)); // S1
        let of_node = |reason: &NotEnded| match reason {
            NotEnded::Node(wait) => Some(wait.node.clone()),
            _ => None,
        };
        let nodes: BTreeSet<NodeId> = told.iter().filter_map(of_node).collect();
        if job.is_ending() && !self.moves_on(job, now) {
            lines.add("nodes", self.awaited_nodes(job).into_iter().collect(), nodes); // E9
        }
        let waiting = job.tasks.values().filter(|task| task.state == TaskStateName::Active);
        let of_tasks = waiting.flat_map(|task| self.why_not_running(job, task, account, now));
        lines.found.into_iter().chain(of_tasks).collect()
    }

    /// S1, X6, X7, E8, F1: whether ticks alone bring it nearer to its end now.
    fn moves_on(&self, job: &Job, now: Timestamp) -> bool {
        let ends_with_tasks = job.settings.on_all_tasks_complete == OnAllTasksComplete::TerminateJob;
        if job.is_living() {
            return automatic_end(job, now).is_some() || (ends_with_tasks && are_all_completed(job));
        }
        let gives_up = job.force_deadline.is_some_and(|deadline| deadline <= now);
        job.is_ending() && (gives_up || self.awaited_nodes(job).is_empty())
    }

    fn why_not_running(&self, job: &Job, task: &Task, account: &Account, now: Timestamp) -> Vec<String> {
        let of = || format!("job {}, task {}, why not running", job.id, task.id);
        let mut lines = Lines::new(&of);
        let told = account.why_not_running(&job.id, &task.id, now).unwrap_or_default();
        let has = |is_it: fn(&NotRunning) -> bool| told.iter().any(is_it);
        let of_state = |reason: &NotRunning| match reason {
            NotRunning::JobNotActive(state) => Some(*state),
            _ => None,
        };
        let state = (job.state != JobStateName::Active).then_some(job.state); // E10, G1
        lines.add("the job's state", state, told.iter().find_map(of_state));
        let is_old = job.is_living() && is_too_old(task, now); // K13
        lines.add("age", is_old, told.contains(&NotRunning::Expired));
        let waits = job.is_living() && !job.are_dependencies_met(task); // K9
        let depends =
            has(|reason| matches!(reason, NotRunning::DependsOn { .. } | NotRunning::DependsOnRange { .. }));
        lines.add("dependencies", waits, depends);
        let limit = match job.settings.max_parallel_tasks {
            ParallelLimit::AtMost(limit) if job.is_living() && job.on_nodes() >= limit as usize => {
                Some(limit)
            }
            ParallelLimit::AtMost(_) | ParallelLimit::Unlimited => None,
        };
        let of_limit = |reason: &NotRunning| match reason {
            NotRunning::ParallelLimit { limit } => Some(*limit),
            _ => None,
        };
        lines.add("parallel limit", limit, told.iter().find_map(of_limit));
        // P1: the node that the scheduler would take now.
        let nodes = job.pool.as_ref().map(|pool| self.by_preference(pool)).unwrap_or_default();
        let node = nodes.into_iter().find(|node| self.obstacles(&job.id, &task.id, node, now).is_empty());
        let of_scheduling = |reason: &NotRunning| match reason {
            NotRunning::Scheduling(node) => Some(node.clone()),
            _ => None,
        };
        lines.add("the scheduler", node, told.iter().find_map(of_scheduling));
        lines.found
    }
}
