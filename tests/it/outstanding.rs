//! `Account::outstanding` lists the open instructions again, for a host that has lost them.

use crate::common;

use std::{collections::BTreeSet, slice};

use azbatch::{
    Account, Effect, Instruction, RunId, Timestamp,
    job::{
        AddJob, Ended, JobPreparationTask, JobReleaseTask, JobSettings, JobSpecification, StopCause,
        TerminateJob, Unit,
    },
    node::{ChangeNode, NodeAction, NodeEvent, NodeTasks, Stage},
    pool::{AddPool, NodeCounts, NodeFillType, PoolSpecification},
    task::{AddTask, Properties},
    testing::{Start, strategies},
};
use common::laws::{Hosts, World};
use proptest::prelude::*;

fn now() -> Timestamp {
    Start::Usual.timestamp()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1024, failure_persistence: None, ..ProptestConfig::default() })]

    /// After any sequence, the outstanding instructions are those that were issued and are still open.
    #[test]
    fn outstanding_instructions_equal_those_issued(
        sequence in strategies::sequence(60),
    ) {
        let mut world = World::new(sequence.start());
        let mut told: BTreeSet<Instruction> = BTreeSet::new();
        for step in &sequence {
            let fed = world.step(step);
            told.extend(Effect::instructions(&fed.effects).cloned());
            let outstanding = world.account.outstanding();
            let mut hosts = Hosts::default();
            for instruction in &outstanding {
                hosts.take(instruction);
            }
            prop_assert_eq!(&hosts, &world.hosts.awaited(&world.account), "after {:?}", step);
            for patient in [false, true] {
                let due = world.hosts.awaited(&world.account).due(patient);
                prop_assert_eq!(hosts.due(patient), due, "after {:?}", step);
            }
            // They are the same instructions, each of them once.
            let once: BTreeSet<&Instruction> = outstanding.iter().collect();
            prop_assert_eq!(once.len(), outstanding.len(), "twice: {:?}", outstanding);
            let invented = outstanding.iter().find(|again| is_told_once(again) && !told.contains(again));
            prop_assert_eq!(invented, None, "nobody was told so before");
            for instruction in Effect::instructions(&fed.effects).filter(|told| is_action(told)) {
                prop_assert!(outstanding.contains(instruction), "{:?} is forgotten", instruction);
            }
            let actions: Vec<&Instruction> = outstanding.iter().filter(|again| is_action(again)).collect();
            let issued: Vec<Instruction> = world.account.nodes().filter_map(issued_action).collect();
            prop_assert_eq!(actions, issued.iter().collect::<Vec<_>>());
        }
    }
}

/// The others are told in several parts.
fn is_told_once(instruction: &Instruction) -> bool {
    !matches!(instruction, Instruction::AddNodes { .. })
}

fn is_action(instruction: &Instruction) -> bool {
    matches!(instruction, Instruction::Act { .. })
}

/// The issued action of a node that was not carried out yet.
fn issued_action(node: &azbatch::Node) -> Option<Instruction> {
    match node.state().action()? {
        (action, Stage::Issued) => Some(Instruction::Act { node: node.id().clone(), action }),
        (_, Stage::Waiting { .. }) => None,
    }
}

fn pool(nodes: u32) -> AddPool {
    let specification = PoolSpecification {
        id: "pool-1".parse().unwrap(),
        task_slots_per_node: 1,
        node_fill_type: NodeFillType::Spread,
        other: Properties::new(),
    };
    AddPool {
        specification: specification.into(),
        target: NodeCounts { dedicated: nodes, low_priority: 0 },
        auto_scale: None,
    }
}

#[test]
fn a_pool_waits_for_the_nodes_that_it_lacks() {
    let mut account = Account::new("https://contoso.westus.batch.azure.com");
    let (id, node) = ("pool-1".parse().unwrap(), "node-1".parse().unwrap());
    account.add_pool(&pool(2), now()).unwrap();
    account.add_node(&id, &node, now()).unwrap();
    let nodes = NodeCounts { dedicated: 1, low_priority: 0 };
    assert_eq!(account.outstanding(), [Instruction::AddNodes { pool: id.clone(), nodes }]);

    account.add_node(&id, &"node-2".parse().unwrap(), now()).unwrap();
    assert_eq!(account.outstanding(), []);
    drop(account.tick(now()));
    drop(account.node_event(&node, NodeEvent::Removed, now()));
    assert_eq!(account.outstanding(), [], "nobody asked for another one");
}

#[test]
fn an_action_is_outstanding_from_its_instruction_to_its_event() {
    let mut account = Account::new("https://contoso.westus.batch.azure.com");
    let (id, node) = ("pool-1".parse().unwrap(), "node-1".parse().unwrap());
    account.add_pool(&pool(1), now()).unwrap();
    account.add_node(&id, &node, now()).unwrap();
    account.change_node(&id, &node, ChangeNode::Reboot(NodeTasks::Requeue), now()).unwrap();
    assert_eq!(account.outstanding(), [], "the node is not told before a tick");
    let effects = account.tick(now());
    let told: Vec<Instruction> = Effect::instructions(&effects).cloned().collect();
    assert_eq!(told, [Instruction::Act { node: node.clone(), action: NodeAction::Reboot }]);
    assert_eq!(account.outstanding(), told);
    drop(account.node_event(&node, NodeEvent::Rebooted, now()));
    assert_eq!(account.outstanding(), []);
}

/// The three stages of a job on a node, one after the other, and stops with what they stop.
#[test]
fn a_jobs_open_instructions_are_listed_again() {
    let mut account = Account::new("https://contoso.westus.batch.azure.com");
    let (pool, node) = ("pool-1".parse().unwrap(), "node-1".parse().unwrap());
    let (job, task) = ("film".parse().unwrap(), "frame".parse().unwrap());
    let mut specification = JobSpecification::new("film".parse().unwrap());
    specification.template.preparation = Some(JobPreparationTask::new("prepare".parse().unwrap()));
    specification.template.release = Some(JobReleaseTask::new("release".parse().unwrap()));
    let settings = JobSettings::new("pool-1".parse().unwrap()).into();
    let add = AddJob { specification: specification.into(), settings, received: now() };
    account.add_job(&add, now()).unwrap();
    account.add_task(&job, &AddTask::new("frame".parse().unwrap()), now()).unwrap();
    account.add_unmanaged_node(&pool, &node, 1, now()).unwrap();
    account.assign(&job, &task, &node, now()).unwrap();
    let run = |unit, number| RunId { job: job.clone(), node: node.clone(), unit, number };
    // The run of the task was decided first, and waits for the preparation.
    let (first, prepare) = (run(Unit::Task(task.clone()), 1), run(Unit::Preparation, 2));
    assert_eq!(account.outstanding(), [Instruction::Run(prepare.clone())]);

    let ended = || Ended::with_exit_code(0);
    drop(account.report(&prepare.ended(ended()), now()));
    let start = Instruction::Run(first.clone());
    assert_eq!(account.outstanding(), slice::from_ref(&start));

    account.terminate_job(&job, &TerminateJob::by_user(), now()).unwrap();
    let stop = Instruction::Stop { run: first.clone(), cause: StopCause::JobEnding };
    assert_eq!(account.outstanding(), [start, stop]);

    drop(account.report(&first.ended(ended()), now()));
    let release = run(Unit::Release, 3);
    assert_eq!(account.outstanding(), [Instruction::Run(release.clone())]);
    drop(account.report(&release.ended(ended()), now()));
    assert_eq!(account.outstanding(), []);
}
