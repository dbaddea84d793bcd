//! The command-line tool, as an operator publishes with it.
#![cfg(all(feature = "p256", feature = "redb", unix))]

mod support {
    pub mod openssl;
    pub mod tool;
}

use annul::CertificateList;
use std::{
    fs,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};
use support::{openssl::OpenSsl, tool::Tool};

/// The tool with the demo's intermediate and its leaves, and the id of that issuer.
fn demo() -> Option<(Tool, String)> {
    let tool = Tool::new()?;
    tool.demo("demo");
    let added = tool.json("add-issuer demo/intermediate.pem");
    let issuer = added["issuers"][0]["issuer"].as_str().unwrap().to_owned();
    tool.must("register --cert demo/good.pem demo/revoked.pem demo/top-bit.pem");
    fs::create_dir(tool.path("out")).unwrap();
    Some((tool, issuer))
}

#[test]
fn a_revocation_is_pending_until_it_is_issued_and_openssl_sees_it_then() {
    let Some((tool, issuer)) = demo() else { return };
    tool.must("revoke --cert demo/revoked.pem --reason keyCompromise");
    let of = format!("--issuer {issuer}");
    assert_eq!(tool.json(&format!("pending {of}"))[0]["entries"], 1);
    let issue = format!("issue {of} --key demo/intermediate.key --sink out");
    let released = tool.json(&issue);
    assert_eq!((released["number"].as_str(), released["entries"].as_u64()), (Some("1"), Some(1)));
    assert_eq!(tool.json(&format!("pending {of}")).as_array().unwrap().len(), 0);
    assert_eq!(tool.json(&format!("overdue {of}")).as_array().unwrap().len(), 0);

    let again = tool.run("--json revoke --cert demo/revoked.pem");
    assert_eq!(again.code, Some(1));
    assert!(again.error.contains("on CRL 1 (full)"), "{again:?}");

    let file = format!("out/{}.crl", &issuer[..32]);
    let Some(openssl) = OpenSsl::new() else { return };
    for name in ["intermediate.pem", "root.pem", "good.pem", "revoked.pem"] {
        openssl.write(name, fs::read(tool.path(format!("demo/{name}"))).unwrap());
    }
    openssl.write("out.crl", fs::read(tool.path(&file)).unwrap());
    openssl.must("crl -inform DER -in out.crl -out out.pem");
    let verify = "verify -crl_check -CAfile root.pem -untrusted intermediate.pem -CRLfile out.pem";
    let verify = |leaf: &str| {
        let line = format!("{verify} {leaf}");
        openssl.run(&line.split_whitespace().collect::<Vec<_>>())
    };
    assert!(verify("good.pem").is_ok());
    assert!(verify("revoked.pem").unwrap_err().contains("certificate revoked"));

    // A delta CRL, the list of releases, and the CRLs of one kind of certificates.
    tool.must("revoke --cert demo/top-bit.pem");
    let delta = tool.json(&format!("delta {of} --key demo/intermediate.key --sink out"));
    assert_eq!((delta["number"].as_str(), delta["base"].as_str()), (Some("2"), Some("1")));
    assert_eq!(tool.json(&format!("releases {of}")).as_array().unwrap().len(), 2);
    let refused = tool.run(&format!("{issue} --scope ca"));
    assert_eq!(refused.code, Some(1), "{refused:?}");
    tool.must(&format!("distribution {of} --base http://crl.example --ca --user --deltas"));
    let all = tool.json(&format!("{issue} --scope all"));
    assert_eq!(all.as_array().unwrap().len(), 3);
    tool.must(&format!("{issue} --last"));
    assert_eq!(tool.run(&issue).code, Some(1));
}

#[test]
fn what_was_published_brings_a_lost_record_back() {
    let Some((tool, issuer)) = demo() else { return };
    tool.must("revoke --cert demo/revoked.pem --reason superseded");
    let of = format!("--issuer {issuer}");
    let issue = format!("issue {of} --key demo/intermediate.key --sink out");
    tool.must(&issue);
    let file = format!("out/{}.crl", &issuer[..32]);

    let lost = "--store other.redb";
    tool.must(&format!("{lost} add-issuer demo/intermediate.pem"));
    let forked = tool.run(&format!("--json {lost} {issue}"));
    assert_eq!(forked.code, Some(1), "{forked:?}");
    assert!(forked.out.contains("\"forked\""), "{forked:?}");
    let compared = tool.json(&format!("{lost} import {of} --crl {file} --dry-run"));
    assert_eq!((compared["missing"].as_u64(), compared["behind"].as_bool()), (Some(1), Some(true)));
    let imported = tool.json(&format!("{lost} import {of} --crl {file}"));
    assert_eq!(imported["revoked"], 1);
    let released = tool.json(&format!("{lost} {issue}"));
    assert_eq!((released["number"].as_str(), released["entries"].as_u64()), (Some("2"), Some(1)));
}

#[test]
fn watch_releases_what_others_revoke_meanwhile_until_it_is_told_to_end() {
    let Some((tool, issuer)) = demo() else { return };
    let config = format!(
        "[[issuer]]\nid = \"{}\"\nkey = \"demo/intermediate.key\"\nsinks = [\"out\"]\n",
        &issuer[..16]
    );
    fs::write(tool.path("watch.toml"), config).unwrap();
    let bad = tool.run("watch --config demo/good.pem");
    assert_eq!(bad.code, Some(2), "{bad:?}");
    let mut watching = Command::new(tool.program())
        .args(["watch", "--config", "watch.toml"])
        .current_dir(tool.path("."))
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let file = tool.path(format!("out/{}.crl", &issuer[..32]));
    let until = Instant::now() + Duration::from_secs(60);
    while !file.exists() && Instant::now() < until {
        thread::sleep(Duration::from_millis(50));
    }
    let crl = fs::read(&file).unwrap();
    assert_eq!(CertificateList::from_der(&crl).unwrap().entries().count(), 0);
    // The file is free for others in between.
    let until = Instant::now() + Duration::from_secs(60);
    while tool.run("revoke --cert demo/revoked.pem").code == Some(3) && Instant::now() < until {
        thread::sleep(Duration::from_millis(50));
    }
    let kill = Command::new("kill").arg(watching.id().to_string()).status().unwrap();
    assert!(kill.success());
    assert_eq!(watching.wait().unwrap().code(), Some(0), "it ends by itself");
}
