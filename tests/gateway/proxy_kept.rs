//! Answers of services that are kept: as far as the service allows, for those whom the route says, until they are purged.

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use http::Method;
use serde_json::{Value, json};

use crate::proxy::{REGTECH, free};
use crate::support::client::{Answer, Client};
use crate::support::credentials::{Guarded, claims, signed};
use crate::support::origin::{Origin, field};

const SHARED: &str = r#"[{prefix = "/kept", service = "regtech", scope = "metrics:read", cache = {shared = true}},
    {prefix = "/fresh", service = "regtech", scope = "metrics:read", cache = {shared = true, default_ttl_seconds = 60}},
    {prefix = "/own", service = "regtech", scope = "metrics:read", cache = {}}]"#;

/// Says in each answer the how manyth it is, and what its path says of it.
async fn counting() -> Origin {
    let count = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    Origin::start(move |request: Request| {
        let number = count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        async move {
            let control = match request.uri().path().rsplit('/').next().unwrap_or_default() {
                "private" => "private, max-age=60",
                "no-store" => "no-store",
                "public" => "public, max-age=60",
                "silent" => "",
                _ => "max-age=60",
            };
            let response = Response::builder().header("integridai-cache-control", "max-age=600");
            let response =
                if control.is_empty() { response } else { response.header("cache-control", control) };
            response
                .header("surrogate-key", "own-tag")
                .body(Body::from(number.to_string()))
                .expect("a response")
        }
    })
    .await
}

struct Rig {
    origin: Origin,
    guarded: Guarded,
    client: Client,
}

impl Rig {
    async fn start() -> Self {
        let origin = counting().await;
        let admin = ("ADMIN__LISTEN", "127.0.0.1:0");
        let guarded = Guarded::with(&[(REGTECH, &origin.url), ("PROXY__ROUTES", SHARED), admin]).await;
        let client = free(&guarded.gateway);
        Self { origin, guarded, client }
    }

    async fn ask(&self, subject: &str, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.send(Method::GET, subject, path, fields).await
    }

    async fn send(&self, method: Method, subject: &str, path: &str, fields: &[(&str, &str)]) -> Answer {
        let mut claims = claims("metrics:read");
        claims["sub"] = subject.into();
        let request = self.client.request(method, path).bearer_auth(signed(&claims));
        let request = fields.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let answer = self.client.send(request).await;
        assert_eq!(answer.status, 200, "{path} {answer:?}");
        answer
    }

    /// Whether two callers get the same answer.
    async fn is_shared(&self, path: &str) -> bool {
        let first = self.ask("ann", path, &[]).await;
        self.ask("bob", path, &[]).await.body == first.body
    }

    async fn purge(&self, what: Value) -> Value {
        let mut claims = claims("admin");
        claims["sub"] = "operator".into();
        let admin = self.guarded.gateway.admin();
        let request = admin.request(Method::POST, "/admin/v1/cache/purge").bearer_auth(signed(&claims));
        admin.send(request.json(&what)).await.ok()
    }

    async fn stop(self) {
        self.guarded.gateway.stop().await;
    }
}

#[tokio::test]
async fn the_service_says_what_is_kept() {
    let rig = Rig::start().await;
    for (path, is_shared) in [
        ("/kept/a", true),
        ("/kept/public", true),
        ("/kept/private", false),
        ("/kept/no-store", false),
        ("/kept/silent", false),
        ("/fresh/silent", true),
        ("/fresh/private", false),
        ("/fresh/no-store", false),
        ("/own/a", false),
        ("/own/public", false),
    ] {
        assert_eq!(rig.is_shared(path).await, is_shared, "{path}");
    }
    let answer = rig.ask("ann", "/kept/a", &[]).await;
    assert!(answer.header("cache-status").starts_with("integridai; hit; ttl="), "{answer:?}");
    for name in ["surrogate-key", "integridai-cache-control"] {
        assert_eq!(answer.header(name), "", "{answer:?}");
    }
    assert_eq!(rig.ask("ann", "/own/a", &[]).await.header("cache-status"), "", "nothing is kept there");
    rig.stop().await;
}

#[tokio::test]
async fn a_service_is_told_nothing_of_who_asks_where_all_get_the_answer() {
    let rig = Rig::start().await;
    let fields = [("cookie", "session=ann"), ("x-forwarded-host", "evil.test"), ("x-real-ip", "6.6.6.6")];
    rig.ask("ann", "/kept/a", &fields).await;
    let head = rig.origin.last();
    for name in ["cookie", "forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "authorization"] {
        assert_eq!(field(&head, name), "", "{name}");
    }
    // What is not kept is asked for by somebody.
    rig.send(Method::POST, "ann", "/kept/a", &fields).await;
    let head = rig.origin.last();
    assert_eq!(
        (field(&head, "cookie"), field(&head, "x-forwarded-for")),
        ("session=ann".into(), "127.0.0.1".into())
    );
    rig.stop().await;
}

