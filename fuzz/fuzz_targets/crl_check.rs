//! Whatever comes as certificates and CRLs, checking ends without a panic, and nothing is good by a
//! CRL whose signature was not verified.
#![no_main]

use annul::{
    Certificate, CertificateList, CheckOutcome, CrlDiff, EntryChange, RevocationCheck, Timestamp,
    ToSign, Verifier, VerifyError,
};
use libfuzzer_sys::{
    arbitrary::{self, Arbitrary},
    fuzz_target,
};
use std::sync::Mutex;

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    certificate: &'a [u8],
    issuer: &'a [u8],
    other: &'a [u8],
    crls: [&'a [u8]; 3],
    at: i64,
    uses_deltas: bool,
    /// Tells which signatures are good.
    good: u8,
}

fuzz_target!(|input: Input<'_>| {
    let crls: Vec<_> =
        input.crls.iter().filter_map(|der| CertificateList::from_der(der).ok()).collect();
    if let [old, new, ..] = &crls[..] {
        compare(old, new);
    }
    let read = |der| Certificate::from_der(der).ok();
    let (Some(certificate), Some(issuer)) = (read(input.certificate), read(input.issuer)) else {
        return;
    };
    let _ = certificate.distribution_points();
    let other = read(input.other);
    let mut check = RevocationCheck::new(&issuer);
    if let Some(other) = &other {
        check = check.with_crl_issuer(other);
    }
    if !input.uses_deltas {
        check = check.without_deltas();
    }
    let at = Timestamp::from_unix(input.at).unwrap_or(Timestamp::UNIX_EPOCH);
    let verifier = Recorder { good: input.good, verified: Mutex::default() };
    let outcome = check.check(&certificate, &crls, at, &verifier);
    let verified = verifier.verified.into_inner().unwrap();
    let is_verified = |crl: &CertificateList<'_>| verified.iter().any(|octets| octets == crl.tbs());
    match outcome {
        CheckOutcome::Good => {
            assert!(verified.iter().any(|octets| octets == certificate.to_be_signed()));
            assert!(crls.iter().any(|crl| is_verified(crl) && crl.base_number().is_none()));
        }
        CheckOutcome::Revoked(listed) => {
            let crl = &crls[listed.crl];
            assert!(is_verified(crl));
            assert_eq!(crl.number(), Some(listed.number));
        }
        CheckOutcome::Undetermined(why) => {
            assert!(!why.to_string().is_empty());
            assert!(why.not_used.iter().all(|not_used| not_used.crl < crls.len()));
        }
    }
});

fn compare(old: &CertificateList<'_>, new: &CertificateList<'_>) {
    let count = |crl: &CertificateList<'_>| crl.entries().count();
    let Ok(diff) = CrlDiff::new(old, new) else { return };
    let (mut added, mut removed) = (0, 0);
    for change in diff.entries() {
        match change {
            EntryChange::Added(_) => added += 1,
            EntryChange::Removed { .. } => removed += 1,
            EntryChange::Changed { .. } => {}
        }
    }
    if new.base_number().is_none() || old.base_number().is_some() {
        assert_eq!(count(old) + added, count(new) + removed);
    }
    assert_eq!(CrlDiff::new(old, old).unwrap().entries().count(), 0);
}

/// Takes some signatures for good, and remembers what they are over.
struct Recorder {
    good: u8,
    verified: Mutex<Vec<Vec<u8>>>,
}

impl Verifier for Recorder {
    fn verify(
        &self,
        _: &[u8],
        _: &[u8],
        signed: ToSign<'_>,
        signature: &[u8],
    ) -> Result<(), VerifyError> {
        let mut octets = Vec::new();
        signed.message()?.read(&mut |piece| octets.extend_from_slice(piece))?;
        // About half of them, so that certificates and CRLs of one input differ in it.
        if signature.last().is_none_or(|last| last ^ self.good < 0x80) {
            self.verified.lock().unwrap().push(octets);
            Ok(())
        } else {
            Err(VerifyError::BadSignature)
        }
    }
}
