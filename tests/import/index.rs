//! The database of `openssl ca`: by itself, beside CRLs, and as the command writes it.

#[cfg(feature = "p256")]
use super::entries;
use super::{Reason, World, empty, names, of, with_certificates};
use crate::{
    made::{listed, made, octets},
    toy::{day, serial},
};
use annul::{Import, Imported, OpenSslIndex, Origin, ReserveSerial, Timestamp};

const EXPIRY: &str = "280101000000Z";

fn import(world: &World, text: &str) -> Imported {
    world.try_import(&indexed(text)).unwrap()
}

fn indexed(text: &str) -> Import<'_> {
    Import::new().with_openssl_index(OpenSslIndex::from_text(text.as_bytes()).unwrap())
}

/// A line about this serial number.
fn line(state: &str, revocation: &str, serial: &str) -> String {
    format!("{state}\t{EXPIRY}\t{revocation}\t{serial}\tunknown\t/CN=x\n")
}

#[test]
fn every_line_becomes_a_record() {
    let text = line("V", "", "01") + &line("R", "260103000000Z,superseded", "02");
    let text = text + "E\t200101000000Z\t\t03\tunknown\t/CN=x\n";
    let world = empty();
    let imported = import(&world, &text);
    assert_eq!((imported.registered, imported.revoked, imported.fences.len()), (3, 1, 0));
    assert_eq!(names(&imported), []);
    let page = world.authority.certificates(world.id(), None, 9).unwrap();
    let expiry: Timestamp = "2028-01-01T00:00:00Z".parse().unwrap();
    let expired: Timestamp = "2020-01-01T00:00:00Z".parse().unwrap();
    let dates: Vec<_> = page.iter().map(|summary| summary.record.not_after).collect();
    assert_eq!(dates, [Some(expiry), Some(expiry), Some(expired)]);
    assert!(page.iter().all(|summary| summary.record.origin == Origin::Registered));
    let recorded = world.recorded(2).unwrap();
    assert_eq!((recorded.date, recorded.reason), (day(2), Some(Reason::Superseded)));
    let digest = world.digest();
    assert_eq!(import(&world, &text).unchanged, 3);
    assert_eq!(world.digest(), digest);
}

#[test]
fn what_is_recorded_is_completed_and_where_it_contradicts_it_stays() {
    let world = with_certificates(2);
    world.authority.reserve(&ReserveSerial::new(world.id(), serial(3))).unwrap();
    world.revoke([2], None);
    world.import([&made(3, [listed(4)]).der()]);
    let text: String = ["01", "02", "03"].map(|serial| line("V", "", serial)).concat();
    let imported = import(&world, &(text + &line("R", "260102000000Z", "04")));
    assert_eq!((imported.registered, imported.revoked, imported.amended), (2, 0, 0));
    assert_eq!(
        names(&imported),
        [(1, "other-not-after"), (2, "other-not-after"), (2, "valid-in-index")]
    );
    let page = world.authority.certificates(world.id(), None, 9).unwrap();
    let expiry = Some("2028-01-01T00:00:00Z".parse().unwrap());
    let dates: Vec<_> = page.iter().map(|summary| summary.record.not_after).collect();
    assert_eq!(dates, [Some(day(100)), Some(day(100)), expiry, expiry]);
    assert!(world.recorded(2).is_some());
}

#[test]
fn beside_a_crl_it_says_when_the_certificates_expire() {
    let text = line("R", "260102000000Z,keyCompromise", "01") + &line("V", "", "02");
    let crl = made(3, [listed(1).because(4), listed(2)]).der();
    let world = empty();
    let index = OpenSslIndex::from_text(text.as_bytes()).unwrap();
    let import = of([&crl]).with_openssl_index(index);
    let mut found = Vec::new();
    let compared =
        world.authority.reconcile(world.id(), &import, &mut |it| found.push(it.difference.name()));
    assert_eq!((compared.unwrap().missing, found.len()), (2, 4));
    let imported = world.try_import(&import).unwrap();
    assert_eq!((imported.registered, imported.revoked), (2, 2));
    let log = annul::conformance::toy::log(&world.authority, world.id());
    let knows = |it: &annul::LoggedEntry| it.entry.event.subject().unwrap().not_after.is_some();
    assert!(log.len() == 2 && log.iter().all(knows), "so that they can leave the CRL one day");
    assert_eq!(world.recorded(1).unwrap().reason, Some(Reason::KeyCompromise));
}

