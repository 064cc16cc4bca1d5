//! The connections below a client: one file per HTTP client library.
//!
//! | transport | feature | choose it for |
//! | --- | --- | --- |
//! | [`HyperTransport`] | `client-hyper` | `http://` inside a cluster, at the least cost per call |
//! | [`ReqwestTransport`] | `client-reqwest` | `https://`, proxies, HTTP/2, as you configure your `reqwest::Client` |
//!
//! Any other Tower service of `http::Request<Full<Bytes>>` serves as well. To have its failures told apart, let
//! its error be a [`TransportError`], or have one among its [sources](std::error::Error::source).
//!
//! reqwest is part of the signatures: [`ReqwestTransport`] takes a `reqwest::Client` and answers with `reqwest::Body`.
//! Take the `reqwest` that this crate takes (0.13); another major version of it is another major version of this crate.
//! hyper stays inside: [`HyperTransport`] answers with a [`PooledBody`], an `http_body::Body` whose error is hyper's.

#[cfg(feature = "client-hyper")]
mod hyper;
#[cfg(feature = "client-reqwest")]
mod reqwest;

#[cfg(feature = "client-hyper")]
pub use hyper::{HyperTransport, PooledBody, ResponseFuture as HyperResponseFuture};
#[cfg(feature = "client-reqwest")]
pub use reqwest::{ReqwestTransport, ResponseFuture as ReqwestResponseFuture};

pub use crate::transport_error::TransportError;
