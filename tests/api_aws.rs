//! The rules of AWS Private CA's RevokeCertificate, one by one. What its own SDK makes of the answers
//! is in `tests/clients`.
#![cfg(feature = "api-aws")]

#[path = "requests/office.rs"]
mod office;
#[path = "support/toy.rs"]
mod toy;

use annul::{
    AccessLevel, Action, Audit, AuditWriter, Authorizer, AuthorizerError, Certificate, Grantee,
    Grants, MemoryStore, Principal, Reason, Resource, RevokeCa, Serial,
    api::{ApiRequest, ApiResponse, AwsApi, CaArn, Service, StaticCredentials, StepError},
};
use office::{Office, office};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use toy::{day, serial};

const ACCOUNT: &str = "111122223333";
type Shared = Arc<MemoryStore>;

struct Api {
    office: Office,
    aws: AwsApi<Shared>,
    arn: String,
    now: std::cell::Cell<Instant>,
}

fn api() -> Api {
    api_of(|service| service)
}

fn api_of(change: impl FnOnce(Service<Shared>) -> Service<Shared>) -> Api {
    let office = office();
    for number in 2..20 {
        office.sell(number, ACCOUNT, if number == 19 { "OV" } else { "PRIVATE" });
    }
    let desk = Arc::new(office::desk(&office.authority));
    let service = Arc::new(change(Service::new(desk)));
    let arn = CaArn::of("us-east-1", ACCOUNT, office.issuer()).unwrap();
    let aws = AwsApi::new(service, "us-east-1", Arc::new(StaticCredentials::new()))
        .with_publishing_authority(arn.clone(), office.issuer(), "bucket");
    Api { office, aws, arn: arn.to_string(), now: std::cell::Cell::new(Instant::now()) }
}

fn principal() -> Principal {
    Principal::new(ACCOUNT, "ada")
}

impl Api {
    fn call_as(&self, principal: &Principal, operation: &str, body: &[u8]) -> ApiResponse {
        // No throttle in sight.
        self.now.set(self.now.get() + Duration::from_secs(1));
        let target = format!("ACMPrivateCA.{operation}");
        let headers: [(&str, &[u8]); 2] =
            [("Content-Type", b"application/x-amz-json-1.1"), ("X-Amz-Target", target.as_bytes())];
        let request = ApiRequest { method: "POST", target: "/", headers: &headers, body };
        self.aws.handle_as(principal, &request, self.now.get())
    }

    fn call(&self, operation: &str, body: Value) -> ApiResponse {
        self.call_as(&principal(), operation, body.to_string().as_bytes())
    }

    fn body(&self, number: u64) -> Value {
        json!({
            "CertificateAuthorityArn": self.arn,
            "CertificateSerial": serial(number).to_string(),
            "RevocationReason": "KEY_COMPROMISE",
        })
    }

    fn revoke(&self, number: u64) -> ApiResponse {
        self.call("RevokeCertificate", self.body(number))
    }

    /// The type of the error that a revocation with another member is answered by.
    fn refused(&self, number: u64, name: &str, value: impl Into<Value>) -> String {
        let mut body = self.body(number);
        body[name] = value.into();
        kind(&self.call("RevokeCertificate", body))
    }
}

fn kind(response: &ApiResponse) -> String {
    assert_eq!(response.status, 400);
    assert!(response.headers.contains(&("content-type", "application/x-amz-json-1.1".to_owned())));
    let body: Value = serde_json::from_slice(&response.body).unwrap();
    assert!(body["message"].is_string());
    body["__type"].as_str().unwrap().to_owned()
}

fn object(response: &ApiResponse) -> Value {
    assert_eq!(response.status, 200, "{}", String::from_utf8_lossy(&response.body));
    serde_json::from_slice(&response.body).unwrap()
}

#[test]
fn s33_only_certificates_of_the_private_ca_are_revoked() {
    let api = api();
    assert_eq!(kind(&api.revoke(99)), "ResourceNotFoundException");
}

#[test]
fn s38_whoever_revokes_may_write_to_the_bucket() {
    let may_revoke = Grants::none().with(Grantee::Anyone, "acm-pca:*", "*");
    let api = api_of(|service| service.with_authorizer(may_revoke.clone()));
    assert_eq!(kind(&api.revoke(2)), "AccessDeniedException");
    assert!(!api.office.is_revoked(2));
    let may_write = may_revoke.with(Grantee::Anyone, "s3:PutObject", "arn:aws:s3:::bucket");
    let api = api_of(|service| service.with_authorizer(may_write));
    assert_eq!(api.revoke(2).status, 200);
}