#[test]
fn what_only_the_database_revokes_is_on_no_crl_yet() {
    let world = empty();
    let text = line("R", "260102000000Z", "01");
    import(&world, &text);
    world.clock.set(day(9));
    let crl = made(8, []).der();
    let index = OpenSslIndex::from_text(text.as_bytes()).unwrap();
    let import = of([&crl]).with_openssl_index(index);
    let compared = world.authority.reconcile(world.id(), &import, &mut |_| {}).unwrap();
    assert_eq!((compared.agreed, compared.omitted), (1, 1));
}

#[test]
fn e26_odd_serial_numbers_are_kept_if_they_are_revoked_and_reported_if_not() {
    let text = line("R", "260102000000Z", "-01") + &line("V", "", "00") + &line("V", "", "01");
    let world = empty();
    let imported = import(&world, &text);
    assert_eq!((imported.legacy, imported.registered), (1, 1));
    assert_eq!(names(&imported), [(0, "unrecordable")]);
    let kept = world.authority.legacy_entries(world.id()).unwrap();
    assert_eq!(kept[0].serial().as_octets(), [0xff]);
    let earlier = made(3, [octets(&[0xff]).on(day(0))]).der();
    assert_eq!(world.import([&earlier]).legacy, 1);
}

#[test]
fn under_a_fallen_ca_the_certificates_are_recorded_as_discovered() {
    let world = empty();
    world.authority.revoke_ca(&annul::RevokeCa::new(world.id())).unwrap();
    assert_eq!(import(&world, &line("V", "", "01")).registered, 1);
    let page = world.authority.certificates(world.id(), None, 9).unwrap();
    assert_eq!(page[0].record.origin, Origin::Discovered);
}

#[cfg(feature = "p256")]
mod command {
    use super::{OpenSslIndex, entries};
    use crate::openssl::OpenSsl;
    use annul::{
        AddIssuer, Authority, CaCertificate, Certificate, CertificateList, Clock, CrlRequest,
        Import, IssuerId, MemoryStore, SigningKey, SystemClock,
    };
    use std::time::Duration;

    const CONFIGURATION: &str = "
[ca]
default_ca = this
[this]
database = index.txt
serial = serial
crlnumber = crlnumber
new_certs_dir = .
certificate = root.pem
private_key = root.key
default_md = sha256
default_days = 30
default_crl_days = 7
policy = any
unique_subject = no
[any]
commonName = supplied
[req]
distinguished_name = name
prompt = no
[name]
CN = CA
[root]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
";

    /// A CA that the command keeps, and its certificates: some revoked, for each reason it knows.
    fn kept(openssl: &OpenSsl) {
        openssl.write("ca.cnf", CONFIGURATION);
        openssl.write("index.txt", "");
        openssl.write("serial", "E0\n");
        openssl.write("crlnumber", "7F\n");
        openssl.must("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out root.key");
        openssl.must(
            "req -x509 -new -key root.key -config ca.cnf -extensions root -days 60 -out root.pem",
        );
        openssl.must("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out leaf.key");
        openssl.must("req -new -key leaf.key -subj /CN=device -config ca.cnf -out leaf.csr");
        for _ in 0..11 {
            openssl.must("ca -batch -notext -config ca.cnf -in leaf.csr -out leaf.pem");
        }
        for (number, how) in [
            "",
            "-crl_reason unspecified",
            "-crl_reason keyCompromise",
            "-crl_reason CACompromise",
            "-crl_reason affiliationChanged",
            "-crl_reason superseded",
            "-crl_reason cessationOfOperation",
            "-crl_compromise 20260101000000Z",
            "-crl_CA_compromise 20260101000000Z",
        ]
        .into_iter()
        .enumerate()
        {
            let file = format!("{:02X}.pem", 0xe0 + number);
            openssl.must(&format!("ca -batch -config ca.cnf -revoke {file} {how}"));
        }
        openssl.must("ca -batch -config ca.cnf -updatedb");
        openssl.must("ca -gencrl -config ca.cnf -out ca.crl");
    }

