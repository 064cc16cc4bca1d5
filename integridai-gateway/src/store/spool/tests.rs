use std::fs;
use std::path::Path;

use proptest::prelude::*;
use tempfile::tempdir;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{NotKept, Spool, SpoolOptions, kept};
use crate::store::record::{Entry, Record};
use crate::store::{
    ApiCall, Execution, ExecutionState, JsonText, MetricSample, NewExecution, Priority, StoreError,
    SystemEvent,
};

fn open(folder: &Path, max_bytes: u64) -> Spool {
    Spool::open(&SpoolOptions { path: folder.join("spool"), max_bytes }).expect("the spool opens")
}

fn call(number: u64) -> Entry {
    Entry::new(Record::ApiCall(ApiCall {
        id: Uuid::now_v7(),
        endpoint: format!("/{number}"),
        method: "GET".to_owned(),
        status_code: 200,
        response_time_ms: number,
        request_size: None,
        response_size: Some(42),
        timestamp: OffsetDateTime::UNIX_EPOCH,
    }))
}

fn calls(numbers: std::ops::Range<u64>) -> Vec<Entry> {
    numbers.map(call).collect()
}

fn number(entry: &Entry) -> u64 {
    let Record::ApiCall(call) = &entry.record else { panic!("only calls are here") };
    call.response_time_ms
}

/// Takes everything out, some rows at a time.
fn drain(spool: &mut Spool, most: usize) -> Vec<u64> {
    let mut numbers = Vec::new();
    loop {
        let entries = spool.oldest(most).unwrap();
        if entries.is_empty() {
            return numbers;
        }
        assert!(entries.len() <= most);
        numbers.extend(entries.iter().map(number));
        spool.settle();
    }
}

fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(folder.join("spool")).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> =
        entries.filter(|path| path.extension().is_some_and(|end| end == "rows")).collect();
    files.sort();
    files
}

#[test]
fn rows_come_out_in_the_order_they_went_in_while_others_are_added() {
    let folder = tempdir().unwrap();
    let mut spool = open(folder.path(), u64::MAX);
    spool.append(&calls(0..5)).unwrap();
    assert_eq!(spool.oldest(3).unwrap().iter().map(number).collect::<Vec<_>>(), [0, 1, 2]);
    assert_eq!(
        spool.oldest(2).unwrap().iter().map(number).collect::<Vec<_>>(),
        [0, 1],
        "nothing was settled"
    );
    spool.settle();
    spool.append(&calls(5..8)).unwrap();
    assert_eq!(spool.rows(), 6);
    assert_eq!(drain(&mut spool, 2), [2, 3, 4, 5, 6, 7]);
    assert!(spool.is_empty() && spool.rows() == 0 && files(folder.path()).is_empty());
    spool.append(&calls(8..9)).unwrap();
    assert_eq!(drain(&mut spool, 10), [8]);
}

#[test]
fn what_a_process_left_is_there_for_the_next_and_what_is_new_comes_after_it() {
    let folder = tempdir().unwrap();
    let mut spool = open(folder.path(), u64::MAX);
    spool.append(&calls(0..3)).unwrap();
    spool.oldest(1).unwrap();
    spool.settle();
    spool.append(&calls(3..4)).unwrap();
    drop(spool);
    let mut spool = open(folder.path(), u64::MAX);
    assert_eq!(spool.rows(), 4, "what was settled in a file that was not removed is there again");
    spool.append(&calls(4..5)).unwrap();
    assert_eq!(drain(&mut spool, 100), [0, 1, 2, 3, 4]);
}

#[test]
fn a_file_that_was_torn_off_gives_what_is_whole_and_the_rest_is_counted() {
    let folder = tempdir().unwrap();
    let mut spool = open(folder.path(), u64::MAX);
    spool.append(&calls(0..3)).unwrap();
    drop(spool);
    let file = files(folder.path()).remove(0);
    let bytes = fs::read(&file).unwrap();
    fs::write(&file, &bytes[..bytes.len() - 5]).unwrap();
    let mut spool = open(folder.path(), u64::MAX);
    spool.append(&calls(3..4)).unwrap();
    assert_eq!(drain(&mut spool, 100), [0, 1, 3]);
    assert_eq!((spool.damages(), spool.rows()), (1, 0));
}

#[test]
fn a_file_without_a_single_record_is_passed_over() {
    let folder = tempdir().unwrap();
    drop(open(folder.path(), u64::MAX));
    fs::write(folder.path().join("spool/00000000000000000001.rows"), "not a record").unwrap();
    fs::write(folder.path().join("spool/notes.txt"), "not a segment").unwrap();
    let mut spool = open(folder.path(), u64::MAX);
    assert!(!spool.is_empty());
    assert_eq!((drain(&mut spool, 10), spool.damages()), (vec![], 1));
    assert!(spool.is_empty() && folder.path().join("spool/notes.txt").exists());
}

#[test]
fn beyond_its_bound_it_takes_nothing_until_there_is_room() {
    let folder = tempdir().unwrap();
    let mut spool = open(folder.path(), 1_000);
    spool.append(&calls(0..2)).unwrap();
    assert!(matches!(spool.append(&calls(2..9)).unwrap_err(), NotKept::Full));
    assert_eq!(drain(&mut spool, 10), [0, 1]);
    spool.append(&calls(9..11)).unwrap();
    assert_eq!(drain(&mut spool, 10), [9, 10]);
}

