//! A directory that a web server serves.

use crate::{
    put, shown,
    support::{
        crl::{crl, outgoing, place},
        directory::Directory,
    },
};
use annul::{CertificateList, CrlNumber, DirectorySink, Outgoing, Retry, Sink, SinkError};
use std::{
    env,
    fs::{self, File, Permissions},
    io,
    os::unix::{
        fs::{PermissionsExt, symlink},
        process::CommandExt,
    },
    process::Command,
    time::Duration,
};

const NAME: &str = "00112233445566778899aabbccddeeff.crl";

fn sink(directory: &Directory) -> DirectorySink {
    DirectorySink::new("web", directory.path(""))
}

fn names(directory: &Directory) -> Vec<String> {
    let mut names = directory.names();
    names.retain(|name| name != ".annul.lock");
    names.sort();
    names
}

#[test]
fn e44_the_file_holds_the_der_and_has_the_name_of_its_place() {
    let directory = Directory::new();
    put(&sink(&directory), 1).unwrap();
    assert_eq!(names(&directory), [NAME]);
    assert_eq!(directory.read(NAME), crl(1, 100));
}

#[test]
fn the_text_is_beside_it_on_demand() {
    let directory = Directory::new();
    let sink = sink(&directory).with_pem();
    for number in [1, 2] {
        put(&sink, number).unwrap();
        assert_eq!(names(&directory), [NAME, &format!("{NAME}.pem")]);
        let text = directory.read(&format!("{NAME}.pem"));
        assert!(text.starts_with(b"-----BEGIN X509 CRL-----\n"));
        assert_eq!(CertificateList::pem_to_der(&text).unwrap(), crl(number, 100));
    }
}

#[test]
fn the_last_ones_are_kept_by_number_not_by_name() {
    let directory = Directory::new();
    let sink = sink(&directory).keep_last(3);
    directory.write("00112233445566778899aabbccddeeff-ca.1.crl", "another place");
    directory.write("00112233445566778899aabbccddeeff.old.crl", "somebody's");
    for number in [8, 9, 10, 11] {
        put(&sink, number).unwrap();
    }
    let kept = ["10", "11", "9"].map(|number| format!("{}.{number}.crl", &NAME[..32]));
    let mut expected = vec![NAME.to_owned()];
    expected.extend(kept);
    expected.push("00112233445566778899aabbccddeeff-ca.1.crl".into());
    expected.push("00112233445566778899aabbccddeeff.old.crl".into());
    expected.sort();
    assert_eq!(names(&directory), expected);
    assert_eq!(directory.read(&format!("{}.9.crl", &NAME[..32])), crl(9, 100));
}

#[test]
fn what_a_crash_left_unfinished_is_removed_and_nothing_else() {
    let directory = Directory::new();
    directory.write(".annul-sink-17-0.partial", "half a CRL");
    // Somebody else's, who holds no lock.
    directory.write(".annul-17-0.partial", "half of another CRL");
    sink(&directory).check().unwrap();
    assert_eq!(names(&directory), [".annul-17-0.partial"]);
}

#[test]
fn what_lacks_its_text_or_its_copy_gets_them_when_it_is_put_again() {
    let directory = Directory::new();
    put(&sink(&directory), 1).unwrap();
    put(&sink(&directory).with_pem().keep_last(1), 1).unwrap();
    assert_eq!(names(&directory).len(), 3);
}

#[test]
fn something_that_is_no_crl_can_be_replaced_by_who_has_seen_it() {
    let directory = Directory::new();
    directory.write(NAME, "<html>");
    put(&sink(&directory), 1).unwrap();
    assert_eq!(shown(&sink(&directory)), Some(CrlNumber::from_u64(1)));
}

#[test]
fn a_symbolic_link_is_replaced_and_not_followed() {
    let directory = Directory::new();
    directory.write("elsewhere", "mine");
    symlink(directory.path("elsewhere"), directory.path(NAME)).unwrap();
    put(&sink(&directory), 1).unwrap();
    assert_eq!(directory.read("elsewhere"), b"mine");
    assert!(!fs::symlink_metadata(directory.path(NAME)).unwrap().is_symlink());

    let directory = Directory::new();
    symlink(directory.path("nowhere"), directory.path(NAME)).unwrap();
    put(&sink(&directory), 1).unwrap();
    assert_eq!(names(&directory), [NAME]);
}

#[test]
fn the_permissions_of_a_file_are_kept() {
    let directory = Directory::new();
    put(&sink(&directory), 1).unwrap();
    fs::set_permissions(directory.path(NAME), Permissions::from_mode(0o640)).unwrap();
    put(&sink(&directory), 2).unwrap();
    let mode = fs::metadata(directory.path(NAME)).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
}

