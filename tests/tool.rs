//! The command-line tool: what it makes, as OpenSSL judges it, and what scripts rely on.
#![cfg(all(feature = "p256", feature = "redb"))]

mod support {
    pub mod openssl;
    pub mod tool;
}

use annul::{Certificate, RedbStore};
use serde_json::json;
use std::fmt::Write;
use support::{openssl::OpenSsl, tool::Tool};

#[test]
fn the_demo_is_as_it_says_in_the_eyes_of_openssl() {
    let (Some(tool), Some(openssl)) = (Tool::new(), OpenSsl::new()) else { return };
    tool.demo("demo");
    let demo = tool.path("demo");
    let demo = demo.display();
    for when in ["before", "after"] {
        for ca in ["root", "intermediate"] {
            let line = format!("-in {demo}/{when}-{ca}.crl -CAfile {demo}/{ca}.pem -noout");
            openssl.must_verify(&line);
        }
    }
    let crls = |when: &str, all: bool| {
        let leaf = format!("-crl_check -CRLfile {demo}/{when}-intermediate.crl");
        let check_all = format!("-crl_check_all -CRLfile {demo}/{when}-root.crl");
        if all { leaf.replace("-crl_check", &check_all) } else { leaf }
    };
    for all in [false, true] {
        for (when, leaf, accepted) in [
            ("before", "good", true),
            ("before", "top-bit", true),
            ("before", "revoked", false),
            ("after", "good", false),
            ("after", "top-bit", false),
            ("after", "revoked", false),
        ] {
            let chain = format!("-CAfile {demo}/root.pem -untrusted {demo}/intermediate.pem");
            let crls = crls(when, all);
            let line = format!("verify -x509_strict {chain} {crls} {demo}/{leaf}.pem");
            let answer = openssl.run(&line.split(' ').collect::<Vec<_>>());
            match &answer {
                Ok(_) => assert!(accepted, "{line}"),
                Err(error) => {
                    assert!(!accepted && error.contains("certificate revoked"), "{error}")
                }
            }
        }
    }
}

