//! What would become of a request: told as it then happens, and without doing anything of it.

use http::Method;
use serde_json::{Value, json};

use crate::support::client::{Answer, CONSOLIDATED, Client};
use crate::support::credentials::{Guarded, token};
use crate::support::gateway::Gateway;

const ON: (&str, &str) = ("ADMIN__LISTEN", "127.0.0.1:0");
const LIMITED: (&str, &str) = ("RATE_LIMITS__DISABLED", "false");
const PROXIED: &str = "/api/v1/regtech/compliance_dashboard";

async fn ask(admin: &Client, described: &Value) -> Answer {
    let request = admin.request(Method::POST, "/admin/v1/explain").json(described);
    admin.send(request.bearer_auth(token("admin"))).await
}

async fn explained(admin: &Client, described: Value) -> Value {
    ask(admin, &described).await.ok()
}

/// What the layer of this name says.
fn layer<'a>(told: &'a Value, name: &str) -> &'a Value {
    let layers = told["layers"].as_array().expect("layers");
    layers.iter().find(|layer| layer["layer"] == name).unwrap_or_else(|| panic!("no {name} in {told}"))
}

/// Name and value.
type Field = (&'static str, String);

/// Requests of all kinds: method, path, fields.
fn requests() -> Vec<(Method, String, Vec<Field>)> {
    let bearer = |scope: &str| vec![("authorization", format!("Bearer {}", token(scope)))];
    let get = |path: &str, fields| (Method::GET, path.to_owned(), fields);
    vec![
        get("/livez", vec![]),
        get("/docs", vec![]),
        get("/nowhere", vec![]),
        get("/nowhere", bearer("admin")),
        get(CONSOLIDATED, vec![]),
        get(CONSOLIDATED, bearer("events:read")),
        get(CONSOLIDATED, bearer("metrics:read")),
        get(CONSOLIDATED, vec![("authorization", "Bearer nonsense".to_owned())]),
        (Method::HEAD, CONSOLIDATED.to_owned(), bearer("metrics:read")),
        (Method::DELETE, CONSOLIDATED.to_owned(), bearer("metrics:read")),
        get("/livez", vec![("host", "evil.example".to_owned())]),
        get(&format!("/livez?{}", "a".repeat(9_000)), vec![]),
        get(PROXIED, bearer("metrics:read")),
        get(PROXIED, bearer("proxy:regtech")),
        get(PROXIED, bearer("admin")),
        get("/api/v1/regtech/a%5Cb", bearer("proxy:regtech")),
        get(PROXIED, [bearer("admin"), vec![("via", "1.1 integridai-gateway".to_owned())]].concat()),
        (Method::TRACE, PROXIED.to_owned(), bearer("admin")),
        get("/only/post", bearer("admin")),
        get("/elsewhere/a", bearer("admin")),
        get("/api/v1/events", bearer("events:read")),
        get("/api/v1/events", bearer("events:read")),
        get("/api/v1/events", bearer("events:read")),
    ]
}

#[tokio::test]
async fn what_is_explained_is_what_then_happens() {
    let routes = r#"[{prefix = "/only", service = "regtech", methods = ["POST"]},
        {prefix = "/elsewhere", service = "regtech", hosts = ["other.example"]}]"#;
    let policies = r#"{two = {by = "principal", routes = ["/api/v1/events"], quotas = [{limit = 2, period_seconds = 86400}]}}"#;
    let settings = [ON, LIMITED, ("PROXY__ROUTES", routes), ("RATE_LIMITS__POLICIES", policies)];
    let guarded = Guarded::with(&settings).await;
    // The document says nothing of what is refused before any route.
    let client = Client::of_admin(guarded.gateway.address());
    let mut refused = 0;
    for (method, path, fields) in requests() {
        let mut headers: serde_json::Map<String, Value> =
            fields.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
        let host = headers.remove("host").unwrap_or(json!("localhost"));
        let address = json!("127.0.0.1");
        let described = json!({"method": method.as_str(), "path": path, "host": host, "headers": headers, "address": address});
        let told = explained(guarded.gateway.admin(), described).await;
        let request = client.request(method.clone(), &path).header("host", host.as_str().unwrap());
        let request = fields
            .iter()
            .filter(|(name, _)| *name != "host")
            .fold(request, |request, (name, value)| request.header(*name, value));
        let answer = client.send(request).await;
        let happens = (answer.status >= 400).then_some(answer.status);
        assert_eq!(told["status"].as_u64(), happens.map(u64::from), "{method} {path}: {told} {answer:?}");
        refused += usize::from(happens.is_some());
    }
    assert_eq!(refused, 15);
    guarded.gateway.stop().await;
}

