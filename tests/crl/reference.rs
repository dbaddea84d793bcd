//! What x509-cert makes of what a CRL says.
//!
//! That crate is slow, and knows nothing of how we write. It has no times before 1970.

use crate::support::*;
use annul::{
    CrlEntry, CrlNumber, DistributionPoint, Only, Reason, SignatureAlgorithm, TbsCertList,
    Timestamp,
};
use std::time::Duration;
use x509_cert::{
    Version,
    crl::{CertificateList, RevokedCert, TbsCertList as Tbs},
    der::{
        DateTime, Decode, Encode,
        asn1::{BitString, GeneralizedTime, Ia5String, OctetString, Uint, UtcTime},
        oid::ObjectIdentifier,
    },
    ext::{
        Extension,
        pkix::{
            AccessDescription, AuthorityInfoAccessSyntax, AuthorityKeyIdentifier,
            crl::{
                BaseCrlNumber, CrlNumber as Number, CrlReason, FreshestCrl,
                IssuingDistributionPoint, dp,
            },
            name::{DistributionPointName, GeneralName},
        },
    },
    serial_number::SerialNumber,
    time::Time,
};

/// What a CRL says.
#[derive(Clone, Debug)]
pub struct Said {
    pub key_identifier: Vec<u8>,
    pub number: CrlNumber,
    pub this_update: Timestamp,
    pub next_update: Timestamp,
    pub base: Option<CrlNumber>,
    pub point: Option<Option<Only>>,
    pub freshest_crl: Vec<String>,
    pub ca_issuers: Vec<String>,
    pub expired_since: Option<Timestamp>,
}

fn date_time(at: Timestamp) -> DateTime {
    DateTime::from_unix_duration(Duration::from_secs(at.unix().try_into().unwrap())).unwrap()
}

fn generalized_time(at: Timestamp) -> GeneralizedTime {
    GeneralizedTime::from_date_time(date_time(at))
}

/// RFC 5280 §5.1.2.4.
fn time(at: Timestamp) -> Time {
    if date_time(at).year() < 2050 {
        Time::UtcTime(UtcTime::from_date_time(date_time(at)).unwrap())
    } else {
        Time::GeneralTime(generalized_time(at))
    }
}

fn extension(extn_id: &str, critical: bool, value: &impl Encode) -> Extension {
    let extn_value = OctetString::new(value.to_der().unwrap()).unwrap();
    Extension { extn_id: ObjectIdentifier::new_unwrap(extn_id), critical, extn_value }
}

fn uri(uri: &String) -> GeneralName {
    GeneralName::UniformResourceIdentifier(Ia5String::new(uri).unwrap())
}

fn full_name(uris: &[String]) -> Option<DistributionPointName> {
    Some(DistributionPointName::FullName(uris.iter().map(uri).collect()))
}

fn revoked(entry: &CrlEntry) -> RevokedCert {
    let reason = match entry.reason {
        // RFC 5280 §5.3.1: unspecified is said by saying nothing.
        None | Some(Reason::Unspecified) => None,
        Some(Reason::KeyCompromise) => Some(CrlReason::KeyCompromise),
        Some(Reason::CaCompromise) => Some(CrlReason::CaCompromise),
        Some(Reason::AffiliationChanged) => Some(CrlReason::AffiliationChanged),
        Some(Reason::Superseded) => Some(CrlReason::Superseded),
        Some(Reason::CessationOfOperation) => Some(CrlReason::CessationOfOperation),
        Some(Reason::PrivilegeWithdrawn) => Some(CrlReason::PrivilegeWithdrawn),
        Some(Reason::AaCompromise) => Some(CrlReason::AaCompromise),
    };
    let reason = reason.map(|reason| extension("2.5.29.21", false, &reason));
    let invalidity_date =
        entry.invalidity_date.map(|at| extension("2.5.29.24", false, &generalized_time(at)));
    let extensions: Vec<Extension> = reason.into_iter().chain(invalidity_date).collect();
    RevokedCert {
        serial_number: SerialNumber::new(entry.serial.as_octets()).unwrap(),
        revocation_date: time(entry.revocation_date),
        crl_entry_extensions: Some(extensions).filter(|extensions| !extensions.is_empty()),
    }
}

