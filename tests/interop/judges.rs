//! What others read in a CRL, next to what it is to say.

use crate::{
    ca::{Ca, Template, at, leaf},
    openssl::OpenSsl,
    sample::Sample,
};
use annul::{
    CertificateList, CrlEntry, LocalVerifier, Reason, ReasonCode, Serial, SerialRef, Signer,
    Timestamp,
};
use rustls_pki_types::{CertificateDer, SignatureVerificationAlgorithm, UnixTime};
use std::time::Duration;
use webpki::{
    BorrowedCertRevocationList, CertRevocationList, EndEntityCert, KeyUsage,
    OwnedCertRevocationList, RevocationCheckDepth, RevocationOptionsBuilder, UnknownStatusPolicy,
    anchor_from_trusted_cert,
    ring::{ECDSA_P256_SHA256, ECDSA_P384_SHA384, ED25519},
};
use x509_parser::prelude::{ASN1Time, CertificateRevocationList, FromDer, SubjectPublicKeyInfo};

/// This crate, webpki and x509-parser.
pub fn judge(ca: &Ca, sample: &Sample, der: &[u8]) {
    ours(ca, sample, der);
    x509_parser(ca, sample, der);
    webpki(sample, der);
}

/// On a CRL, the reason `unspecified` is the absence of a reason.
fn stated(reason: Option<Reason>) -> Option<Reason> {
    reason.filter(|reason| *reason != Reason::Unspecified)
}

fn ours(ca: &Ca, sample: &Sample, der: &[u8]) {
    let crl = CertificateList::from_der(der).unwrap();
    crl.verify(ca.key.public_key(), &LocalVerifier).unwrap();
    assert_eq!((crl.issuer(), crl.number()), (&ca.name[..], Some(sample.number)));
    assert_eq!(crl.authority_key_identifier(), Some(&sample.key_identifier[..]));
    assert_eq!(crl.this_update(), sample.this_update);
    assert_eq!(crl.next_update(), Some(sample.next_update));
    let mut entries = crl.entries();
    for expected in &sample.entries {
        let read = entries.next().unwrap().unwrap();
        assert_eq!(read.serial(), expected.serial.as_ref());
        assert_eq!(read.revocation_date(), expected.revocation_date);
        assert_eq!(read.reason(), stated(expected.reason).map(ReasonCode::Reason));
        assert_eq!(read.invalidity_date(), expected.invalidity_date);
    }
    assert!(entries.next().is_none());
}

fn x509_parser(ca: &Ca, sample: &Sample, der: &[u8]) {
    let same = |read: ASN1Time, expected: Timestamp| {
        assert_eq!(read.timestamp(), expected.unix());
    };
    let (rest, crl) = CertificateRevocationList::from_der(der).unwrap();
    assert!(rest.is_empty());
    let (_, key) = SubjectPublicKeyInfo::from_der(ca.key.public_key()).unwrap();
    crl.verify_signature(&key).unwrap();
    assert_eq!(crl.version().unwrap().0, 1);
    assert_eq!(crl.issuer().as_raw(), ca.name);
    same(crl.last_update(), sample.this_update);
    same(crl.next_update().unwrap(), sample.next_update);
    assert_eq!(crl.crl_number().unwrap().to_string(), sample.number.to_string());
    let critical = crl.extensions().iter().map(|extension| extension.critical);
    assert_eq!(critical.collect::<Vec<_>>(), [false, false]);

    let mut entries = crl.iter_revoked_certificates();
    for expected in &sample.entries {
        let read = entries.next().unwrap();
        assert_eq!(read.raw_serial(), expected.serial.as_octets());
        same(read.revocation_date, expected.revocation_date);
        let reason = read.reason_code().map(|(critical, reason)| (critical, reason.0));
        assert_eq!(reason, stated(expected.reason).map(|reason| (false, reason.code())));
        let date = read.invalidity_date().map(|(critical, date)| (critical, date.timestamp()));
        assert_eq!(date, expected.invalidity_date.map(|date| (false, date.unix())));
        let extensions = usize::from(reason.is_some()) + usize::from(date.is_some());
        assert_eq!(read.extensions().len(), extensions);
    }
    assert!(entries.next().is_none());
}

/// webpki reads no date before 1970.
fn readable_by_webpki(sample: &Sample) -> bool {
    let epoch = at("1970-01-01T00:00:00Z");
    let dates = sample.entries.iter().flat_map(|e| [Some(e.revocation_date), e.invalidity_date]);
    dates.flatten().chain([sample.this_update]).all(|date| date >= epoch)
}

fn webpki(sample: &Sample, der: &[u8]) {
    if !readable_by_webpki(sample) {
        return;
    }
    let absent = SerialRef::from_octets(&[0]).unwrap();
    let owned = CertRevocationList::from(OwnedCertRevocationList::from_der(der).unwrap());
    let borrowed = CertRevocationList::from(BorrowedCertRevocationList::from_der(der).unwrap());
    for entry in &sample.entries {
        found_by_webpki(&owned, entry);
    }
    // The borrowed list is searched from its start each time.
    for entry in sample.entries.iter().step_by(1 + sample.entries.len() / 10) {
        found_by_webpki(&borrowed, entry);
    }
    for crl in [owned, borrowed] {
        assert!(crl.find_serial(absent.as_octets()).unwrap().is_none());
    }
}