#[tokio::test]
async fn it_tells_route_and_principal_and_what_each_layer_goes_by() {
    let settings = [ON, LIMITED, ("SERVICES__REGTECH__TIMEOUT_SECONDS", "7")];
    let guarded = Guarded::with(&settings).await;
    let admin = guarded.gateway.admin();
    let principal = json!({"subject": "bob", "issuer": "https://id.test", "scopes": ["metrics:read"]});
    let told = explained(admin, json!({"path": PROXIED, "principal": principal})).await;
    assert_eq!((&told["template"], &told["service"]), (&json!("/api/v1/regtech/{*path}"), &json!("regtech")));
    assert_eq!((&told["principal"]["subject"], &told["status"]), (&json!("bob"), &json!(403)));
    let authorization = layer(&told, "authorization");
    assert_eq!((&authorization["passes"], &authorization["scope"]), (&json!(false), &json!("proxy:regtech")));
    let circuit = layer(&told, "circuit");
    assert_eq!((&circuit["passes"], &circuit["state"]), (&json!(true), &json!("closed")), "{told}");
    assert_eq!(layer(&told, "bounds")["answer_timeout_seconds"], 7.0);

    let command = admin.request(Method::POST, "/admin/v1/circuits/regtech").json(&json!({"command": "open"}));
    admin.send(command.bearer_auth(token("admin"))).await.ok();
    let principal = json!({"subject": "bob", "scopes": ["admin"]});
    let told = explained(admin, json!({"path": PROXIED, "principal": principal})).await;
    assert_eq!((&told["status"], &layer(&told, "circuit")["state"]), (&json!(503), &json!("forced_open")));
    guarded.gateway.stop().await;
}

#[tokio::test]
async fn neither_limits_nor_what_is_kept_are_touched() {
    let policies = r#"{one = {by = "address", routes = ["/api/v1/metrics/consolidated"], quotas = [{limit = 1, period_seconds = 86400}]}}"#;
    let gateway = Gateway::with(&[ON, LIMITED, ("RATE_LIMITS__POLICIES", policies)]).await;
    let described = json!({"path": CONSOLIDATED, "address": "127.0.0.1"});
    for _ in 0..3 {
        let told = explained(gateway.admin(), described.clone()).await;
        assert_eq!(told["status"], Value::Null, "{told}");
        assert_eq!(layer(&told, "rate_limits_by_address")["limits"][0]["remaining"], 1);
        let cache = layer(&told, "cache");
        assert_eq!((&cache["kept_variants"], &cache["fresh_variants"]), (&json!(0), &json!(0)));
    }
    gateway.client.get(CONSOLIDATED).await.ok();
    let told = explained(gateway.admin(), described).await;
    assert_eq!(told["status"], 429);
    let cache = layer(&told, "cache");
    assert_eq!((&cache["kept_variants"], &cache["fresh_variants"]), (&json!(1), &json!(1)), "{told}");
    gateway.stop().await;
}

#[tokio::test]
async fn what_describes_no_request_is_refused() {
    let gateway = Gateway::with(&[ON]).await;
    for (described, pointer) in [
        (json!([]), ""),
        (json!({}), ""),
        (json!({"path": 7}), ""),
        (json!({"path": "a b"}), "/path"),
        (json!({"path": "http://localhost/"}), "/path"),
        (json!({"path": "/api/v1/realtime/subscribe?ticket=a"}), "/path"),
        (json!({"path": "/", "method": "G T"}), "/method"),
        (json!({"path": "/", "headers": {"a b": "c"}}), "/headers/a b"),
        (json!({"path": "/", "headers": {"a": "b\nc"}}), "/headers/a"),
        (json!({"path": "/", "host": "a\nb"}), "/host"),
        (json!({"path": "/", "principal": {"scopes": ["admin"]}}), "/principal/subject"),
        (json!({"path": "/", "principal": {"name": "ann"}}), "/principal"),
        (json!({"path": "/", "for": "ann"}), ""),
    ] {
        let problem = ask(gateway.admin(), &described).await.problem(422);
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{described}: {problem}");
    }
    gateway.stop().await;
}
