//! What others read in a CRL, next to what it is to say.

use crate::{
    ca::{Ca, Template, at, leaf},
    openssl::OpenSsl,
    sample::{Listed, Sample},
};
use annul::{
    CertificateList, LocalVerifier, Only, Reason, ReasonCode, Serial, SerialRef, Signer, Timestamp,
};
use rustls_pki_types::{CertificateDer, SignatureVerificationAlgorithm, UnixTime};
use std::time::Duration;
use webpki::{
    BorrowedCertRevocationList, CertRevocationList, EndEntityCert, KeyUsage,
    OwnedCertRevocationList, RevocationCheckDepth, RevocationOptionsBuilder, UnknownStatusPolicy,
    anchor_from_trusted_cert,
    ring::{ECDSA_P256_SHA256, ECDSA_P384_SHA384, ED25519},
};
use x509_parser::prelude::{
    ASN1Time, CertificateRevocationList, DistributionPointName, FromDer, GeneralName,
    ParsedExtension, SubjectPublicKeyInfo,
};

/// This crate, webpki and x509-parser.
pub fn judge(ca: &Ca, sample: &Sample, der: &[u8]) {
    ours(ca, sample, der);
    x509_parser(ca, sample, der);
    webpki(sample, der);
}

fn ours(ca: &Ca, sample: &Sample, der: &[u8]) {
    let crl = CertificateList::from_der(der).unwrap();
    crl.verify(ca.key.public_key(), &LocalVerifier).unwrap();
    assert_eq!((crl.issuer(), crl.number()), (&ca.name[..], Some(sample.number)));
    assert_eq!(crl.authority_key_identifier(), Some(&sample.key_identifier[..]));
    assert_eq!(crl.this_update(), sample.this_update);
    assert_eq!(crl.next_update(), Some(sample.next_update));
    let kind = &sample.kind;
    assert_eq!(crl.is_full(), kind.base.is_none() && kind.point.is_none());
    assert_eq!(crl.base_number(), kind.base);
    let point = crl.issuing_distribution_point();
    assert_eq!(point.map(|p| p.uris()), kind.point.as_ref().map(|p| strs(p.uris())).as_deref());
    let flags = point.map(|p| (p.only_contains_user_certs, p.only_contains_ca_certs));
    assert_eq!(flags, kind.point.as_ref().map(|p| flags_of(p.only())));
    assert_eq!(crl.freshest_crl(), kind.freshest_crl);
    assert_eq!(crl.ca_issuers(), kind.ca_issuers);
    assert_eq!(crl.expired_certificates_since(), kind.expired_since);
    let mut entries = crl.entries();
    for expected in sample.listed() {
        let read = entries.next().unwrap().unwrap();
        assert_eq!(read.serial().as_octets(), expected.serial);
        assert_eq!(read.revocation_date(), expected.revocation_date);
        assert_eq!(read.reason(), expected.reason);
        assert_eq!(read.invalidity_date(), expected.invalidity_date);
    }
    assert!(entries.next().is_none());
}

fn strs(uris: &[String]) -> Vec<&str> {
    uris.iter().map(String::as_str).collect()
}

/// onlyContainsUserCerts, onlyContainsCACerts.
fn flags_of(only: Option<Only>) -> (bool, bool) {
    (only == Some(Only::UserCertificates), only == Some(Only::CaCertificates))
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
    x509_parser_reads_the_kind(sample, &crl);

    let mut entries = crl.iter_revoked_certificates();
    for expected in sample.listed() {
        let read = entries.next().unwrap();
        assert_eq!(read.raw_serial(), expected.serial);
        same(read.revocation_date, expected.revocation_date);
        let reason = read.reason_code().map(|(critical, reason)| (critical, reason.0));
        assert_eq!(reason, expected.reason.map(|reason| (false, reason.code())));
        let date = read.invalidity_date().map(|(critical, date)| (critical, date.timestamp()));
        assert_eq!(date, expected.invalidity_date.map(|date| (false, date.unix())));
        let extensions = usize::from(reason.is_some()) + usize::from(date.is_some());
        assert_eq!(read.extensions().len(), extensions);
    }
    assert!(entries.next().is_none());
}

