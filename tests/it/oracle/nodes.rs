//! Nodes: what happens to them, and what users ask of them.

use azbatch::{
    ErrorCode, JobId, NodeId, PoolId, Timestamp,
    job::Unit,
    node::{ChangeNode, NodeAction, NodeEvent, NodeNotAdded, NodeStateName, NodeTasks},
    pool::PoolState,
    task::TaskStop,
};

use super::{
    Answer, Refusal,
    model::{Action, Node, Oracle, Power, Reach, Run},
    refuse_if, refused,
};

/// What an event does to what is on a node.
#[derive(Clone, Copy, PartialEq)]
enum Loss {
    /// N1: processes are gone, the disk is as it was.
    Processes,
    /// N2: the disk too.
    Disk,
    /// N3, N9: everything, and the node is not there.
    Node,
}

impl Oracle {
    pub(super) fn add_node(&mut self, pool: &PoolId, node: &NodeId, now: Timestamp) -> Answer {
        let found = self.pools.get(pool);
        let slots = found.map_or(0, |pool| pool.slots);
        // P2: a low-priority node once the pool has enough dedicated ones.
        let dedicated = found.is_none_or(|found| {
            let have = self.node_counts(pool).dedicated;
            have < found.target.dedicated || found.target.low_priority == 0
        });
        let obstacles = [
            (found.is_none(), NodeNotAdded::PoolNotFound),
            (found.is_some_and(|pool| pool.state == PoolState::Deleting), NodeNotAdded::PoolBeingDeleted),
        ];
        self.insert_node(pool, node, (slots, dedicated), &obstacles, now)
    }

    pub(super) fn add_unmanaged_node(
        &mut self,
        pool: &PoolId,
        node: &NodeId,
        slots: u32,
        now: Timestamp,
    ) -> Answer {
        let obstacles = [(self.pools.contains_key(pool), NodeNotAdded::PoolExists)];
        self.insert_node(pool, node, (slots, true), &obstacles, now)
    }

    fn insert_node(
        &mut self,
        pool: &PoolId,
        node: &NodeId,
        (slots, dedicated): (u32, bool),
        obstacles: &[(bool, NodeNotAdded)],
        now: Timestamp,
    ) -> Answer {
        let mut obstacles: Vec<NodeNotAdded> =
            obstacles.iter().filter(|(applies, _)| *applies).map(|(_, obstacle)| *obstacle).collect();
        if self.nodes.contains_key(node) {
            obstacles.push(NodeNotAdded::Exists);
        }
        if !obstacles.is_empty() {
            return Err(Refusal::NotAdded(obstacles));
        }
        let new = Node {
            id: node.clone(),
            pool: pool.clone(),
            slots,
            dedicated,
            takes_tasks: true,
            power: Power::On,
            reach: Reach::Answers,
            action: None,
            shown: NodeStateName::Idle,
            entered: now,
            retained_until: Timestamp::MIN,
        };
        self.nodes.insert(node.clone(), new);
        Ok(())
    }

    /// An event about an unknown node changes nothing, and neither does one that says nothing new.
    pub(super) fn node_event(&mut self, node: &NodeId, event: NodeEvent, now: Timestamp) -> Answer {
        let Some(found) = self.nodes.get(node) else { return Ok(()) };
        if !is_news(found, event) {
            return Ok(());
        }
        match event {
            NodeEvent::Lost | NodeEvent::Unusable | NodeEvent::Returned => {}
            NodeEvent::Rebooted => self.lose(node, Loss::Processes, false, now),
            NodeEvent::Reimaged => self.lose(node, Loss::Disk, false, now),
            // N9: it is as new, so nothing is kept there.
            NodeEvent::Started => self.nodes.get_mut(node).unwrap().retained_until = Timestamp::MIN,
            NodeEvent::Preempted => self.lose(node, Loss::Node, false, now),
            NodeEvent::Deallocated => self.lose(node, Loss::Node, true, now), // N9: as if removed.
            // N3: removal by a user counts as a requeue.
            NodeEvent::Removed => self.lose(node, Loss::Node, true, now),
        }
        if event == NodeEvent::Removed {
            self.nodes.remove(node);
        } else {
            self.change(node, event, now);
        }
        for job in self.jobs.keys().cloned().collect::<Vec<_>>() {
            self.release(&job); // E5
        }
        Ok(())
    }

