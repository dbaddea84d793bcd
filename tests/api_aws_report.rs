//! S39: the audit report of AWS Private CA. What boto3 makes of it is in `tests/clients`.
#![cfg(feature = "api-aws")]

#[path = "requests/office.rs"]
mod office;
#[path = "support/toy.rs"]
mod toy;

use annul::{
    Audit, AuditFilter, AuditWriter, Grantee, Grants, MemoryStore, Principal, Reason, Registration,
    ReserveSerial, RevocationDetails, Revoke, Target, Timestamp,
    api::{
        ApiRequest, ApiResponse, AuditReport, AuditReportStatus, AuditReports, AuditReportsError,
        AwsApi, CaArn, FoundAuditReport, Service, StaticCredentials,
    },
};
use office::{Office, office};
use serde_json::{Value, json};
use std::{
    cell::Cell,
    collections::BTreeMap,
    io::{self, Write},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};
use toy::{Ca, day, serial};

const ACCOUNT: &str = "111122223333";
const CREATE: &str = "CreateCertificateAuthorityAuditReport";
const DESCRIBE: &str = "DescribeCertificateAuthorityAuditReport";
type Shared = Arc<MemoryStore>;

#[derive(Debug)]
struct Kept {
    bucket: String,
    status: AuditReportStatus,
    content: Vec<u8>,
}

/// Two buckets: one in which a report is at once, and one in which it is when somebody writes it.
#[derive(Debug, Default)]
struct Buckets {
    reports: Mutex<BTreeMap<String, Kept>>,
    asked: Mutex<Vec<AuditReport>>,
}

impl AuditReports for Buckets {
    fn create(&self, report: AuditReport) -> Result<(), AuditReportsError> {
        let mut content = Vec::new();
        let status = match report.bucket() {
            "at-once" => {
                report.write_to(&mut content)?;
                AuditReportStatus::Success
            }
            "later" => AuditReportStatus::Creating,
            "busy" => return Err(AuditReportsError::InProgress),
            "broken" => return Err(AuditReportsError::Other("secret".into())),
            _ => return Err(AuditReportsError::NoSuchBucket),
        };
        let kept = Kept { bucket: report.bucket().to_owned(), status, content };
        self.reports.lock().unwrap().insert(report.key().to_owned(), kept);
        self.asked.lock().unwrap().push(report);
        Ok(())
    }

    fn find(&self, key: &str) -> Result<Option<FoundAuditReport>, AuditReportsError> {
        let reports = self.reports.lock().unwrap();
        Ok(reports.get(key).map(|kept| FoundAuditReport {
            bucket: kept.bucket.clone(),
            status: kept.status,
            created_at: day(11),
        }))
    }
}

struct Api {
    office: Office,
    aws: AwsApi<Shared>,
    buckets: Arc<Buckets>,
    arn: String,
    now: Cell<Instant>,
}

fn api() -> Api {
    api_of(|service| service)
}

fn api_of(change: impl FnOnce(Service<Shared>) -> Service<Shared>) -> Api {
    let office = office();
    let desk = Arc::new(office::desk(&office.authority));
    let service = Arc::new(change(Service::new(desk)));
    let arn = CaArn::of("us-east-1", ACCOUNT, office.issuer()).unwrap();
    let buckets = Arc::new(Buckets::default());
    let aws = AwsApi::new(service, "us-east-1", Arc::new(StaticCredentials::new()))
        .with_authority(arn.clone(), office.issuer())
        .with_reports(buckets.clone());
    Api { office, aws, buckets, arn: arn.to_string(), now: Cell::new(Instant::now()) }
}

impl Api {
    fn call_as(&self, account: &str, operation: &str, body: &Value) -> ApiResponse {
        // No throttle in sight.
        self.now.set(self.now.get() + Duration::from_secs(1));
        call(&self.aws, account, operation, body, self.now.get())
    }

    fn asked(&self, bucket: &str, format: &str) -> Value {
        json!({
            "CertificateAuthorityArn": self.arn,
            "S3BucketName": bucket,
            "AuditReportResponseFormat": format,
        })
    }

    fn create(&self, bucket: &str, format: &str) -> ApiResponse {
        self.call_as(ACCOUNT, CREATE, &self.asked(bucket, format))
    }

    fn describe(&self, id: &str) -> ApiResponse {
        let body = json!({ "CertificateAuthorityArn": self.arn, "AuditReportId": id });
        self.call_as(ACCOUNT, DESCRIBE, &body)
    }

    /// What a report says.
    fn report(&self, format: &str) -> String {
        let made = object(&self.create("at-once", format));
        let reports = self.buckets.reports.lock().unwrap();
        String::from_utf8(reports[made["S3Key"].as_str().unwrap()].content.clone()).unwrap()
    }

