//! A CA with twenty certificates, made on the spot.

use crate::{
    Failure,
    config::{Account, AcmeAccount, Authority, Certificate, Class, Config, Credential, Issuer},
    mint::Ca,
    office::Office,
};
use annul::{CertificateId, Clock, Labels, Registration, Serial, SystemClock};
use serde_json::{Value, json};
use std::{
    env, fs,
    path::{Path, PathBuf},
    process,
    time::Duration,
};

const REGION: &str = "us-east-1";
const ACCOUNT: &str = "111122223333";
/// It bought no certificate.
const POOR: &str = "444455556666";
/// Where audit reports can go.
const BUCKET: &str = "demo-reports";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

pub struct Demo {
    pub config: Config,
    /// The line of JSON that says how to talk to it.
    pub told: Box<Told>,
}

type Told = dyn FnOnce(&Office) -> Result<Value, Failure>;

/// `url` is where clients reach it.
pub fn make(directory: Option<&Path>, url: &str, serials: u32) -> Result<Demo, Failure> {
    let directory = match directory {
        Some(directory) => directory.to_owned(),
        None => env::temp_dir().join(format!("annul-server-{}", process::id())),
    };
    fs::create_dir_all(&directory)?;
    let (mut config, leaves) = mint(&directory, url).map_err(|error| error.to_string())?;
    config.crls = directory.join("crl");
    config.store = directory.join("annul.redb");
    let reports = directory.join("reports");
    fs::create_dir_all(reports.join(BUCKET))?;
    config.reports = Some(reports);
    let url = url.to_owned();
    let told = move |office: &Office| {
        let mut told = tell(office, &directory, &url, &leaves);
        if serials > 0 {
            let path = directory.join("serials");
            fs::write(&path, register(office, serials)?)?;
            told["serials"] = json!(path.display().to_string());
        }
        Ok(told)
    };
    Ok(Demo { config, told: Box::new(told) })
}

/// Records serial numbers of the intermediate that have no certificate, and names them line by line.
fn register(office: &Office, count: u32) -> Result<String, Failure> {
    let issuer = *office.issuers.get("intermediate").ok_or("no intermediate")?;
    let not_after = SystemClock.now().saturating_add(Duration::from_secs(90 * 24 * 60 * 60));
    let mut lines = String::new();
    let mut registrations = Vec::new();
    for _ in 0..count {
        let mut octets = [0; 16];
        getrandom::fill(&mut octets).map_err(|error| error.to_string())?;
        let serial = Serial::from_unsigned(&octets)?;
        lines += &format!("{serial}\n");
        let labels = Labels {
            account: Some(ACCOUNT.to_owned()),
            class: Some("PRIVATE".to_owned()),
            external_identifier: None,
        };
        registrations.push(Registration::of_serial(issuer, serial, not_after).with_labels(labels));
    }
    for registered in office.authority.register_all(&registrations) {
        registered?;
    }
    Ok(lines)
}

/// A certificate of the demo.
struct Leaf {
    name: String,
    file: PathBuf,
    class: &'static str,
    account: &'static str,
    expired: bool,
}

