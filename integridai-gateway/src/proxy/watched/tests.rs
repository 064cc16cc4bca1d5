use futures_util::{StreamExt, stream};
use http_body_util::{BodyExt, StreamBody};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

use super::*;

const IDLE: Duration = Duration::from_secs(60);

type Said = mpsc::UnboundedSender<Bytes>;

fn watch(is_multiplexed: bool) -> Watch {
    Watch { route: "/a".into(), idle: IDLE, until: None, is_grpc: false, is_multiplexed, progress: None }
}

/// An answer that says what it is told to.
fn answer(watch: Watch) -> (Said, Watched<impl Body<Data = Bytes, Error = BoxError> + Send + Unpin>) {
    let (said, mut saying) = mpsc::unbounded_channel();
    let pieces = stream::poll_fn(move |context| saying.poll_recv(context));
    let frames = pieces.map(|piece| Ok::<_, BoxError>(Frame::data(piece)));
    (said, watch.over(StreamBody::new(frames.boxed())))
}

async fn next<B>(body: &mut Watched<B>) -> Option<Result<Frame<Bytes>, String>>
where
    B: Body<Data = Bytes, Error = BoxError> + Send + Unpin + 'static,
{
    body.frame().await.map(|frame| frame.map_err(|error| error.to_string()))
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_goes_on_is_left_alone_and_one_that_stops_is_ended() {
    for is_multiplexed in [false, true] {
        let (said, mut body) = answer(watch(is_multiplexed));
        for _ in 0..4 {
            let say = async {
                sleep(IDLE * 9 / 10).await;
                said.send(Bytes::from_static(b"piece")).unwrap();
            };
            let (frame, ()) = tokio::join!(next(&mut body), say);
            assert_eq!(frame.unwrap().unwrap().into_data().unwrap(), "piece");
        }
        assert!(timeout(IDLE * 9 / 10, next(&mut body)).await.is_err(), "it has time yet");
        let error = next(&mut body).await.unwrap().unwrap_err();
        assert_eq!(error, "nothing went either way for too long");
        assert!(said.is_closed(), "the service is left");
        assert!(next(&mut body).await.is_none() && body.is_end_stream());
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_client_sends_keeps_its_answer_alive() {
    let progress = Arc::<Progress>::default();
    let (_said, mut body) = answer(Watch { progress: Some(Arc::clone(&progress)), ..watch(false) });
    assert!(progress.is_answered());
    let sending = async {
        for _ in 0..4 {
            sleep(IDLE * 9 / 10).await;
            progress.mark();
        }
    };
    tokio::select! {
        _ = next(&mut body) => panic!("it was ended"),
        () = sending => {}
    }
    assert!(next(&mut body).await.unwrap().is_err());
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_nobody_reads_is_ended_behind_its_back() {
    let (said, mut body) = answer(watch(true));
    said.send(Bytes::from_static(b"unread")).unwrap();
    sleep(IDLE * 2).await;
    assert!(said.is_closed(), "the service is left");
    assert!(!body.is_end_stream());
    assert!(next(&mut body).await.unwrap().is_err());
    // One that has said much already is watched on every connection.
    let (said, mut body) = answer(watch(false));
    said.send(Bytes::from_static(&[0; FEW_BYTES + 1])).unwrap();
    assert!(next(&mut body).await.unwrap().is_ok());
    sleep(IDLE * 2).await;
    assert!(said.is_closed(), "the service is left");
}

#[tokio::test(start_paused = true)]
async fn a_call_of_grpc_is_told_in_its_own_words() {
    let until = Some(Instant::now() + IDLE / 2);
    for (until, code) in [(until, "4"), (None, "14")] {
        let (_said, mut body) = answer(Watch { until, is_grpc: true, ..watch(true) });
        let trailers = next(&mut body).await.unwrap().unwrap().into_trailers().unwrap();
        assert_eq!(trailers["grpc-status"], code);
        assert!(next(&mut body).await.is_none());
    }
}
