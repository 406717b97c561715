//! What the oracle takes over from the account instead of predicting it, with a check that it is allowed.

use azbatch::{
    Account, Effect, JobId, NodeId, Timestamp,
    job::{AutoPoolFailure, PoolInfo, PoolLifetime, Unit},
    node::{NodeAction, NodeTasks, Stage},
    pool::PoolState,
    task::TaskStop,
    testing::{Call, Refused},
};

use super::{
    Answer, Refusal,
    model::{Job, Oracle, Pool},
};

/// Whether a request about a pool is accepted.
pub(super) fn answer(result: &Result<Vec<Effect>, Refused>) -> Answer {
    result.as_ref().map(drop).map_err(|_| Refusal::Followed)
}

impl Oracle {
    /// Takes over what the account chose in a call.
    pub(super) fn follow(&mut self, call: &Call, account: &Account, now: Timestamp) -> Vec<String> {
        let mut wrong = Vec::new();
        self.follow_leaving(Some(call), account, now);
        self.follow_kinds(account);
        self.follow_shared_pools(account, &mut wrong);
        self.follow_numbers(account, &mut wrong);
        let pools = account.pools().map(|pool| {
            let specification = pool.specification();
            let followed = Pool {
                slots: specification.task_slots_per_node,
                fill: specification.node_fill_type,
                deleting: pool.state() == PoolState::Deleting,
            };
            (pool.id().clone(), followed)
        });
        self.pools = pools.collect();
        wrong
    }

    /// P3, P16, P20: which nodes leave a pool of the account, and what becomes of their tasks. For a node that a request
    /// names, the request says it.
    pub(super) fn follow_leaving(&mut self, call: Option<&Call>, account: &Account, now: Timestamp) {
        for node in self.nodes.keys().cloned().collect::<Vec<_>>() {
            let Some(found) = account.node(&node) else { continue };
            let is_named = match call {
                Some(Call::RemoveNodes(_, command)) => command.nodes.contains(&node),
                _ => false,
            };
            let leaves = matches!(found.state().action(), Some((NodeAction::Remove, _)));
            let is_new = leaves && !self.nodes[&node].is_leaving();
            if !self.pools.contains_key(found.pool()) || !(is_new || (leaves && is_named)) {
                continue;
            }
            let tasks = match call {
                Some(Call::RemoveNodes(_, command)) => command.tasks,
                Some(Call::ResizePool(_, command)) => command.tasks,
                Some(Call::DeletePool(..)) => NodeTasks::Requeue,
                _ => self.seen_option(account, &node),
            };
            // T3: it leaves at the instant at which its pool was changed.
            self.ask(&node, NodeAction::Remove, tasks, found.stamps().entered().max(now));
        }
    }

    /// A formula says what becomes of the tasks; what the account made of one of them shows it.
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

    /// P2: whether a new node is a dedicated one depends on what its pool is to have.
    fn follow_kinds(&mut self, account: &Account) {
        for (id, node) in &mut self.nodes {
            node.dedicated = account.node(id).is_none_or(azbatch::Node::is_dedicated);
        }
    }

    /// P19: which pool the host has made.
    pub(super) fn follow_auto_pool(
        &mut self,
        id: &JobId,
        result: &Result<Vec<Effect>, Refused>,
        account: &Account,
    ) -> Answer {
        if result.is_ok()
            && let Some(job) = self.jobs.get_mut(id).filter(|job| wants_pool(job))
        {
            job.pool = account.job(id).and_then(|job| job.pool()).cloned();
        }
        answer(result)
    }

    /// P19: the jobs of a schedule share a pool that is there.
    fn follow_shared_pools(&mut self, account: &Account, wrong: &mut Vec<String>) {
        for job in self.jobs.values_mut().filter(|job| wants_pool(job)) {
            let Some(pool) = account.job(&job.id).and_then(|job| job.pool()) else { continue };
            let shares = match &job.settings.pool {
                PoolInfo::Auto(auto) => auto.lifetime == PoolLifetime::JobSchedule,
                PoolInfo::Named(_) => false,
            };
            if !shares {
                wrong.push(format!("P19: job {} has pool {pool}, which it does not share", job.id));
            }
            job.pool = Some(pool.clone());
        }
    }

    /// X9
    pub(super) fn refuse_auto_pool(&mut self, id: &JobId, failure: &AutoPoolFailure) -> Answer {
        if let Some(job) = self.jobs.get_mut(id).filter(|job| wants_pool(job)) {
            job.pool_failure = Some(failure.clone());
        }
        Ok(())
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

/// P19: it asks for a pool, has none yet, and can use one.
pub(super) fn wants_pool(job: &Job) -> bool {
    let asks = matches!(job.settings.pool, PoolInfo::Auto(_));
    asks && job.is_living() && job.pool.is_none() && job.pool_failure.is_none()
}
