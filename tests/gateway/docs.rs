//! `/docs/`: the page and all it needs, from this server alone.

use crate::support::gateway::Gateway;

/// What stands in `attribute="…"`.
fn values(html: &str, attribute: &str) -> Vec<String> {
    let begin = format!("{attribute}=\"");
    let pieces = html.split(&begin).skip(1);
    pieces.filter_map(|piece| piece.split_once('"')).map(|(value, _)| value.to_owned()).collect()
}

#[tokio::test]
async fn the_page_and_its_assets_come_from_here() {
    let gateway = Gateway::start().await;
    let page = gateway.client.get("/docs/").await;
    assert_eq!(page.status, 200, "{page:?}");
    assert!(page.header("content-type").starts_with("text/html"), "{page:?}");
    let assets: Vec<String> = ["src", "href"].iter().flat_map(|name| values(page.text(), name)).collect();
    assert!(assets.len() >= 4, "{}", page.text());
    for asset in assets {
        assert!(!asset.contains("//"), "{asset} is not from here");
        let path = format!("/docs/{}", asset.trim_start_matches("./"));
        let answer = gateway.client.get(&path).await;
        assert!(answer.status == 200 && !answer.body.is_empty(), "{path}: {}", answer.status);
        let kind = match path.rsplit('.').next() {
            Some("js") => "text/javascript",
            Some("css") => "text/css",
            Some("png") => "image/png",
            other => panic!("what is {other:?}?"),
        };
        assert!(answer.header("content-type").starts_with(kind), "{path}: {}", answer.header("content-type"));
    }
    gateway.stop().await;
}

#[tokio::test]
async fn the_page_shows_this_gateways_document() {
    let gateway = Gateway::start().await;
    let script = gateway.client.get("/docs/swagger-initializer.js").await;
    assert!(script.text().contains("/api/openapi.json"), "{}", script.text());
    for outside in ["http://", "https://"] {
        assert!(!script.text().contains(outside), "{}", script.text());
    }
    gateway.stop().await;
}

#[tokio::test]
async fn the_path_without_its_slash_leads_there_and_nothing_else_does() {
    let gateway = Gateway::start().await;
    let answer = gateway.client.get("/docs").await;
    assert!(matches!(answer.status, 301..=308), "{answer:?}");
    assert_eq!(answer.header("location"), "/docs/");
    for path in ["/docs/nothing.js", "/docs/../etc/passwd", "/docs/%2e%2e%2f%2e%2e%2fetc%2fpasswd", "/doc"] {
        gateway.client.get(path).await.problem(404);
    }
    gateway.stop().await;
}