#[test]
fn a_day_at_the_command_line() {
    let (Some(tool), Some(openssl)) = (Tool::new(), OpenSsl::new()) else { return };
    tool.demo("demo");
    let at = "--at 2099-01-01T00:00:00Z";
    let added = tool.json("add-issuer demo/intermediate.pem");
    assert_eq!(tool.must("add-issuer demo/intermediate.pem").trim(), added["issuer"]);
    let added = &added["issuers"][0];
    assert_eq!(added["external_parent"], true);
    assert_eq!(added["standing"], json!({ "standing": "stands" }));
    let issuer = added["issuer"].as_str().unwrap();
    let prefix = &issuer[..8];

    let reserved = tool.json(&format!("reserve --issuer {prefix} --serial 0a"));
    assert_eq!([&reserved["issuer"], &reserved["serial"]], [issuer, "0a"]);
    let registered = tool.json("register --cert demo/good.pem demo/revoked.pem");
    assert_eq!(registered["registered"].as_array().unwrap().len(), 2);
    assert_eq!(registered["registered"][0]["recorded"], true);
    assert_eq!(tool.json("status --cert demo/good.pem")["effective"]["status"], "good");
    let expired = tool.json(&format!("{at} status --cert demo/good.pem"));
    assert_eq!(expired["effective"]["status"], "expired");

    let revoked = tool.json("revoke --cert demo/good.pem --reason superseded");
    assert_eq!(revoked["revocation"]["reason"], "superseded");
    assert_eq!(revoked["crls_due"], json!([issuer]));
    let amended = tool.json("amend --cert demo/good.pem --key-compromise");
    assert_eq!(amended["replaced"]["reason"], "superseded");
    let since = "--invalidity-date 2026-01-01T00:00:00Z";
    tool.json(&format!("revoke --issuer {prefix} --serial 0a {since}"));
    let status = tool.json("status --cert demo/good.pem");
    assert_eq!(status["effective"]["status"], "revoked");
    assert_eq!(status["effective"]["revocation"]["reason"], "keyCompromise");
    assert_eq!(tool.must(&format!("--json log --issuer {prefix}")).lines().count(), 3);

    let key = "--key demo/intermediate.key";
    let crl = tool.json(&format!("crl --issuer {prefix} {key} --validity 12h --out a.crl"));
    assert_eq!([&crl["number"], &crl["file"]], ["1", "a.crl"]);
    assert_eq!([&crl["entries"], &crl["position"]], [2, 3]);
    tool.write("b.crl", tool.must(&format!("crl --issuer {prefix} {key} --pem")));
    for (file, number) in [("a.crl", "1"), ("b.crl", "2")] {
        let crl = tool.path(file);
        let ca = tool.path("demo/intermediate.pem");
        let (crl, ca) = (crl.display(), ca.display());
        openssl.must_verify(&format!("-in {crl} -CAfile {ca} -noout"));
        let verified = tool.json(&format!("verify-crl {file} --issuer-cert demo/intermediate.pem"));
        assert_eq!([&verified["number"], &verified["entries"]], [&json!(number), &json!(2)]);
        let shown = tool.json(&format!("show-crl {file}"));
        assert_eq!(shown["entries"][0]["serial"], "0a");
        assert_eq!(shown["entries"][0]["invalidity_date"], "2026-01-01T00:00:00Z");
        assert_eq!(shown["entries"][1]["reason"], "keyCompromise");
    }

    let before = tool.record("annul.redb");
    let preview = tool.json(&format!("revoke-ca --issuer {prefix} --dry-run"));
    assert_eq!(preview["would_invalidate"][0]["unexpired"], 1);
    assert_eq!(tool.record("annul.redb"), before, "a dry run records nothing");
    let fallen = tool.json(&format!("revoke-ca --issuer {prefix} --reason cACompromise"));
    assert_eq!([&fallen["external"], &fallen["crls_due"]], [&json!(1), &json!([issuer])]);
    let status = tool.json("status --cert demo/revoked.pem");
    assert_eq!([&status["own"]["status"], &status["effective"]["status"]], ["good", "invalidated"]);
    let refused = tool.refused("register --cert demo/top-bit.pem", 1, "issuer-may-not-issue");
    assert_eq!(refused["standing"]["reason"], "cACompromise");
    let standing = tool.json("list-issuers")["standing"].clone();
    assert_eq!(standing["standing"], "fallen");
}

#[test]
fn e17_what_is_reserved_in_a_partition_says_which_uri_to_carry() {
    let Some(tool) = Tool::new() else { return };
    tool.demo("demo");
    let added = tool.json("add-issuer demo/intermediate.pem");
    let issuer = added["issuers"][0]["issuer"].as_str().unwrap();
    let partition = format!("partition --issuer {issuer}");
    tool.refused(&partition, 2, "usage");
    let base = |base: &str| format!("{partition} --cdp-base {base}");
    tool.refused(&base("https://crl.example"), 1, "bad-distribution");
    tool.refused(&format!("{} --size 10", base("http://crl.example")), 1, "bad-distribution");
    let set = tool.json(&base("http://crl.example"));
    assert_eq!([&set["partition_size"], &set["opened"]], [1_000_000, 0]);
    for serial in ["0a", "0b"] {
        // Each is a process of its own, and takes one slot.
        let reserved = tool.json(&format!("reserve --issuer {issuer} --serial {serial}"));
        assert_eq!(reserved["partition"], 1);
        let point = format!("http://crl.example/{}-p1.crl", &issuer[..32]);
        assert_eq!(reserved["distribution_point"], point);
    }
    let registered = tool.json("register --cert demo/good.pem");
    assert_eq!(registered["registered"][0]["partition"], 0);
    let stopped = tool.json(&format!("{partition} --stop"));
    assert_eq!([&stopped["partition_size"], &stopped["opened"]], [&json!(null), &json!(1)]);
    let reserved = tool.json(&format!("reserve --issuer {issuer} --serial 0c"));
    assert_eq!(
        [&reserved["partition"], &reserved["distribution_point"]],
        [&json!(0), &json!(null)]
    );
}

