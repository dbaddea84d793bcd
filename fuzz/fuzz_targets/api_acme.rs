//! Whatever comes as the payload of revokeCert is answered without a panic, and revokes nothing that
//! it does not hold.
#![no_main]

use annul::api::{AcmeApi, AcmeSigner};
use annul_fuzz::office::{ACCOUNT, Office};
use libfuzzer_sys::fuzz_target;
use std::{sync::Arc, time::Instant};

fuzz_target!(|input: (bool, &[u8], &[u8])| {
    let (is_account, key, payload) = input;
    let office = Office::open();
    let acme = AcmeApi::new(Arc::clone(&office.service));
    let signer = if is_account {
        AcmeSigner::Account { account: ACCOUNT.to_owned(), authorized: Vec::new() }
    } else {
        AcmeSigner::CertificateKey { public_key: key.to_vec() }
    };
    let response = acme.revoke(&signer, payload, Instant::now());
    assert!((400..500).contains(&response.status));
    assert!(!office.is_revoked());
});
