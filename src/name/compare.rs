//! Whether two Names say the same: RFC 5280 §7.1.
//!
//! Who issues compares octet for octet, for what it writes must be what the CA signed. Who relies
//! on a CRL must be more generous: a name may be spelt in one string type in the certificate and
//! in another in the CRL.

use crate::asn1::{self, Malformed, OBJECT_IDENTIFIER, Reader, SEQUENCE, SET};

const UTF8_STRING: u8 = 0x0c;
const PRINTABLE_STRING: u8 = 0x13;
const IA5_STRING: u8 = 0x16;

/// A Name in the form in which it is compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ComparableName<'a>(Vec<RelativeName<'a>>);

/// The attributes of one relative name, sorted, for it is a SET.
type RelativeName<'a> = Vec<(&'a [u8], Value<'a>)>;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Value<'a> {
    /// What a string says; which type of string it was is not told apart.
    Text(String),
    /// Any other value, in DER.
    Octets(&'a [u8]),
}

impl<'a> ComparableName<'a> {
    /// Takes a Name in DER.
    pub(crate) fn read(name: &'a [u8], element: &'static str) -> Result<Self, Malformed> {
        let mut relative_names = asn1::single(name, SEQUENCE, element)?.reader();
        let mut comparable = Vec::new();
        while !relative_names.is_empty() {
            let relative_name = relative_names.expect(SET, element)?;
            comparable.push(relative(relative_name.reader(), element)?);
        }
        Ok(Self(comparable))
    }

    /// The name with this relative name after it: the content octets of its SET.
    pub(crate) fn followed_by(
        mut self,
        attributes: &'a [u8],
        element: &'static str,
    ) -> Result<Self, Malformed> {
        self.0.push(relative(Reader::new(attributes), element)?);
        Ok(self)
    }
}

/// Whether two Names in DER say the same.
pub(crate) fn is_same(one: &[u8], other: &[u8], element: &'static str) -> Result<bool, Malformed> {
    Ok(one == other || ComparableName::read(one, element)? == ComparableName::read(other, element)?)
}

fn relative<'a>(
    mut attributes: Reader<'a>,
    element: &'static str,
) -> Result<RelativeName<'a>, Malformed> {
    let mut relative_name = Vec::new();
    while !attributes.is_empty() {
        let mut attribute = attributes.expect(SEQUENCE, element)?.reader();
        let id = attribute.expect(OBJECT_IDENTIFIER, element)?.content;
        let value = attribute.any(element)?;
        attribute.finish(element)?;
        let text = match value.tag {
            // The two that RFC 5280 §7.1 demands, and that of e-mail addresses and domain names,
            // which §7.2 and §7.5 compare in the same way.
            UTF8_STRING | PRINTABLE_STRING | IA5_STRING => std::str::from_utf8(value.content).ok(),
            _ => None,
        };
        relative_name
            .push((id, text.map_or(Value::Octets(value.octets), |t| Value::Text(fold(t)))));
    }
    relative_name.sort();
    Ok(relative_name)
}

/// RFC 4518 as far as it goes without tables: case does not matter, nor white space at the ends,
/// nor how much of it is between words. Characters that are composed in two ways stay two: then
/// names differ that are the same, and the status of a certificate is undetermined, never good.
fn fold(text: &str) -> String {
    let words: Vec<String> = text.split_whitespace().map(str::to_lowercase).collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::certificate::sample::element;

    fn attribute(id: u8, tag: u8, text: &[u8]) -> Vec<u8> {
        let id = element(OBJECT_IDENTIFIER, &[&[0x55, 4, id]]);
        element(SEQUENCE, &[&id, &element(tag, &[text])])
    }

    fn name(relative_names: &[&[Vec<u8>]]) -> Vec<u8> {
        let sets: Vec<Vec<u8>> =
            relative_names.iter().map(|parts| element(SET, &[&parts.concat()])).collect();
        element(SEQUENCE, &[&sets.concat()])
    }

    fn common_name(tag: u8, text: &str) -> Vec<u8> {
        name(&[&[attribute(3, tag, text.as_bytes())]])
    }

    fn same(one: &[u8], other: &[u8]) -> bool {
        is_same(one, other, "issuer").unwrap()
    }

    #[test]
    fn neither_case_nor_white_space_nor_the_type_of_string_matters() {
        let plain = common_name(PRINTABLE_STRING, "Example CA");
        for (tag, text) in [
            (UTF8_STRING, "Example CA"),
            (IA5_STRING, "EXAMPLE ca"),
            (PRINTABLE_STRING, "  example \t CA "),
        ] {
            assert!(same(&plain, &common_name(tag, text)), "{text:?}");
        }
        for (tag, text) in
            [(UTF8_STRING, "ExampleCA"), (UTF8_STRING, "Example CB"), (0x14, "Example CA")]
        {
            assert!(!same(&plain, &common_name(tag, text)), "{text:?}");
        }
        let accents = |text| common_name(UTF8_STRING, text);
        assert!(same(&accents("GRÖSSE Übung"), &accents("grösse  übung")));
    }

    #[test]
    fn attributes_have_no_order_and_relative_names_have_one() {
        let [unit, common] = [attribute(11, UTF8_STRING, b"u"), attribute(3, UTF8_STRING, b"c")];
        let set = name(&[&[unit.clone(), common.clone()]]);
        assert!(same(&set, &name(&[&[common.clone(), unit.clone()]])));
        let list = name(&[std::slice::from_ref(&unit), std::slice::from_ref(&common)]);
        assert!(!same(&set, &list));
        assert!(!same(&list, &name(&[std::slice::from_ref(&common), &[unit]])));
        assert!(!same(&list, &name(&[&[common]])));
    }

    #[test]
    fn what_is_no_string_is_compared_octet_for_octet() {
        let broken = name(&[&[attribute(3, UTF8_STRING, b"\xff")]]);
        let printable = name(&[&[attribute(3, PRINTABLE_STRING, b"\xff")]]);
        assert!(same(&broken, &broken) && !same(&broken, &printable));
        assert!(is_same(b"\x30\x02\x05\x00", &broken, "issuer").is_err());
    }

    #[test]
    fn a_relative_name_goes_on_from_another() {
        let [unit, common] = [attribute(11, UTF8_STRING, b"u"), attribute(3, UTF8_STRING, b"c")];
        let whole = name(&[std::slice::from_ref(&unit), std::slice::from_ref(&common)]);
        let start = name(&[&[unit]]);
        let joined = ComparableName::read(&start, "name").unwrap().followed_by(&common, "name");
        assert_eq!(joined.unwrap(), ComparableName::read(&whole, "name").unwrap());
    }
}