#[tokio::test]
async fn an_answer_is_kept_under_path_and_query_whatever_the_gateway_is_called() {
    let rig = Rig::start().await;
    let first = rig.ask("ann", "/kept/a?x=1", &[]).await.body;
    for fields in
        [&[("host", "localhost")][..], &[("host", "other.localhost:1")], &[("x-forwarded-host", "a.test")]]
    {
        assert_eq!(rig.ask("bob", "/kept/a?x=1", fields).await.body, first, "{fields:?}");
    }
    for path in ["/kept/a?x=2", "/kept/a", "/kept/a?", "/kept/a%3Fx=1", "/kept/A?x=1", "/fresh/a?x=1"] {
        assert_ne!(rig.ask("ann", path, &[]).await.body, first, "{path}");
    }
    rig.stop().await;
}

#[tokio::test]
async fn whoever_may_not_ask_gets_nothing_that_is_kept() {
    let rig = Rig::start().await;
    rig.ask("ann", "/kept/a", &[]).await;
    rig.client.get("/kept/a").await.problem(401);
    let request = rig.client.request(Method::GET, "/kept/a").bearer_auth(signed(&claims("events:read")));
    rig.client.send(request).await.problem(403);
    rig.stop().await;
}

#[tokio::test]
async fn operators_purge_by_path_prefix_and_service() {
    let rig = Rig::start().await;
    for (what, purged, kept) in [
        (json!({"path": "/kept/a"}), &["/kept/a"][..], &["/kept/b/c", "/fresh/silent"][..]),
        (json!({"prefix": "/kept/"}), &["/kept/a", "/kept/b/c"], &["/fresh/silent"]),
        (json!({"tag": "regtech"}), &["/kept/a", "/kept/b/c", "/fresh/silent"], &[]),
        (json!({"tag": "own-tag"}), &["/kept/a", "/kept/b/c", "/fresh/silent"], &[]),
        (json!({"all": true}), &["/kept/a", "/kept/b/c", "/fresh/silent"], &[]),
        (json!({"tag": "dashboard"}), &[], &["/kept/a", "/kept/b/c", "/fresh/silent"]),
    ] {
        let mut before = Vec::new();
        for path in [purged, kept].concat() {
            before.push((path, rig.ask("ann", path, &[]).await.body));
        }
        rig.purge(what.clone()).await;
        for (path, body) in before {
            let is_same = rig.ask("bob", path, &[]).await.body == body;
            assert_eq!(is_same, kept.contains(&path), "{what} {path}");
        }
    }
    rig.stop().await;
}

#[tokio::test]
async fn a_change_removes_what_it_changed() {
    let rig = Rig::start().await;
    for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
        let first = rig.ask("ann", "/kept/a", &[]).await.body;
        assert_eq!(rig.ask("bob", "/kept/a", &[]).await.body, first);
        rig.send(method.clone(), "bob", "/kept/a", &[]).await;
        assert_ne!(rig.ask("ann", "/kept/a", &[]).await.body, first, "{method}");
    }
    rig.stop().await;
}

#[tokio::test]
async fn what_is_kept_stands_in_for_a_service_that_fails() {
    let is_well = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(true));
    let looked_at = std::sync::Arc::clone(&is_well);
    let origin = Origin::start(move |request: Request| {
        let is_well = looked_at.load(std::sync::atomic::Ordering::Relaxed);
        async move {
            let response = Response::builder().header("cache-control", "max-age=60, stale-if-error=600");
            match request.uri().path() {
                "/down" if !is_well => std::future::pending().await,
                _ if !is_well => {
                    Response::builder().status(500).body(Body::from("broken")).expect("a response")
                }
                _ => response.body(Body::from("well")).expect("a response"),
            }
        }
    })
    .await;
    let route =
        r#"[{prefix = "/kept", service = "regtech", timeout_seconds = 0.3, cache = {shared = true}}]"#;
    let settings = [("PROXY__ROUTES", route), ("ADMIN__LISTEN", "127.0.0.1:0")];
    let gateway = crate::proxy::over(&origin, &settings).await;
    let client = free(&gateway);
    for path in ["/kept/a", "/kept/down"] {
        assert_eq!(client.get(path).await.text(), "well");
    }
    is_well.store(false, std::sync::atomic::Ordering::Relaxed);
    let purge = gateway.admin().request(Method::POST, "/admin/v1/cache/purge");
    gateway.admin().send(purge.json(&json!({"tag": "regtech", "soft": true}))).await.ok();
    for path in ["/kept/a", "/kept/down"] {
        let answer = client.get(path).await;
        assert_eq!((answer.status, answer.text()), (200, "well"), "{path} {answer:?}");
        assert!(
            answer.header("cache-status").contains("hit")
                || answer.header("cache-status").contains("fwd=stale")
        );
    }
    assert_eq!(client.get("/kept/other").await.text(), "broken");
    gateway.stop().await;
}
