use super::*;
use crate::api::{Credential, StaticCredentials, sample::Sent};
use proptest::{collection::vec, prelude::*};

const SECRET: &str = "alibaba+secret/Example";
const NOW: &str = "2026-11-30T19:11:30Z";

fn ann() -> Principal {
    Principal::new("5", "ann")
}

fn keys() -> StaticCredentials {
    StaticCredentials::new().with("LTAIexample", Credential::new(SECRET, ann()))
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn verify_with(
    verifier: &AcsSignature,
    keys: &StaticCredentials,
    sent: &Sent,
    now: &str,
) -> Result<Principal, Unauthenticated> {
    sent.ask(|request| {
        let parameters = Parameters::of(request)?;
        verifier.verify(request, &parameters, keys, at(now))
    })
}

/// By a verifier that never saw anything.
fn verify(sent: &Sent) -> Result<Principal, Unauthenticated> {
    verify_with(&AcsSignature::new(), &keys(), sent, NOW)
}

/// What alibabacloud_cas20200630 2.1.4 sends for `create_revoke_client_certificate`.
fn acs3() -> Sent {
    Sent::new(
        "POST",
        "/?Identifier=cert%2A1+~%2F%C3%BC",
        &[
            ("host", "127.0.0.1:41059"),
            ("x-acs-version", "2020-06-30"),
            ("x-acs-action", "CreateRevokeClientCertificate"),
            ("user-agent", "AlibabaCloud (Linux; x86_64) Python/3.11.7 Core/0.4.3 TeaDSL/2"),
            ("x-acs-date", "2026-11-30T19:11:23Z"),
            ("x-acs-signature-nonce", "8ac7858ed56944241bea26be5f7e5904"),
            ("accept", "application/json"),
            (
                "x-acs-content-sha256",
                "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            ),
            ("x-acs-credentials-provider", "static_ak"),
            (
                "Authorization",
                "ACS3-HMAC-SHA256 Credential=LTAIexample,SignedHeaders=accept;host;user-agent;\
                 x-acs-action;x-acs-content-sha256;x-acs-credentials-provider;x-acs-date;\
                 x-acs-signature-nonce;x-acs-version,\
                 Signature=31761c47fffaa487d5d82b061426a70018b591a4eafb6b4a03cfe4b0e95bfecf",
            ),
            ("Content-Length", "0"),
        ],
        "",
    )
}

/// The same for `update_cacertificate_status`, with a parameter that is empty.
fn acs3_update() -> Sent {
    let mut sent = acs3();
    sent.target = "/?ClientToken=&Identifier=1a2b&Status=REVOKE".into();
    sent.set("x-acs-action", "UpdateCACertificateStatus");
    sent.set("x-acs-signature-nonce", "1c5dc45fcbf155f5449d52fee3eab2a4");
    sent.replace(
        "Authorization",
        "31761c47fffaa487d5d82b061426a70018b591a4eafb6b4a03cfe4b0e95bfecf",
        "749f7967fc25c2f47e2f84ebfb7162399d0ffaf1452c00400ff3eb83c1d0aed9",
    );
    sent
}

/// With a session token.
fn acs3_with_token() -> Sent {
    let mut sent = acs3();
    sent.set("x-acs-date", "2026-11-30T19:11:24Z");
    sent.set("x-acs-signature-nonce", "339496b616335f7e63e773e2da52c5e2");
    sent.set("x-acs-credentials-provider", "static_sts");
    sent.headers.push(("x-acs-accesskey-id".into(), b"LTAIexample".to_vec()));
    sent.headers.push(("x-acs-security-token".into(), b"sts/token==".to_vec()));
    sent.set(
        "Authorization",
        "ACS3-HMAC-SHA256 Credential=LTAIexample,SignedHeaders=accept;host;user-agent;\
         x-acs-accesskey-id;x-acs-action;x-acs-content-sha256;x-acs-credentials-provider;\
         x-acs-date;x-acs-security-token;x-acs-signature-nonce;x-acs-version,\
         Signature=6a6f8ba6005c232f2bf1817d0c3a76cafe7b7baec79c09810dfe8b0f51fa63c7",
    );
    sent
}

/// What the same client sends in the RPC style.
fn rpc() -> Sent {
    Sent::new(
        "POST",
        "/?Action=CreateRevokeClientCertificate&Format=json&Version=2020-06-30\
         &Timestamp=2026-11-30T19%3A11%3A24Z&SignatureNonce=145ca73637e64ba67b8c241ce16926eb\
         &Identifier=cert%2A1+~%2F%C3%BC&SignatureMethod=HMAC-SHA1&SignatureVersion=1.0\
         &AccessKeyId=LTAIexample&Signature=KETbAB4NWansX5H97AqWr4L%2Biq8%3D",
        &[("host", "127.0.0.1:41059"), ("x-acs-action", "CreateRevokeClientCertificate")],
        "",
    )
}

/// What aliyun-python-sdk-core 2.16.1 sends, with GET.
fn rpc_get() -> Sent {
    Sent::new(
        "GET",
        "/?Identifier=cert%2A1%20~%2F%C3%BC%2B&Version=2020-06-30\
         &Action=CreateRevokeClientCertificate&Format=JSON&RegionId=cn-hangzhou\
         &Timestamp=2026-11-30T19%3A11%3A24Z&SignatureMethod=HMAC-SHA1&SignatureType=\
         &SignatureVersion=1.0&SignatureNonce=14487718e8585afdc01ea769d6db62f0\
         &AccessKeyId=LTAIexample&Signature=V8HPXrknLu5Pb7H65StFaWH5dXc%3D",
        &[("Host", "127.0.0.1:41059")],
        "",
    )
}

/// With POST, and a parameter in a form.
fn rpc_form() -> Sent {
    Sent::new(
        "POST",
        "/?Version=2020-06-30&Action=CreateRevokeClientCertificate&Format=JSON\
         &RegionId=cn-hangzhou&Timestamp=2026-11-30T19%3A11%3A24Z&SignatureMethod=HMAC-SHA1\
         &SignatureType=&SignatureVersion=1.0&SignatureNonce=d819cdddab32be40e985d91a6dc7d634\
         &AccessKeyId=LTAIexample&Signature=CP7SlatIIo8Tz9KmYmHg8H1EFqY%3D",
        &[("Content-Type", "application/x-www-form-urlencoded")],
        "Identifier=cert%2A1+~%2F%C3%BC%2B",
    )
}

fn parameters(sent: &Sent) -> Option<Parameters> {
    sent.ask(|request| Parameters::of(request).ok())
}

#[test]
fn what_the_clients_sign_is_accepted_in_both_styles() {
    for sent in [acs3(), acs3_update(), rpc(), rpc_get(), rpc_form()] {
        assert_eq!(verify(&sent).unwrap(), ann(), "{}", sent.target);
    }
    let identifier =
        |sent| parameters(&sent).and_then(|of| of.get("Identifier").map(str::to_owned));
    assert_eq!(identifier(acs3()).as_deref(), Some("cert*1 ~/ü"));
    for sent in [rpc_get(), rpc_form()] {
        assert_eq!(identifier(sent).as_deref(), Some("cert*1 ~/ü+"));
    }
}

#[test]
fn no_bit_of_what_is_signed_can_be_changed() {
    let temporary = Credential::new(SECRET, ann()).with_token("sts/token==");
    let temporary = StaticCredentials::new().with("LTAIexample", temporary);
    for (sent, keys) in [
        (acs3(), keys()),
        (acs3_update(), keys()),
        (acs3_with_token(), temporary),
        (rpc(), keys()),
        (rpc_get(), keys()),
        (rpc_form(), keys()),
    ] {
        let is_rpc = !sent.headers.iter().any(|(name, _)| name == "Authorization");
        for (what, other) in sent.flipped() {
            let is_control =
                other.headers.iter().any(|(_, value)| value.iter().any(u8::is_ascii_control));
            // The same parameters may be written in two ways, as `%2A` and as `%2a`.
            let is_free = parameters(&other) == parameters(&sent)
                && other.method == sent.method
                && match is_rpc {
                    true => true,
                    false => {
                        other.body == sent.body
                            && (what.ends_with("target") || what.ends_with("Content-Length"))
                            && !is_control
                    }
                };
            let answer = verify_with(&AcsSignature::new(), &keys, &other, NOW);
            assert_eq!(answer.is_ok(), is_free, "{what} {answer:?}");
        }
    }
}

#[test]
fn a_session_token_goes_with_its_key_and_must_be_signed() {
    use Unauthenticated as U;
    assert!(matches!(verify(&acs3_with_token()), Err(U::AnotherToken)));
    let mut unsigned = acs3();
    unsigned.headers.push(("x-acs-security-token".into(), b"sts/token==".to_vec()));
    assert!(
        matches!(verify(&unsigned), Err(U::NotCovered { header }) if header == "x-acs-security-token")
    );
}

#[test]
fn what_must_be_signed_is_there_and_signed() {
    for name in [
        "host",
        "x-acs-action",
        "x-acs-version",
        "x-acs-date",
        "x-acs-signature-nonce",
        "x-acs-content-sha256",
    ] {
        let mut sent = acs3();
        let from = if name == "x-acs-version" { format!(";{name}") } else { format!("{name};") };
        sent.replace("Authorization", &from, "");
        let refused = verify(&sent);
        assert!(
            matches!(&refused, Err(Unauthenticated::NotCovered { header }) if header == name),
            "{refused:?}"
        );
        sent.headers.retain(|(other, _)| other != name);
        let refused = verify(&sent);
        assert!(
            matches!(&refused, Err(Unauthenticated::Malformed { what }) if *what == name),
            "{refused:?}"
        );
    }
    let mut sent = acs3();
    sent.headers.push(("content-type".into(), b"application/x-www-form-urlencoded".to_vec()));
    let refused = verify(&sent);
    assert!(
        matches!(&refused, Err(Unauthenticated::NotCovered { header }) if header == "content-type"),
        "{refused:?}"
    );
    for name in [
        "Action=",
        "Signature",
        "SignatureMethod",
        "SignatureVersion",
        "SignatureNonce",
        "Timestamp",
        "AccessKeyId",
    ] {
        let mut sent = rpc();
        sent.target = sent.target.replace(name, &format!("Other{name}"));
        assert!(verify(&sent).is_err(), "{name}");
    }
}

#[test]
fn a_parameter_or_a_header_that_is_there_twice_is_refused() {
    let twice = |sent: &Sent, expected: &str| {
        let refused = verify(sent);
        assert!(
            matches!(&refused, Err(Unauthenticated::Twice { name }) if name == expected),
            "{refused:?}"
        );
    };
    for sent in [acs3(), rpc(), rpc_get()] {
        let target = format!("{}&Identifier=other", sent.target);
        twice(&Sent { target, ..sent }, "Identifier");
    }
    let sent = rpc_form();
    twice(&Sent { target: format!("{}&Identifier=other", sent.target), ..sent }, "Identifier");
    for (name, value) in acs3().headers {
        if name == "Content-Length" {
            continue;
        }
        let mut sent = acs3();
        sent.headers.push((name.to_ascii_uppercase(), value));
        twice(&sent, &name.to_ascii_lowercase());
    }
}

#[test]
fn other_algorithms_and_unknown_keys_are_told_apart() {
    use Unauthenticated as U;
    let unsupported = |sent: &Sent| matches!(verify(sent), Err(U::Unsupported { .. }));
    let mut sent = acs3();
    sent.replace("Authorization", "SHA256", "SM3");
    assert!(unsupported(&sent));
    let mut sent = rpc();
    sent.target = sent.target.replace("HMAC-SHA1", "HMAC-SHA256");
    assert!(unsupported(&sent));
    let mut sent = rpc();
    sent.target = sent.target.replace("SignatureVersion=1.0", "SignatureVersion=2.0");
    assert!(unsupported(&sent));
    for mut sent in [acs3(), rpc()] {
        sent.target = sent.target.replace("LTAIexample", "LTAIother");
        if sent.headers.iter().any(|(name, _)| name == "Authorization") {
            sent.replace("Authorization", "LTAIexample", "LTAIother");
        }
        assert!(matches!(verify(&sent), Err(U::UnknownKey)));
    }
    assert!(matches!(verify(&Sent::new("GET", "/?Action=a", &[], "")), Err(U::Unsigned)));
    let many = (0..257).map(|n| format!("a{n}=&")).collect::<String>();
    let sent = Sent::new("GET", &format!("/?{many}"), &[], "");
    assert!(matches!(verify(&sent), Err(U::TooLarge { .. })));
    let mut sent = rpc_form();
    sent.body = vec![b'a'; 64 * 1024 + 1];
    assert!(matches!(verify(&sent), Err(U::TooLarge { .. })));
}

#[test]
fn a_body_that_was_not_signed_is_told_from_a_wrong_signature() {
    let sent = Sent { body: b"x".to_vec(), ..acs3() };
    assert!(matches!(verify(&sent), Err(Unauthenticated::AnotherBody)));
}

#[test]
fn a_nonce_is_good_once_and_only_if_the_signature_is_right() {
    for sent in [acs3(), rpc()] {
        let verifier = AcsSignature::new();
        let mut wrong = sent.clone();
        wrong.method = "PUT".into();
        let refused = verify_with(&verifier, &keys(), &wrong, NOW);
        assert!(matches!(refused, Err(Unauthenticated::Mismatch)));
        assert_eq!(verify_with(&verifier, &keys(), &sent, NOW).unwrap(), ann());
        for now in [NOW, "2026-11-30T19:26:23Z", "2026-11-30T18:56:24Z"] {
            let refused = verify_with(&verifier, &keys(), &sent, now);
            assert!(matches!(refused, Err(Unauthenticated::Replayed)), "{refused:?}");
        }
    }
}

#[test]
fn a_request_is_good_for_fifteen_minutes_before_and_after_its_date() {
    for (now, is_ok) in [
        ("2026-11-30T18:56:22Z", false),
        ("2026-11-30T18:56:23Z", true),
        ("2026-11-30T19:26:23Z", true),
        ("2026-11-30T19:26:24Z", false),
    ] {
        let answer = verify_with(&AcsSignature::new(), &keys(), &acs3(), now);
        assert_eq!(answer.is_ok(), is_ok, "{now}");
        assert!(is_ok || matches!(answer, Err(Unauthenticated::Expired { .. })));
    }
}

#[test]
fn nothing_from_before_the_start_is_accepted() {
    let started = |at_text| {
        let verifier = AcsSignature::new().started(at(at_text));
        verify_with(&verifier, &keys(), &acs3(), NOW).is_ok()
    };
    assert!(started("2026-11-30T19:11:23Z") && !started("2026-11-30T19:11:24Z"));
}

proptest! {
    #[test]
    fn no_request_panics(
        method in ".{0,5}",
        target in "(/|\\PC)(\\PC|[%?&=+/.]|Signature=|Timestamp=){0,40}",
        header in 0..10_usize,
        value in vec(any::<u8>(), 0..80),
        authorization in "(ACS3-HMAC-SHA256 )?([,=; /]|Credential|SignedHeaders|Signature|host|\\PC){0,20}",
        body in vec(any::<u8>(), 0..20),
    ) {
        let mut sent = acs3();
        sent.set("Authorization", &authorization);
        prop_assert!(verify(&sent).is_err());
        let mut sent = Sent { method, target, body, ..acs3() };
        sent.headers[header].1 = value;
        prop_assert!(verify(&sent).is_err());
        sent.headers.clear();
        prop_assert!(verify(&sent).is_err());
    }
}
