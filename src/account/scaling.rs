//! Pools that scale by a formula: requests, samples and evaluations.

use alloc::vec::Vec;

use crate::{
    BatchError, Clock, ErrorCode, Timestamp,
    account::resource::Account,
    autoscale::{Evaluation, EvaluationError, Formula, FormulaError, Metric, Metrics, Sample},
    id::PoolId,
    job::{Effect, Instruction, Job, JobState},
    node::{Node, NodeStateName},
    pool::{
        AllocationState, AutoScale, AutoScaleRun, AutoScaleSettings, EnableAutoScale, NodeCounts, Pool,
        PoolFact, PoolSample,
    },
};

impl Account {
    /// Lets a pool scale by a formula, or changes how. The formula is evaluated at once
    /// ([P15](crate::evidence#p15), [P16](crate::evidence#p16)).
    ///
    /// # Errors
    /// `PoolNotFound`, `PoolBeingDeleted`; `PoolBeingResized` for a pool that does not scale by a formula so far;
    /// `TooManyEnableAutoScaleRequests`; `InvalidAutoScalingSettings` without a formula;
    /// `ConditionNotMet`.
    pub fn enable_auto_scale(
        &mut self,
        pool: &PoolId,
        command: &EnableAutoScale,
        clock: impl Clock,
    ) -> Result<Vec<Effect>, BatchError> {
        let now = clock.now();
        let found = self.require_pool(pool)?;
        let settings = next_settings(found, command, now)?;
        command.preconditions.check_write(found.stamps().modified())?;
        // Nothing below can fail.

        let (pool, at) = (found.id().clone(), found.next_modified_stamp(now));
        let restarts = found.auto_scale().is_none() || command.evaluation_interval.is_some();
        let on_the_way = self.on_the_way(&pool);
        let mut effects = self.buffer.take();
        self.emit_pool(&mut effects, &pool, PoolFact::AutoScaleEnabled { settings, restarts, at });
        self.sample_pool(&mut effects, &pool, at);
        self.evaluate_pool(&mut effects, &pool, at, on_the_way, at);
        Ok(effects)
    }

    /// Ends the scaling of a pool by a formula; it keeps its target ([P15](crate::evidence#p15)).
    ///
    /// # Errors
    /// `PoolNotFound`, `PoolBeingDeleted`.
    pub fn disable_auto_scale(
        &mut self,
        pool: &PoolId,
        clock: impl Clock,
    ) -> Result<Vec<Effect>, BatchError> {
        let now = clock.now();
        let found = self.require_pool(pool)?;
        found.require_active()?;
        // Nothing below can fail.

        let (pool, at) = (found.id().clone(), found.next_modified_stamp(now));
        let on_the_way = self.on_the_way(&pool);
        let mut effects = self.buffer.take();
        self.emit_pool(&mut effects, &pool, PoolFact::AutoScaleDisabled { at });
        self.ask_for_more_nodes(&mut effects, &pool, on_the_way);
        Ok(effects)
    }

    /// What a formula would make of a pool that scales by a formula. Nothing changes
    /// ([P17](crate::evidence#p17)).
    ///
    /// # Errors
    /// `AutoScalingFormulaTooLong`, `PoolNotFound`, `PoolBeingDeleted`; `OperationInvalidForCurrentState`
    /// for a pool that does not scale by a formula.
    pub fn evaluate_auto_scale(
        &self,
        pool: &PoolId,
        formula: &str,
        clock: impl Clock,
    ) -> Result<AutoScaleRun, BatchError> {
        let timestamp = clock.now();
        let formula = match Formula::parse(formula) {
            Err(FormulaError::TooLong) => return Err(ErrorCode::AutoScalingFormulaTooLong.into()),
            Err(FormulaError::Syntax { line, column, what }) => {
                Err(EvaluationError { line, column, is_insufficient_data: false, what })
            }
            Ok(formula) => Ok(formula),
        };
        let found = self.require_pool(pool)?;
        found.require_active()?;
        if found.auto_scale().is_none() {
            return Err(BatchError::invalid_for_state("The pool does not scale by a formula"));
        }
        let metrics = self.pool_metrics(found, timestamp);
        let (evaluation, error) = match formula {
            Ok(formula) => (formula.evaluate(&metrics), None),
            Err(error) => (Formula::default().evaluate(&metrics), Some(error)),
        };
        let results = evaluation.results();
        Ok(AutoScaleRun { timestamp, results, error: error.or(evaluation.error) })
    }

