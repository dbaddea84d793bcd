//! UpdateCACertificateStatus, and what else is asked about CAs.

use super::*;

#[test]
fn s47_s48_a_root_or_an_intermediate_is_moved_from_issue_to_revoke() {
    let world = world();
    let [root, sub, ..] = cas();
    assert_eq!(world.listed("DescribeCACertificateList", &[]), ["ca-low", "ca-root", "ca-sub"]);
    assert_eq!(world.ca_status("ca-sub"), "ISSUE");
    world.ok(UPDATE, &[("Identifier", "ca-sub"), ("Status", "REVOKE")]);
    assert_eq!(world.ca_status("ca-sub"), "REVOKE");
    assert!(world.falls(sub.id()) && world.ca_status("ca-root") == "ISSUE");
    world.ok(UPDATE, &[("Identifier", "ca-root")]);
    assert!(world.falls(root.id()), "distrusted");
    let listed = |of: &[_]| world.listed("DescribeCACertificateList", of);
    assert!(listed(&[("CaStatus", "issue")]).is_empty());
    assert_eq!(listed(&[("CertType", "root")]), ["ca-root"]);
    assert_eq!(listed(&[("ShowSize", "2"), ("CurrentPage", "2")]), ["ca-sub"]);
}

#[test]
fn s47_a_ca_is_told_by_the_names_that_clients_know() {
    let world = world();
    let answer = world.ok("DescribeCACertificate", &[("Identifier", "ca-sub")]);
    let (certificate, pem) = (&answer["Certificate"], "X509Certificate");
    let [root, sub, ..] = cas();
    let der = root.certifies(&sub, 100).certificate();
    let told = Certificate::from_pem(certificate[pem].as_str().unwrap()).unwrap();
    assert_eq!(told.der(), der.der());
    let chain = certificate["CaCertChain"].as_str().unwrap();
    assert_eq!(Certificate::all_from_pem(chain).unwrap().len(), 2);
    for (member, value) in [
        ("CommonName", json!("sub")),
        ("SubjectDN", json!("CN=sub")),
        ("CertificateType", json!("SUB_ROOT")),
        ("ParentIdentifier", json!("ca-root")),
        ("SerialNumber", json!("64")),
        ("BeforeDate", json!(day(-100).unix() * 1000)),
        ("AfterDate", json!(day(1000).unix() * 1000)),
        ("Years", json!(3)),
    ] {
        assert_eq!(certificate[member], value, "{member}");
    }
    let other = world.refused("DescribeCACertificate", &[("Identifier", "ca-other")]);
    assert_eq!(other, not_found());
}

#[test]
fn s49_s50_a_ca_in_revoke_issues_nothing_and_what_it_issued_is_invalid() {
    let world = world();
    let [_, sub, low, _] = cas();
    let ids = [world.sell_of(&sub, 2), world.sell_of(&low, 3), world.sell(4, "DV")];
    world.ok(UPDATE, &[("Identifier", "ca-sub")]);
    let statuses = world.status(&ids.join(","));
    let statuses: Vec<_> = statuses.as_array().unwrap().iter().map(|it| &it["Status"]).collect();
    assert_eq!(statuses, ["revoked", "revoked", "good"]);
    let revoked = world.ok("ListRevokeCertificate", &[]);
    assert_eq!(revoked["TotalCount"], 2);
    assert_eq!(revoked["CertificateList"][0]["RevokeDate"], "2026-01-11T00:00Z");
    for ca in [&sub, &low] {
        let reserved = world.office.authority.reserve(&ReserveSerial::new(ca.id(), serial(9)));
        let error = reserved.unwrap_err();
        assert!(matches!(error.refusal(), Some(Refusal::IssuerMayNotIssue { .. })), "{error}");
    }
    assert_eq!(world.ca_status("ca-low"), "REVOKE");
}

#[test]
fn s51_s60_without_a_token_what_is_revoked_is_refused() {
    let world = world();
    let id = world.sell(2, "DV");
    world.ok(REVOKE, &[("Identifier", &id)]);
    assert_eq!(world.refused(REVOKE, &[("Identifier", &id)]), invalid_status());
    assert_eq!(
        world.refused(REVOKE, &[("Identifier", &id), ("ClientToken", "t")]),
        invalid_status()
    );
    world.ok(UPDATE, &[("Identifier", "ca-sub")]);
    assert_eq!(world.refused(UPDATE, &[("Identifier", "ca-sub")]), invalid_status());
    assert_eq!(
        world.refused(UPDATE, &[("Identifier", "ca-sub"), ("ClientToken", "")]),
        invalid_status()
    );
}

#[test]
fn s54_whoever_updates_needs_the_permission_of_all_resources() {
    let of = |action: &str, resource: &str| {
        let grants = Grants::none().with(Grantee::Anyone, action, resource);
        world_of(office(), |service| service.with_authorizer(grants))
    };
    let ask = |world: &World| world.refused(UPDATE, &[("Identifier", "ca-sub")]);
    let denied = (403, "NoPermission".to_owned());
    assert_eq!(ask(&of("yundun-cert:CreateRevokeClientCertificate", "*")), denied);
    assert_eq!(ask(&of("yundun-cert:UpdateCACertificateStatus", "acs:yundun-cert:*")), denied);
    let world = of("yundun-cert:UpdateCACertificateStatus", "*");
    // The permission is for what the account has.
    assert_eq!(world.refused(UPDATE, &[("Identifier", "ca-other")]), not_found());
    assert_eq!(world.refused(REVOKE, &[("Identifier", "1")]), denied);
    world.ok(UPDATE, &[("Identifier", "ca-sub")]);
}

