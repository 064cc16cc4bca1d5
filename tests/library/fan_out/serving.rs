//! A service over services.

use std::sync::Mutex;

use integridai_tower::fan_out::{Answers, FanOut, FanOutFailed, FanOutOptions, JsonMerge, Route};
use integridai_tower::{Attempts, CorrelationId, Deadline, Refused};
use tower::{ServiceExt, service_fn};

use super::*;

fn members() -> FanOutOptions {
    FanOutOptions::new(JsonMerge::members())
}

#[tokio::test]
async fn answers_of_several_services_become_one() {
    let routes =
        (Route::required("a", answering(200, "1")), Route::optional("b", answering(201, r#"{"x":[true]}"#)));
    let answer = FanOut::new(routes, members()).unwrap().oneshot(asking("/page")).await.unwrap();
    assert_eq!(
        (answer.status(), header(&answer, "content-type")),
        (StatusCode::OK, Some("application/json"))
    );
    assert_eq!((header(&answer, "fan-out-missing"), header(&answer, "cache-control")), (None, None));
    let outcomes = answer.extensions().get::<BranchOutcomes>().unwrap();
    assert_eq!(words(outcomes), ["ok", "ok"]);
    assert_eq!(outcomes.get("b").unwrap().status, Some(StatusCode::CREATED));
    assert_eq!(text(answer).await, r#"{"a":1,"b":{"x":[true]}}"#);
}

#[tokio::test]
async fn a_missing_optional_branch_is_told_in_the_body_and_in_a_field() {
    let routes = (
        Route::required("a", answering(200, "1")),
        Route::optional("down", broken()),
        Route::optional("bad", answering(500, "{}")),
    );
    let answer = FanOut::new(routes, members()).unwrap().oneshot(asking("/page")).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(header(&answer, "fan-out-missing"), Some("down, bad"));
    assert_eq!(header(&answer, "cache-control"), Some("no-store"));
    let outcomes = answer.extensions().get::<BranchOutcomes>().unwrap();
    assert_eq!(words(outcomes), ["ok", "error", "rejected"]);
    assert_eq!(outcomes.get("bad").unwrap().status, Some(StatusCode::INTERNAL_SERVER_ERROR));
    assert_eq!(text(answer).await, r#"{"a":1,"down":null,"bad":null,"missing":["down","bad"]}"#);
}

#[tokio::test]
async fn a_required_branch_that_fails_is_never_a_success() {
    for (status, body) in [(500, "{}"), (404, "{}"), (302, "{}"), (200, "no JSON"), (204, "")] {
        let routes =
            (Route::optional("a", answering(200, "1")), Route::required("prices", answering(status, body)));
        let answer = FanOut::new(routes, members()).unwrap().oneshot(asking("/page?q=1")).await.unwrap();
        assert_eq!(answer.status(), StatusCode::BAD_GATEWAY, "{status} {body}");
        assert_eq!(answer.extensions().get(), Some(&Refused { layer: "fan_out", reason: "rejected" }));
        assert_eq!(header(&answer, "content-type"), Some("application/problem+json"));
        assert_eq!(header(&answer, "cache-control"), Some("no-store"));
        assert_eq!(
            json(answer).await,
            serde_json::json!({
                "type": "about:blank", "title": "Bad Gateway", "status": 502, "instance": "/page",
                "detail": "prices gave an answer that cannot be used.",
            })
        );
    }
}

#[tokio::test]
async fn why_a_service_failed_is_for_logs_and_not_for_clients() {
    let routes = (Route::required("prices", broken()), Route::optional("a", answering(200, "1")));
    let answer = FanOut::new(routes, members()).unwrap().oneshot(asking("/page")).await.unwrap();
    let failed = answer.extensions().get::<FanOutFailed>().unwrap().clone();
    let cause = failed.source().and_then(|error| error.source()).map(ToString::to_string);
    assert_eq!((failed.branch(), cause.as_deref()), (Some("prices"), Some("10.0.0.7 refused the secret")));
    assert_eq!(answer.status(), StatusCode::BAD_GATEWAY);
    let headers = format!("{:?}", answer.headers());
    let body = text(answer).await;
    assert!(body.contains("prices could not be asked.") && !(body + &headers).contains("secret"));
}

#[tokio::test(start_paused = true)]
async fn a_required_branch_out_of_time_is_a_gateway_timeout() {
    let routes =
        (Route::required("slow", hanging()).timeout(ms(300)), Route::required("a", answering(200, "1")));
    let start = tokio::time::Instant::now();
    let answer = FanOut::new(routes, members()).unwrap().oneshot(asking("/page")).await.unwrap();
    assert_eq!((answer.status(), start.elapsed()), (StatusCode::GATEWAY_TIMEOUT, ms(300)));
    assert_eq!(header(&answer, "server-timing"), Some("slow;dur=300;desc=\"timed_out\", a;dur=0"));
    assert_eq!(answer.extensions().get(), Some(&Refused { layer: "fan_out", reason: "timed_out" }));
    assert!(text(answer).await.contains("slow did not answer in time."));
}

#[tokio::test(start_paused = true)]
async fn too_few_are_a_bad_gateway_or_a_timeout() {
    let routes = |slow| vec![Route::optional("a", slow), Route::optional("b", slow)];
    let never = |status: u16| {
        move |_: Whole| async move {
            if status == 0 {
                pending::<()>().await;
            }
            Ok::<_, Infallible>(response(status, ""))
        }
    };
    for (status, expected) in [(500, StatusCode::BAD_GATEWAY), (0, StatusCode::GATEWAY_TIMEOUT)] {
        let asked = never(status);
        let options = members().policy(Policy::Quorum(2));
        let answer =
            FanOut::new(routes(service_fn(asked)), options).unwrap().oneshot(asking("/")).await.unwrap();
        assert_eq!(answer.status(), expected);
        assert_eq!(answer.extensions().get(), Some(&Refused { layer: "fan_out", reason: "too_few" }));
        assert_eq!(header(&answer, "fan-out-missing"), None);
    }
}

#[tokio::test(start_paused = true)]
async fn the_first_of_several_replicas_that_answers_well_is_merged_by_a_closure() {
    let replica = |time: u64, status: u16, body: &'static str| {
        service_fn(move |_: Whole| async move {
            sleep(ms(time)).await;
            Ok::<_, Infallible>(response(status, body))
        })
    };
    let first = |answers: Answers| {
        let (name, answer) = answers.into_successes().next().unwrap();
        answer.map(|body| Bytes::from([name.as_bytes(), b" ", &body].concat()))
    };
    let routes = (
        Route::optional("a", replica(5, 503, "busy")),
        Route::optional("b", replica(20, 200, "well")),
        Route::optional("c", replica(90, 200, "late")),
    );
    let fan_out = FanOut::new(routes, FanOutOptions::new(first).policy(Policy::FirstSuccess)).unwrap();
    let answer = fan_out.oneshot(asking("/")).await.unwrap();
    assert_eq!(words(answer.extensions().get().unwrap()), ["rejected", "ok", "cancelled"]);
    assert_eq!(text(answer).await, "b well");
}

#[tokio::test]
async fn each_service_sees_the_whole_request_or_what_is_prepared_for_it() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let service = {
        let seen = Arc::clone(&seen);
        service_fn(move |request: Whole| {
            let seen = Arc::clone(&seen);
            async move {
                let (head, body) = request.into_parts();
                let body = body.collect().await.unwrap().to_bytes();
                let id = head.extensions.get::<CorrelationId>().map(ToString::to_string);
                seen.lock().unwrap().push((head.method, head.uri.to_string(), body, id));
                Ok::<_, Infallible>(response(200, "0"))
            }
        })
    };
    let routes = vec![
        Route::required("whole", service.clone()),
        Route::required("prepared", service).prepare(|head, body| {
            Request::put(format!("/other{}", head.uri.path())).body(body.slice(..2)).unwrap()
        }),
    ];
    let mut request: Whole = Request::post("/thing?a=1").body(Full::from("content")).unwrap();
    request.extensions_mut().insert("order-4711".parse::<CorrelationId>().unwrap());
    FanOut::new(routes, members()).unwrap().oneshot(request).await.unwrap();
    let id = Some("order-4711".to_owned());
    let seen = std::mem::take(&mut *seen.lock().unwrap());
    assert_eq!(
        seen,
        [
            (http::Method::POST, "/thing?a=1".to_owned(), Bytes::from("content"), id.clone()),
            (http::Method::PUT, "/other/thing".to_owned(), Bytes::from("co"), id),
        ]
    );
}

#[tokio::test]
async fn fields_of_a_connection_go_no_further() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let service = {
        let seen = Arc::clone(&seen);
        service_fn(move |request: Whole| {
            let names = request.headers().keys().map(ToString::to_string).collect::<Vec<_>>();
            seen.lock().unwrap().push(names);
            ready(Ok::<_, Infallible>(response(200, "0")))
        })
    };
    let request = Request::get("/")
        .header("connection", "close, X-Hop")
        .header("x-hop", "1")
        .header("te", "trailers")
        .header("transfer-encoding", "chunked")
        .header("accept", "application/json");
    let fan_out = FanOut::new((Route::required("a", service),), members()).unwrap();
    fan_out.oneshot(request.body(Full::<Bytes>::default()).unwrap()).await.unwrap();
    assert_eq!(*seen.lock().unwrap(), [["accept"]]);
}

#[tokio::test(start_paused = true)]
async fn a_deadline_of_the_request_bounds_all_and_reaches_every_branch() {
    let left = Arc::new(Mutex::new(Vec::new()));
    let service = {
        let left = Arc::clone(&left);
        service_fn(move |request: Whole| {
            left.lock().unwrap().push(request.extensions().get::<Deadline>().unwrap().remaining());
            pending::<Result<Response<Full<Bytes>>, Infallible>>()
        })
    };
    let routes = vec![
        Route::optional("short", service.clone()).timeout(ms(40)),
        Route::optional("long", service).timeout(ms(400)),
    ];
    let start = tokio::time::Instant::now();
    let mut request = asking("/");
    request.extensions_mut().insert(Deadline::after(ms(100)));
    let answer = FanOut::new(routes, members().timeout(ms(2000))).unwrap().oneshot(request).await.unwrap();
    assert_eq!(start.elapsed(), ms(100));
    assert_eq!(*left.lock().unwrap(), [ms(40), ms(100)]);
    assert_eq!(words(answer.extensions().get().unwrap()), ["timed_out", "timed_out"]);
}

#[tokio::test]
async fn attempts_come_from_the_layer_that_made_them() {
    let repeated = service_fn(|_: Whole| {
        let mut answer = response(200, "1");
        answer.extensions_mut().insert(Attempts::new(3));
        ready(Ok::<_, Infallible>(answer))
    });
    let routes = (Route::required("a", repeated), Route::required("b", answering(200, "1")));
    let answer = FanOut::new(routes, members()).unwrap().oneshot(asking("/")).await.unwrap();
    let outcomes = answer.extensions().get::<BranchOutcomes>().unwrap();
    assert_eq!(outcomes.iter().map(|branch| branch.attempts).collect::<Vec<_>>(), [3, 1]);
}

#[tokio::test]
async fn a_refusal_can_be_of_your_own_making() {
    let mine = |failed: &FanOutFailed, head: &http::request::Parts| {
        let text = format!("{} at {}", failed.branch().unwrap_or("?"), head.uri.path());
        Response::builder().status(503).body(Bytes::from(text)).unwrap()
    };
    let routes = (Route::required("prices", broken()),);
    let answer =
        FanOut::new(routes, members().reject_with(mine)).unwrap().oneshot(asking("/page")).await.unwrap();
    assert_eq!(
        (answer.status(), text(answer).await.as_str()),
        (StatusCode::SERVICE_UNAVAILABLE, "prices at /page")
    );
}

#[test]
fn a_fan_out_that_cannot_work_is_not_made() {
    let route = |name: &'static str| Route::optional(name, answering(200, "1"));
    let error = |routes: Vec<_>, options| FanOut::new(routes, options).map(|_| ()).unwrap_err().to_string();
    assert_eq!(error(vec![route("a"), route("a")], members()), "routes: two have the same name");
    assert_eq!(error(Vec::new(), members()), "routes: expected at least one");
    let quorum = members().policy(Policy::Quorum(3));
    assert_eq!(
        error(vec![route("a"), route("b")], quorum),
        "policy: more branches have to succeed than there are"
    );
    let unknown = FanOutOptions::new(JsonMerge::members().flatten("c"));
    assert_eq!(error(vec![route("a")], unknown), "merge: there is no branch c");
}

#[tokio::test]
async fn what_is_sent_between_threads_may_be_a_fan_out() {
    let routes = (Route::required("a", answering(200, "1")), Route::optional("b", answering(200, "2")));
    let fan_out = FanOut::new(routes, members()).unwrap();
    let answer = tokio::spawn(fan_out.oneshot(asking("/"))).await.unwrap().unwrap();
    assert_eq!(text(answer).await, r#"{"a":1,"b":2}"#);
}
