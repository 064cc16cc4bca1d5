//! The page at `/console`, with all that it needs: embedded in the binary, so that a browser asks nobody but the gateway.
//!
//! It is for everybody, as the API's documentation is: it has nothing of its own to show. What it shows it asks of the API with
//! the credentials that are typed into it, which stay in its memory.

use std::future::ready;

use axum::Router;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use sha2::{Digest, Sha256};

/// Where the page is; its files are below.
pub const PATH: &str = "/console";

/// Nothing but the files below, and the API of the same origin; not within a page of anybody else.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const HTML: &str = "text/html; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const IMAGE: &str = "image/svg+xml";

/// Where it is, its media type, its content.
type File = (&'static str, &'static str, &'static str);

const FILES: [File; 24] = [
    (PATH, HTML, include_str!("page.html")),
    ("/console/mark.svg", IMAGE, include_str!("mark.svg")),
    ("/console/base.css", STYLE, include_str!("base.css")),
    ("/console/layout.css", STYLE, include_str!("layout.css")),
    ("/console/parts.css", STYLE, include_str!("parts.css")),
    ("/console/lists.css", STYLE, include_str!("lists.css")),
    ("/console/main.js", SCRIPT, include_str!("main.js")),
    ("/console/appearance.js", SCRIPT, include_str!("appearance.js")),
    ("/console/api.js", SCRIPT, include_str!("api.js")),
    ("/console/problem.js", SCRIPT, include_str!("problem.js")),
    ("/console/live.js", SCRIPT, include_str!("live.js")),
    ("/console/dom.js", SCRIPT, include_str!("dom.js")),
    ("/console/text.js", SCRIPT, include_str!("text.js")),
    ("/console/english.js", SCRIPT, include_str!("english.js")),
    ("/console/spanish.js", SCRIPT, include_str!("spanish.js")),
    ("/console/chart.js", SCRIPT, include_str!("chart.js")),
    ("/console/services.js", SCRIPT, include_str!("services.js")),
    ("/console/figures.js", SCRIPT, include_str!("figures.js")),
    ("/console/executions.js", SCRIPT, include_str!("executions.js")),
    ("/console/follow.js", SCRIPT, include_str!("follow.js")),
    ("/console/run.js", SCRIPT, include_str!("run.js")),
    ("/console/check.js", SCRIPT, include_str!("check.js")),
    ("/console/events.js", SCRIPT, include_str!("events.js")),
    ("/console/event.js", SCRIPT, include_str!("event.js")),
];

/// The page and its files.
pub fn routes() -> Router {
    let to_the_page = get(|| ready(Redirect::permanent(PATH)));
    let router = Router::new().route("/console/", to_the_page);
    FILES.iter().fold(router, |router, &(path, kind, content)| {
        let tag = entity_tag(content);
        router.route(path, get(move |asked: HeaderMap| ready(answer(&asked, kind, content, &tag))))
    })
}

/// Asked for again each time, so that no page goes with the scripts of another version.
fn answer(asked: &HeaderMap, kind: &'static str, content: &'static str, tag: &HeaderValue) -> Response {
    let is_known = asked.get(IF_NONE_MATCH).is_some_and(|known| known == tag);
    let mut response = match is_known {
        true => StatusCode::NOT_MODIFIED.into_response(),
        false => ([(CONTENT_TYPE, kind)], content).into_response(),
    };
    response.headers_mut().insert(ETAG, tag.clone());
    response.headers_mut().extend(FIELDS.map(|(name, value)| (name, HeaderValue::from_static(value))));
    response
}

const FIELDS: [(HeaderName, &str); 5] = [
    (CACHE_CONTROL, "no-cache"),
    (CONTENT_SECURITY_POLICY, POLICY),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
];

/// Weak, for the content may be compressed on the way (RFC 9110 §8.8.1).
fn entity_tag(content: &str) -> HeaderValue {
    let digest = Sha256::digest(content);
    let half: [u8; 16] = std::array::from_fn(|index| digest[index]);
    HeaderValue::try_from(format!("W/\"{:032x}\"", u128::from_be_bytes(half))).expect("hexadecimal digits")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// What stands between `begin` and the next quotation mark, wherever it does.
    fn quoted<'a>(content: &'a str, begin: &'a str) -> impl Iterator<Item = &'a str> {
        content.split(begin).skip(1).filter_map(|rest| rest.split('"').next())
    }

    #[test]
    fn every_file_that_is_asked_for_is_there_and_every_one_that_is_there_is_asked_for() {
        let mut asked = BTreeSet::from([PATH.to_owned()]);
        for (_, kind, content) in FILES {
            match kind {
                HTML => ["href=\"", "src=\""].iter().for_each(|begin| {
                    asked.extend(quoted(content, begin).filter(|to| !to.starts_with('#')).map(str::to_owned));
                }),
                SCRIPT => asked.extend(quoted(content, "from \"./").map(|name| format!("/console/{name}"))),
                _ => {}
            }
        }
        let there: BTreeSet<String> = FILES.iter().map(|(path, ..)| (*path).to_owned()).collect();
        let elsewhere = BTreeSet::from(["/docs/".to_owned()]);
        assert_eq!(&asked - &elsewhere, there);
    }

    #[test]
    fn every_file_is_short_enough_to_be_read() {
        for (path, _, content) in FILES {
            assert!(content.lines().count() <= 400, "{path}");
        }
    }

    #[test]
    fn both_languages_have_the_same_texts_and_the_page_has_no_other() {
        let [english, spanish] = ["english.js", "spanish.js"].map(|name| keys(file(name)));
        assert_eq!(english, spanish);
        let used = ["data-text=\"", "data-label=\"", "data-hint=\""];
        for key in used.iter().flat_map(|begin| quoted(file_at(PATH), begin)) {
            assert!(english.contains(key), "{key}");
        }
        assert!(english.len() > 100);
    }

    fn file(name: &str) -> &'static str {
        file_at(&format!("{PATH}/{name}"))
    }

    fn file_at(wanted: &str) -> &'static str {
        FILES.iter().find(|(path, ..)| *path == wanted).expect("it is there").2
    }

    /// The names before the colons.
    fn keys(content: &str) -> BTreeSet<&str> {
        let lines = content.lines().filter_map(|line| line.strip_prefix("  \""));
        lines.filter_map(|line| line.split_once("\":")).map(|(key, _)| key).collect()
    }
}
