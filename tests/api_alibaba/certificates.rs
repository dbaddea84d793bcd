//! CreateRevokeClientCertificate, and what else is asked about certificates.

use super::*;

#[test]
fn s26_one_operation_revokes_certificates_of_clients_and_of_servers() {
    let world = world();
    let id = world.sell(2, "DV");
    world.ok(REVOKE, &[("Identifier", &id)]);
    assert!(world.office.is_revoked(2));
    // One of a CA is neither.
    let sub = CertificateId::Issued { issuer: world.office.issuer(), serial: serial(100) };
    let refused = world.refused(REVOKE, &[("Identifier", &sub.to_string())]);
    assert_eq!(refused, not_found());
    assert!(!world.falls(cas()[1].id()));
}

#[test]
fn s27_what_is_revoked_is_told_so_to_whoever_asks() {
    let world = world();
    let id = world.sell(2, "DV");
    assert_eq!(world.status(&id), json!([{ "SerialNumber": "02", "Status": "good" }]));
    world.ok(REVOKE, &[("Identifier", &id)]);
    let at = day(10).unix() * 1000;
    let revoked = json!({ "SerialNumber": "02", "Status": "revoked", "RevokeTime": at });
    let several = format!("{id}, nothing");
    assert_eq!(world.status(&several), json!([revoked, { "Status": "unknown" }]));
    let ask = |who, numbers| {
        let action = "DescribeClientCertificateStatusForSerialNumber";
        world.ask(&who, action, &[("SerialNumber", numbers)]).1["CertificateStatus"].clone()
    };
    let unknown = |number| json!({ "SerialNumber": number, "Status": "unknown" });
    assert_eq!(ask(ann(), "02,07"), json!([revoked, unknown("07")]));
    assert_eq!(ask(eve(), "02"), json!([unknown("02")]));
    let bad =
        world.refused("DescribeClientCertificateStatusForSerialNumber", &[("SerialNumber", "x")]);
    assert_eq!(bad, invalid());
    let many = vec!["1"; 101].join(",");
    let bad = world.refused("DescribeClientCertificateStatus", &[("Identifier", &many)]);
    assert_eq!(bad, invalid());
}

#[test]
fn s28_what_is_revoked_can_be_deleted_and_nothing_else() {
    let world = world();
    let id = world.sell(2, "DV");
    assert_eq!(world.refused(DELETE, &[("Identifier", &id)]), invalid_status());
    world.ok(REVOKE, &[("Identifier", &id)]);
    assert_eq!(code(&world.ask(&eve(), DELETE, &[("Identifier", &id)])), (404, "NotFound"));
    assert_eq!(world.listed("ListClientCertificate", &[]), [id.as_str()]);
    world.ok(DELETE, &[("Identifier", &id)]);
    assert!(world.listed("ListClientCertificate", &[]).is_empty());
    assert!(world.office.is_revoked(2), "its entry stays");
}

#[test]
fn s29_s53_the_eleventh_call_in_a_second_is_throttled() {
    let world = world();
    let call = |who: &Principal, action| world.send(who, action, &[], "JSON");
    for action in [REVOKE, UPDATE] {
        for _ in 0..10 {
            assert_eq!(json_of(&call(&ann(), action))["Code"], "MissingParameter");
        }
        let throttled = call(&ann(), action);
        assert_eq!(
            (throttled.status, &json_of(&throttled)["Code"]),
            (429, &json!("Throttling.User"))
        );
        let wait = throttled.headers.iter().find(|(name, _)| *name == "x-acs-retry-after");
        assert_eq!(wait.unwrap().1, "1000", "milliseconds");
        assert_eq!(call(&eve(), action).status, 400, "another account");
    }
    world.now.set(world.now.get() + SECOND);
    assert_eq!(call(&ann(), REVOKE).status, 400);
}

