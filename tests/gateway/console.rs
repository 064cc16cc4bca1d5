//! `/console`: the page and its files, from this server alone. What it does in a browser is tested in one.

use std::collections::BTreeSet;

use crate::support::gateway::Gateway;

/// What stands between `begin` and the next quotation mark.
fn quoted<'a>(text: &'a str, begin: &'a str) -> impl Iterator<Item = &'a str> {
    text.split(begin).skip(1).filter_map(|rest| rest.split('"').next())
}

/// The page and all that it refers to, directly or not.
async fn files(gateway: &Gateway) -> BTreeSet<String> {
    let (mut known, mut left) = (BTreeSet::new(), vec!["/console".to_owned()]);
    while let Some(path) = left.pop() {
        if !known.insert(path.clone()) {
            continue;
        }
        let answer = gateway.client.get(&path).await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        let text = answer.text();
        let of_page = quoted(text, "href=\"").chain(quoted(text, "src=\"")).map(str::to_owned);
        let imported = quoted(text, "from \"./").map(|name| format!("/console/{name}"));
        left.extend(of_page.chain(imported).filter(|path| path.starts_with("/console")));
    }
    known
}

#[tokio::test]
async fn each_file_comes_under_the_strict_policy_and_is_asked_for_again() {
    let gateway = Gateway::start().await;
    let files = files(&gateway).await;
    assert!(files.len() > 15, "{files:?}");
    for path in files {
        let answer = gateway.client.get(&path).await;
        let policy = answer.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self';"), "{policy}");
        assert!(policy.contains("connect-src 'self'") && !policy.contains("unsafe"), "{policy}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("cache-control"), "no-cache");
        let kind = match path.rsplit('.').next() {
            Some("js") => "text/javascript",
            Some("css") => "text/css",
            Some("svg") => "image/svg+xml",
            _ => "text/html",
        };
        assert!(answer.header("content-type").starts_with(kind), "{path}: {answer:?}");
        let request = gateway.client.request(http::Method::GET, &path);
        let known = gateway.client.send(request.header("if-none-match", answer.header("etag"))).await;
        assert_eq!((known.status, known.body.len()), (304, 0), "{path}");
    }
    gateway.stop().await;
}

#[tokio::test]
async fn nothing_in_it_names_another_server() {
    let gateway = Gateway::start().await;
    for path in files(&gateway).await {
        let answer = gateway.client.get(&path).await;
        // The namespace of SVG is a name and no address.
        let text = answer.text().replace("http://www.w3.org/2000/svg", "");
        for outside in ["http://", "https://", "url(", "@import", "innerHTML", "eval("] {
            assert!(!text.contains(outside), "{path} has {outside}");
        }
    }
    gateway.stop().await;
}

#[tokio::test]
async fn a_slash_too_many_leads_to_the_page_and_what_is_not_there_is_404() {
    let gateway = Gateway::start().await;
    let answer = gateway.client.get("/console/").await;
    assert_eq!((answer.status, answer.header("location")), (308, "/console"), "{answer:?}");
    gateway.client.get("/console/nothing.js").await.problem(404);
    gateway.stop().await;
}
