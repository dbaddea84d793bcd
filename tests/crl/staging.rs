//! A CRL is visible whole or not at all, in memory and in files, with any signature.

use crate::support::*;
use annul::{
    CertificateList, CrlEntry, CrlError, Entries, EntryWriter, Extent, FileStage, NotDurable,
    PemStage, Retry, SignedCrl, Stage,
};
use std::{cell::Cell, fs, io};

#[test]
fn the_file_and_the_memory_hold_the_same_octets() {
    let directory = Directory::new();
    let path = directory.path("ca.crl");
    for count in [0, 1, 3000] {
        let entries = entries(count);
        let der = make(tbs(), &entries).unwrap();
        let signed = sign_into(tbs(), &entries, 71, &mut FileStage::new(&path)).unwrap();
        assert_eq!(fs::read(&path).unwrap(), der);
        let read = CertificateList::from_der(&der).unwrap();
        let SignedCrl { octets, entries, tbs_sha256, .. } = signed;
        assert_eq!((octets, entries), (der.len() as u64, count as u64));
        assert_eq!(tbs_sha256, read.tbs_sha256());
        assert_eq!(directory.names(), ["ca.crl"]);
    }
}

/// Counts how often it is begun and written over.
struct Counting<S>(S, u32, u32);

impl<S: Stage> Stage for Counting<S> {
    fn begin(&mut self) -> io::Result<()> {
        self.1 += 1;
        self.0.begin()
    }

    fn write(&mut self, octets: &[u8]) -> io::Result<()> {
        self.0.write(octets)
    }

    fn overwrite(&mut self, first: &[u8]) -> io::Result<()> {
        self.2 += 1;
        self.0.overwrite(first)
    }

    fn commit(&mut self) -> io::Result<()> {
        self.0.commit()
    }

    fn abort(&mut self) {
        self.0.abort();
    }
}

#[test]
fn the_header_is_right_for_signatures_of_any_length() {
    let directory = Directory::new();
    let path = directory.path("ca.crl");
    // The content of the CRL is some octets below 256 with a signature of 71: so a few octets
    // more make its length one octet longer.
    let key_identifier = [0x5a; 72];
    let tbs = tbs_of(NAME, &key_identifier);
    assert_eq!(make(tbs, &[]).unwrap()[..3], [0x30, 0x81, 0xfb]);
    for (length, begun, overwritten) in
        [(71, 1, 0), (72, 1, 1), (70, 1, 1), (75, 1, 1), (76, 2, 0), (512, 2, 0)]
    {
        let mut stage = Counting(Vec::new(), 0, 0);
        sign_into(tbs, &[], length, &mut stage).unwrap();
        assert_eq!((stage.1, stage.2), (begun, overwritten), "{length}");
        let read = CertificateList::from_der(&stage.0).unwrap();
        assert_eq!(read.signature(), vec![0x55; length]);

        sign_into(tbs, &[], length, &mut FileStage::new(&path)).unwrap();
        assert_eq!(fs::read(&path).unwrap(), stage.0, "{length}");
        let mut pem = PemStage::new(Vec::new());
        sign_into(tbs, &[], length, &mut pem).unwrap();
        let decoded = CertificateList::pem_to_der(&pem.into_inner()).unwrap();
        assert_eq!(decoded, stage.0, "{length}");
    }
    assert_eq!(directory.names(), ["ca.crl"]);
}

/// Fails at the n-th call, whichever that is.
struct Failing<S> {
    stage: S,
    calls_left: u32,
}

impl<S> Failing<S> {
    fn count(&mut self) -> io::Result<()> {
        self.calls_left = self.calls_left.checked_sub(1).ok_or(io::ErrorKind::StorageFull)?;
        Ok(())
    }
}

impl<S: Stage> Stage for Failing<S> {
    fn begin(&mut self) -> io::Result<()> {
        self.count().and_then(|()| self.stage.begin())
    }