#[test]
fn s30_a_certificate_is_named_by_the_identifier_that_lists_tell() {
    let world = world();
    let id = world.sell(2, "DV");
    assert_eq!(world.refused(REVOKE, &[]), missing());
    assert_eq!(world.refused(REVOKE, &[("Identifier", "")]), missing());
    for unknown in ["02", "leaf", &id[2..], &format!("{id}00")] {
        assert_eq!(world.refused(REVOKE, &[("Identifier", unknown)]), not_found(), "{unknown}");
    }
    assert_eq!(code(&world.ask(&eve(), REVOKE, &[("Identifier", &id)])), (404, "NotFound"));
    assert!(!world.office.is_revoked(2));
    assert_eq!(world.listed("ListClientCertificate", &[]), [id.as_str()]);
    // What nobody knows is ignored.
    world.ok(REVOKE, &[("Identifier", &id), ("RevocationReason", "x")]);

    // By a name that the embedder gave as well.
    let (mut world, id) = (world, world_id(3));
    world.sell(3, "DV");
    world.api = world.api.with_certificate_alias("leaf-1", id);
    assert!(world.listed("ListClientCertificate", &[]).contains(&"leaf-1".to_owned()));
    world.ok(REVOKE, &[("Identifier", "leaf-1")]);
    assert!(world.office.is_revoked(3));
}

#[test]
fn s30_what_names_no_account_belongs_to_the_account_of_its_ca() {
    let world = world();
    let certificate = world.office.certificate(2);
    world.office.authority.register(&Registration::of_certificate(certificate)).unwrap();
    let id = world_id(2).to_string();
    assert_eq!(code(&world.ask(&eve(), REVOKE, &[("Identifier", &id)])), (404, "NotFound"));
    assert_eq!(world.listed("ListClientCertificate", &[]), [id.as_str()]);
    world.ok(REVOKE, &[("Identifier", &id)]);
    assert_eq!(world.listed("ListRevokeCertificate", &[]), [id.as_str()]);
}

#[test]
fn s31_s61_success_says_the_request_id_and_nothing_else() {
    let world = world();
    let id = world.sell(2, "DV");
    for (action, identifier) in [(REVOKE, id.as_str()), (UPDATE, "ca-low")] {
        let response = world.send(&ann(), action, &[("Identifier", identifier)], "XML");
        let of = |name| response.headers.iter().find(|it| it.0 == name).map(|it| it.1.clone());
        let request_id = of("x-acs-request-id").unwrap();
        assert_eq!(request_id.len(), 36);
        let expected = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\" ?><{action}Response>\
             <RequestId>{request_id}</RequestId></{action}Response>"
        );
        assert_eq!(String::from_utf8(response.body.clone()).unwrap(), expected);
        assert_eq!(
            (response.status, of("content-type").as_deref()),
            (200, Some("application/xml"))
        );
    }
    for (action, identifier) in [(DELETE, id.as_str()), (UPDATE, "ca-sub")] {
        let response = world.send(&ann(), action, &[("Identifier", identifier)], "json");
        let answer = json_of(&response);
        assert_eq!(response.status, 200);
        assert_eq!(response.headers[0], ("content-type", "application/json".to_owned()));
        assert_eq!(answer, json!({ "RequestId": response.headers[1].1 }));
    }
}

