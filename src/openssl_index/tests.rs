use super::*;
use crate::reason::{Reason, ReasonCode};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn only(line: &str) -> Result<OpenSslRecord<'_>, OpenSslIndexProblem> {
    let index = OpenSslIndex::from_text(line.as_bytes()).map_err(|error| error.problem)?;
    let mut records = index.records();
    let record = records.next().unwrap();
    assert_eq!(records.next(), None);
    Ok(record)
}

fn revoked(field: &str) -> Result<OpenSslRevocation, OpenSslIndexProblem> {
    let line = format!("R\t280101000000Z\t{field}\t0A\tunknown\t/CN=x");
    match only(&line)?.state {
        OpenSslState::Revoked(revocation) => Ok(revocation),
        state => panic!("{state:?}"),
    }
}

#[test]
fn a_line_says_state_expiry_serial_number_file_and_subject() {
    let record = only("V\t20500101000000Z\t\tE8CBD2\tcerts/1.pem\t/O=x/CN=a\\\tb\r\n").unwrap();
    assert_eq!(record.state, OpenSslState::Valid);
    assert_eq!(record.not_after, at("2050-01-01T00:00:00Z"));
    assert_eq!(record.serial().as_octets(), [0, 0xe8, 0xcb, 0xd2]);
    assert_eq!(record.file_name, b"certs/1.pem");
    assert_eq!(record.subject, b"/O=x/CN=a\\\tb", "a tab after a backslash parts nothing");
    assert_eq!(only("E\t200101000000Z\t\t01\t\t").unwrap().state, OpenSslState::Expired);
}

#[test]
fn a_revocation_says_date_reason_and_since_when() {
    let date = at("2026-06-01T12:00:00Z");
    let since = Some(at("2026-05-01T00:00:00Z"));
    use ReasonCode::{CertificateHold, RemoveFromCrl};
    let reason = |reason| Some(ReasonCode::Reason(reason));
    for (field, expected, invalidity_date) in [
        ("260601120000Z", None, None),
        ("20260601120000Z,superseded", reason(Reason::Superseded), None),
        ("260601120000Z,CACompromise", reason(Reason::CaCompromise), None),
        ("260601120000Z,KEYCOMPROMISE", reason(Reason::KeyCompromise), None),
        ("260601120000Z,certificateHold", Some(CertificateHold), None),
        ("260601120000Z,holdInstruction,1.2.840.10040.2.3", Some(CertificateHold), None),
        ("260601120000Z,removeFromCRL", Some(RemoveFromCrl), None),
        ("260601120000Z,keyTime,20260501000000Z", reason(Reason::KeyCompromise), since),
        ("260601120000Z,CAkeyTime,20260501000000Z", reason(Reason::CaCompromise), since),
    ] {
        let expected = OpenSslRevocation { date, reason: expected, invalidity_date };
        assert_eq!(revoked(field), Ok(expected), "{field}");
    }
}

#[test]
fn what_does_not_say_what_it_should_is_an_error_and_never_skipped() {
    use OpenSslIndexProblem as Problem;
    for (field, kind) in [
        ("", "RevocationDate"),
        ("2606011200Z", "RevocationDate"),
        ("260601120000Z,", "Reason"),
        ("260601120000Z,7", "Reason"),
        ("260601120000Z,superseded,", "Extra"),
        ("260601120000Z,keyTime", "Extra"),
        ("260601120000Z,keyTime,soon", "Extra"),
        ("260601120000Z,holdInstruction", "Extra"),
        ("260601120000Z,holdInstruction,", "Extra"),
    ] {
        let problem = format!("{:?}", revoked(field).unwrap_err());
        assert!(problem.starts_with(kind), "{field}: {problem}");
    }
    let refused = |line| only(line).unwrap_err();
    assert_eq!(refused("V\t280101000000Z\t\t01\tunknown"), Problem::Fields { found: 5 });
    assert_eq!(refused("V\t280101000000Z\t\t01\tu\t/CN=x\t"), Problem::Fields { found: 7 });
    assert!(matches!(refused("S\t280101000000Z\t\t01\tu\t"), Problem::State { .. }));
    assert!(matches!(refused("V\tnever\t\t01\tu\t"), Problem::Expiry { .. }));
    let date = "260601120000Z";
    for state in ["V", "E"] {
        let line = format!("{state}\t280101000000Z\t{date}\t01\tu\t");
        assert_eq!(only(&line).unwrap_err(), Problem::NotRevoked { text: date.to_owned() });
    }
    for serial in ["", "-", "0x01", "+1", "g", "1 "] {
        let line = format!("V\t280101000000Z\t\t{serial}\tu\t");
        assert!(matches!(only(&line).unwrap_err(), Problem::Serial { .. }), "{serial}");
    }
    let text = b"# a comment\n\nV\t280101000000Z\t\t01\tu\t\nV\n";
    assert_eq!(OpenSslIndex::from_text(text).unwrap_err().line, 4);
}

#[test]
fn e26_serial_numbers_become_the_octets_of_the_certificate() {
    for (text, octets) in [
        ("00", &[0][..]),
        ("-00", &[0]),
        ("1", &[1]),
        ("0001", &[1]),
        ("7f", &[0x7f]),
        ("80", &[0, 0x80]),
        ("-01", &[0xff]),
        ("-80", &[0x80]),
        ("-81", &[0xff, 0x7f]),
        ("-0100", &[0xff, 0x00]),
        ("100", &[1, 0]),
    ] {
        assert_eq!(integer(text.as_bytes()).unwrap(), octets, "{text}");
    }
    let long = integer("ff".repeat(30).as_bytes()).unwrap();
    assert_eq!((long.len(), long[0], long[1]), (31, 0, 0xff));
}
