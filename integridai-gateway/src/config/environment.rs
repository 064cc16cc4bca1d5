//! `INTEGRIDAI_SECTION__KEY` over the file.

use serde::Deserialize;
use toml::{Table, Value};

use super::file::reason;
use super::{Config, ConfigError};

const PREFIX: &str = "INTEGRIDAI_";

/// Variables with the prefix that are no keys: they belong to the command line.
const NOT_KEYS: [&str; 1] = ["INTEGRIDAI_CONFIG"];

pub(super) fn overlay(
    mut table: Table,
    variables: impl IntoIterator<Item = (String, String)>,
) -> Result<Config, ConfigError> {
    let mut config = Config::deserialize(table.clone()).map_err(|error| unnamed(&error))?;
    let mut variables: Vec<_> = variables.into_iter().filter(|(name, _)| is_key(name)).collect();
    variables.sort();
    for (variable, text) in variables {
        (table, config) =
            set(&table, &variable, &text).map_err(|reason| ConfigError::Variable { variable, reason })?;
    }
    Ok(config)
}

fn is_key(name: &str) -> bool {
    name.starts_with(PREFIX) && !NOT_KEYS.contains(&name) && !is_kubernetes_link(name)
}

/// Kubernetes tells every container of a namespace where a Service is; one called `integridai-gateway` gives
/// `INTEGRIDAI_GATEWAY_SERVICE_HOST`, `…_SERVICE_PORT_HTTP`, `…_PORT_3002_TCP_ADDR` and so on.
fn is_kubernetes_link(name: &str) -> bool {
    !name.contains("__")
        && (name.ends_with("_SERVICE_HOST")
            || name.contains("_SERVICE_PORT")
            || name.ends_with("_PORT")
            || (name.contains("_PORT_") && (name.contains("_TCP") || name.contains("_UDP"))))
}

/// A table alone has no file to name; `read` has parsed it before, so this is not reached with one.
fn unnamed(error: &toml::de::Error) -> ConfigError {
    ConfigError::Variable { variable: "(none)".into(), reason: reason(error) }
}

/// Tries the text as it stands, then as the TOML value that it spells: `0123` may be a token, `30` a number.
fn set(table: &Table, variable: &str, text: &str) -> Result<(Table, Config), String> {
    let keys: Vec<String> = variable[PREFIX.len()..].split("__").map(str::to_ascii_lowercase).collect();
    let as_text = attempt(table, &keys, Value::String(text.to_owned()));
    let Ok(Some(value)) = toml::from_str::<Table>(&format!("value = {text}")).map(|mut t| t.remove("value"))
    else {
        return as_text;
    };
    as_text.or_else(|_| attempt(table, &keys, value))
}

fn attempt(table: &Table, keys: &[String], value: Value) -> Result<(Table, Config), String> {
    let mut table = table.clone();
    insert(&mut table, keys, value)?;
    let config = Config::deserialize(table.clone()).map_err(|error| reason(&error))?;
    Ok((table, config))
}

fn insert(table: &mut Table, keys: &[String], value: Value) -> Result<(), String> {
    match keys {
        [key] => {
            table.insert(key.clone(), value);
            Ok(())
        }
        [section, rest @ ..] => {
            let inner = table.entry(section.clone()).or_insert_with(|| Value::Table(Table::new()));
            let inner = inner.as_table_mut().ok_or_else(|| format!("`{section}` is a key, not a section"))?;
            insert(inner, rest, value)
        }
        [] => Err("expected INTEGRIDAI_SECTION__KEY".to_owned()),
    }
}
