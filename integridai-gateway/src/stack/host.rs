//! Which names the gateway answers to. Without this, a page whose name is made to resolve to this machine (DNS
//! rebinding) could call a gateway on loopback through its visitor's browser, as its own origin.

use std::net::IpAddr;

use http::header::HOST;
use http::uri::Authority;
use http::{StatusCode, Version, request};

use crate::config::ServerConfig;

/// The names that are answered to.
#[derive(Debug, Clone)]
pub(super) struct Hosts {
    allowed: Vec<String>,
    any: bool,
}

impl Hosts {
    /// The configured names. Where there are none, a gateway on loopback answers to this machine alone, and one that
    /// listens elsewhere to every name.
    pub(super) fn new(server: &ServerConfig) -> Self {
        let allowed: Vec<String> =
            server.allowed_hosts.iter().map(|host| host.to_ascii_lowercase()).collect();
        let any = allowed.is_empty() && !server.listen.ip().is_loopback();
        Self { allowed, any }
    }

    /// Whether the request names one host, and one that is answered to. An error is the status of the refusal.
    pub(super) fn check(&self, request: &request::Parts) -> Result<(), StatusCode> {
        let authority = match request.uri.authority() {
            Some(authority) => Some(authority.clone()),
            None => header(request)?,
        };
        match authority {
            Some(authority) if self.admits(authority.host()) => Ok(()),
            Some(_) => Err(StatusCode::MISDIRECTED_REQUEST),
            // RFC 9112 §3.2; HTTP/1.0 has no need of one, and cannot be sent by a browser.
            None if request.version == Version::HTTP_10 => Ok(()),
            None => Err(StatusCode::BAD_REQUEST),
        }
    }

    /// An address is no name that somebody else could make resolve to it.
    fn admits(&self, host: &str) -> bool {
        let host = host.trim_start_matches('[').trim_end_matches(']');
        self.any
            || host.parse::<IpAddr>().is_ok()
            || host.rsplit('.').next().is_some_and(|last| last.eq_ignore_ascii_case("localhost"))
            || self.allowed.iter().any(|allowed| allowed.eq_ignore_ascii_case(host))
    }
}

fn header(request: &request::Parts) -> Result<Option<Authority>, StatusCode> {
    let mut values = request.headers.get_all(HOST).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(only), None) => {
            only.to_str().ok().and_then(|text| text.parse().ok()).map(Some).ok_or(StatusCode::BAD_REQUEST)
        }
        (Some(_), Some(_)) => Err(StatusCode::BAD_REQUEST),
    }
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn check(server: &ServerConfig, hosts: &[&str]) -> Result<(), StatusCode> {
        let mut request = Request::get("/");
        for host in hosts {
            request = request.header(HOST, *host);
        }
        Hosts::new(server).check(&request.body(()).unwrap().into_parts().0)
    }

    #[test]
    fn on_loopback_only_this_machine_is_answered_to() {
        let server = ServerConfig::default();
        for host in ["127.0.0.1:3002", "localhost", "LOCALHOST:3002", "[::1]:3002", "a.localhost", "10.0.0.1"]
        {
            assert_eq!(check(&server, &[host]), Ok(()), "{host}");
        }
        for host in ["evil.example:3002", "localhost.evil.example", "127.0.0.1.evil.example"] {
            assert_eq!(check(&server, &[host]), Err(StatusCode::MISDIRECTED_REQUEST), "{host}");
        }
        for hosts in [&[][..], &["localhost", "localhost"], &["two words"], &[""]] {
            assert_eq!(check(&server, hosts), Err(StatusCode::BAD_REQUEST), "{hosts:?}");
        }
    }

    #[test]
    fn elsewhere_every_name_is_answered_to_unless_some_are_configured() {
        let listen = "0.0.0.0:3002".parse().unwrap();
        let open = ServerConfig { listen, ..ServerConfig::default() };
        assert_eq!(check(&open, &["gateway.example"]), Ok(()));
        let named = ServerConfig { allowed_hosts: vec!["Gateway.example".to_owned()], ..open };
        assert_eq!(check(&named, &["gateway.example:443"]), Ok(()));
        assert_eq!(check(&named, &["other.example"]), Err(StatusCode::MISDIRECTED_REQUEST));
    }
}
