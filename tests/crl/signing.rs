//! Signed by real keys, in one step and in two, and verified by others.

use crate::support::*;
use annul::{
    CertificateList, CrlEntry, CrlError, PreparedCrl, PreparedCrlError, Reason, SignatureAlgorithm,
    ToSign, Verifier, VerifyError,
};
use sha2::{Digest, Sha256};

#[test]
fn a_prepared_crl_travels_as_octets() {
    let algorithm = SignatureAlgorithm::EcdsaWithSha384;
    let context = b"as of".to_vec();
    let prepared = tbs().prepare(&entries(300), PUBLIC_KEY, algorithm, context).unwrap();
    let bytes = prepared.to_bytes();
    let arrived = PreparedCrl::from_bytes(&bytes).unwrap();
    assert_eq!(arrived, prepared);
    assert_eq!(arrived.context(), b"as of");
    assert_eq!((arrived.number(), arrived.entries()), (tbs().number(), 300));
    assert_eq!(arrived.issuer(), NAME);
    let listed = arrived.revoked().map(|revoked| revoked.unwrap().serial().to_serial().unwrap());
    assert!(listed.eq(entries(300).iter().map(|entry| entry.serial)));
    assert!(matches!(arrived.to_sign(), ToSign::Digest(digest) if digest.len() == 48));
    let der = arrived.assemble(&[0x55; 103], &FakeVerifier(true)).unwrap();
    assert_eq!(CertificateList::from_der(&der).unwrap().tbs(), prepared.tbs());
    let refused = arrived.assemble(&[0x55; 103], &FakeVerifier(false)).unwrap_err();
    assert!(matches!(refused, CrlError::Verify { .. }));
}

#[test]
fn a_prepared_crl_that_was_damaged_is_refused() {
    let algorithm = SignatureAlgorithm::Ed25519;
    let prepared = tbs().prepare(&entries(3), PUBLIC_KEY, algorithm, vec![1; 9]).unwrap();
    assert!(matches!(prepared.to_sign(), ToSign::Message(_)));
    let bytes = prepared.to_bytes();
    for length in 0..bytes.len() {
        assert!(PreparedCrl::from_bytes(&bytes[..length]).is_err(), "{length}");
    }
    for octet in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[octet] ^= 1;
        assert!(PreparedCrl::from_bytes(&damaged).is_err(), "{octet}");
    }
    let mut later = bytes;
    later[0] = 2;
    let refused = PreparedCrl::from_bytes(&later).unwrap_err();
    assert!(matches!(refused, PreparedCrlError::Format { format: 2, known: 1 }));
}

#[test]
fn only_what_is_prepared_here_is_taken_for_a_prepared_crl() {
    let reason = Some(Reason::KeyCompromise);
    let invalidity_date = Some(at("2026-11-01T00:00:00Z"));
    let [first, second] = [0x41, 0x42].map(|n| entry(serial(n, 16)));
    let full = [first, CrlEntry { reason, invalidity_date, ..second }];
    let algorithm = SignatureAlgorithm::RsaWithSha256;
    let prepared = tbs().prepare(&full, PUBLIC_KEY, algorithm, Vec::new()).unwrap();
    // With part of the tbsCertList replaced; a digest keeps nobody from that.
    let forge = |from: &[u8], to: &[u8]| {
        let content = &prepared.tbs()[3..];
        let at = content.windows(from.len()).position(|octets| octets == from).unwrap();
        let tbs = tlv(0x30, &[&content[..at], to, &content[at + from.len()..]]);
        let body = [&tbs, PUBLIC_KEY, b"\x04\0"].concat();
        PreparedCrl::from_bytes(&[&[1], &Sha256::digest(&body)[..], &body].concat())
    };
    assert_eq!(forge(&[2, 1, 1], &[2, 1, 1]).unwrap(), prepared);
    let identifier = algorithm.identifier();
    let without_null = [&[0x30, 0x0b], &identifier[2..13]].concat();
    for (problem, from, to) in [
        ("version 1", &[2, 1, 1][..], &[][..]),
        ("another identifier", identifier, &without_null),
        ("no authority key identifier", &[0x55, 0x1d, 0x23], &[0x55, 0x1d, 0x63]),
        ("an unknown entry extension", &[0x55, 0x1d, 0x18], &[0x55, 0x1d, 0x63]),
        ("on hold", &[0x0a, 1, 1], &[0x0a, 1, 6]),
        ("removed", &[0x0a, 1, 1], &[0x0a, 1, 8]),
        ("unspecified, but stated", &[0x0a, 1, 1], &[0x0a, 1, 0]),
        ("out of order", &[0x11, 0, 0, 0x42], &[0x11, 0, 0, 0x40]),
        ("revoked in the future", b"261120123000Z", b"271120123000Z"),
    ] {
        let refused = forge(from, to).unwrap_err();
        let of_content =
            matches!(refused, PreparedCrlError::Malformed(_) | PreparedCrlError::Crl(_));
        assert!(of_content, "{problem}: {refused:?}");
    }
}

#[test]
fn an_algorithm_that_the_key_does_not_sign_is_refused_before_the_ceremony() {
    let p256 = b"\x30\x19\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x02\0\x02";
    let prepare = |algorithm| tbs().prepare(&[], p256, algorithm, Vec::new());
    assert!(prepare(SignatureAlgorithm::EcdsaWithSha256).is_ok());
    let refused = prepare(SignatureAlgorithm::Ed25519).unwrap_err();
    assert!(matches!(refused, CrlError::OtherAlgorithm { algorithm: SignatureAlgorithm::Ed25519 }));
}