#[test]
fn s40_s68_a_self_signed_certificate_of_the_ca_is_never_revoked() {
    let response = api().revoke(1);
    assert_eq!(kind(&response), "InvalidRequestException");
    // These are the words of AWS. Terraform's provider (aws_acmpca_certificate) deletes a root's
    // certificate only if it finds them.
    let body: Value = serde_json::from_slice(&response.body).unwrap();
    assert_eq!(body["message"], "Self-signed certificate can not be revoked");
}

#[test]
fn s41_all_arguments_are_required() {
    let api = api();
    for name in ["CertificateAuthorityArn", "CertificateSerial", "RevocationReason"] {
        let mut body = api.body(2);
        body.as_object_mut().unwrap().remove(name);
        assert_eq!(kind(&api.call("RevokeCertificate", body)), "ValidationException");
        assert_eq!(api.refused(2, name, Value::Null), "ValidationException");
        assert_eq!(api.refused(2, name, 7), "SerializationException");
    }
    assert!(!api.office.is_revoked(2));
}

#[test]
fn s42_s62_s67_an_arn_has_its_pattern_and_length() {
    let api = api();
    let long = format!("arn:aws:acm-pca:us-east-1:1:certificate-authority/{}", "a".repeat(200));
    for bad in [
        "",
        "arn",
        "arn:aws:s3:us-east-1:111122223333:certificate-authority/ca",
        "arn:aws:acm-pca:us-east-1:11112222333x:certificate-authority/ca",
        "arn:aws:acm-pca:us-east-1:111122223333:certificate-authority/",
        "arn:aws:acm-pca:us-east-1:111122223333:certificate-authority//ca",
        "arn:aws:acm-pca:us-east-1:111122223333:certificate-authority/c a",
        "arn:aws:acm-pca:us-east-1:111122223333:certificate-authority/ca:more",
        "arn::acm-pca:us-east-1:111122223333:certificate-authority/ca",
        "arn:aws:acm-pca:us-east-1:111122223333:template/ca",
        "ARN:aws:acm-pca:us-east-1:111122223333:certificate-authority/ca",
        &long,
    ] {
        let refused = api.refused(2, "CertificateAuthorityArn", bad);
        assert_eq!(refused, "InvalidArnException", "{bad}");
    }
    let unknown = "arn:aws:acm-pca:us-east-1:111122223333:certificate-authority/ca";
    let refused = api.refused(2, "CertificateAuthorityArn", unknown);
    assert_eq!(refused, "ResourceNotFoundException");
}

#[test]
fn s43_s63_s76_serial_numbers_are_hexadecimal_of_at_most_128_characters() {
    let api = api();
    let zeros = "0".repeat(112);
    let text = serial(4).to_string().replace(':', "");
    assert_eq!(format!("{zeros}{text}").len(), 112 + text.len());
    for bad in ["", "0", "xyz", "1:2:3", "-1", &"a".repeat(129), &"00".repeat(64)] {
        let refused = api.refused(2, "CertificateSerial", bad);
        assert_eq!(refused, "InvalidRequestException", "{bad}");
    }
    // The top bit is set: the DER INTEGER has one octet more than the text.
    let top: Serial = "e8:cb:d2:de:db:12:23:29:f9:77:06:bc:fe:c9:90:f8".parse().unwrap();
    assert_eq!(top.as_octets().len(), 17);
    let certificate = api.office.ca.leaf(2).with_serial(top).certificate();
    let registration = annul::Registration::of_certificate(certificate);
    api.office.authority.register(&registration).unwrap();
    let mut body = api.body(2);
    body["CertificateSerial"] = json!("E8CBD2DEDB122329F97706BCFEC990F8");
    assert_eq!(api.call("RevokeCertificate", body).status, 200);
    let answer = api.office.authority.revocation(api.office.issuer(), top).unwrap();
    assert_eq!(answer.revocation.unwrap().reason, Some(Reason::KeyCompromise));
}

