//! The Combined Log Format of Apache and nginx, for tools that read nothing else.

use std::fmt::{self, Write};

use time::format_description::StaticFormatDescription;
use time::macros::format_description;

use super::fields::Value;
use super::line::Line;

/// Where lines about exchanges come from.
pub(super) const TARGET: &str = "integridai_gateway::access";

const TIMESTAMP: StaticFormatDescription =
    format_description!("[day]/[month repr:short]/[year]:[hour]:[minute]:[second] +0000");

/// `client - - [time] "method path version" status bytes "referer" "agent" correlation_id trace_id`: the last two are what the
/// gateway adds. Nobody is named, and of a URL's query nothing is written: it may hold a ticket.
pub(super) fn combined(line: &Line<'_>, text: &mut String) -> fmt::Result {
    let field = |name| line.fields.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
    let plain = |name| field(name).map_or("-", Value::as_str);
    let time = time::OffsetDateTime::from(line.at).format(TIMESTAMP).unwrap_or_default();
    write!(text, "{} - - [{time}] \"", plain("client"))?;
    escaped(plain("method"), text);
    text.push(' ');
    escaped(plain("path"), text);
    write!(text, " {}\" {} {} \"", plain("version"), plain("status"), plain("response_bytes"))?;
    escaped(plain("referer"), text);
    text.push_str("\" \"");
    escaped(plain("user_agent"), text);
    let or_dash = |text: &str| if text.is_empty() { "-".to_owned() } else { text.to_owned() };
    write!(text, "\" {} {}", or_dash(plain("correlation_id")), or_dash(plain("trace_id")))
}

/// As nginx does: what would end the quotes, or the line, is written as `\xHH`.
fn escaped(value: &str, text: &mut String) {
    for letter in value.chars() {
        if letter == '"' || letter == '\\' || letter.is_control() {
            let mut bytes = [0; 4];
            for byte in letter.encode_utf8(&mut bytes).bytes() {
                write!(text, "\\x{byte:02X}").expect("a string takes all that is written");
            }
        } else {
            text.push(letter);
        }
    }
}