fn found_by_webpki(crl: &CertRevocationList<'_>, entry: &CrlEntry) {
    let found = crl.find_serial(entry.serial.as_octets()).unwrap().unwrap();
    let seconds = |time: UnixTime| i64::try_from(time.as_secs()).unwrap();
    assert_eq!(found.serial_number, entry.serial.as_octets());
    assert_eq!(seconds(found.revocation_date), entry.revocation_date.unix());
    let reason = found.reason_code.map(|reason| reason as u8);
    assert_eq!(reason, stated(entry.reason).map(Reason::code));
    let date = found.invalidity_date.map(seconds);
    assert_eq!(date, entry.invalidity_date.map(Timestamp::unix));
}

/// webpki, as TLS uses it: the first certificate of the CRL is refused, another one accepted.
pub fn judge_revocation(ca: &Ca, sample: &Sample, der: &[u8]) {
    let root = ca.root();
    let root = CertificateDer::from(root.der());
    let anchors = [anchor_from_trusted_cert(&root).unwrap()];
    let verify = |serial: Serial, crl: &CertRevocationList<'_>| {
        let serial = serial.as_octets().to_vec();
        let leaf = ca.sign(&Template { serial, ..leaf("01") });
        let leaf = CertificateDer::from(leaf.der());
        let algorithms: &[&dyn SignatureVerificationAlgorithm] =
            &[ECDSA_P256_SHA256, ECDSA_P384_SHA384, ED25519];
        let crls = [crl];
        let revocation = RevocationOptionsBuilder::new(&crls)
            .unwrap()
            .with_depth(RevocationCheckDepth::EndEntity)
            .with_status_policy(UnknownStatusPolicy::Deny)
            .build();
        let time = sample.this_update.unix().unsigned_abs();
        let time = UnixTime::since_unix_epoch(Duration::from_secs(time));
        EndEntityCert::try_from(&leaf)
            .unwrap()
            .verify_for_usage(
                algorithms,
                &anchors,
                &[],
                time,
                KeyUsage::client_auth(),
                Some(revocation),
                None,
            )
            .map(drop)
    };
    let good = Serial::from_octets(&[0x7f; 20]).unwrap();
    let owned = CertRevocationList::from(OwnedCertRevocationList::from_der(der).unwrap());
    let borrowed = CertRevocationList::from(BorrowedCertRevocationList::from_der(der).unwrap());
    for crl in [owned, borrowed] {
        assert_eq!(verify(good, &crl), Ok(()));
        for revoked in [sample.entries.first(), sample.entries.last()].into_iter().flatten() {
            assert_eq!(verify(revoked.serial, &crl), Err(webpki::Error::CertRevoked));
        }
    }
}

/// The `openssl` command.
pub struct OpenSslJudge(OpenSsl);

impl OpenSslJudge {
    /// Judges the CRLs of this CA. `None` where the command is not installed.
    pub fn new(ca: &Ca) -> Option<Self> {
        let openssl = OpenSsl::new()?;
        openssl.write("ca.der", ca.root().der());
        openssl.must("x509 -inform DER -in ca.der -out ca.pem");
        Some(Self(openssl))
    }

    /// The text that it prints has each entry and nothing else, and the signature is valid.
    pub fn judge(&self, sample: &Sample, der: &[u8]) {
        self.0.write("crl.der", der);
        let text = self.0.must_verify("-inform DER -in crl.der -CAfile ca.pem -noout -text");
        let (_, entries) = text.split_once("CRL Number: \n").unwrap();
        let (number, entries) = entries.split_once('\n').unwrap();
        let (entries, _) = entries.split_once("    Signature Algorithm").unwrap();
        let lines: Vec<&str> = entries.lines().map(str::trim).collect();
        assert_eq!(lines, expected_lines(sample));
        assert!(!number.is_empty());
        let dates = [
            format!("Last Update: {}", date(sample.this_update)),
            format!("Next Update: {}", date(sample.next_update)),
        ];
        for date in dates {
            assert!(text.contains(&date), "{date} in {text}");
        }
    }
}

fn expected_lines(sample: &Sample) -> Vec<String> {
    if sample.entries.is_empty() {
        return vec!["No Revoked Certificates.".to_owned()];
    }
    let mut lines = vec!["Revoked Certificates:".to_owned()];
    for entry in &sample.entries {
        let serial = entry.serial.to_string().replace(':', "").to_uppercase();
        lines.push(format!("Serial Number: {serial}"));
        lines.push(format!("Revocation Date: {}", date(entry.revocation_date)));
        let reason = stated(entry.reason).map(|reason| match reason {
            Reason::KeyCompromise => "Key Compromise",
            Reason::CaCompromise => "CA Compromise",
            Reason::AffiliationChanged => "Affiliation Changed",
            Reason::Superseded => "Superseded",
            Reason::CessationOfOperation => "Cessation Of Operation",
            Reason::PrivilegeWithdrawn => "Privilege Withdrawn",
            Reason::AaCompromise => "AA Compromise",
            Reason::Unspecified => "Unspecified",
        });
        if reason.is_some() || entry.invalidity_date.is_some() {
            lines.push("CRL entry extensions:".to_owned());
        }
        if let Some(reason) = reason {
            lines.extend(["X509v3 CRL Reason Code:".to_owned(), reason.to_owned()]);
        }
        if let Some(invalid) = entry.invalidity_date {
            lines.extend(["Invalidity Date:".to_owned(), date(invalid)]);
        }
    }
    lines
}

/// As the command prints it: `Jun  1 12:00:00 2026 GMT`.
fn date(time: Timestamp) -> String {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let text = time.to_string();
    let number = |from: usize, to: usize| text[from..to].parse::<usize>().unwrap();
    let (year, day) = (number(0, 4), number(8, 10));
    format!("{} {day:2} {} {year} GMT", MONTHS[number(5, 7) - 1], &text[11..19])
}