    fn authority(openssl: &OpenSsl) -> (Authority<MemoryStore>, IssuerId) {
        let root = Certificate::from_pem(openssl.text("root.pem")).unwrap();
        let authority = Authority::new(MemoryStore::new());
        let root = CaCertificate::new(root).unwrap();
        let issuer = authority.add_issuer(&AddIssuer::new(root)).unwrap().issuer;
        (authority, issuer)
    }

    fn crl(openssl: &OpenSsl, authority: &Authority<MemoryStore>, issuer: IssuerId) -> Vec<u8> {
        let key = SigningKey::from_pem(openssl.text("root.key")).unwrap();
        let mut der = Vec::new();
        let week = CrlRequest::new(Duration::from_secs(7 * 86_400));
        authority.crl(issuer, &week, &key, &mut der).unwrap();
        openssl.write("next.crl", &der);
        openssl.must_verify("-inform DER -in next.crl -CAfile root.pem -noout");
        der
    }

    #[test]
    fn a_ca_that_moves_here_goes_on_as_before() {
        let Some(openssl) = OpenSsl::new() else { return };
        kept(&openssl);
        let text = openssl.read("index.txt");
        let index = OpenSslIndex::from_text(&text).unwrap();
        assert_eq!(index.records().count(), 11);
        let published = CertificateList::pem_to_der(&openssl.read("ca.crl")).unwrap();
        let list = || CertificateList::from_der(&published).unwrap();

        // By the database alone: all is as the command puts it on a CRL itself.
        let (by_index, issuer) = authority(&openssl);
        let imported = by_index.import(issuer, &Import::new().with_openssl_index(index)).unwrap();
        assert_eq!((imported.registered, imported.revoked), (11, 9));
        assert_eq!(imported.findings, []);
        let stated = |der: &[u8]| -> Vec<String> {
            // The command writes the reason unspecified, which RFC 5280 §5.3.1 advises against.
            let entries = entries(der).into_iter();
            entries.map(|it| it.replace("Some(Reason(Unspecified))", "None")).collect()
        };
        assert_eq!(stated(&crl(&openssl, &by_index, issuer)), stated(&published));

        // By the CRL alone, and then the database: nothing is left to do but notAfter.
        let (by_crl, issuer) = authority(&openssl);
        let imported = by_crl.import(issuer, &Import::new().with_crl(list())).unwrap();
        assert_eq!((imported.revoked, imported.findings.len()), (9, 0));
        let next = crl(&openssl, &by_crl, issuer);
        assert_eq!(stated(&next), stated(&published));
        let number = |crl: CertificateList<'_>| crl.number().unwrap();
        assert!(number(CertificateList::from_der(&next).unwrap()) > number(list()));
        let both = Import::new().with_crl(list()).with_openssl_index(index);
        let imported = by_crl.import(issuer, &both).unwrap();
        assert_eq!((imported.registered, imported.revoked, imported.amended), (11, 0, 0));
        assert_eq!(imported.findings, []);
        let compared = by_crl.reconcile(issuer, &both, &mut |it| panic!("{it}")).unwrap();
        assert!(!compared.is_behind() && compared.agreed == 11);
        assert!(SystemClock.now() >= list().this_update());
    }

    #[test]
    fn holds_of_the_command_are_revoked_and_reported() {
        let Some(openssl) = OpenSsl::new() else { return };
        kept(&openssl);
        openssl.must("ca -batch -config ca.cnf -revoke E9.pem -crl_reason certificateHold");
        openssl.must("ca -batch -config ca.cnf -revoke EA.pem -crl_hold holdInstructionReject");
        let text = openssl.read("index.txt");
        let index = OpenSslIndex::from_text(&text).unwrap();
        let (authority, issuer) = authority(&openssl);
        let imported = authority.import(issuer, &Import::new().with_openssl_index(index)).unwrap();
        assert_eq!(imported.revoked, 11);
        let held: Vec<_> = imported.findings.iter().map(|it| it.difference.name()).collect();
        assert_eq!(held, ["held", "held"]);
    }
}
