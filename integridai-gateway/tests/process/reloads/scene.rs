//! A gateway whose configuration is a file that is written anew while it runs.
use std::path::PathBuf;

use integridai_gateway::demo::Simulators;
use reqwest::{Client, RequestBuilder};
use serde_json::Value;
use tempfile::TempDir;

use crate::support::{Gateway, Start, ask, client, simulators, until};

pub(crate) struct Scene {
    pub(crate) simulators: Simulators,
    pub(crate) client: Client,
    pub(crate) start: Start,
    folder: TempDir,
}

/// A gateway that was started with that file.
pub(crate) struct Reloadable {
    pub(crate) gateway: Gateway,
    client: Client,
    admin: String,
    file: PathBuf,
    /// What operators prove themselves with.
    key: Option<String>,
}

impl Scene {
    pub(crate) fn set(text: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let simulators = simulators();
        let start = Start::new(&folder.path().join("gateway.db"))
            .services(&simulators)
            .set("ADMIN__LISTEN", "127.0.0.1:0")
            .variable("INTEGRIDAI_CONFIG", folder.path().join("gateway.toml").display());
        let scene = Self { simulators, client: client(), start, folder };
        std::fs::write(scene.file(), text).expect("a file");
        scene
    }

    pub(crate) fn and(mut self, settings: &[(&str, &str)]) -> Self {
        self.start = settings.iter().fold(self.start, |start, (key, value)| start.set(key, value));
        self
    }

    /// Leaves a key to the file.
    pub(crate) fn without(mut self, key: &str) -> Self {
        self.start = self.start.unset(key);
        self
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.folder.path().join("gateway.toml")
    }

    pub(crate) async fn run(&self) -> Reloadable {
        let mut gateway = self.start.run().await;
        gateway.says("listening for operators").await;
        let listening = |line: &String| {
            let line: Value = serde_json::from_str(line).ok()?;
            let is_it = line["message"] == "listening for operators";
            line["address"].as_str().filter(|_| is_it).map(|address| format!("http://{address}"))
        };
        let admin = gateway.log().iter().find_map(listening).expect("an address");
        Reloadable { gateway, client: self.client.clone(), admin, file: self.file(), key: None }
    }
}

impl Reloadable {
    pub(crate) fn operated_with(mut self, key: String) -> Self {
        self.key = Some(key);
        self
    }

    /// In place of what was there, at once.
    pub(crate) fn write(&self, text: &str) {
        let beside = self.file.with_extension("new");
        std::fs::write(&beside, text).expect("a file");
        std::fs::rename(beside, &self.file).expect("a file system");
    }

    /// Writes it, and has it loaded by the call for operators.
    pub(crate) async fn reload(&self, text: &str) -> (u16, Value) {
        self.write(text);
        ask(self.operated(self.client.post(format!("{}/admin/v1/reload", self.admin)))).await
    }

    /// The same, where nothing is wrong with it.
    pub(crate) async fn reloaded(&self, text: &str) -> Value {
        let (status, answer) = self.reload(text).await;
        assert_eq!(status, 200, "{answer}");
        answer
    }

    /// Writes it, and has it loaded by the signal.
    pub(crate) async fn hang_up(&self, text: &str) {
        let before = self.in_force().await["reloads"].as_u64();
        self.write(text);
        self.gateway.signal("HUP");
        until("the reload", async || self.in_force().await["reloads"].as_u64() > before).await;
    }

    pub(crate) async fn in_force(&self) -> Value {
        let (status, answer) = self.admin("/admin/v1/configuration").await;
        assert_eq!(status, 200, "{answer}");
        answer
    }

    pub(crate) async fn admin(&self, path: &str) -> (u16, Value) {
        ask(self.operated(self.client.get(format!("{}{path}", self.admin)))).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        ask(self.operated(self.client.post(format!("{}{path}", self.admin)).json(body))).await
    }

    pub(crate) async fn put(&self, path: &str, body: &Value) -> (u16, Value) {
        ask(self.operated(self.client.put(format!("{}{path}", self.admin)).json(body))).await
    }

    pub(crate) async fn status(&self, path: &str) -> u16 {
        ask(self.client.get(self.gateway.url(path))).await.0
    }

    pub(crate) fn request(&self, path: &str) -> RequestBuilder {
        self.client.get(self.gateway.url(path))
    }

    fn operated(&self, request: RequestBuilder) -> RequestBuilder {
        self.key.iter().fold(request, |request, key| request.header("x-api-key", key))
    }
}