/// Takes messages only, and any signature but none.
struct MessageVerifier;

impl Verifier for MessageVerifier {
    fn verify(&self, _: &[u8], _: &[u8], signed: ToSign<'_>, _: &[u8]) -> Result<(), VerifyError> {
        Ok(signed.message()?.read(&mut |_| ())?)
    }

    fn wants_message(&self) -> bool {
        true
    }
}

#[test]
fn a_verifier_that_wants_the_message_is_given_it() {
    let mut der = Vec::new();
    tbs().sign(&entries(3), PUBLIC_KEY, &FakeKey::new(71), &MessageVerifier, &mut der).unwrap();
    let algorithm = SignatureAlgorithm::EcdsaWithSha256;
    let prepared = tbs().prepare(&entries(3), PUBLIC_KEY, algorithm, Vec::new()).unwrap();
    assert_eq!(prepared.assemble(&[0x55; 71], &Box::new(MessageVerifier)).unwrap(), der);
}

/// Real keys of CAs that `openssl` makes.
#[cfg(any(feature = "p256", feature = "p384", feature = "ed25519", feature = "rsa"))]
mod with_openssl {
    use super::*;
    use annul::{
        CaCertificate, Certificate, FileStage, LocalVerifier, PemStage, Signer, SigningKey,
    };

    fn crls_verify(algorithm: &str) {
        let Some(openssl) = OpenSsl::new() else { return };
        openssl.must(&format!("genpkey -out key.pem -algorithm {algorithm}"));
        let request = "req -x509 -new -utf8 -key key.pem -days 30000 -out ca.pem -subj";
        openssl.must(&format!("{request} /C=DE/O=Prüfstelle/CN=Root+OU=Eins"));
        let certificate = Certificate::from_pem(openssl.text("ca.pem")).unwrap();
        let ca = CaCertificate::new(certificate).unwrap();
        let key = SigningKey::from_pem(openssl.text("key.pem")).unwrap();
        let public_key = ca.public_key();
        let tbs = tbs_of(ca.subject(), ca.subject_key_identifier().unwrap());
        for count in [0, 1, 700] {
            let entries = entries(count);
            let mut der = FileStage::new(openssl.path("ca.crl"));
            tbs.sign(&entries, public_key, &key, &LocalVerifier, &mut der).unwrap();
            let mut pem = PemStage::new(FileStage::new(openssl.path("ca.crl.pem")));
            tbs.sign(&entries, public_key, &key, &LocalVerifier, &mut pem).unwrap();
            let prepared = tbs.prepare(&entries, public_key, key.algorithm(), Vec::new()).unwrap();
            let signature = key.sign(prepared.to_sign()).unwrap();
            openssl.write("two.crl", prepared.assemble(&signature, &LocalVerifier).unwrap());
            for (file, form) in [("ca.crl", "DER"), ("ca.crl.pem", "PEM"), ("two.crl", "DER")] {
                openssl.must_verify(&format!("-in {file} -inform {form} -CAfile ca.pem"));
                let text = openssl.must(&format!("crl -in {file} -inform {form} -noout -text"));
                assert_eq!(text.matches("Serial Number:").count(), count);
            }
            let read = openssl.read("ca.crl");
            let read = CertificateList::from_der(&read).unwrap();
            read.verify(public_key, &LocalVerifier).unwrap();
            let mut wrong = read.as_der().to_vec();
            let last = wrong.len() - 1;
            wrong[last] ^= 1;
            let wrong = CertificateList::from_der(&wrong).unwrap();
            wrong.verify(public_key, &LocalVerifier).unwrap_err();
        }
    }

    #[test]
    #[cfg(feature = "p256")]
    fn e11_the_issuers_key_may_be_written_in_another_way() {
        let key = SigningKey::from_pem(
            "-----BEGIN EC PRIVATE KEY-----\n\
             MDECAQEEIMmvqdhFunUWa1whV2ex1pNOUMPbNuibEnuKYisSD2choAoGCCqGSM49\n\
             AwEH\n-----END EC PRIVATE KEY-----",
        )
        .unwrap();
        let (algorithm, point) = key.public_key()[2..].split_at(21);
        let [_, _, _, 0x04, x_and_y @ ..] = point else { panic!("{point:02x?}") };
        let compressed = [&[0, 2 | x_and_y[63] & 1], &x_and_y[..32]].concat();
        let public_key = tlv(0x30, &[algorithm, &tlv(0x03, &[&compressed])]);
        let mut der = Vec::new();
        tbs().sign(&entries(1), &public_key, &key, &LocalVerifier, &mut der).unwrap();
        CertificateList::from_der(&der).unwrap().verify(&public_key, &LocalVerifier).unwrap();
    }

    #[test]
    #[cfg(feature = "p256")]
    fn openssl_verifies_p256() {
        crls_verify("EC -pkeyopt ec_paramgen_curve:P-256");
    }

    #[test]
    #[cfg(feature = "p384")]
    fn openssl_verifies_p384() {
        crls_verify("EC -pkeyopt ec_paramgen_curve:P-384");
    }

    #[test]
    #[cfg(feature = "ed25519")]
    fn openssl_verifies_ed25519() {
        crls_verify("ED25519");
    }

    #[test]
    #[cfg(feature = "rsa")]
    fn openssl_verifies_rsa() {
        crls_verify("RSA -pkeyopt rsa_keygen_bits:2048");
    }
}
