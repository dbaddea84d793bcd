//! Whatever comes as a request of Alibaba Cloud's certificate service, in either style, is answered
//! without a panic; without a signature nothing is revoked.
#![no_main]

use annul::{
    Principal,
    api::{AlibabaApi, Credential, StaticCredentials},
};
use annul_fuzz::office::{ACCOUNT, Office, Sent};
use libfuzzer_sys::fuzz_target;
use std::{sync::Arc, time::Instant};

fuzz_target!(|input: (u8, Sent<'_>)| {
    let (operation, sent) = input;
    let office = Office::open();
    let principal = Principal::new(ACCOUNT, "ada");
    let credential = Credential::new("secret", principal.clone());
    let credentials = Arc::new(StaticCredentials::new().with("AKID", credential));
    let alibaba = AlibabaApi::new(Arc::clone(&office.service), credentials).with_authority(
        "root",
        office.issuer,
        ACCOUNT,
    );

    let response = sent.with(&[], |request| alibaba.handle(request, Instant::now()));
    assert!(response.status >= 400);
    assert!(!office.is_revoked());

    let actions: [&[u8]; 9] = [
        b"CreateRevokeClientCertificate",
        b"DeleteClientCertificate",
        b"DescribeCACertificate",
        b"DescribeCACertificateList",
        b"DescribeClientCertificateStatus",
        b"DescribeClientCertificateStatusForSerialNumber",
        b"ListClientCertificate",
        b"ListRevokeCertificate",
        b"UpdateCACertificateStatus",
    ];
    let action = actions[usize::from(operation) % actions.len()];
    let headers: [(&str, &[u8]); 2] = [("x-acs-action", action), ("x-acs-version", b"2020-06-30")];
    sent.with(&headers, |request| alibaba.handle_as(&principal, request, Instant::now()));
});
