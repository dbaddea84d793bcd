//! Requests that the services' own clients sent, for the tests.

use super::ApiRequest;

#[derive(Clone, Debug)]
pub(super) struct Sent {
    pub(super) method: String,
    pub(super) target: String,
    pub(super) headers: Vec<(String, Vec<u8>)>,
    pub(super) body: Vec<u8>,
}

impl Sent {
    pub(super) fn new(method: &str, target: &str, headers: &[(&str, &str)], body: &str) -> Self {
        let headers = headers.iter().map(|(name, value)| ((*name).into(), (*value).into()));
        Self {
            method: method.into(),
            target: target.into(),
            headers: headers.collect(),
            body: body.into(),
        }
    }

    pub(super) fn ask<T>(&self, ask: impl FnOnce(&ApiRequest<'_>) -> T) -> T {
        let headers: Vec<(&str, &[u8])> =
            self.headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
        let Self { method, target, body, .. } = self;
        ask(&ApiRequest { method, target, headers: &headers, body })
    }

    pub(super) fn set(&mut self, name: &str, value: &str) {
        let header = self.headers.iter_mut().find(|(other, _)| other == name).unwrap();
        header.1 = value.into();
    }

    pub(super) fn replace(&mut self, name: &str, from: &str, to: &str) {
        let header = self.headers.iter_mut().find(|(other, _)| other == name).unwrap();
        let value = String::from_utf8(header.1.clone()).unwrap();
        assert!(value.contains(from));
        header.1 = value.replacen(from, to, 1).into();
    }

    /// Every request that differs in one bit of the method, the target, the body or the value of a
    /// header, as long as it is text.
    pub(super) fn flipped(&self) -> Vec<(String, Self)> {
        let mut all = Vec::new();
        let mut flip = |what: &str, octets: &[u8], put: &dyn Fn(&mut Self, Vec<u8>)| {
            for bit in 0..octets.len() * 8 {
                let mut flipped = octets.to_vec();
                flipped[bit / 8] ^= 1 << (bit % 8);
                let mut other = self.clone();
                if what == "body" || str::from_utf8(&flipped).is_ok() {
                    put(&mut other, flipped);
                    all.push((format!("bit {bit} of {what}"), other));
                }
            }
        };
        let text = |octets| String::from_utf8(octets).unwrap();
        flip("method", self.method.as_bytes(), &|other, octets| other.method = text(octets));
        flip("target", self.target.as_bytes(), &|other, octets| other.target = text(octets));
        flip("body", &self.body, &|other, octets| other.body = octets);
        for (place, (name, value)) in self.headers.iter().enumerate() {
            flip(name, value, &|other, octets| other.headers[place].1 = octets);
        }
        all
    }
}