    fn rows(&self) -> Vec<Value> {
        serde_json::from_str(&self.report("JSON")).unwrap()
    }

    fn revoke(&self, number: u64, reason: Option<Reason>) {
        let (issuer, serial) = (self.office.issuer(), serial(number));
        let target = Target::Serial { issuer, serial };
        let details = RevocationDetails { reason, ..RevocationDetails::default() };
        self.office.authority.revoke(&Revoke::new(target).with_details(details)).unwrap();
    }
}

fn call(
    aws: &AwsApi<Shared>,
    account: &str,
    operation: &str,
    body: &Value,
    now: Instant,
) -> ApiResponse {
    let (target, body) = (format!("ACMPrivateCA.{operation}"), body.to_string());
    let headers: [(&str, &[u8]); 2] =
        [("content-type", b"application/x-amz-json-1.1"), ("x-amz-target", target.as_bytes())];
    let request =
        ApiRequest { method: "POST", target: "/", headers: &headers, body: body.as_bytes() };
    aws.handle_as(&Principal::new(account, "ada"), &request, now)
}

fn kind(response: &ApiResponse) -> String {
    assert_eq!(response.status, 400);
    let body: Value = serde_json::from_slice(&response.body).unwrap();
    assert!(!body["message"].as_str().unwrap().contains("secret"));
    body["__type"].as_str().unwrap().to_owned()
}

fn object(response: &ApiResponse) -> Value {
    assert_eq!(response.status, 200, "{}", String::from_utf8_lossy(&response.body));
    serde_json::from_slice(&response.body).unwrap()
}

/// As the report writes times.
fn time(at: Timestamp) -> String {
    at.to_string().replace('Z', "+0000")
}

#[test]
fn s39_what_is_revoked_is_in_the_audit_report() {
    let api = api();
    for number in [2, 3, 4] {
        api.office.sell(number, ACCOUNT, "DV");
    }
    api.office.clock.set(day(11));
    api.revoke(2, Some(Reason::KeyCompromise));
    api.revoke(3, None);
    assert!(api.office.desk.certificate(api.office.id(2), ACCOUNT).is_err(), "it is withheld");
    let rows = api.rows();
    let number = serial(2).to_string();
    let expected = json!({
        "awsAccountId": ACCOUNT,
        "certificateArn": format!("{}/certificate/{}", api.arn, number.replace(':', "")),
        "serial": number,
        "subject": "CN=leaf",
        "notBefore": time(day(-100)),
        "notAfter": time(day(1000)),
        "issuedAt": time(day(10)),
        "revokedAt": time(day(11)),
        "revocationReason": "KEY_COMPROMISE",
    });
    assert_eq!(rows[0], expected);
    assert_eq!(rows[1]["revocationReason"], "UNSPECIFIED");
    assert_eq!(rows[2]["serial"], serial(4).to_string());
    assert!(rows[2].get("revokedAt").is_none() && rows[2].get("revocationReason").is_none());
    assert_eq!(rows.len(), 3);
    // What was deleted is revoked no less.
    api.office.desk.delete(api.office.id(2), ACCOUNT).unwrap();
    assert_eq!(api.rows()[0]["revokedAt"], expected["revokedAt"]);
    assert!(api.rows()[0].get("subject").is_none());
}

#[test]
fn s39_the_audit_report_in_csv_has_the_columns_that_auditors_know() {
    let api = api();
    api.office.sell(2, ACCOUNT, "DV");
    api.revoke(2, Some(Reason::Superseded));
    let report = api.report("CSV");
    let lines: Vec<&str> = report.split("\r\n").collect();
    let columns = "awsAccountId,requestedByServicePrincipal,certificateArn,serial,subject,notBefore,\
        notAfter,issuedAt,revokedAt,revocationReason,templateArn";
    assert_eq!(lines[0], columns);
    let number = serial(2).to_string();
    let row = [
        ACCOUNT,
        "",
        &format!("{}/certificate/{}", api.arn, number.replace(':', "")),
        &number,
        "CN=leaf",
        &time(day(-100)),
        &time(day(1000)),
        &time(day(10)),
        &time(day(10)),
        "SUPERSEDED",
        "",
    ];
    assert_eq!(lines[1..], [&row.join(","), ""]);
}

