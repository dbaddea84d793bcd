//! Whatever comes as a request of AWS Private CA is answered without a panic, in JSON; without a
//! signature nothing is revoked.
#![no_main]

use annul::{
    Principal,
    api::{AwsApi, CaArn, Credential, StaticCredentials},
};
use annul_fuzz::office::{ACCOUNT, Office, Sent};
use libfuzzer_sys::fuzz_target;
use std::{sync::Arc, time::Instant};

fuzz_target!(|input: (u8, Sent<'_>)| {
    let (operation, sent) = input;
    let office = Office::open();
    let arn = CaArn::of("us-east-1", ACCOUNT, office.issuer).unwrap();
    let principal = Principal::new(ACCOUNT, "ada");
    let credential = Credential::new("secret", principal.clone());
    let credentials = Arc::new(StaticCredentials::new().with("AKID", credential));
    let aws = AwsApi::new(Arc::clone(&office.service), "us-east-1", credentials)
        .with_authority(arn, office.issuer);

    let response = sent.with(&[], |request| aws.handle(request, Instant::now()));
    assert_eq!(response.status, 400);
    assert!(!office.is_revoked());

    let targets: [&[u8]; 4] = [
        b"ACMPrivateCA.RevokeCertificate",
        b"ACMPrivateCA.GetCertificate",
        b"ACMPrivateCA.DescribeCertificateAuthority",
        b"ACMPrivateCA.GetCertificateAuthorityCertificate",
    ];
    let target = targets[usize::from(operation) % targets.len()];
    let headers: [(&str, &[u8]); 2] =
        [("content-type", b"application/x-amz-json-1.1"), ("x-amz-target", target)];
    let sent = Sent { is_post: true, target: "/", ..sent };
    let response =
        sent.with(&headers, |request| aws.handle_as(&principal, request, Instant::now()));
    assert!(matches!(response.status, 200 | 400));
});
