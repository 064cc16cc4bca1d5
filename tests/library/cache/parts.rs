//! Parts that an origin sends, also those that are not what was asked for.

use http::header::RANGE;

use super::*;

/// Sends the first half of ten digits to whoever asks for it, and `rest` to whoever asks for the rest.
fn halves(
    rest: (u16, &'static str, &'static str),
) -> Cache<impl Service<Ask, Response = Answer, Error = Infallible, Future: Send> + Clone> {
    layer().layer(service_fn(move |request: Ask| async move {
        let lines = [("cache-control", "max-age=60"), ("etag", "\"a\"")];
        let asked = request.headers().get(RANGE).map(|range| range.to_str().unwrap());
        let (status, place, content) = match asked {
            Some("bytes=0-4") => (206, "bytes 0-4/10", "01234"),
            Some("bytes=5-") => rest,
            _ => return Ok(answer(&lines, "0123456789")),
        };
        let mut response = answer(&lines, content);
        *response.status_mut() = http::StatusCode::from_u16(status).unwrap();
        response.headers_mut().insert("content-range", place.parse().unwrap());
        Ok(response)
    }))
}

async fn whole_after_half(rest: (u16, &'static str, &'static str)) -> (Reply, Reply) {
    let service = halves(rest);
    let mut half = get("/a");
    half.headers_mut().insert(RANGE, "bytes=0-4".parse().unwrap());
    assert_eq!(read(service.clone().oneshot(half).await.unwrap()).await.status, 206);
    let whole = read(service.clone().oneshot(get("/a")).await.unwrap()).await;
    (whole, read(service.oneshot(get("/a")).await.unwrap()).await)
}

#[tokio::test]
async fn a_part_and_the_rest_make_a_whole() {
    let (whole, again) = whole_after_half((206, "bytes 5-9/10", "56789")).await;
    assert_eq!(
        (whole.status, &whole.body[..], whole.header("content-range")),
        (200, &b"0123456789"[..], None)
    );
    assert_eq!((again.outcome, &again.body[..]), (Some(CacheOutcome::Hit), &b"0123456789"[..]));
}

#[tokio::test]
async fn a_part_that_does_not_fit_is_never_taken_for_the_whole() {
    for rest in [
        (206, "bytes 6-9/10", "6789"),
        (206, "bytes 5-8/10", "5678"),
        (206, "bytes 5-9/11", "56789"),
        (416, "bytes */5", ""),
    ] {
        let (whole, again) = whole_after_half(rest).await;
        assert_eq!(whole.status, 502, "{rest:?}");
        assert_eq!((again.status, &again.body[..]), (200, &b"0123456789"[..]), "{rest:?}");
    }
}