#[test]
fn a_chain_in_one_file_needs_no_order() {
    let Some(tool) = Tool::new() else { return };
    let ids = tool.demo("demo");
    let [root, intermediate] =
        ["root", "intermediate"].map(|ca| tool.read(&format!("demo/{ca}.pem")));
    tool.write("chain.pem", [intermediate, root].concat());
    let added = tool.json("add-issuer chain.pem");
    let added: Vec<_> = added["issuers"].as_array().unwrap().iter().collect();
    assert_eq!([&added[0]["issuer"], &added[1]["issuer"]], [&ids[0], &ids[1]]);
    assert!(added.iter().all(|issuer| issuer["external_parent"] == false));
    let again = format!("add-issuer demo/intermediate.pem --parent-issuer {}", ids[0]);
    assert_eq!(tool.json(&again)["issuers"][0]["added"], false);
    let fallen = tool.json(&format!("revoke-ca --issuer {}", ids[0]));
    assert_eq!([&fallen["distrusted"], &fallen["invalidated"]], [&json!(true), &json!([ids[1]])]);
    assert_eq!(fallen["crls_due"], json!(ids));
}

#[test]
fn serial_numbers_from_a_file() {
    let Some(tool) = Tool::new() else { return };
    tool.demo("demo");
    let added = tool.json("add-issuer demo/intermediate.pem");
    let issuer = added["issuers"][0]["issuer"].as_str().unwrap();
    let mut lines = String::from("# hex-serial notAfter\n\n");
    // More than are handed on at once: the bad line is found before any is.
    const COUNT: u64 = 10_500;
    for serial in 0x1000..0x1000 + COUNT {
        writeln!(lines, "{serial:04x} 2099-01-01T00:00:00Z").unwrap();
    }
    tool.write("serials", &lines);
    tool.write("bad", format!("{lines}7fff tomorrow\n"));
    let empty = tool.record("annul.redb");
    let bad = tool.refused(&format!("register --issuer {issuer} --serials bad"), 2, "bad-line");
    let message = bad["message"].as_str().unwrap();
    assert!(message.contains("line 10503 of bad: \"tomorrow\" is no RFC 3339"), "{message}");
    assert_eq!(tool.record("annul.redb"), empty);

    let register = format!("register --issuer {issuer} --serials serials");
    let first = tool.json(&register);
    assert_eq!([&first["registered"], &first["unchanged"], &first["refused"]], [COUNT, 0, 0]);
    let again = tool.json(&register);
    assert_eq!([&again["registered"], &again["unchanged"]], [0, COUNT]);
    tool.write("some", "1000\n1001 -\nffff\n");
    let revoke = format!("revoke --issuer {issuer} --serials some --reason superseded");
    let run = tool.run(&format!("--json {revoke}"));
    assert_eq!(run.code, Some(1), "one of them is not known: {run:?}");
    let answer: serde_json::Value = serde_json::from_str(run.out.lines().next().unwrap()).unwrap();
    assert_eq!([&answer["revoked"], &answer["refused"]], [2, 1]);
    assert_eq!(
        [&answer["refusals"][0]["line"], &answer["refusals"][0]["serial"]],
        [&json!(3), &json!("ff:ff")]
    );
    tool.write("some", "1000\n1001\n1002\n");
    let answer = tool.json(&revoke);
    assert_eq!([&answer["revoked"], &answer["unchanged"]], [1, 2]);
    assert_eq!(tool.must(&format!("--json log --issuer {issuer}")).lines().count(), 3);
}

