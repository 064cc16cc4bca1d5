//! What is read is what was written, on both databases.
use integridai_gateway::store::{
    Admission, ApiCall, Execution, ExecutionState, JsonText, MetricSample, NewExecution, Priority,
    StoreError, SystemEvent,
};
use time::OffsetDateTime;
use time::macros::datetime;
use uuid::Uuid;

use crate::homes::{Home, on_both};
use crate::samples::{call, claim, event, new_now, success};

/// Databases keep microseconds.
const MOMENT: OffsetDateTime = datetime!(2026-11-24 10:00:00.123456 UTC);

fn json(text: &str) -> JsonText {
    JsonText::parse(text).expect("this is JSON")
}

#[tokio::test]
async fn rows_are_read_as_they_were_written() {
    on_both(async |home| {
        let store = home.open().await;
        let event = SystemEvent {
            id: Uuid::now_v7(),
            event_type: "compliance_analysis".to_owned(),
            service_name: "regtéch".to_owned(),
            payload: json(r#"{"a": [1.50, "é\n", null, true]}"#),
            timestamp: MOMENT,
            correlation_id: Some("c-1".to_owned()),
            user_id: Some("ana".to_owned()),
            event_id: Some("e-1".to_owned()),
            owner: Some("https://id.test|ana".to_owned()),
            publisher: "|regtéch".to_owned(),
        };
        let sample = |metadata| MetricSample {
            metric_name: "score".to_owned(),
            metric_value: 0.1 + 0.2,
            service: "regtech".to_owned(),
            timestamp: MOMENT,
            metadata,
        };
        let sample = [sample(None), sample(Some(json("{}")))];
        let call = ApiCall { timestamp: MOMENT, request_size: Some(7), ..call("/a") };
        store.record_event(event.clone());
        store.record_metrics(sample.to_vec());
        store.record_api_call(call.clone());
        store.flush().await.unwrap();
        assert_eq!(store.recent_events(10).await.unwrap(), [event]);
        let [first, second] = sample;
        assert_eq!(store.recent_metrics(10).await.unwrap(), [second, first], "the newest comes first");
        assert_eq!(store.recent_api_calls(10).await.unwrap(), [call]);
    })
    .await;
}

#[tokio::test]
async fn an_execution_is_read_as_it_was_written_character_by_character() {
    on_both(async |home| {
        let store = home.open().await;
        let new = NewExecution {
            request: json(r#"{"b":1e2,  "a":"\u0000\ud800", "b":2}"#),
            priority: Priority::High,
            user_id: Some("ana".to_owned()),
            created_at: MOMENT,
            run_at: MOMENT,
            traceparent: Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".to_owned()),
            ..new_now()
        };
        let ended = Execution {
            id: Uuid::now_v7(),
            state: ExecutionState::Failed,
            started_at: Some(MOMENT),
            finished_at: Some(MOMENT),
            attempts: 3,
            steps: json("[1,  2]"),
            result: Some(json("null")),
            error: Some(json(r#""x""#)),
            timeout_ms: u64::from(u32::MAX) + 1,
            ..new.clone().into()
        };
        store.accept_execution(new.clone()).await.unwrap();
        store.record_execution(ended.clone());
        store.flush().await.unwrap();
        assert_eq!(store.execution(new.id).await.unwrap(), Some(new.into()));
        assert_eq!(store.execution(ended.id).await.unwrap(), Some(ended));
    })
    .await;
}

#[tokio::test]
async fn text_wider_than_its_column_is_cut_between_characters() {
    on_both(async |home| {
        let store = home.open().await;
        store.record_api_call(ApiCall { method: "ñ".repeat(11), ..call(&"é".repeat(300)) });
        store.flush().await.unwrap();
        let read = store.recent_api_calls(1).await.unwrap().remove(0);
        assert_eq!((read.endpoint, read.method), ("é".repeat(200), "ñ".repeat(10)));
    })
    .await;
}

#[tokio::test]
async fn what_postgresql_cannot_hold_is_replaced_and_sizes_beyond_its_integers_are_its_greatest() {
    let store = Home::postgres().await.open().await;
    store.record_event(SystemEvent {
        event_type: "a\0b".to_owned(),
        ..event(&json(r#"{"text":"a\u0000b\ud800c\\u0000"}"#))
    });
    store.record_api_call(ApiCall { response_size: Some(u64::MAX), ..call("/large") });
    store.flush().await.unwrap();
    let read = store.recent_events(1).await.unwrap().remove(0);
    assert_eq!(read.event_type, "a\u{fffd}b");
    let value: serde_json::Value = read.payload.decode().unwrap();
    assert_eq!(value, serde_json::json!({"text": "a\u{fffd}b\u{fffd}c\\u0000"}));
    let size = store.recent_api_calls(1).await.unwrap().remove(0).response_size;
    assert_eq!(size, Some(i32::MAX as u64));
    assert_eq!(store.health().dropped_rows, 0);
}

#[tokio::test]
async fn of_a_batch_with_rows_that_postgresql_refuses_the_others_are_written() {
    let store = Home::postgres().await.open().await;
    for index in 0..100 {
        // JSON knows no bound for numbers, PostgreSQL does.
        let payload = if index % 33 == 5 { "1e200000" } else { "1" };
        store.record_event(event(&json(payload)));
    }
    store.flush().await.unwrap();
    assert_eq!(store.recent_events(1_000).await.unwrap().len(), 97);
    let health = store.health();
    assert_eq!((health.written_rows, health.dropped_rows, health.healthy), (97, 3, true));
}

#[tokio::test]
async fn what_has_no_place_in_a_database_is_refused_as_such_and_the_execution_can_end_otherwise() {
    let home = Home::postgres().await;
    let store = home.open().await;
    let deep = format!("{}1{}", "[".repeat(30_000), "]".repeat(30_000));
    let told = |text: &str| event(&json(text));
    for (result, events) in [("1", vec![told("1e-20000")]), (deep.as_str(), vec![])] {
        store.admit_execution(new_now(), Admission::UNBOUNDED, None).await.unwrap();
        let lease = claim(&store).await.expect("it waits").lease();
        let error = store.finish_execution(lease, success(result), events).await.unwrap_err();
        assert!(error.is_refusal(), "{error:?}");
        store.finish_execution(lease, success("1"), Vec::new()).await.unwrap();
    }
    for text in ["1e-20000", &deep] {
        let error = store.append_events(vec![told(text)]).await.unwrap_err();
        assert!(error.is_refusal(), "{error:?}");
    }
    assert!(!StoreError::Closed.is_refusal() && !StoreError::Busy.is_refusal());
}
