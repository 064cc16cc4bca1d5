//! Who may call: the authenticators of the configuration, and what the routes ask of a principal.

use std::fmt;
use std::fs;
use std::path::Path;

use axum::Router;
use http::{HeaderValue, header, request};
use integridai_tower::auth::api_key::{ApiKeyHasher, ApiKeyRing, ApiKeys};
use integridai_tower::auth::jwt::{Algorithm, Issuer, Key, KeySet, Validator};
use integridai_tower::auth::{
    Attempt, Authenticate, AuthenticateLayer, AuthorizeLayer, Decision, Reason, RemoteKeys, TokenVerifier,
};
use integridai_tower::{ConfigError, Principal};
use tower_http::set_header::SetResponseHeaderLayer;

use super::certificates::ByCertificate;
use super::refused::{NO_STORE, refused};
use super::upstream::keys_transport;
use super::work::Work;
use crate::api::{STREAM, SUBSCRIBE, Scope, UnknownScope};
use crate::config::{ApiKeyConfig, AuthConfig, IssuerConfig, Secret};
use crate::console;
use crate::services::{IssuerKeys, Tickets};

/// The gateway's door: who is let in, and what has to be kept running for it. A clone is the same.
#[derive(Clone)]
pub struct Access {
    layer: AuthenticateLayer,
    published: Vec<PublishedKeys>,
    issuer_keys: IssuerKeys,
}

/// Keys that issuers publish, and those that were there before.
struct Publishing<'a> {
    before: &'a [PublishedKeys],
    made: Vec<PublishedKeys>,
}

/// The keys that one issuer publishes.
#[derive(Clone)]
struct PublishedKeys {
    name: String,
    place: KeysPlace,
    keys: RemoteKeys,
    refresh: Work,
}

/// Where an issuer publishes its keys.
#[derive(Debug, Clone, PartialEq, Eq)]
enum KeysPlace {
    Jwks(String),
    DiscoveredOf(String),
}

/// For everybody: orchestrators have no credentials, and a newcomer reads how to get some.
const OPEN: [&str; 6] = ["/livez", "/readyz", "/api/v1/health", "/api/openapi.json", "/docs", console::PATH];

impl Access {
    /// The door as it is configured; without `tickets` none counts. Keys that issuers publish are those that were fetched `before`,
    /// where they are published in the same place.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] when a key cannot be read or used.
    pub fn new(
        config: &AuthConfig,
        tickets: Option<&Tickets>,
        before: Option<&Self>,
    ) -> Result<Self, ConfigError> {
        let before = before.map_or(&[][..], |before| &before.published);
        let mut publishing = Publishing { before, made: Vec::new() };
        let mut layer = match config.disabled {
            true => AuthenticateLayer::new(anybody),
            false => AuthenticateLayer::new(WithTicket(tickets.cloned())),
        };
        if !config.issuers.is_empty() {
            layer = layer.or(publishing.tokens(config)?);
        }
        if !config.api_keys.is_empty() {
            layer = layer.or(api_keys(config)?);
        }
        if !config.client_certificates.is_empty() {
            // Last, for a token says for whom this request is, and a certificate whose connection it is.
            layer = layer.or(ByCertificate::new(&config.client_certificates)?);
        }
        let layer = layer.optional_if(is_open).realm(&config.realm)?.reject_with(refused);
        let published = publishing.made;
        let has_others = config.disabled
            || !config.api_keys.is_empty()
            || !config.client_certificates.is_empty()
            || published.len() < config.issuers.len();
        let keys = published.iter().map(|issuer| (issuer.name.clone(), issuer.keys.clone())).collect();
        Ok(Self { layer, published, issuer_keys: IssuerKeys::new(keys, !has_others) })
    }

    /// Around everything.
    pub fn layer(&self) -> AuthenticateLayer {
        self.layer.clone()
    }

