//! Who is let in, as an operator sets it up: the commands that make credentials, and a `serve` that asks for them.
use std::path::Path;

use reqwest::RequestBuilder;

use crate::support::{Ended, Gateway, PROGRAM, Start, ask, bare, client, finish};

const EX_CONFIG: i32 = 78;
const FIGURES: &str = "/api/v1/metrics/consolidated";
const TICKET: &str = "/api/v1/realtime/ticket";
const SUBSCRIBE: &str = "/api/v1/realtime/subscribe";
const ISSUERS: &str =
    r#"{dev = {issuer = "dev", audience = ["gateway"], secret = "s3cr3t-s3cr3t-s3cr3t-s3cr3t-s3cr3t"}}"#;

/// Without the variable that lets everybody in.
async fn command(arguments: &[&str], variables: &[(&str, &str)]) -> Ended {
    finish(bare(PROGRAM).args(arguments).envs(variables.iter().copied())).await
}

fn guarded(folder: &Path) -> Start {
    Start::new(&folder.join("gateway.db")).set("AUTH__DISABLED", false)
}

async fn status(gateway: &Gateway, credentials: impl FnOnce(RequestBuilder) -> RequestBuilder) -> u16 {
    ask(credentials(client().get(gateway.url(FIGURES)))).await.0
}

