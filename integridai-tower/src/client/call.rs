//! One call on its way.

use std::future::poll_fn;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderName, HeaderValue, Request, Response};
use http_body::Body;
use http_body_util::Full;
use tower_service::Service;

use super::answer::{self, Failure, Time};
use super::service_client::Settings;
use super::transport::TransportError;
use super::{ClientError, Endpoint, ErrorKind};
use crate::{BoxError, CorrelationId, Deadline, Refused};

/// Names an effect, so that a service that sees the name again does not have the effect again
/// (draft-ietf-httpapi-idempotency-key-header).
pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// A prepared call of a [`ServiceClient`](super::ServiceClient).
#[must_use = "nothing is sent before `send`"]
pub struct Call<'a, S, E> {
    service: &'a S,
    settings: &'a Settings,
    endpoint: E,
    deadline: Option<Deadline>,
    correlation_id: Option<HeaderValue>,
    idempotency_key: Option<String>,
}

impl<'a, S, E: Endpoint> Call<'a, S, E> {
    pub(super) fn new(service: &'a S, settings: &'a Settings, endpoint: E) -> Self {
        Self { service, settings, endpoint, deadline: None, correlation_id: None, idempotency_key: None }
    }

    /// When the answer must be there, at the latest; shortens the client's timeout, never extends it.
    pub fn deadline(mut self, deadline: Deadline) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// The id to send on in `X-Correlation-ID`.
    pub fn correlation_id(mut self, id: &CorrelationId) -> Self {
        self.correlation_id = Some(id.to_header_value());
        self
    }

    /// The `Idempotency-Key` to send, which makes the call one that may be repeated.
    pub fn idempotency_key(mut self, key: impl Into<String>) -> Self {
        self.idempotency_key = Some(key.into());
        self
    }

    /// Sends the call and reads its answer.
    ///
    /// # Errors
    ///
    /// [`ClientError`], whatever goes wrong; its [kind](ClientError::kind) tells what.
    pub async fn send<B>(self) -> Result<E::Output, ClientError>
    where
        S: Service<Request<Full<Bytes>>, Response = Response<B>> + Clone,
        S::Error: Into<BoxError>,
        B: Body,
        B::Error: Into<BoxError>,
    {
        let deadline = match self.deadline {
            Some(deadline) => deadline.or_after(self.settings.timeout),
            None => Deadline::after(self.settings.timeout),
        };
        self.exchange(Time::until(deadline)).await.map_err(|failure| self.fail(failure))
    }

    fn request(&self) -> Result<Request<Full<Bytes>>, Failure> {
        let invalid = |source: BoxError| Failure { kind: ErrorKind::InvalidRequest, source: Some(source) };
        self.endpoint.check().map_err(invalid)?;
        let body = self.endpoint.body().map_err(invalid)?;
        let mut request = Request::new(Full::default());
        *request.method_mut() = self.endpoint.method();
        *request.uri_mut() = self.settings.base.join(&self.endpoint.path()).map_err(|e| invalid(e.into()))?;
        let headers = request.headers_mut();
        headers.clone_from(&self.settings.headers);
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        if let Some(id) = &self.correlation_id {
            headers.insert(CorrelationId::HEADER, id.clone());
        }
        if let Some(key) = &self.idempotency_key {
            headers.insert(IDEMPOTENCY_KEY, HeaderValue::from_str(key).map_err(|e| invalid(e.into()))?);
        }
        if let Some(body) = body {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            *request.body_mut() = Full::new(body);
        }
        Ok(request)
    }

    async fn exchange<B>(&self, time: Time) -> Result<E::Output, Failure>
    where
        S: Service<Request<Full<Bytes>>, Response = Response<B>> + Clone,
        S::Error: Into<BoxError>,
        B: Body,
        B::Error: Into<BoxError>,
    {
        let request = self.request()?;
        if time.is_up() {
            return Err(time.out());
        }
        let mut service = self.service.clone();
        let head = async {
            poll_fn(|context| service.poll_ready(context)).await.map_err(|error| unsent(error.into()))?;
            service.call(request).await.map_err(|error| broken(error.into()))
        };
        let response = time.bound(head).await?;
        answer::read(&self.endpoint, response, self.settings.max_response_bytes, time).await
    }

    fn fail(&self, Failure { kind, source }: Failure) -> ClientError {
        let repeatable = self.idempotency_key.is_some() || self.endpoint.is_idempotent();
        ClientError::new(&self.settings.name, E::NAME, repeatable, kind, source)
    }
}

/// A service that is not ready was not called: nothing left.
fn unsent(source: BoxError) -> Failure {
    let kind = if connect(&*source) { ErrorKind::Connect } else { ErrorKind::NotReady };
    Failure { kind, source: Some(source) }
}

fn broken(source: BoxError) -> Failure {
    let kind = match transport_error(&*source) {
        None if among_sources::<Refused>(&*source).is_some() => ErrorKind::NotReady,
        Some(TransportError::Connect(_)) => ErrorKind::Connect,
        Some(TransportError::Invalid(_)) => ErrorKind::InvalidRequest,
        _ => ErrorKind::Broken,
    };
    Failure { kind, source: Some(source) }
}

fn connect(error: &(dyn std::error::Error + 'static)) -> bool {
    transport_error(error).is_some_and(TransportError::is_connect)
}

fn transport_error<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a TransportError> {
    among_sources(error)
}

/// Layers around a transport wrap its errors.
fn among_sources<'a, T: std::error::Error + 'static>(
    error: &'a (dyn std::error::Error + 'static),
) -> Option<&'a T> {
    let chain = std::iter::successors(Some(error), |error| error.source());
    chain.take(16).find_map(|error| error.downcast_ref())
}

impl<S, E> std::fmt::Debug for Call<'_, S, E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Call").field("service", &self.settings.name).finish_non_exhaustive()
    }
}
