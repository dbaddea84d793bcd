//! Names: RFC 5280 §4.1.2.4.

mod compare;
mod general;

pub(crate) use self::compare::{ComparableName, is_same};
pub use self::general::{DistributionPointName, GeneralName};

use crate::asn1::{Element, Malformed, OBJECT_IDENTIFIER, Reader, SEQUENCE, SET};

/// Reads a Name. Its values may be anything.
///
/// ```text
/// Name ::= SEQUENCE OF RelativeDistinguishedName
/// RelativeDistinguishedName ::= SET SIZE (1..MAX) OF AttributeTypeAndValue
/// AttributeTypeAndValue ::= SEQUENCE { type OBJECT IDENTIFIER, value ANY }
/// ```
pub(crate) fn read<'a>(
    reader: &mut Reader<'a>,
    element: &'static str,
) -> Result<Element<'a>, Malformed> {
    let name = reader.expect(SEQUENCE, element)?;
    let mut relative_names = name.reader();
    while !relative_names.is_empty() {
        let relative_name = relative_names.expect(SET, element)?;
        if relative_name.content.is_empty() {
            return Err(relative_name.malformed(element, "a relative name without attributes"));
        }
        let mut attributes = relative_name.reader();
        while !attributes.is_empty() {
            let mut attribute = attributes.expect(SEQUENCE, element)?.reader();
            attribute.expect(OBJECT_IDENTIFIER, element)?;
            attribute.any(element)?;
            attribute.finish(element)?;
        }
    }
    Ok(name)
}