    /// Puts what asks for the scope before the routes. `admin` is every scope. A cache that does not know that an answer
    /// depends on `X-API-Key` would give it to anybody (RFC 9111 §3.5 is about `Authorization` alone): unless an answer
    /// says otherwise, none may keep it.
    ///
    /// # Panics
    ///
    /// Never: the scopes are written in their grammar.
    pub fn guard<S: Clone + Send + Sync + 'static>(&self, routes: Router<S>, scope: Scope) -> Router<S> {
        let (authorize, kept_nowhere) = self.layers(scope);
        routes.route_layer(kept_nowhere).route_layer(authorize)
    }

    /// What [`guard`](Self::guard) puts before routes, from the outside.
    pub(super) fn layers(&self, scope: Scope) -> (AuthorizeLayer, SetResponseHeaderLayer<HeaderValue>) {
        let scopes = [scope.as_str(), Scope::Admin.as_str()];
        let layer = AuthorizeLayer::behind(&self.layer).any_scope(scopes);
        let kept_nowhere = SetResponseHeaderLayer::if_not_present(header::CACHE_CONTROL, NO_STORE);
        (layer.expect("scope-tokens of RFC 6749").reject_with(refused), kept_nowhere)
    }

    /// What keeps the keys of issuers fresh.
    pub fn refreshes(&self) -> impl Iterator<Item = &Work> {
        self.published.iter().map(|issuer| &issuer.refresh)
    }

    /// How the keys of the issuers that publish them are.
    #[must_use]
    pub fn issuer_keys(&self) -> IssuerKeys {
        self.issuer_keys.clone()
    }
}

impl Publishing<'_> {
    fn tokens(&mut self, config: &AuthConfig) -> Result<TokenVerifier, ConfigError> {
        let issuers = config.issuers.iter().map(|(name, issuer)| {
            let of_issuer = |error| ConfigError::new("auth.issuers", format!("{name}: {error}"));
            self.issuer(name, issuer, config).map_err(of_issuer)
        });
        let validator = Validator::new(issuers.collect::<Result<Vec<_>, _>>()?)
            .map_err(|error| ConfigError::new("auth.issuers", error.to_string()))?;
        Ok(TokenVerifier::new(validator).max_cached(config.max_cached_tokens.get()))
    }

    fn issuer(
        &mut self,
        name: &str,
        config: &IssuerConfig,
        auth: &AuthConfig,
    ) -> Result<Issuer, ConfigError> {
        let issuer = Issuer::new(config.issuer.as_str()).leeway(auth.leeway_seconds.get());
        let issuer =
            config.audience.iter().fold(issuer, |issuer, audience| issuer.audience(audience.as_str()));
        let issuer = match &config.roles_claim {
            Some(claim) => issuer.roles_claim(claim.as_str()),
            None => issuer,
        };
        let issuer = match &config.tenant_claim {
            Some(claim) => issuer.tenant_claim(claim.as_str()),
            None => issuer,
        };
        Ok(match (&config.secret, &config.public_key_file) {
            (Some(secret), _) => issuer.keys(shared_secret(secret)?),
            (None, Some(file)) => issuer.keys(public_key(file)?),
            (None, None) => issuer.keys_from(self.remote_keys(name, config)?),
        })
    }

    fn remote_keys(&mut self, name: &str, config: &IssuerConfig) -> Result<RemoteKeys, ConfigError> {
        let place = match &config.jwks_url {
            Some(url) => KeysPlace::Jwks(url.as_str().to_owned()),
            None => KeysPlace::DiscoveredOf(config.issuer.clone()),
        };
        let name = name.to_owned();
        let published = match self.before.iter().find(|before| before.place == place) {
            Some(same) => PublishedKeys { name, ..same.clone() },
            None => PublishedKeys::at(place, name)?,
        };
        let keys = published.keys.clone();
        self.made.push(published);
        Ok(keys)
    }
}

