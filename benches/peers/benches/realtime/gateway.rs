//! The gateway as it is run, on SQLite, with room for all subscribers.

use integridai_gateway::app::App;
use integridai_gateway::config::Config;
use integridai_gateway::telemetry::{self, LogOptions};

use crate::process::{Served, answer_heaps};

pub(crate) async fn serve() {
    let options = LogOptions { filter: "off".to_owned(), ..LogOptions::default() };
    let _logs = telemetry::init(&options).expect("the first subscriber");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let settings = [
        ("SERVER__LISTEN", "127.0.0.1:0".to_owned()),
        ("SERVER__MAX_CONNECTIONS", "20000".to_owned()),
        ("AUTH__DISABLED", "true".to_owned()),
        ("RATE_LIMITS__DISABLED", "true".to_owned()),
        ("REALTIME__PING_INTERVAL_SECONDS", "600".to_owned()),
        ("REALTIME__IDLE_TIMEOUT_SECONDS", "1200".to_owned()),
        ("DATABASE__PATH", folder.path().join("gateway.db").display().to_string()),
    ];
    let settings = settings.map(|(key, value)| (format!("INTEGRIDAI_{key}"), value));
    let app = App::build(Config::load(None, settings).expect("the settings are right")).await;
    let app = app.expect("it can be built");
    answer_heaps();
    crate::announce(&Served {
        address: app.address(),
        subscribe: "/api/v1/realtime/subscribe?topics=bench.tick".to_owned(),
        publish: "/api/v1/events".to_owned(),
    });
    app.run(std::future::pending()).await.expect("it runs");
}
