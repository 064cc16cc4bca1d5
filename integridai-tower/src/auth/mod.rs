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
mod layer;
mod protected_resource;
mod reason;
mod scheme;
mod service;

pub use authenticate::{Attempt, Authenticate, Decision};
pub use authorize::{AuthorizeLayer, Authorized};
pub use bearer::Bearer;
pub use denied::Denied;
pub use future::ResponseFuture;
pub use identity::{Fact, ForwardIdentityLayer, IdentityForwarded};
pub use layer::AuthenticateLayer;
pub use protected_resource::ProtectedResource;
pub use reason::Reason;
pub use scheme::Scheme;
pub use service::Authenticated;
