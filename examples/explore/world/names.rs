//! The few names of a world, and what a user sends about them.

use std::sync::Arc;

use azbatch::{
    JobId, NodeId, PoolId, TaskId, Timestamp,
    job::{
        AddJob, JobManagerTask, JobPreparationTask, JobReleaseTask, JobSettings, JobSpecification,
        OnAllTasksComplete,
    },
    pool::{AddPool, NodeCounts, NodeFillType, PoolSpecification},
    task::{AddTask, Dependencies, Properties, RetryLimit, TaskSpecification},
};

use super::{scope::Scope, view::Alike};

/// The names of a world.
#[derive(Clone, Debug)]
pub struct Names {
    pub job: JobId,
    pub pool: PoolId,
    pub nodes: Vec<NodeId>,
    /// The manager first, if there is one.
    pub tasks: Vec<TaskId>,
    /// The tasks that users can add.
    pub plain_tasks: Vec<AddTask>,
    pub alike: Alike,
}

impl Names {
    pub fn new(scope: &Scope) -> Self {
        let id = |text: &str| text.parse().unwrap();
        let numbers = 1..=scope.tasks;
        let plain: Vec<TaskId> = numbers.map(|number| number.to_string().parse().unwrap()).collect();
        let manager: Option<TaskId> = scope.manager.then(|| id("manager"));
        let first_alike = manager.iter().len() + usize::from(scope.dependencies && scope.tasks > 0);
        let tasks: Vec<TaskId> = manager.into_iter().chain(plain.iter().cloned()).collect();
        // A smaller pool gives up its last node, so nodes are alike only where no pool becomes smaller (P3).
        let alike =
            Alike { tasks: (first_alike, tasks.len()), nodes: scope.nodes == 2 && scope.left.resizes == 0 };
        Self {
            job: "film".parse().unwrap(),
            pool: "studio".parse().unwrap(),
            nodes: ["node-a", "node-b"].into_iter().take(scope.nodes.into()).map(node).collect(),
            plain_tasks: plain.iter().map(|id| add_task(scope, id, plain.first())).collect(),
            tasks,
            alike,
        }
    }
}

pub fn node(name: &str) -> NodeId {
    name.parse().unwrap()
}

fn add_task(scope: &Scope, id: &TaskId, first: Option<&TaskId>) -> AddTask {
    let mut add = AddTask::new(id.clone());
    add.command_line = Some("render".into());
    if let Some(first) = first.filter(|first| scope.dependencies && *first != id) {
        let depends_on = Dependencies { task_ids: vec![first.clone()], ranges: vec![] };
        add.specification =
            Arc::new(TaskSpecification { depends_on: Some(depends_on), ..Default::default() });
    }
    add
}

/// What a user sends to add the pool.
pub fn add_pool(scope: &Scope, names: &Names) -> AddPool {
    let specification = PoolSpecification {
        id: names.pool.clone(),
        task_slots_per_node: scope.slots.into(),
        node_fill_type: NodeFillType::Spread,
        other: Properties::new(),
    };
    let target = NodeCounts { dedicated: scope.nodes.into(), low_priority: 0 };
    AddPool { specification: specification.into(), target, auto_scale: None }
}

/// What a user sends to add the job.
pub fn add_job(scope: &Scope, names: &Names, received: Timestamp) -> AddJob {
    let retries = RetryLimit::Times(scope.retries.into());
    let mut specification = JobSpecification::new(names.job.clone());
    let template = &mut specification.template;
    template.uses_task_dependencies = scope.dependencies;
    template.preparation = scope.preparation.then(|| {
        let mut preparation = JobPreparationTask::new("prepare".parse().unwrap());
        preparation.constraints.max_task_retry_count = retries;
        preparation
    });
    template.release = scope.release.then(|| JobReleaseTask::new("release".parse().unwrap()));
    template.manager = scope.manager.then(|| {
        let mut manager = JobManagerTask::new("manager".parse().unwrap());
        manager.constraints.max_task_retry_count = retries;
        manager
    });
    AddJob { specification: specification.into(), settings: settings(scope, names).into(), received }
}

/// What a user can change of the job, as it is at first.
pub fn settings(scope: &Scope, names: &Names) -> JobSettings {
    let mut settings = JobSettings::new(names.pool.clone());
    settings.constraints.max_task_retry_count = RetryLimit::Times(scope.retries.into());
    if scope.ends_with_its_tasks {
        settings.on_all_tasks_complete = OnAllTasksComplete::TerminateJob;
    }
    settings
}
