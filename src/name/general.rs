//! Names of other kinds than a Name: RFC 5280 §4.2.1.6, and of places: §4.2.1.13.

use crate::{
    asn1::{Element, Malformed, Reader, context, context_constructed},
    name,
};

/// One of the GeneralNames of RFC 5280 §4.2.1.6, as far as revocation needs them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum GeneralName<'a> {
    /// A uniformResourceIdentifier.
    Uri(&'a str),
    /// A directoryName: a Name in DER.
    DirectoryName(&'a [u8]),
    /// Any other, in DER.
    Other(&'a [u8]),
}

/// Where a CRL is found, or which part of the issuer's CRLs it is: RFC 5280 §4.2.1.13.
///
/// ```asn1
/// DistributionPointName ::= CHOICE {
///      fullName                [0] GeneralNames,
///      nameRelativeToCRLIssuer [1] RelativeDistinguishedName }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DistributionPointName<'a> {
    /// Names of the same place.
    FullName(Vec<GeneralName<'a>>),
    /// What comes after the name of the issuer of the CRL: the content octets of a
    /// RelativeDistinguishedName.
    NameRelativeToCrlIssuer(&'a [u8]),
}

impl<'a> GeneralName<'a> {
    fn read(element: &Element<'a>, field: &'static str) -> Result<Self, Malformed> {
        const URI: u8 = context(6);
        const DIRECTORY_NAME: u8 = context_constructed(4);
        match element.tag {
            // An IA5String. What is not ASCII is no URI that anybody could use.
            URI if element.content.is_ascii() => {
                Ok(std::str::from_utf8(element.content)
                    .map_or(Self::Other(element.octets), Self::Uri))
            }
            DIRECTORY_NAME => {
                // Explicit, because Name is a CHOICE.
                let mut content = element.reader();
                let name = name::read(&mut content, field)?;
                content.finish(field)?;
                Ok(Self::DirectoryName(name.octets))
            }
            _ => Ok(Self::Other(element.octets)),
        }
    }

    /// Reads GeneralNames: the content of the SEQUENCE.
    pub(crate) fn read_all(
        mut names: Reader<'a>,
        field: &'static str,
    ) -> Result<Vec<Self>, Malformed> {
        let mut read = Vec::new();
        while !names.is_empty() {
            read.push(Self::read(&names.any(field)?, field)?);
        }
        Ok(read)
    }

    /// The Name in it.
    pub(crate) fn directory_name(&self) -> Option<&'a [u8]> {
        match self {
            Self::DirectoryName(name) => Some(name),
            _ => None,
        }
    }
}

impl<'a> DistributionPointName<'a> {
    /// Reads the CHOICE, and all there is to read.
    pub(crate) fn read(mut choice: Reader<'a>) -> Result<Self, Malformed> {
        let name = match choice.optional(context_constructed(0), "fullName")? {
            Some(names) => Self::FullName(GeneralName::read_all(names.reader(), "fullName")?),
            None => {
                let relative = choice.expect(context_constructed(1), "nameRelativeToCRLIssuer")?;
                Self::NameRelativeToCrlIssuer(relative.content)
            }
        };
        choice.finish("distributionPoint")?;
        Ok(name)
    }
}
