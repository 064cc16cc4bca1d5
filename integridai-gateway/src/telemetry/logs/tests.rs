use std::io::{self, Write};
use std::sync::{Arc, Mutex, mpsc};

use serde_json::Value;
use tracing::dispatcher::with_default;
use tracing::field::Empty;

use super::*;

/// Keeps what is written.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Written {
    fn lines(&self) -> Vec<String> {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        text.lines().map(str::to_owned).collect()
    }
}

fn logged(format: LogFormat, filter: &str, work: impl FnOnce()) -> Vec<String> {
    let written = Written::default();
    let writer = written.clone();
    let options = LogOptions { format, filter: filter.to_owned(), ..LogOptions::default() };
    with_default(&dispatch(&options, move || writer.clone()).unwrap(), work);
    written.lines()
}

fn logged_json(work: impl FnOnce()) -> Vec<Value> {
    let lines = logged(LogFormat::Json, "info", work);
    lines
        .iter()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect()
}

fn hostile() -> String {
    (0..=0x9f).map(char::from).chain("\u{2028}\u{feff}\u{1F980}ñ\\\"}{".chars()).collect()
}

#[test]
fn every_line_of_a_request_carries_its_fields() {
    let work = || {
        let request = tracing::info_span!("request", correlation_id = "c-1", method = "GET", path = "/x");
        request.in_scope(|| {
            tracing::info!("first");
            tracing::info_span!("step", name = "regtech").in_scope(|| tracing::warn!(attempt = 2, "second"));
        });
        tracing::info!("outside");
    };
    let json = logged_json(work);
    assert_eq!(json.len(), 3);
    for line in &json[..2] {
        let fields = ["correlation_id", "method", "path"].map(|name| line[name].as_str().unwrap());
        assert_eq!(fields, ["c-1", "GET", "/x"]);
    }
    assert_eq!((&json[1]["name"], &json[1]["attempt"]), (&"regtech".into(), &2.into()));
    assert!(json[2].get("correlation_id").is_none());

    let human = logged(LogFormat::Human, "info", work);
    assert!(human[0].ends_with("tests: first correlation_id=c-1 method=GET path=/x"), "{}", human[0]);
    assert!(human[1].ends_with(": second correlation_id=c-1 method=GET path=/x name=regtech attempt=2"));
    assert!(human[1].contains(" WARN integridai_gateway::telemetry"), "{}", human[1]);
}

