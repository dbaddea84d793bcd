//! Whatever comes as the database of `openssl ca`: a record for each line that says something, or an
//! error that names the first line that does not.
#![no_main]

use annul::OpenSslIndex;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &[u8]| {
    let lines: Vec<&[u8]> = text.split(|octet| *octet == b'\n').collect();
    let saying = |line: &&&[u8]| !matches!(line, [] | [b'\r'] | [b'#', ..]);
    match OpenSslIndex::from_text(text) {
        Ok(index) => {
            let records: Vec<_> = index.records().collect();
            assert_eq!(records.len(), lines.iter().filter(saying).count());
            for record in records {
                assert!(!record.serial().as_octets().is_empty());
                let _ = record.serial().to_serial();
                let alone = lines[record.line as usize - 1];
                let again = OpenSslIndex::from_text(alone).unwrap().records().next().unwrap();
                assert_eq!((again.state, again.not_after), (record.state, record.not_after));
                assert_eq!(again.serial(), record.serial());
            }
        }
        Err(error) => {
            let place = error.line as usize - 1;
            let before = lines[..place].join(&b'\n');
            assert!(OpenSslIndex::from_text(&before).is_ok());
            assert!(OpenSslIndex::from_text(lines[place]).is_err());
        }
    }
});