#[test]
fn s43_s63_the_first_zero_of_a_serial_number_without_colons_may_be_missing() {
    let api = api();
    for (place, (recorded, text)) in [
        ("0a:bc", "abc"),
        ("0a:bd", "ABD"),
        ("05", "5"),
        ("0f:ff:ff:ff:ff:ff:ff:ff:ff:ff:ff:ff:ff:ff:ff:ff:ff:ff:ff:ff", &"f".repeat(39)),
    ]
    .into_iter()
    .enumerate()
    {
        let recorded: Serial = recorded.parse().unwrap();
        let certificate = api.office.ca.leaf(2).with_serial(recorded).certificate();
        let registration = annul::Registration::of_certificate(certificate);
        api.office.authority.register(&registration).unwrap();
        let mut body = api.body(2);
        body["CertificateSerial"] = json!(text);
        assert_eq!(api.call("RevokeCertificate", body).status, 200, "{place}");
        let answer = api.office.authority.revocation(api.office.issuer(), recorded).unwrap();
        assert!(answer.revocation.is_some(), "{text}");
    }
    // Octets with something between them are octets of two digits.
    for bad in ["a:bc", "0a:bc:d", "0abc:d", "a-bc", "000", "f".repeat(41).as_str(), "ａ"] {
        let refused = api.refused(2, "CertificateSerial", bad);
        assert_eq!(refused, "InvalidRequestException", "{bad}");
    }
}

#[test]
fn s44_s65_success_has_an_empty_body() {
    let api = api();
    let response = api.revoke(2);
    assert_eq!((response.status, &*response.body), (200, &b""[..]));
    let id = response.headers.iter().find(|(name, _)| *name == "x-amzn-requestid").unwrap();
    assert_eq!(id.1.len(), 36);
}

#[test]
fn s45_s64_s77_eight_reasons_and_no_other() {
    let api = api();
    let reasons = [
        ("UNSPECIFIED", Reason::Unspecified),
        ("KEY_COMPROMISE", Reason::KeyCompromise),
        ("CERTIFICATE_AUTHORITY_COMPROMISE", Reason::CaCompromise),
        ("AFFILIATION_CHANGED", Reason::AffiliationChanged),
        ("SUPERSEDED", Reason::Superseded),
        ("CESSATION_OF_OPERATION", Reason::CessationOfOperation),
        ("PRIVILEGE_WITHDRAWN", Reason::PrivilegeWithdrawn),
        ("A_A_COMPROMISE", Reason::AaCompromise),
    ];
    for (number, (name, reason)) in (2..).zip(reasons) {
        let mut body = api.body(number);
        body["RevocationReason"] = json!(name);
        assert_eq!(api.call("RevokeCertificate", body).status, 200, "{name}");
        let answer = api.office.authority.revocation(api.office.issuer(), serial(number)).unwrap();
        assert_eq!(answer.revocation.unwrap().reason, Some(reason), "{name}");
    }
    for bad in ["CERTIFICATE_HOLD", "REMOVE_FROM_CRL", "superseded", "6", ""] {
        assert_eq!(api.refused(12, "RevocationReason", bad), "InvalidRequestException", "{bad}");
    }
}

#[test]
fn s66_s72_a_store_that_is_slow_or_broken_is_told_apart_and_nothing_more() {
    use annul::{
        Store, StoreError,
        store::{Batch, Snapshot, Space, Table},
    };
    use std::sync::atomic::{AtomicU8, Ordering};

    /// Somebody else is always faster, or it is out of order.
    #[derive(Debug, Default)]
    struct Troubled(MemoryStore, AtomicU8);
    impl Store for Troubled {
        fn apply(&self, batch: &Batch) -> Result<(), StoreError> {
            let (space, key) = (Space::Table(Table::Requests), Vec::new());
            match self.1.load(Ordering::Relaxed) {
                0 => self.0.apply(batch),
                1 => Err(StoreError::Conflict { space, key }),
                _ => Err(StoreError::Backend("secret".into())),
            }
        }
        fn snapshot(&self) -> Result<Box<dyn Snapshot + '_>, StoreError> {
            self.0.snapshot()
        }
    }
    let store = Arc::new(Troubled::default());
    let office = office::office_on(Arc::clone(&store));
    office.sell(2, ACCOUNT, "PRIVATE");
    let arn = CaArn::of("us-east-1", ACCOUNT, office.issuer()).unwrap();
    let service = Arc::new(Service::new(Arc::new(office::desk(&office.authority))));
    let aws = AwsApi::new(service, "us-east-1", Arc::new(StaticCredentials::new()))
        .with_authority(arn.clone(), office.issuer());
    let body = json!({
        "CertificateAuthorityArn": arn.as_str(),
        "CertificateSerial": serial(2).to_string(),
        "RevocationReason": "SUPERSEDED",
    });
    let body = body.to_string();
    let headers: [(&str, &[u8]); 2] = [
        ("content-type", b"application/x-amz-json-1.1"),
        ("x-amz-target", b"ACMPrivateCA.RevokeCertificate"),
    ];
    let request =
        ApiRequest { method: "POST", target: "/", headers: &headers, body: body.as_bytes() };
    let revoke = || aws.handle_as(&principal(), &request, Instant::now());
    store.1.store(1, Ordering::Relaxed);
    assert_eq!(kind(&revoke()), "ConcurrentModificationException");
    store.1.store(2, Ordering::Relaxed);
    assert_eq!(kind(&revoke()), "RequestFailedException");
    assert!(!String::from_utf8_lossy(&revoke().body).contains("secret"));
    store.1.store(0, Ordering::Relaxed);
    assert_eq!(revoke().status, 200);
}