    fn write(&mut self, octets: &[u8]) -> io::Result<()> {
        self.count().and_then(|()| self.stage.write(octets))
    }

    fn overwrite(&mut self, first: &[u8]) -> io::Result<()> {
        self.count().and_then(|()| self.stage.overwrite(first))
    }

    fn commit(&mut self) -> io::Result<()> {
        self.count().and_then(|()| self.stage.commit())
    }

    fn abort(&mut self) {
        self.stage.abort();
    }
}

#[test]
fn whatever_call_fails_nothing_is_left_and_the_old_crl_stays() {
    let directory = Directory::new();
    let path = directory.path("ca.crl");
    fs::write(&path, "old").unwrap();
    for calls_left in 0.. {
        let mut stage = Failing { stage: FileStage::new(&path), calls_left };
        match sign_into(tbs(), &entries(2000), 73, &mut stage) {
            Err(CrlError::Stage(error)) => assert_eq!(error.kind(), io::ErrorKind::StorageFull),
            Err(other) => panic!("{other}"),
            Ok(_) => {
                assert!(calls_left > 6);
                break;
            }
        }
        // The stage is still there: it was aborted, not dropped.
        assert_eq!(directory.names(), ["ca.crl"]);
        assert_eq!(fs::read(&path).unwrap(), b"old");
    }
    assert!(CertificateList::from_der(&fs::read(&path).unwrap()).is_ok());
}

#[test]
fn a_bad_signature_leaves_nothing() {
    let directory = Directory::new();
    let mut stage = FileStage::new(directory.path("ca.crl"));
    let refused =
        tbs().sign(&entries(5000), PUBLIC_KEY, &FakeKey::new(71), &FakeVerifier(false), &mut stage);
    assert!(matches!(refused, Err(CrlError::Verify { .. })));
    assert_eq!(directory.names(), [""; 0]);
}

#[test]
fn a_dropped_file_is_removed() {
    let directory = Directory::new();
    let mut stage = FileStage::new(directory.path("ca.crl"));
    stage.begin().unwrap();
    stage.write(b"part").unwrap();
    assert_eq!(directory.names().len(), 1);
    drop(stage);
    assert_eq!(directory.names(), [""; 0]);
}

#[test]
#[cfg(unix)]
fn only_a_regular_file_is_replaced() {
    let directory = Directory::new();
    fs::create_dir(directory.path("directory")).unwrap();
    std::os::unix::fs::symlink("/dev/null", directory.path("device")).unwrap();
    for name in ["directory", "device"] {
        let mut stage = FileStage::new(directory.path(name));
        let refused = sign_into(tbs(), &[], 71, &mut stage).unwrap_err();
        assert!(matches!(&refused, CrlError::Stage(error)
            if error.kind() == io::ErrorKind::InvalidInput));
        assert_eq!(refused.retry(), Retry::Never);
    }
    assert!(directory.path("device").is_symlink());

    let (file, link) = (directory.path("file"), directory.path("link"));
    fs::write(&file, "old").unwrap();
    std::os::unix::fs::symlink(&file, &link).unwrap();
    sign_into(tbs(), &[], 71, &mut FileStage::new(&link)).unwrap();
    assert!(!link.is_symlink());
    assert_eq!(fs::read(&file).unwrap(), b"old");
    assert_eq!(directory.names().len(), 4);
}

#[test]
#[cfg(unix)]
fn a_file_keeps_its_permissions() {
    use std::os::unix::fs::PermissionsExt;
    let directory = Directory::new();
    let path = directory.path("ca.crl");
    fs::write(&path, "old").unwrap();
    for mode in [0o604, 0o666, 0o400] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        sign_into(tbs(), &[], 71, &mut FileStage::new(&path)).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, mode);
    }
}

