//! To and from the types of x509-cert, der and spki, for those who build certificates with them.
//!
//! x509-cert keeps no octets, so a certificate that comes from it is encoded anew, and its signature
//! verifies only if that gives the octets that were signed: true of what its own builder made, not
//! of every certificate from elsewhere. Where you have the DER, take the DER.

use crate::{
    certificate::{Certificate, CertificateError},
    reason::{Reason, ReasonCode},
    serial::{Serial, SerialError},
    signing::SignatureAlgorithm,
    time::{Timestamp, TimestampError},
};
use der::{Decode, Encode};
use spki::AlgorithmIdentifierOwned;
use x509_cert::{
    certificate::Profile, ext::pkix::CrlReason, serial_number::SerialNumber, time::Time,
};

impl<P: Profile> TryFrom<&SerialNumber<P>> for Serial {
    type Error = SerialError;

    fn try_from(serial: &SerialNumber<P>) -> Result<Self, SerialError> {
        Self::from_octets(serial.as_bytes())
    }
}

impl<P: Profile> TryFrom<Serial> for SerialNumber<P> {
    type Error = der::Error;

    fn try_from(serial: Serial) -> der::Result<Self> {
        Self::new(serial.as_octets())
    }
}

impl TryFrom<Time> for Timestamp {
    type Error = TimestampError;

    fn try_from(time: Time) -> Result<Self, TimestampError> {
        // It is at most in the year 9999.
        Self::from_unix(i64::try_from(time.to_unix_duration().as_secs()).unwrap_or(i64::MAX))
    }
}

impl TryFrom<Timestamp> for Time {
    type Error = der::Error;

    /// UTCTime through 2049, GeneralizedTime from 2050. x509-cert knows no time before 1970.
    fn try_from(timestamp: Timestamp) -> der::Result<Self> {
        let mut der = Vec::new();
        timestamp.write_time(&mut der);
        Self::from_der(&der)
    }
}

impl<P: Profile> TryFrom<&x509_cert::certificate::CertificateInner<P>> for Certificate {
    type Error = CertificateError;

    fn try_from(
        certificate: &x509_cert::certificate::CertificateInner<P>,
    ) -> Result<Self, CertificateError> {
        Self::from_der(&certificate.to_der()?)
    }
}

impl From<Reason> for CrlReason {
    fn from(reason: Reason) -> Self {
        match reason {
            Reason::Unspecified => Self::Unspecified,
            Reason::KeyCompromise => Self::KeyCompromise,
            Reason::CaCompromise => Self::CaCompromise,
            Reason::AffiliationChanged => Self::AffiliationChanged,
            Reason::Superseded => Self::Superseded,
            Reason::CessationOfOperation => Self::CessationOfOperation,
            Reason::PrivilegeWithdrawn => Self::PrivilegeWithdrawn,
            Reason::AaCompromise => Self::AaCompromise,
        }
    }
}

impl From<CrlReason> for ReasonCode {
    fn from(reason: CrlReason) -> Self {
        Self::from_code(reason as u8)
    }
}

impl TryFrom<SignatureAlgorithm> for AlgorithmIdentifierOwned {
    type Error = der::Error;

    fn try_from(algorithm: SignatureAlgorithm) -> der::Result<Self> {
        Self::from_der(algorithm.identifier())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serial_numbers_keep_their_octets() {
        for text in ["01", "e8:cb:d2", "7f", "80"] {
            let serial: Serial = text.parse().unwrap();
            let theirs = SerialNumber::<x509_cert::certificate::Rfc5280>::try_from(serial).unwrap();
            assert_eq!(theirs.as_bytes(), serial.as_octets());
            assert_eq!(Serial::try_from(&theirs), Ok(serial));
        }
    }

    #[test]
    fn e6_times_keep_their_form() {
        for text in ["1970-01-01T00:00:00Z", "2049-12-31T23:59:59Z", "2050-01-01T00:00:00Z"] {
            let at: Timestamp = text.parse().unwrap();
            let theirs = Time::try_from(at).unwrap();
            let mut ours = Vec::new();
            at.write_time(&mut ours);
            assert_eq!(theirs.to_der().unwrap(), ours);
            assert_eq!(Timestamp::try_from(theirs), Ok(at));
        }
        assert!(Time::try_from(Timestamp::MIN).is_err());
    }

    #[test]
    fn a_certificate_that_x509_cert_holds_is_read() {
        let ours = Certificate::from_pem(include_str!("certificate/example.pem")).unwrap();
        let theirs = x509_cert::Certificate::from_der(ours.der()).unwrap();
        assert_eq!(Certificate::try_from(&theirs), Ok(ours));
    }

    #[test]
    fn reasons_and_algorithms_keep_their_codes() {
        for reason in Reason::ALL {
            let theirs = CrlReason::from(reason);
            assert_eq!(ReasonCode::from(theirs), ReasonCode::Reason(reason));
        }
        let theirs = AlgorithmIdentifierOwned::try_from(SignatureAlgorithm::RsaWithSha256).unwrap();
        assert_eq!(theirs.to_der().unwrap(), SignatureAlgorithm::RsaWithSha256.identifier());
    }
}