    /// What is lost on a node, for each job that is not over (I1).
    fn lose(&mut self, node: &NodeId, loss: Loss, counts: bool, now: Timestamp) {
        let knows = |job: &&super::model::Job| job.end_time.is_none() && job.visits.contains_key(node);
        let jobs: Vec<JobId> = self.jobs.values().filter(knows).map(|job| job.id.clone()).collect();
        for job in jobs {
            self.lose_of(&job, node, loss, counts, now);
        }
        if loss != Loss::Processes
            && let Some(found) = self.nodes.get_mut(node)
        {
            found.retained_until = Timestamp::MIN; // N2
        }
    }

    fn lose_of(&mut self, id: &JobId, node: &NodeId, loss: Loss, counts: bool, now: Timestamp) {
        let visit = &self.jobs[id].visits[node];
        let in_progress = |run: &Option<Run>| run.as_ref().is_some_and(|run| run.end.is_none());
        let (preparing, releasing) = (in_progress(&visit.preparation), in_progress(&visit.release));
        if preparing {
            self.end_run(id, node, &Unit::Preparation, None, now);
        }
        for task in self.jobs[id].tasks_on(node) {
            self.leave(id, &task, None, counts, now); // N1, N3, N6
        }
        let job = self.jobs.get_mut(id).unwrap();
        let preparation = job.template.preparation.as_ref();
        let visit = job.visits.get_mut(node).unwrap();
        match loss {
            Loss::Processes => {
                let again = preparation.is_some_and(|task| task.rerun_on_node_reboot_after_success);
                visit.rebooted |= again && visit.prepared; // N1
                if releasing {
                    visit.release = Some(Run::new(0)); // N1: it runs again.
                }
            }
            Loss::Disk | Loss::Node => {
                // N2, N3: forgotten. What ran there stays in the status list.
                visit.prepared = preparation.is_none();
                (visit.rebooted, visit.barred, visit.ran) = (false, false, false);
                if releasing {
                    self.end_run(id, node, &Unit::Release, None, now);
                }
            }
        }
    }

    /// What becomes of the node itself.
    fn change(&mut self, node: &NodeId, event: NodeEvent, now: Timestamp) {
        let found = self.nodes.get_mut(node).unwrap();
        let (what, issued) = found.action.map_or((None, false), |action| (Some(action.what), action.issued));
        let keeps = match event {
            // N4: an action stays pending.
            NodeEvent::Lost | NodeEvent::Unusable => true,
            // N9: until it is carried out. N5: one that answers again is not restarting any more.
            NodeEvent::Returned => {
                !(issued && matches!(what, Some(NodeAction::Reboot | NodeAction::Reimage)))
            }
            NodeEvent::Rebooted => match what {
                Some(NodeAction::Reboot | NodeAction::Start) | None => false,
                Some(NodeAction::Reimage) => !issued,
                Some(NodeAction::Deallocate | NodeAction::Remove) => true,
            },
            NodeEvent::Reimaged => matches!(what, Some(NodeAction::Deallocate | NodeAction::Remove)),
            // N9: a node that is to be removed is removed whatever else happens to it.
            NodeEvent::Started | NodeEvent::Preempted | NodeEvent::Deallocated | NodeEvent::Removed => {
                what == Some(NodeAction::Remove)
            }
        };
        if !keeps {
            found.action = None;
        }
        match event {
            NodeEvent::Lost => found.reach = Reach::Lost,
            NodeEvent::Unusable => found.reach = Reach::Unusable,
            NodeEvent::Rebooted | NodeEvent::Reimaged | NodeEvent::Started | NodeEvent::Returned => {
                (found.power, found.reach) = (Power::On, Reach::Answers);
            }
            NodeEvent::Preempted => (found.power, found.reach) = (Power::Preempted, Reach::Answers),
            NodeEvent::Deallocated => (found.power, found.reach) = (Power::Deallocated, Reach::Answers),
            NodeEvent::Removed => {}
        }
        self.show(node, now);
    }

