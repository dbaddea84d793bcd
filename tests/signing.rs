//! Signing and verifying, judged by OpenSSL.

#[path = "support/openssl.rs"]
mod openssl;

use annul::{
    KeyError, LocalVerifier, Message, SignatureAlgorithm, Signer, SigningError, SigningKey, ToSign,
    Verifier, VerifyError, sign_message,
};
use openssl::OpenSsl;
use std::{io, sync::Arc};

use SignatureAlgorithm::{
    EcdsaWithSha256, EcdsaWithSha384, EcdsaWithSha512, Ed25519, RsaWithSha256, RsaWithSha384,
    RsaWithSha512,
};

const MESSAGE: &[u8] = b"what is revoked stays revoked";

/// A kind of key: how OpenSSL makes it, and what it signs with; the first is the default.
struct Kind {
    feature: &'static str,
    enabled: bool,
    make: &'static str,
    algorithms: &'static [SignatureAlgorithm],
}

const ECDSA: [SignatureAlgorithm; 3] = [EcdsaWithSha256, EcdsaWithSha384, EcdsaWithSha512];
const RSA: [SignatureAlgorithm; 3] = [RsaWithSha256, RsaWithSha384, RsaWithSha512];

const KINDS: &[Kind] = &[
    Kind {
        feature: "p256",
        enabled: cfg!(feature = "p256"),
        make: "-algorithm EC -pkeyopt ec_paramgen_curve:P-256",
        algorithms: &ECDSA,
    },
    Kind {
        feature: "p384",
        enabled: cfg!(feature = "p384"),
        make: "-algorithm EC -pkeyopt ec_paramgen_curve:P-384",
        algorithms: &[EcdsaWithSha384, EcdsaWithSha256, EcdsaWithSha512],
    },
    Kind {
        feature: "ed25519",
        enabled: cfg!(feature = "ed25519"),
        make: "-algorithm ED25519",
        algorithms: &[Ed25519],
    },
    Kind {
        feature: "rsa",
        enabled: cfg!(feature = "rsa"),
        make: "-algorithm RSA -pkeyopt rsa_keygen_bits:2048",
        algorithms: &RSA,
    },
];

const RSA_4096: Kind = Kind {
    feature: "rsa",
    enabled: cfg!(feature = "rsa"),
    make: "-algorithm RSA -pkeyopt rsa_keygen_bits:4096",
    algorithms: &RSA,
};

const TO_PKCS8: &str = "pkcs8 -topk8 -nocrypt -in key -outform DER -out key.der";
const PUBLIC_KEY: &str = "pkey -in key -pubout -outform DER -out pub.der";

#[test]
fn openssl_accepts_our_signatures_and_we_accept_its() {
    let Some(openssl) = OpenSsl::new() else { return };
    for kind in KINDS.iter().chain([&RSA_4096]).filter(|kind| kind.enabled) {
        make(&openssl, kind);
        openssl.must("pkey -in key -pubout -out pub");
        openssl.must(PUBLIC_KEY);
        openssl.write("message", MESSAGE);
        let pem = openssl.text("key");
        assert_eq!(SigningKey::from_pem(&pem).unwrap().algorithm(), kind.algorithms[0]);

        for &algorithm in kind.algorithms {
            let key = SigningKey::from_pem(&pem).unwrap().with_algorithm(algorithm).unwrap();
            assert_eq!(key.public_key(), openssl.read("pub.der"), "{algorithm}");

            let ours = sign_message(&key, &MESSAGE).unwrap();
            openssl.write("ours", &ours);
            let hash = hash(algorithm);
            openssl.must(&format!("pkeyutl -verify -pubin -inkey pub -sigfile ours {hash}"));
            assert_eq!(ours, sign_message(&key, &Pieces).unwrap(), "{algorithm} is deterministic");

            openssl.must(&format!("pkeyutl -sign -inkey key -out theirs {hash}"));
            for signature in [ours, openssl.read("theirs")] {
                verify_with(&key, algorithm, MESSAGE, &signature).unwrap();
            }
        }
    }
}

