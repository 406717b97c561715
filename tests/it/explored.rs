//! Every order of events in small worlds, by the model checker. `examples/explore` explores larger ones.

use crate::{
    episode::{Episode, Outcome, Player},
    small_world::{Action, Budget, Scope, Service, World},
};

use azbatch::job::JobStateName;
use stateright::{Checker, CheckerBuilder, HasDiscoveries, Model, Path};

/// Two tasks on two nodes, one of which something happens to.
const ALIKE: Scope = Scope {
    tasks: 2,
    nodes: 2,
    left: Budget { requests: 0, failures: 0, node_events: 1, resizes: 0 },
    ..Scope::SMALL
};

/// How many states, how many transitions, and the steps of the longest path.
type Size = (usize, usize, usize);

/// Explores a world whole. All properties must hold.
fn explore(builder: CheckerBuilder<Service>) -> (Size, impl Checker<Service>) {
    let checker = builder.finish_when(HasDiscoveries::AnyFailures).spawn_dfs().join();
    let faults = checker.discoveries();
    let faults: Vec<String> =
        faults.iter().map(|(name, path)| describe(checker.model(), name, path)).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n\n"));
    let size = (checker.unique_state_count(), checker.state_count() - 1, checker.max_depth() - 1);
    (size, checker)
}

fn describe(service: &Service, name: &str, path: &Path<World, Action>) -> String {
    let why = service.violation(name, path.last_state()).map(|violation| violation.to_string());
    let steps: Vec<String> = path.clone().into_actions().iter().map(Action::to_string).collect();
    format!("{name}: {why:?} after\n{}\nin\n{:?}", steps.join("\n"), path.last_state())
}

/// I1 to I7: everything that can happen to a task on a node with one request and one event of the node.
#[test]
fn a_small_world_is_explored_whole() {
    let left = Budget { requests: 1, failures: 1, node_events: 1, resizes: 0 };
    let scope = Scope { preparation: true, release: true, left, ..Scope::SMALL };
    let (size, _) = explore(Service::new(scope).checker().threads(1));
    assert_eq!(size, (3152, 12503, 11));
}

/// P2, P3, P9: the same for a pool that is resized.
#[test]
fn a_small_pool_is_explored_whole() {
    let left = Budget { requests: 0, failures: 0, node_events: 1, resizes: 2 };
    let (size, _) = explore(Service::new(Scope { left, ..Scope::SMALL }).checker().threads(1));
    assert_eq!(size, (517, 2365, 11));
}

/// X2, X4, K4, K9: a manager, dependencies, retries, and a job that ends with its tasks.
#[test]
fn a_job_of_all_kinds_of_tasks_is_explored_whole() {
    let left = Budget { requests: 1, failures: 1, node_events: 0, resizes: 0 };
    let scope = Scope {
        tasks: 2,
        manager: true,
        dependencies: true,
        retries: 1,
        ends_with_its_tasks: true,
        left,
        ..Scope::SMALL
    };
    let (size, _) = explore(Service::new(scope).checker().threads(1));
    assert_eq!(size, (4826, 13502, 14));
}

/// Tasks and nodes that are alike can stand for each other: with that there are fewer states, they are those that
/// there would be without, and the verdict is the same.
#[test]
fn alike_tasks_and_nodes_stand_for_each_other() {
    let service = || Service::new(ALIKE).with_notes();
    let (all, plain) = explore(service().checker().threads(1));
    let (fewer, reduced) = explore(service().checker().threads(1).symmetry());
    assert!(fewer.0 * 2 < all.0, "{fewer:?}, {all:?}");
    let representatives =
        |service: &Service| service.notes().unwrap().representatives.lock().unwrap().clone();
    let found = representatives(reduced.model());
    assert_eq!(found.len(), fewer.0);
    assert_eq!(found, representatives(plain.model()));

    // A job that ends with its tasks is completed by some order of events.
    let scope = Scope { ends_with_its_tasks: true, ..ALIKE };
    let (plain, reduced) = (faults(scope, false), faults(scope, true));
    assert_eq!((plain, reduced), (vec!["no job is ever completed"], vec!["no job is ever completed"]));
}