    pub(super) fn change_node(
        &mut self,
        pool: &PoolId,
        node: &NodeId,
        change: ChangeNode,
        now: Timestamp,
    ) -> Answer {
        let node = self.node_of(pool, node)?;
        let (what, tasks) = match change {
            ChangeNode::DisableScheduling(tasks) => return self.switch(&node, false, tasks, now),
            ChangeNode::EnableScheduling => {
                return self.switch(&node, true, NodeTasks::TaskCompletion, now);
            }
            ChangeNode::Reboot(tasks) => (NodeAction::Reboot, tasks),
            ChangeNode::Reimage(tasks) => (NodeAction::Reimage, tasks),
            ChangeNode::Deallocate(tasks) => (NodeAction::Deallocate, tasks),
            ChangeNode::Start => (NodeAction::Start, NodeTasks::TaskCompletion),
        };
        // N9: by what the node shows.
        let starts = what == NodeAction::Start;
        match self.nodes[&node].shown {
            NodeStateName::Idle | NodeStateName::Running | NodeStateName::Offline if !starts => {}
            NodeStateName::Deallocated if starts => {}
            NodeStateName::Rebooting => return refused(ErrorCode::NodeBeingRebooted),
            NodeStateName::Reimaging => return refused(ErrorCode::NodeBeingReimaged),
            NodeStateName::Starting => return refused(ErrorCode::NodeBeingStarted),
            NodeStateName::Unusable => return refused(ErrorCode::NodeStateUnusable),
            NodeStateName::Idle
            | NodeStateName::Running
            | NodeStateName::Offline
            | NodeStateName::Deallocating
            | NodeStateName::Deallocated
            | NodeStateName::LeavingPool
            | NodeStateName::Unknown
            | NodeStateName::Preempted => return refused(ErrorCode::OperationNotValidOnNode),
        }
        self.ask(&node, what, tasks, now);
        Ok(())
    }

    pub(super) fn remove_node(
        &mut self,
        pool: &PoolId,
        node: &NodeId,
        tasks: NodeTasks,
        now: Timestamp,
    ) -> Answer {
        let node = self.node_of(pool, node)?;
        refuse_if(self.pools.contains_key(pool), ErrorCode::OperationNotValidOnNode)?;
        self.ask(&node, NodeAction::Remove, tasks, now);
        Ok(())
    }

    pub(super) fn node_of(&self, pool: &PoolId, node: &NodeId) -> Result<NodeId, Refusal> {
        let is_known = self.pools.contains_key(pool) || self.nodes.values().any(|node| node.pool == *pool);
        let found = self.nodes.get(node).filter(|node| node.pool == *pool);
        let code = if is_known { ErrorCode::NodeNotFound } else { ErrorCode::PoolNotFound };
        found.map(|node| node.id.clone()).ok_or(Refusal::Code(code))
    }

    fn switch(&mut self, node: &NodeId, takes_tasks: bool, tasks: NodeTasks, now: Timestamp) -> Answer {
        let found = self.nodes.get_mut(node).unwrap();
        refuse_if(found.takes_tasks == takes_tasks, ErrorCode::NodeAlreadyInTargetSchedulingState)?;
        found.takes_tasks = takes_tasks;
        self.show(node, now);
        self.stop_tasks_on(node, tasks);
        Ok(())
    }