#[test]
fn traditional_pem_forms_hold_the_same_key() {
    let Some(openssl) = OpenSsl::new() else { return };
    for kind in KINDS.iter().filter(|kind| kind.enabled && kind.feature != "ed25519") {
        make(&openssl, kind);
        openssl.must("pkey -in key -traditional -out traditional");
        let text = openssl.text("traditional");
        assert!(!text.contains("BEGIN PRIVATE KEY"));
        let public_key = SigningKey::from_pem(openssl.text("key")).unwrap().public_key().to_vec();
        assert_eq!(SigningKey::from_pem(&text).unwrap().public_key(), public_key);

        openssl.must(TO_PKCS8);
        let key = SigningKey::from_pkcs8_der(&openssl.read("key.der")).unwrap();
        assert_eq!(key.public_key(), public_key);
    }
}

#[test]
fn an_ec_parameters_block_before_the_key_is_passed_over() {
    let Some(openssl) = OpenSsl::new() else { return };
    for (curve, enabled) in
        [("prime256v1", cfg!(feature = "p256")), ("secp384r1", cfg!(feature = "p384"))]
    {
        openssl.must(&format!("ecparam -name {curve} -genkey -out key"));
        let text = openssl.text("key");
        assert!(text.starts_with("-----BEGIN EC PARAMETERS-----"));
        assert_eq!(SigningKey::from_pem(&text).is_ok(), enabled);
    }
}

#[test]
fn a_signature_that_was_touched_or_belongs_elsewhere_is_refused() {
    let Some(openssl) = OpenSsl::new() else { return };
    for kind in KINDS.iter().filter(|kind| kind.enabled) {
        let key = new_key(&openssl, kind);
        let algorithm = key.algorithm();
        let signature = sign_message(&key, &MESSAGE).unwrap();
        let refused = |result| matches!(result, Err(VerifyError::BadSignature));

        assert!(refused(verify_with(&new_key(&openssl, kind), algorithm, MESSAGE, &signature)));
        assert!(refused(verify_with(&key, algorithm, b"something else", &signature)));
        for at in 0..signature.len() {
            let mut touched = signature.clone();
            touched[at] ^= 1 << (at % 8);
            assert!(refused(verify_with(&key, algorithm, MESSAGE, &touched)), "octet {at}");
        }
        for length in [0, 1, 2, 32, 63, signature.len() - 1] {
            assert!(refused(verify_with(&key, algorithm, MESSAGE, &signature[..length])));
        }
        let longer = [&signature[..], &[0]].concat();
        assert!(refused(verify_with(&key, algorithm, MESSAGE, &longer)));
        for &other in &kind.algorithms[1..] {
            assert!(refused(verify_with(&key, other, MESSAGE, &signature)), "{other}");
        }
    }
}

#[test]
fn a_key_of_another_kind_is_refused_by_signer_and_verifier() {
    let Some(openssl) = OpenSsl::new() else { return };
    for kind in KINDS.iter().filter(|kind| kind.enabled) {
        let key = new_key(&openssl, kind);
        let signature = sign_message(&key, &MESSAGE).unwrap();
        for other in ECDSA.iter().chain(&RSA).chain([&Ed25519]).copied() {
            if !kind.algorithms.contains(&other) {
                assert!(matches!(
                    verify_with(&key, other, MESSAGE, &signature),
                    Err(VerifyError::OtherKey { algorithm }) if algorithm == other
                ));
                assert!(matches!(
                    SigningKey::from_pem(openssl.text("key")).unwrap().with_algorithm(other),
                    Err(KeyError::OtherAlgorithm { algorithm }) if algorithm == other
                ));
            }
        }
    }
}

#[test]
fn damaged_public_keys_are_errors_and_never_a_panic() {
    let Some(openssl) = OpenSsl::new() else { return };
    for kind in KINDS.iter().filter(|kind| kind.enabled) {
        let key = new_key(&openssl, kind);
        let algorithm = key.algorithm().identifier();
        let signature = sign_message(&key, &MESSAGE).unwrap();
        let verify = |public_key: &[u8]| {
            LocalVerifier.verify(public_key, algorithm, ToSign::Message(&MESSAGE), &signature)
        };
        for length in 0..key.public_key().len() {
            let cut = verify(&key.public_key()[..length]);
            assert!(matches!(cut, Err(VerifyError::BadPublicKey(_))), "{length}: {cut:?}");
        }
        for at in 0..key.public_key().len() {
            let mut touched = key.public_key().to_vec();
            touched[at] ^= 0x15;
            assert!(verify(&touched).is_err(), "{at}");
        }
    }
}

