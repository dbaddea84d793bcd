//! Texts that name something are read without a panic, and written as they were read.
#![no_main]

use annul::{CertificateId, ClientToken, ConfirmationToken, ListCursor, api::CaArn};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(arn) = text.parse::<CaArn>() {
        assert_eq!(arn.to_string(), text);
        assert!((5..=200).contains(&text.len()));
    }
    if let Ok(token) = text.parse::<ClientToken>() {
        assert_eq!(token.as_str(), text);
        assert!(text.is_ascii() && text.len() <= 128);
    }
    if let Ok(token) = text.parse::<ConfirmationToken>() {
        assert_eq!(token.to_string(), text.to_ascii_lowercase());
    }
    if let Ok(id) = text.parse::<CertificateId>() {
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(id.to_string(), text.to_ascii_lowercase());
    }
    if let Ok(cursor) = text.parse::<ListCursor>() {
        assert_eq!(cursor.to_string(), text.to_ascii_lowercase());
    }
});
