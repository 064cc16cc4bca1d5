//! The other side: a client that presents an API key, reads why it is refused, and does as the challenge says.
#![allow(missing_docs, clippy::print_stdout, reason = "an example shows what it does")]

use axum::Router;
use axum::routing::get;
use http::header::WWW_AUTHENTICATE;
use http::{HeaderMap, HeaderValue};
use integridai_tower::BoxError;
use integridai_tower::auth::api_key::{ApiKey, ApiKeyHasher, ApiKeyRecord, ApiKeyRing, ApiKeys};
use integridai_tower::auth::{AuthenticateLayer, AuthorizeLayer};
use reqwest::{Client, Response};

/// Every request of this client presents the key, and no log prints it.
fn client_with(key: &ApiKey) -> Result<Client, BoxError> {
    let mut value = HeaderValue::from_str(&format!("ApiKey {}", key.expose()))?;
    value.set_sensitive(true);
    let fields = HeaderMap::from_iter([(http::header::AUTHORIZATION, value)]);
    // A redirect could carry the key elsewhere.
    let never = reqwest::redirect::Policy::none();
    Ok(Client::builder().no_proxy().redirect(never).default_headers(fields).build()?)
}

/// The scope that a challenge asks for (RFC 6750 §3).
fn missing_scope(response: &Response) -> Option<String> {
    let challenge = response.headers().get(WWW_AUTHENTICATE)?.to_str().ok()?;
    let (_, scope) = challenge.split_once("scope=\"")?;
    Some(scope.split_once('"')?.0.to_owned())
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let hasher = ApiKeyHasher::plain();
    let (key, record) = ApiKeyRecord::issue("igd", "reports", &hasher)?;
    let ring = ApiKeyRing::new([record.clone()])?;
    let authenticate = AuthenticateLayer::new(ApiKeys::new(ring.clone(), hasher.clone()));
    let authorize = AuthorizeLayer::behind(&authenticate).all_scopes(["reports:read"])?;
    let app =
        Router::new().route("/report", get(async || "all is well")).layer(authorize).layer(authenticate);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/report", listener.local_addr()?);
    tokio::spawn(async { axum::serve(listener, app).await });

    let client = client_with(&key)?;
    let refused = client.get(&url).send().await?;
    let scope = missing_scope(&refused).ok_or("the challenge names a scope")?;
    println!("{}; asked for the scope {scope}", refused.status());
    assert_eq!((refused.status().as_u16(), &*scope), (403, "reports:read"));

    let mut record = record.scopes([scope]);
    ring.insert(record.clone());
    let response = client.get(&url).send().await?;
    assert_eq!(response.status(), 200);
    println!("{}: {}", response.status(), response.text().await?);

    // A new secret, and the old one ends at once.
    let renewed = record.rotate(&hasher, std::time::Duration::ZERO)?;
    ring.insert(record);
    let (old, new) = (client.get(&url).send().await?, client_with(&renewed)?.get(&url).send().await?);
    println!("with the old secret {}, with the new one {}", old.status(), new.status());
    assert_eq!((old.status().as_u16(), new.status().as_u16()), (401, 200));
    Ok(())
}