#[test]
fn neither_what_crashes_left_nor_a_long_name_is_in_the_way() {
    let directory = Directory::new();
    for count in 0..1100 {
        directory.write(&format!(".annul-{}-{count}.partial", std::process::id()), "");
    }
    let path = directory.path("n".repeat(255));
    sign_into(tbs(), &[], 71, &mut FileStage::new(&path)).unwrap();
    assert!(CertificateList::from_der(&fs::read(&path).unwrap()).is_ok());
}

/// Shows the CRL, and cannot say for how long.
struct Unsynced(Vec<u8>);

impl Stage for Unsynced {
    fn begin(&mut self) -> io::Result<()> {
        self.0.begin()
    }

    fn write(&mut self, octets: &[u8]) -> io::Result<()> {
        self.0.write(octets)
    }

    fn overwrite(&mut self, first: &[u8]) -> io::Result<()> {
        self.0.overwrite(first)
    }

    fn commit(&mut self) -> io::Result<()> {
        Err(io::Error::other(NotDurable(io::ErrorKind::StorageFull.into())))
    }

    fn abort(&mut self) {
        self.0.abort();
    }
}

#[test]
fn a_crl_that_may_not_survive_a_crash_is_an_error_of_its_own_and_stays() {
    let mut stage = Unsynced(Vec::new());
    let error = sign_into(tbs(), &[], 71, &mut stage).unwrap_err();
    assert!(matches!(error, CrlError::NotDurable { number, .. } if number == tbs().number()));
    assert!(CertificateList::from_der(&stage.0).is_ok());
}

#[test]
fn what_stays_in_the_way_is_not_tried_again() {
    use io::ErrorKind;
    let retry = |kind: ErrorKind| CrlError::Stage(kind.into()).retry();
    for kind in [ErrorKind::NotFound, ErrorKind::PermissionDenied, ErrorKind::InvalidInput] {
        assert_eq!(retry(kind), Retry::Never, "{kind}");
    }
    for kind in [ErrorKind::StorageFull, ErrorKind::Interrupted, ErrorKind::Other] {
        assert!(matches!(retry(kind), Retry::After(_)), "{kind}");
    }
}

#[test]
fn what_points_to_a_stage_is_one() {
    let der = make(tbs(), &entries(3)).unwrap();
    let mut octets = Vec::new();
    let mut pointers: Box<dyn Stage + '_> = Box::new(&mut octets);
    // Of another length, so that the header is written over.
    sign_into(tbs(), &entries(3), 70, &mut pointers).unwrap();
    drop(pointers);
    assert_eq!(octets.len(), der.len() - 1);
}

/// Another list of entries from the n-th time on that it is read.
struct Changing {
    before: Vec<CrlEntry>,
    after: Vec<CrlEntry>,
    reads_left: Cell<u32>,
}

impl Entries for Changing {
    fn for_each(
        &self,
        visit: &mut dyn FnMut(&[CrlEntry]) -> Result<(), CrlError>,
    ) -> Result<(), CrlError> {
        let left = self.reads_left.get();
        self.reads_left.set(left.saturating_sub(1));
        visit(if left > 0 { &self.before } else { &self.after })
    }
}

#[test]
fn entries_that_change_between_two_readings_are_noticed() {
    let same_length = vec![entry(serial(7, 16))];
    let fewer = Vec::new();
    // The readings: measure, lay out, lay out for the signer, and for the new header.
    let whole_message = FakeKey { length: 600, whole_message: true };
    for (reads, after) in
        [(1, &fewer), (2, &fewer), (2, &same_length), (3, &fewer), (3, &same_length)]
    {
        let reads_left = Cell::new(reads);
        let changing = Changing { before: entries(1), after: after.clone(), reads_left };
        let mut der = Vec::new();
        let verifier = FakeVerifier(true);
        let refused = tbs().sign(&changing, PUBLIC_KEY, &whole_message, &verifier, &mut der);
        match refused.unwrap_err() {
            // The signer is the one who reads then.
            CrlError::Signing { .. } if reads == 2 => {}
            CrlError::EntriesChanged { .. } if reads != 2 => {}
            other => panic!("{reads}: {other}"),
        }
        assert_eq!(der, [0; 0]);
    }
}

