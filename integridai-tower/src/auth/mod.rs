//! Who asks, and what they may do.
//!
//! [`AuthenticateLayer`] asks its authenticators in order: [`TokenVerifier`] for JSON Web
//! Tokens ([`jwt`]), with keys of yours or such as an issuer publishes ([`RemoteKeys`]), [`Bearer`] for other tokens,
//! [`ApiKeys`](api_key::ApiKeys), your own
//! [`Authenticate`]. The first that finds credentials of its kind decides; its [`Principal`](crate::Principal) goes on in
//! the request's extensions. [`AuthorizeLayer`] judges that principal by scopes, roles or a predicate.
//! [`ForwardIdentityLayer`] tells it to a service behind a proxy. All keep the inner service's error.
//!
//! # What is refused
//! | what | status | `WWW-Authenticate` |
//! | --- | --- | --- |
//! | there are none, and they are not optional | 401 | no error (RFC 6750 §3.1) |
//! | they are repeated, malformed or not valid, for whatever [`Reason`] | 401 | `error="invalid_token"` |
//! | a scope is missing | 403 | `error="insufficient_scope"`, `scope` |
//! | a role is missing | 403 | `error="insufficient_scope"` |
//! | the predicate says no | 403 | no error |
//! | they cannot be checked: keys are not there, or waiting took too long | 503, `Retry-After` | none |
//!
//! The body is a problem document (RFC 9457), or the response that you make: `reject_with`. A client is told one fixed
//! sentence per row; the [`Reason`] is for logs and metrics, in [`Denied`].
//!
//! # What it does not do
//! It has no sessions, no cookies and no passwords. It does not fetch or refresh tokens. It does not limit how often
//! somebody may try: put a rate limit outside of it. It does not end what is already running when a credential ends: see
//! [`Principal::expires_at`](crate::Principal::expires_at).
//!
//! # Where to put it
//! From the outside: observation, correlation, CORS (a preflight has no credentials), a rate limit by address; [`AuthenticateLayer`]; a rate limit by principal;
//! [`AuthorizeLayer`], on the routes that need it; [`ForwardIdentityLayer`], right outside of the proxy. What is open to
//! everybody stays outside of [`AuthenticateLayer`], or is [`optional_if`](AuthenticateLayer::optional_if).
//!
//! A cache further in does not see `Authorization` any longer: it has to mind the [`Principal`](crate::Principal).
//!
//! A service that was polled ready and then refuses keeps what the inner service reserved until it is called again or
//! dropped; servers that clone a service per request drop it at once.
//!
//! # Headers and extensions
//! | | request | response |
//! | --- | --- | --- |
//! | reads | `Authorization`, and what authenticators [read](Authenticate::reads): `X-API-Key`; [`CorrelationId`](crate::CorrelationId) | |
//! | removes | those fields, unless [`keep_credentials`](AuthenticateLayer::keep_credentials); a [`Principal`](crate::Principal) from before, unless [`trust_earlier_principal`](AuthenticateLayer::trust_earlier_principal); what a client sent in the fields of [`ForwardIdentityLayer`] | |
//! | writes | [`Principal`](crate::Principal); the fields of [`ForwardIdentityLayer`] | on a refusal: `WWW-Authenticate`, `Retry-After`, `Cache-Control: no-store`, [`Denied`], [`Refused`](crate::Refused) |
//!
//! # Examples
//! Tokens, by a verifier of yours:
//! ```
//! # use std::convert::Infallible;
//! use http::{Request, Response};
//! use integridai_tower::Principal;
//! use integridai_tower::auth::{AuthenticateLayer, AuthorizeLayer, Bearer, Reason};
//! use tower::{ServiceBuilder, ServiceExt, service_fn};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let bearer = Bearer::new(|token: &str| match token {
//!     "open-sesame" => Ok(Principal::builder("ali-baba").scopes(["cave:enter"]).build()),
//!     _ => Err(Reason::UnknownKey),
//! });
//! let service = ServiceBuilder::new()
//!     .layer(AuthenticateLayer::new(bearer))
//!     .layer(AuthorizeLayer::new().all_scopes(["cave:enter"])?)
//!     .service(service_fn(async |_: Request<()>| Ok::<_, Infallible>(Response::new(String::new()))));
//!
//! let request = Request::get("/cave").header("authorization", "Bearer open-sesame").body(())?;
//! assert_eq!(service.clone().oneshot(request).await?.status(), 200);
//! let refused = service.oneshot(Request::get("/cave").body(())?).await?;
//! assert_eq!((refused.status().as_u16(), &refused.headers()["www-authenticate"]), (401, &"Bearer".parse()?));
//! # Ok(())
//! # }
//! ```
//! Tokens or API keys, with metadata for clients (RFC 9728), an open path, and a service behind that is told who asks:
//! ```
//! use std::time::Duration;
//! use http::{HeaderName, request};
//! use integridai_tower::auth::api_key::{ApiKeyHasher, ApiKeyRing, ApiKeys};
//! use integridai_tower::auth::{
//!     AuthenticateLayer, AuthorizeLayer, Bearer, Decision, Fact, ForwardIdentityLayer, ProtectedResource, Reason,
//! };
//!
//! let resource = ProtectedResource::new("https://api.example")?.authorization_servers(["https://login.example"]);
//! let bearer = Bearer::new(|_: &str| -> Decision { Err(Reason::UnknownKey) });
//! let authenticate = AuthenticateLayer::new(bearer)
//!     .or(ApiKeys::new(ApiKeyRing::default(), ApiKeyHasher::peppered(&[7; 32])?))
//!     .realm("api")?
//!     .resource_metadata(&resource.url())?
//!     .optional_if(|request: &request::Parts| request.uri.path() == "/version")
//!     .wait(Duration::from_secs(2));
//! let authorize = AuthorizeLayer::behind(&authenticate).any_role(["auditor", "admin"])?;
//! let forward = ForwardIdentityLayer::new().header(HeaderName::from_static("x-user-id"), Fact::Subject);
//! # let _ = (authorize, forward);
//! # Ok::<(), integridai_tower::ConfigError>(())
//! ```

pub mod api_key;
mod authenticate;
mod authorize;
mod bearer;
mod challenge;
mod denied;
mod door;
mod future;
mod identity;
pub mod jwt;
mod layer;
mod protected_resource;
mod reason;
mod remote_keys;
mod scheme;
mod service;
mod tokens;

pub use authenticate::{Attempt, Authenticate, Decision};
pub use authorize::{AuthorizeLayer, Authorized};
pub use bearer::Bearer;
pub use denied::Denied;
pub use future::ResponseFuture;
pub use identity::{Fact, ForwardIdentityLayer, IdentityForwarded};
pub use layer::AuthenticateLayer;
pub use protected_resource::ProtectedResource;
pub use reason::Reason;
pub use remote_keys::{FetchError, KeysStatus, RefreshKeys, RemoteKeys, RemoteKeysOptions};
pub use scheme::Scheme;
pub use service::Authenticated;
pub use tokens::{CheckRevocation, RevocationList, RevocationListFull, TokenFacts, TokenVerifier};
