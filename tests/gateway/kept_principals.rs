//! Two clients that try to see each other's answers: what is kept never crosses from one principal to another, unless the
//! route says that it is for all.

use std::time::Duration;

use axum::extract::{Extension, Request};
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Router, body::Body};
use http::Method;
use http_body_util::BodyExt;
use integridai_gateway::config::{CacheConfig, CachedRouteConfig, RedisConfig};
use integridai_gateway::stack::{Cache, Kept};
use integridai_tower::Principal;
use tower::ServiceExt;

use crate::kept::{HIT, status};
use crate::support::client::{Answer, CONSOLIDATED, Client};
use crate::support::credentials::{Guarded, claims, signed};
use crate::support::within;

const PRIVATE: (&str, &str) = ("CACHE__ROUTES__CONSOLIDATED__SHARED", "false");

async fn figures(client: &Client, subject: &str, fields: &[(&str, &str)]) -> Answer {
    let mut claims = claims("metrics:read");
    claims["sub"] = subject.into();
    let request = client.request(Method::GET, CONSOLIDATED).bearer_auth(signed(&claims));
    client.send(fields.iter().fold(request, |request, (name, value)| request.header(*name, *value))).await
}

#[tokio::test]
async fn figures_for_all_come_with_nothing_of_whoever_asked_first() {
    let policies = r#"{all = {by = "principal", quotas = [{limit = 1000, period_seconds = 86400}]}}"#;
    let limits = [("RATE_LIMITS__DISABLED", "false"), ("RATE_LIMITS__POLICIES", policies)];
    let guarded = Guarded::with(&limits).await;
    let client = &guarded.gateway.client;
    let mut first = None;
    for (number, subject) in (1..=20).flat_map(|number| [(number, "ann"), (number, "bob")]) {
        let id = format!("{subject}-{number}");
        let answer = figures(client, subject, &[("x-correlation-id", &id), ("x-for", subject)]).await;
        let kept = first.get_or_insert_with(|| answer.body.clone());
        assert_eq!((&answer.body, answer.header("x-correlation-id")), (&*kept, &*id));
        let left = format!("\"all\";r={};", 1000 - number);
        assert!(answer.header("ratelimit").starts_with(&left), "{subject} {number}: {answer:?}");
        assert_eq!(status(&answer).starts_with(HIT), (number, subject) != (1, "ann"), "{answer:?}");
        assert!(!format!("{:?}", answer.headers).contains(if subject == "ann" { "bob" } else { "ann" }));
    }
    guarded.gateway.stop().await;
}

#[tokio::test]
async fn figures_that_are_not_for_all_are_never_kept() {
    let guarded = Guarded::with(&[PRIVATE]).await;
    let client = guarded.gateway.client.clone();
    let asking: Vec<_> = (0..100)
        .map(|number| {
            let client = client.clone();
            tokio::spawn(
                async move { figures(&client, if number % 2 == 0 { "ann" } else { "bob" }, &[]).await },
            )
        })
        .collect();
    let mut answers = Vec::new();
    for asking in asking {
        answers.push(within(asking).await.expect("no panic"));
    }
    answers.push(figures(&client, "bob", &[]).await);
    for answer in &answers {
        let told = status(answer);
        assert!(told.starts_with("integridai; fwd="), "{told}");
        assert!(!told.contains("stored") && !told.contains("collapsed"), "{told}");
        assert!(answer.header("cache-control").starts_with("private"), "{answer:?}");
    }
    guarded.gateway.stop().await;
}

/// A route that says to each principal who it is, in pieces, with a validator and a cookie of its own.
fn whoami(allowed: CachedRouteConfig) -> Router {
    let handler = async |Extension(principal): Extension<Principal>| {
        // Others come in meanwhile.
        tokio::time::sleep(Duration::from_millis(1)).await;
        let name = principal.subject().to_owned();
        let fields = [
            ("cache-control", "max-age=60".to_owned()),
            ("etag", "\"same\"".to_owned()),
            ("set-cookie", name.clone()),
        ];
        (fields, format!("{name} and nobody else")).into_response()
    };
    let cache = Cache::new(&CacheConfig::default(), &RedisConfig::default())
        .expect("it fits")
        .expect("it is not disabled");
    cache.keep(
        Router::new().route("/whoami", get(handler)),
        Kept { path: "/whoami", fresh: Duration::from_secs(60), allowed, tags: "who" },
    )
}

async fn say(
    service: Router,
    subject: &'static str,
    fields: &[(&str, &str)],
) -> (u16, http::HeaderMap, String) {
    let request = Request::get("/whoami").header("host", "localhost");
    let request = fields.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    let mut request = request.body(Body::empty()).expect("a request");
    request.extensions_mut().insert(Principal::builder(subject).build());
    let (head, body) = service.oneshot(request).await.expect("routes do not fail").into_parts();
    let body = body.collect().await.expect("it arrives").to_bytes();
    (head.status.as_u16(), head.headers, String::from_utf8(body.into()).expect("text"))
}

#[tokio::test(start_paused = true)]
async fn an_answer_to_a_principal_never_reaches_another_however_it_is_asked_for() {
    let service = whoami(CachedRouteConfig { shared: false, ..CachedRouteConfig::default() });
    let asks: [&[(&str, &str)]; 6] = [
        &[],
        &[("authorization", "Bearer same")],
        &[("if-none-match", "\"other\"")],
        &[("cache-control", "max-stale, only-if-cached")],
        &[("integridai-cache-control", "public, max-age=600")],
        &[("x-user-id", "ann"), ("host", "elsewhere")],
    ];
    for fields in asks {
        let both = (0..50).flat_map(|_| ["ann", "bob"]).map(|subject| {
            let service = service.clone();
            async move { (subject, say(service, subject, fields).await) }
        });
        for (subject, (status, headers, body)) in futures_util::future::join_all(both).await {
            assert_eq!((status, body), (200, format!("{subject} and nobody else")), "{fields:?}");
            assert_eq!(headers["set-cookie"], subject, "{fields:?}");
            assert!(!headers["cache-status"].to_str().expect("text").contains("hit"), "{headers:?}");
        }
    }
    for subject in ["ann", "bob"] {
        let (status, headers, body) = say(service.clone(), subject, &[("range", "bytes=0-2")]).await;
        let is_own = (status, &*body) == (206, subject) || (status == 200 && body.starts_with(subject));
        assert!(is_own && headers["set-cookie"] == subject, "{status} {headers:?} {body}");
    }
}

#[tokio::test]
async fn only_a_route_that_says_so_gives_the_answer_to_one_to_all() {
    let service = whoami(CachedRouteConfig::default());
    let (_, headers, first) = say(service.clone(), "ann", &[]).await;
    assert!(headers["cache-status"].to_str().expect("text").contains("stored"), "{headers:?}");
    let (_, _, second) = say(service, "bob", &[]).await;
    assert_eq!((&*first, &*second), ("ann and nobody else", "ann and nobody else"));
}
