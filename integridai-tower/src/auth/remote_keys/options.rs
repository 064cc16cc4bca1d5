use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use http_body_util::Full;
use tower_service::Service;

use super::RemoteKeys;
use super::fetch::{Fetch, Limits, Place, parse_url};
use super::refresh::RefreshKeys;
use super::schedule::Pace;
use super::shared::Shared;
use crate::auth::jwt::JwksReader;
use crate::{BoxError, Clock, ConfigError};

/// How keys are fetched. See [`RemoteKeys::jwks`] and [`RemoteKeys::discovery`].
#[derive(Debug, Clone)]
#[must_use = "options do nothing until they are built"]
pub struct RemoteKeysOptions {
    jwks: Option<String>,
    issuer: Option<String>,
    pace: Pace,
    limits: Limits,
    max_waiting: usize,
    reader: JwksReader,
    clock: Clock,
}

impl RemoteKeysOptions {
    pub(super) fn jwks(url: String) -> Self {
        Self { jwks: Some(url), ..Self::default() }
    }

    pub(super) fn discovery(issuer: String) -> Self {
        Self { issuer: Some(issuer), ..Self::default() }
    }

    fn default() -> Self {
        let pace = Pace {
            refresh_every: Duration::from_secs(300),
            cooldown: Duration::from_secs(30),
            max_age: Duration::from_secs(24 * 60 * 60),
        };
        let limits = Limits { timeout: Duration::from_secs(5), max_bytes: 256 * 1024, plain_http: false };
        Self {
            jwks: None,
            issuer: None,
            pace,
            limits,
            max_waiting: 1_000,
            reader: JwksReader::new(),
            clock: Clock::system(),
        }
    }

    /// How long after a success the next fetch is due; after a failure it is 1 s, doubled with each further one up to
    /// this. Default: 5 minutes.
    pub fn refresh_every(mut self, time: Duration) -> Self {
        self.pace.refresh_every = time;
        self
    }

    /// How long after a fetch tokens with unknown keys are refused without another one. Default: 30 s.
    pub fn cooldown(mut self, time: Duration) -> Self {
        self.pace.cooldown = time;
        self
    }

    /// How long keys stay in use while they cannot be fetched, counted from the last success. Default: 24 hours.
    pub fn max_age(mut self, time: Duration) -> Self {
        self.pace.max_age = time;
        self
    }

    /// How long one fetch may take, that of the discovery document included, and how long a request may wait for it.
    /// Default: 5 s.
    pub fn timeout(mut self, time: Duration) -> Self {
        self.limits.timeout = time;
        self
    }

    /// The greatest size of an answer, in bytes; also for the [`reader`](Self::reader) unless one is set after it.
    /// Default: 256 KiB.
    pub fn max_bytes(mut self, bytes: usize) -> Self {
        self.limits.max_bytes = bytes;
        self.reader = self.reader.max_bytes(bytes);
        self
    }

    /// How many requests may wait for a fetch at a time; what is more is refused at once. Default: 1000.
    pub fn max_waiting(mut self, requests: usize) -> Self {
        self.max_waiting = requests;
        self
    }

    /// Lets keys come over `http://` from elsewhere than loopback. Whoever sits between can then sign any token.
    pub fn dangerous_allow_http(mut self) -> Self {
        self.limits.plain_http = true;
        self
    }

    /// How the set of keys is read. Default: [`JwksReader::new`].
    pub fn reader(mut self, reader: JwksReader) -> Self {
        self.reader = reader;
        self
    }

    /// The clock of [`KeysStatus::last_success`](super::KeysStatus::last_success). Default: the system's.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// The keys, and the future that keeps them fresh: spawn it, or poll it beside your server. It ends when the last
    /// clone of the keys is dropped.
    ///
    /// `service` makes the requests; a client of yours that follows redirects does so, the keys themselves are never
    /// looked for elsewhere than at the URL.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] when the URL is none, or is `http://` to elsewhere than loopback; when the pace or the timeout is 0;
    /// when keys would be given up before they are due to be fetched again.
    pub fn build<S, B>(self, service: S) -> Result<(RemoteKeys, RefreshKeys), ConfigError>
    where
        S: Service<Request<Full<Bytes>>, Response = Response<B>, Error: Into<BoxError>> + Send + 'static,
        S::Future: Send,
        B: Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
    {
        let place = self.place()?;
        self.check_pace()?;
        let (shared, asked) = Shared::new(self.pace, self.limits.timeout, self.max_waiting, self.clock);
        let refresh = RefreshKeys::new(
            &shared,
            asked,
            service,
            Fetch { place, limits: self.limits, reader: self.reader },
        );
        Ok((RemoteKeys { shared }, refresh))
    }

    fn check_pace(&self) -> Result<(), ConfigError> {
        if self.pace.refresh_every.is_zero() {
            return Err(ConfigError::new("refresh_every", "must be more than 0"));
        }
        if self.limits.timeout.is_zero() {
            return Err(ConfigError::new("timeout", "must be more than 0"));
        }
        if self.pace.max_age <= self.pace.refresh_every {
            return Err(ConfigError::new("max_age", "must be more than refresh_every"));
        }
        Ok(())
    }

    fn place(&self) -> Result<Place, ConfigError> {
        let plain_http = self.limits.plain_http;
        match (&self.jwks, &self.issuer) {
            (Some(url), _) => Ok(Place::Jwks(parse_url(url, plain_http)?)),
            (None, Some(issuer)) if issuer.contains(['?', '#']) => {
                Err(ConfigError::new("issuer", "has a query or a fragment"))
            }
            (None, Some(issuer)) => {
                let url = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
                Ok(Place::Discovery(issuer.as_str().into(), parse_url(&url, plain_http)?))
            }
            (None, None) => Err(ConfigError::new("url", "neither a URL nor an issuer")),
        }
    }
}
