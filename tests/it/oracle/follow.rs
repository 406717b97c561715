//! What the oracle takes over from the account instead of predicting it, with a check that it is allowed.

use std::collections::BTreeMap;

use azbatch::{
    Account, Effect, JobId, NodeId, PoolId, Timestamp,
    job::Unit,
    node::{NodeAction, NodeTasks, Stage},
    pool::{AllocationState, NodeCounts, PoolState},
    task::TaskStop,
    testing::{Call, Refused},
};

use super::{
    Answer, Refusal,
    model::{Node, Oracle},
    pools::{Pool, missing},
};

/// Whether a request about a user of a node is accepted.
pub(super) fn answer(result: &Result<Vec<Effect>, Refused>) -> Answer {
    result.as_ref().map(drop).map_err(|_| Refusal::Followed)
}

impl Oracle {
    /// Takes over what the account chose in a call, if it was accepted. Returns what it may not choose.
    pub(super) fn follow(
        &mut self,
        accepted: Option<&Call>,
        on_the_way: &BTreeMap<PoolId, NodeCounts>,
        account: &Account,
        now: Timestamp,
    ) -> Vec<String> {
        let mut wrong = Vec::new();
        let is_due = |pool: &&Pool| pool.next_evaluation.is_some_and(|due| due <= now);
        let scaled: Vec<PoolId> = match accepted {
            Some(Call::Tick) => self.pools.values().filter(is_due).map(|pool| pool.id.clone()).collect(),
            Some(Call::EnableAutoScale(pool, _) | Call::AddAutoPool(_, pool)) => vec![pool.clone()],
            Some(Call::AddPool(command)) => vec![command.specification.id.clone()],
            _ => Vec::new(),
        };
        for pool in scaled {
            wrong.extend(self.follow_formula(&pool, on_the_way, account, now));
        }
        self.follow_numbers(account, &mut wrong);
        wrong
    }

    /// P16: how many nodes a formula asks for, and which nodes tasks then go to; nothing if it fails. The rest is as in
    /// any resize. The pool is resized if it does not have these nodes and they are not on their way: at the instant of
    /// the request that enabled the formula, and at a tick at an instant of its own.
    fn follow_formula(
        &mut self,
        pool: &PoolId,
        on_the_way: &BTreeMap<PoolId, NodeCounts>,
        account: &Account,
        now: Timestamp,
    ) -> Option<String> {
        let found = account.pool(pool)?;
        let have = self.node_counts(pool);
        let is_leaving = |node: &NodeId| self.nodes.get(node).is_some_and(Node::is_leaving);
        let leaving = account.nodes_of(pool).filter(|node| node.state().is_leaving());
        let leaving: Vec<NodeId> =
            leaving.map(|node| node.id().clone()).filter(|node| !is_leaving(node)).collect();
        let scales = |pool: &&mut Pool| pool.state == PoolState::Active && pool.scales_since.is_some();
        let oracle = self.pools.get_mut(pool).filter(scales)?;
        let has_failed = found.auto_scale()?.run()?.error.is_some();
        if has_failed {
            oracle.evaluated(oracle.next(now));
            return None;
        }
        oracle.fill = found.specification().node_fill_type;
        let is_new = found.target() != oracle.target;
        oracle.target = found.target();
        let mut surplus = self.surplus(pool);
        surplus.sort();
        let oracle = self.pools.get_mut(pool)?;
        let on_the_way = on_the_way.get(pool).copied().unwrap_or_default();
        let lacks = missing(missing(oracle.target, have), on_the_way).total() > 0;
        if !is_new && !lacks && surplus.is_empty() {
            oracle.evaluated(oracle.next(now));
            return None;
        }
        let is_at_once = oracle.scales_since == Some(oracle.next(now));
        let at = if is_at_once { oracle.times.modified } else { oracle.modify(now) };
        oracle.allocate(AllocationState::Resizing, at);
        oracle.evaluated(at);
        for node in &surplus {
            let tasks = self.seen_option(account, node);
            self.ask(node, NodeAction::Remove, tasks, at);
        }
        let differ = surplus != leaving;
        differ.then(|| format!("P3: pool {pool}: oracle: {surplus:?} leave, account: {leaving:?}"))
    }

    /// P16: the formula says what becomes of the tasks; what the account made of one of them shows it.
    fn seen_option(&self, account: &Account, node: &NodeId) -> NodeTasks {
        let stage = account.node(node).and_then(|node| node.state().action());
        if let Some((_, Stage::Waiting { retained_data: true })) = stage {
            return NodeTasks::RetainedData;
        }
        let is_free = |(job, task): &(JobId, azbatch::TaskId)| {
            let stay = self.jobs[job].tasks[task].on.as_ref();
            !self.jobs[job].is_ending() && stay.is_some_and(|stay| stay.stop.is_none())
        };
        let told = self.tasks_on(node).into_iter().find(is_free);
        match told.and_then(|(job, task)| account.task(&job, &task)?.stop()) {
            Some(TaskStop::Terminate) => NodeTasks::Terminate,
            Some(TaskStop::Requeue) => NodeTasks::Requeue,
            Some(TaskStop::WallClockTime | TaskStop::Delete) | None => NodeTasks::TaskCompletion,
        }
    }

    /// The numbers of new runs. No job has had a greater one, not even an earlier job of the same id (E10).
    fn follow_numbers(&mut self, account: &Account, wrong: &mut Vec<String>) {
        for job in self.jobs.values_mut() {
            let last = self.numbers.entry(job.id.clone()).or_default();
            let mut new = Vec::new();
            let mut take = |node: &NodeId, unit: Unit, number: &mut u64| {
                if *number == 0
                    && let Some(run) = account.current_run(&job.id, node, &unit)
                {
                    *number = run.number;
                    new.push(run.number);
                }
            };
            for (node, visit) in &mut job.visits {
                if let Some(run) = &mut visit.preparation {
                    take(node, Unit::Preparation, &mut run.number);
                }
                if let Some(run) = &mut visit.release {
                    take(node, Unit::Release, &mut run.number);
                }
            }
            for task in job.tasks.values_mut() {
                if let Some(stay) = &mut task.on {
                    take(&stay.node, Unit::Task(task.id.clone()), &mut stay.number);
                }
            }
            new.sort_unstable();
            let are_new = new.first().is_none_or(|first| first > last);
            let differ = new.windows(2).all(|pair| pair[0] < pair[1]);
            if !are_new || !differ {
                wrong.push(format!("E10: job {} has runs {new:?} after {last}", job.id));
            }
            *last = new.last().copied().unwrap_or(*last);
        }
    }
}