fn x509_parser_reads_the_kind(sample: &Sample, crl: &CertificateRevocationList<'_>) {
    let mut critical = vec![("2.5.29.35".to_owned(), false), ("2.5.29.20".to_owned(), false)];
    let kind = &sample.kind;
    let names = |uris: &[String]| uris.iter().map(|uri| format!("URI({uri})")).collect::<Vec<_>>();
    let full_name = |name: &Option<DistributionPointName<'_>>| match name {
        Some(DistributionPointName::FullName(names)) => {
            names.iter().map(GeneralName::to_string).collect::<Vec<_>>()
        }
        other => panic!("{other:?}"),
    };
    let parsed = |oid: &str| {
        let extension = crl.extensions().iter().find(|e| e.oid.to_id_string() == oid);
        extension.unwrap().parsed_extension()
    };
    let mut expect = |is_there, oid: &str, is_critical| {
        critical.extend(bool::then(is_there, || (oid.to_owned(), is_critical)));
    };
    expect(kind.base.is_some(), "2.5.29.27", true);
    expect(kind.point.is_some(), "2.5.29.28", true);
    expect(!kind.freshest_crl.is_empty(), "2.5.29.46", false);
    expect(!kind.ca_issuers.is_empty(), "1.3.6.1.5.5.7.1.1", false);
    expect(kind.expired_since.is_some(), "2.5.29.60", false);
    let read = crl.extensions().iter().map(|e| (e.oid.to_id_string(), e.critical));
    assert_eq!(read.collect::<Vec<_>>(), critical);

    if let Some(point) = &kind.point {
        let ParsedExtension::IssuingDistributionPoint(read) = parsed("2.5.29.28") else { panic!() };
        assert_eq!(full_name(&read.distribution_point), names(point.uris()));
        let flags = (read.only_contains_user_certs, read.only_contains_ca_certs);
        assert_eq!(flags, flags_of(point.only()));
        assert!(!read.indirect_crl && !read.only_contains_attribute_certs);
        assert!(read.only_some_reasons.is_none());
    }
    if !kind.ca_issuers.is_empty() {
        let ParsedExtension::AuthorityInfoAccess(read) = parsed("1.3.6.1.5.5.7.1.1") else {
            panic!()
        };
        let read = read.accessdescs.iter().map(|description| {
            let method = description.access_method.to_id_string();
            (method, description.access_location.to_string())
        });
        let issuers = "1.3.6.1.5.5.7.48.2".to_owned();
        let expected = names(&kind.ca_issuers).into_iter().map(|uri| (issuers.clone(), uri));
        assert!(read.eq(expected));
    }
}

/// webpki reads no date before 1970.
fn readable_by_webpki(sample: &Sample) -> bool {
    let epoch = at("1970-01-01T00:00:00Z");
    let listed = sample.listed();
    let dates = listed.iter().flat_map(|e| [Some(e.revocation_date), e.invalidity_date]);
    dates.flatten().chain([sample.this_update]).all(|date| date >= epoch)
}

fn webpki(sample: &Sample, der: &[u8]) {
    if !readable_by_webpki(sample) {
        return;
    }
    if sample.kind.base.is_some() {
        let refused = Some(webpki::Error::UnsupportedDeltaCrl);
        assert_eq!(OwnedCertRevocationList::from_der(der).err(), refused);
        assert_eq!(BorrowedCertRevocationList::from_der(der).err(), refused);
        return;
    }
    let absent = SerialRef::from_octets(&[0x7f; 60]).unwrap();
    let owned = CertRevocationList::from(OwnedCertRevocationList::from_der(der).unwrap());
    let borrowed = CertRevocationList::from(BorrowedCertRevocationList::from_der(der).unwrap());
    let listed = sample.listed();
    for entry in &listed {
        found_by_webpki(&owned, entry);
    }
    // The borrowed list is searched from its start each time.
    for entry in listed.iter().step_by(1 + listed.len() / 10) {
        found_by_webpki(&borrowed, entry);
    }
    for crl in [owned, borrowed] {
        assert!(crl.find_serial(absent.as_octets()).unwrap().is_none());
    }
}

