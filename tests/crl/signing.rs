//! Signed by real keys, in one step and in two, and verified by others.

use crate::support::*;
use annul::{CertificateList, CrlError, PreparedCrl, PreparedCrlError, SignatureAlgorithm, ToSign};

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
        let key = SigningKey::from_pem(&openssl.text("key.pem")).unwrap();
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