#[test]
fn s39_the_audit_report_has_what_is_known_and_nothing_else() {
    let api = api();
    assert_eq!(api.report("JSON"), "[\n]\n");
    // Another account's, one that is only claimed, one of nobody, and a CA's.
    api.office.sell(2, "444455556666", "DV");
    api.office.authority.reserve(&ReserveSerial::new(api.office.issuer(), serial(3))).unwrap();
    let found = Registration::of_serial(api.office.issuer(), serial(4), day(1000));
    api.office.authority.record_discovered(&found).unwrap();
    let below = api.office.ca.certifies(&Ca::new("below"), 5);
    api.office.authority.add_issuer(&annul::AddIssuer::new(below.ca())).unwrap();
    let rows = api.rows();
    assert_eq!(rows.len(), 2, "{rows:?}");
    assert_eq!(rows[0]["serial"], serial(4).to_string());
    for unknown in ["subject", "notBefore", "issuedAt", "revokedAt"] {
        assert!(rows[0].get(unknown).is_none(), "{unknown}");
    }
    assert_eq!(rows[0]["notAfter"], time(day(1000)));
    assert_eq!(rows[1]["subject"], "CN=below");
}

#[test]
fn s39_the_audit_report_joins_its_pages() {
    let api = api();
    let registrations: Vec<_> = (2..=3001)
        .map(|number| Registration::of_serial(api.office.issuer(), serial(number), day(1000)))
        .collect();
    for registered in api.office.authority.register_all(&registrations) {
        registered.unwrap();
    }
    let numbers: Vec<Value> = api.rows().iter().map(|row| row["serial"].clone()).collect();
    let expected: Vec<Value> = (2..=3001).map(|it| json!(serial(it).to_string())).collect();
    assert_eq!(numbers, expected);
}

#[test]
fn s39_an_audit_report_is_described_as_it_is_in_its_bucket() {
    let api = api();
    let made = object(&api.create("later", "CSV"));
    let id = made["AuditReportId"].as_str().unwrap();
    let authority: CaArn = api.arn.parse().unwrap();
    assert_eq!(made["S3Key"], format!("audit-report/{}/{id}.csv", authority.id()));
    let expected = |status| {
        json!({
            "AuditReportStatus": status,
            "S3BucketName": "later",
            "S3Key": made["S3Key"],
            "CreatedAt": day(11).unix(),
        })
    };
    for (status, name) in [
        (AuditReportStatus::Creating, "CREATING"),
        (AuditReportStatus::Failed, "FAILED"),
        (AuditReportStatus::Success, "SUCCESS"),
    ] {
        api.buckets.reports.lock().unwrap().values_mut().for_each(|it| it.status = status);
        assert_eq!(object(&api.describe(id)), expected(name));
    }
    // Whoever knows of it only by its bucket tells the same: the API keeps nothing.
    let desk = Arc::new(office::desk(&api.office.authority));
    let service = Arc::new(Service::new(desk));
    let again = AwsApi::new(service, "us-east-1", Arc::new(StaticCredentials::new()))
        .with_authority(authority, api.office.issuer())
        .with_reports(api.buckets.clone());
    let body = json!({ "CertificateAuthorityArn": api.arn, "AuditReportId": id });
    let response = call(&again, ACCOUNT, DESCRIBE, &body, Instant::now());
    assert_eq!(object(&response), expected("SUCCESS"));
}

#[test]
fn s39_a_report_that_cannot_be_written_says_so() {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let api = api();
    object(&api.create("later", "JSON"));
    let asked = api.buckets.asked.lock().unwrap();
    let error = asked[0].write_to(&mut Full).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
}

#[test]
fn s39_a_report_that_is_not_made_is_answered_by_the_errors_of_the_api() {
    let api = api();
    let create = |bucket: &str| kind(&api.create(bucket, "JSON"));
    assert_eq!(create("nowhere"), "ResourceNotFoundException");
    assert_eq!(create("busy"), "RequestInProgressException");
    assert_eq!(create("broken"), "RequestFailedException");
    let long = "a".repeat(64);
    for bad in [
        "",
        "ab",
        &long,
        "..",
        "a..b",
        "../at-once",
        "at/once",
        "At-once",
        "at_once",
        "-at-once",
        "at-once.",
        "at once",
        "10.0.0.1",
        "atönce",
    ] {
        assert_eq!(create(bad), "InvalidArgsException", "{bad}");
    }
    for bad in ["", "json", "XML"] {
        assert_eq!(kind(&api.create("at-once", bad)), "InvalidArgsException", "{bad}");
    }
    let unknown = "00000000-0000-4000-8000-000000000000";
    assert_eq!(kind(&api.describe(unknown)), "ResourceNotFoundException");
    let (dots, upper) = (".".repeat(36), unknown.replace('4', "A"));
    for bad in ["", "0", &dots, &upper, &unknown.replace('-', "0"), &format!("{unknown}-")] {
        assert_eq!(kind(&api.describe(bad)), "InvalidArgsException", "{bad}");
    }
    for (operation, names) in [
        (CREATE, &["CertificateAuthorityArn", "S3BucketName", "AuditReportResponseFormat"][..]),
        (DESCRIBE, &["CertificateAuthorityArn", "AuditReportId"]),
    ] {
        let mut asked = api.asked("at-once", "JSON");
        asked["AuditReportId"] = json!(unknown);
        for &name in names {
            let with = |value| {
                let mut asked = asked.clone();
                asked[name] = value;
                kind(&api.call_as(ACCOUNT, operation, &asked))
            };
            assert_eq!(with(Value::Null), "ValidationException", "{name}");
            assert_eq!(with(json!(7)), "SerializationException", "{name}");
        }
        asked["CertificateAuthorityArn"] = json!("arn:aws:s3:::at-once");
        assert_eq!(kind(&api.call_as(ACCOUNT, operation, &asked)), "InvalidArnException");
    }
    assert!(api.buckets.asked.lock().unwrap().is_empty());
}