#[test]
fn what_is_past_leaves_and_the_rest_moves_into_another_file() {
    let Some(tool) = Tool::new() else { return };
    let (tool, issuer) = with_one_revoked(tool);
    tool.write("serials", "0a 2030-01-01T00:00:00Z\n0b 2030-01-01T00:00:00Z\n");
    tool.must(&format!("register --issuer {issuer} --serials serials"));
    tool.must(&format!("revoke --issuer {issuer} --serial 0a"));
    tool.must(&format!("crl --issuer {issuer} --key demo/intermediate.key --out early.crl"));
    let later = format!("--at 2030-01-02T00:00:00Z compact --issuer {issuer}");
    let early = tool.json(&format!("{later} --released early.crl --limit 5"));
    // With the one of the demo, which was never revoked either.
    assert_eq!([&early["entries"], &early["certificates"]], [0, 2]);
    let error = tool.refused(&format!("{later} --released demo/before-root.crl"), 1, "no-proof");
    assert!(error["message"].as_str().unwrap().contains("another issuer"), "{error}");
    let log = tool.must(&format!("log --issuer {issuer}"));
    assert!(log.lines().last().unwrap().contains("0 entries and 2 certificates left"), "{log}");

    let copied = tool.json("copy moved.redb");
    assert_eq!([&copied["entries"], &copied["positions"][&issuer]], [3, 3]);
    assert_eq!(tool.record("moved.redb"), tool.record("annul.redb"));
    let again = tool.json("copy moved.redb");
    assert_eq!([&again["entries"], &again["records"]], [0, 0]);
    assert_eq!(again["digest"], copied["digest"]);
    tool.must("--store moved.redb revoke --cert demo/good.pem");
    tool.refused("copy moved.redb", 1, "not-a-copy");
    tool.refused("copy annul.redb", 3, "store-locked");
    tool.refused("--store absent.redb copy other.redb", 2, "no-store");
}

/// Arguments, exit code, kind, and a part of the message.
const REFUSED: &[(&str, i32, &str, &str)] = &[
    // Usage: the arguments make no sense, or name no file.
    ("revoke", 2, "usage", "--cert <LEAF.pem>"),
    ("revoke --issuer I", 2, "usage", "not provided"),
    ("revoke --serial 0a", 2, "usage", "--issuer"),
    ("revoke --cert x.pem --serial 0a", 2, "usage", "cannot be used with"),
    ("revoke --issuer I --serial 00", 2, "usage", "serial number zero"),
    ("revoke --issuer I --serial abc", 2, "usage", "3 hexadecimal digits: an even number"),
    ("revoke --issuer I --serial 0x", 2, "usage", "an empty serial number"),
    ("revoke --issuer I --serial 0g", 2, "usage", "'g' at character 1"),
    (
        "revoke --issuer I --serial 0102030405060708090a0b0c0d0e0f101112131415",
        2,
        "usage",
        "21 octets: at most 20",
    ),
    ("revoke --issuer I --serial 0a --reason certificateHold", 2, "usage", "cACompromise"),
    ("revoke --issuer I --serial 0a --reason KeyCompromise", 2, "usage", "keyCompromise"),
    ("revoke --issuer I --serial 0a --invalidity-date 1.1.2026", 2, "usage", "RFC 3339"),
    ("--at yesterday list-issuers", 2, "usage", "RFC 3339"),
    ("status --issuer 123 --serial 0a", 2, "usage", "8 to 64 hexadecimal digits"),
    ("status --cert absent.pem", 2, "unreadable-file", "absent.pem"),
    ("add-issuer demo", 2, "unreadable-file", "demo"),
    ("crl --issuer I --key demo/intermediate.key", 2, "usage", "--json needs --out"),
    ("crl --issuer I --key absent --out x.crl", 2, "unreadable-file", "absent"),
    ("crl --issuer I --key demo/intermediate.key --out x.crl --validity 1y", 2, "usage", "7d"),
    ("--store absent.redb list-issuers", 2, "no-store", "absent.redb"),
    ("--store absent.redb revoke --issuer I --serial 0a", 2, "no-store", "absent.redb"),
    // Refused: what is given is understood, and not accepted.
    ("add-issuer text", 1, "bad-certificate", "no line -----BEGIN CERTIFICATE-----"),
    ("add-issuer demo/intermediate.key", 1, "bad-certificate", "[\"PRIVATE KEY\"]"),
    ("add-issuer demo/good.pem", 1, "bad-ca-certificate", "basicConstraints"),
    ("add-issuer other/intermediate.pem --parent-issuer I", 1, "wrong-parent", "did not issue"),
    ("register --cert half.pem", 1, "bad-certificate", "begins at line 1: its -----END line"),
    ("register --cert half.der", 1, "bad-certificate", "half.der"),
    ("register --cert other/good.pem", 1, "foreign-certificate", "whose key did not sign it"),
    ("revoke --cert other/good.pem", 1, "foreign-certificate", "whose key did not sign it"),
    ("status --cert other/good.pem", 1, "foreign-certificate", "whose key did not sign it"),
    ("register --cert other/root.pem", 1, "foreign-certificate", "no known issuer has the name"),
    ("revoke --issuer I --serial 0a", 1, "unknown-certificate", "no certificate 0a"),
    ("revoke --issuer 00000000 --serial 0a", 1, "unknown-issuer", "00000000"),
    ("revoke --issuer I --serial R", 1, "already-revoked", "already revoked on"),
    ("reserve --issuer I --serial R", 1, "serial-taken", "taken"),
    ("amend --cert demo/good.pem --key-compromise", 1, "not-revoked", "is not revoked"),
    (
        "amend --cert demo/revoked.pem --date 2098-01-01T00:00:00Z",
        1,
        "illegal-amendment",
        "earlier",
    ),
    ("crl --issuer I --key text --out x.crl", 1, "bad-key", "no PEM block"),
    ("crl --issuer I --key demo/root.key --out x.crl", 1, "wrong-key", "not that of the issuer"),
    (
        "crl --issuer I --key demo/intermediate.key --out x.crl --validity 400d",
        1,
        "bad-validity",
        "the policy's limit",
    ),
    ("show-crl demo/good.pem", 1, "bad-crl", "blocks found: [\"CERTIFICATE\"]"),
    ("verify-crl crl.der --issuer-cert demo/root.pem", 1, "not-verified", "its issuer is"),
    ("verify-crl crl.der --issuer-cert other/intermediate.pem", 1, "not-verified", "signature"),
    (
        "--at 2099-01-01T00:00:00Z verify-crl crl.der --issuer-cert demo/intermediate.pem",
        1,
        "not-verified",
        "stale since",
    ),
    // Faults.
    ("--store text list-issuers", 3, "store-corrupt", "text"),
    ("crl --issuer I --key demo/intermediate.key --out absent/x.crl", 3, "crl", "No such file"),
];

