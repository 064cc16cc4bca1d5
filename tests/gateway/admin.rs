//! The listener for operators: who may call it, what it takes, and that a purge is one.

use http::Method;
use reqwest::RequestBuilder;
use serde_json::{Value, json};

use crate::kept::{HIT, MISS, status};
use crate::support::client::{Answer, CONSOLIDATED, Client, EXECUTE};
use crate::support::credentials::{Guarded, token};
use crate::support::gateway::Gateway;
use crate::support::requests::COMPLIANCE;
use crate::support::within;

const ON: (&str, &str) = ("ADMIN__LISTEN", "127.0.0.1:0");
const CACHE: &str = "/admin/v1/cache";
const PURGE: &str = "/admin/v1/cache/purge";

async fn purge(admin: &Client, body: &Value) -> Answer {
    admin.send(admin.request(Method::POST, PURGE).json(body)).await
}

fn rounds(gateway: &Gateway) -> u64 {
    gateway.regtech().control().report().total(COMPLIANCE)
}

/// How the cache says that it answered, once it has been asked.
async fn told(gateway: &Gateway) -> String {
    status(&gateway.client.get(CONSOLIDATED).await).to_owned()
}

#[tokio::test]
async fn after_a_purge_the_next_ask_is_a_miss_that_asks_the_services_anew() {
    let gateway = Gateway::with(&[ON]).await;
    for chosen in [
        json!({"path": CONSOLIDATED}),
        json!({"prefix": "/api/v1/metrics"}),
        json!({"prefix": "/"}),
        json!({"tag": "metrics"}),
        json!({"tag": "regtech", "soft": false}),
        json!({"all": true}),
    ] {
        told(&gateway).await;
        assert!(told(&gateway).await.starts_with(HIT));
        let before = rounds(&gateway);
        assert_eq!(purge(gateway.admin(), &chosen).await.ok(), json!({"purged": 1}), "{chosen}");
        let next = told(&gateway).await;
        assert!(next.starts_with(MISS), "{chosen}: {next}");
        assert_eq!(rounds(&gateway), before + 1, "{chosen}");
        assert!(told(&gateway).await.starts_with(HIT));
    }
    gateway.stop().await;
}

#[tokio::test]
async fn a_purge_of_something_else_leaves_it_alone() {
    let gateway = Gateway::with(&[ON]).await;
    told(&gateway).await;
    let before = rounds(&gateway);
    for chosen in [
        json!({"path": "/api/v1/metrics"}),
        json!({"path": "/API/v1/metrics/consolidated"}),
        json!({"prefix": "/api/v1/gateway"}),
        json!({"tag": "metric"}),
        json!({"tag": "METRICS", "soft": true}),
    ] {
        assert_eq!(purge(gateway.admin(), &chosen).await.ok(), json!({"purged": 0}), "{chosen}");
        assert!(told(&gateway).await.starts_with(HIT), "{chosen}");
    }
    assert_eq!(rounds(&gateway), before);
    gateway.stop().await;
}

#[tokio::test]
async fn a_soft_purge_has_the_figures_gathered_anew_too() {
    let gateway = Gateway::with(&[ON]).await;
    told(&gateway).await;
    let before = rounds(&gateway);
    let soft = json!({"tag": "metrics", "soft": true});
    assert_eq!(purge(gateway.admin(), &soft).await.ok(), json!({"purged": 1}));
    let next = told(&gateway).await;
    assert!(next.starts_with("integridai; fwd=stale; fwd-status=200; stored"), "{next}");
    assert_eq!(rounds(&gateway), before + 1);
    gateway.stop().await;
}

#[tokio::test]
async fn it_tells_how_much_is_kept() {
    let gateway = Gateway::with(&[ON, ("CACHE__MAX_SIZE_MIB", "32")]).await;
    let empty = gateway.admin().get(CACHE).await.ok();
    assert_eq!(empty, json!({"urls": 0, "bytes": 0, "max_bytes": 32 << 20, "refused": 0}));
    told(&gateway).await;
    let kept = gateway.admin().get(CACHE).await.ok();
    assert_eq!(kept["urls"], 1);
    assert!(kept["bytes"].as_u64().is_some_and(|bytes| bytes > 500), "{kept}");
    purge(gateway.admin(), &json!({"all": true})).await.ok();
    assert_eq!(gateway.admin().get(CACHE).await.ok(), empty);
    let metrics = gateway.admin().get("/metrics").await;
    for told in ["integridai_cache_bytes ", r#"http_route="/admin/v1/cache/purge""#] {
        assert!(metrics.text().contains(told), "{told} is missing in\n{}", metrics.text());
    }
    gateway.stop().await;
}

