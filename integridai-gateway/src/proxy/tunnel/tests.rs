use std::future::pending;

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::task::JoinHandle;

use super::*;

const IDLE: Duration = Duration::from_secs(60);

/// A tunnel between two ends, each with this much room.
struct Rig {
    client: DuplexStream,
    service: DuplexStream,
    draining: CancellationToken,
    ended: JoinHandle<(&'static str, u64, u64)>,
}

fn rig(room: usize, is_websocket: bool, ends: Option<Instant>) -> Rig {
    let (client, of_client) = tokio::io::duplex(room);
    let (service, of_service) = tokio::io::duplex(room);
    let draining = CancellationToken::new();
    let drained = draining.clone().cancelled_owned();
    let ended = tokio::spawn(async move {
        let (passed, terms) = (Passed::new(), Terms { idle: IDLE, ends, is_websocket });
        let ended = connect(of_client, of_service, &terms, &passed, drained).await;
        (ended, passed.bytes(Towards::Service), passed.bytes(Towards::Client))
    });
    Rig { client, service, draining, ended }
}

#[tokio::test(start_paused = true)]
async fn one_end_may_stop_and_the_other_go_on() {
    let mut rig = rig(16, false, None);
    rig.client.write_all(b"asked").await.unwrap();
    rig.client.shutdown().await.unwrap();
    let mut asked = String::new();
    rig.service.read_to_string(&mut asked).await.unwrap();
    assert_eq!(asked, "asked");
    rig.service.write_all(b"answered").await.unwrap();
    drop(rig.service);
    let mut answered = String::new();
    rig.client.read_to_string(&mut answered).await.unwrap();
    assert_eq!(answered, "answered");
    assert_eq!(rig.ended.await.unwrap(), ("closed", 5, 8));
}

#[tokio::test(start_paused = true)]
async fn no_more_than_a_buffer_waits_for_who_does_not_read() {
    let mut rig = rig(1024, false, None);
    let mut taken = 0;
    let all = async {
        loop {
            rig.client.write_all(&[7; 256]).await.unwrap();
            taken += 256;
        }
    };
    // Time goes on by itself when nothing else does.
    assert!(timeout(IDLE / 2, all).await.is_err());
    assert!(taken <= 2 * 1024 + 8 * 1024, "{taken} bytes were taken for nobody");
}

#[tokio::test(start_paused = true)]
async fn silence_ends_it_and_any_byte_either_way_does_not() {
    let mut rig = rig(1024, true, None);
    for _ in 0..3 {
        tokio::time::sleep(IDLE * 3 / 4).await;
        rig.client.write_all(b"\x81\x80\0\0\0\0").await.unwrap();
        tokio::time::sleep(IDLE * 3 / 4).await;
        rig.service.write_all(b"\x81\x00").await.unwrap();
    }
    let mut read = Vec::new();
    rig.client.read_to_end(&mut read).await.unwrap();
    assert_eq!(&read[..6], b"\x81\x00\x81\x00\x81\x00");
    assert_eq!(&read[6..10], [0x88, 31, 0x03, 0xE9], "{read:?}");
    drop((rig.client, rig.service));
    assert_eq!(rig.ended.await.unwrap(), ("idle", 18, 6));
}

#[tokio::test(start_paused = true)]
async fn both_ends_of_a_websocket_are_told_goodbye_between_two_messages() {
    let mut rig = rig(1024, true, None);
    // The service is in the middle of a message, and the client is not.
    rig.service.write_all(b"\x81\x05hel").await.unwrap();
    let mut begun = [0; 5];
    rig.client.read_exact(&mut begun).await.unwrap();
    rig.draining.cancel();
    let mut told = [0; 2];
    rig.service.read_exact(&mut told).await.unwrap();
    assert_eq!(told, [0x88, 0x80 | 23], "a client's frames are masked");
    rig.service.write_all(b"lo\x81\x04more").await.unwrap();
    let mut read = Vec::new();
    rig.client.read_to_end(&mut read).await.unwrap();
    assert_eq!(read, b"lo\x88\x17\x03\xe9the gateway goes down", "nothing comes behind it");
    drop((rig.client, rig.service));
    assert_eq!(rig.ended.await.unwrap().0, "draining");
}

#[tokio::test(start_paused = true)]
async fn who_does_not_answer_a_goodbye_is_cut() {
    let mut rig = rig(1024, false, Some(Instant::now() + IDLE / 2));
    let mut read = Vec::new();
    rig.client.read_to_end(&mut read).await.unwrap();
    assert!(read.is_empty(), "only a WebSocket has words for it: {read:?}");
    assert_eq!(rig.ended.await.unwrap().0, "expired");
    assert!(rig.client.write_all(b"late").await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_never_leaves_http_gives_its_place_back() {
    let room = Arc::new(tokio::sync::Semaphore::new(1));
    let place = Arc::clone(&room).try_acquire_owned().unwrap();
    let none = || hyper::upgrade::on(http::Request::new(()));
    let (route, protocol) = ("/a".into(), "x".to_owned());
    let label = Label { route, protocol, subject: String::new(), correlation_id: None };
    let terms = Terms { idle: IDLE, ends: None, is_websocket: false };
    let tunnel = Tunnel { terms, label, client: none(), service: none(), places: (place, None) };
    tunnel.run(pending()).await;
    assert_eq!(room.available_permits(), 1);
}
