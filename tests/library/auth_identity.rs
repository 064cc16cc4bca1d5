//! The fields in which an inner service is told who asks.

use http::{HeaderName, HeaderValue, Request};
use integridai_tower::Principal;
use integridai_tower::auth::{Fact, ForwardIdentityLayer};
use tower::{Layer, ServiceExt, service_fn};

use crate::auth::{fields, with};

fn layer() -> ForwardIdentityLayer {
    ForwardIdentityLayer::new()
        .header(HeaderName::from_static("x-user-id"), Fact::Subject)
        .header(HeaderName::from_static("x-user-tenant"), Fact::Tenant)
        .header(HeaderName::from_static("x-user-scopes"), Fact::Scopes)
        .header(HeaderName::from_static("x-user-email"), Fact::Claim("email".into()))
}

async fn told(request: Request<()>) -> String {
    use http_body_util::BodyExt;
    let response = layer().layer(service_fn(fields)).oneshot(request).await.unwrap();
    String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

fn authenticated(mut request: Request<()>) -> Request<()> {
    let alice = Principal::builder("alice").scopes(["a", "b"]).claim("email", "al\u{ed}ce@b.example".into());
    request.extensions_mut().insert(alice.build());
    request
}

#[tokio::test]
async fn an_inner_service_is_told_who_asks() {
    let expected = "accept: */*\nx-user-email: al%C3%ADce@b.example\nx-user-id: alice\nx-user-scopes: a b";
    assert_eq!(told(authenticated(with(&[("accept", "*/*")]))).await, expected);
}

#[tokio::test]
async fn what_a_client_sent_is_removed_in_whatever_disguise() {
    let forged = || {
        with(&[
            ("X-User-ID", "admin"),
            ("x-user-id", "root"),
            ("x_user_id", "admin"),
            ("X-User_Tenant", "acme"),
            ("x-user-tenant", "acme"),
            ("x_user_ids", "kept"),
        ])
    };
    assert_eq!(told(forged()).await, "x_user_ids: kept");
    let expected =
        "x-user-email: al%C3%ADce@b.example\nx-user-id: alice\nx-user-scopes: a b\nx_user_ids: kept";
    assert_eq!(told(authenticated(forged())).await, expected);
}

#[tokio::test]
async fn a_name_with_underscores_has_its_disguises_too() {
    let layer = ForwardIdentityLayer::new().header(HeaderName::from_static("x_user_id"), Fact::Subject);
    let names = service_fn(async |request: Request<()>| {
        Ok::<_, ()>(request.headers().keys().map(ToString::to_string).collect::<Vec<_>>())
    });
    let forged =
        with(&[("x-user-id", "admin"), ("x_user-id", "admin"), ("x_user_id", "admin"), ("accept", "*/*")]);
    assert_eq!(layer.layer(names).oneshot(forged).await.unwrap(), ["accept"]);
}

#[tokio::test]
async fn a_client_cannot_have_the_next_proxy_remove_them() {
    for (given, kept) in [
        ("close, X-User-Id", "connection: close"),
        ("x-user-id", ""),
        ("x_user_id ,x-user-tenant,keep-alive , upgrade", "connection: keep-alive, upgrade"),
        ("close ,  upgrade", "connection: close ,  upgrade"),
    ] {
        assert_eq!(told(with(&[("connection", given)])).await, kept);
    }
    let several = with(&[("connection", "close"), ("connection", "x-user-id"), ("connection", "te")]);
    assert_eq!(told(several).await, "connection: close, te");
}

#[tokio::test]
async fn a_connection_field_that_is_no_text_is_read_all_the_same() {
    let mut request = with(&[]);
    let value = HeaderValue::from_bytes(b"x-user-id, \xff").unwrap();
    request.headers_mut().insert("connection", value);
    let kept = service_fn(async |request: Request<()>| Ok::<_, ()>(request.headers()["connection"].clone()));
    assert_eq!(layer().layer(kept).oneshot(request).await.unwrap().as_bytes(), b"\xff");
}

#[tokio::test]
async fn a_value_that_is_too_long_is_left_out() {
    let mut request = with(&[("x-user-id", "forged")]);
    request.extensions_mut().insert(Principal::builder("x".repeat(4097)).tenant("acme").build());
    assert_eq!(told(request).await, "x-user-tenant: acme");
}
