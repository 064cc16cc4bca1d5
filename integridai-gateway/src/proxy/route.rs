//! One route: from whom it takes what, and where that goes.

use std::sync::Arc;
use std::time::Duration;

use http::uri::{Authority, PathAndQuery, Scheme};
use http::{Method, Uri, request};
use integridai_tower::ConfigError;

use super::forwarded::host_of;
use crate::api::Scope;
use crate::config::{Count, ProxyRouteConfig, ProxyUpgradeConfig, RouteTarget, Seconds};

/// What the gateway does with requests of one route.
#[derive(Debug, Clone)]
pub struct Route {
    /// What it is called in metrics: the template that requests have to match.
    pub template: Arc<str>,
    /// What a limit or a circuit of its own is called.
    pub name: Option<String>,
    /// The service.
    pub service: String,
    /// What a principal needs.
    pub scope: Scope,
    /// How large the content of a request may be, in bytes.
    pub max_body_bytes: usize,
    /// How long it may take until the head of an answer is there; as long as the service unless told.
    pub timeout: Option<Duration>,
    /// For how long nothing may go either way.
    pub idle_timeout: Duration,
    /// Whether answers are kept for all who may ask.
    pub is_shared: bool,
    /// Which other protocols it lets through, if any.
    pub upgrade: Option<ProxyUpgradeConfig>,
    /// How long an answer is fresh that says nothing of it.
    pub default_ttl: Option<Duration>,
    /// Whether what stands by its service stands by it alone.
    is_guarded: bool,
    conditions: Conditions,
    /// What of a path is taken off in front, and put there.
    taken_off: String,
    put_on: String,
}

/// What a request has to have beside the path; none is none.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Conditions {
    methods: Vec<String>,
    hosts: Vec<String>,
}

/// Why a route does not take a request whose path it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unfit {
    /// It is for other hosts.
    Host,
    /// It is for other methods.
    Method,
}

/// The fields that tell a service who asks.
#[derive(Debug, Clone)]
pub struct Identity(Arc<[String]>);

/// What clients may say of themselves nonetheless.
#[derive(Debug, Clone)]
pub struct AllowedFields(Arc<[String]>);

/// Where a service is.
#[derive(Debug, Clone)]
pub struct Base {
    scheme: Scheme,
    authority: Authority,
    /// Without a slash at the end.
    path: String,
}

impl Identity {
    /// These, in lower case.
    pub fn of(names: impl IntoIterator<Item = String>) -> Self {
        Self(names.into_iter().collect())
    }

    /// Whether this is one of them, also with something else for what is neither letter nor digit.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        let letters = |name: &str| name.replace(|letter: char| !letter.is_ascii_alphanumeric(), "-");
        self.0.iter().any(|own| own == name || letters(own) == letters(name))
    }
}

impl AllowedFields {
    /// These, in lower case.
    pub fn of(names: impl IntoIterator<Item = String>) -> Self {
        Self(names.into_iter().collect())
    }

    /// Whether it is one of them, to the letter.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|own| own == name)
    }
}

impl Route {
    /// As it is configured, of those that begin with `template`.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] when the scope is none.
    pub fn new(config: &ProxyRouteConfig, max_body_bytes: usize) -> Result<Self, ConfigError> {
        let refused = |reason: String| ConfigError::new("proxy.routes", reason);
        let (template, taken_off, default) = match config.target() {
            Some(RouteTarget::Prefix(prefix)) => (format!("{prefix}/{{*path}}"), prefix, ""),
            Some(RouteTarget::Path(path)) => (path.to_owned(), path, path),
            None => return Err(refused("expected exactly one of prefix and path".to_owned())),
        };
        let scope = config.scope.clone().unwrap_or_else(|| format!("proxy:{}", config.service));
        let scope =
            scope.parse().map_err(|unknown| refused(format!("{template}: scope `{scope}`: {unknown}")))?;
        let cache = config.cache.unwrap_or_default();
        let ttl = Duration::from_secs(cache.default_ttl_seconds.get().into());
        Ok(Self {
            name: config.name.clone(),
            is_guarded: config.resilience.is_some() && config.base_url.is_none(),
            service: config.service.clone(),
            scope,
            max_body_bytes: config.max_body_bytes.map_or(max_body_bytes, Count::get),
            timeout: config.timeout_seconds.map(Seconds::get),
            idle_timeout: config.idle_timeout_seconds.get(),
            is_shared: cache.shared,
            upgrade: config.upgrade.clone(),
            default_ttl: (!ttl.is_zero()).then_some(ttl),
            conditions: Conditions { methods: config.methods.clone(), hosts: config.hosts.clone() },
            taken_off: taken_off.to_owned(),
            put_on: config.rewrite.as_ref().map_or(default, |path| path.as_str()).to_owned(),
            template: template.into(),
        })
    }

    /// Whether it takes the request, whose path it has.
    ///
    /// # Errors
    ///
    /// [`Unfit`] tells why not.
    pub fn fits(&self, request: &request::Parts) -> Result<(), Unfit> {
        let Conditions { methods, hosts } = &self.conditions;
        let is_own = |host: &str| hosts.iter().any(|own| own.eq_ignore_ascii_case(host));
        if !hosts.is_empty() && !host_of(request).is_some_and(|host| is_own(without_port(&host))) {
            return Err(Unfit::Host);
        }
        let is_taken =
            |method: &str| method == request.method || (method == "GET" && request.method == Method::HEAD);
        if methods.is_empty() || methods.iter().any(|method| is_taken(method)) {
            return Ok(());
        }
        Err(Unfit::Method)
    }