#[test]
fn s69_what_has_expired_is_in_no_state_to_be_revoked() {
    let api = api();
    api.office.clock.set(day(1001));
    assert_eq!(kind(&api.revoke(2)), "InvalidStateException");
}

#[test]
fn s70_a_quota_that_is_used_up_is_named() {
    let api = api();
    let desk = Arc::new(office::desk(&api.office.authority).with_quota());
    let arn: CaArn = api.arn.parse().unwrap();
    let service = Arc::new(Service::new(desk));
    let aws = AwsApi::new(service, "us-east-1", Arc::new(StaticCredentials::new()))
        .with_authority(arn, api.office.issuer());
    let api = Api { aws, ..api };
    let response = api.revoke(2);
    assert_eq!(kind(&response), "LimitExceededException");
    assert!(String::from_utf8_lossy(&response.body).contains("0 revocation requests"));
}

#[test]
fn s71_what_was_done_is_not_done_again() {
    let api = api();
    api.revoke(2);
    assert_eq!(kind(&api.revoke(2)), "RequestAlreadyProcessedException");
}

#[test]
fn s73_what_waits_for_its_confirmation_is_in_progress() {
    let api = api();
    assert_eq!(api.revoke(19).status, 200);
    assert!(!api.office.is_revoked(19));
    assert_eq!(kind(&api.revoke(19)), "RequestInProgressException");
    let other = api.refused(19, "RevocationReason", "SUPERSEDED");
    assert_eq!(other, "RequestInProgressException");
}

#[test]
fn whoever_asks_through_the_api_cannot_approve() {
    let api = api();
    api.office.sell(30, ACCOUNT, "EV");
    assert_eq!(api.revoke(30).status, 200);
    let id = api.office.id(30);
    assert!(api.office.desk.approve(id, "ada").is_err(), "she asked");
    assert_eq!(api.office.desk.approve(id, "joan").unwrap().awaits_approvals(), 1);
}

#[test]
fn s74_a_ca_of_another_account_is_not_found() {
    let api = api();
    let other = Principal::new("444455556666", "eve");
    let body = api.body(2).to_string();
    let response = api.call_as(&other, "RevokeCertificate", body.as_bytes());
    assert_eq!(kind(&response), "ResourceNotFoundException");
    assert!(!api.office.is_revoked(2));
}

#[test]
fn s74_across_accounts_is_what_an_authorizer_allows() {
    let grants = Grants::none()
        .with(Grantee::Account("444455556666".to_owned()), "acm-pca:RevokeCertificate", "*")
        .with(Grantee::Anyone, "s3:PutObject", "*");
    let api = api_of(|service| service.with_authorizer(grants));
    let other = Principal::new("444455556666", "eve");
    let body = api.body(2).to_string();
    assert_eq!(api.call_as(&other, "RevokeCertificate", body.as_bytes()).status, 200);
    assert_eq!(kind(&api.revoke(3)), "AccessDeniedException", "denied by default");
}

