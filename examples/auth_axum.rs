//! An axum server that knows its callers by tokens (JWT) or API keys: who asks, what they may do, and what else is answered.
#![allow(missing_docs, clippy::print_stdout, reason = "an example shows what it does")]

use std::time::{Duration, SystemTime};

use axum::routing::get;
use axum::{Extension, Router};
use http::{HeaderName, StatusCode};
use integridai_tower::auth::api_key::{ApiKeyHasher, ApiKeyRecord, ApiKeyRing, ApiKeys};
use integridai_tower::auth::jwt::{Algorithm, Issuer, KeySet, Signer, Validator};
use integridai_tower::auth::{AuthenticateLayer, AuthorizeLayer, ProtectedResource, TokenVerifier};
use integridai_tower::{BoxError, Principal};
use serde_json::json;

const ISSUER: &str = "https://login.example";
const API_KEY: HeaderName = HeaderName::from_static("x-api-key");

async fn metrics(Extension(principal): Extension<Principal>) -> String {
    format!("asked by {}", principal.subject())
}

fn app(tokens: TokenVerifier, keys: ApiKeys<ApiKeyRing>, url: &str) -> Result<Router, BoxError> {
    let resource = ProtectedResource::new(url)?.authorization_servers([ISSUER]);
    let authenticate = AuthenticateLayer::new(tokens).or(keys).resource_metadata(&resource.url())?;
    let may_read = AuthorizeLayer::behind(&authenticate).all_scopes(["metrics:read"])?;
    let is_operator = AuthorizeLayer::behind(&authenticate).any_role(["operator", "admin"])?;
    // The outermost layer comes last: axum wraps what is there already.
    let guarded = Router::new()
        .route("/metrics", get(metrics).layer(may_read))
        .route("/purge", get(async || "purged").layer(is_operator))
        .layer(authenticate);
    let path = resource.well_known_path();
    Ok(guarded.route(&path, get(async move || axum::Json(resource))))
}

/// Stands for the issuer; in earnest its keys are fetched: see `RemoteKeys`.
fn token(signer: &Signer, audience: &str, life: Duration) -> Result<String, BoxError> {
    let end = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)? + life;
    let claims =
        json!({"iss": ISSUER, "aud": audience, "sub": "ann", "scope": "metrics:read", "exp": end.as_secs()});
    Ok(format!("Bearer {}", signer.sign(&claims)?))
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let signer = Signer::generate(Algorithm::Es256)?;
    let issuer = Issuer::new(ISSUER).audience("metrics").keys(KeySet::new([signer.verifying_key()?])?);
    // In earnest, 32 random bytes that are kept apart from the records.
    let hasher = ApiKeyHasher::peppered(&[7; 32])?;
    let (key, record) = ApiKeyRecord::issue("igd", "billing", &hasher)?;
    let ring = ApiKeyRing::new([record.roles(["operator"])])?;

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    let tokens = TokenVerifier::new(Validator::new([issuer])?);
    let app = app(tokens, ApiKeys::new(ring.clone(), hasher), &url)?;
    tokio::spawn(async { axum::serve(listener, app).await });

    let client = reqwest::Client::builder().no_proxy().build()?;
    let ask = async |path: &str, field: HeaderName, value: &str, expected: StatusCode| {
        let response = client.get(format!("{url}{path}")).header(field, value).send().await?;
        assert_eq!(response.status(), expected);
        println!("{path}: {expected} {:?}", response.headers().get("www-authenticate"));
        Ok::<String, BoxError>(response.text().await?)
    };
    use http::header::{ACCEPT, AUTHORIZATION};
    let hour = Duration::from_secs(3600);
    let good = token(&signer, "metrics", hour)?;
    assert_eq!(ask("/metrics", AUTHORIZATION, &good, StatusCode::OK).await?, "asked by ann");
    ask("/metrics", AUTHORIZATION, &token(&signer, "shop", hour)?, StatusCode::UNAUTHORIZED).await?;
    ask("/purge", AUTHORIZATION, &good, StatusCode::FORBIDDEN).await?;
    assert_eq!(ask("/purge", API_KEY, key.expose(), StatusCode::OK).await?, "purged");
    ring.remove(key.id());
    ask("/purge", API_KEY, key.expose(), StatusCode::UNAUTHORIZED).await?;
    ask("/metrics", ACCEPT, "*/*", StatusCode::UNAUTHORIZED).await?;
    ask("/.well-known/oauth-protected-resource", ACCEPT, "*/*", StatusCode::OK).await.map(drop)
}
