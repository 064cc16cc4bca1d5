//! Which names the gateway answers to. Without this, a page whose name is made to resolve to this machine (DNS
//! rebinding) could call a gateway on loopback through its visitor's browser, as its own origin.

use std::net::IpAddr;

use http::header::HOST;
use http::uri::Authority;
use http::{HeaderMap, HeaderValue, StatusCode, Version, request};

use crate::config::ServerConfig;
use crate::respond::Problem;
use crate::server::Secured;

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

    /// Whether the request names one host, and one that is answered to. Then its `Host` has it in one form, whichever
    /// way it was named.
    ///
    /// # Errors
    ///
    /// The refusal.
    pub(super) fn admit(&self, request: &mut request::Parts) -> Result<(), Problem> {
        let port = if request.extensions.get::<Secured>().is_some() { 443 } else { 80 };
        let target = request.uri.authority().map(|authority| named(authority, port)).transpose()?;
        let field = field(&request.headers, port)?;
        // RFC 9112 §3.2.2 and RFC 9113 §8.3.1 have the target count; whoever is in front may have looked at the other.
        let host = match (target, field) {
            (Some(target), Some(field)) if target != field => return Err(bad("the target and Host differ")),
            (Some(_), None) if request.version < Version::HTTP_2 => return Err(bad("expected one Host")),
            (Some(host), _) | (None, Some(host)) => host,
            // HTTP/1.0 has no need of one, and cannot be sent by a browser.
            (None, None) if request.version == Version::HTTP_10 => return Ok(()),
            (None, None) => return Err(bad("expected one Host")),
        };
        if !self.admits(without_port(&host)) {
            let detail = "this gateway does not answer to that host";
            return Err(Problem::new(StatusCode::MISDIRECTED_REQUEST, detail));
        }
        if request.headers.get(HOST).is_none_or(|value| value.as_bytes() != host.as_bytes()) {
            let host = HeaderValue::try_from(host).map_err(|_| bad("expected one Host"))?;
            request.headers.insert(HOST, host);
        }
        Ok(())
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

/// As `Host` has it.
fn field(headers: &HeaderMap, default_port: u16) -> Result<Option<String>, Problem> {
    let mut values = headers.get_all(HOST).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(only), None) => {
            let authority = only.to_str().ok().and_then(|text| text.parse().ok());
            let authority = authority.as_ref().ok_or_else(|| bad("Host is not the name of one"));
            authority.and_then(|authority| named(authority, default_port)).map(Some)
        }
        (Some(_), Some(_)) => Err(bad("expected one Host")),
    }
}

/// In small letters, without the port that needs no saying and the dot that names may end by.
fn named(authority: &Authority, default_port: u16) -> Result<String, Problem> {
    // RFC 9110 §4.2.4: it makes one host look like another.
    if authority.as_str().contains('@') {
        return Err(bad("a host has no user"));
    }
    let host = authority.host();
    let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    let port = &authority.as_str()[authority.host().len()..];
    match (host.is_empty(), port.strip_prefix(':').map(str::parse::<u16>)) {
        (true, _) => Err(bad("Host is not the name of one")),
        (false, None) => Ok(host),
        (false, Some(Ok(port))) if port == default_port => Ok(host),
        (false, Some(Ok(port))) => Ok(format!("{host}:{port}")),
        (false, Some(Err(_))) if port == ":" => Ok(host),
        (false, Some(Err(_))) => Err(bad("the port of Host is none")),
    }
}

/// The name or address alone.
pub(super) fn without_port(host: &str) -> &str {
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    // Colons inside of brackets are those of an address.
    if host.ends_with(']') { host } else { name }
}

fn bad(detail: &'static str) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, detail)
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn check(server: &ServerConfig, hosts: &[&str]) -> Result<(), StatusCode> {
        admitted(server, "/", hosts).map(drop)
    }

    /// What `Host` is then.
    fn admitted(server: &ServerConfig, uri: &str, hosts: &[&str]) -> Result<String, StatusCode> {
        let mut request = Request::get(uri);
        for host in hosts {
            request = request.header(HOST, *host);
        }
        let mut parts = request.body(()).unwrap().into_parts().0;
        Hosts::new(server).admit(&mut parts).map_err(|problem| problem.status())?;
        Ok(parts.headers[HOST].to_str().unwrap().to_owned())
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

    #[test]
    fn a_host_has_one_form() {
        let open = ServerConfig { listen: "0.0.0.0:3002".parse().unwrap(), ..ServerConfig::default() };
        for (uri, hosts, expected) in [
            ("/", &["Gateway.EXAMPLE"][..], Ok("gateway.example")),
            ("/", &["gateway.example."], Ok("gateway.example")),
            ("/", &["gateway.example:80"], Ok("gateway.example")),
            ("/", &["gateway.example:"], Ok("gateway.example")),
            ("/", &["gateway.example:03002"], Ok("gateway.example:3002")),
            ("/", &["[::1]:3002"], Ok("[::1]:3002")),
            ("/", &["[::1]"], Ok("[::1]")),
            ("http://GATEWAY.example:80/", &["gateway.example"], Ok("gateway.example")),
            ("http://gateway.example/", &["other.example"], Err(400)),
            ("http://gateway.example/", &["gateway.example:81"], Err(400)),
            ("http://gateway.example/", &[], Err(400)),
            ("http://user@gateway.example/", &["gateway.example"], Err(400)),
            ("/", &["user@gateway.example"], Err(400)),
            ("/", &["gateway.example:65536"], Err(400)),
            ("/", &["gateway.example:x"], Err(400)),
            ("/", &["gateway.example/a"], Err(400)),
            ("/", &["a.example, b.example"], Err(400)),
            ("/", &[":80"], Err(400)),
            ("/", &["."], Err(400)),
        ] {
            let found = admitted(&open, uri, hosts).map_err(|status| status.as_u16());
            assert_eq!(found.as_deref(), expected.as_ref().map(|host| *host), "{uri} {hosts:?}");
        }
    }
}
