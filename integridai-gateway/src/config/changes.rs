//! What tells two configurations apart, and which of that a gateway takes up while it runs.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;
use sha2::{Digest, Sha256};
use toml::{Table, Value};
use utoipa::ToSchema;

use super::Config;

/// A key, or all keys of a section, that is not the same in two configurations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Change {
    /// Such as `server.max_body_bytes`.
    #[schema(example = "server.max_body_bytes")]
    pub key: String,
    /// What became of it.
    pub change: ChangeKind,
}

/// What became of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// It was not there.
    Added,
    /// It is there no more.
    Removed,
    /// It has another value.
    Changed,
    /// A secret of this section has another value.
    SecretChanged,
}

/// What is taken up while the gateway runs: these keys, and all below these sections. Everything else needs a restart.
const TAKEN_UP: [&str; 17] = [
    "server.allowed_hosts",
    "server.body_first_byte_timeout_seconds",
    "server.min_body_bytes_per_second",
    "server.body_rate_window_seconds",
    "server.request_timeout_seconds",
    "server.max_uri_bytes",
    "server.max_body_bytes",
    "server.security_headers",
    "auth",
    "rate_limits",
    "redis",
    "cors",
    "services",
    "cache",
    "proxy",
    "events",
    "logs.filter",
];

/// Below a section that is taken up, and none the less only with a restart.
const NEED_RESTART: [&str; 1] = ["auth.ticket_seconds"];

impl Config {
    /// What is not the same in `other`, in the order of the keys; without any value.
    #[must_use]
    pub fn changes_to(&self, other: &Self) -> Vec<Change> {
        let (mine, others) = (self.values(), other.values());
        let mut changes: Vec<Change> = mine
            .iter()
            .filter_map(|(key, value)| {
                let change = match others.get(key) {
                    None => ChangeKind::Removed,
                    Some(other) if other != value => ChangeKind::Changed,
                    Some(_) => return None,
                };
                Some(Change { key: key.clone(), change })
            })
            .collect();
        let added = others.keys().filter(|key| !mine.contains_key(*key));
        changes.extend(added.map(|key| Change { key: key.clone(), change: ChangeKind::Added }));
        for (section, is_same) in self.sections_of(other) {
            let is_told = changes.iter().any(|change| is_below(&change.key, section));
            if !is_same && !is_told {
                changes.push(Change { key: section.to_owned(), change: ChangeKind::SecretChanged });
            }
        }
        if changes.is_empty() && self != other {
            let key = "a section with a secret".to_owned();
            changes.push(Change { key, change: ChangeKind::SecretChanged });
        }
        changes.sort_by(|one, other| one.key.cmp(&other.key));
        changes
    }

    /// Names what is in force: 16 hexadecimal digits of a digest over what [`to_toml`](Self::to_toml) shows. Secrets are no part of
    /// it, so that nothing can be tried out on it; of two configurations that differ in secrets alone it is the same.
    #[must_use]
    pub fn revision(&self) -> String {
        let digest = Sha256::digest(self.to_toml().as_bytes());
        digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
    }

    /// Each key with its value, as it is shown.
    fn values(&self) -> BTreeMap<String, Value> {
        let mut values = BTreeMap::new();
        if let Ok(table) = Table::try_from(self) {
            flatten("", table, &mut values);
        }
        values
    }

