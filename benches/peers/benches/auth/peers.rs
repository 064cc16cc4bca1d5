//! The other crates, each set up to check what ours checks.

use std::convert::Infallible;
use std::hint::black_box;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use axum_jwt_auth::{JwtDecoder, LocalDecoder};
use http::{Request, Response, header};
use integridai_tower::auth::jwt::Algorithm;
use jsonwebtoken::{DecodingKey, Validation};
use jwt_authorizer::{Authorizer, JwtAuthorizer, RegisteredClaims};
use serde::Deserialize;
use serde_json::json;
use tower::{Layer, Service, service_fn};
use tower_oauth2_resource_server::server::OAuth2ResourceServer;
use tower_oauth2_resource_server::tenant::TenantConfiguration;

use super::caller::{AUDIENCE, Fixture, ISSUER, SECRET};
use super::turns::Contender;

#[derive(Debug, Clone, Deserialize)]
#[allow(dead_code, reason = "what is decoded is thrown away")]
struct Claims {
    iss: String,
    aud: String,
    sub: String,
    exp: u64,
    iat: u64,
    jti: String,
    scope: String,
}

pub(crate) fn all(fixture: &Fixture) -> Vec<Contender<'_>> {
    let mut all = vec![jwt_authorizer(fixture), axum_jwt_auth(fixture)];
    if fixture.algorithm == Algorithm::Es256 {
        all.push(tower_oauth2_resource_server(fixture));
    }
    all
}

/// They answer without waiting: the keys are there.
fn now<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("it waits for something"),
    }
}

fn jwt_authorizer(fixture: &Fixture) -> Contender<'_> {
    let builder: JwtAuthorizer<RegisteredClaims> = match fixture.signer.public_pem() {
        None => JwtAuthorizer::from_secret(SECRET),
        Some(pem) => JwtAuthorizer::from_ec_pem_text(&pem),
    };
    let validation = jwt_authorizer::Validation::new().iss(&[ISSUER]).aud(&[AUDIENCE]).nbf(true);
    let authorizer: Authorizer = now(builder.validation(validation).build()).expect("it is complete");
    let check = move || drop(black_box(now(authorizer.check_auth(&fixture.token)).expect("a good token")));
    ("jwt-authorizer, check_auth", Box::new(check))
}

fn axum_jwt_auth(fixture: &Fixture) -> Contender<'_> {
    let (key, algorithm) = match fixture.signer.public_pem() {
        None => (DecodingKey::from_secret(SECRET.as_bytes()), jsonwebtoken::Algorithm::HS256),
        Some(pem) => {
            (DecodingKey::from_ec_pem(pem.as_bytes()).expect("a key"), jsonwebtoken::Algorithm::ES256)
        }
    };
    let mut validation = Validation::new(algorithm);
    validation.set_issuer(&[ISSUER]);
    validation.set_audience(&[AUDIENCE]);
    validation.validate_nbf = true;
    let decoder = LocalDecoder::new(vec![key], validation).expect("it is complete");
    let check = move || {
        let decoded = now(JwtDecoder::<Claims>::decode(&decoder, &fixture.token));
        drop(black_box(decoded.expect("a good token")));
    };
    ("axum-jwt-auth, decode", Box::new(check))
}

fn tower_oauth2_resource_server(fixture: &Fixture) -> Contender<'_> {
    let jwks = json!({ "keys": [fixture.signer.public_jwk()] }).to_string();
    let tenant = TenantConfiguration::static_builder(jwks).audiences(&[AUDIENCE]).build();
    let server = <OAuth2ResourceServer>::builder().add_tenant(tenant.expect("a set of keys"));
    let server = now(server.build()).expect("it is complete");
    let layer = server.into_layer::<String>();
    let inner = service_fn(|request: Request<String>| async move {
        black_box(request);
        Ok::<_, Infallible>(Response::new(String::new()))
    });
    let service = layer.layer(inner);
    let field = format!("Bearer {}", fixture.token);
    let check = move || {
        let request = Request::builder().header(header::AUTHORIZATION, &field).body(String::new());
        let response = now(service.clone().call(request.expect("a request")));
        assert!(response.expect("it answers").status().is_success());
    };
    ("tower-oauth2-resource-server, layer", Box::new(check))
}
