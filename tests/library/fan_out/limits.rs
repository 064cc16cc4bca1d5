//! Bodies: how long they may be, and what happens when they break off.

use http_body::Frame;
use http_body_util::StreamBody;
use integridai_tower::fan_out::{FanOut, FanOutOptions, JsonMerge, Route};
use tower::{ServiceExt, service_fn};

use super::*;

type Pieces =
    StreamBody<futures_util::stream::Iter<std::vec::IntoIter<Result<Frame<Bytes>, std::io::Error>>>>;

fn pieces(pieces: &[&'static str]) -> Pieces {
    let frames: Vec<_> = pieces
        .iter()
        .map(|piece| match *piece {
            "!" => Err(std::io::Error::other("reset")),
            piece => Ok(Frame::data(Bytes::from(piece))),
        })
        .collect();
    StreamBody::new(futures_util::stream::iter(frames))
}

fn echo() -> impl tower::Service<Whole, Response = Response<Full<Bytes>>, Error = Infallible> + Clone {
    service_fn(|request: Whole| async move {
        let body = request.into_body().collect().await.unwrap().to_bytes();
        Ok(response(200, serde_json::to_vec(&String::from_utf8(body.to_vec()).unwrap()).unwrap()))
    })
}

#[tokio::test]
async fn a_request_of_pieces_is_put_together_for_every_branch() {
    let routes = (Route::required("a", echo()), Route::required("b", echo()));
    let fan_out = FanOut::new(routes, FanOutOptions::new(JsonMerge::members()).max_request_bytes(6)).unwrap();
    for (sent, expected) in
        [(&["abc"][..], "abc"), (&["ab", "", "cd", "ef"], "abcdef"), (&["", "abcdef"], "abcdef"), (&[], "")]
    {
        let answer = fan_out.clone().oneshot(Request::new(pieces(sent))).await.unwrap();
        assert_eq!(json(answer).await, serde_json::json!({"a": expected, "b": expected}));
    }
}

#[tokio::test]
async fn a_request_that_is_too_long_or_breaks_off_reaches_nobody() {
    let calls = Drops::default();
    let counting = {
        let calls = calls.clone();
        service_fn(move |_: Whole| {
            drop(calls.guard());
            ready(Ok::<_, Infallible>(response(200, "1")))
        })
    };
    let options = FanOutOptions::new(JsonMerge::members()).max_request_bytes(4);
    let fan_out = FanOut::new((Route::required("a", counting),), options).unwrap();
    for (sent, status, detail) in [
        (pieces(&["abc", "de"]), 413, "The body of the request is too long."),
        (pieces(&["abcde"]), 413, "The body of the request is too long."),
        (pieces(&["ab", "!"]), 400, "The body of the request broke off."),
    ] {
        let answer = fan_out.clone().oneshot(Request::new(sent)).await.unwrap();
        assert_eq!(answer.status(), status);
        assert_eq!(json(answer).await["detail"], detail);
    }
    let declared = fan_out.oneshot(Request::new(Full::<Bytes>::from("abcde"))).await.unwrap();
    assert_eq!((declared.status(), calls.count()), (StatusCode::PAYLOAD_TOO_LARGE, 0));
}

#[tokio::test]
async fn an_answer_that_is_too_long_or_breaks_off_is_none() {
    let options = || FanOutOptions::new(JsonMerge::members()).max_answer_bytes(6);
    for (sent, end) in
        [(&["\"ab", "cd\""][..], "ok"), (&["\"ab", "cde\""], "too_large"), (&["\"ab", "!"], "error")]
    {
        let sent = sent.to_vec();
        let service = service_fn(move |_: Whole| ready(Ok::<_, Infallible>(Response::new(pieces(&sent)))));
        let routes = (Route::optional("a", service),);
        let answer = FanOut::new(routes, options()).unwrap().oneshot(asking("/")).await.unwrap();
        assert_eq!(words(answer.extensions().get().unwrap()), [end]);
    }
    let routes = (Route::required("big", answering(200, "\"abcdefgh\"")),);
    let answer = FanOut::new(routes, options()).unwrap().oneshot(asking("/")).await.unwrap();
    assert_eq!(
        (answer.status(), json(answer).await["detail"].clone()),
        (StatusCode::BAD_GATEWAY, "big gave an answer that is too long.".into())
    );
}

#[tokio::test(start_paused = true)]
async fn a_body_that_stops_in_the_middle_runs_out_of_time() {
    let stalling = service_fn(|_: Whole| {
        let body = http_body_util::StreamBody::new(futures_util::stream::pending::<
            Result<Frame<Bytes>, Infallible>,
        >());
        ready(Ok::<_, Infallible>(Response::new(body)))
    });
    let routes = (Route::required("stalls", stalling).timeout(ms(70)),);
    let fan_out = FanOut::new(routes, FanOutOptions::new(JsonMerge::members())).unwrap();
    let answer = fan_out.oneshot(asking("/")).await.unwrap();
    assert_eq!(answer.status(), StatusCode::GATEWAY_TIMEOUT);
}
