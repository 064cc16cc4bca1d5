use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http::{Response, request};
use tower_layer::Layer;

use super::requirement::{Names, Requirement};
use super::service::Authorized;
use crate::auth::challenge::Challenges;
use crate::auth::{AuthenticateLayer, Denied, Reason};
use crate::reject::refuse;
use crate::{ConfigError, Principal, ProblemJson, Reject};

/// Lets in the requests whose [`Principal`] fulfils all that is required. See the [module docs](crate::auth).
///
/// A request without a principal is refused with 401, whatever is required.
///
/// ```
/// use http::{Method, request};
/// use integridai_tower::auth::AuthorizeLayer;
/// use integridai_tower::Principal;
///
/// let layer = AuthorizeLayer::new()
///     .all_scopes(["analyses:read"])?
///     .any_role(["auditor", "admin"])?
///     .allow_if(|principal: &Principal, request: &request::Parts| {
///         request.method == Method::GET || principal.tenant().is_some()
///     });
/// # let _ = layer;
/// # Ok::<(), integridai_tower::ConfigError>(())
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct AuthorizeLayer {
    rules: Arc<Rules>,
}

/// What a layer and all its services share.
#[derive(Clone)]
pub(super) struct Rules {
    requirements: Vec<Requirement>,
    scopes: Option<Arc<str>>,
    challenges: Arc<Challenges>,
    reject: Arc<dyn Reject<Denied>>,
}

impl AuthorizeLayer {
    /// Requires a principal. A refusal offers the scheme `Bearer`.
    pub fn new() -> Self {
        Self::offering(Arc::default())
    }

    /// Requires a principal. A refusal offers what `authenticate` offers: its schemes, realm and metadata, as they are
    /// set now.
    pub fn behind(authenticate: &AuthenticateLayer) -> Self {
        Self::offering(authenticate.challenges())
    }

    fn offering(challenges: Arc<Challenges>) -> Self {
        let reject = Arc::new(ProblemJson);
        Self { rules: Arc::new(Rules { requirements: Vec::new(), scopes: None, challenges, reject }) }
    }

    /// Requires every one of these scopes.
    ///
    /// # Errors
    /// Where there is none, or one that is no scope-token (RFC 6749 §3.3).
    pub fn all_scopes<T: Into<Box<str>>>(
        self,
        scopes: impl IntoIterator<Item = T>,
    ) -> Result<Self, ConfigError> {
        Ok(self.require(Requirement::AllScopes(Names::scopes("all_scopes", scopes)?)))
    }

    /// Requires one of these scopes; a refusal asks the client for the first.
    ///
    /// # Errors
    /// Where there is none, or one that is no scope-token (RFC 6749 §3.3).
    pub fn any_scope<T: Into<Box<str>>>(
        self,
        scopes: impl IntoIterator<Item = T>,
    ) -> Result<Self, ConfigError> {
        Ok(self.require(Requirement::AnyScope(Names::scopes("any_scope", scopes)?)))
    }

    /// Requires every one of these roles.
    ///
    /// # Errors
    /// Where there is none, or one without a name.
    pub fn all_roles<T: Into<Box<str>>>(
        self,
        roles: impl IntoIterator<Item = T>,
    ) -> Result<Self, ConfigError> {
        Ok(self.require(Requirement::AllRoles(Names::new("all_roles", roles)?)))
    }

    /// Requires one of these roles.
    ///
    /// # Errors
    /// Where there is none, or one without a name.
    pub fn any_role<T: Into<Box<str>>>(
        self,
        roles: impl IntoIterator<Item = T>,
    ) -> Result<Self, ConfigError> {
        Ok(self.require(Requirement::AnyRole(Names::new("any_role", roles)?)))
    }

    /// Requires that `allowed` says so: of what is asked, and by whom. Must not block.
    pub fn allow_if(
        self,
        allowed: impl Fn(&Principal, &request::Parts) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.require(Requirement::Allowed(Arc::new(allowed)))
    }

    /// Makes the response of a refusal; [`ProblemJson`] unless told.
    /// [`Refusal::add_headers`](crate::Refusal::add_headers) gives the fields that belong to it.
    pub fn reject_with(mut self, reject: impl Reject<Denied> + 'static) -> Self {
        Arc::make_mut(&mut self.rules).reject = Arc::new(reject);
        self
    }

    fn require(mut self, requirement: Requirement) -> Self {
        let rules = Arc::make_mut(&mut self.rules);
        rules.requirements.push(requirement);
        rules.scopes = scopes_of(&rules.requirements);
        self
    }
}

impl Default for AuthorizeLayer {
    fn default() -> Self {
        Self::new()
    }
}

impl<S> Layer<S> for AuthorizeLayer {
    type Service = Authorized<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Authorized::new(inner, Arc::clone(&self.rules))
    }
}

impl Rules {
    /// The response to a request that may not come in.
    pub(super) fn refusal(&self, request: &request::Parts) -> Option<Response<Bytes>> {
        let reason = self.judge(request).err()?;
        let asks_for_scopes = matches!(reason, Reason::NoCredentials | Reason::InsufficientScope);
        let scopes = self.scopes.clone().filter(|_| asks_for_scopes);
        Some(refuse(&self.reject, Denied::new(reason, &self.challenges).scopes(scopes), request))
    }

    fn judge(&self, request: &request::Parts) -> Result<(), Reason> {
        let principal = request.extensions.get::<Principal>().ok_or(Reason::NoCredentials)?;
        self.requirements.iter().try_for_each(|requirement| requirement.check(principal, request))
    }
}

impl fmt::Debug for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rules").field("requirements", &self.requirements).finish_non_exhaustive()
    }
}

/// RFC 6750 §3: the scope that suffices, each name once.
fn scopes_of(requirements: &[Requirement]) -> Option<Arc<str>> {
    let mut names: Vec<&str> = Vec::new();
    for name in requirements.iter().flat_map(Requirement::scopes) {
        if !names.contains(&&**name) {
            names.push(name);
        }
    }
    (!names.is_empty()).then(|| names.join(" ").into())
}