#[test]
fn s32_an_error_says_its_code_and_the_request_id() {
    let world = world();
    let response = world.send(&ann(), REVOKE, &[], "JSON");
    let answer = json_of(&response);
    assert_eq!(answer["HostId"], "cas.example");
    assert_eq!(answer["Code"], "MissingParameter");
    assert_eq!(answer["RequestId"], json!(response.headers[1].1));
    assert!(answer["Message"].as_str().unwrap().contains("Identifier"));
    // XML is what the RPC style gets that asks for nothing else.
    let response = world.send(&ann(), REVOKE, &[], "");
    let text = String::from_utf8(response.body).unwrap();
    assert!(text.contains("<Error><Code>MissingParameter</Code><HostId>cas.example</HostId>"));

    let call = |target: &str, headers: &[(&str, &[u8])], body: &[u8]| {
        let request = ApiRequest { method: "POST", target, headers, body };
        let response = world.api.handle_as(&ann(), &request, world.now.get() + 9 * SECOND);
        (response.status, String::from_utf8(response.body).unwrap())
    };
    let is = |answer: (u16, String), status, code: &str| {
        assert!(answer.0 == status && answer.1.contains(code), "{answer:?}");
    };
    let acs3: [(&str, &[u8]); 2] =
        [("x-acs-action", REVOKE.as_bytes()), ("x-acs-version", b"2020-06-30")];
    is(call("/", &acs3, b""), 400, r#""Code":"MissingParameter""#);
    is(call("/", &acs3[..1], b""), 400, "MissingParameter");
    is(call("/x", &acs3, b""), 404, "InvalidAction.NotFound");
    is(call("/?Action=Nothing&Version=2020-06-30", &[], b""), 404, "InvalidAction.NotFound");
    is(call("/?Action=X&Version=2018-07-13", &[], b""), 400, "InvalidVersion");
    is(call("/?Action=X&Action=X", &[], b""), 400, "InvalidParameter");
    is(call("/", &acs3, &[b' '; 65 * 1024]), 413, "RequestEntityTooLarge");
    is(call("/", &acs3, &[b'['; 64 * 1024]), 400, "MissingParameter");
}

#[test]
fn s8_what_is_requested_is_listed_and_not_shown() {
    let world = world();
    let id = world.sell(2, "OV");
    let entry =
        || world.ok("ListClientCertificate", &[("Identifier", &id)])["CertificateList"][0].clone();
    let shown = entry();
    let pem = shown["X509Certificate"].as_str().unwrap();
    assert_eq!(Certificate::from_pem(pem).unwrap().der(), world.office.certificate(2).der());
    assert_eq!((&shown["CommonName"], &shown["Status"]), (&json!("leaf"), &json!("ISSUE")));
    assert_eq!((&shown["ParentIdentifier"], &shown["Days"]), (&json!("ca-root"), &json!(1100)));
    assert_eq!(shown["AfterDate"], json!(day(1000).unix() * 1000));
    world.ok(REVOKE, &[("Identifier", &id)]);
    let withheld = entry();
    assert_eq!(withheld["Identifier"], json!(id));
    assert!(withheld.get("X509Certificate").is_none() && withheld.get("CommonName").is_none());
}

#[test]
fn lists_are_paged() {
    let world = world();
    let ids: Vec<_> = (10..33).map(|number| world.sell(number, "DV")).collect();
    world.office.sell(50, "6", "DV");
    let page = |number: &str| {
        let parameters = [("CurrentPage", number), ("ShowSize", "10")];
        let answer = world.ok("ListClientCertificate", &parameters);
        let counts = ["CurrentPage", "ShowSize", "PageCount", "TotalCount"].map(|it| &answer[it]);
        assert_eq!(
            counts,
            [&json!(number.parse::<u64>().unwrap()), &json!(10), &json!(3), &json!(23)]
        );
        world.listed("ListClientCertificate", &parameters)
    };
    assert_eq!(page("1"), ids[..10]);
    assert_eq!(page("3"), ids[20..]);
    assert!(page("4").is_empty());
    assert_eq!(world.listed("ListClientCertificate", &[]).len(), 20, "otherwise");
    for (name, value) in [("CurrentPage", "0"), ("ShowSize", "101"), ("ShowSize", "-1")] {
        assert_eq!(world.refused("ListClientCertificate", &[(name, value)]), invalid());
    }
    world.ok(REVOKE, &[("Identifier", &ids[4])]);
    assert_eq!(world.listed("ListRevokeCertificate", &[]), ids[4..5]);
}
