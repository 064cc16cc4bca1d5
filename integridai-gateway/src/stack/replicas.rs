//! The addresses of one service: calls go to the better of two, and checks say how each is.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::uri::Authority;
use http::{Request, Response};
use http_body_util::Full;
use integridai_tower::client::balance::{
    AddressSnapshot, AtAddress, Balance, BalanceOptions, Balancer, CheckHealth, HealthOptions,
};
use integridai_tower::client::transport::TransportError;
use integridai_tower::{BoxError, ConfigError};
use tower::Service;
use tower::util::Either;

use crate::config::{HealthCheckConfig, ServiceConfig};

type Look = dyn Fn() -> Vec<AddressSnapshot<Authority>> + Send + Sync;

/// How the addresses of a service stand. A clone sees the same.
#[derive(Clone, Default)]
pub struct Replicas(Option<Arc<Look>>);

/// A service at its addresses, or where its base URL says.
pub(super) struct Replicated<S> {
    pub(super) service: Either<S, Balance<Authority, AtAddress<S>>>,
    pub(super) replicas: Replicas,
    /// Checks the addresses while it is polled.
    pub(super) check: Option<CheckHealth>,
}

impl Replicas {
    /// Each of them, in the order of the configuration; none where the base URL says where the service is.
    #[must_use]
    pub fn snapshot(&self) -> Vec<AddressSnapshot<Authority>> {
        self.0.as_ref().map(|look| look()).unwrap_or_default()
    }
}

impl fmt::Debug for Replicas {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Replicas").field(&self.snapshot()).finish()
    }
}

impl<S> Replicated<S> {
    /// Over `service`, the connections.
    pub(super) fn new<B>(name: &str, config: &ServiceConfig, service: S) -> Result<Self, ConfigError>
    where
        S: Service<Request<Full<Bytes>>, Response = Response<B>, Error = TransportError>
            + Clone
            + Send
            + Sync
            + 'static,
        S::Future: Send + 'static,
        B: http_body::Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
    {
        let settings = &config.resilience;
        let addresses: Vec<_> = settings.addresses.iter().map(|address| address.get().clone()).collect();
        if addresses.is_empty() {
            if settings.health_check.is_some() {
                return Err(ConfigError::new("health_check", "expected addresses of replicas to check"));
            }
            return Ok(Self { service: Either::Left(service), replicas: Replicas::default(), check: None });
        }
        let at = move |address: &Authority| AtAddress::new(service.clone(), address.clone());
        let balancer = BalanceOptions::new().build(name, addresses, at)?;
        let check =
            settings.health_check.as_ref().map(|check| checks(&balancer, config, check)).transpose()?;
        let service = Either::Right(balancer.service());
        Ok(Self { service, replicas: Replicas(Some(Arc::new(move || balancer.snapshot()))), check })
    }
}

fn checks<S, B>(
    balancer: &Balancer<Authority, AtAddress<S>>,
    config: &ServiceConfig,
    check: &HealthCheckConfig,
) -> Result<CheckHealth, ConfigError>
where
    S: Service<Request<Full<Bytes>>, Response = Response<B>, Future: Send> + Clone + Send + 'static,
    B: http_body::Body<Data = Bytes, Error: Into<BoxError>> + Send,
{
    let options =
        HealthOptions::new().interval(check.interval_seconds.get()).timeout(check.timeout_seconds.get());
    let question = question(config, check)?;
    balancer.check_health(options, move |_| question.clone())
}

/// What each address is asked: as a call would be, with the name of the service and what lets the gateway in.
fn question(config: &ServiceConfig, check: &HealthCheckConfig) -> Result<Request<Full<Bytes>>, ConfigError> {
    let url = format!("{}{}", config.base_url.as_str().trim_end_matches('/'), check.path.as_str());
    let request = Request::get(url).body(Full::default());
    let mut request = request.map_err(|error| ConfigError::new("health_check", error.to_string()))?;
    if let Some(value) = config.authorization() {
        request.headers_mut().insert(AUTHORIZATION, value);
    }
    Ok(request)
}
