//! A layer that splits requests.

use integridai_tower::Refused;
use integridai_tower::fan_out::{Division, FanOutLayer, FanOutOptions, JsonMerge, Part};
use tower::{Layer, ServiceExt, service_fn};

use super::*;

/// One part for each word of the query; one that ends with `?` is optional.
fn by_word(head: &http::request::Parts, _: &Bytes) -> Division {
    let Some(query) = head.uri.query() else {
        return Response::builder().status(400).body(Bytes::from("which?")).unwrap().into();
    };
    let part = |word: &str| {
        let request = Request::get(format!("/{}", word.trim_end_matches('*'))).body(Bytes::new()).unwrap();
        match word.strip_suffix('*') {
            Some(name) => Part::optional(name.to_owned(), request).timeout(ms(20)),
            None => Part::required(word.to_owned(), request),
        }
    };
    query.split(',').map(part).collect::<Vec<_>>().into()
}

/// Answers with the path; `/bad` fails, `/slow` hangs.
async fn item(request: Whole) -> Result<Response<Full<Bytes>>, std::io::Error> {
    match request.uri().path() {
        "/bad" => Err(std::io::Error::other("bad")),
        "/slow" => pending().await,
        path => Ok(response(200, format!("{path:?}"))),
    }
}

fn layer() -> FanOutLayer<impl integridai_tower::fan_out::SplitRequest> {
    FanOutLayer::new(by_word, FanOutOptions::new(JsonMerge::list("items")).max_parts(4))
}

#[tokio::test(start_paused = true)]
async fn a_request_becomes_several_and_their_answers_one() {
    let service = layer().layer(service_fn(item));
    let answer = service.clone().oneshot(asking("/?a,slow*,bad*,c")).await.unwrap();
    assert_eq!(header(&answer, "fan-out-missing"), Some("slow, bad"));
    assert_eq!(text(answer).await, r#"{"items":["/a",null,null,"/c"],"missing":["slow","bad"]}"#);
    let failed = service.oneshot(asking("/?a,bad")).await.unwrap();
    assert_eq!(
        (failed.status(), json(failed).await["detail"].clone()),
        (StatusCode::BAD_GATEWAY, "bad could not be asked.".into())
    );
}

#[tokio::test]
async fn the_splitter_may_answer_by_itself() {
    let answer = layer().layer(service_fn(item)).oneshot(asking("/")).await.unwrap();
    assert_eq!((answer.status(), text(answer).await.as_str()), (StatusCode::BAD_REQUEST, "which?"));
}

#[tokio::test]
async fn a_request_cannot_ask_for_any_number_of_parts() {
    let answer = layer().layer(service_fn(item)).oneshot(asking("/?a,b,c,d,e")).await.unwrap();
    assert_eq!(answer.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(answer.extensions().get(), Some(&Refused { layer: "fan_out", reason: "too_many_parts" }));
}