#[test]
fn bad_input_says_what_and_where_and_records_nothing() {
    let Some(tool) = Tool::new() else { return };
    let (tool, issuer) = with_one_revoked(tool);
    tool.demo("other");
    tool.write("text", "neither PEM nor a store\n");
    let pem = tool.read("demo/good.pem");
    tool.write("half.pem", &pem[..pem.len() / 2]);
    let good = Certificate::from_pem(&pem).unwrap();
    let revoked = Certificate::from_pem(tool.read("demo/revoked.pem")).unwrap();
    tool.write("half.der", &good.der()[..good.der().len() / 2]);
    tool.must(&format!("crl --issuer {issuer} --key demo/intermediate.key --out crl.der"));
    let before = tool.record("annul.redb");
    for (line, code, kind, part) in REFUSED {
        let line = line
            .replace(" I", &format!(" {issuer}"))
            .replace(" R", &format!(" {}", revoked.serial()));
        let error = tool.refused(&line, *code, kind);
        let message = error["message"].as_str().unwrap();
        assert!(message.contains(part), "annul {line}: {message}");
    }
    assert_eq!(tool.record("annul.redb"), before);
    assert_eq!(tool.read("text"), b"neither PEM nor a store\n");
    for file in ["absent.redb", "x.crl"] {
        assert!(!tool.path(file).exists(), "{file}");
    }
}

/// The intermediate of the demo, of which one certificate is registered and one revoked.
fn with_one_revoked(tool: Tool) -> (Tool, String) {
    tool.demo("demo");
    let added = tool.json("add-issuer demo/intermediate.pem");
    tool.must("register --cert demo/good.pem");
    tool.must("revoke --cert demo/revoked.pem");
    let issuer = added["issuers"][0]["issuer"].as_str().unwrap().to_owned();
    (tool, issuer)
}

#[test]
fn a_certificate_with_any_part_changed_is_refused() {
    let Some(tool) = Tool::new() else { return };
    let (tool, _) = with_one_revoked(tool);
    let before = tool.record("annul.redb");
    let top_bit = Certificate::from_pem(tool.read("demo/top-bit.pem")).unwrap();
    for at in (0..top_bit.der().len()).step_by(7) {
        let mut mutated = top_bit.der().to_vec();
        mutated[at] ^= 0x15;
        tool.write("mutated.der", mutated);
        tool.write("cut.der", &top_bit.der()[..at]);
        for file in ["mutated.der", "cut.der"] {
            let run = tool.run(&format!("register --cert {file}"));
            assert_eq!(run.code, Some(1), "{file} at {at}: {run:?}");
            assert!(run.error.starts_with("error: "), "{file} at {at}: {run:?}");
        }
    }
    assert_eq!(tool.record("annul.redb"), before);
    tool.must("register --cert demo/top-bit.pem");
}

