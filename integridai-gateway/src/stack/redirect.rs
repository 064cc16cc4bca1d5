//! For those who come without TLS: where it is spoken.

use std::net::IpAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::header::{HOST, LOCATION};
use http::{HeaderValue, StatusCode, Uri};

use super::door::DoorLayer;
use super::edge::correlation;
use super::host::without_port;
use super::hygiene::Hygiene;
use super::pace::Pace;
use super::security_headers::SecurityHeaders;
use crate::config::ServerConfig;
use crate::respond::Problem;

/// Whom clients may be sent to.
#[derive(Debug)]
struct Targets {
    names: Vec<String>,
    /// The gateway's own.
    addresses: Vec<IpAddr>,
    /// `:8443`, or nothing for the port of `https://`.
    port: String,
}

/// Sends every request to `https_port` of the host that it names, where that is one of the gateway's own: a client must not
/// be sent wherever somebody has it say. `/livez` is answered.
pub fn redirect(server: &ServerConfig, https_port: u16) -> Router {
    let own = [Some(server.listen), server.redirect.listen];
    let addresses: Vec<IpAddr> = own.into_iter().flatten().map(|listen| listen.ip()).collect();
    let is_local = addresses.iter().any(IpAddr::is_loopback);
    let local = is_local.then(|| "localhost".to_owned());
    let targets = Targets {
        names: server.allowed_hosts.iter().map(|name| name.to_ascii_lowercase()).chain(local).collect(),
        addresses,
        port: if https_port == 443 { String::new() } else { format!(":{https_port}") },
    };
    let security = SecurityHeaders::new(&server.security_headers);
    Router::new()
        .route("/livez", get(async || "ok"))
        .fallback(send)
        .with_state(Arc::new(targets))
        .layer(DoorLayer::new(Hygiene::new(server), Pace::new(server), security))
        .layer(correlation())
}

async fn send(State(targets): State<Arc<Targets>>, request: Request) -> Response {
    let host = request.headers().get(HOST).and_then(|host| host.to_str().ok());
    match host.and_then(|host| targets.location(host, request.uri())) {
        Some(location) => (StatusCode::PERMANENT_REDIRECT, [(LOCATION, location)]).into_response(),
        None => {
            let detail = "only https:// is spoken here, and there is no such host to send you to";
            Problem::new(StatusCode::MISDIRECTED_REQUEST, detail).into_response()
        }
    }
}

impl Targets {
    /// `None` where the host is not the gateway's, or the target has no path.
    fn location(&self, host: &str, uri: &Uri) -> Option<HeaderValue> {
        let name = without_port(host);
        let address = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        let is_own = match address {
            Ok(address) => self.addresses.contains(&address),
            Err(_) => self.names.iter().any(|known| known == name),
        };
        let target =
            uri.path_and_query().map(http::uri::PathAndQuery::as_str).filter(|path| path.starts_with('/'))?;
        let location = || HeaderValue::try_from(format!("https://{name}{}{target}", self.port)).ok();
        is_own.then(location).flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_are_sent_to_the_gateways_own_names_alone() {
        let targets = Targets {
            names: vec!["gate.example".to_owned()],
            addresses: vec!["192.0.2.1".parse().unwrap(), "::1".parse().unwrap()],
            port: ":8443".to_owned(),
        };
        for (host, uri, expected) in [
            ("gate.example", "/a?b=c", Some("https://gate.example:8443/a?b=c")),
            ("gate.example:80", "/", Some("https://gate.example:8443/")),
            ("gate.example", "//evil.example/x", Some("https://gate.example:8443//evil.example/x")),
            ("gate.example", "/@evil.example", Some("https://gate.example:8443/@evil.example")),
            ("gate.example", "http://gate.example/a", Some("https://gate.example:8443/a")),
            ("192.0.2.1:80", "/", Some("https://192.0.2.1:8443/")),
            ("[::1]:80", "/", Some("https://[::1]:8443/")),
            ("192.0.2.2", "/", None),
            ("evil.example", "/", None),
            ("gate.example.evil.example", "/", None),
            ("gate.example", "*", None),
            ("gate.example", "gate.example:443", None),
        ] {
            let location = targets.location(host, &uri.parse().unwrap());
            let location = location.as_ref().map(|location| location.to_str().unwrap());
            assert_eq!(location, expected, "{host} {uri}");
        }
    }
}
