//! A CA, and CRLs of any shape that are signed in earnest.

pub use crate::ca::*;
use annul::{
    Certificate, CertificateList, CheckOutcome, ListedRevocation, LocalVerifier, NotUsed,
    RevocationCheck, Signer, SigningKey, Timestamp, Undetermined, sign_message,
};

const SEQUENCE: u8 = 0x30;

/// Within the validity of certificates and CRLs alike.
pub const NOW: &str = "2026-06-15T00:00:00Z";

// The last arcs of id-ce.
pub const REASON_CODE: u8 = 21;
pub const CRL_NUMBER: u8 = 20;
pub const DELTA_CRL_INDICATOR: u8 = 27;
pub const ISSUING_DISTRIBUTION_POINT: u8 = 28;
pub const CERTIFICATE_ISSUER: u8 = 29;
pub const CRL_DISTRIBUTION_POINTS: u8 = 31;
pub const AUTHORITY_KEY_IDENTIFIER: u8 = 35;
/// Nobody knows it.
pub const UNKNOWN: u8 = 99;

/// What goes into a CRL.
#[derive(Clone)]
pub struct Crl {
    /// The Name in DER.
    pub issuer: Vec<u8>,
    pub this_update: Timestamp,
    pub next_update: Option<Timestamp>,
    /// Each in DER.
    pub entries: Vec<Vec<u8>>,
    /// Each in DER.
    pub extensions: Vec<Vec<u8>>,
}

impl Crl {
    /// Of June 2026, and lists nothing.
    pub fn new(ca: &Ca, number: u8) -> Self {
        let identifier = element(0x80, &[ca.key_identifier()]);
        Self {
            issuer: ca.name.clone(),
            this_update: at("2026-06-01T00:00:00Z"),
            next_update: Some(at("2026-06-30T00:00:00Z")),
            entries: Vec::new(),
            extensions: vec![
                extension(AUTHORITY_KEY_IDENTIFIER, false, &element(SEQUENCE, &[&identifier])),
                extension(CRL_NUMBER, false, &[2, 1, number]),
            ],
        }
    }

    pub fn delta(ca: &Ca, base: u8, number: u8) -> Self {
        Self::new(ca, number).with(extension(DELTA_CRL_INDICATOR, true, &[2, 1, base]))
    }

    pub fn with(mut self, extension: Vec<u8>) -> Self {
        self.extensions.push(extension);
        self
    }

    pub fn without(mut self, id: u8) -> Self {
        self.extensions.retain(|extension| extension[6] != id);
        self
    }

    pub fn lists(mut self, entry: Vec<u8>) -> Self {
        self.entries.push(entry);
        self
    }

    pub fn sign(&self, key: &SigningKey) -> Vec<u8> {
        let algorithm = key.algorithm().identifier();
        let next_update = self.next_update.map(time).unwrap_or_default();
        let entries = match &self.entries[..] {
            [] => Vec::new(),
            entries => element(SEQUENCE, &[&entries.concat()]),
        };
        let extensions = element(SEQUENCE, &[&self.extensions.concat()]);
        let to_be_signed = element(
            SEQUENCE,
            &[
                &[2, 1, 1],
                algorithm,
                &self.issuer,
                &time(self.this_update),
                &next_update,
                &entries,
                &element(0xa0, &[&extensions]),
            ],
        );
        let signature = sign_message(key, &to_be_signed.as_slice()).unwrap();
        let signature = element(0x03, &[&[0], &signature]);
        element(SEQUENCE, &[&to_be_signed, algorithm, &signature])
    }
}

/// An entry with these extensions, for a serial number of one octet.
pub fn entry(serial: u8, extensions: &[Vec<u8>]) -> Vec<u8> {
    let extensions = match extensions {
        [] => Vec::new(),
        some => element(SEQUENCE, &[&some.concat()]),
    };
    element(SEQUENCE, &[&[2, 1, serial], b"\x17\x0d260501000000Z", &extensions])
}

pub fn reason(code: u8) -> Vec<u8> {
    extension(REASON_CODE, false, &[0x0a, 1, code])
}

pub fn certificate_issuer(names: &[Vec<u8>]) -> Vec<u8> {
    extension(CERTIFICATE_ISSUER, true, &element(SEQUENCE, &[&names.concat()]))
}

pub fn uri(text: &str) -> Vec<u8> {
    element(0x86, &[text.as_bytes()])
}

pub fn directory(name: &[u8]) -> Vec<u8> {
    element(0xa4, &[name])
}

