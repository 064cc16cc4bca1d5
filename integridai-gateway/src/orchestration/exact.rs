//! Members as they were written: a number may have more digits than a `Value` holds.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

/// All members of the object at `path`, or `None` if there is no such object. Of members of the same name the last
/// counts, as in a `Value`.
pub(super) fn members(text: &str, path: &[&str]) -> Option<BTreeMap<String, Box<RawValue>>> {
    let Some((name, path)) = path.split_first() else { return serde_json::from_str(text).ok() };
    let fields: BTreeMap<String, &RawValue> = serde_json::from_str(text).ok()?;
    members(fields.get(*name)?.get(), path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_keep_every_digit_and_the_last_of_a_name_counts() {
        let text = r#"{"a":1, "p\u0061th":{"to":{"a":1}}, "path":{"to":{"n":12345678901234567890123,"n":-0.10,"b":[ ]}}}"#;
        let found = members(text, &["path", "to"]).unwrap();
        let texts: Vec<(&str, &str)> = found.iter().map(|(name, raw)| (name.as_str(), raw.get())).collect();
        assert_eq!(texts, [("b", "[ ]"), ("n", "-0.10")]);
        assert_eq!(members(text, &[]).unwrap().len(), 2);
        assert!(members(text, &["path", "from"]).is_none() && members(text, &["a"]).is_none());
    }
}