fn misconfigured<T: std::fmt::Debug>(result: Result<T, SinkError>) {
    match result {
        Err(error @ SinkError::Misconfigured { .. }) => assert_eq!(error.retry(), Retry::Never),
        other => panic!("{other:?}"),
    }
}

#[test]
fn s38_a_directory_that_cannot_be_one_says_so_before_anything_is_put_there() {
    let directory = Directory::new();
    let missing = DirectorySink::new("web", directory.path("missing"));
    misconfigured(missing.check());
    misconfigured(missing.current(&place()));
    misconfigured(missing.put(&outgoing(place(), 1, &crl(1, 10)), None));

    directory.write("file", "");
    misconfigured(DirectorySink::new("web", directory.path("file")).check());

    fs::create_dir(directory.path(NAME)).unwrap();
    misconfigured(sink(&directory).current(&place()));
    misconfigured(sink(&directory).put(&outgoing(place(), 1, &crl(1, 10)), None));
    assert_eq!(
        names(&directory),
        ["file", NAME].map(|name| name.to_owned()).into_iter().rev().collect::<Vec<_>>()
    );

    // It works once it is mended.
    fs::create_dir(directory.path("missing")).unwrap();
    missing.check().unwrap();
    put(&missing, 1).unwrap();
}

/// Nothing is forbidden to root, so somebody else asks.
#[test]
fn s38_a_directory_that_may_not_be_written_or_read_says_so() {
    let directory = Directory::new();
    let open = |mode| fs::set_permissions(directory.path(""), Permissions::from_mode(mode));
    put(&sink(&directory), 1).unwrap();
    fs::set_permissions(directory.path(".annul.lock"), Permissions::from_mode(0o666)).unwrap();
    let is_root = File::open("/proc/self/status").is_ok() && {
        let status = fs::read_to_string("/proc/self/status").unwrap();
        status.lines().any(|line| line.starts_with("Uid:\t0\t"))
    };
    let ask = |expected: &str| {
        let mut asked = Command::new(env::current_exe().unwrap());
        asked
            .args(["--exact", "directory::somebody_else", "--nocapture"])
            .env("ANNUL_TEST_SINK", directory.path(""))
            .env("ANNUL_TEST_EXPECTED", expected);
        if is_root {
            asked.uid(65534).gid(65534);
        }
        let asked = asked.output().unwrap();
        let said = String::from_utf8_lossy(&asked.stdout);
        assert!(asked.status.success() && said.contains("as expected"), "{asked:?}");
    };
    open(0o555).unwrap();
    ask("misconfigured");
    open(0o777).unwrap();
    fs::set_permissions(directory.path(NAME), Permissions::from_mode(0o0)).unwrap();
    ask("write only");
    assert_eq!(shown(&sink(&directory)), Some(CrlNumber::from_u64(2)));
    fs::set_permissions(directory.path(NAME), Permissions::from_mode(0o644)).unwrap();
    ask("fine");
    assert_eq!(shown(&sink(&directory)), Some(CrlNumber::from_u64(3)));
}

/// What the test above runs; on its own it does nothing.
#[test]
fn somebody_else() {
    let Ok(directory) = env::var("ANNUL_TEST_SINK") else { return };
    let sink = DirectorySink::new("web", directory);
    match env::var("ANNUL_TEST_EXPECTED").unwrap().as_str() {
        "misconfigured" => {
            misconfigured(sink.check());
            misconfigured(put(&sink, 2));
        }
        "write only" => {
            sink.check().unwrap();
            assert!(matches!(sink.current(&place()), Err(SinkError::WriteOnly)));
            let put = sink.put(&outgoing(place(), 2, &crl(2, 10)), None);
            assert!(matches!(put, Err(SinkError::WriteOnly)), "{put:?}");
            let der = crl(2, 10);
            let trusting = Outgoing { trusts_record: true, ..outgoing(place(), 2, &der) };
            sink.put(&trusting, None).unwrap();
        }
        _ => put(&sink, 3).unwrap(),
    }
    println!("as expected");
}

#[test]
fn who_hangs_there_is_not_waited_for_for_ever() {
    let directory = Directory::new();
    let lock = File::create(directory.path(".annul.lock")).unwrap();
    lock.lock().unwrap();
    let sink = sink(&directory).wait_timeout(Duration::from_millis(20));
    let error = put(&sink, 1).unwrap_err();
    let SinkError::Unavailable { source, .. } = &error else { panic!("{error:?}") };
    assert_eq!(source.downcast_ref::<io::Error>().unwrap().kind(), io::ErrorKind::TimedOut);
    assert!(matches!(error.retry(), Retry::After(_)));
    // Reading takes no lock.
    assert_eq!(shown(&sink), None);
    drop(lock);
    put(&sink, 1).unwrap();
}