/// A distributionPoint with a fullName, as both kinds of distribution points have it.
pub fn full_name(names: &[Vec<u8>]) -> Vec<u8> {
    element(0xa0, &[&element(0xa0, &[&names.concat()])])
}

/// A distributionPoint with a name that goes on with this commonName.
pub fn relative_name(text: &str) -> Vec<u8> {
    let name = common_name(text);
    // Without the headers of the SEQUENCE and the SET.
    element(0xa0, &[&element(0xa1, &[&name[4..]])])
}

/// ReasonFlags in a field with this number; bit 0 is the leftmost of the first octet.
pub fn reasons(field: u8, octets: &[u8]) -> Vec<u8> {
    let last = octets.last().copied().unwrap_or(0);
    let unused = if last == 0 { 0 } else { last.trailing_zeros() as u8 };
    element(0x80 | field, &[&[unused], octets])
}

pub fn crl_issuer(name: &[u8]) -> Vec<u8> {
    element(0xa2, &[&directory(name)])
}

pub fn issuing_point(fields: &[Vec<u8>]) -> Vec<u8> {
    extension(ISSUING_DISTRIBUTION_POINT, true, &element(SEQUENCE, &[&fields.concat()]))
}

/// A flag of the issuing distribution point.
pub fn flag(number: u8) -> Vec<u8> {
    element(0x80 | number, &[&[0xff]])
}

/// cRLDistributionPoints of these points, each a list of fields.
pub fn points(points: &[&[Vec<u8>]]) -> Vec<u8> {
    let points: Vec<Vec<u8>> =
        points.iter().map(|fields| element(SEQUENCE, &[&fields.concat()])).collect();
    extension(CRL_DISTRIBUTION_POINTS, false, &element(SEQUENCE, &[&points.concat()]))
}

/// A CA, its certificate, and the certificate 07 of an end entity.
pub struct Pair {
    pub ca: Ca,
    pub issuer: Certificate,
    pub leaf: Certificate,
}

impl Pair {
    pub fn new() -> Self {
        Self::with(&[])
    }

    /// With these extensions in the certificate of the end entity.
    pub fn with(extensions: &[Vec<u8>]) -> Self {
        let ca = Ca::new("CA");
        let mut template = leaf("07");
        template.extensions.extend_from_slice(extensions);
        let (issuer, leaf) = (ca.root().into_certificate(), ca.sign(&template));
        Self { ca, issuer, leaf }
    }

    pub fn crl(&self, number: u8) -> Crl {
        Crl::new(&self.ca, number)
    }

    pub fn delta(&self, base: u8, number: u8) -> Crl {
        Crl::delta(&self.ca, base, number)
    }

    /// The same, signed by the CA.
    pub fn check(&self, crls: &[&Crl]) -> CheckOutcome {
        let ders: Vec<Vec<u8>> = crls.iter().map(|crl| crl.sign(&self.ca.key)).collect();
        self.check_ders(&ders)
    }

    pub fn check_ders(&self, ders: &[Vec<u8>]) -> CheckOutcome {
        check(&RevocationCheck::new(&self.issuer), &self.leaf, ders)
    }
}

pub fn check(
    check: &RevocationCheck<'_>,
    certificate: &Certificate,
    ders: &[Vec<u8>],
) -> CheckOutcome {
    let crls: Vec<_> = ders.iter().map(|der| CertificateList::from_der(der).unwrap()).collect();
    check.check(certificate, &crls, at(NOW), &LocalVerifier)
}

/// What the answer must be.
pub trait Answer {
    fn good(self);
    fn revoked(self) -> ListedRevocation;
    fn undetermined(self) -> Undetermined;
    /// Undetermined, because this one CRL was not used.
    fn not_used(self) -> NotUsed;
}

impl Answer for CheckOutcome {
    #[track_caller]
    fn good(self) {
        assert!(matches!(self, Self::Good), "{self:?}");
    }

    #[track_caller]
    fn revoked(self) -> ListedRevocation {
        match self {
            Self::Revoked(listed) => listed,
            other => panic!("{other:?}"),
        }
    }

    #[track_caller]
    fn undetermined(self) -> Undetermined {
        match self {
            Self::Undetermined(why) => why,
            other => panic!("{other:?}"),
        }
    }

    #[track_caller]
    fn not_used(self) -> NotUsed {
        let mut why = self.undetermined();
        assert!(why.certificate.is_none() && why.not_used.len() == 1, "{why:?}");
        why.not_used.remove(0).why
    }
}
