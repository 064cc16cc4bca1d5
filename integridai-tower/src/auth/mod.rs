//! Who asks.

pub mod api_key;
mod authenticate;
mod authorize;
mod bearer;
mod challenge;
mod denied;
mod door;
mod future;
mod layer;
mod reason;
mod scheme;
mod service;

pub use authenticate::{Attempt, Authenticate, Decision};
pub use authorize::{AuthorizeLayer, Authorized};
pub use bearer::Bearer;
pub use denied::Denied;
pub use future::ResponseFuture;
pub use layer::AuthenticateLayer;
pub use reason::Reason;
pub use scheme::Scheme;
pub use service::Authenticated;
