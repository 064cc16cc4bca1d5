use std::fmt::{self, Write};
use std::time::SystemTime;

use time::OffsetDateTime;
use time::format_description::StaticFormatDescription;
use time::macros::format_description;
use tracing::Level;

use super::access;
use super::fields::{Value, is_reserved};

/// RFC 3339, always with six digits, so that lines sort.
const TIMESTAMP: StaticFormatDescription =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:6]Z");

/// What a log line looks like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// `timestamp LEVEL target: message name=value …`, control characters escaped.
    #[default]
    Human,
    /// One flat object: `timestamp`, `level`, `target`, `message`, then the fields. A field that bears one of these
    /// four names is called `field.level` and so on.
    Json,
}

/// What the line of an answered request looks like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AccessFormat {
    /// Like all others.
    #[default]
    Line,
    /// `client - - [time] "GET /path HTTP/1.1" 200 17 "referer" "agent" correlation_id trace_id`: the Combined Log Format, and behind
    /// it the ids under which the request is found again.
    Combined,
}

/// What the line of an answered request says.
const ANSWERED: &str = "answered";

/// What one line says.
#[derive(Debug)]
pub(super) struct Line<'a> {
    pub(super) at: SystemTime,
    pub(super) level: Level,
    pub(super) target: &'a str,
    pub(super) message: &'a str,
    pub(super) fields: &'a [(&'static str, &'a Value)],
}

impl Line<'_> {
    /// The text with its line break, and no other one.
    pub(super) fn render(&self, format: LogFormat, access: AccessFormat) -> String {
        let mut text = String::with_capacity(256);
        match format {
            _ if access == AccessFormat::Combined
                && self.target == access::TARGET
                && self.message == ANSWERED =>
            {
                access::combined(self, &mut text)
            }
            LogFormat::Human => self.human(&mut text),
            LogFormat::Json => self.json(&mut text),
        }
        .expect("a string takes all that is written");
        text.push('\n');
        text
    }

    fn human(&self, text: &mut String) -> fmt::Result {
        write!(text, "{} {:>5} {}: ", self.timestamp(), self.level, self.target)?;
        for letter in self.message.chars() {
            if letter.is_control() {
                write!(text, "{}", letter.escape_default())?;
            } else {
                text.push(letter);
            }
        }
        for (name, value) in self.fields {
            match value {
                Value::Text(value) if needs_quotes(value) => write!(text, " {name}={value:?}")?,
                Value::Text(value) | Value::Plain(value) => write!(text, " {name}={value}")?,
            }
        }
        Ok(())
    }

    fn json(&self, text: &mut String) -> fmt::Result {
        write!(text, r#"{{"timestamp":"{}","level":"{}""#, self.timestamp(), self.level)?;
        write!(text, r#","target":{},"message":{}"#, quoted(self.target), quoted(self.message))?;
        for (name, value) in self.fields {
            let name = if is_reserved(name) { quoted(&format!("field.{name}")) } else { quoted(name) };
            write!(text, ",{name}:")?;
            match value {
                Value::Text(value) => text.push_str(&quoted(value)),
                Value::Plain(value) => text.push_str(value),
            }
        }
        text.push('}');
        Ok(())
    }

    fn timestamp(&self) -> String {
        OffsetDateTime::from(self.at).format(TIMESTAMP).unwrap_or_default()
    }
}

fn quoted(text: &str) -> String {
    serde_json::to_string(text).expect("every string has a JSON form")
}

fn needs_quotes(text: &str) -> bool {
    text.is_empty()
        || text.contains(|letter: char| letter.is_whitespace() || letter.is_control() || letter == '"')
}