#[test]
fn json_is_flat_and_starts_with_the_same_four_names() {
    let lines = logged(LogFormat::Json, "info", || {
        tracing::info!(target: "here", float = 1.5, truth = true, nothing = f64::NAN, negative = -1, "all kinds");
    });
    let (timestamp, rest) = lines[0].split_once("\",").unwrap();
    let timestamp = timestamp.strip_prefix("{\"timestamp\":\"").unwrap();
    let format = &time::format_description::well_known::Rfc3339;
    assert!(time::OffsetDateTime::parse(timestamp, format).unwrap().offset().is_utc());
    assert_eq!(timestamp.len(), "2026-01-01T00:00:00.000000Z".len());
    let fields = r#""float":1.5,"truth":true,"nothing":null,"negative":-1"#;
    assert_eq!(rest, format!(r#""level":"INFO","target":"here","message":"all kinds",{fields}}}"#));
}

#[test]
fn hostile_text_stays_on_its_line_and_comes_back_unchanged() {
    let hostile = hostile();
    let work = || {
        let span = tracing::info_span!("request", correlation_id = "c-1", path = hostile);
        span.in_scope(|| tracing::info!(value = ?hostile, "{hostile}"));
    };
    let json = logged_json(work);
    assert_eq!(json.len(), 1);
    assert_eq!(json[0]["path"], hostile.as_str());
    assert_eq!(json[0]["message"], hostile.as_str());
    assert_eq!(json[0]["correlation_id"], "c-1");

    let human = logged(LogFormat::Human, "info", work);
    assert_eq!(human.len(), 1);
    assert!(!human[0].contains(char::is_control), "{:?}", human[0]);
    assert!(human[0].contains("correlation_id=c-1"));
}

#[test]
fn names_that_collide_do_not_hide_anything_or_come_twice() {
    let lines = logged(LogFormat::Json, "info", || {
        let outer = tracing::info_span!("outer", service = "outer", late = Empty);
        let _outer = outer.enter();
        outer.record("late", "recorded");
        let _inner = tracing::info_span!("inner", service = "inner", level = "gold").entered();
        tracing::info!(r#type = "event", "hello");
    });
    let line: Value = serde_json::from_str(&lines[0]).unwrap();
    for (name, value) in [
        ("service", "inner"),
        ("late", "recorded"),
        ("level", "INFO"),
        ("field.level", "gold"),
        ("type", "event"),
    ] {
        assert_eq!(line[name], value, "{name}");
    }
    assert_eq!(lines[0].matches("\"service\"").count(), 1);
}

#[test]
fn an_error_is_written_with_its_sources() {
    let parsed = "x=nonsense".parse::<tracing_subscriber::filter::Targets>();
    let error = TelemetryError::Filter { filter: "x".to_owned(), source: parsed.unwrap_err() };
    let json = logged_json(|| tracing::error!(error = &error as &dyn std::error::Error, "failed"));
    let text = json[0]["error"].as_str().unwrap();
    assert!(text.starts_with("the log filter `x` is not"), "{text}");
    assert!(text.ends_with(&std::error::Error::source(&error).unwrap().to_string()), "{text}");
}

#[test]
fn the_filter_chooses_events_but_keeps_their_requests_fields() {
    let lines = logged(LogFormat::Human, "warn,chatty=off,curious=debug", || {
        let _request = tracing::info_span!("request", correlation_id = "c-1").entered();
        let _detail = tracing::debug_span!("detail", secret = "s").entered();
        tracing::info!("hidden");
        tracing::warn!("seen");
        tracing::error!(target: "chatty", "hidden");
        tracing::debug!(target: "curious", "seen");
    });
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines.iter().all(|line| line.ends_with(": seen correlation_id=c-1")), "{lines:?}");
}

#[test]
fn the_filter_may_change_while_the_process_logs() {
    let (filter, written) = (LogFilter::parse("warn").unwrap(), Written::default());
    let own = written.clone();
    let logs = dispatch_by(filter.clone(), &LogOptions::default(), move || own.clone());
    tracing::dispatcher::with_default(&logs, || {
        let say = |text: &str| tracing::debug!(target: "changing", "{text}");
        say("hidden");
        filter.set("warn,changing=debug").unwrap();
        say("seen");
        assert!(filter.set("warn,changing=loud").is_err());
        assert_eq!(filter.text(), "warn,changing=debug");
        say("seen");
        filter.set("warn").unwrap();
        say("hidden");
    });
    let lines = written.lines();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines.iter().all(|line| line.ends_with(": seen")), "{lines:?}");
}

#[test]
fn a_filter_that_cannot_be_read_is_named() {
    let options = LogOptions { filter: "info,hyper=loud".to_owned(), ..LogOptions::default() };
    let error = dispatch(&options, io::sink).unwrap_err();
    assert!(error.to_string().contains("`info,hyper=loud`"), "{error}");
}

/// Writes nothing until its gate opens.
struct Blocked {
    gate: mpsc::Receiver<()>,
    written: Written,
}

impl Write for Blocked {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _ = self.gate.recv();
        self.written.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_blocked_output_costs_lines_and_nothing_else() {
    let (open, gate) = mpsc::channel();
    let written = Written::default();
    let (writer, guard) = output::in_the_background(
        Blocked { gate, written: written.clone() },
        4,
        LogFilter::parse("info").unwrap(),
    );
    let dropped = guard.dropped_lines();
    let logs = dispatch(&LogOptions::default(), writer).unwrap();
    with_default(&logs, || (0..100).for_each(|number| tracing::info!(number, "line")));
    assert!((95..=96).contains(&dropped.count()), "{} lines dropped", dropped.count());
    drop(open);
    drop(guard);
    assert_eq!(written.lines().len(), 100 - dropped.count(), "dropping the guard writes the rest");
}

#[test]
fn a_warning_that_is_said_again_is_counted_and_other_lines_are_all_written() {
    let lines = logged(LogFormat::Json, "info", || {
        for number in 0..1_000 {
            tracing::warn!(service = "regtech", "no luck");
            tracing::info!(number, "told");
        }
        tracing::warn!(service = "dashboard", "no luck");
    });
    let count = |text: &str| lines.iter().filter(|line| line.contains(text)).count();
    assert_eq!((count("no luck"), count("told")), (2, 1_000));
}

#[test]
fn an_answered_request_can_be_told_in_the_combined_log_format() {
    let written = Written::default();
    let writer = written.clone();
    let options =
        LogOptions { format: LogFormat::Json, access: AccessFormat::Combined, filter: "info".to_owned() };
    with_default(&dispatch(&options, move || writer.clone()).unwrap(), || {
        tracing::info!(
            target: "integridai_gateway::access",
            correlation_id = "c-1", trace_id = "", method = "GET", path = "/x", version = "HTTP/1.1", client = "127.0.0.1",
            user_agent = "a \"b\"\n\\", status = 200, response_bytes = 17, "answered"
        );
        tracing::info!(target: "integridai_gateway::access", "a tunnel ended");
    });
    let lines = written.lines();
    let (before, rest) = lines[0].split_once(" [").unwrap();
    let (time, rest) = rest.split_once("] ").unwrap();
    assert_eq!(before, "127.0.0.1 - -");
    assert_eq!((time.len(), &time[20..]), (26, " +0000"), "{time}");
    assert_eq!(rest, r#""GET /x HTTP/1.1" 200 17 "-" "a \x22b\x22\x0A\x5C" c-1 -"#);
    assert!(lines[1].starts_with('{'), "what is no request is told as all else");
}