    /// N9: the node shows the action at once, and it comes when the tasks have ended or left.
    pub(super) fn ask(&mut self, node: &NodeId, what: NodeAction, tasks: NodeTasks, now: Timestamp) {
        let retained_data = tasks == NodeTasks::RetainedData;
        self.nodes.get_mut(node).unwrap().action = Some(Action { what, issued: false, retained_data });
        self.show(node, now);
        self.stop_tasks_on(node, tasks);
    }

    /// N9: as the user's option says. Tasks of a job that is ending are told to stop already, and others are handled as
    /// they were told before (G3).
    fn stop_tasks_on(&mut self, node: &NodeId, tasks: NodeTasks) {
        let stop = match tasks {
            NodeTasks::Requeue => TaskStop::Requeue,
            NodeTasks::Terminate => TaskStop::Terminate,
            NodeTasks::TaskCompletion | NodeTasks::RetainedData => return,
        };
        for (job, task) in self.tasks_on(node) {
            if !self.jobs[&job].is_ending() {
                self.task(&job, &task).on.as_mut().unwrap().tell_to_stop(stop);
            }
        }
    }

    /// Keeps what a node shows, and since when.
    pub(super) fn show(&mut self, node: &NodeId, at: Timestamp) {
        let has_tasks = !self.tasks_on(node).is_empty();
        let Some(node) = self.nodes.get_mut(node) else { return };
        let shown = shown(node, has_tasks);
        if shown != node.shown {
            node.shown = shown;
            node.entered = at.max(node.entered); // T5
        }
    }
}

fn shown(node: &Node, has_tasks: bool) -> NodeStateName {
    let what = node.action.map(|action| action.what);
    match (what, node.power, node.reach) {
        (Some(NodeAction::Remove), _, _) => NodeStateName::LeavingPool,
        (Some(NodeAction::Deallocate), _, _) => NodeStateName::Deallocating,
        (Some(NodeAction::Start), _, _) => NodeStateName::Starting,
        (_, Power::Preempted, _) => NodeStateName::Preempted,
        (_, Power::Deallocated, _) => NodeStateName::Deallocated,
        (_, Power::On, Reach::Lost) => NodeStateName::Unknown,
        (_, Power::On, Reach::Unusable) => NodeStateName::Unusable,
        (Some(NodeAction::Reboot), Power::On, Reach::Answers) => NodeStateName::Rebooting,
        (Some(NodeAction::Reimage), Power::On, Reach::Answers) => NodeStateName::Reimaging,
        (None, Power::On, Reach::Answers) if has_tasks => NodeStateName::Running,
        (None, Power::On, Reach::Answers) if node.takes_tasks => NodeStateName::Idle,
        (None, Power::On, Reach::Answers) => NodeStateName::Offline,
    }
}

/// Whether an event says something that can be true of a node and was not.
fn is_news(node: &Node, event: NodeEvent) -> bool {
    if event == NodeEvent::Removed {
        return true;
    }
    let is_starting = node.action.is_some_and(|action| action.what == NodeAction::Start);
    let starts_soon = is_starting && !node.action.is_some_and(|action| action.issued);
    match node.power {
        Power::On => event != NodeEvent::Started || node.is_leaving(),
        // N9: only its start brings a deallocated node back. N3: one that is leaving can be whatever it says.
        Power::Deallocated => match event {
            NodeEvent::Returned => node.is_leaving(),
            NodeEvent::Started => true,
            NodeEvent::Rebooted | NodeEvent::Reimaged => node.is_leaving() || is_starting,
            NodeEvent::Preempted => true,
            NodeEvent::Deallocated => is_starting && !starts_soon,
            NodeEvent::Lost | NodeEvent::Unusable | NodeEvent::Removed => false,
        },
        // N3: the cloud can give it back.
        Power::Preempted => match event {
            NodeEvent::Returned => true,
            NodeEvent::Started | NodeEvent::Rebooted | NodeEvent::Reimaged => node.is_leaving(),
            NodeEvent::Deallocated
            | NodeEvent::Preempted
            | NodeEvent::Lost
            | NodeEvent::Unusable
            | NodeEvent::Removed => false,
        },
    }
}
