//! OData as the service speaks it: which properties there are in which api-version, and reading,
//! filtering and printing by that. It knows nothing about operations.

pub(super) mod filter;
pub(super) mod model;
pub(super) mod read;
pub(super) mod shown;
pub(super) mod version;
pub(super) mod write;
