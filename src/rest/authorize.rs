//! Authentication.

use crate::{BatchError, rest::message::Request};

/// Decides whether a request is authorized. A host passes one to [`answer_guarded`](crate::rest::answer_guarded). With the
/// feature `shared-key`, `SharedKey` checks requests as the service does.
pub trait Authorize {
    /// Accepts or refuses a request. It is called after the path and the method were found to be valid,
    /// and before anything else of the request is read ([S5](crate::evidence#s5)).
    ///
    /// # Errors
    ///
    /// The refusal to answer with: the service says `MissingRequiredHeader`, `InvalidAuthenticationInfo`
    /// or `AuthenticationFailed`.
    fn authorize(&self, request: &Request<'_>, account_url: &str) -> Result<(), BatchError>;
}

impl<A: Authorize + ?Sized> Authorize for &A {
    fn authorize(&self, request: &Request<'_>, account_url: &str) -> Result<(), BatchError> {
        (**self).authorize(request, account_url)
    }
}

/// Accepts every request ([U1](crate::evidence#u1)).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Anyone;

impl Authorize for Anyone {
    fn authorize(&self, _: &Request<'_>, _: &str) -> Result<(), BatchError> {
        Ok(())
    }
}