#[test]
fn a_key_whose_feature_is_off_names_the_feature() {
    let Some(openssl) = OpenSsl::new() else { return };
    for kind in KINDS.iter().filter(|kind| !kind.enabled) {
        make(&openssl, kind);
        openssl.must(PUBLIC_KEY);
        assert!(matches!(
            SigningKey::from_pem(openssl.text("key")),
            Err(KeyError::FeatureOff { feature }) if feature == kind.feature
        ));
        let algorithm = kind.algorithms[0].identifier();
        let verified = LocalVerifier.verify(
            &openssl.read("pub.der"),
            algorithm,
            ToSign::Message(&MESSAGE),
            &[0; 64],
        );
        assert!(matches!(verified, Err(VerifyError::UnsupportedAlgorithm { .. })), "{verified:?}");
    }
}

#[test]
fn keys_and_algorithms_that_nobody_knows_are_named_by_oid() {
    let Some(openssl) = OpenSsl::new() else { return };
    for (make, oid) in [
        ("-algorithm ED448", "1.3.101.113"),
        ("-algorithm EC -pkeyopt ec_paramgen_curve:P-521", "1.3.132.0.35"),
        ("-algorithm RSA-PSS -pkeyopt rsa_keygen_bits:2048", "1.2.840.113549.1.1.10"),
    ] {
        openssl.must(&format!("genpkey {make} -out key"));
        openssl.must(PUBLIC_KEY);
        assert!(matches!(
            SigningKey::from_pem(openssl.text("key")),
            Err(KeyError::UnsupportedAlgorithm { oid: found }) if found == oid
        ));
        let verify = |algorithm: &[u8]| {
            let message = ToSign::Message(&MESSAGE);
            match LocalVerifier.verify(&openssl.read("pub.der"), algorithm, message, &[]) {
                Err(VerifyError::UnsupportedAlgorithm { oid }) => oid,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(verify(EcdsaWithSha256.identifier()), oid);
        let sha1_with_rsa = b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x05\x05\x00";
        assert_eq!(verify(sha1_with_rsa), "1.2.840.113549.1.1.5");
        assert_eq!(verify(b"nothing"), "unreadable");
    }
}

#[test]
fn private_keys_that_cannot_be_taken_say_why() {
    let error = |text: &str| SigningKey::from_pem(text).unwrap_err();
    assert!(matches!(error(""), KeyError::NoPem));
    assert!(matches!(error("-----BEGIN "), KeyError::NoPem));
    for label in ["CERTIFICATE", "EC PARAMETERS", "OPENSSH PRIVATE KEY", "DSA PRIVATE KEY"] {
        let text = format!("-----BEGIN {label}-----\nAAAA\n-----END {label}-----\n");
        assert!(matches!(error(&text), KeyError::UnknownLabel { label: found } if found == label));
    }
    for text in [
        "-----BEGIN PRIVATE KEY-----\nMAA=\n",
        "-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----\n!!!!\n-----END PRIVATE KEY-----",
        "-----BEGIN EC PRIVATE KEY-----\nMAA=\n-----END EC PRIVATE KEY-----",
    ] {
        assert!(matches!(error(text), KeyError::Malformed(_)), "{text}");
    }

    let Some(openssl) = OpenSsl::new() else { return };
    openssl.must("genpkey -algorithm RSA -aes128 -pass pass:secret -out key");
    assert!(matches!(error(&openssl.text("key")), KeyError::Encrypted));
    openssl.must("rsa -in key -passin pass:secret -out plain");
    openssl.must("rsa -in plain -aes128 -passout pass:secret -traditional -out traditional");
    assert!(matches!(error(&openssl.text("traditional")), KeyError::Encrypted));
    openssl.must("pkcs8 -in plain -topk8 -passout pass:secret -outform DER -out key.der");
    let encrypted = SigningKey::from_pkcs8_der(&openssl.read("key.der"));
    assert!(matches!(encrypted, Err(KeyError::Encrypted)));
}

#[test]
fn the_lines_of_a_private_key_may_be_of_any_length() {
    let Some(openssl) = OpenSsl::new() else { return };
    for kind in KINDS.iter().filter(|kind| kind.enabled) {
        make(&openssl, kind);
        let text = openssl.text("key");
        let public_key = SigningKey::from_pem(&text).unwrap().public_key().to_vec();
        let lines: Vec<&str> = text.lines().collect();
        let [begin, content @ .., end] = &lines[..] else { panic!("{text}") };
        let content = content.concat();
        for width in [1, 63, 76, content.len()] {
            let octets: Vec<&[u8]> = content.as_bytes().chunks(width).collect();
            let text = [begin.as_bytes(), &octets.join(&b"\r\n"[..]), end.as_bytes()].join(&b'\n');
            assert_eq!(SigningKey::from_pem(text).unwrap().public_key(), public_key, "{width}");
        }
    }
}

#[test]
fn what_points_to_a_key_signs_and_to_a_verifier_verifies() {
    let Some(openssl) = OpenSsl::new() else { return };
    for kind in KINDS.iter().filter(|kind| kind.enabled) {
        let key: Arc<dyn Signer> = Arc::new(new_key(&openssl, kind));
        let verifier: Box<dyn Verifier> = Box::new(&LocalVerifier);
        let signature = sign_message(&key, &MESSAGE).unwrap();
        let algorithm = Signer::algorithm(&key).identifier();
        let message = ToSign::Message(&MESSAGE);
        verifier.verify(Signer::public_key(&key), algorithm, message, &signature).unwrap();
    }
}

#[test]
fn damaged_private_keys_are_errors_and_never_a_panic() {
    let Some(openssl) = OpenSsl::new() else { return };
    for kind in KINDS.iter().filter(|kind| kind.enabled) {
        make(&openssl, kind);
        openssl.must(TO_PKCS8);
        let key = openssl.read("key.der");
        for length in 0..key.len() {
            let cut = SigningKey::from_pkcs8_der(&key[..length]);
            assert!(matches!(cut, Err(KeyError::Malformed(_))), "{length}: {cut:?}");
        }
        for at in 0..40 {
            let mut touched = key.clone();
            touched[at] ^= 0x15;
            drop(SigningKey::from_pkcs8_der(&touched));
        }
    }
}

#[test]
#[cfg(feature = "rsa")]
fn rsa_signs_with_2048_to_4096_bits_and_verifies_down_to_1024() {
    let Some(openssl) = OpenSsl::new() else { return };
    for bits in [512_usize, 1024, 2040, 4104] {
        openssl.must(&format!("genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:{bits} -out key"));
        assert!(matches!(
            SigningKey::from_pem(openssl.text("key")),
            Err(KeyError::RsaSize { bits: found }) if found == bits
        ));
        openssl.must(PUBLIC_KEY);
        openssl.write("message", MESSAGE);
        let hash = hash(RsaWithSha256);
        openssl.must(&format!("pkeyutl -sign -inkey key -out theirs {hash}"));
        let verified = LocalVerifier.verify(
            &openssl.read("pub.der"),
            RsaWithSha256.identifier(),
            ToSign::Message(&MESSAGE),
            &openssl.read("theirs"),
        );
        match bits {
            512 => assert!(matches!(verified, Err(VerifyError::BadPublicKey(_)))),
            _ => verified.unwrap(),
        }
    }
}

#[test]
fn an_input_that_the_algorithm_does_not_sign_is_refused() {
    let Some(openssl) = OpenSsl::new() else { return };
    for kind in KINDS.iter().filter(|kind| kind.enabled) {
        let key = new_key(&openssl, kind);
        let digest = [7; 32];
        // 31 octets are no digest at all, and Ed25519 takes none.
        let input = ToSign::Digest(if kind.feature == "ed25519" { &digest } else { &digest[1..] });
        let signature = sign_message(&key, &MESSAGE).unwrap();
        let algorithm = key.algorithm().identifier();
        let refused = |error: io::Error| assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        match key.sign(input) {
            Err(SigningError::Unreadable(error)) => refused(error),
            other => panic!("{other:?}"),
        }
        match LocalVerifier.verify(key.public_key(), algorithm, input, &signature) {
            Err(VerifyError::Unreadable(error)) => refused(error),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_message_that_cannot_be_read_is_no_signature() {
    struct Broken;
    impl Message for Broken {
        fn read(&self, take: &mut dyn FnMut(&[u8])) -> io::Result<()> {
            take(MESSAGE);
            Err(io::Error::other("the disk is gone"))
        }
    }
    let Some(openssl) = OpenSsl::new() else { return };
    for kind in KINDS.iter().filter(|kind| kind.enabled) {
        let key = new_key(&openssl, kind);
        let algorithm = key.algorithm().identifier();
        let signature = sign_message(&key, &MESSAGE).unwrap();
        let signed = sign_message(&key, &Broken);
        assert!(matches!(signed, Err(SigningError::Unreadable(_))));
        let verified =
            LocalVerifier.verify(key.public_key(), algorithm, ToSign::Message(&Broken), &signature);
        assert!(matches!(verified, Err(VerifyError::Unreadable(_))));
    }
}

#[test]
#[cfg(feature = "ed25519")]
fn ed25519_gives_no_signature_over_a_message_that_changes_between_reads() {
    use std::cell::Cell;
    struct Changing(Cell<u8>);
    impl Message for Changing {
        fn read(&self, take: &mut dyn FnMut(&[u8])) -> io::Result<()> {
            self.0.set(self.0.get() + 1);
            take(&[self.0.get()]);
            Ok(())
        }
    }
    let Some(openssl) = OpenSsl::new() else { return };
    let kind = KINDS.iter().find(|kind| kind.feature == "ed25519").unwrap();
    let signed = sign_message(&new_key(&openssl, kind), &Changing(Cell::new(0)));
    assert!(matches!(signed, Err(SigningError::MessageChanged)));
}

#[test]
#[cfg(feature = "ed25519")]
fn an_ed25519_key_of_small_order_is_refused_for_it_accepts_one_signature_for_all_messages() {
    let mut public_key = b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00\x01".to_vec();
    public_key.resize(44, 0);
    let mut signature = [0; 64];
    signature[0] = 1;
    let message = ToSign::Message(&MESSAGE);
    let verified = LocalVerifier.verify(&public_key, Ed25519.identifier(), message, &signature);
    assert!(matches!(verified, Err(VerifyError::BadPublicKey(_))), "{verified:?}");
}

#[test]
fn debug_shows_no_key_material() {
    let Some(openssl) = OpenSsl::new() else { return };
    for kind in KINDS.iter().filter(|kind| kind.enabled) {
        let key = new_key(&openssl, kind);
        let expected = format!("SigningKey {{ algorithm: {:?}, .. }}", key.algorithm());
        assert_eq!(format!("{key:?}"), expected);
    }
}

#[test]
#[cfg(feature = "p256")]
fn ecdsa_is_deterministic_as_rfc_6979_shows() {
    let key = SigningKey::from_pem(
        "-----BEGIN EC PRIVATE KEY-----\n\
         MDECAQEEIMmvqdhFunUWa1whV2ex1pNOUMPbNuibEnuKYisSD2choAoGCCqGSM49\n\
         AwEH\n\
         -----END EC PRIVATE KEY-----",
    )
    .unwrap();
    let message: &[u8] = b"sample";
    let signature = sign_message(&key, &message).unwrap();
    let hex: String = signature.iter().map(|octet| format!("{octet:02X}")).collect();
    assert_eq!(
        hex,
        "3046\
         022100EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716\
         022100F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8"
    );
}

/// `MESSAGE`, octet by octet.
struct Pieces;

impl Message for Pieces {
    fn read(&self, take: &mut dyn FnMut(&[u8])) -> io::Result<()> {
        MESSAGE.chunks(1).for_each(take);
        Ok(())
    }
}

fn verify_with(
    key: &SigningKey,
    algorithm: SignatureAlgorithm,
    message: &[u8],
    signature: &[u8],
) -> Result<(), VerifyError> {
    let message = ToSign::Message(&message);
    LocalVerifier.verify(key.public_key(), algorithm.identifier(), message, signature)
}

/// The options that have `pkeyutl` hash and sign the file `message`.
fn hash(algorithm: SignatureAlgorithm) -> String {
    match algorithm.digest() {
        Some(digest) => format!("-rawin -in message -digest sha{}", digest.digest_length() * 8),
        None => "-rawin -in message".to_owned(),
    }
}

/// Writes a new key of this kind to the file `key`.
fn make(openssl: &OpenSsl, kind: &Kind) {
    openssl.must(&format!("genpkey {} -out key", kind.make));
}

/// A new key of this kind.
fn new_key(openssl: &OpenSsl, kind: &Kind) -> SigningKey {
    make(openssl, kind);
    SigningKey::from_pem(openssl.text("key")).unwrap()
}
