//! Whatever comes as a CRL, reading it ends without a panic and says the same each time.
#![no_main]

use annul::{CertificateList, CrlIndex, RevokedCertificate, ToSign, Verifier, VerifyError};
use libfuzzer_sys::fuzz_target;

/// Of so many entries each is looked for, which takes time with the square of it.
const LOOKED_FOR: usize = 50;

fuzz_target!(|octets: &[u8]| {
    read(octets);
    if let Ok(der) = CertificateList::pem_to_der(octets) {
        read(&der);
    }
});

fn read(der: &[u8]) {
    let Ok(crl) = CertificateList::from_der(der) else { return };
    assert_eq!(crl.as_der(), der);
    assert!(crl.verify(&[], &SignedOctets(crl.tbs())).is_ok());
    assert!(crl.unknown_critical_extensions().all(|extension| extension.critical));

    let entries: Vec<_> = crl.entries().collect();
    assert_eq!(format!("{entries:?}"), format!("{:?}", crl.entries().collect::<Vec<_>>()));
    // An entry that is malformed ends the list: what comes after it could be anything.
    let sound: Vec<_> = entries.iter().map_while(|entry| entry.as_ref().ok()).collect();
    assert!(entries.len() - sound.len() <= 1);

    // In an indirect CRL, what is found depends on the issuer too.
    let direct = sound.iter().all(|entry| entry.certificate_issuer().is_none());
    let index = CrlIndex::new(&crl, [0; 16]);
    for entry in sound.iter().take(LOOKED_FOR) {
        let found = crl.find(entry.serial());
        if let Ok(index) = &index {
            let indexed = index.find(entry.serial());
            assert_eq!(shown(indexed.as_ref()), shown(found.as_ref().unwrap().as_ref()));
        }
        if direct {
            let place = sound.iter().position(|first| first.serial() == entry.serial()).unwrap();
            // One critical extension that nobody knows spoils all (RFC 5280 section 5.3).
            let spoiled = crl.unknown_critical_extensions().next().is_some()
                || sound[..=place].iter().any(|e| e.unknown_critical_extensions().next().is_some());
            match found {
                Ok(found) => {
                    assert!(!spoiled);
                    assert_eq!(shown(found.as_ref()), shown(Some(sound[place])));
                }
                Err(error) => assert!(spoiled, "{error}"),
            }
        }
        assert!(entry.unknown_critical_extensions().count() <= entry.extensions().count());
    }
}

fn shown(entry: Option<&RevokedCertificate<'_>>) -> String {
    format!("{entry:?}")
}

/// Takes any signature over these octets.
struct SignedOctets<'a>(&'a [u8]);

impl Verifier for SignedOctets<'_> {
    fn verify(&self, _: &[u8], _: &[u8], signed: ToSign<'_>, _: &[u8]) -> Result<(), VerifyError> {
        let mut octets = Vec::new();
        signed.message()?.read(&mut |piece| octets.extend_from_slice(piece))?;
        if octets == self.0 { Ok(()) } else { Err(VerifyError::BadSignature) }
    }
}