#[test]
fn an_authorizer_that_cannot_tell_allows_nothing_and_is_asked_first() {
    #[derive(Debug)]
    struct Broken;
    impl Authorizer for Broken {
        fn allows(
            &self,
            principal: &Principal,
            action: &Action,
            resource: &Resource,
        ) -> Result<bool, AuthorizerError> {
            assert_eq!(principal.account(), ACCOUNT);
            assert_eq!(
                (action.name(), action.level()),
                ("acm-pca:RevokeCertificate", AccessLevel::Update,)
            );
            assert!(matches!(resource, Resource::Named(_)));
            Err("out of order".into())
        }
    }
    let api = api_of(|service| service.with_authorizer(Broken));
    assert_eq!(kind(&api.revoke(2)), "AccessDeniedException");
    // Before anything is found out about what was asked.
    assert_eq!(api.refused(2, "CertificateAuthorityArn", "nonsense"), "AccessDeniedException");
}

#[test]
fn s75_operations_are_posted_as_json_and_named_by_a_header() {
    let api = api();
    let body = api.body(2).to_string();
    let call = |method, target, headers: &[(&str, &[u8])]| {
        let request = ApiRequest { method, target, headers, body: body.as_bytes() };
        kind(&api.aws.handle_as(&principal(), &request, Instant::now()))
    };
    let content: (&str, &[u8]) = ("content-type", b"application/x-amz-json-1.1");
    let action: (&str, &[u8]) = ("x-amz-target", b"ACMPrivateCA.RevokeCertificate");
    let other: (&str, &[u8]) = ("x-amz-target", b"ACMPrivateCA.DeleteEverything");
    let unknown = "UnknownOperationException";
    assert_eq!(call("GET", "/", &[content, action]), unknown);
    assert_eq!(call("POST", "/other", &[content, action]), unknown);
    assert_eq!(call("POST", "/", &[action]), unknown);
    assert_eq!(call("POST", "/", &[content]), unknown);
    assert_eq!(call("POST", "/", &[content, other]), unknown);
    assert!(!api.office.is_revoked(2));
}

#[test]
fn a_request_without_a_signature_is_nobodys() {
    let api = api();
    let body = api.body(2).to_string();
    let headers: [(&str, &[u8]); 2] = [
        ("content-type", b"application/x-amz-json-1.1"),
        ("x-amz-target", b"ACMPrivateCA.RevokeCertificate"),
    ];
    let request =
        ApiRequest { method: "POST", target: "/", headers: &headers, body: body.as_bytes() };
    let response = api.aws.handle(&request, Instant::now());
    assert_eq!(kind(&response), "MissingAuthenticationTokenException");
    assert!(!api.office.is_revoked(2));
}

#[test]
fn the_eleventh_call_in_a_second_is_refused() {
    let api = api();
    let body = api.body(2).to_string();
    let headers: [(&str, &[u8]); 2] = [
        ("content-type", b"application/x-amz-json-1.1"),
        ("x-amz-target", b"ACMPrivateCA.RevokeCertificate"),
    ];
    let request =
        ApiRequest { method: "POST", target: "/", headers: &headers, body: body.as_bytes() };
    let now = Instant::now();
    let calls = || api.aws.handle_as(&principal(), &request, now);
    assert_eq!(calls().status, 200);
    for _ in 1..10 {
        assert_eq!(kind(&calls()), "RequestAlreadyProcessedException");
    }
    assert_eq!(kind(&calls()), "ThrottlingException");
}

#[test]
fn an_authority_is_described_and_says_when_it_fell() {
    let api = api();
    let describe = || {
        let body = json!({ "CertificateAuthorityArn": api.arn });
        object(&api.call("DescribeCertificateAuthority", body))["CertificateAuthority"].take()
    };
    let described = describe();
    assert_eq!(described["Arn"], json!(api.arn));
    assert_eq!(described["OwnerAccount"], json!(ACCOUNT));
    assert_eq!((&described["Type"], &described["Status"]), (&json!("ROOT"), &json!("ACTIVE")));
    assert_eq!(described["NotAfter"], json!(day(1000).unix()));
    let crl = &described["RevocationConfiguration"]["CrlConfiguration"];
    assert_eq!(crl, &json!({ "Enabled": true, "S3BucketName": "bucket" }));
    api.office.authority.revoke_ca(&RevokeCa::new(api.office.issuer())).unwrap();
    assert_eq!(describe()["Status"], json!("DISABLED"));
}

