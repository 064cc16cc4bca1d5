//! As much of JSON Schema (2020-12) as the document uses; a keyword that is not known here fails.

use serde_json::{Map, Value};

/// Says nothing about what is valid.
const ANNOTATIONS: [&str; 9] = [
    "title",
    "description",
    "example",
    "examples",
    "default",
    "deprecated",
    "format",
    "readOnly",
    "discriminator",
];

/// Everything in `value` that is not as `schema` says, by JSON pointer.
pub(crate) fn violations(document: &Value, schema: &Value, value: &Value) -> Vec<String> {
    let mut checker = Checker { document, found: Vec::new() };
    checker.check(schema, value, "");
    checker.found
}

struct Checker<'a> {
    document: &'a Value,
    found: Vec<String>,
}

impl<'a> Checker<'a> {
    fn check(&mut self, schema: &'a Value, value: &Value, at: &str) {
        let Some(keywords) = schema.as_object() else { return };
        for (keyword, wanted) in keywords {
            let holds = match keyword.as_str() {
                "$ref" => {
                    self.check(self.resolve(wanted), value, at);
                    true
                }
                "type" => any(wanted, |name| is_of_type(value, name)),
                "enum" => list(wanted).contains(value),
                "const" => wanted == value,
                "minimum" => value.as_f64().is_none_or(|number| Some(number) >= wanted.as_f64()),
                "exclusiveMinimum" => value.as_f64().is_none_or(|number| Some(number) > wanted.as_f64()),
                "oneOf" => self.count(wanted, value, at) == 1,
                "anyOf" => self.count(wanted, value, at) >= 1,
                "allOf" => {
                    list(wanted).iter().for_each(|schema| self.check(schema, value, at));
                    true
                }
                "required" => any_missing(wanted, value).is_none(),
                "properties" => self.properties(wanted, value, at),
                "items" => self.items(wanted, value, at),
                "propertyNames" | "additionalProperties" => true,
                known if ANNOTATIONS.contains(&known) => true,
                unknown => panic!("the schema has a keyword that is not checked: {unknown}"),
            };
            if !holds {
                self.found.push(format!("{at}: {keyword} {wanted}"));
            }
        }
    }

    fn resolve(&self, reference: &Value) -> &'a Value {
        let pointer = reference.as_str().and_then(|text| text.strip_prefix('#')).expect("a local reference");
        self.document.pointer(pointer).unwrap_or_else(|| panic!("{reference} leads nowhere"))
    }

    fn count(&self, schemas: &'a Value, value: &Value, at: &str) -> usize {
        let fits = |schema: &&'a Value| {
            let mut inner = Checker { document: self.document, found: Vec::new() };
            inner.check(schema, value, at);
            inner.found.is_empty()
        };
        list(schemas).iter().filter(fits).count()
    }

    fn properties(&mut self, schemas: &'a Value, value: &Value, at: &str) -> bool {
        let none = Map::new();
        let members = value.as_object().unwrap_or(&none);
        for (name, schema) in schemas.as_object().expect("properties are an object") {
            if let Some(member) = members.get(name) {
                self.check(schema, member, &format!("{at}/{name}"));
            }
        }
        true
    }

    fn items(&mut self, schema: &'a Value, value: &Value, at: &str) -> bool {
        for (index, item) in list(value).iter().enumerate() {
            self.check(schema, item, &format!("{at}/{index}"));
        }
        true
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn any(names: &Value, holds: impl Fn(&str) -> bool) -> bool {
    match names {
        Value::String(name) => holds(name),
        names => list(names).iter().filter_map(Value::as_str).any(holds),
    }
}

fn any_missing<'a>(names: &'a Value, value: &Value) -> Option<&'a str> {
    let fields = value.as_object()?;
    list(names).iter().filter_map(Value::as_str).find(|name| !fields.contains_key(*name))
}

fn is_of_type(value: &Value, name: &str) -> bool {
    match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        "number" => value.is_number(),
        "integer" => value.is_i64() || value.is_u64(),
        unknown => panic!("no such type: {unknown}"),
    }
}