fn mint(directory: &Path, url: &str) -> Result<(Config, Vec<Leaf>), Box<dyn std::error::Error>> {
    let now = SystemClock.now();
    let crl = |name: &str| format!("{url}/crl/{name}.crl");
    let root = Ca::new("CN=Demo Root,O=Annul Demo", &crl("root"))?;
    let intermediate = Ca::new("CN=Demo Intermediate,O=Annul Demo", &crl("intermediate"))?;
    let file = |name: &str| directory.join(name);
    fs::write(file("root.key"), root.key_pem()?)?;
    fs::write(file("root.pem"), root.self_signed(now)?)?;
    fs::write(file("intermediate.key"), intermediate.key_pem()?)?;
    fs::write(file("intermediate.pem"), root.certify_ca(&intermediate, now)?)?;
    // Who holds this key has the account that the certificates are of.
    fs::write(file("acme-account.key"), Ca::new("CN=account", "")?.key_pem()?)?;
    let issuer = |name: &str| Issuer {
        name: name.to_owned(),
        certificate: file(&format!("{name}.pem")),
        key: file(&format!("{name}.key")),
    };
    let mut leaves = Vec::new();
    for number in 1..=20 {
        let (class, account, expired) = match number {
            1..=12 => ("PRIVATE", ACCOUNT, false),
            13..=16 => ("DV", ACCOUNT, false),
            17 | 18 => ("OV", ACCOUNT, false),
            19 => ("PRIVATE", ACCOUNT, true),
            _ => ("PRIVATE", POOR, false),
        };
        let name = format!("leaf-{number:02}");
        let since = if expired { Duration::from_secs(100 * 24 * 60 * 60) } else { Duration::ZERO };
        let host = format!("{name}.example.com");
        // Every other serial number has the top bit set, as many CAs draw them.
        let (pem, key) =
            intermediate.certify_server(&host, number % 2 == 0, now.saturating_sub(since))?;
        fs::write(file(&format!("{name}.key")), key)?;
        let file = file(&format!("{name}.pem"));
        fs::write(&file, pem)?;
        leaves.push(Leaf { name, file, class, account, expired });
    }
    let authority = |issuer: &str, account: &str| Authority {
        issuer: issuer.to_owned(),
        account: account.to_owned(),
        arn: None,
        identifier: None,
    };
    let class = |name: &str, confirmed_within_hours, shown| Class {
        name: name.to_owned(),
        confirmed_within_hours,
        shown,
        ..Class::default()
    };
    let credential = |access_key_id: &str, account: &str| Credential {
        access_key_id: access_key_id.to_owned(),
        secret: SECRET.to_owned(),
        account: account.to_owned(),
        name: "demo".to_owned(),
    };
    let certificate = |leaf: &Leaf| Certificate {
        file: leaf.file.clone(),
        account: leaf.account.to_owned(),
        class: leaf.class.to_owned(),
    };
    let config = Config {
        region: REGION.to_owned(),
        quota: true,
        troubles: true,
        issuers: vec![issuer("root"), issuer("intermediate")],
        authorities: vec![
            authority("root", ACCOUNT),
            authority("intermediate", ACCOUNT),
            authority("intermediate", POOR),
        ],
        classes: vec![
            class("PRIVATE", None, true),
            class("DV", None, false),
            class("OV", Some(72), false),
        ],
        certificates: leaves.iter().map(certificate).collect(),
        credentials: vec![credential("AKIDEXAMPLE", ACCOUNT), credential("AKIDPOOR", POOR)],
        accounts: vec![
            Account { name: ACCOUNT.to_owned(), purchases: 1_000_000_000 },
            Account { name: POOR.to_owned(), purchases: 0 },
        ],
        acme_accounts: vec![AcmeAccount {
            key: file("acme-account.key"),
            account: ACCOUNT.to_owned(),
        }],
        ..Config::default()
    };
    Ok((config, leaves))
}

fn tell(office: &Office, directory: &Path, url: &str, leaves: &[Leaf]) -> Value {
    let path = |path: &Path| path.display().to_string();
    let authority = |place: usize| office.arns.get(place).map(|(arn, _)| arn.as_str());
    let issuer = |name: &str, arn: usize| {
        json!({
            "name": name,
            "issuer": office.issuers.get(name).map(ToString::to_string),
            "arn": authority(arn),
            "identifier": office.issuers.get(name).map(ToString::to_string),
            "pem": path(&directory.join(format!("{name}.pem"))),
            "crl_url": format!("{url}/crl/{name}.crl"),
        })
    };
    let certificates: Vec<Value> = leaves
        .iter()
        .zip(&office.certificates)
        .map(|(leaf, id)| {
            let serial = match id {
                CertificateId::Issued { serial, .. } => serial.to_string(),
                CertificateId::Uploaded(_) => String::new(),
            };
            json!({
                "name": leaf.name,
                "identifier": id.to_string(),
                "serial": serial,
                "class": leaf.class,
                "account": leaf.account,
                "expired": leaf.expired,
                "issuer": "intermediate",
                "pem": path(&leaf.file),
                "key": path(&leaf.file.with_extension("key")),
            })
        })
        .collect();
    json!({
        "aws": { "endpoint": url, "region": REGION },
        "bucket": { "name": BUCKET, "path": path(&directory.join("reports").join(BUCKET)) },
        "alibaba": { "endpoint": url },
        "acme": {
            "directory": format!("{url}/acme/directory"),
            "account_key": path(&directory.join("acme-account.key")),
        },
        "crl": format!("{url}/crl/"),
        "metrics": format!("{url}/metrics"),
        "healthz": format!("{url}/healthz"),
        "trouble": format!("{url}/demo/trouble/"),
        "directory": path(directory),
        "credentials": [
            { "access_key_id": "AKIDEXAMPLE", "secret": SECRET, "account": ACCOUNT },
            { "access_key_id": "AKIDPOOR", "secret": SECRET, "account": POOR },
        ],
        "issuers": [issuer("root", 0), issuer("intermediate", 1)],
        "ca_arns": { "root": authority(0), "intermediate": authority(1), "poor": authority(2) },
        "certificates": certificates,
        "pid": process::id(),
    })
}
