//! A tbsCertList as it is written. The reader forgives some things and stops at others; here each
//! field is read by itself, so that one that is wrong hides neither itself nor what comes after.

use crate::{
    asn1::{self, BOOLEAN, Element, GENERALIZED_TIME, INTEGER, Malformed, SEQUENCE, UTC_TIME},
    crl::{
        extension::{Extension, Extensions, Oid},
        number::CrlNumber,
        read::IssuingDistributionPoint,
    },
    serial::SerialRef,
    time::Timestamp,
};

/// The fields of a tbsCertList.
pub(super) struct Written<'a> {
    /// How many octets it takes.
    pub(super) length: u64,
    pub(super) version: Option<Element<'a>>,
    pub(super) algorithm: Element<'a>,
    pub(super) issuer: &'a [u8],
    pub(super) this_update: Time<'a>,
    pub(super) next_update: Option<Time<'a>>,
    /// The list of the entries.
    pub(super) revoked: Option<Element<'a>>,
    pub(super) extensions: ExtensionList<'a>,
    /// What the issuingDistributionPoint says, if it can be read.
    pub(super) point: Option<IssuingDistributionPoint<'a>>,
}

impl<'a> Written<'a> {
    pub(super) fn read(tbs: Element<'a>) -> Result<Self, Malformed> {
        let mut fields = tbs.reader();
        let version = fields.optional(INTEGER, "version")?;
        let algorithm = fields.expect(SEQUENCE, "signature")?;
        let issuer = fields.expect(SEQUENCE, "issuer")?.octets;
        let this_update = Time::read(fields.any("thisUpdate")?, "thisUpdate");
        let next_update = match fields.peek() {
            Some(UTC_TIME | GENERALIZED_TIME) => {
                Some(Time::read(fields.any("nextUpdate")?, "nextUpdate"))
            }
            _ => None,
        };
        let revoked = fields.optional(SEQUENCE, "revokedCertificates")?;
        let extensions = match fields.optional(asn1::context_constructed(0), "crlExtensions")? {
            None => ExtensionList::default(),
            Some(explicit) => {
                let mut content = explicit.reader();
                let list = content.expect(SEQUENCE, "crlExtensions")?;
                content.finish("crlExtensions")?;
                ExtensionList::read(list)
            }
        };
        fields.finish("tbsCertList")?;
        let point = extensions.find(Oid::ISSUING_DISTRIBUTION_POINT);
        Ok(Self {
            length: tbs.octets.len() as u64,
            version,
            algorithm,
            issuer,
            this_update,
            next_update,
            revoked,
            point: point.and_then(|point| IssuingDistributionPoint::read(point).ok()),
            extensions,
        })
    }

    /// When it was issued, if that can be read.
    pub(super) fn this_update(&self) -> Option<Timestamp> {
        self.this_update.says.as_ref().ok().copied()
    }

    /// By when the next one will be issued, if that is there and can be read.
    pub(super) fn next_update(&self) -> Option<Timestamp> {
        self.next_update.as_ref()?.says.as_ref().ok().copied()
    }

    pub(super) fn is_delta(&self) -> bool {
        self.extensions.find(Oid::DELTA_CRL_INDICATOR).is_some()
    }

    pub(super) fn is_indirect(&self) -> bool {
        self.point.as_ref().is_some_and(|point| point.indirect_crl)
    }
}

pub(super) fn number(
    extension: &Extension<'_>,
    name: &'static str,
) -> Result<CrlNumber, Malformed> {
    let integer = extension.single(INTEGER, name)?;
    CrlNumber::from_octets(integer.content)
        .map_err(|_| integer.malformed(name, "no integer from 0 to 2^159 - 1 in minimal form"))
}

/// A `Time`.
pub(super) struct Time<'a> {
    written: Element<'a>,
    pub(super) says: Result<Timestamp, Malformed>,
}

impl<'a> Time<'a> {
    fn read(written: Element<'a>, name: &'static str) -> Self {
        Self { written, says: Timestamp::from_element(&written, name) }
    }

    /// The time, if it is one before 2050 and yet a GeneralizedTime. A UTCTime cannot say a later
    /// year, so there is no mistake the other way round.
    pub(super) fn needlessly_general(&self) -> Option<Timestamp> {
        let says = self.says.as_ref().ok().copied();
        says.filter(|says| {
            self.written.tag == GENERALIZED_TIME && says.time_length() == UTC_TIME_LENGTH
        })
    }
}

/// How many octets a UTCTime takes.
const UTC_TIME_LENGTH: u64 = 15;

/// One entry of the list.
pub(super) struct WrittenEntry<'a> {
    pub(super) serial: SerialRef<'a>,
    pub(super) revocation_date: Time<'a>,
    pub(super) extensions: ExtensionList<'a>,
    /// The extensions are there, and are none.
    pub(super) has_empty_list: bool,
}

impl<'a> WrittenEntry<'a> {
    pub(super) fn read(entry: Element<'a>) -> Result<Self, Malformed> {
        let mut fields = entry.reader();
        let serial = fields.expect(INTEGER, "userCertificate")?;
        let date = fields.any("revocationDate")?;
        let list = fields.optional(SEQUENCE, "crlEntryExtensions")?;
        fields.finish("revokedCertificates entry")?;
        Ok(Self {
            serial: SerialRef::from_octets(serial.content)
                .map_err(|_| serial.malformed("userCertificate", "an integer without octets"))?,
            revocation_date: Time::read(date, "revocationDate"),
            has_empty_list: list.is_some_and(|list| list.content.is_empty()),
            extensions: list.map_or_else(ExtensionList::default, ExtensionList::read),
        })
    }

    /// The names of the issuer of the certificate, if the entry has its own.
    pub(super) fn certificate_issuer(&self) -> Option<&'a [u8]> {
        Some(self.extensions.find(Oid::CERTIFICATE_ISSUER)?.value)
    }
}

/// The extensions of a CRL or of an entry.
#[derive(Default)]
pub(super) struct ExtensionList<'a> {
    /// Those before the first that is malformed.
    pub(super) all: Vec<Extension<'a>>,
    pub(super) malformed: Option<Malformed>,
    /// One of them says that it is not critical, which DER leaves out (X.690 §11.5).
    pub(super) says_false: bool,
}

impl<'a> ExtensionList<'a> {
    fn read(list: Element<'a>) -> Self {
        let mut read = Self { says_false: says_false(&list), ..Self::default() };
        for extension in Extensions(list.reader()) {
            match extension {
                Ok(extension) => read.all.push(extension),
                Err(malformed) => read.malformed = Some(malformed),
            }
        }
        read
    }

    pub(super) fn find(&self, oid: Oid<'_>) -> Option<&Extension<'a>> {
        self.all.iter().find(|extension| extension.oid == oid)
    }

    /// One that is there more than once.
    pub(super) fn repeated(&self) -> Option<Oid<'a>> {
        let mut oids: Vec<_> = self.all.iter().map(|extension| extension.oid).collect();
        oids.sort_unstable();
        oids.windows(2).find_map(|pair| match pair {
            [one, next] if one == next => Some(*one),
            _ => None,
        })
    }
}

fn says_false(list: &Element<'_>) -> bool {
    let mut list = list.reader();
    while let Ok(extension) = list.any("Extension") {
        let mut fields = extension.reader();
        if fields.any("extnID").is_ok()
            && let Ok(Some(Element { content: [0], .. })) = fields.optional(BOOLEAN, "critical")
        {
            return true;
        }
    }
    false
}