#[test]
fn serial_numbers_that_no_ca_may_use_and_a_ca_that_may_not_sign_crls() {
    let (Some(tool), Some(openssl)) = (Tool::new(), OpenSsl::new()) else { return };
    let no_crls = "keyUsage=critical,keyCertSign\nsubjectKeyIdentifier=hash";
    openssl.write("ca.ext", format!("[e]\nbasicConstraints=critical,CA:TRUE\n{no_crls}\n"));
    for name in ["ca", "leaf"] {
        openssl.must(&format!(
            "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out {name}.key"
        ));
        openssl.must(&format!("req -new -key {name}.key -subj /CN={name} -out {name}.csr"));
    }
    openssl.must(
        "x509 -req -in ca.csr -signkey ca.key -days 30 -extfile ca.ext -extensions e -out ca.pem",
    );
    let ca = openssl.path("ca.pem");
    let added = tool.json(&format!("add-issuer {}", ca.display()));
    let issuer = added["issuers"][0]["issuer"].as_str().unwrap();
    let before = tool.record("annul.redb");
    let long = "0x0102030405060708090a0b0c0d0e0f101112131415";
    for (serial, part) in [("0", "zero"), ("-5", "negative"), (long, "21 octets: at most 20")] {
        let sign = "x509 -req -in leaf.csr -CA ca.pem -CAkey ca.key -days 9 -out leaf.pem";
        openssl.must(&format!("{sign} -set_serial {serial}"));
        let leaf = openssl.path("leaf.pem");
        for command in ["register", "revoke"] {
            let line = format!("{command} --cert {}", leaf.display());
            let error = tool.refused(&line, 1, "bad-serial");
            assert!(error["message"].as_str().unwrap().contains(part), "{error}");
        }
    }
    let key = openssl.path("ca.key");
    let line = format!("crl --issuer {issuer} --key {} --out x.crl", key.display());
    let error = tool.refused(&line, 1, "cannot-sign-crls");
    assert!(error["message"].as_str().unwrap().contains("keyUsage lacks cRLSign"), "{error}");
    assert_eq!(tool.record("annul.redb"), before);
    assert!(!tool.path("x.crl").exists());
}

#[test]
fn two_processes_do_not_share_a_store() {
    let Some(tool) = Tool::new() else { return };
    let (tool, issuer) = with_one_revoked(tool);
    let before = tool.record("annul.redb");
    let held = RedbStore::open(tool.path("annul.redb")).unwrap();
    for line in ["list-issuers", "add-issuer demo/root.pem", "revoke --cert demo/good.pem"] {
        let error = tool.refused(line, 3, "store-locked");
        assert!(error["message"].as_str().unwrap().contains("annul.redb"), "{error}");
        assert_eq!(error["retry"], json!({ "after_seconds": 1 }));
    }
    drop(held);
    assert_eq!(tool.record("annul.redb"), before);
    tool.must(&format!("status --issuer {issuer} --serial 0a"));
}

#[test]
fn lint_tells_what_is_wrong_and_fails_where_a_rule_is_broken() {
    let Some(tool) = Tool::new() else { return };
    tool.demo("demo");
    let lint = "lint demo/after-intermediate.crl --issuer-cert demo/intermediate.pem";
    assert_eq!(tool.json(lint), json!([]));
    assert_eq!(tool.must(lint).trim(), "nothing found");
    let other = "lint demo/after-root.crl --issuer-cert demo/intermediate.pem";
    let run = tool.run(other);
    assert_eq!(run.code, Some(1));
    assert!(run.out.starts_with("error  E5   RFC 5280 §5.1.2.3  "), "{run:?}");
    tool.refused(other, 1, "lint-errors");
    tool.refused("lint demo/after-intermediate.crl --profile archive", 1, "lint-errors");
}
