//! The real Prometheus, as Debian packages it.
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::servers::program::{program, search_path};
use crate::servers::server::{Recipe, Server};
use crate::support::{ask, client};

/// One of a test's own.
pub(super) struct Prometheus {
    server: Server,
}

impl Prometheus {
    /// # Panics
    /// When `prometheus` is not installed, with the command that installs it, or is not ready within a minute.
    pub(super) fn start(configuration: &str) -> Self {
        let program = program("prometheus", "prometheus", &search_path());
        let recipe = PrometheusRecipe { program, configuration: configuration.to_owned() };
        Self { server: Server::start(&recipe) }
    }

    async fn get(&self, path: &str) -> Value {
        let (status, answer) =
            ask(client().get(format!("http://127.0.0.1:{}{path}", self.server.port()))).await;
        assert_eq!((status, &answer["status"]), (200, &Value::from("success")), "{path}: {answer}");
        answer["data"].clone()
    }

    /// The figures that a query finds, those that are no numbers left out.
    pub(super) async fn figures(&self, query: &str) -> Vec<f64> {
        let encoded: String = form_urlencoded::byte_serialize(query.as_bytes()).collect();
        let data = self.get(&format!("/api/v1/query?query={encoded}")).await;
        let samples = match &data["result"] {
            Value::Array(samples) if data["resultType"] == "vector" => samples.clone(),
            scalar => vec![serde_json::json!({ "value": scalar })],
        };
        let value = |sample: &Value| sample["value"][1].as_str().and_then(|text| text.parse::<f64>().ok());
        samples.iter().filter_map(value).filter(|figure| !figure.is_nan()).collect()
    }

    /// Names and expressions of all rules that it has loaded.
    pub(super) async fn rules(&self) -> Vec<(String, String)> {
        let data = self.get("/api/v1/rules").await;
        let groups = data["groups"].as_array().expect("groups").clone();
        let rules = groups.iter().flat_map(|group| group["rules"].as_array().expect("rules").clone());
        let text = |value: &Value| value.as_str().expect("text").to_owned();
        rules.map(|rule| (text(&rule["name"]), text(&rule["query"]))).collect()
    }
}

/// What `promtool check metrics` has against an exposition; nothing where all is well.
pub(super) fn lint(exposition: &str) -> String {
    let promtool = program("promtool", "prometheus", &search_path());
    let mut child = Command::new(promtool)
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it can be started");
    child.stdin.take().expect("it is piped").write_all(exposition.as_bytes()).expect("it reads");
    let output = child.wait_with_output().expect("it ends");
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

struct PrometheusRecipe {
    program: PathBuf,
    configuration: String,
}

impl Recipe for PrometheusRecipe {
    fn command(&self, folder: &Path, port: u16) -> Command {
        let file = folder.join("prometheus.yml");
        fs::write(&file, &self.configuration).expect("a temporary file");
        let mut command = Command::new(&self.program);
        command.arg(format!("--config.file={}", file.display()));
        command.arg(format!("--storage.tsdb.path={}", folder.join("data").display()));
        command.arg(format!("--web.listen-address=127.0.0.1:{port}"));
        command.arg("--log.level=warn").current_dir(folder);
        command
    }

    fn mark(&self, folder: &Path, _port: u16) -> String {
        folder.display().to_string()
    }

    fn is_ready(&self, folder: &Path, port: u16, _pid: u32) -> bool {
        // Its working folder tells it from whatever else is on the port.
        let own = |answer: String| answer.contains(&folder.display().to_string());
        said(port, "/api/v1/status/runtimeinfo").is_some_and(own)
            && said(port, "/-/ready").is_some_and(|answer| answer.starts_with("HTTP/1.0 200"))
    }
}

fn said(port: u16, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(2))).ok()?;
    stream.write_all(format!("GET {path} HTTP/1.0\r\n\r\n").as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer)
}
