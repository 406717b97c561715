//! What a host does that has forgotten what it told its nodes: `Account::outstanding` tells it again.

mod common;

use azbatch::{
    Account, AddJob, AddPool, AddTask, Effect, JobPreparationTask, JobReleaseTask, JobSettings,
    JobSpecification, NodeCounts, NodeEvent, NodeFillType, NodeOrder, NodeTasks, PoolSpecification,
    Properties, Report, ReportEvent, StopCause, TaskSpecification, Terminate, Timestamp, Unit,
};
use common::{Block, Input, JobShape, Name, Step, TaskShape, laws::Hosts, laws::World};
use proptest::{collection::vec, prelude::*};

/// 2025-05-14T21:50:06.78508Z
const USUAL: u64 = 638_828_562_067_850_800;

fn now() -> Timestamp {
    Timestamp::from_ticks(USUAL).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1024, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever went before, the outstanding instructions tell nodes what they were told one by one.
    #[test]
    fn nodes_are_told_what_they_were_told(
        shape in any::<[u8; 3]>(),
        tasks in vec(any::<[u8; 3]>(), 0..4),
        steps in vec(any::<Block>(), 0..60),
    ) {
        let mut world = World::new(now());
        let job = Name::nth(0);
        for node in 0..3 {
            world.feed(&Input::AddNode { node: Name::nth(node), pool: node / 2, slots: 3 });
        }
        world.feed(&Input::AddJob { job, shape: JobShape::decode(shape[0], shape[1], shape[2]) });
        for (task, [a, b, c]) in (0..).zip(tasks) {
            world.feed(&Input::AddTask { job, task: Name::nth(task), shape: TaskShape::decode(a, b, c) });
        }
        for step in steps.into_iter().map(Step::decode) {
            let fed = world.step(&step);
            let outstanding = world.account.outstanding();
            let mut hosts = Hosts::default();
            for effect in &outstanding {
                hosts.follow(effect);
            }
            for patient in [false, true] {
                prop_assert_eq!(hosts.due(patient), world.hosts.due(patient), "after {:?}", step);
            }
            let for_nodes = fed.effects.iter().filter(|effect| matches!(effect, Effect::CarryOut { .. }));
            for effect in for_nodes {
                prop_assert!(outstanding.contains(effect), "{:?} is forgotten", effect);
            }
        }
    }
}

fn pool(nodes: u32) -> AddPool {
    let specification = PoolSpecification {
        id: "pool-1".parse().unwrap(),
        task_slots_per_node: 1,
        node_fill_type: NodeFillType::Spread,
        other: Properties::new(),
    };
    AddPool { specification: specification.into(), target: NodeCounts { dedicated: nodes, low_priority: 0 } }
}

#[test]
fn a_pool_waits_for_the_nodes_that_it_lacks() {
    let mut account = Account::new("https://contoso.westus.batch.azure.com");
    let (id, node) = ("pool-1".parse().unwrap(), "node-1".parse().unwrap());
    account.add_pool(&pool(2), &now()).unwrap();
    account.add_node(&id, &node, 1, &now()).unwrap();
    let nodes = NodeCounts { dedicated: 1, low_priority: 0 };
    assert_eq!(account.outstanding(), [Effect::AddNodes { pool: id.clone(), nodes }]);

    account.add_node(&id, &"node-2".parse().unwrap(), 1, &now()).unwrap();
    assert_eq!(account.outstanding(), []);
    account.tick(&now());
    account.node_event(&node, NodeEvent::Removed, &now());
    assert_eq!(account.outstanding(), [], "nobody asked for another one");
}

#[test]
fn an_order_is_outstanding_from_its_instruction_to_its_event() {
    let mut account = Account::new("https://contoso.westus.batch.azure.com");
    let (id, node) = ("pool-1".parse().unwrap(), "node-1".parse().unwrap());
    account.add_pool(&pool(1), &now()).unwrap();
    account.add_node(&id, &node, 1, &now()).unwrap();
    account.order_node(&id, &node, NodeOrder::Reboot, NodeTasks::Requeue, &now()).unwrap();
    assert_eq!(account.outstanding(), [], "the node is not told before a tick");
    let told: Vec<Effect> =
        account.tick(&now()).into_iter().filter(|e| matches!(e, Effect::CarryOut { .. })).collect();
    assert_eq!(account.outstanding(), told);
    account.node_event(&node, NodeEvent::Rebooted, &now());
    assert_eq!(account.outstanding(), []);
}

/// The three stages of a job on a node, one after the other, and stops beside what they stop.
#[test]
fn a_job_tells_its_nodes_again() {
    let mut account = Account::new("https://contoso.westus.batch.azure.com");
    let (pool, node) = ("pool-1".parse().unwrap(), "node-1".parse().unwrap());
    let (job, task) = ("film".parse().unwrap(), "frame".parse().unwrap());
    let mut specification = JobSpecification::new("film".parse().unwrap());
    specification.preparation = Some(JobPreparationTask::new("prepare".parse().unwrap()));
    specification.release = Some(JobReleaseTask::new("release".parse().unwrap()));
    let settings = JobSettings::new("pool-1".parse().unwrap()).into();
    let add = AddJob { specification: specification.into(), settings, received: now() };
    account.add_job(&add, &now()).unwrap();
    account.add_task(&job, &AddTask::new(TaskSpecification::new("frame".parse().unwrap())), &now()).unwrap();
    account.add_node(&pool, &node, 1, &now()).unwrap();
    account.assign(&job, &task, &node, &now()).unwrap();
    let (of_job, on_node) = (|| job.clone(), || node.clone());
    let prepare = Effect::RunPreparation { job: of_job(), node: on_node(), pool, retry_count: 0, run: 1 };
    assert_eq!(account.outstanding(), [prepare]);

    let report = |unit| {
        let event = ReportEvent::Ended(azbatch::Ended::with_exit_code(0));
        Report { job: of_job(), node: on_node(), unit, event, run: None }
    };
    account.report(&report(Unit::Preparation), &now());
    let start = Effect::StartTask { job: of_job(), task: task.clone(), node: on_node(), run: 1 };
    assert_eq!(account.outstanding(), std::slice::from_ref(&start));

    account.terminate_job(&job, &Terminate::by_user(), &now()).unwrap();
    let cause = StopCause::JobEnding;
    let stop = Effect::StopTask { job: of_job(), task: task.clone(), node: on_node(), cause };
    assert_eq!(account.outstanding(), [start, stop]);

    account.report(&report(Unit::Task(task.clone())), &now());
    assert_eq!(account.outstanding(), [Effect::RunRelease { job: of_job(), node: on_node(), run: 2 }]);
    account.report(&report(Unit::Release), &now());
    assert_eq!(account.outstanding(), []);
}
