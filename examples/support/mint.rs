//! A small CA of the examples: keys and certificates that every verifier accepts.

use annul::Timestamp;
use p256::{
    ecdsa::{DerSignature, SigningKey},
    pkcs8::{EncodePrivateKey, LineEnding},
};
use spki::{SubjectPublicKeyInfoOwned, SubjectPublicKeyInfoRef};
use std::{error::Error, str::FromStr, time::Duration};
use x509_cert::{
    TbsCertificate,
    builder::{self, Builder, CertificateBuilder, profile::BuilderProfile},
    der::{DateTime, EncodePem, asn1::Ia5String},
    ext::{
        Extension, ToExtension,
        pkix::{
            AuthorityKeyIdentifier, BasicConstraints, CrlDistributionPoints, ExtendedKeyUsage,
            KeyUsage, KeyUsages, SubjectAltName, SubjectKeyIdentifier,
            crl::dp::DistributionPoint,
            name::{DistributionPointName, GeneralName},
        },
    },
    name::Name,
    serial_number::SerialNumber,
    time::{Time, Validity},
};

const DAY: u64 = 24 * 60 * 60;

/// A name and a key that sign certificates.
pub struct Ca {
    name: Name,
    key: SigningKey,
    /// Where its CRL is found.
    crl: String,
}

/// What a certificate is for.
#[derive(Clone, Copy)]
pub enum Purpose<'a> {
    /// A CA that may have this many CAs below it; `None` for any number.
    Ca { path_length: Option<u8> },
    /// A server with this DNS name.
    Server(&'a str),
}

impl Ca {
    pub fn new(name: &str, crl: &str) -> Result<Self, Box<dyn Error>> {
        Ok(Self { name: Name::from_str(name)?, key: new_key()?, crl: crl.to_owned() })
    }

    /// The private key as PKCS #8, in PEM.
    pub fn key_pem(&self) -> Result<String, Box<dyn Error>> {
        Ok(self.key.to_pkcs8_pem(LineEnding::LF)?.as_str().to_owned())
    }

    /// Its own certificate, in PEM.
    pub fn self_signed(&self, now: Timestamp) -> Result<String, Box<dyn Error>> {
        let purpose = Purpose::Ca { path_length: None };
        self.certify(&self.name, self.key.verifying_key(), purpose, &serial(0)?, now)
    }

    /// The certificate of a CA below it, in PEM.
    pub fn certify_ca(&self, ca: &Self, now: Timestamp) -> Result<String, Box<dyn Error>> {
        let purpose = Purpose::Ca { path_length: Some(0) };
        self.certify(&ca.name, ca.key.verifying_key(), purpose, &serial(0)?, now)
    }

    /// A server's certificate and its key, in PEM; `top_bit` sets the highest bit of its serial number.
    pub fn certify_server(
        &self,
        host: &str,
        top_bit: bool,
        now: Timestamp,
    ) -> Result<(String, String), Box<dyn Error>> {
        let subject = Name::from_str(&format!("CN={host}"))?;
        let serial = serial(if top_bit { 0x80 } else { 0 })?;
        let key = new_key()?;
        let certificate =
            self.certify(&subject, key.verifying_key(), Purpose::Server(host), &serial, now)?;
        Ok((certificate, key.to_pkcs8_pem(LineEnding::LF)?.as_str().to_owned()))
    }

    fn certify(
        &self,
        subject: &Name,
        public_key: &p256::ecdsa::VerifyingKey,
        purpose: Purpose<'_>,
        serial: &[u8],
        now: Timestamp,
    ) -> Result<String, Box<dyn Error>> {
        let days = match purpose {
            Purpose::Ca { path_length: None } => 3650,
            Purpose::Ca { path_length: Some(_) } => 1825,
            Purpose::Server(_) => 90,
        };
        let validity = Validity::new(
            time(now.saturating_sub(Duration::from_secs(60 * 60)))?,
            time(now.saturating_add(Duration::from_secs(days * DAY)))?,
        );
        let public_key = SubjectPublicKeyInfoOwned::from_key(public_key)?;
        let profile = Profile { issuer: &self.name, subject, purpose, crl: &self.crl };
        let builder =
            CertificateBuilder::new(profile, SerialNumber::new(serial)?, validity, public_key)?;
        Ok(builder.build::<_, DerSignature>(&self.key)?.to_pem(LineEnding::LF)?)
    }
}

