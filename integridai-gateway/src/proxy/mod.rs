//! Pass-through routes: what clients send goes to a service as it comes, and what the service answers comes back so.
//!
//! | | what becomes of it |
//! | --- | --- |
//! | method | passed; `TRACE` and `CONNECT` are refused (501) |
//! | path and query | passed to the letter, less the route's prefix; dot segments, backslashes and control characters, encoded or not, are refused (400) |
//! | content, trailers | streamed as fast as the service takes them, up to the route's size (413) |
//! | fields of the connection | removed; where `Connection` names a field that is for all recipients, the request is refused (400) |
//! | `Upgrade` | refused (501) unless the route lets that protocol through (`upgrade`); `h2c`, which a server may ignore, is left out |
//! | what stops | ended after the route's `idle_timeout_seconds`, with its call of the service |
//! | calls of gRPC | as all else, to a service that speaks HTTP/2, for no longer than their `grpc-timeout`; the gateway's own refusals are a status of gRPC |
//! | `Authorization`, `X-API-Key` | not passed: they are for the gateway, which sends the service a token of its own |
//! | `Forwarded`, `X-Forwarded-*` and the like | said anew; what was said before counts from trusted proxies only, in the field in which they tell (`rate_limits.forwarding`) |
//! | `Via` | added both ways; a request that was here before is refused (508) |
//! | `Max-Forwards` of an OPTIONS | counted down; with 0, the gateway answers (204) |
//! | who asks | told in the fields that are configured, in which no client can say anything |
//! | `Access-Control-*` of answers | removed: `[cors]` says whose pages may call |
//! | answers | passed with any status; those of the gateway itself are problem documents |
//!
//! Everything here is about one exchange; what stands by the services is in `stack`.
//!
//! Of what is kept for all who may ask (`cache.shared`) the service is told nothing of who asks: neither who, nor from where, nor
//! cookies.

mod answer;
mod choose;
mod failure;
mod forwarded;
mod frames;
mod grpc;
mod hops;
mod max_forwards;
mod names;
mod one_way;
mod pass;
mod path;
mod prepare;
mod route;
mod table;
mod trailers;
mod tunnel;
mod upgrade;
mod via;
mod watched;

pub use choose::{Candidate, Choose};
pub use pass::Pass;
pub use prepare::Passage;
pub use route::{AllowedFields, Base, Identity, Route, Unfit};
pub use table::Table;
pub use tunnel::Tunnels;
pub use upgrade::Upgrades;