#[test]
fn s57_a_ca_is_named_by_the_identifier_that_the_list_tells() {
    let world = world();
    assert_eq!(world.refused(UPDATE, &[("Status", "REVOKE")]), missing());
    for unknown in ["ca", "ca-other", "64", &cas()[1].id().to_string()] {
        assert_eq!(world.refused(UPDATE, &[("Identifier", unknown)]), not_found(), "{unknown}");
    }
    assert!(cas().iter().all(|ca| !world.falls(ca.id())));
}

#[test]
fn s58_the_only_status_is_revoke_and_it_may_be_left_out() {
    let world = world();
    for status in ["ISSUE", "revoke", "REVOKED"] {
        let refused = world.refused(UPDATE, &[("Identifier", "ca-low"), ("Status", status)]);
        assert_eq!(refused, invalid(), "{status}");
    }
    assert!(!world.falls(cas()[2].id()));
    world.ok(UPDATE, &[("Identifier", "ca-low"), ("Status", "")]);
}

#[test]
fn s59_a_token_is_answered_as_before_and_never_for_other_arguments() {
    let world = world();
    let ids = [world.sell(2, "DV"), world.sell(3, "DV")];
    let mismatch = (400, "IdempotentParameterMismatch".to_owned());
    for (action, [one, other]) in
        [(UPDATE, ["ca-low", "ca-sub"]), (REVOKE, [ids[0].as_str(), ids[1].as_str()])]
    {
        let token = format!("3838B684-3075-582B-9A45-{action}");
        let with = |identifier, token| [("Identifier", identifier), ("ClientToken", token)];
        let first = world.ok(action, &with(one, &token));
        let second = world.ok(action, &with(one, &token));
        assert_ne!(first["RequestId"], second["RequestId"], "each call has its own");
        assert_eq!(world.refused(action, &with(other, &token)), mismatch);
        assert_eq!(world.refused(action, &with(one, action)), invalid_status());
        assert_eq!(world.refused(action, &with(other, "schlüssel")), invalid());
        assert_eq!(world.refused(action, &with(other, &"x".repeat(129))), invalid());
    }
    assert!(!world.falls(cas()[1].id()) && !world.office.is_revoked(3));
}

#[test]
fn s59_a_token_is_answered_once_whatever_operation_of_the_store_is_lost() {
    let mut lost = 0;
    for (number, fault) in
        (1..80).step_by(3).flat_map(|n| [Fault::Before, Fault::After].map(|fault| (n, fault)))
    {
        let faults = Faults::none();
        let office = office_on(Arc::new(Faulty::new(MemoryStore::new(), faults.clone())));
        let world = world_of(office, |service| service);
        let id = world.sell(2, "DV");
        for (action, identifier) in [(UPDATE, "ca-low"), (REVOKE, &id)] {
            let with = [("Identifier", identifier), ("ClientToken", action)];
            faults.fail_at(number, fault);
            let first = world.ask(&ann(), action, &with);
            faults.end();
            if first.0 != 200 {
                lost += 1;
                assert_eq!(code(&first), (503, "ServiceUnavailable"), "{number} {fault:?}");
                let message = first.1["Message"].as_str().unwrap();
                assert!(!message.contains("store") && !message.contains("backend"), "{message}");
            }
            world.ok(action, &with);
            world.ok(action, &with);
        }
        assert!(world.office.is_revoked(2) && world.falls(cas()[2].id()));
    }
    assert!(lost > 10, "{lost}: or it says little");
}

#[test]
fn s59_what_waits_for_a_confirmation_is_answered_again_by_its_token_only() {
    let world = world();
    let ids = [world.sell(2, "OV"), world.sell(3, "OV")];
    world.ok(REVOKE, &[("Identifier", &ids[0])]);
    assert_eq!(world.refused(REVOKE, &[("Identifier", &ids[0])]), invalid_status());
    let with = [("Identifier", ids[1].as_str()), ("ClientToken", "t")];
    world.ok(REVOKE, &with);
    world.ok(REVOKE, &with);
    assert_eq!(world.refused(REVOKE, &with[..1]), invalid_status());
    assert!(!world.office.is_revoked(2) && !world.office.is_revoked(3));
    assert_eq!(world.status(&ids[0])[0]["Status"], "good");
}

#[test]
fn a_ca_whose_class_waits_is_not_revoked_by_one_alone() {
    use annul::{Desk, Handling};
    let office = office();
    let waits = Handling::confirmed(office::DAY);
    let desk = Desk::new(Arc::clone(&office.authority)).with_others(waits);
    let api =
        AlibabaApi::new(Arc::new(Service::new(Arc::new(desk))), Arc::new(StaticCredentials::new()));
    let api = api.with_authority("ca-root", office.issuer(), "5");
    let world = World { office, api, now: Cell::new(Instant::now()) };
    let (status, code) = world.refused(UPDATE, &[("Identifier", "ca-root")]);
    assert_eq!((status, &*code), (403, "OperationDenied"));
    assert!(!world.falls(world.office.issuer()));
}
