//! Who signed a request, and whether they may have a certificate revoked.

use crate::{certificate::Certificate, request::Principal};
use der::{
    Decode, Tag, Tagged,
    asn1::{ObjectIdentifier, PrintableStringRef, Utf8StringRef},
    oid::AssociatedOid,
    oid::db::rfc4519::COMMON_NAME,
};
use sha2::{Digest, Sha256};
use std::{fmt::Write, net::IpAddr};
use x509_cert::{
    attr::AttributeTypeAndValue,
    ext::pkix::{SubjectAltName, name::GeneralName},
};

/// Who signed a request, as the ACME server knows once it has verified the JWS.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AcmeSigner {
    /// The key of an account (`kid`).
    Account {
        /// The account: its URL, or whatever [`Labels::account`](crate::Labels) says of certificates
        /// that were issued to it.
        account: String,
        /// Those identifiers for which it holds a valid authorization now.
        authorized: Vec<AcmeIdentifier>,
    },
    /// The key of a certificate (`jwk`).
    CertificateKey {
        /// The SubjectPublicKeyInfo in DER that the JWK stands for. It has to be that of the
        /// certificate octet for octet, so it is written as RFC 3279 §2.3 and RFC 5480 §2 demand: RSA
        /// with parameters NULL, the point of an elliptic curve not compressed.
        public_key: Vec<u8>,
    },
}

/// What an account can be authorized for, and a certificate can be issued for.
///
/// The names of a certificate are compared with these as they stand: a wildcard is neither what it
/// stands for, nor the name behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AcmeIdentifier {
    /// A DNS name of A-labels, in either case, without a dot at its end. It is as in the order (RFC 8555
    /// §7.1.3): where an authorization has `wildcard`, its identifier with `*.` before it.
    Dns(String),
    /// An IP address (RFC 8738).
    Ip(IpAddr),
}

impl AcmeSigner {
    pub(super) fn principal(&self) -> Principal {
        match self {
            Self::Account { account, .. } => Principal::new(account, "account-key"),
            Self::CertificateKey { public_key } => {
                let mut account = "certificate-key:".to_owned();
                for octet in Sha256::digest(public_key) {
                    // A text takes whatever is written to it.
                    let _ = write!(account, "{octet:02x}");
                }
                Principal::new(account, "certificate-key")
            }
        }
    }

    /// Whether the certificate, which is this account's, is revoked for the signer.
    pub(super) fn may_revoke(&self, certificate: &Certificate, owner: Option<&str>) -> bool {
        match self {
            Self::CertificateKey { public_key } => public_key == certificate.public_key(),
            Self::Account { account, .. } if owner == Some(account) => true,
            Self::Account { authorized, .. } => {
                let may =
                    |identifier: &AcmeIdentifier| authorized.iter().any(|it| it.is(identifier));
                identifiers(certificate).is_some_and(|all| all.iter().all(may))
            }
        }
    }
}

impl AcmeIdentifier {
    fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Dns(one), Self::Dns(other)) => one.eq_ignore_ascii_case(other),
            (Self::Ip(one), Self::Ip(other)) => one == other,
            _ => false,
        }
    }

    fn of_name(name: &GeneralName) -> Option<Self> {
        match name {
            GeneralName::DnsName(name) => Some(Self::Dns(name.as_str().to_owned())),
            GeneralName::IpAddress(octets) => {
                let octets = octets.as_bytes();
                let v4 = <[u8; 4]>::try_from(octets).map(IpAddr::from);
                Some(Self::Ip(v4.or_else(|_| <[u8; 16]>::try_from(octets).map(IpAddr::from)).ok()?))
            }
            _ => None,
        }
    }

    /// A name of the subject, which may be an address written out.
    fn of_common_name(attribute: &AttributeTypeAndValue) -> Option<Self> {
        let text = match attribute.value.tag() {
            Tag::PrintableString => {
                attribute.value.decode_as::<PrintableStringRef<'_>>().ok()?.as_str()
            }
            Tag::Utf8String => attribute.value.decode_as::<Utf8StringRef<'_>>().ok()?.as_str(),
            _ => return None,
        };
        Some(text.parse().map_or_else(|_| Self::Dns(text.to_owned()), Self::Ip))
    }
}

/// All that a certificate is issued for; nothing where that is not only what an account can be
/// authorized for.
fn identifiers(certificate: &Certificate) -> Option<Vec<AcmeIdentifier>> {
    /// PKCS #9, `emailAddress`.
    const EMAIL_ADDRESS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.1");
    if certificate.is_ca() {
        return None;
    }
    let read = x509_cert::Certificate::from_der(certificate.der()).ok()?;
    let read = read.tbs_certificate();
    let mut identifiers = Vec::new();
    for extension in read.extensions().into_iter().flatten() {
        if extension.extn_id == SubjectAltName::OID {
            let names = SubjectAltName::from_der(extension.extn_value.as_bytes()).ok()?;
            for name in &names.0 {
                identifiers.push(AcmeIdentifier::of_name(name)?);
            }
        }
    }
    if identifiers.is_empty() {
        return None;
    }
    for attribute in read.subject().iter() {
        match attribute.oid {
            COMMON_NAME => identifiers.push(AcmeIdentifier::of_common_name(attribute)?),
            EMAIL_ADDRESS => return None,
            _ => {}
        }
    }
    Some(identifiers)
}