impl Said {
    /// Says it with this crate.
    pub fn tbs<'a>(
        &'a self,
        name: &'a [u8],
        point: Option<&'a DistributionPoint>,
    ) -> TbsCertList<'a> {
        let Self { key_identifier, number, this_update, next_update, base, .. } = self;
        let mut tbs =
            TbsCertList::new(name, key_identifier, *number, *this_update, *next_update).unwrap();
        if let Some(base) = *base {
            tbs = tbs.with_base(base).unwrap();
        }
        if let Some(point) = point {
            tbs = tbs.with_issuing_distribution_point(point);
        }
        if let Some(since) = self.expired_since {
            tbs = tbs.with_expired_certificates_since(since);
        }
        tbs.with_freshest_crl(&self.freshest_crl).with_ca_issuers(&self.ca_issuers)
    }

    fn extensions(&self) -> Vec<Extension> {
        let key_identifier = AuthorityKeyIdentifier {
            key_identifier: Some(OctetString::new(self.key_identifier.clone()).unwrap()),
            ..AuthorityKeyIdentifier::default()
        };
        let number = |number: CrlNumber| Uint::new(number.as_octets()).unwrap();
        let mut extensions = vec![
            extension("2.5.29.35", false, &key_identifier),
            extension("2.5.29.20", false, &Number(number(self.number))),
        ];
        extensions.extend(
            self.base.map(|base| extension("2.5.29.27", true, &BaseCrlNumber(number(base)))),
        );
        extensions.extend(self.point.map(|only| {
            let point = IssuingDistributionPoint {
                distribution_point: full_name(&uris([FULL])),
                only_contains_user_certs: only == Some(Only::UserCertificates),
                only_contains_ca_certs: only == Some(Only::CaCertificates),
                only_some_reasons: None,
                indirect_crl: false,
                only_contains_attribute_certs: false,
            };
            extension("2.5.29.28", true, &point)
        }));
        if !self.freshest_crl.is_empty() {
            let distribution_point = full_name(&self.freshest_crl);
            let point =
                dp::DistributionPoint { distribution_point, reasons: None, crl_issuer: None };
            extensions.push(extension("2.5.29.46", false, &FreshestCrl(vec![point])));
        }
        if !self.ca_issuers.is_empty() {
            let description = |it| AccessDescription {
                access_method: ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.2"),
                access_location: uri(it),
            };
            let access =
                AuthorityInfoAccessSyntax(self.ca_issuers.iter().map(description).collect());
            extensions.push(extension("1.3.6.1.5.5.7.1.1", false, &access));
        }
        let since = self.expired_since;
        extensions
            .extend(since.map(|since| extension("2.5.29.60", false, &generalized_time(since))));
        extensions
    }

    /// What x509-cert makes of it: the CRL and its tbsCertList.
    pub fn reference(&self, name: &[u8], entries: &[CrlEntry], signature: &[u8]) -> [Vec<u8>; 2] {
        let algorithm = SignatureAlgorithm::EcdsaWithSha256.try_into().unwrap();
        let revoked: Vec<RevokedCert> = entries.iter().map(revoked).collect();
        let tbs_cert_list: Tbs = Tbs {
            version: Version::V2,
            signature: algorithm,
            issuer: Decode::from_der(name).unwrap(),
            this_update: time(self.this_update),
            next_update: Some(time(self.next_update)),
            // RFC 5280 §5.1.2.6: absent where nothing is revoked.
            revoked_certificates: Some(revoked).filter(|revoked| !revoked.is_empty()),
            crl_extensions: Some(self.extensions()),
        };
        let tbs = tbs_cert_list.to_der().unwrap();
        let signature_algorithm = tbs_cert_list.signature.clone();
        let signature = BitString::from_bytes(signature).unwrap();
        let crl = CertificateList { tbs_cert_list, signature_algorithm, signature };
        [crl.to_der().unwrap(), tbs]
    }
}
