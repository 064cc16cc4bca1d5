//! An axum server that knows its callers by API keys: who asks, what they may do, and what a wrong key is answered.
#![allow(missing_docs, clippy::print_stdout, reason = "an example shows what it does")]

use axum::routing::get;
use axum::{Extension, Json, Router};
use integridai_tower::auth::api_key::{ApiKeyHasher, ApiKeyRecord, ApiKeyRing, ApiKeys};
use integridai_tower::auth::{AuthenticateLayer, AuthorizeLayer, ProtectedResource};
use integridai_tower::{BoxError, Principal};
use serde_json::{Value, json};

async fn metrics(Extension(principal): Extension<Principal>) -> Json<Value> {
    Json(json!({"asked_by": principal.subject(), "tenant": principal.tenant()}))
}

async fn purge() -> &'static str {
    "purged"
}

fn app(keys: ApiKeys<ApiKeyRing>, resource: ProtectedResource) -> Result<Router, BoxError> {
    let authenticate = AuthenticateLayer::new(keys).realm("metrics")?.resource_metadata(&resource.url())?;
    let may_read = AuthorizeLayer::behind(&authenticate).all_scopes(["metrics:read"])?;
    let is_operator = AuthorizeLayer::behind(&authenticate).any_role(["operator", "admin"])?;
    // The outermost layer comes last: axum wraps what is there already.
    let guarded = Router::new()
        .route("/metrics", get(metrics).layer(may_read))
        .route("/purge", get(purge).layer(is_operator))
        .layer(authenticate);
    let metadata_path = resource.well_known_path();
    let open = Router::new().route(&metadata_path, get(async move || Json(resource.clone())));
    Ok(open.merge(guarded))
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    // In earnest, 32 random bytes that are kept apart from the records.
    let hasher = ApiKeyHasher::peppered(&[7; 32])?;
    let (key, record) = ApiKeyRecord::issue("igd", "billing", &hasher)?;
    println!("the key {key:?} is shown once; kept is {}", serde_json::to_string(&record)?);
    let ring = ApiKeyRing::new([record.tenant("acme").scopes(["metrics:read"])])?;

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    let app = app(ApiKeys::new(ring.clone(), hasher), ProtectedResource::new(&*url)?)?;
    tokio::spawn(async { axum::serve(listener, app).await });

    let client = reqwest::Client::builder().no_proxy().build()?;
    let ask = async |path: &str, key: Option<&str>| -> Result<(), BoxError> {
        let mut request = client.get(format!("{url}{path}"));
        if let Some(key) = key {
            request = request.header("x-api-key", key);
        }
        let response = request.send().await?;
        let (status, headers) = (response.status(), response.headers().clone());
        println!("{path}: {status} {:?}\n  {}", headers.get("www-authenticate"), response.text().await?);
        Ok(())
    };
    ask("/metrics", None).await?;
    ask("/metrics", Some("igd_mistyped")).await?;
    ask("/metrics", Some(key.expose())).await?;
    ask("/purge", Some(key.expose())).await?;
    ring.remove(key.id());
    ask("/metrics", Some(key.expose())).await?;
    ask("/.well-known/oauth-protected-resource", None).await
}