fn key_with(scope: &str) -> String {
    let digest = format!("sha256:{}", "0".repeat(64));
    let record = format!(r#"id = "igd_000000000000", subject = "ops", scopes = ["{scope}"]"#);
    format!(r#"{{ops = {{{record}, secrets = [{{digest = "{digest}"}}]}}}}"#)
}

#[tokio::test]
async fn a_gateway_that_nobody_could_call_or_everybody_does_not_start() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("gateway.db");
    let nobody = [("INTEGRIDAI_DATABASE__PATH", database.to_str().unwrap())];
    for arguments in [["serve"], ["check-config"]] {
        command(&arguments, &nobody).await.assert_refused(EX_CONFIG, &["nobody could call", "auth.disabled"]);
    }
    for (key, value, said) in [
        ("INTEGRIDAI_AUTH__ISSUERS", r#"{i = {issuer = "i", audience = ["a"], secret = "short"}}"#, "secret"),
        (
            "INTEGRIDAI_AUTH__ISSUERS",
            r#"{i = {issuer = "i", audience = ["a"], public_key_file = "/nowhere"}}"#,
            "/nowhere",
        ),
        (
            "INTEGRIDAI_AUTH__ISSUERS",
            r#"{i = {issuer = "i", audience = ["a"], jwks_url = "http://id.example/"}}"#,
            "https",
        ),
        (
            "INTEGRIDAI_AUTH__ISSUERS",
            r#"{i = {issuer = "http://id.example", audience = ["a"], discovery = true}}"#,
            "auth.issuers: i: ",
        ),
        ("INTEGRIDAI_AUTH__API_KEYS", &key_with("metric:read"), "auth.api_keys: ops: scope `metric:read`"),
    ] {
        for arguments in [["serve"], ["check-config"]] {
            command(&arguments, &[nobody[0], (key, value)]).await.assert_refused(EX_CONFIG, &[said]);
        }
    }
    let everybody = guarded(folder.path()).set("AUTH__DISABLED", true).set("SERVER__LISTEN", "0.0.0.0:0");
    everybody.fail().await.assert_refused(EX_CONFIG, &["loopback only"]);
    assert!(!database.exists());
}

#[cfg(not(feature = "tls"))]
#[tokio::test]
async fn a_build_without_tls_names_the_feature_that_an_issuers_url_needs() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("gateway.toml");
    for (text, at) in [
        ("issuer = \"i\"\njwks_url = \"https://id.example/\"", "line 3, column 12, `jwks_url`"),
        ("issuer = \"https://id.example\"\ndiscovery = true", "line 1, column 1, `[auth.issuers.main]`"),
    ] {
        std::fs::write(&config, format!("[auth.issuers.main]\n{text}\naudience = [\"gateway\"]")).unwrap();
        for name in ["serve", "check-config"] {
            let ended = command(&[name, "--config", config.to_str().unwrap()], &[]).await;
            ended.assert_refused(EX_CONFIG, &[config.to_str().unwrap(), at, "cargo feature `tls`"]);
        }
    }
}

#[tokio::test]
async fn the_key_of_api_key_is_let_in_with_the_section_it_prints() {
    let folder = tempfile::tempdir().unwrap();
    let pepper = [("INTEGRIDAI_AUTH__API_KEY_PEPPER", "p3pp3r-p3pp3r-p3pp3r-p3pp3r-p3pp3r")];
    let minted = command(&["api-key", "--scope", "metrics:read", "--days", "1", "ops"], &pepper).await;
    assert_eq!(minted.code, Some(0), "{}", minted.stderr);
    let key = minted.stderr.trim().rsplit(' ').next().unwrap().to_owned();
    assert!(key.starts_with("igd_") && !minted.stdout.contains(&key), "the section is no secret");
    let config = folder.path().join("gateway.toml");
    std::fs::write(&config, &minted.stdout).unwrap();

    let shown = command(&["check-config", "--config", config.to_str().unwrap()], &pepper).await;
    assert_eq!(shown.code, Some(0), "{}", shown.stderr);
    assert!(shown.stdout.contains("metrics:read") && !shown.stdout.contains("p3pp3r"), "{}", shown.stdout);
    let start = guarded(folder.path()).set("CONFIG", config.display());
    let gateway = start.clone().set("AUTH__API_KEY_PEPPER", pepper[0].1).logs("trace").run().await;
    assert_eq!(status(&gateway, |request| request).await, 401);
    assert_eq!(status(&gateway, |request| request.header("x-api-key", &key)).await, 200);
    let exit = gateway.stop().await;
    let told = exit.log.iter().find(|line| line.contains(&key) || line.contains("p3pp3r"));
    assert_eq!(told, None, "secrets are not logged, at trace level either");

    let other = start.set("AUTH__API_KEY_PEPPER", "another-another-another-another-").run().await;
    assert_eq!(status(&other, |request| request.header("x-api-key", &key)).await, 401);
}

#[tokio::test]
async fn the_token_of_token_is_let_in_by_its_issuer() {
    let folder = tempfile::tempdir().unwrap();
    let issuers = [("INTEGRIDAI_AUTH__ISSUERS", ISSUERS)];
    let scopes = ["--scope", "metrics:read", "--scope", "events:read"];
    let minted = command(&[&["token"], &scopes[..], &["ann"]].concat(), &issuers).await;
    assert_eq!(minted.code, Some(0), "{}", minted.stderr);
    let token = minted.stdout.trim();
    let gateway = guarded(folder.path()).set("AUTH__ISSUERS", ISSUERS).logs("trace").run().await;
    assert_eq!(status(&gateway, |request| request.bearer_auth(token)).await, 200);
    assert_eq!(status(&gateway, |request| request.bearer_auth(&token[..token.len() - 4])).await, 401);
    let metrics = client().get(gateway.url("/metrics")).bearer_auth(token).send().await.unwrap();
    assert!(metrics.text().await.unwrap().contains("http_server_refused_requests_total"));
    let (code, answer) = ask(client().post(gateway.url(TICKET)).bearer_auth(token)).await;
    assert_eq!(code, 200, "{answer}");
    let ticket = answer["ticket"].as_str().unwrap();
    // Good credentials and no handshake.
    assert_eq!(ask(client().get(gateway.url(&format!("{SUBSCRIBE}?ticket={ticket}")))).await.0, 426);
    assert_eq!(ask(client().get(gateway.url(&format!("{SUBSCRIBE}?ticket={ticket}")))).await.0, 401);
    let exit = gateway.stop().await;
    assert!(exit.log.iter().any(|line| line.contains(SUBSCRIBE)), "the path is logged");
    let secrets = [token, ticket, "s3cr3t"];
    let told = exit.log.iter().find(|line| secrets.iter().any(|secret| line.contains(secret)));
    assert_eq!(told, None, "secrets are not logged, at trace level either");
}

#[tokio::test]
async fn credentials_that_cannot_be_made_are_refused_with_the_reason() {
    let remote = r#"{main = {issuer = "https://id.example", audience = ["gateway"], jwks_url = "http://127.0.0.1:1/"}}"#;
    let issuers = |text| [("INTEGRIDAI_AUTH__ISSUERS", text)];
    let token = ["token", "--scope", "admin", "ann"];
    command(&token, &[]).await.assert_refused(1, &["auth.issuers"]);
    command(&token, &issuers(remote)).await.assert_refused(1, &["secret"]);
    let named = ["token", "--scope", "admin", "--issuer", "main", "ann"];
    command(&named, &issuers(remote)).await.assert_refused(1, &["signed elsewhere"]);
    command(&named, &issuers(ISSUERS)).await.assert_refused(1, &["no issuer has this name"]);
    let short = issuers(r#"{dev = {issuer = "dev", audience = ["a"], secret = "short"}}"#);
    command(&token, &short).await.assert_refused(1, &["secret"]);
    let unknown = command(&["api-key", "--scope", "everything", "ops"], &[]).await;
    assert_eq!(unknown.code, Some(2));
    let scopes = "workflows:execute, metrics:read, events:read, events:write, proxy:regtech, \
                  proxy:flaisimulator, proxy:dashboard, admin";
    assert!(unknown.stderr.contains(scopes), "{}", unknown.stderr);
}
