//! A path goes to the letter or not at all.

use crate::proxy::over;
use crate::support::gateway::Gateway;
use crate::support::origin::Origin;
use crate::support::raw::Raw;

async fn status(gateway: &Gateway, target: &str) -> u16 {
    let mut raw = Raw::connect(gateway.address()).await;
    raw.send(&format!("GET {target} HTTP/1.1\r\nhost: localhost\r\n\r\n")).await;
    let head = raw.head().await;
    head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status line")
}

#[tokio::test]
async fn what_means_one_thing_to_all_arrives_to_the_letter() {
    let origin = Origin::named("regtech").await;
    let gateway = over(&origin, &[]).await;
    for rest in [
        "",
        "a",
        "a/",
        "a//b",
        "//a",
        "/evil.test/a",
        "a%2Fb",
        "a%2fb",
        "%41",
        "%7e",
        "a%20b",
        "a+b",
        "...",
        "a..b",
        ".a",
        "a;b=c",
        "%25",
        "%252F",
        "caf%C3%A9",
        "a?b",
        "a?",
        "a?b?c",
        "a?b=../../c",
        "a?b=%2e%2e%2f",
        "a?%00",
        "?b",
        "a?b=%",
        "*",
        "a:80",
        "@evil.test",
        "a&b=c",
        "a'b\"c",
        "{a}",
        "a?\\",
    ] {
        let target = format!("/api/v1/regtech/{rest}");
        assert_eq!(status(&gateway, &target).await, 200, "{target}");
        assert_eq!(origin.last().uri.to_string(), format!("/{rest}"), "{target}");
    }
    assert_eq!(status(&gateway, "http://localhost/api/v1/regtech/a%2Fb?c").await, 200);
    assert_eq!(origin.last().uri, "/a%2Fb?c");
    gateway.stop().await;
}

#[tokio::test]
async fn what_would_lead_elsewhere_is_refused() {
    let origin = Origin::named("regtech").await;
    let gateway = over(&origin, &[]).await;
    for rest in [
        "..",
        "../dashboard/a",
        "a/../b",
        "a/..",
        "./a",
        "a/.",
        "%2e%2e/a",
        "%2E%2E",
        ".%2e/a",
        "%2e./a",
        "a/%2e%2e",
        "..%2fa",
        "a%2f..%2fb",
        "%2e%2e%2fa",
        "%252e%252e/a",
        "%252e%252e%252fa",
        "%25252e%25252e/a",
        "..;/a",
        "..;x=y/a",
        "%2e%2e;/a",
        "%2e%2e%3b/a",
        "a\\b",
        "..\\a",
        "a%5cb",
        "..%5ca",
        "a%255cb",
        "a%00",
        "%00",
        "a%2500b",
        "a%0d%0ab",
        "a%09",
        "%",
        "a%2",
        "a%zz",
        "%u002e%u002e/a",
        "a/..?b",
    ] {
        let target = format!("/api/v1/regtech/{rest}");
        assert_eq!(status(&gateway, &target).await, 400, "{target}");
    }
    assert!(origin.heads().is_empty());
    gateway.stop().await;
}

#[tokio::test]
async fn no_other_path_leads_to_a_service() {
    let origin = Origin::named("regtech").await;
    let gateway = over(&origin, &[]).await;
    for target in [
        "/api/v1/regtech",
        "/api/v1//regtech/a",
        "/api/v1/regtech%2fa",
        "/api/v1/REGTECH/a",
        "/api/v1/%72egtech/a",
        "/api/v1/./regtech/a",
        "/api/v1/x/../regtech/a",
        "//api/v1/regtech/a",
        "/regtech/a",
        "/api/v1/regtech;/a",
    ] {
        assert_eq!(status(&gateway, target).await, 404, "{target}");
    }
    assert!(origin.heads().is_empty());
    gateway.stop().await;
}