#[tokio::test]
async fn what_is_wrong_with_a_purge_is_said_and_nothing_is_purged() {
    let gateway = Gateway::with(&[ON]).await;
    told(&gateway).await;
    let admin = gateway.admin();
    let one = "expected exactly one of `path`, `prefix`, `tag` and `all`";
    for (body, detail) in [
        (json!({}), one),
        (json!({"path": CONSOLIDATED, "all": true}), one),
        (json!([CONSOLIDATED]), "expected an object"),
        (json!({"path": "metrics"}), "/path: expected a URL path that begins with `/`, without a query"),
        (json!({"all": "true"}), "/all: expected true"),
        (json!({"all": true, "soft": 1}), "/soft: expected true or false"),
        (json!({"url": "/"}), "/url: unknown; expected `path`, `prefix`, `tag`, `all` and `soft`"),
    ] {
        let problem = purge(admin, &body).await.problem(422);
        assert_eq!((&problem["detail"], &problem["instance"]), (&json!(detail), &json!(PURGE)), "{body}");
        assert_eq!(problem["errors"].as_array().map(Vec::len), Some(1), "{problem}");
    }
    let post = |kind: &str, body: String| {
        admin.send(admin.request(Method::POST, PURGE).header("content-type", kind).body(body))
    };
    for (kind, body, status, detail) in [
        ("application/json", "{\"all\": tru".to_owned(), 400, "the body is not JSON"),
        ("application/json", String::new(), 400, "the body is not JSON"),
        ("text/plain", "{\"all\": true}".to_owned(), 415, "the Content-Type must be application/json"),
        ("application/json", " ".repeat(17 << 10), 413, "the request's body is larger than is accepted"),
    ] {
        assert_eq!(post(kind, body).await.problem(status)["detail"], detail);
    }
    admin.get(PURGE).await.problem(405);
    admin.get("/").await.problem(404);
    assert!(told(&gateway).await.starts_with(HIT));
    gateway.stop().await;
}

#[tokio::test]
async fn it_asks_everybody_for_the_admin_scope_before_anything_is_told() {
    let guarded = Guarded::with(&[ON]).await;
    let admin = guarded.gateway.admin();
    let calls = [(Method::GET, CACHE), (Method::POST, PURGE), (Method::GET, "/metrics")];
    for (method, path) in calls {
        let call = |credentials: Option<String>| {
            let request = admin.request(method.clone(), path).json(&json!({"all": true}));
            admin.send(credentials.iter().fold(request, RequestBuilder::bearer_auth))
        };
        let refused = call(None).await;
        refused.problem(401);
        for scope in ["metrics:read", "events:write workflows:execute", "administrator"] {
            let refused = call(Some(token(scope))).await;
            refused.problem(403);
            assert!(refused.header("www-authenticate").contains(r#"scope="admin""#), "{refused:?}");
        }
        let allowed = call(Some(token("admin"))).await;
        assert_eq!((allowed.status, allowed.header("cache-control")), (200, "no-store"), "{allowed:?}");
    }
    let by_key = admin.request(Method::GET, CACHE).header("x-api-key", &guarded.api_key);
    admin.send(by_key).await.problem(403);
    for path in ["/", "/livez", "/docs/", "/api/v1/health", CONSOLIDATED] {
        let answer = admin.get(path).await;
        assert!([401, 404].contains(&answer.status), "{path}: {answer:?}");
    }
    guarded.gateway.stop().await;
}

#[tokio::test]
async fn no_page_of_another_site_can_call_it() {
    let origin = "https://console.example";
    let origins = format!("[\"{origin}\"]");
    let gateway = Gateway::with(&[ON, ("CORS__ALLOWED_ORIGINS", &*origins)]).await;
    let admin = gateway.admin();
    for host in ["evil.example", "127.0.0.1.evil.example"] {
        let request = admin.request(Method::POST, PURGE).header("host", host).json(&json!({"all": true}));
        admin.send(request).await.problem(421);
    }
    let preflight = admin.request(Method::OPTIONS, PURGE).header("origin", origin);
    let preflight = preflight
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "content-type");
    let answer = admin.send(preflight).await;
    assert!(!answer.headers.contains_key("access-control-allow-origin"), "{answer:?}");
    gateway.stop().await;
}

#[tokio::test]
async fn each_listener_has_its_own_paths_and_both_end_together() {
    let gateway = Gateway::with(&[ON]).await;
    for path in [CACHE, PURGE] {
        gateway.client.get(path).await.problem(404);
    }
    for path in [CONSOLIDATED, EXECUTE, "/livez", "/api/openapi.json"] {
        let problem = gateway.admin().get(path).await.problem(404);
        assert_eq!(problem["detail"], "there is nothing at this path of the listener for operators");
    }
    let address = gateway.admin().address;
    gateway.stop().await;
    assert!(within(tokio::net::TcpStream::connect(address)).await.is_err(), "nobody listens");
}

#[tokio::test]
async fn without_a_cache_there_is_nothing_to_purge_and_it_says_why() {
    let gateway = Gateway::with(&[ON, ("CACHE__DISABLED", "true")]).await;
    let detail = "nothing is kept: cache.disabled is true";
    assert_eq!(gateway.admin().get(CACHE).await.problem(409)["detail"], detail);
    assert_eq!(purge(gateway.admin(), &json!({"all": true})).await.problem(409)["detail"], detail);
    gateway.stop().await;
}
