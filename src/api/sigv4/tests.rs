use super::{
    super::{Credential, CredentialsError, StaticCredentials, sample::Sent},
    *,
};
use crate::retry::Retry;
use proptest::{collection::vec, prelude::*};

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const BODY: &str = r#"{"CertificateAuthorityArn": "arn:aws:acm-pca:eu-central-1:111122223333:certificate-authority/12345678-1234-1234-1234-123456789012", "CertificateSerial": "e8:cb:d2:de:db:12:23:29:f9:77:06:bc:fe:c9:90:f8", "RevocationReason": "KEY_COMPROMISE"}"#;

fn ann() -> Principal {
    Principal::new("111122223333", "ann")
}

fn keys() -> StaticCredentials {
    StaticCredentials::new().with("AKIDEXAMPLE", Credential::new(SECRET, ann()))
}

fn temporary(token: &str) -> StaticCredentials {
    let credential = Credential::new(SECRET, ann()).with_token(token);
    StaticCredentials::new().with("AKIDEXAMPLE", credential)
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn verify_at(sent: &Sent, now: &str) -> Result<Principal, Unauthenticated> {
    let verifier = SigV4::new("eu-central-1", "acm-pca");
    sent.ask(|request| verifier.verify(request, &keys(), at(now)))
}

fn verify_with(keys: &StaticCredentials, sent: &Sent) -> Result<Principal, Unauthenticated> {
    let verifier = SigV4::new("eu-central-1", "acm-pca");
    sent.ask(|request| verifier.verify(request, keys, at("2026-11-30T19:11:30Z")))
}

fn verify(sent: &Sent) -> Result<Principal, Unauthenticated> {
    verify_at(sent, "2026-11-30T19:11:30Z")
}

/// What boto3 1.44.8 sends for `revoke_certificate`.
fn boto3() -> Sent {
    Sent::new(
        "POST",
        "/",
        &[
            ("Host", "127.0.0.1:41059"),
            ("Accept-Encoding", "identity"),
            ("X-Amz-Target", "ACMPrivateCA.RevokeCertificate"),
            ("Content-Type", "application/x-amz-json-1.1"),
            ("X-Amz-Date", "20261130T191122Z"),
            (
                "Authorization",
                "AWS4-HMAC-SHA256 \
                 Credential=AKIDEXAMPLE/20261130/eu-central-1/acm-pca/aws4_request, \
                 SignedHeaders=content-type;host;x-amz-date;x-amz-target, \
                 Signature=3b509a4d4efc31d20fbdafa31a099bc042779320df29b3ac1c098f67807f380f",
            ),
            ("amz-sdk-request", "attempt=1; max=3"),
            ("Content-Length", "241"),
        ],
        BODY,
    )
}

/// The same with a session token.
fn boto3_with_token() -> Sent {
    let mut sent = boto3();
    sent.headers.push(("X-Amz-Security-Token".into(), b"session/token==".to_vec()));
    sent.set(
        "Authorization",
        "AWS4-HMAC-SHA256 \
         Credential=AKIDEXAMPLE/20261130/eu-central-1/acm-pca/aws4_request, \
         SignedHeaders=content-type;host;x-amz-date;x-amz-security-token;x-amz-target, \
         Signature=b418b58db89a5b257e6e290b172a45ad60296378d76ee652b55daa2141626efd",
    );
    sent
}

/// Signs it, by what the verifier makes of it.
fn sign(sent: &mut Sent, signed_headers: &str) {
    let credential = "AKIDEXAMPLE/20261130/eu-central-1/acm-pca/aws4_request";
    let authorization = |signature: &str| {
        format!(
            "{ALGORITHM} Credential={credential}, SignedHeaders={signed_headers}, \
             Signature={signature}"
        )
    };
    sent.set("Authorization", &authorization(&"0".repeat(64)));
    let signature = sent.ask(|request| {
        let parsed = Authorization::of(request, ALGORITHM).unwrap();
        let payload = sha256_hex(request.body);
        let canonical = canonical_request(request, &parsed, &payload).unwrap();
        let (_, scope) = credential.split_once('/').unwrap();
        let hash = sha256_hex(&canonical);
        let to_sign = format!("{ALGORITHM}\n20261130T191122Z\n{scope}\n{hash}");
        let signature = hmac_sha256(&*signing_key(SECRET, scope), to_sign.as_bytes());
        signature.iter().map(|octet| format!("{octet:02x}")).collect::<String>()
    });
    sent.set("Authorization", &authorization(&signature));
}

#[test]
fn s75_what_boto3_signs_is_accepted() {
    assert_eq!(verify(&boto3()).unwrap(), ann());
    let mut again = boto3();
    sign(&mut again, "content-type;host;x-amz-date;x-amz-target");
    assert_eq!(again.headers, boto3().headers);
}

#[test]
fn a_path_a_query_and_spaces_are_made_canonical_as_botocore_does() {
    let mut sent = Sent::new(
        "POST",
        "/a//b/./x/../c%20d~*/?b=2&a=x%20y&a=1&c=&d",
        &[
            ("host", "localhost:8080"),
            ("x-amz-target", " a   b  "),
            ("my-header", "  q  \"r   s\" "),
            ("x-amz-date", "20261130T192832Z"),
            (
                "authorization",
                "AWS4-HMAC-SHA256 \
                 Credential=AKIDEXAMPLE/20261130/eu-central-1/acm-pca/aws4_request, \
                 SignedHeaders=host;my-header;x-amz-date;x-amz-target, \
                 Signature=3989352cbfa444e81d6cd30f6fe915661052ffa965e19106f9ba305e31f87b62",
            ),
        ],
        "",
    );
    let now = "2026-11-30T19:28:32Z";
    assert_eq!(verify_at(&sent, now).unwrap(), ann());
    sent.headers.retain(|(name, _)| name != "x-amz-target" && name != "my-header");
    sent.set(
        "authorization",
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261130/eu-central-1/acm-pca/aws4_request, \
         SignedHeaders=host;x-amz-date, \
         Signature=00334068b11dd0c7f699cce68abe2b0eb078e636206b96194c2fbe043fb034ee",
    );
    let sent = Sent { target: "/..".into(), body: b"{}".to_vec(), ..sent };
    assert_eq!(verify_at(&sent, now).unwrap(), ann());
}

#[test]
fn no_bit_of_what_is_signed_can_be_changed() {
    const FREE: [&str; 3] = ["Accept-Encoding", "amz-sdk-request", "Content-Length"];
    for (sent, keys) in [(boto3(), keys()), (boto3_with_token(), temporary("session/token=="))] {
        assert_eq!(verify_with(&keys, &sent).unwrap(), ann());
        for (what, other) in sent.flipped() {
            let is_free = FREE.iter().any(|name| what.ends_with(name));
            // Those are refused wherever they are.
            let is_control = |value: &[u8]| value.iter().any(u8::is_ascii_control);
            let is_free = is_free && !other.headers.iter().any(|(_, v)| is_control(v));
            assert_eq!(verify_with(&keys, &other).is_ok(), is_free, "{what}");
        }
    }
}

#[test]
fn a_session_token_goes_with_its_key_and_must_be_signed() {
    use Unauthenticated as U;
    assert!(matches!(verify(&boto3_with_token()), Err(U::AnotherToken)));
    let keys = temporary("session/token==");
    assert!(matches!(verify_with(&keys, &boto3()), Err(U::AnotherToken)));
    let other = verify_with(&temporary("session/token="), &boto3_with_token());
    assert!(matches!(other, Err(U::AnotherToken)));
    let mut unsigned = boto3();
    unsigned.headers.push(("x-amz-security-token".into(), b"session/token==".to_vec()));
    let refused = verify_with(&keys, &unsigned);
    assert!(matches!(refused, Err(U::NotCovered { header }) if header == "x-amz-security-token"));
}

#[test]
fn what_must_be_signed_is() {
    for (name, without) in [
        ("host", "content-type;x-amz-date;x-amz-target"),
        ("x-amz-date", "content-type;host;x-amz-target"),
        ("x-amz-target", "content-type;host;x-amz-date"),
    ] {
        let mut sent = boto3();
        sign(&mut sent, without);
        let refused = verify(&sent);
        assert!(
            matches!(&refused, Err(Unauthenticated::NotCovered { header }) if header == name),
            "{refused:?}"
        );
        sent.headers.retain(|(other, _)| !other.eq_ignore_ascii_case(name));
        let is_needed = name == "host" || name == "x-amz-date";
        assert_eq!(verify(&sent).is_err(), is_needed, "{name}");
    }
}

#[test]
fn the_content_type_need_not_be_signed_as_some_sdks_leave_it_out() {
    let mut sent = boto3();
    sign(&mut sent, "host;x-amz-date;x-amz-target");
    assert!(verify(&sent).is_ok());
}

#[test]
fn a_header_that_is_there_twice_is_refused() {
    for name in ["host", "content-type", "x-amz-date", "x-amz-target", "authorization"] {
        let mut sent = boto3();
        let found = sent.headers.iter().find(|(other, _)| other.eq_ignore_ascii_case(name));
        let value = found.unwrap().1.clone();
        sent.headers.push((name.into(), value));
        let refused = verify(&sent);
        assert!(
            matches!(&refused, Err(Unauthenticated::Twice { name: twice }) if twice == name),
            "{refused:?}"
        );
    }
}

#[test]
fn a_request_is_good_for_five_minutes_before_and_after_its_date() {
    for (now, is_ok) in [
        ("2026-11-30T19:06:21Z", false),
        ("2026-11-30T19:06:22Z", true),
        ("2026-11-30T19:16:22Z", true),
        ("2026-11-30T19:16:23Z", false),
    ] {
        let answer = verify_at(&boto3(), now);
        assert_eq!(answer.is_ok(), is_ok, "{now}");
        assert!(is_ok || matches!(answer, Err(Unauthenticated::Expired { .. })));
    }
    let verifier = SigV4::new("eu-central-1", "acm-pca").with_skew(Duration::ZERO);
    let verify_at = |now| boto3().ask(|request| verifier.verify(request, &keys(), at(now))).is_ok();
    assert!(verify_at("2026-11-30T19:11:22Z") && !verify_at("2026-11-30T19:11:23Z"));
}

#[test]
fn the_scope_is_that_of_the_service_and_of_the_day() {
    for (from, to) in [
        ("20261130/", "20261129/"),
        ("eu-central-1", "eu-west-1"),
        ("acm-pca", "acm"),
        ("/aws4_request", ""),
    ] {
        let mut sent = boto3();
        sent.replace("Authorization", from, to);
        assert!(matches!(verify(&sent), Err(Unauthenticated::AnotherScope { .. })), "{to}");
    }
}

#[test]
fn the_body_is_signed() {
    let payload = sha256_hex(BODY.as_bytes());
    let covered = "content-type;host;x-amz-content-sha256;x-amz-date;x-amz-target";
    let with_payload = |payload: &str| {
        let mut sent = boto3();
        sent.headers.push(("X-Amz-Content-SHA256".into(), payload.into()));
        sign(&mut sent, covered);
        verify(&sent)
    };
    assert_eq!(with_payload(&payload).unwrap(), ann());
    let other = with_payload(&sha256_hex(b""));
    assert!(matches!(other, Err(Unauthenticated::AnotherBody)));
    for unsigned in ["UNSIGNED-PAYLOAD", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"] {
        let refused = with_payload(unsigned);
        assert!(matches!(refused, Err(Unauthenticated::Unsupported { .. })), "{unsigned}");
    }
}

#[test]
fn what_is_missing_unknown_or_unsupported_is_told_apart() {
    use Unauthenticated as U;
    let changed = |change: &dyn Fn(&mut Sent)| {
        let mut sent = boto3();
        change(&mut sent);
        verify(&sent).unwrap_err()
    };
    let unsigned = changed(&|sent| sent.headers.retain(|(name, _)| name != "Authorization"));
    assert!(matches!(unsigned, U::Unsigned));
    let presigned = changed(&|sent| {
        sent.headers.retain(|(name, _)| name != "Authorization");
        sent.target = "/?X-Amz-Signature=00".into();
    });
    assert!(matches!(presigned, U::Unsupported { .. }));
    let unknown = changed(&|sent| sent.replace("Authorization", "AKIDEXAMPLE", "AKIDOTHER"));
    assert!(matches!(unknown, U::UnknownKey));
    let asymmetric = changed(&|sent| sent.replace("Authorization", "HMAC", "ECDSA-P256"));
    assert!(matches!(asymmetric, U::Unsupported { .. }));
    let twice = changed(&|sent| {
        sent.replace("Authorization", "Signature=", "Signature=00, Signature=");
    });
    assert!(matches!(twice, U::Malformed { .. }));
    let unordered =
        changed(&|sent| sent.replace("Authorization", "content-type;host", "host;content-type"));
    assert!(matches!(unordered, U::Malformed { what: "SignedHeaders" }));
    let long = changed(&|sent| sent.headers.push(("a".into(), vec![b'a'; 64 * 1024])));
    assert!(matches!(long, U::TooLarge { .. }));
    let large = changed(&|sent| sent.target = format!("/?{}", "a".repeat(8 * 1024)));
    assert!(matches!(large, U::TooLarge { .. }));
    let many = changed(&|sent| sent.headers.extend(vec![("a".into(), b"b".to_vec()); 128]));
    assert!(matches!(many, U::TooLarge { .. }));
}

#[test]
fn credentials_that_cannot_tell_let_nobody_in() {
    #[derive(Debug)]
    struct Down;
    impl Credentials for Down {
        fn find(&self, _: &str) -> Result<Option<Credential>, CredentialsError> {
            Err("down".into())
        }
    }
    let verifier = SigV4::new("eu-central-1", "acm-pca");
    let refused = boto3()
        .ask(|request| verifier.verify(request, &Down, at("2026-11-30T19:11:22Z")))
        .unwrap_err();
    assert!(matches!(refused, Unauthenticated::Credentials(_)));
    assert_ne!(refused.retry(), Retry::Never);
}

proptest! {
    #[test]
    fn no_request_panics(
        method in ".{0,5}",
        target in "(/|\\PC)[%?&=+/.\\PC]{0,40}",
        header in 0..8_usize,
        value in vec(any::<u8>(), 0..80),
        authorization in "(AWS4-HMAC-SHA256 )?([,=; /]|Credential|SignedHeaders|Signature|host|\\PC){0,20}",
        body in vec(any::<u8>(), 0..20),
    ) {
        let mut sent = boto3();
        sent.set("Authorization", &authorization);
        prop_assert!(verify(&sent).is_err());
        let mut sent = Sent { method, target, body, ..boto3() };
        sent.headers[header].1 = value;
        prop_assert!(verify(&sent).is_err());
    }
}