    /// Samples a pool and evaluates its formula, as far as either is due (P16, P18).
    pub(super) fn scale_pool(&mut self, effects: &mut Vec<Effect>, id: &PoolId, now: Timestamp) {
        self.sample_pool(effects, id, now);
        let evaluates = |pool: &&Pool| {
            let due = pool.auto_scale().and_then(AutoScale::next_evaluation);
            due.is_some_and(|due| due <= now)
        };
        if let Some(resized) = self.pools.get(id).filter(evaluates).map(|pool| pool.scaled_stamp(now)) {
            let on_the_way = self.on_the_way(id);
            self.evaluate_pool(effects, id, now, on_the_way, resized);
        }
    }

    /// Counts what the pool has now, if that is due (P18).
    fn sample_pool(&mut self, effects: &mut Vec<Effect>, id: &PoolId, now: Timestamp) {
        let Some(pool) = self.pools.get(id) else { return };
        let due = pool.auto_scale().and_then(AutoScale::next_sample);
        if due.is_some_and(|due| due <= now) {
            let sample = self.count_pool(pool, now);
            self.emit_pool(effects, id, PoolFact::Sampled { sample });
        }
    }

    /// Evaluates the pool's formula. A resize that follows is stamped with `resized`.
    fn evaluate_pool(
        &mut self,
        effects: &mut Vec<Effect>,
        id: &PoolId,
        now: Timestamp,
        on_the_way: NodeCounts,
        resized: Timestamp,
    ) {
        let Some(pool) = self.pools.get(id) else { return };
        let Some(auto_scale) = pool.auto_scale() else { return };
        let stamp = pool.next_stamp(now);
        let evaluation = auto_scale.settings().formula.evaluate(&self.pool_metrics(pool, stamp));
        let resize = self.needs_resize(pool, &evaluation, on_the_way).then_some(evaluation.target);
        let timestamp = if resize.is_some() { resized } else { stamp };
        let (results, tasks) = (evaluation.results(), evaluation.tasks);
        let node_fill_type = evaluation.node_fill_type.filter(|_| evaluation.error.is_none());
        let run = AutoScaleRun { timestamp, results, error: evaluation.error };
        self.emit_pool(effects, id, PoolFact::Scaled { run, resize, node_fill_type });
        // P2: also if the formula fails, because the request that enabled it made the pool `resizing` (P15).
        self.ask_for_more_nodes(effects, id, on_the_way);
        if let Some(target) = resize {
            let leaving = self.surplus(id, target);
            self.remove_all(effects, &leaving, tasks, timestamp);
        }
    }

    /// P16: whether the pool does not have, and will not get, the nodes that its formula wants.
    fn needs_resize(&self, pool: &Pool, evaluation: &Evaluation, on_the_way: NodeCounts) -> bool {
        let target = evaluation.target;
        let missing = target.missing_from(self.node_counts(pool.id())).missing_from(on_the_way);
        let differs = target != pool.target()
            || missing != NodeCounts::default()
            || !self.surplus(pool.id(), target).is_empty();
        differs && evaluation.error.is_none()
    }

    /// The nodes that the host was told to add and that are still missing.
    fn on_the_way(&self, pool: &PoolId) -> NodeCounts {
        let waiting = self.pools.get(pool).filter(|pool| pool.waits_for_nodes());
        waiting.map_or(NodeCounts::default(), |pool| pool.target().missing_from(self.node_counts(pool.id())))
    }

    /// Asks for the nodes that a pool lacks besides those that are on their way.
    fn ask_for_more_nodes(&self, effects: &mut Vec<Effect>, pool: &PoolId, on_the_way: NodeCounts) {
        let Some(found) = self.pools.get(pool).filter(|pool| pool.waits_for_nodes()) else { return };
        let nodes = found.target().missing_from(self.node_counts(pool)).missing_from(on_the_way);
        if nodes != NodeCounts::default() {
            Self::instruct(effects, Instruction::AddNodes { pool: found.id().clone(), nodes });
        }
    }

