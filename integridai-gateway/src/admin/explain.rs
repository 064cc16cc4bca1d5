//! `POST /admin/v1/explain`

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use axum::Json;
use axum::extract::rejection::JsonRejection;
use http::header::HOST;
use http::{HeaderName, HeaderValue, Method, Request, Uri, request};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::State;
use super::body::{invalid, unreadable, wrong};
use super::limits::{Whose, parse as parse_whose};
use crate::respond::{FieldError, Problem, ProblemSchema};
use crate::server::PeerAddr;
use crate::stack::Explanation;

/// A request that nobody sends.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Described {
    #[serde(default = "get")]
    #[schema(example = "GET")]
    method: String,
    /// With its query.
    #[schema(example = "/api/v1/regtech/compliance_dashboard")]
    path: String,
    /// `Host`; `localhost` unless told.
    #[serde(default = "localhost")]
    host: String,
    /// Other fields; `authorization` or `x-api-key` tell who asks, unless `principal` does.
    #[serde(default)]
    headers: BTreeMap<String, String>,
    /// From where it comes, as the gateway sees it.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "203.0.113.7")]
    address: Option<IpAddr>,
    /// Who asks, in place of credentials.
    #[serde(default)]
    #[schema(value_type = Option<Whose>)]
    principal: Option<Value>,
}

/// Tells what would become of a request: which route, who asks, and what each layer says and why.
///
/// What would decide it tells it, without charging a limit, counting as a use of what is kept, or calling a service. Tickets are
/// not taken: that would use them up.
#[utoipa::path(
    post,
    path = "/admin/v1/explain",
    tag = "gateway",
    request_body = Described,
    responses(
        (status = 200, description = "What would become of it now", body = Explanation),
        (status = 422, description = "It describes no request", body = ProblemSchema, content_type = "application/problem+json"),
    )
)]
pub(super) async fn explain(
    axum::extract::State(admin): State,
    body: Result<Json<Value>, JsonRejection>,
) -> Result<Json<Explanation>, Problem> {
    let Json(body) = body.map_err(|rejection| unreadable(&rejection))?;
    let head = parse(&body).map_err(|error| invalid(vec![error]))?;
    Ok(Json(admin.explain.explain(head).await))
}

fn parse(body: &Value) -> Result<request::Parts, FieldError> {
    if !body.is_object() {
        return Err(wrong("", "expected an object"));
    }
    let described = Described::deserialize(body).map_err(|error| wrong("", &error.to_string()))?;
    let uri: Uri =
        described.path.parse().map_err(|_| wrong("/path", "expected a path, and perhaps a query"))?;
    if !described.path.starts_with('/') || uri.query().is_some_and(|query| query.contains("ticket=")) {
        return Err(wrong("/path", "expected a path that begins with `/`, without a ticket"));
    }
    let (mut head, ()) = Request::new(()).into_parts();
    let method = Method::from_bytes(described.method.as_bytes());
    head.method = method.map_err(|_| wrong("/method", "expected a method"))?;
    head.uri = uri;
    let host = [("host".to_owned(), described.host)];
    for (name, value) in host.into_iter().chain(described.headers) {
        let (name, value) = field(&name, &value)?;
        head.headers.insert(name, value);
    }
    let address = described.address.unwrap_or_else(|| std::net::Ipv4Addr::LOCALHOST.into());
    head.extensions.insert(PeerAddr(SocketAddr::new(address, 0)));
    if let Some(principal) = described.principal {
        let whose = parse_whose(&principal).map_err(|error| wrong("/principal", &error.detail))?;
        let principal = whose.counted().principal;
        head.extensions.insert(principal.ok_or_else(|| wrong("/principal/subject", "needed"))?);
    }
    Ok(head)
}

fn field(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), FieldError> {
    let pointer = if name == HOST.as_str() { "/host".to_owned() } else { format!("/headers/{name}") };
    match (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value)) {
        (Ok(name), Ok(value)) => Ok((name, value)),
        _ => Err(wrong(&pointer, "expected a field")),
    }
}

fn get() -> String {
    "GET".to_owned()
}

fn localhost() -> String {
    "localhost".to_owned()
}
