//! What a change at the origin removes: RFC 9111 §4.4.

use crate::case::{Case, Step, case, get, method};
use crate::suite::holds_here;

const SECTION: &str = "RFC 9111 §4.4";
const FRESH: &str = "cache-control: max-age=3600";
const UNSAFE: [&str; 6] = ["POST", "PUT", "DELETE", "PATCH", "M-SEARCH", "FROBNICATE"];

pub(crate) fn cases() -> Vec<Case> {
    let each = UNSAFE.into_iter().flat_map(|name| {
        [
            case(format!("{name} that succeeded invalidates its URL"), SECTION)
                .then(fresh("/item"))
                .then(change(name).gives_status(200))
                .then(get().after(1).asks(1)),
            case(format!("{name} that was redirected invalidates its URL"), SECTION)
                .then(fresh("/item"))
                .then(change(name).gives_status(303))
                .then(get().after(1).asks(1)),
            case(format!("{name} that failed keeps its URL"), SECTION)
                .then(fresh("/item"))
                .then(change(name).gives_status(500))
                .then(get().after(1).hit().content_of(1)),
            case(format!("{name} that was refused keeps its URL"), SECTION)
                .then(fresh("/item"))
                .then(change(name).gives_status(403))
                .then(get().after(1).hit().content_of(1)),
            elsewhere(name, "Location", "location: /there"),
            elsewhere(name, "Content-Location", "content-location: /there"),
        ]
    });
    each.chain(safe()).chain(forms()).chain(extent()).collect()
}

fn fresh(target: &str) -> Step {
    get().at(target).gives(&[FRESH])
}

fn change(name: &str) -> Step {
    method(name).carries("abc")
}

fn elsewhere(name: &str, kind: &str, line: &str) -> Case {
    case(format!("{name} invalidates its {kind}"), SECTION)
        .then(fresh("/there"))
        .then(change(name).gives(&[line]))
        .then(get().at("/there").after(1).asks(1))
}

fn safe() -> Vec<Case> {
    let safe = ["OPTIONS", "TRACE"].map(|name| {
        case(format!("{name} is safe and keeps its URL"), "RFC 9110 §9.2.1")
            .then(fresh("/item"))
            .then(method(name))
            .then(get().after(1).hit().content_of(1))
    });
    safe.into_iter().collect()
}

fn forms() -> Vec<Case> {
    let names = |id: &str, line: &str, invalidates: bool| {
        let last = get().at("/a/there").after(1);
        case(id, SECTION)
            .then(fresh("/a/there"))
            .then(change("POST").at("/a/item").gives(&[line]))
            .then(if invalidates { last.asks(1) } else { last.hit() })
    };
    vec![
        names("a relative Location is resolved", "location: there", true),
        names("a Location with dots is resolved", "location: ../a/./there", true),
        names("a full Location of the same origin counts", "location: http://origin.test/a/there", true),
        names("a Location with the default port counts", "location: http://origin.test:80/a/there", true),
        names("a Location with the host in capitals counts", "location: http://ORIGIN.test/a/there", true),
        names("a Location without scheme counts", "location: //origin.test/a/there", true),
        names("a Location with a fragment counts", "location: /a/there#part", true),
        names("a relative Content-Location is resolved", "content-location: there", true),
        names("a Location of another host does not count", "location: http://other.test/a/there", false),
        names("a Location of another port does not count", "location: http://origin.test:81/a/there", false),
        names("a Location of another scheme does not count", "location: https://origin.test/a/there", false),
        names(
            "a Content-Location of another host does not count",
            "content-location: http://other.test/a/there",
            false,
        ),
        names("an invalid Location does not count", "location: http://[", false),
        names("a Location in another field does not count", "x-location: /a/there", false),
    ]
}

fn extent() -> Vec<Case> {
    vec![
        case("a change invalidates all variants", SECTION)
            .then(get().sends("x-a: 1").gives(&[FRESH, "vary: x-a"]))
            .then(get().sends("x-a: 2").gives(&[FRESH, "vary: x-a"]))
            .then(change("POST"))
            .then(get().sends("x-a: 1").after(1).asks(1))
            .then(get().sends("x-a: 2").asks(1)),
        case("a change keeps another query", SECTION)
            .then(fresh("/item?a=1"))
            .then(change("POST").at("/item?a=2"))
            .then(get().at("/item?a=1").after(1).hit()),
        case("a change keeps another path", SECTION)
            .then(fresh("/item/1"))
            .then(change("POST").at("/item"))
            .then(get().at("/item/1").after(1).hit()),
        case("a change that got no answer does not hide the next one", SECTION)
            .then(fresh("/item"))
            .then(change("POST").fails(crate::script::Fault::NoAnswer).status(502))
            .then(get().after(1).either().any_content()),
        case("what was invalidated is stored anew", SECTION)
            .then(fresh("/item"))
            .then(change("DELETE").gives_status(204))
            .then(get().after(1).gives(&[FRESH]).asks(1).content_of(3))
            .then(get().after(1).hit().content_of(3)),
        case("what was invalidated is not served stale", SECTION)
            .then(get().gives(&["cache-control: max-age=60, stale-if-error=600"]))
            .then(change("DELETE").gives_status(204))
            .then(get().after(1).gives_status(503).asks(1).status(503)),
        case("a change with 204 invalidates", SECTION)
            .then(fresh("/item"))
            .then(change("PUT").gives_status(204))
            .then(get().after(1).asks(1)),
        case("a change with 201 invalidates its Location", SECTION)
            .then(fresh("/there"))
            .then(change("POST").gives_status(201).gives(&["location: /there"]))
            .then(get().at("/there").after(1).asks(1)),
        case("a failed change keeps its Location", SECTION)
            .then(fresh("/there"))
            .then(change("POST").gives_status(500).gives(&["location: /there"]))
            .then(get().at("/there").after(1).hit()),
    ]
}

#[tokio::test]
async fn changes_remove_what_they_changed() {
    holds_here("invalidation", cases()).await;
}