#[test]
fn e27_what_is_laid_out_is_checked_though_it_was_measured_before() {
    let [one, two] = [1, 2].map(|n| entry(serial(n, 16)));
    let (before, after) = (vec![one, two], vec![two, one]);
    let changing = Changing { before, after, reads_left: Cell::new(1) };
    let refused = make(tbs(), &changing).unwrap_err();
    assert!(matches!(refused, CrlError::OutOfOrder { .. }));
}

#[test]
fn entries_that_cannot_be_read_are_an_error() {
    struct Broken;
    impl Entries for Broken {
        fn for_each(
            &self,
            visit: &mut dyn FnMut(&[CrlEntry]) -> Result<(), CrlError>,
        ) -> Result<(), CrlError> {
            visit(&entries(3))?;
            Err(CrlError::entries("the disk is gone"))
        }
    }
    let refused = make(tbs(), &Broken).unwrap_err();
    assert!(matches!(refused, CrlError::Entries(source) if source.to_string().contains("disk")));
}

/// Entries that are written each by itself, whatever the writer says.
struct Stubborn(Vec<CrlEntry>);

impl Entries for Stubborn {
    fn for_each(
        &self,
        visit: &mut dyn FnMut(&[CrlEntry]) -> Result<(), CrlError>,
    ) -> Result<(), CrlError> {
        visit(&self.0)
    }

    fn write(&self, writer: &mut EntryWriter<'_>) -> Result<(), CrlError> {
        for entry in &self.0 {
            let _ = writer.write(std::slice::from_ref(entry));
        }
        Ok(())
    }
}

#[test]
fn e27_what_was_refused_makes_no_crl_whatever_is_written_after_it() {
    let [one, two, three] = [1, 2, 3].map(|n| entry(serial(n, 16)));
    let right = vec![one, two, three];
    assert_eq!(make(tbs(), &right).unwrap(), make(tbs(), &Stubborn(right)).unwrap());
    let refused = make(tbs(), &Stubborn(vec![one, one, two])).unwrap_err();
    assert!(matches!(refused, CrlError::EntriesChanged { .. }));
}

#[test]
fn a_crl_past_the_limit_is_refused_before_it_is_signed() {
    let octets = make(tbs(), &entries(100)).unwrap().len() as u64;
    assert!(make(tbs().with_limit(octets), &entries(100)).is_ok());
    let refused = make(tbs().with_limit(octets - 1), &entries(100)).unwrap_err();
    assert!(matches!(refused, CrlError::TooLong { octets: found, limit, .. }
        if found == octets && limit == octets - 1));
}

#[test]
fn a_sum_of_entries_is_believed_until_they_are_read() {
    struct Summed(Vec<CrlEntry>, Extent);
    impl Entries for Summed {
        fn for_each(
            &self,
            visit: &mut dyn FnMut(&[CrlEntry]) -> Result<(), CrlError>,
        ) -> Result<(), CrlError> {
            self.0.chunks(7).try_for_each(visit)
        }

        fn extent(&self) -> Result<Extent, CrlError> {
            Ok(self.1)
        }
    }
    let listed = entries(3000);
    let mut right = Extent::default();
    right.add_all(&listed);
    assert_eq!(right, listed.extent().unwrap());
    let made = make(tbs(), &Summed(listed.clone(), right)).unwrap();
    assert_eq!(made, make(tbs(), &listed).unwrap());
    let Extent { entries, octets } = right;
    for wrong in [
        Extent { entries: entries + 1, octets },
        Extent { entries, octets: octets - 1 },
        Extent::default(),
    ] {
        let refused = make(tbs(), &Summed(listed.clone(), wrong)).unwrap_err();
        assert!(matches!(refused, CrlError::EntriesChanged { .. }));
    }
}
