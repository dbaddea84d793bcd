//! How answers are written.

use super::super::{ApiRequest, Parameters};
use super::Style;
use serde_json::{Map, Value};

/// What an answer says, by the names that clients know.
pub(super) type Members = Map<String, Value>;

/// How it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Json,
    Xml,
}

impl Format {
    /// As the parameter `Format` says. Without it, the RPC style is answered in XML, and the other in
    /// JSON unless it accepts XML.
    pub(super) fn of(
        style: Style,
        request: &ApiRequest<'_>,
        parameters: Option<&Parameters>,
    ) -> Self {
        match parameters.and_then(|parameters| parameters.get("Format")) {
            Some(format) if format.eq_ignore_ascii_case("JSON") => return Self::Json,
            Some(format) if format.eq_ignore_ascii_case("XML") => return Self::Xml,
            _ => {}
        }
        let accept = request.header("accept").unwrap_or_default().trim_ascii();
        let accepts_xml = accept == b"application/xml" || accept == b"text/xml";
        if style == Style::Rpc || accepts_xml { Self::Xml } else { Self::Json }
    }

    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Xml => "application/xml",
        }
    }

    /// The body of an answer; in XML its element has this name.
    pub(super) fn write(self, name: &str, members: Members) -> Vec<u8> {
        let value = Value::Object(members);
        match self {
            Self::Json => value.to_string().into_bytes(),
            Self::Xml => {
                let mut out = r#"<?xml version="1.0" encoding="UTF-8" ?>"#.to_owned();
                write_element(&mut out, name, &value);
                out.into_bytes()
            }
        }
    }
}

/// Writes a value as an element; a list as one for each of its items, all of that name.
fn write_element(out: &mut String, name: &str, value: &Value) {
    match value {
        Value::Null => {}
        Value::Array(items) => items.iter().for_each(|item| write_element(out, name, item)),
        Value::Object(_) | Value::String(_) | Value::Bool(_) | Value::Number(_) => {
            out.extend(["<", name, ">"]);
            match value {
                Value::Object(members) => {
                    members.iter().for_each(|(name, value)| write_element(out, name, value));
                }
                Value::String(text) => write_text(out, text),
                scalar => out.push_str(&scalar.to_string()),
            }
            out.extend(["</", name, ">"]);
        }
    }
}

/// Writes a text without what XML cannot hold.
fn write_text(out: &mut String, text: &str) {
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\n' | '\t' => out.push(character),
            '\0'..' ' | '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            _ => out.push(character),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn s31_xml_says_the_same_as_json() {
        let value = json!({ "List": [{ "A": 1 }, { "A": "<&>\u{1}\n" }], "None": null, "No": [] });
        let Value::Object(members) = value else { panic!("no object") };
        let xml = String::from_utf8(Format::Xml.write("Answer", members)).unwrap();
        assert_eq!(
            xml,
            "<?xml version=\"1.0\" encoding=\"UTF-8\" ?><Answer><List><A>1</A></List>\
             <List><A>&lt;&amp;&gt;\u{fffd}\n</A></List></Answer>"
        );
    }
}
