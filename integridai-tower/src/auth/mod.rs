//! Who asks.

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