struct Profile<'a> {
    issuer: &'a Name,
    subject: &'a Name,
    purpose: Purpose<'a>,
    crl: &'a str,
}

impl BuilderProfile for Profile<'_> {
    fn get_issuer(&self, _subject: &Name) -> Name {
        self.issuer.clone()
    }

    fn get_subject(&self) -> Name {
        self.subject.clone()
    }

    fn build_extensions(
        &self,
        public_key: SubjectPublicKeyInfoRef<'_>,
        issuer_public_key: SubjectPublicKeyInfoRef<'_>,
        certificate: &TbsCertificate,
    ) -> builder::Result<Vec<Extension>> {
        let subject = certificate.subject();
        let mut extensions = vec![
            (&SubjectKeyIdentifier::try_from(public_key)?).to_extension(subject, &[])?,
            (&AuthorityKeyIdentifier::try_from(issuer_public_key)?).to_extension(subject, &[])?,
        ];
        match self.purpose {
            Purpose::Ca { path_length } => {
                let constraints = BasicConstraints { ca: true, path_len_constraint: path_length };
                let usage = KeyUsage(KeyUsages::KeyCertSign | KeyUsages::CRLSign);
                extensions.push((&constraints).to_extension(subject, &[])?);
                extensions.push((&usage).to_extension(subject, &[])?);
            }
            Purpose::Server(host) => {
                let usage = KeyUsage(KeyUsages::DigitalSignature.into());
                let server = ExtendedKeyUsage(vec![SERVER_AUTH]);
                let name = SubjectAltName(vec![GeneralName::DnsName(Ia5String::new(host)?)]);
                extensions.push((&usage).to_extension(subject, &[])?);
                extensions.push((&server).to_extension(subject, &[])?);
                extensions.push((&name).to_extension(subject, &[])?);
            }
        }
        if self.issuer != self.subject {
            extensions.push((&distribution_point(self.crl)?).to_extension(subject, &[])?);
        }
        Ok(extensions)
    }
}

/// id-kp-serverAuth (RFC 5280 §4.2.1.12).
const SERVER_AUTH: spki::ObjectIdentifier = spki::ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.1");

fn distribution_point(uri: &str) -> builder::Result<CrlDistributionPoints> {
    let uri = Ia5String::new(uri)?;
    let name = DistributionPointName::FullName(vec![GeneralName::UniformResourceIdentifier(uri)]);
    let distribution_point = Some(name);
    let point = DistributionPoint { distribution_point, reasons: None, crl_issuer: None };
    Ok(CrlDistributionPoints(vec![point]))
}

fn time(at: Timestamp) -> Result<Time, Box<dyn Error>> {
    let since_1970 = Duration::from_secs(u64::try_from(at.unix())?);
    Ok(Time::GeneralTime(DateTime::from_unix_duration(since_1970)?.into()))
}

/// 16 octets at random, of which the first has these two bits on top: never zero, and of the
/// same length whatever it draws.
fn serial(top: u8) -> Result<[u8; 16], Box<dyn Error>> {
    let mut octets = [0; 16];
    getrandom::fill(&mut octets)?;
    octets[0] = octets[0] & 0x3f | 0x40 | top;
    Ok(octets)
}

fn new_key() -> Result<SigningKey, Box<dyn Error>> {
    let mut octets = [0; 32];
    getrandom::fill(&mut octets)?;
    Ok(SigningKey::from_slice(&octets)?)
}