    /// What secrets may be in, and whether it is the same with them.
    fn sections_of(&self, other: &Self) -> [(&'static str, bool); 7] {
        [
            ("database", self.database == other.database),
            ("auth", self.auth == other.auth),
            ("services.regtech", self.services.regtech == other.services.regtech),
            ("services.flaisimulator", self.services.flaisimulator == other.services.flaisimulator),
            ("services.dashboard", self.services.dashboard == other.services.dashboard),
            ("proxy", self.proxy == other.proxy),
            ("redis", self.redis == other.redis),
        ]
    }
}

impl Change {
    /// Whether it can only be taken up by a start.
    #[must_use]
    pub fn needs_restart(&self) -> bool {
        let is_in = |keys: &[&str]| keys.iter().any(|key| is_below(&self.key, key));
        is_in(&NEED_RESTART) || !is_in(&TAKEN_UP)
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.change {
            ChangeKind::Added => "added",
            ChangeKind::Removed => "removed",
            ChangeKind::Changed => "changed",
            ChangeKind::SecretChanged => "a secret changed",
        };
        write!(f, "{} ({what})", self.key)
    }
}

fn is_below(key: &str, section: &str) -> bool {
    key.strip_prefix(section).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// A list is one value: of its elements none has a name.
fn flatten(above: &str, table: Table, values: &mut BTreeMap<String, Value>) {
    for (name, value) in table {
        let key = if above.is_empty() { name } else { format!("{above}.{name}") };
        match value {
            Value::Table(table) => flatten(&key, table, values),
            value => drop(values.insert(key, value)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(text: &str) -> Config {
        toml::from_str(text).unwrap()
    }

    fn told(one: &str, other: &str) -> Vec<String> {
        config(one).changes_to(&config(other)).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn each_key_that_is_not_the_same_is_told_with_what_became_of_it() {
        assert!(told("", "").is_empty());
        let issuer = "{issuer = \"a\", audience = [\"b\"], secret = \"0123456789abcdef0123456789abcdef\"}";
        let with = format!("[auth.issuers]\nown = {issuer}\n[server]\nmax_body_bytes = 7");
        let names = ["audience", "issuer", "secret"].map(|name| format!("auth.issuers.own.{name}"));
        let body = "server.max_body_bytes (changed)".to_owned();
        let all =
            |what: &str| names.iter().map(|name| format!("{name} ({what})")).chain([body.clone()]).collect();
        let (added, removed): (Vec<String>, Vec<String>) = (all("added"), all("removed"));
        assert_eq!(told("", &with), added);
        assert_eq!(told(&with, ""), removed);
        let route = |path: &str| format!("[[proxy.routes]]\nservice = \"regtech\"\npath = \"{path}\"");
        assert_eq!(told(&route("/a"), &route("/b")), ["proxy.routes (changed)"]);
    }

    #[test]
    fn a_secret_that_changes_is_told_without_it_and_is_no_part_of_the_revision() {
        for (section, key) in [
            ("services.dashboard", "bearer_token"),
            ("services.regtech", "bearer_token"),
            ("services.flaisimulator", "bearer_token"),
            ("auth", "api_key_pepper"),
        ] {
            let text = |secret: &str| format!("[{section}]\n{key} = \"{secret}\"");
            assert_eq!(told(&text("one"), &text("two")), [format!("{section} (a secret changed)")]);
            let revisions = ["one", "two"].map(|secret| config(&text(secret)).revision());
            assert_eq!(revisions[0], revisions[1]);
            assert_ne!(revisions[0], Config::default().revision(), "that there is one is no secret");
        }
        let redis = |password: &str| format!("[redis]\nurl = \"redis://:{password}@127.0.0.1\"");
        assert_eq!(told(&redis("a"), &redis("b")), ["redis (a secret changed)"]);
    }

    #[test]
    fn the_revision_is_that_of_the_values_in_whatever_order_and_form_they_are_written() {
        let one = config("[server]\nmax_headers = 9\ngrace_seconds = 5\n[admin]\nlisten = \"127.0.0.1:1\"");
        let other =
            config("[admin]\nlisten = \"127.0.0.1:1\"\n[server]\ngrace_seconds = 5.0\nmax_headers = 9");
        assert_eq!(one.revision(), other.revision());
        assert_eq!(one.revision().len(), 16);
        assert_ne!(one.revision(), Config::default().revision());
    }

    #[test]
    fn what_is_not_taken_up_needs_a_restart() {
        let needs = |key: &str| Change { key: key.to_owned(), change: ChangeKind::Changed }.needs_restart();
        for key in [
            "server.listen",
            "server.max_headers",
            "server.allowed",
            "admin.listen",
            "database.path",
            "executions.workers",
            "auth.ticket_seconds",
            "cachet",
            "a.section.of.later",
        ] {
            assert!(needs(key), "{key}");
        }
        for key in ["server.allowed_hosts", "auth.issuers.a.secret", "auth", "proxy.routes", "cache.disabled"]
        {
            assert!(!needs(key), "{key}");
        }
    }

    /// A key that is renamed, or a section that goes, would be taken up no more.
    #[test]
    fn every_name_that_is_written_here_is_there() {
        let values = Config::default().values();
        for name in TAKEN_UP.into_iter().chain(NEED_RESTART) {
            assert!(values.keys().any(|key| is_below(key, name)), "{name}");
        }
    }
}
