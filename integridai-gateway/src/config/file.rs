//! The file, and where in it something is wrong.

use std::path::Path;

use super::{Config, ConfigError};

/// The file as a table, after it has been parsed once as a whole for errors with line and column.
pub(super) fn read(path: &Path) -> Result<toml::Table, ConfigError> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
    let error = |source: toml::de::Error| located(path, &text, &source);
    toml::from_str::<Config>(&text).map_err(error)?;
    toml::from_str(&text).map_err(error)
}

/// The error's own text would quote the whole line, and with it what may be a secret.
fn located(path: &Path, text: &str, error: &toml::de::Error) -> ConfigError {
    let offset = error.span().map_or(0, |span| span.start);
    let before = text.get(..offset).unwrap_or(text);
    let start = before.rfind('\n').map_or(0, |at| at + 1);
    let line = text[start..].lines().next().unwrap_or_default();
    ConfigError::File {
        path: path.to_owned(),
        line: before.matches('\n').count() + 1,
        column: before[start..].chars().count() + 1,
        key: key(line).to_owned(),
        reason: reason(error),
    }
}

/// What is wrong, without the text that stood where something else was expected: it may hold a secret.
pub(super) fn reason(error: &toml::de::Error) -> String {
    let message = error.message();
    let text = message.strip_prefix("invalid type: string \"");
    match text.and_then(|text| text.rsplit_once("\", expected ")) {
        Some((_, expected)) => format!("invalid type: a string, expected {expected}"),
        None => message.to_owned(),
    }
}

fn key(line: &str) -> &str {
    match line.split_once('=') {
        Some((key, _)) => key.trim(),
        None if line.trim_start().starts_with('[') => line.trim(),
        None => "",
    }
}