#[test]
fn s43_a_certificate_is_had_in_pem_with_its_chain() {
    let api = api();
    let number = serial(2).to_string().replace(':', "");
    let arn = format!("{}/certificate/{number}", api.arn);
    let get = |arn: &str| {
        let body = json!({ "CertificateAuthorityArn": api.arn, "CertificateArn": arn });
        api.call("GetCertificate", body)
    };
    let got = object(&get(&arn));
    let certificate = Certificate::from_pem(got["Certificate"].as_str().unwrap()).unwrap();
    assert_eq!(certificate.der(), api.office.certificate(2).der());
    assert!(got["CertificateChain"].as_str().unwrap().starts_with("-----BEGIN CERTIFICATE-----"));
    assert_eq!(kind(&get(&api.arn)), "InvalidArnException");
    assert_eq!(kind(&get(&arn.replace(ACCOUNT, "444455556666"))), "InvalidArnException");
    assert_eq!(kind(&get(&format!("{}/certificate/0abc", api.arn))), "ResourceNotFoundException");
}

#[test]
fn s39_every_attempt_is_in_the_audit() {
    let store = Arc::new(MemoryStore::new());
    let audit = Arc::new(Audit::new(Arc::clone(&store), AuditWriter([7; 16])));
    let api = api_of(|service| service.with_audit(Arc::clone(&audit)));
    api.revoke(2);
    api.revoke(2);
    api.refused(3, "CertificateSerial", "no serial");
    let body = json!({ "CertificateAuthorityArn": api.arn });
    api.call("DescribeCertificateAuthority", body);
    let mut export = Vec::new();
    audit.export_json(&annul::AuditFilter::default(), &mut export).unwrap();
    let export = String::from_utf8(export).unwrap();
    let lines = export.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let events: Vec<Value> = lines.filter(|line| line["type"] == "event").collect();
    assert_eq!(events.len(), 3, "what changes nothing is left out:\n{export}");
    let text = |place: usize| events[place].to_string();
    for (place, what) in [
        (0, "RevokeCertificate"),
        (0, "\"ada\""),
        (0, ACCOUNT),
        (0, "keyCompromise"),
        (1, "RequestAlreadyProcessedException"),
        (2, "InvalidRequestException"),
        (2, "no serial"),
    ] {
        assert!(text(place).contains(what), "{what} in {}", text(place));
    }
}

#[test]
fn s22_s39_the_steps_of_a_request_that_waits_are_in_the_audit() {
    let store = Arc::new(MemoryStore::new());
    let audit = Arc::new(Audit::new(Arc::clone(&store), AuditWriter([7; 16])));
    let may = Grants::none()
        .with(Grantee::Anyone, "acm-pca:*", "*")
        .with(Grantee::Anyone, "s3:*", "*")
        .with(Grantee::Anyone, "annul:WithdrawRevocation", "*");
    let office = office();
    let ids: Vec<_> = (2..5).map(|number| office.sell(number, ACCOUNT, "OV")).collect();
    let desk = Arc::new(office::desk(&office.authority));
    let service = Service::new(desk).with_audit(Arc::clone(&audit)).with_authorizer(may);
    let now = Instant::now();

    let submit = |id| service.desk().submit(&annul::Submit::new(id, ACCOUNT)).unwrap();
    let (one, _) = (submit(ids[0]), submit(ids[1]));
    let wrong = "00".repeat(32).parse().unwrap();
    assert!(service.confirm(ids[0], &wrong, now).is_err());
    assert!(service.confirm(ids[2], &wrong, now).is_err());
    service.confirm(ids[0], &one.token.unwrap(), now).unwrap();
    let denied = service.approve(ids[1], &principal(), now);
    assert!(matches!(denied, Err(StepError::Denied)));
    let another = Principal::new("444455556666", "eve");
    assert!(service.withdraw(ids[1], &another, now).is_err());
    service.withdraw(ids[1], &principal(), now).unwrap();

    let mut export = Vec::new();
    audit.export_csv(&annul::AuditFilter::default(), &mut export).unwrap();
    let export = String::from_utf8(export).unwrap();
    let mut rows = export.lines().skip(1);
    for (account, method, outcome) in [
        ("", "ConfirmRevocation", "refused,WrongToken"),
        ("", "ConfirmRevocation", "refused,NoRequest"),
        (ACCOUNT, "ConfirmRevocation", "done,"),
        (ACCOUNT, "ApproveRevocation", "refused,Denied"),
        ("444455556666", "WithdrawRevocation", "refused,AnothersCertificate"),
        (ACCOUNT, "WithdrawRevocation", "done,"),
    ] {
        let row = rows.next().unwrap();
        assert!(row.contains(&format!(",{account},")), "{row}");
        assert!(row.contains(method) && row.contains(&format!(",{outcome},")), "{row}");
    }
    assert_eq!(rows.next(), None);
}

