//! What a request may say.

use crate::{ca::leaf, world::*};
use annul::{Policy, Reason, api::AcmeSigner};
use base64ct::{Base64, Encoding};
use proptest::prelude::*;
use serde_json::{Value, json};

#[test]
fn a_subscriber_has_six_reasons_and_no_other_integer_is_one() {
    let world = World::new();
    let codes = (0..=255).chain([-1, -128, 256, 257, i64::MAX, i64::MIN]);
    for (number, code) in codes.enumerate() {
        let certificate = world.issued(&leaf(&format!("{:04x}", number + 0x100)));
        let answer = world.revoke_for(&owner(), &certificate, json!(code));
        if [0, 1, 3, 4, 5, 9].contains(&code) {
            must(answer, OK);
            let reason = world.revocation(&certificate).unwrap().reason.unwrap();
            assert_eq!(i64::from(reason.code()), code);
        } else {
            must(answer, BAD_REASON);
            assert_eq!(world.revocation(&certificate), None);
        }
    }
    let certificate = world.issued(&leaf("0a"));
    must(world.revoke_for(&owner(), &certificate, json!(u64::MAX)), BAD_REASON);
    for no_integer in
        ["1.0", "1e0", "0.5", "\"1\"", "true", "[1]", "{}", "1e400", "01", "+1", "NaN"]
    {
        let encoded = base64url(certificate.der());
        let payload = format!(r#"{{"certificate":"{encoded}","reason":{no_integer}}}"#);
        must(world.post(&owner(), payload.as_bytes()), MALFORMED);
    }
    assert_eq!(world.revocation(&certificate), None);
    must(world.revoke_for(&owner(), &certificate, Value::Null), OK);
    assert_eq!(world.revocation(&certificate).unwrap().reason, None);
}

#[test]
fn the_policy_takes_reasons_away_and_may_demand_one() {
    let mut policy = Policy::default();
    policy.reason_required = true;
    policy.reasons = vec![Reason::KeyCompromise, Reason::CaCompromise, Reason::Superseded];
    let world = World::with(policy, |desk| desk, |service| service);
    let certificate = world.issued(&leaf("0a"));
    must(world.revoke(&owner(), &certificate), BAD_REASON);
    for code in [0, 2, 3, 5, 9] {
        let payload = json!({ "certificate": base64url(certificate.der()), "reason": code });
        let response = world.acme.revoke(&owner(), payload.to_string().as_bytes(), world.now);
        let body: Value = serde_json::from_slice(&response.body).unwrap();
        assert_eq!(body["detail"], "the reasonCodes that are allowed: 1, 4");
    }
    must(world.revoke_for(&owner(), &certificate, json!(4)), OK);
}

#[test]
fn a_payload_is_one_json_object_with_strict_base64url_of_one_certificate() {
    let world = World::new();
    let certificate = world.issued(&leaf("0a"));
    let der = certificate.der();
    let good = base64url(der);
    let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    let with = |text: &str| json!({ "certificate": text }).to_string();
    let mut payloads = vec![
        String::new(),
        "null".to_owned(),
        format!("[{:?}]", good),
        format!("{:?}", good),
        json!({ "Certificate": good }).to_string(),
        json!({ "certificate": [good] }).to_string(),
        json!({ "certificate": null }).to_string(),
        with(""),
        with(&format!("{good}=")),
        with(&format!("{good}==")),
        with(&format!(" {good}")),
        with(&format!("{good}\n")),
        with(&base64url(&[der, &[0]].concat())),
        with(&base64url(&[der, der].concat())),
        with(&base64url(&der[..der.len() - 1])),
        format!("{} x", with(&good)),
        format!(r#"{{"certificate":{good:?},"more":{}}}"#, nested(200)),
        format!("{}{}", with(&good), " ".repeat(64 * 1024)),
    ];
    let (standard, url) = (Base64::encode_string(der), good.as_str());
    assert_ne!(standard.trim_end_matches('='), url, "the alphabets do not differ in it");
    payloads.push(with(standard.trim_end_matches('=')));
    for payload in payloads {
        must(world.post(&owner(), payload.as_bytes()), MALFORMED);
    }
    // A bit that means nothing, where there are any.
    for length in der.len()..der.len() + 3 {
        let mut padded = base64url(&vec![0; length]).into_bytes();
        *padded.last_mut().unwrap() += u8::from(length % 3 != 0);
        let text = String::from_utf8(padded).unwrap();
        must(world.post(&owner(), with(&text).as_bytes()), MALFORMED);
    }
    assert_eq!(world.revocation(&certificate), None);
    let more = format!(r#"{{"x":{},"certificate":{good:?},"reasons":6}} "#, nested(100));
    must(world.post(&owner(), more.as_bytes()), OK);
}

#[test]
fn no_certificate_with_another_bit_is_revoked() {
    let world = World::new();
    let certificate = world.issued(&leaf("0a"));
    for place in 0..certificate.der().len() {
        let mut der = certificate.der().to_vec();
        der[place] ^= 1 << (place % 8);
        let payload = json!({ "certificate": base64url(&der) });
        assert_ne!(world.ask(&owner(), &payload).0, 200, "octet {place}");
    }
    assert_eq!(world.revocation(&certificate), None);
    must(world.revoke(&owner(), &certificate), OK);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn garbage_is_refused(
        octets in prop::collection::vec(any::<u8>(), 0..400),
        text in ".{0,60}",
        place in any::<prop::sample::Index>(),
        with in any::<u8>(),
    ) {
        let world = World::new();
        let certificate = world.ca.issue("0a");
        let mut damaged = json!({ "certificate": base64url(certificate.der()), "reason": 1 })
            .to_string()
            .into_bytes();
        *place.get_mut(&mut damaged) = with;
        let payloads = [
            octets.clone(),
            text.clone().into_bytes(),
            damaged,
            json!({ "certificate": text, "reason": text }).to_string().into_bytes(),
            json!({ "certificate": base64url(&octets), "reason": with }).to_string().into_bytes(),
        ];
        let signers = [owner(), AcmeSigner::CertificateKey { public_key: octets }];
        for payload in &payloads {
            for signer in &signers {
                prop_assert!((400..500).contains(&world.post(signer, payload).0));
            }
        }
        world.must_know_nothing_of(&certificate);
    }
}