impl PublishedKeys {
    fn at(place: KeysPlace, name: String) -> Result<Self, ConfigError> {
        let (options, url) = match &place {
            KeysPlace::Jwks(url) => (RemoteKeys::jwks(url.as_str()), url.as_str()),
            KeysPlace::DiscoveredOf(issuer) => (RemoteKeys::discovery(issuer.as_str()), issuer.as_str()),
        };
        let (keys, refresh) = options.build(keys_transport(url)?)?;
        Ok(Self { name, keys, refresh: Work::new(refresh), place })
    }
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access")
            .field("layer", &self.layer)
            .field("issuer_keys", &self.issuer_keys)
            .finish_non_exhaustive()
    }
}

fn is_open(request: &request::Parts) -> bool {
    let path = request.uri.path();
    OPEN.contains(&path) || path.starts_with("/docs/") || path.starts_with("/console/")
}

/// Without authentication: somebody who may do everything.
fn anybody(_: &request::Parts) -> Decision {
    Ok(Some(Principal::builder("anonymous").scopes([Scope::Admin.as_str()]).build()))
}

/// A ticket counts where a browser cannot send a token, and nowhere else.
struct WithTicket(Option<Tickets>);

impl Authenticate for WithTicket {
    fn authenticate(&self, request: &request::Parts) -> Attempt {
        let counts = [SUBSCRIBE, STREAM].contains(&request.uri.path());
        let query = request.uri.query().filter(|_| counts).unwrap_or_default();
        let mut found = query.split('&').filter_map(|pair| pair.strip_prefix("ticket="));
        match (found.next(), found.next()) {
            (None, _) => Attempt::Decided(Ok(None)),
            (Some(ticket), None) => Attempt::waiting(redeem(self.0.clone(), ticket.to_owned())),
            (Some(_), Some(_)) => Attempt::Decided(Err(Reason::SeveralCredentials)),
        }
    }
}

async fn redeem(tickets: Option<Tickets>, ticket: String) -> Decision {
    let Some(tickets) = tickets else { return Err(Reason::Expired) };
    match tickets.redeem(&ticket).await {
        Ok(principal) => principal.map(Some).ok_or(Reason::Expired),
        Err(error) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "a ticket cannot be looked up");
            Err(Reason::KeysUnavailable)
        }
    }
}

fn api_keys(config: &AuthConfig) -> Result<ApiKeys<ApiKeyRing>, ConfigError> {
    let refused = |reason: String| ConfigError::new("auth.api_keys", reason);
    for (name, key) in &config.api_keys {
        let unknown = |scope: &&str| scope.parse::<Scope>().is_err();
        if let Some(scope) = key.record().principal().scopes().find(unknown) {
            return Err(refused(format!("{name}: scope `{scope}`: {UnknownScope}")));
        }
    }
    let ring = ApiKeyRing::new(config.api_keys.values().map(ApiKeyConfig::record));
    let ring = ring.map_err(|error| refused(error.to_string()))?;
    Ok(ApiKeys::new(ring, hasher(config.api_key_pepper.as_ref())?))
}

/// Digests API keys under the pepper, if there is one.
pub(super) fn hasher(pepper: Option<&Secret>) -> Result<ApiKeyHasher, ConfigError> {
    pepper.map_or_else(
        || Ok(ApiKeyHasher::plain()),
        |pepper| ApiKeyHasher::peppered(pepper.expose().as_bytes()),
    )
}

fn shared_secret(secret: &Secret) -> Result<KeySet, ConfigError> {
    let key = Key::hmac(Algorithm::Hs256, secret.expose().as_bytes());
    KeySet::new([key.map_err(|error| ConfigError::new("secret", error.to_string()))?])
}

/// For each algorithm that the key could be used with, so that the token's issuer chooses among those.
fn public_key(file: &Path) -> Result<KeySet, ConfigError> {
    let refused =
        |reason: String| ConfigError::new("public_key_file", format!("{}: {reason}", file.display()));
    let text = fs::read_to_string(file).map_err(|error| refused(error.to_string()))?;
    let keys: Vec<Key> =
        Algorithm::ALL.into_iter().filter_map(|algorithm| Key::from_pem(algorithm, &text).ok()).collect();
    if keys.is_empty() {
        return Err(refused("not a public key in PEM that can be used".to_owned()));
    }
    KeySet::new(keys)
}