/// The properties that do not hold in a world with a planted fault.
fn faults(scope: Scope, by_symmetry: bool) -> Vec<&'static str> {
    let builder = Service::new(scope).with_planted_fault().checker().threads(1);
    let builder = if by_symmetry { builder.symmetry() } else { builder };
    let checker = builder.finish_when(HasDiscoveries::AnyFailures).spawn_dfs().join();
    checker.discoveries().into_keys().collect()
}

/// Accounts that differ only in what a view leaves out lead to the same views, action by action. There are many of
/// them, and the views are those that the exploration of views finds.
#[test]
fn worlds_that_look_alike_are_alike() {
    let left = Budget { requests: 1, failures: 1, node_events: 0, resizes: 0 };
    look_alike_and_are(Scope { preparation: true, release: true, left, ..Scope::SMALL });
}

/// T5: the same where an update of a task moves the end of the task, and with it that of what its node keeps, by one
/// tick of 100 ns, so that it is after or before that of the other node.
#[test]
fn worlds_that_differ_by_a_tick_are_alike() {
    let left = Budget { requests: 1, failures: 0, node_events: 0, resizes: 0 };
    look_alike_and_are(Scope { left, ..ALIKE });
}

fn look_alike_and_are(scope: Scope) {
    let (views, by_view) = explore(Service::new(scope).with_notes().checker().threads(1));
    let (accounts, whole) =
        explore(Service::new(scope).telling_all_apart().with_notes().checker().threads(1));
    assert!(accounts.0 > views.0, "{accounts:?}, {views:?}");
    let seen = |service: &Service| service.notes().unwrap().representatives.lock().unwrap().clone();
    assert_eq!(seen(whole.model()), seen(by_view.model()));
}

/// A service that is stopped goes nowhere, and says of no state that a law does not hold there: what it has found
/// before can be told once it has been resumed.
#[test]
fn a_stopped_exploration_finds_nothing() {
    let scope = Scope { ends_with_its_tasks: true, ..ALIKE };
    let service = Service::new(scope).with_planted_fault();
    service.stop();
    let (size, _) = explore(service.checker().threads(1));
    assert_eq!(size, (1, 0, 0));

    let service = Service::new(scope).with_planted_fault();
    let checker = service.checker().finish_when(HasDiscoveries::AnyFailures).threads(1).spawn_dfs().join();
    checker.model().stop();
    checker.model().resume();
    let (_, path) = checker.discoveries().into_iter().next().unwrap();
    let completed = path.last_state().clone();
    let violated = |name| checker.model().violation(name, &completed).is_some();
    assert!(violated("no job is ever completed"));
}

/// A fault is found, and its episode leads to it from an empty account on.
#[test]
fn a_fault_is_found_and_its_episode_replays_it() {
    let left = Budget { requests: 1, node_events: 1, failures: 0, resizes: 0 };
    let scope = Scope { preparation: true, release: true, left, ..Scope::SMALL };
    let builder = Service::new(scope).with_planted_fault().checker().threads(1);
    let checker = builder.finish_when(HasDiscoveries::AnyFailures).spawn_dfs().join();
    let service = checker.model();
    let (name, path) = checker.discoveries().into_iter().next().unwrap();
    assert_eq!(name, "no job is ever completed");
    let world = path.last_state().clone();

    let text = service.episode(name, &path.into_actions());
    let episode = Episode::parse(&text).unwrap();
    let mut player = Player::new(&episode);
    for (number, outcome) in player.play(&episode) {
        let Outcome::Passed { .. } = outcome else { panic!("step {number} of {text}") };
    }
    let states: Vec<_> = player.account().jobs().map(|job| job.state().name()).collect();
    assert_eq!(states, [JobStateName::Completed]);
    assert_eq!(service.view_of(player.account(), &world), service.view(&world));
}