#[test]
fn s39_whoever_asks_for_a_report_may_read_the_authority_and_write_to_the_bucket() {
    let id = "00000000-0000-4000-8000-000000000000";
    let api = api_of(|service| service.with_authorizer(Grants::none()));
    assert_eq!(kind(&api.create("at-once", "JSON")), "AccessDeniedException");
    assert_eq!(kind(&api.describe(id)), "AccessDeniedException");

    let may_ask = Grants::none().with(Grantee::Anyone, format!("acm-pca:{CREATE}"), "*");
    let api = api_of(|service| service.with_authorizer(may_ask.clone()));
    assert_eq!(kind(&api.create("at-once", "JSON")), "AccessDeniedException");
    let may_write = may_ask.with(Grantee::Anyone, "s3:PutObject", "arn:aws:s3:::at-once");
    let api = api_of(|service| service.with_authorizer(may_write));
    assert_eq!(kind(&api.create("later", "JSON")), "AccessDeniedException");
    object(&api.create("at-once", "JSON"));

    // Without an authorizer it is their own authority that they may ask about.
    let api = api_of(|service| service);
    let asked = api.asked("at-once", "JSON");
    assert_eq!(kind(&api.call_as("444455556666", CREATE, &asked)), "ResourceNotFoundException");
}

#[test]
fn s39_who_asked_for_a_report_is_in_the_audit() {
    let audit = Arc::new(Audit::new(Arc::new(MemoryStore::new()), AuditWriter([7; 16])));
    let api = api_of(|service| service.with_audit(Arc::clone(&audit)));
    let made = object(&api.create("at-once", "JSON"));
    api.create("nowhere", "JSON");
    object(&api.describe(made["AuditReportId"].as_str().unwrap()));
    let mut export = Vec::new();
    audit.export_json(&AuditFilter::default(), &mut export).unwrap();
    let export = String::from_utf8(export).unwrap();
    let lines = export.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let events: Vec<Value> = lines.filter(|line| line["type"] == "event").collect();
    assert_eq!(events.len(), 2, "what changes nothing is left out:\n{export}");
    let target = format!("{} at-once {}", api.arn, made["AuditReportId"].as_str().unwrap());
    assert_eq!((&events[0]["method"], &events[0]["outcome"]), (&json!(CREATE), &json!("done")));
    assert_eq!(events[0]["target"], target);
    assert_eq!(events[0]["issuer"], api.office.issuer().to_string());
    assert_eq!(events[1]["code"], "ResourceNotFoundException");
    let target = events[1]["target"].as_str().unwrap();
    assert!(target.starts_with(&format!("{} nowhere ", api.arn)), "{target}");
}

#[test]
fn without_buckets_there_are_no_reports() {
    let api = api();
    let desk = Arc::new(office::desk(&api.office.authority));
    let arn = api.arn.parse().unwrap();
    let credentials = Arc::new(StaticCredentials::new());
    let aws = AwsApi::new(Arc::new(Service::new(desk)), "us-east-1", credentials)
        .with_authority(arn, api.office.issuer());
    for operation in [CREATE, DESCRIBE] {
        let response =
            call(&aws, ACCOUNT, operation, &api.asked("at-once", "JSON"), Instant::now());
        assert_eq!(kind(&response), "UnknownOperationException");
    }
}

#[test]
fn the_eleventh_report_in_a_second_is_refused() {
    let api = api();
    let now = Instant::now();
    let asked = api.asked("at-once", "JSON");
    let create = || call(&api.aws, ACCOUNT, CREATE, &asked, now);
    for _ in 0..10 {
        object(&create());
    }
    assert_eq!(kind(&create()), "ThrottlingException");
}
