//! Proves what the cases stand on: the rig passes what it should, and tells what is wrong where something is.

use super::case::{Case, Step, case, get, head, method};
use super::rig::{Cached, Rig};
use super::script::{Fault, Framed};

const SECTION: &str = "RFC 9110 §7";

async fn problems(case: &Case) -> Vec<String> {
    Rig::start(case, Cached::Not).await.expect("the loopback has free ports").play(case).await
}

async fn passes(step: Step) {
    assert_eq!(problems(&case("passes", SECTION).then(step)).await, Vec::<String>::new());
}

/// The second step is the one that is tried.
async fn tells(step: Step, part: &str) {
    let case = case("tells", SECTION).then(get()).then(step);
    let told = problems(&case).await;
    assert!(
        told.iter().any(|problem| problem.starts_with("request 2: ") && problem.contains(part)),
        "{told:?}"
    );
}

#[tokio::test]
async fn what_the_origin_does_comes_to_the_client() {
    passes(get().gives_status(299).gives(&["x-a: 1"]).status(299).shows("x-a: 1").lacks("x-b")).await;
    passes(method("BREW").carries("coffee").gives_content("tea").content("tea")).await;
    passes(head().gives_content("0123456789").shows("content-length: 10").content("")).await;
    passes(get().gives_status(204).content("")).await;
    passes(get().framed(Framed::UntilClosed)).await;
    passes(get().framed(Framed::Chunked).gives_content("ab|cd|").paced(1)).await;
    passes(get().gives_content("ab|cd|").paced(1)).await;
}

#[tokio::test]
async fn broken_answers_come_as_broken() {
    passes(get().gives_content("0123456789").fails(Fault::After(4)).broken()).await;
    passes(get().framed(Framed::Chunked).fails(Fault::After(0)).broken()).await;
    passes(get().fails(Fault::NoAnswer).status(502).any_content()).await;
}

#[tokio::test]
async fn what_the_client_sends_comes_to_the_origin() {
    passes(get().sends("x-a: 1").origin_saw("x-a: 1").origin_missed("x-b")).await;
    passes(get().sends("if-none-match: \"a\"").validated().status(304).content("")).await;
    passes(get().each_sends("x-a", &["1", "2", "3"]).asks(3)).await;
    passes(get().sends("x-when: {+1}").origin_saw("x-when: Fri, 15 Jan 2027 08:00:01 GMT")).await;
}

#[tokio::test]
async fn an_answer_from_the_wrong_place_is_told() {
    tells(get().hit(), "0 requests to the origin were expected, 1 came").await;
    tells(get().validated(), "the origin got no condition").await;
    tells(get().asks(2), "2 requests to the origin were expected, 1 came").await;
    tells(get().together(3).asks(1), "1 requests to the origin were expected, 3 came").await;
    tells(get().content_of(1), "\"answer 1\" was expected, got \"answer 2\"").await;
}

#[tokio::test]
async fn an_answer_of_another_form_is_told() {
    tells(get().status(404), "status [404] was expected, got 200").await;
    tells(get().shows("x-a: 1"), "\"x-a: 1\" was expected, got []").await;
    tells(get().gives(&["x-a: 1"]).lacks("x-a"), "0 lines of x-a were expected, got 1").await;
    tells(get().broken(), "did not break off").await;
    tells(get().gives_content("0123").fails(Fault::After(2)), "broke off").await;
    tells(get().each_sends("x-a", &["1", "2"]).gives(&["x-a: 1"]).asks(2).content("1"), "\"1\" was expected")
        .await;
    tells(get().trailer("x-sum: 9"), "trailer \"x-sum: 9\" was expected").await;
    tells(get().interim(103, "x-a: 1"), "no interim answer 103").await;
    tells(get().cache_status("hit"), "Cache-Status should have hit").await;
    tells(get().gives(&["cache-status: A; hit"]).no_cache_status("hit"), "should not have hit").await;
    tells(get().sends("x-a: 1").origin_missed("x-a"), "the origin should not see x-a: 1").await;
    tells(method("PUT").carries("a").origin_got("b"), "should get \"b\", got \"a\"").await;
    tells(get().origin_saw("x-a: 1"), "the origin should see \"x-a: 1\"").await;
}
