//! Requests as the service's own clients sign them.

use super::*;

/// What alibabacloud_cas20200630 2.1.4 sends.
fn acs3<T>(ask: impl FnOnce(&ApiRequest<'_>) -> T) -> T {
    let headers: [(&str, &[u8]); 10] = [
        ("host", b"127.0.0.1:41059"),
        ("x-acs-version", b"2020-06-30"),
        ("x-acs-action", REVOKE.as_bytes()),
        ("user-agent", b"AlibabaCloud (Linux; x86_64) Python/3.11.7 Core/0.4.3 TeaDSL/2"),
        ("x-acs-date", b"2026-11-30T19:11:23Z"),
        ("x-acs-signature-nonce", b"8ac7858ed56944241bea26be5f7e5904"),
        ("accept", b"application/json"),
        (
            "x-acs-content-sha256",
            b"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        ),
        ("x-acs-credentials-provider", b"static_ak"),
        (
            "Authorization",
            b"ACS3-HMAC-SHA256 Credential=LTAIexample,SignedHeaders=accept;host;user-agent;\
              x-acs-action;x-acs-content-sha256;x-acs-credentials-provider;x-acs-date;\
              x-acs-signature-nonce;x-acs-version,\
              Signature=31761c47fffaa487d5d82b061426a70018b591a4eafb6b4a03cfe4b0e95bfecf",
        ),
    ];
    let target = "/?Identifier=cert%2A1+~%2F%C3%BC";
    ask(&ApiRequest { method: "POST", target, headers: &headers, body: b"" })
}

/// The same in the RPC style, with a header that is not signed.
fn rpc<T>(ask: impl FnOnce(&ApiRequest<'_>) -> T) -> T {
    let target = "/?Action=CreateRevokeClientCertificate&Format=json&Version=2020-06-30\
         &Timestamp=2026-11-30T19%3A11%3A24Z&SignatureNonce=145ca73637e64ba67b8c241ce16926eb\
         &Identifier=cert%2A1+~%2F%C3%BC&SignatureMethod=HMAC-SHA1&SignatureVersion=1.0\
         &AccessKeyId=LTAIexample&Signature=KETbAB4NWansX5H97AqWr4L%2Biq8%3D";
    let headers: [(&str, &[u8]); 1] = [("x-acs-action", DELETE.as_bytes())];
    ask(&ApiRequest { method: "POST", target, headers: &headers, body: b"" })
}

#[test]
fn what_clients_sign_is_done_once_in_both_styles() {
    for style in [0, 1] {
        let ask = |ask: &dyn Fn(&ApiRequest<'_>) -> ApiResponse| match style {
            0 => acs3(ask),
            _ => rpc(ask),
        };
        let mut world = world();
        let clock: &ToyClock = &world.office.clock;
        clock.set("2026-11-30T19:11:30Z".parse().unwrap());
        let id = world.office.sell(2, "5", "DV");
        world.api = world.api.with_certificate_alias("cert*1 ~/ü", id);
        let handle = |request: &ApiRequest<'_>| {
            let response = world.api.handle(request, world.now.get());
            (response.status, json_of(&response)["Code"].clone())
        };
        let send = |change: &dyn Fn(&mut ApiRequest<'_>)| {
            let answer = Cell::new(None);
            ask(&|request| {
                let mut request = *request;
                change(&mut request);
                answer.set(Some(handle(&request)));
                ApiResponse { status: 0, headers: Vec::new(), body: Vec::new() }
            });
            answer.take().unwrap()
        };
        let mismatch = (400, json!("SignatureDoesNotMatch"));
        assert_eq!(send(&|request| request.method = "GET"), mismatch);
        assert!(!world.office.is_revoked(2));
        assert_eq!(send(&|_| {}), (200, Value::Null));
        assert!(world.office.is_revoked(2));
        assert_eq!(send(&|_| {}), (400, json!("SignatureNonceUsed")));
        world.office.clock.set("2026-11-30T20:11:30Z".parse().unwrap());
        assert_eq!(send(&|_| {}), (400, json!("InvalidTimeStamp.Expired")));
    }
}

#[test]
fn nobody_is_answered_who_does_not_sign() {
    let world = world();
    let target = format!("/?Action={REVOKE}&Version=2020-06-30&Format=JSON&Identifier=1");
    let request = ApiRequest { method: "GET", target: &target, headers: &[], body: b"" };
    assert!(Parameters::of(&request).is_ok());
    let response = world.api.handle(&request, world.now.get());
    assert_eq!((response.status, &json_of(&response)["Code"]), (400, &json!("MissingParameter")));
}
