//! The rules of Alibaba Cloud's CreateRevokeClientCertificate and UpdateCACertificateStatus, one by
//! one.
#![cfg(feature = "api-alibaba")]

#[path = "../requests/office.rs"]
mod office;
#[path = "../support/toy.rs"]
mod toy;

mod authorities;
mod certificates;
mod signed;

use annul::{
    AddIssuer, Certificate, CertificateId, Grantee, Grants, IssuerId, Labels, MemoryStore,
    Principal, Refusal, Registration, ReserveSerial, Standing, Store,
    api::{
        AlibabaApi, ApiRequest, ApiResponse, Credential, Parameters, Service, StaticCredentials,
    },
    conformance::{Fault, Faults, Faulty},
};
use office::{Office, desk, office, office_on};
use serde_json::{Value, json};
use std::{
    cell::Cell,
    sync::Arc,
    time::{Duration, Instant},
};
use toy::{Ca, ToyClock, day, serial};

const SECOND: Duration = Duration::from_secs(1);
const REVOKE: &str = "CreateRevokeClientCertificate";
const DELETE: &str = "DeleteClientCertificate";
const UPDATE: &str = "UpdateCACertificateStatus";

/// Account 5 has a root, a CA below it and one below that; account 6 has another root.
struct World<S: Store = MemoryStore> {
    office: Office<S>,
    api: AlibabaApi<Arc<S>>,
    now: Cell<Instant>,
}

fn world() -> World {
    world_of(office(), |service| service)
}

fn world_of<S: Store>(
    office: Office<S>,
    change: impl FnOnce(Service<Arc<S>>) -> Service<Arc<S>>,
) -> World<S> {
    let [root, sub, low, other] = cas();
    for toy in [root.certifies(&sub, 100), sub.certifies(&low, 101), other.certifies(&other, 1)] {
        office.authority.add_issuer(&AddIssuer::new(toy.ca())).unwrap();
    }
    let service = change(Service::new(Arc::new(desk(&office.authority))));
    let keys = StaticCredentials::new()
        .with("LTAIexample", Credential::new("alibaba+secret/Example", ann()));
    let api = AlibabaApi::new(Arc::new(service), Arc::new(keys))
        .with_authority("ca-root", root.id(), "5")
        .with_authority("ca-sub", sub.id(), "5")
        .with_authority("ca-low", low.id(), "5")
        .with_authority("ca-other", other.id(), "6");
    World { office, api, now: Cell::new(Instant::now()) }
}

fn cas() -> [Ca; 4] {
    ["root", "sub", "low", "other"].map(Ca::new)
}

fn ann() -> Principal {
    Principal::new("5", "ann")
}

fn eve() -> Principal {
    Principal::new("6", "eve")
}

fn json_of(response: &ApiResponse) -> Value {
    serde_json::from_slice(&response.body).unwrap()
}

fn code(answer: &(u16, Value)) -> (u16, &str) {
    (answer.0, answer.1["Code"].as_str().unwrap_or_default())
}

impl<S: Store> World<S> {
    /// A call in a second of its own.
    fn ask(&self, who: &Principal, action: &str, parameters: &[(&str, &str)]) -> (u16, Value) {
        self.now.set(self.now.get() + SECOND);
        let response = self.send(who, action, parameters, "JSON");
        (response.status, json_of(&response))
    }

    fn send(
        &self,
        who: &Principal,
        action: &str,
        parameters: &[(&str, &str)],
        format: &str,
    ) -> ApiResponse {
        let common = [("Action", action), ("Version", "2020-06-30"), ("Format", format)];
        let pairs = common.iter().chain(parameters).map(|(name, value)| {
            let octets = value.bytes().map(|octet| format!("%{octet:02X}"));
            format!("{name}={}", octets.collect::<String>())
        });
        let target = format!("/?{}", pairs.collect::<Vec<_>>().join("&"));
        let headers = [("host", &b"cas.example"[..])];
        let request = ApiRequest { method: "POST", target: &target, headers: &headers, body: b"" };
        self.api.handle_as(who, &request, self.now.get())
    }

    fn ok(&self, action: &str, parameters: &[(&str, &str)]) -> Value {
        let (status, answer) = self.ask(&ann(), action, parameters);
        assert_eq!(status, 200, "{answer}");
        answer
    }

    fn refused(&self, action: &str, parameters: &[(&str, &str)]) -> (u16, String) {
        let answer = self.ask(&ann(), action, parameters);
        let (status, code) = code(&answer);
        (status, code.to_owned())
    }

    /// A certificate of account 5.
    fn sell(&self, number: u64, class: &str) -> String {
        self.office.sell(number, "5", class).to_string()
    }

    /// The same of a CA that is not the root.
    fn sell_of(&self, ca: &Ca, number: u64) -> String {
        let certificate = ca.leaf(number).certificate();
        let labels = Labels { account: Some("5".into()), ..Labels::default() };
        let registration = Registration::of_certificate(certificate).with_labels(labels);
        self.office.authority.register(&registration).unwrap();
        CertificateId::Issued { issuer: ca.id(), serial: serial(number) }.to_string()
    }

    fn status(&self, identifier: &str) -> Value {
        let answer = self.ok("DescribeClientCertificateStatus", &[("Identifier", identifier)]);
        answer["CertificateStatus"].clone()
    }

    fn ca_status(&self, identifier: &str) -> Value {
        let answer = self.ok("DescribeCACertificate", &[("Identifier", identifier)]);
        answer["Certificate"]["Status"].clone()
    }

    fn listed(&self, action: &str, parameters: &[(&str, &str)]) -> Vec<String> {
        let answer = self.ok(action, parameters);
        let list = answer["CertificateList"].as_array().unwrap();
        list.iter().map(|it| it["Identifier"].as_str().unwrap().to_owned()).collect()
    }

    fn falls(&self, issuer: IssuerId) -> bool {
        matches!(self.office.authority.standing(issuer).unwrap().0, Standing::Fallen(_))
    }
}

fn missing() -> (u16, String) {
    (400, "MissingParameter".to_owned())
}

fn invalid() -> (u16, String) {
    (400, "InvalidParameter".to_owned())
}

fn not_found() -> (u16, String) {
    (404, "NotFound".to_owned())
}

fn invalid_status() -> (u16, String) {
    (400, "InvalidStatus".to_owned())
}

fn world_id(number: u64) -> CertificateId {
    CertificateId::Issued { issuer: cas()[0].id(), serial: serial(number) }
}