    /// What stands by its service is of this name: the service's, or its own.
    #[must_use]
    pub fn guard(&self) -> &str {
        self.name.as_deref().filter(|_| self.is_guarded).unwrap_or(&self.service)
    }

    /// The methods that it takes, where those are some.
    #[must_use]
    pub fn methods(&self) -> &[String] {
        &self.conditions.methods
    }

    /// The hosts that it is for, where those are some.
    #[must_use]
    pub fn hosts(&self) -> &[String] {
        &self.conditions.hosts
    }

    /// Whether what is asked for is kept for others: then nothing tells the service who asks.
    #[must_use]
    pub fn is_for_all(&self, method: &Method) -> bool {
        self.is_shared && matches!(*method, Method::GET | Method::HEAD)
    }

    /// Where at the service that is: path and query to the letter, but for the beginning. `None` where it would be too long.
    #[must_use]
    pub fn target(&self, uri: &Uri, base: &Base) -> Option<Uri> {
        let path = uri.path().strip_prefix(&self.taken_off)?;
        let mut text = format!("{}{}{path}", base.path, self.put_on);
        if text.is_empty() {
            text.push('/');
        }
        if let Some(query) = uri.query() {
            text.push('?');
            text.push_str(query);
        }
        let mut parts = http::uri::Parts::default();
        parts.scheme = Some(base.scheme.clone());
        parts.authority = Some(base.authority.clone());
        parts.path_and_query = Some(PathAndQuery::try_from(text).ok()?);
        Uri::from_parts(parts).ok()
    }
}

impl Base {
    /// Of a URL that a client of the service accepts.
    #[must_use]
    pub fn of(url: &str) -> Option<Self> {
        let parts = url.parse::<Uri>().ok()?.into_parts();
        let path = parts.path_and_query.as_ref().map_or("", |path| path.path());
        let path = path.trim_end_matches('/').to_owned();
        Some(Self { scheme: parts.scheme?, authority: parts.authority?, path })
    }
}

/// An IPv6 address is in brackets and has colons of its own.
fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn route(text: &str) -> Route {
        Route::new(&toml::from_str(text).unwrap(), 1024).unwrap()
    }

    #[test]
    fn the_beginning_of_a_path_is_replaced_and_the_rest_is_the_same_to_the_letter() {
        let prefix = "service = \"regtech\"\nprefix = \"/api/v1/regtech\"";
        let exact = "service = \"regtech\"\npath = \"/report\"";
        for (config, base, given, expected) in [
            (prefix, "http://r:1", "/api/v1/regtech/a/b", "http://r:1/a/b"),
            (prefix, "http://r:1/", "/api/v1/regtech/", "http://r:1/"),
            (
                prefix,
                "http://r:1/base/",
                "/api/v1/regtech/a%2Fb//c?x=%2e%2E&&?",
                "http://r:1/base/a%2Fb//c?x=%2e%2E&&?",
            ),
            (prefix, "http://r", "/api/v1/regtech/a?", "http://r/a?"),
            (prefix, "http://r", "/api/v1/regtech//evil.test/a", "http://r//evil.test/a"),
            (&format!("{prefix}\nrewrite = \"/v2\""), "http://r", "/api/v1/regtech/a", "http://r/v2/a"),
            (exact, "http://r", "/report?a", "http://r/report?a"),
            (&format!("{exact}\nrewrite = \"/other\""), "http://r/x", "/report", "http://r/x/other"),
        ] {
            let base = Base::of(base).unwrap();
            let target = route(config).target(&given.parse().unwrap(), &base).unwrap();
            assert_eq!(target.to_string(), expected, "{given}");
        }
    }

    #[test]
    fn a_target_that_would_be_too_long_is_none() {
        let route =
            route("service = \"regtech\"\npath = \"/a\"\nrewrite = \"/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"");
        let uri = format!("/a?{}", "x".repeat(65_510)).parse().unwrap();
        assert_eq!(route.target(&uri, &Base::of("http://r").unwrap()), None);
    }

    #[test]
    fn a_route_takes_its_methods_and_hosts() {
        let route = route(
            "service = \"regtech\"\nprefix = \"/a\"\nmethods = [\"GET\", \"POST\"]\nhosts = [\"A.test\", \"[::1]\"]",
        );
        for (method, host, expected) in [
            ("GET", "a.test", Ok(())),
            ("HEAD", "A.TEST:80", Ok(())),
            ("POST", "[::1]:80", Ok(())),
            ("POST", "[::1]", Ok(())),
            ("PUT", "a.test", Err(Unfit::Method)),
            ("GET", "b.test", Err(Unfit::Host)),
            ("PUT", "b.test", Err(Unfit::Host)),
        ] {
            let request = Request::builder().method(method).uri("/a/b").header("host", host);
            let (parts, ()) = request.body(()).unwrap().into_parts();
            assert_eq!(route.fits(&parts), expected, "{method} {host}");
        }
    }
}