    /// P18
    fn count_pool(&self, pool: &Pool, at: Timestamp) -> PoolSample {
        let id = pool.id();
        let jobs = || self.index.jobs_of_pool(id).filter_map(|job| self.jobs.get(job));
        let nodes_in = |is_counted: fn(&Node) -> bool| {
            u32::try_from(self.nodes_of(id).filter(|node| is_counted(node)).count()).unwrap_or(u32::MAX)
        };
        let sum = |count: fn(&Job) -> u64| {
            let sum = jobs().map(count).fold(0, u64::saturating_add);
            u32::try_from(sum).unwrap_or(u32::MAX)
        };
        let nodes = self.node_counts(id);
        PoolSample {
            at,
            active_tasks: sum(ready_tasks),
            running_tasks: sum(|job| job.task_counts().running),
            succeeded_tasks: sum(|job| job.task_counts().succeeded),
            failed_tasks: sum(|job| job.task_counts().failed),
            dedicated_nodes: nodes.dedicated,
            low_priority_nodes: nodes.low_priority,
            preempted_nodes: nodes_in(|node| node.state_name() == NodeStateName::Preempted),
            usable_nodes: nodes_in(Node::takes_tasks),
        }
    }

    fn pool_metrics<'a>(&self, pool: &'a Pool, now: Timestamp) -> PoolMetrics<'a> {
        PoolMetrics { pool, now: self.count_pool(pool, now) }
    }
}

/// The active tasks of a job that is not ending whose dependencies are satisfied.
fn ready_tasks(job: &Job) -> u64 {
    match job.state() {
        JobState::Living(_) => u64::try_from(job.ready_count()).unwrap_or(u64::MAX),
        JobState::Ending(_) | JobState::Completed(_) => 0,
    }
}

/// P15, P17: how the pool is to scale.
fn next_settings(
    pool: &Pool,
    command: &EnableAutoScale,
    now: Timestamp,
) -> Result<AutoScaleSettings, BatchError> {
    pool.require_active()?;
    let old = pool.auto_scale();
    if let Some(old) = old {
        if now < old.enabled().saturating_add(AutoScale::ENABLE_PERIOD) {
            return Err(ErrorCode::TooManyEnableAutoScaleRequests.into());
        }
    } else if pool.allocation_state() != AllocationState::Steady {
        return Err(ErrorCode::PoolBeingResized.into());
    }
    let old = old.map(AutoScale::settings);
    let formula = command.formula.clone().or_else(|| old.map(|old| old.formula.clone()));
    let interval = command.evaluation_interval.or(old.map(|old| old.evaluation_interval));
    Ok(AutoScaleSettings {
        formula: formula.ok_or(ErrorCode::InvalidAutoScalingSettings)?,
        evaluation_interval: interval.unwrap_or_default(),
    })
}

/// What a formula can know of a pool.
struct PoolMetrics<'a> {
    pool: &'a Pool,
    /// What the pool has now, which is no sample.
    now: PoolSample,
}

impl PoolMetrics<'_> {
    /// What a sample says of a metric; nothing of the machines themselves (P18).
    fn of(&self, sample: &PoolSample, metric: Metric) -> Option<f64> {
        Some(f64::from(match metric {
            Metric::CpuPercent
            | Metric::WallClockSeconds
            | Metric::MemoryBytes
            | Metric::DiskBytes
            | Metric::DiskReadBytes
            | Metric::DiskWriteBytes
            | Metric::DiskReadOps
            | Metric::DiskWriteOps
            | Metric::NetworkInBytes
            | Metric::NetworkOutBytes => return None,
            Metric::SampleNodeCount => sample.dedicated_nodes.saturating_add(sample.low_priority_nodes),
            Metric::ActiveTasks => sample.active_tasks,
            Metric::RunningTasks => sample.running_tasks,
            Metric::PendingTasks => sample.active_tasks.saturating_add(sample.running_tasks),
            Metric::SucceededTasks => sample.succeeded_tasks,
            Metric::FailedTasks => sample.failed_tasks,
            Metric::TaskSlotsPerNode => self.pool.specification().task_slots_per_node,
            Metric::CurrentDedicatedNodes => sample.dedicated_nodes,
            Metric::CurrentLowPriorityNodes => sample.low_priority_nodes,
            Metric::PreemptedNodeCount => sample.preempted_nodes,
            Metric::UsableNodeCount => sample.usable_nodes,
        }))
    }
}

impl Metrics for PoolMetrics<'_> {
    fn now(&self) -> Timestamp {
        self.now.at
    }

    fn target(&self) -> NodeCounts {
        self.pool.target()
    }

    fn samples(&self, metric: Metric) -> Vec<Sample> {
        let samples = self.pool.auto_scale().into_iter().flat_map(AutoScale::samples);
        samples.filter_map(|sample| Some(Sample { at: sample.at, value: self.of(sample, metric)? })).collect()
    }

    /// The nodes and tasks that there are now, not those of the latest sample.
    fn value(&self, metric: Metric) -> Option<f64> {
        self.of(&self.now, metric)
    }
}
