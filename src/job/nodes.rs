//! The nodes of a job, with the counts and times that the job asks for all the time.

use alloc::collections::{BTreeMap, BTreeSet};
use core::{hash, ops::Bound};

use crate::{
    Timestamp,
    collections::range_after,
    error::Unfit,
    id::{NodeId, PoolId},
    job::record::JobNode,
    node::Contact,
};

/// Nodes and the index over them, which always agree. Only the methods here change either.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct NodeTable {
    #[cfg_attr(feature = "serde", serde(deserialize_with = "crate::stored::map"))]
    by_id: BTreeMap<NodeId, JobNode>,
    index: NodeIndex,
}

/// What follows from the nodes' records.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
struct NodeIndex {
    /// Nodes that answer and have something outstanding.
    outstanding: usize,
    /// Nodes that do not answer and have something outstanding.
    outstanding_lost: usize,
    /// Nodes that are gone and have something outstanding. No rule leads here, but a count is cheap.
    outstanding_gone: usize,
    /// The release tasks that are running, by their start.
    releases: BTreeSet<(Timestamp, NodeId)>,
}

impl hash::Hash for NodeIndex {
    /// It follows from the records, so it tells nothing more.
    fn hash<H: hash::Hasher>(&self, _: &mut H) {}
}

impl NodeTable {
    pub(super) fn get(&self, node: &NodeId) -> Option<&JobNode> {
        self.by_id.get(node)
    }

    /// A node's id as it was spelled when the node was added (S4), and its record.
    pub(super) fn get_key_value(&self, node: &NodeId) -> Option<(&NodeId, &JobNode)> {
        self.by_id.get_key_value(node)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&NodeId, &JobNode)> {
        self.by_id.iter()
    }

    pub(super) fn after(&self, node: Option<&NodeId>) -> impl Iterator<Item = (&NodeId, &JobNode)> {
        self.by_id.range(range_after(node))
    }

    /// How many nodes have something outstanding, whether or not they can report it.
    pub(super) fn outstanding(&self) -> usize {
        self.index.outstanding + self.index.outstanding_lost + self.index.outstanding_gone
    }

    /// How many nodes an ending job waits for: those that answer, and without force also those that may
    /// answer again (N3, N4, F1).
    pub(super) fn awaited(&self, forced: bool) -> usize {
        self.index.outstanding + if forced { 0 } else { self.index.outstanding_lost }
    }

    /// The release tasks that are running, by their start.
    pub(super) fn running_releases(&self) -> impl Iterator<Item = &(Timestamp, NodeId)> {
        self.index.releases.iter()
    }

    /// The record of a node that a task is assigned to. A node that left may be back in another pool or
    /// spelling (S4); what is known of it stays.
    pub(super) fn enter(&mut self, node: &NodeId, pool: &PoolId, has_preparation: bool) {
        let is_same = |(id, record): (&NodeId, &JobNode)| {
            id.as_str() == node.as_str() && record.pool.as_str() == pool.as_str()
        };
        if self.get_key_value(node).is_some_and(is_same) {
            return;
        }
        let known = self.by_id.remove_entry(node);
        if let Some((old, record)) = &known {
            self.index.remove(old, record);
        }
        let record = match known {
            Some((_, record)) => JobNode { pool: pool.clone(), ..record },
            None => JobNode::new(pool.clone(), has_preparation),
        };
        self.index.insert(node, &record);
        self.by_id.insert(node.clone(), record);
    }

    /// Changes a node's record, and the index with it.
    pub(super) fn change<T>(
        &mut self,
        node: &NodeId,
        change: impl FnOnce(&mut JobNode) -> Result<T, Unfit>,
    ) -> Result<T, Unfit> {
        let mut found = self.by_id.range_mut((Bound::Included(node), Bound::Included(node)));
        let (id, record) = found.next().ok_or(Unfit("the job does not know the node"))?;
        self.index.remove(id, record);
        let changed = change(record);
        self.index.insert(id, record);
        changed
    }

    /// Whether the index equals a recount (I6).
    pub(super) fn is_consistent(&self) -> bool {
        let mut index = NodeIndex::default();
        self.by_id.iter().for_each(|(id, record)| index.insert(id, record));
        index == self.index
    }
}

impl NodeIndex {
    fn insert(&mut self, id: &NodeId, record: &JobNode) {
        if record.is_outstanding() {
            *self.outstanding_of(record.contact) += 1;
        }
        if let Some(start) = running_release(record) {
            self.releases.insert((start, id.clone()));
        }
    }

    fn remove(&mut self, id: &NodeId, record: &JobNode) {
        if record.is_outstanding() {
            *self.outstanding_of(record.contact) -= 1;
        }
        if let Some(start) = running_release(record) {
            self.releases.remove(&(start, id.clone()));
        }
    }

    fn outstanding_of(&mut self, contact: Contact) -> &mut usize {
        match contact {
            Contact::Answering => &mut self.outstanding,
            Contact::Lost => &mut self.outstanding_lost,
            Contact::Gone => &mut self.outstanding_gone,
        }
    }
}

fn running_release(record: &JobNode) -> Option<Timestamp> {
    record.release.as_ref()?.running_since()
}
