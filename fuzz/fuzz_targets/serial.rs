//! Whatever text comes as a serial number, there is one number that it says, or none.
#![no_main]

use annul::{Serial, SerialRef};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|octets: &[u8]| {
    if let Ok(serial) = Serial::from_octets(octets) {
        assert_eq!(serial.as_octets(), octets);
        check(serial);
    }
    if let Ok(serial) = Serial::from_unsigned(octets) {
        let zeros = octets.iter().take_while(|&&octet| octet == 0).count();
        assert_eq!(significant(serial), octets[zeros..]);
    }
    if let Ok(serial) = SerialRef::from_octets(octets) {
        assert_eq!(serial.to_serial(), Serial::from_octets(octets));
        let _ = serial.to_string();
    }
    let Ok(text) = std::str::from_utf8(octets) else { return };
    if let Ok(serial) = text.parse::<Serial>() {
        check(serial);
        assert_eq!(text.to_uppercase().replacen("0X", "0x", 1).parse(), Ok(serial));
    }
    if let Ok(serial) = Serial::from_decimal(text) {
        check(serial);
        let number = significant(serial).iter().fold(0u128, |n, octet| n << 8 | u128::from(*octet));
        assert!(serial.as_octets().len() > 16 || text.parse() == Ok(number));
    }
});

/// However it is written, it is read again as what it was.
fn check(serial: Serial) {
    let text = serial.to_string();
    let octets = significant(serial).into_iter().map(|octet| format!("{octet:02x}"));
    assert_eq!(text, octets.collect::<Vec<_>>().join(":"));
    let bare = text.replace(':', "");
    for text in [text.replace(':', "-"), format!("0x{bare}"), bare, text] {
        assert_eq!(text.parse(), Ok(serial));
    }
    assert_eq!(Serial::from_octets(serial.as_octets()), Ok(serial));
    assert_eq!(Serial::from_unsigned(&significant(serial)), Ok(serial));
}

/// Without the sign octet.
fn significant(serial: Serial) -> Vec<u8> {
    serial.as_octets().iter().copied().skip_while(|&octet| octet == 0).collect()
}