#[test]
fn one_process_has_it_and_a_missing_folder_around_it_is_an_error() {
    let folder = tempdir().unwrap();
    let options = SpoolOptions { path: folder.path().join("spool"), max_bytes: 1 };
    let first = Spool::open(&options).unwrap();
    assert!(matches!(Spool::open(&options).unwrap_err(), StoreError::Locked { .. }));
    drop(first);
    Spool::open(&options).unwrap();
    let nowhere = SpoolOptions { path: folder.path().join("a/b"), max_bytes: 1 };
    assert!(matches!(Spool::open(&nowhere).unwrap_err(), StoreError::Spool { .. }));
}

fn moments() -> impl Strategy<Value = OffsetDateTime> {
    (-62_135_596_800_000_000_i64..253_402_300_799_999_999)
        .prop_map(|micros| OffsetDateTime::from_unix_timestamp_nanos(i128::from(micros) * 1_000).unwrap())
}

fn documents() -> impl Strategy<Value = JsonText> {
    prop_oneof![
        Just(JsonText::parse(r#"{"b":1e2,  "a":"\u0000\ud800"}"#).unwrap()),
        any::<String>()
            .prop_map(|text| JsonText::from(serde_json::json!({ (text.clone()): [text, null, 1.5] }))),
    ]
}

type Texts = (String, String, Option<String>, Option<String>);

fn texts() -> impl Strategy<Value = Texts> {
    (any::<String>(), any::<String>(), any::<Option<String>>(), any::<Option<String>>())
}

fn events() -> impl Strategy<Value = Record> {
    (texts(), texts(), any::<u128>(), documents(), moments()).prop_map(|(some, others, id, payload, at)| {
        Record::Event(SystemEvent {
            id: Uuid::from_u128(id),
            event_type: some.0,
            service_name: some.1,
            payload,
            timestamp: at,
            correlation_id: some.2,
            user_id: some.3,
            event_id: others.2,
            owner: others.3,
            publisher: others.0,
        })
    })
}

fn records() -> impl Strategy<Value = Record> {
    let figures = prop::num::f64::ANY.prop_filter("a figure", |figure| !figure.is_nan());
    let metric = (texts(), figures, moments(), prop::option::of(documents())).prop_map(
        |((metric_name, service, ..), metric_value, timestamp, metadata)| {
            Record::Metric(MetricSample { metric_name, metric_value, service, timestamp, metadata })
        },
    );
    let execution =
        (texts(), documents(), prop::option::of(documents()), moments(), any::<u64>(), 0..6_usize);
    let execution =
        execution.prop_map(|((workflow, _, correlation_id, user_id), json, other, at, number, state)| {
            let new = NewExecution {
                id: Uuid::now_v7(),
                principal: workflow.clone(),
                workflow,
                priority: Priority::ALL[state % 3],
                request: json.clone(),
                traceparent: correlation_id.clone(),
                correlation_id,
                user_id,
                timeout_ms: number,
                created_at: at,
                run_at: at,
            };
            Record::Execution(Box::new(Execution {
                state: ExecutionState::ALL[state],
                finished_at: other.is_some().then_some(at),
                attempts: number as u32,
                interruptions: number as u32,
                fence: number,
                cancel_requested: state == 4,
                steps: json,
                result: other,
                ..new.into()
            }))
        });
    prop_oneof![events(), metric, execution]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_row_is_read_as_it_was_kept(id in any::<u128>(), record in records()) {
        let entry = Entry { id: Uuid::from_u128(id), record };
        let read = kept::read(&kept::write(&entry)).expect("it is a row");
        // A row has no equality of its own; what it shows has.
        prop_assert_eq!(format!("{read:?}"), format!("{entry:?}"));
    }

    #[test]
    fn appends_restarts_cuts_and_damages_never_panic_and_never_give_another_row(
        steps in prop::collection::vec((0..5_u8, any::<prop::sample::Index>(), any::<u8>()), 1..12),
    ) {
        let folder = tempdir().unwrap();
        let mut spool = open(folder.path(), 4_000);
        let (mut next, mut taken) = (0, Vec::new());
        for (step, place, byte) in steps {
            match step {
                0 | 1 => {
                    let more = next + u64::from(byte % 4);
                    if spool.append(&calls(next..more)).is_ok() {
                        next = more;
                    }
                }
                2 => {
                    taken.extend(spool.oldest(2).unwrap().iter().map(number));
                    spool.settle();
                }
                _ => {
                    drop(spool);
                    spoil(folder.path(), step == 3, place, byte);
                    spool = open(folder.path(), 4_000);
                }
            }
        }
        taken.extend(drain(&mut spool, 3));
        prop_assert!(taken.iter().all(|number| *number < next));
        prop_assert!(spool.is_empty());
    }
}

/// Cuts a file, or changes one byte of it.
fn spoil(folder: &Path, is_cut: bool, place: prop::sample::Index, byte: u8) {
    let files = files(folder);
    if files.is_empty() {
        return;
    }
    let file = &files[place.index(files.len())];
    let mut bytes = fs::read(file).unwrap();
    if bytes.is_empty() {
        return;
    }
    let place = place.index(bytes.len());
    if is_cut {
        bytes.truncate(place);
    } else {
        bytes[place] = byte;
    }
    fs::write(file, bytes).unwrap();
}
