//! Requests about the users of nodes, and where they log in (N11, N12).

use alloc::vec::Vec;

use crate::{
    BatchError, Clock,
    account::resource::Account,
    id::{NodeId, PoolId},
    job::Effect,
    node::{NodeFact, NodeUser, RemoteLogin, UserAccess, UserName},
};

impl Account {
    /// Adds a user to a node ([N11](crate::evidence#n11)). The fact among the effects tells the host to
    /// create the user on its machine, if that is more than a model.
    ///
    /// # Errors
    /// `PoolNotFound`, `NodeNotFound`; a 409 by the node's state, `NodeUserExists`.
    pub fn add_node_user(
        &mut self,
        pool: &PoolId,
        node: &NodeId,
        name: UserName,
        is_admin: bool,
        access: UserAccess,
        clock: impl Clock,
    ) -> Result<Vec<Effect>, BatchError> {
        let now = clock.now();
        let found = self.require_node(pool, node)?;
        found.allow_new_user(&name)?;
        // Nothing below can fail.

        let (node, user) = (found.id().clone(), NodeUser::new(is_admin, access, now));
        Ok(self.emit_alone(&node, NodeFact::UserAdded { name, user }))
    }

    /// Replaces all that can be changed of a user of a node ([N11](crate::evidence#n11)).
    ///
    /// # Errors
    /// `PoolNotFound`, `NodeNotFound`, `NodeUserNotFound`; a 409 by the node's state.
    pub fn update_node_user(
        &mut self,
        pool: &PoolId,
        node: &NodeId,
        name: UserName,
        access: UserAccess,
        clock: impl Clock,
    ) -> Result<Vec<Effect>, BatchError> {
        let now = clock.now();
        let found = self.require_node(pool, node)?;
        let is_admin = found.require_user(&name)?.is_admin;
        // Nothing below can fail.

        let (node, user) = (found.id().clone(), NodeUser::new(is_admin, access, now));
        Ok(self.emit_alone(&node, NodeFact::UserUpdated { name, user }))
    }

    /// Deletes a user of a node ([N11](crate::evidence#n11)).
    ///
    /// # Errors
    /// `PoolNotFound`, `NodeNotFound`, `NodeUserNotFound`; a 409 by the node's state.
    pub fn delete_node_user(
        &mut self,
        pool: &PoolId,
        node: &NodeId,
        name: UserName,
    ) -> Result<Vec<Effect>, BatchError> {
        let found = self.require_node(pool, node)?;
        found.require_user(&name)?;
        // Nothing below can fail.

        let node = found.id().clone();
        Ok(self.emit_alone(&node, NodeFact::UserDeleted { name }))
    }

    /// Sets where users log in to a node ([N12](crate::evidence#n12)); nothing happens if there is no such
    /// node. The host calls it when it knows the address.
    pub fn set_remote_login(&mut self, node: &NodeId, remote_login: RemoteLogin) -> Vec<Effect> {
        let Some(found) = self.nodes.get(node) else { return self.buffer.take() };
        let node = found.id().clone();
        self.emit_alone(&node, NodeFact::RemoteLoginSet { remote_login })
    }

    /// Makes one fact true, which is the only effect.
    fn emit_alone(&mut self, node: &NodeId, fact: NodeFact) -> Vec<Effect> {
        let mut effects = self.buffer.take();
        self.emit_node(&mut effects, node, fact);
        effects
    }
}