#[test]
fn s39_what_waits_is_in_the_audit_as_accepted() {
    let store = Arc::new(MemoryStore::new());
    let audit = Arc::new(Audit::new(Arc::clone(&store), AuditWriter([7; 16])));
    let api = api_of(|service| service.with_audit(Arc::clone(&audit)));
    assert_eq!(api.revoke(19).status, 200);
    let mut export = Vec::new();
    audit.export_csv(&annul::AuditFilter::default(), &mut export).unwrap();
    assert!(String::from_utf8(export).unwrap().contains(",accepted,,"));
}

#[test]
fn s23_a_token_that_was_never_sent_is_sent_when_the_request_comes_again() {
    type Sent = Arc<std::sync::Mutex<Vec<String>>>;
    let sent = Sent::default();
    let office = office();
    let id = office.sell(2, ACCOUNT, "OV");
    let desk = Arc::new(office::desk(&office.authority));
    // Whoever took the request ended before it was sent.
    let submit = annul::Submit::new(id, ACCOUNT).by("ada").with_reason(Reason::KeyCompromise);
    assert!(desk.submit(&submit).unwrap().token.is_some());
    let arn = CaArn::of("us-east-1", ACCOUNT, office.issuer()).unwrap();
    let outbox = Arc::clone(&sent);
    let service = Service::new(Arc::clone(&desk)).with_confirmations(move |_, _, token| {
        outbox.lock().unwrap().push(token.to_string());
    });
    let service = Arc::new(service);
    let aws = AwsApi::new(service, "us-east-1", Arc::new(StaticCredentials::new()))
        .with_authority(arn.clone(), office.issuer());
    let now = std::cell::Cell::new(Instant::now());
    let api = Api { office, aws, arn: arn.to_string(), now };
    for _ in 0..3 {
        assert_eq!(kind(&api.revoke(2)), "RequestInProgressException");
    }
    let sent = sent.lock().unwrap().clone();
    assert_eq!(sent.len(), 1, "and then no other");
    desk.confirm(id, &sent[0].parse().unwrap()).unwrap();
    assert!(api.office.is_revoked(2));
}

#[test]
fn where_the_audit_cannot_be_kept_nothing_is_said_to_be_done() {
    use annul::conformance::{Fault, Faults, Faulty};
    let faults = Faults::none();
    let store = Faulty::new(MemoryStore::new(), faults.clone());
    let audit = Arc::new(Audit::new(store, AuditWriter([7; 16])));
    let api = api_of(|service| service.with_audit(audit));
    faults.fail_at(1, Fault::Before);
    assert_eq!(kind(&api.revoke(2)), "RequestFailedException");
    assert!(api.office.is_revoked(2), "but it was");
    assert_eq!(kind(&api.revoke(2)), "RequestAlreadyProcessedException");
}

proptest! {
    #[test]
    fn no_body_makes_it_panic_or_revoke(body in prop::collection::vec(any::<u8>(), 0..200)) {
        let api = api();
        for operation in ["RevokeCertificate", "GetCertificate", "DescribeCertificateAuthority"] {
            let response = api.call_as(&principal(), operation, &body);
            prop_assert_eq!(response.status, 400);
        }
    }

    #[test]
    fn no_arn_that_is_one_is_read_as_another(text in "arn:[a-z/:0-9,-]{0,60}") {
        if let Ok(arn) = text.parse::<CaArn>() {
            prop_assert_eq!(arn.as_str(), &*text);
            prop_assert!(text.contains(":certificate-authority/"));
        }
    }
}

#[test]
fn deep_and_long_bodies_are_refused() {
    let api = api();
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    for body in [deep, format!("{{\"a\":\"{}\"}}", "a".repeat(70_000)), "[1]".to_owned()] {
        let response = api.call_as(&principal(), "RevokeCertificate", body.as_bytes());
        assert_eq!(kind(&response), "SerializationException");
    }
    // What is not known is not looked at.
    let mut body = api.body(2);
    body["Another"] = json!({ "member": [1, 2, { "a": null }] });
    assert_eq!(api.call("RevokeCertificate", body).status, 200);
}
