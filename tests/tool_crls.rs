//! The command-line tool, as a relying party uses it: `annul check` and `annul diff`.
#![cfg(all(feature = "p256", feature = "redb"))]

mod support {
    pub mod openssl;
    pub mod tool;
}

use serde_json::{Value, json};
use support::tool::Tool;

const CHECK: &str = "check --issuer-cert demo/intermediate.pem";

/// The tool with the demo, and two CRLs, between which one certificate was revoked.
fn demo() -> Option<Tool> {
    let tool = Tool::new()?;
    tool.demo("demo");
    let added = tool.json("add-issuer demo/intermediate.pem");
    let issuer = added["issuers"][0]["issuer"].as_str().unwrap().to_owned();
    tool.must("register --cert demo/good.pem demo/revoked.pem demo/top-bit.pem");
    tool.must("revoke --cert demo/top-bit.pem --reason superseded");
    let crl = format!("crl --issuer {issuer} --key demo/intermediate.key --out");
    tool.must(&format!("{crl} old.crl"));
    tool.must("revoke --cert demo/revoked.pem");
    tool.must("amend --cert demo/top-bit.pem --key-compromise");
    tool.must(&format!("{crl} new.crl --validity 8d"));
    Some(tool)
}

/// What the command answers in JSON, and with which code it ends.
fn answer(tool: &Tool, line: &str) -> (Value, Option<i32>) {
    let run = tool.run(&format!("--json {line}"));
    (serde_json::from_str(&run.out).unwrap_or_else(|_| panic!("{line}: {run:?}")), run.code)
}

#[test]
fn a_certificate_is_good_revoked_or_undetermined() {
    let Some(tool) = demo() else { return };
    let run = tool.run(&format!("{CHECK} --cert demo/good.pem --crl new.crl"));
    assert_eq!((run.out.trim(), run.code), ("good", Some(0)));
    assert_eq!(tool.json(&format!("{CHECK} --cert demo/good.pem --crl new.crl"))["status"], "good");

    let run = tool.run(&format!("{CHECK} --crl old.crl new.crl --cert demo/revoked.pem"));
    let words: Vec<&str> = run.out.split_whitespace().collect();
    assert_eq!(
        (&words[..2], words.len(), run.code),
        (&["revoked", "unspecified"][..], 3, Some(10))
    );
    let (revoked, code) =
        answer(&tool, &format!("{CHECK} --cert demo/top-bit.pem --crl old.crl --crl new.crl"));
    assert_eq!([&revoked["status"], &revoked["reason"]], ["revoked", "keyCompromise"]);
    assert_eq!([&revoked["crl"], &revoked["number"]], ["new.crl", "2"]);
    assert_eq!(code, Some(10));

    let other = format!("{CHECK} --cert demo/good.pem --crl demo/before-root.crl");
    let run = tool.run(&other);
    assert!(run.out.starts_with("undetermined demo/before-root.crl: it is by another"), "{run:?}");
    assert_eq!(run.code, Some(11));
    let (undetermined, code) = answer(&tool, &other);
    assert_eq!(
        [&undetermined["status"], &undetermined["not_used"][0]["crl"]],
        ["undetermined", "demo/before-root.crl"]
    );
    assert_eq!(undetermined["missing_reasons"].as_array().unwrap().len(), 8);
    assert_eq!((&undetermined["certificate"], code), (&Value::Null, Some(11)));
}

#[test]
fn the_time_can_be_given_and_what_cannot_be_read_is_refused() {
    let Some(tool) = demo() else { return };
    let later = "--at 2099-01-01T00:00:00Z";
    let line = format!("{later} {CHECK} --cert demo/good.pem --crl new.crl");
    let (undetermined, code) = answer(&tool, &line);
    assert_eq!((&undetermined["status"], code), (&json!("undetermined"), Some(11)));
    assert!(undetermined["certificate"].as_str().unwrap().contains("expired at"));
    assert!(undetermined["not_used"][0]["why"].as_str().unwrap().contains("it expired at"));

    let wrong = "check --issuer-cert demo/root.pem --cert demo/good.pem --crl new.crl";
    let (undetermined, code) = answer(&tool, wrong);
    assert!(undetermined["certificate"].as_str().unwrap().contains("another issuer"));
    assert_eq!(code, Some(11));

    tool.refused(&format!("{CHECK} --cert demo/good.pem --crl demo/good.pem"), 1, "bad-crl");
    tool.refused(&format!("{CHECK} --cert demo/good.pem --crl absent"), 2, "unreadable-file");
    tool.refused(&format!("{CHECK} --cert demo/good.pem"), 2, "usage");
}

#[test]
fn what_changed_between_two_crls() {
    let Some(tool) = demo() else { return };
    let diff = tool.json("diff old.crl new.crl");
    assert_eq!(diff["header"]["number"], json!({ "old": "1", "new": "2" }));
    assert_eq!(diff["header"]["issuer"], Value::Null);
    let counts = ["added", "removed", "changed"].map(|kind| diff[kind].as_array().unwrap().len());
    assert_eq!(counts, [1, 0, 1]);
    let changed = &diff["changed"][0];
    assert_eq!(
        [&changed["old"]["reason"], &changed["new"]["reason"]],
        ["superseded", "keyCompromise"]
    );
    let text = tool.must("diff new.crl old.crl");
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].starts_with("number") && lines[0].ends_with("2 -> 1"), "{text}");
    assert!(lines.iter().any(|line| line.starts_with("- ") && line.contains("expired")), "{text}");
    assert_eq!(*lines.last().unwrap(), "0 added, 1 removed, 1 changed");
    assert_eq!(tool.must("diff old.crl old.crl").trim(), "0 added, 0 removed, 0 changed");
    let other = tool.json("diff demo/before-root.crl new.crl");
    assert_eq!(other["header"]["issuer"]["new"].as_str().unwrap().matches("CN=").count(), 1);
    tool.refused("diff old.crl demo/good.pem", 1, "bad-crl");
}
