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
mod with_openssl {
    use super::*;
    use annul::{FileStage, LocalVerifier, PemStage, Signer, SigningKey, TbsCertList};
    use std::fs;
    use x509_cert::{
        Certificate,
        der::{DecodePem, Encode},
        ext::pkix::SubjectKeyIdentifier,
    };

    /// What a CRL needs of a CA certificate.
    struct Ca {
        subject: Vec<u8>,
        key_identifier: Vec<u8>,
        public_key: Vec<u8>,
        key: SigningKey,
    }

    impl Ca {
        fn new(directory: &Directory, algorithm: &[&str]) -> Option<Self> {
            let new_key = ["genpkey", "-out", "key.pem", "-algorithm"];
            openssl(directory, &[&new_key[..], algorithm].concat())?;
            let subject = "/C=DE/O=Prüfstelle/CN=Root+OU=Eins";
            openssl(
                directory,
                &[
                    "req",
                    "-x509",
                    "-new",
                    "-utf8",
                    "-multivalue-rdn",
                    "-key",
                    "key.pem",
                    "-subj",
                    subject,
                    "-days",
                    "30000",
                    "-out",
                    "ca.pem",
                ],
            )?;
            let pem = fs::read(directory.file("ca.pem")).unwrap();
            let certificate = Certificate::from_pem(pem).unwrap();
            let tbs = certificate.tbs_certificate();
            let (_, identifier) = tbs.get_extension::<SubjectKeyIdentifier>().unwrap().unwrap();
            let key = fs::read_to_string(directory.file("key.pem")).unwrap();
            Some(Self {
                subject: tbs.subject().to_der().unwrap(),
                key_identifier: identifier.0.as_bytes().to_vec(),
                public_key: tbs.subject_public_key_info().to_der().unwrap(),
                key: SigningKey::from_pem(&key).unwrap(),
            })
        }

        fn tbs(&self) -> TbsCertList<'_> {
            tbs_of(&self.subject, &self.key_identifier)
        }
    }

    fn crls_verify(algorithm: &[&str]) {
        let directory = Directory::new();
        let Some(ca) = Ca::new(&directory, algorithm) else { return };
        for count in [0, 1, 700] {
            let entries = entries(count);
            let mut der = FileStage::new(directory.file("ca.crl"));
            let (public_key, key) = (&ca.public_key, &ca.key);
            ca.tbs().sign(&entries, public_key, key, &LocalVerifier, &mut der).unwrap();
            let mut pem = PemStage::new(FileStage::new(directory.file("ca.crl.pem")));
            ca.tbs().sign(&entries, public_key, key, &LocalVerifier, &mut pem).unwrap();
            let prepared =
                ca.tbs().prepare(&entries, public_key, key.algorithm(), Vec::new()).unwrap();
            let signature = key.sign(prepared.to_sign()).unwrap();
            let two_phase = prepared.assemble(&signature, &LocalVerifier).unwrap();
            fs::write(directory.file("two.crl"), two_phase).unwrap();
            for (file, form) in [("ca.crl", "DER"), ("ca.crl.pem", "PEM"), ("two.crl", "DER")] {
                let arguments =
                    ["crl", "-in", file, "-inform", form, "-CAfile", "ca.pem", "-verify", "-text"];
                let text = openssl(&directory, &arguments).unwrap();
                assert!(text.contains("verify OK"), "{text}");
                assert_eq!(text.matches("Serial Number:").count(), count);
            }
            let read = fs::read(directory.file("ca.crl")).unwrap();
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
        crls_verify(&["EC", "-pkeyopt", "ec_paramgen_curve:P-256"]);
    }

    #[test]
    #[cfg(feature = "p384")]
    fn openssl_verifies_p384() {
        crls_verify(&["EC", "-pkeyopt", "ec_paramgen_curve:P-384"]);
    }

    #[test]
    #[cfg(feature = "ed25519")]
    fn openssl_verifies_ed25519() {
        crls_verify(&["ED25519"]);
    }

    #[test]
    #[cfg(feature = "rsa")]
    fn openssl_verifies_rsa() {
        crls_verify(&["RSA", "-pkeyopt", "rsa_keygen_bits:2048"]);
    }
}