fn found_by_webpki(crl: &CertRevocationList<'_>, entry: &Listed) {
    let found = crl.find_serial(&entry.serial).unwrap().unwrap();
    let seconds = |time: UnixTime| i64::try_from(time.as_secs()).unwrap();
    assert_eq!(found.serial_number, entry.serial);
    assert_eq!(seconds(found.revocation_date), entry.revocation_date.unix());
    let reason = found.reason_code.map(|reason| reason as u8);
    assert_eq!(reason, entry.reason.map(ReasonCode::code));
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
        // It breaks long numbers.
        let text = text.replace("\\\n", "");
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        let extensions = lines.iter().position(|line| *line == "CRL extensions:").unwrap();
        let is_list = |line: &&str| line.contains("Revoked Certificates");
        let entries = lines.iter().position(is_list).unwrap();
        let end = lines.iter().rposition(|line| line.starts_with("Signature Algorithm")).unwrap();
        let (extensions, entries) = (&lines[extensions..entries], &lines[entries..end]);
        let expected = expected_lines(sample);
        let difference = entries.iter().zip(&expected).find(|(read, line)| read != line);
        assert_eq!((difference, entries.len()), (None, expected.len()));
        for line in expected_extensions(sample) {
            // It leaves out the end of a line here and there.
            let has = |read: &&str| read.contains(&line);
            assert!(extensions.iter().any(has), "{line} in {extensions:#?}");
        }
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
    let listed = sample.listed();
    if listed.is_empty() {
        return vec!["No Revoked Certificates.".to_owned()];
    }
    let mut lines = vec!["Revoked Certificates:".to_owned()];
    for entry in listed {
        lines.push(format!("Serial Number: {}", integer(&entry.serial)));
        lines.push(format!("Revocation Date: {}", date(entry.revocation_date)));
        if entry.reason.is_some() || entry.invalidity_date.is_some() {
            lines.push("CRL entry extensions:".to_owned());
        }
        if let Some(reason) = entry.reason {
            lines.extend(["X509v3 CRL Reason Code:", reason_text(reason)].map(str::to_owned));
        }
        if let Some(invalid) = entry.invalidity_date {
            lines.extend(["Invalidity Date:".to_owned(), date(invalid)]);
        }
    }
    lines
}

fn reason_text(reason: ReasonCode) -> &'static str {
    match reason {
        ReasonCode::Reason(Reason::KeyCompromise) => "Key Compromise",
        ReasonCode::Reason(Reason::CaCompromise) => "CA Compromise",
        ReasonCode::Reason(Reason::AffiliationChanged) => "Affiliation Changed",
        ReasonCode::Reason(Reason::Superseded) => "Superseded",
        ReasonCode::Reason(Reason::CessationOfOperation) => "Cessation Of Operation",
        ReasonCode::Reason(Reason::PrivilegeWithdrawn) => "Privilege Withdrawn",
        ReasonCode::Reason(Reason::AaCompromise) => "AA Compromise",
        ReasonCode::CertificateHold => "Certificate Hold",
        ReasonCode::RemoveFromCrl => "Remove From CRL",
        ReasonCode::Reason(Reason::Unspecified) | ReasonCode::Unassigned(_) => "never written",
    }
}

/// As the command prints an INTEGER: the magnitude, with a sign.
fn integer(octets: &[u8]) -> String {
    let is_negative = octets[0] >= 0x80;
    let mut magnitude = octets.to_vec();
    if is_negative {
        // The two's complement.
        let mut carry = true;
        for octet in magnitude.iter_mut().rev() {
            (*octet, carry) = (!*octet).overflowing_add(u8::from(carry));
        }
    }
    let zeros = magnitude.iter().take_while(|&&octet| octet == 0).count();
    let significant = &magnitude[zeros.min(magnitude.len() - 1)..];
    let digits: String = significant.iter().map(|octet| format!("{octet:02X}")).collect();
    format!("{}{digits}", if is_negative { "-" } else { "" })
}

/// Lines that are among those of its extensions.
fn expected_extensions(sample: &Sample) -> Vec<String> {
    let kind = &sample.kind;
    let mut lines = vec!["X509v3 CRL Number:".to_owned()];
    if kind.base.is_some() {
        lines.push("X509v3 Delta CRL Indicator: critical".to_owned());
    }
    if let Some(point) = &kind.point {
        lines.push("X509v3 Issuing Distribution Point: critical".to_owned());
        lines.extend(point.uris().iter().map(|uri| format!("URI:{uri}")));
        lines.extend(point.only().map(|only| match only {
            Only::UserCertificates => "Only User Certificates".to_owned(),
            Only::CaCertificates => "Only CA Certificates".to_owned(),
        }));
    }
    if !kind.freshest_crl.is_empty() {
        lines.push("X509v3 Freshest CRL:".to_owned());
        lines.extend(kind.freshest_crl.iter().map(|uri| format!("URI:{uri}")));
    }
    if !kind.ca_issuers.is_empty() {
        lines.push("Authority Information Access:".to_owned());
        lines.extend(kind.ca_issuers.iter().map(|uri| format!("CA Issuers - URI:{uri}")));
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
