//! The issuing distribution point of a CRL that we make: RFC 5280 §5.2.5.

use super::{error::CrlError, read::IssuingDistributionPoint, uri};
use crate::asn1::{self, SEQUENCE};

/// Where a CRL is found, and which certificates it is about, if not all of its issuer.
///
/// It always has a URI: whoever reads the CRL compares it with the URIs in the certificate, and
/// rustls-webpki takes no CRL that has an issuing distribution point without one. A CRL for some
/// reasons only, for other issuers, or for attribute certificates is not made here.
///
/// ```
/// use annul::{DistributionPoint, Only};
///
/// let uri = "http://crl.example/ca.crl".to_owned();
/// let point = DistributionPoint::new(vec![uri], Some(Only::CaCertificates))?;
/// assert_eq!(point.only(), Some(Only::CaCertificates));
/// assert!(DistributionPoint::new(Vec::new(), None).is_err());
/// # Ok::<(), annul::CrlError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DistributionPoint {
    uris: Vec<String>,
    only: Option<Only>,
}

/// The certificates that a CRL is confined to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Only {
    /// Those of end entities, `onlyContainsUserCerts`.
    UserCertificates,
    /// Those of CAs, `onlyContainsCACerts`.
    CaCertificates,
}

impl DistributionPoint {
    /// A distribution point with these URIs; one of them is, octet for octet, in each certificate
    /// that the CRL is about.
    ///
    /// # Errors
    /// [`CrlError::NoUri`] where there is none, and [`CrlError::Uri`] where one is not absolute, or
    /// has a character that no URI has.
    pub fn new(uris: Vec<String>, only: Option<Only>) -> Result<Self, CrlError> {
        if uris.is_empty() {
            return Err(CrlError::NoUri);
        }
        uri::check(&uris)?;
        Ok(Self { uris, only })
    }

    /// Where the CRL is found.
    pub fn uris(&self) -> &[String] {
        &self.uris
    }

    /// Which certificates it is confined to, besides those that have one of the URIs.
    pub fn only(&self) -> Option<Only> {
        self.only
    }

    /// One that says the same as this one, if there is one.
    pub(super) fn like(read: &IssuingDistributionPoint<'_>) -> Result<Self, CrlError> {
        let only = match (read.only_contains_user_certs, read.only_contains_ca_certs) {
            (true, false) => Some(Only::UserCertificates),
            (false, true) => Some(Only::CaCertificates),
            _ => None,
        };
        Self::new(uri::to_owned(read.uris()), only)
    }

    /// The value of the extension.
    pub(super) fn to_der(&self) -> Vec<u8> {
        let mut fields = uri::distribution_point(&self.uris);
        let flag = self.only.map(|only| match only {
            Only::UserCertificates => 1,
            Only::CaCertificates => 2,
        });
        // X.690 §11.5: flags that are FALSE are left out.
        if let Some(number) = flag {
            asn1::write_element(&mut fields, asn1::context(number), &[0xff]);
        }
        asn1::element(SEQUENCE, &fields)
    }
}
